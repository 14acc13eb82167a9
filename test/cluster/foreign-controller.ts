// A controller of somebody else on our cluster: its release's objects are applied, its program runs here instead of in a pod, with the
// administrator's rights, and its Service leads here.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pushImage } from "../interop/image.ts";
import type { Instance } from "../interop/instance.ts";
import { type Cluster, hostAddress, type Outcome } from "./cluster.ts";

/** A program that runs, and what it printed last. */
export interface Running {
  log(): string;
  /** Throws, with what it printed, where it ended. */
  check(): void;
  stop(): Promise<void>;
}

/** Start a program of a controller. */
export function startProgram(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  directory: string,
): Running {
  const child: ChildProcess = spawn(path, [...args], { stdio: ["ignore", "pipe", "pipe"], cwd: directory, env });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => {
      log = (log + String(chunk)).slice(-400_000);
    });
  return {
    log: () => log,
    check: () => {
      if (child.exitCode !== null) throw new Error(`${path} ended with ${child.exitCode}\n${log}`);
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** A kubeconfig for the administrator, in the cluster's directory. */
export async function writeKubeconfig({ directory, server, token }: Cluster): Promise<string> {
  const path = join(directory, "kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

/** The outcome of a command that must succeed. */
export async function succeed(running: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await running;
  assert.equal(code, 0, stderr + stdout);
  return stdout;
}

/** Lead a Service to a port of this host; the port of the Service has this name, or none. */
export async function leadHere(cluster: Cluster, namespace: string, service: string, port: number, name?: string): Promise<void> {
  const objects = [
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: service, namespace },
      subsets: [{ addresses: [{ ip: hostAddress }], ports: [{ ...(name === undefined ? {} : { name }), port }] }],
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${service}-1`, namespace, labels: { "kubernetes.io/service-name": service } },
      addressType: "IPv4",
      endpoints: [{ addresses: [hostAddress], conditions: { ready: true } }],
      ports: [{ name: name ?? "", port, protocol: "TCP" }],
    },
  ];
  await succeed(cluster.kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects })));
}

/** Try to run an image in a namespace, for the sake of the answer alone: nothing is kept. */
export async function tryPod(
  cluster: Cluster,
  namespace: string,
  image: string,
): Promise<{ admitted: boolean; message: string }> {
  const { status, message } = await cluster.api("POST", `/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { generateName: "tried-" },
    spec: { containers: [{ name: "main", image }] },
  });
  return { admitted: status === 201, message };
}

/** Keys and images for a controller to judge. */
export interface SignedImages {
  readonly pem: string;
  readonly strangerPem: string;
  /** By name: unsigned, key-tag, key-bundle, key-both, keyless-tag, keyless-bundle, attested (a key, tags), attested-bundle (keyless). */
  readonly images: Readonly<Record<string, string>>;
}

/** Sign images with a key and keyless, in both layouts. */
export async function signImages(stack: Instance): Promise<SignedImages> {
  const images: Record<string, string> = {};
  const sign = async (...args: string[]): Promise<void> => {
    const { exit, stderr } = await stack.sigillum(...args);
    assert.equal(exit, 0, stderr);
  };
  const push = async (name: string): Promise<string> => {
    const pinned = await pushImage(stack.url("registry"), `team/${name}`);
    images[name] = pinned;
    return pinned;
  };
  const key = ["--key", "cosign.key", "-y"];
  const predicate = { builder: { id: "ci" }, buildType: "t", invocation: {}, materials: [] };
  await writeFile(join(stack.directory, "ci.json"), JSON.stringify(predicate));
  await sign("generate-key-pair", "--output-key-prefix", "cosign", "-y");
  await sign("generate-key-pair", "--output-key-prefix", "stranger", "-y");
  await push("unsigned");
  for (const layout of ["tag", "bundle", "both"]) await sign("sign", ...key, "--layout", layout, await push(`key-${layout}`));
  for (const layout of ["tag", "bundle"]) {
    const pinned = await push(`keyless-${layout}`);
    await sign("sign", "--identity-token", await stack.token(), "-y", "--layout", layout, pinned);
  }
  const predicates = ["--predicate", "ci.json", "--type", "slsaprovenance"];
  await sign("attest", ...key, ...predicates, "--layout", "tag", await push("attested"));
  const pinned = await push("attested-bundle");
  await sign("attest", "--identity-token", await stack.token(), "-y", ...predicates, "--layout", "bundle", pinned);
  const pem = await readFile(join(stack.directory, "cosign.pub"), "utf8");
  return { images, pem, strangerPem: await readFile(join(stack.directory, "stranger.pub"), "utf8") };
}
