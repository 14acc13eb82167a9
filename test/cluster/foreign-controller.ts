// A controller of somebody else on our cluster: its release's objects are applied, its program runs here instead of in a pod, with the
// administrator's rights, and its Service leads here.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
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
