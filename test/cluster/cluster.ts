// A Kubernetes API server with etcd, in a network namespace of its own, as root: no kubelet, no scheduler, no controller but ours.
// Requests of the API server to Services go to their cluster IP: the test gives each one an address on the loopback interface.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { request } from "@sigillum/library/http";
import { findPeer } from "../../tools/peers-list.mjs";

const execute = promisify(execFile);

/** The address that stands for the host's own in the namespace; the API server refuses loopback addresses as endpoints. */
export const hostAddress = "10.99.0.1";

/** What a command printed, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running cluster. */
export interface Cluster {
  readonly directory: string;
  readonly server: string;
  /** A token of the administrator. */
  readonly token: string;
  /** One request to the API server as the administrator, for what would take a second each by kubectl. */
  api(method: string, path: string, body?: object): Promise<ApiAnswer>;
  kubectl(args: readonly string[], input?: string): Promise<Outcome>;
  helm(args: readonly string[]): Promise<Outcome>;
  stop(): Promise<void>;
}

/** What the API server answers. */
export interface ApiAnswer {
  readonly status: number;
  /** Of an error. */
  readonly message: string;
  readonly object: unknown;
}

const programs = ["etcd", "kube-apiserver", "kubectl", "helm"] as const;

/** Why a cluster cannot be had here; undefined where it can. */
export function clusterMissing(): string | undefined {
  if (process.env["SIGILLUM_CLUSTER_NAMESPACE"] !== "yes")
    return "this is no network namespace of its own: npm run test:cluster makes one";
  for (const name of programs) {
    const found = findPeer(name);
    if (found.path === undefined) return found.missing ?? `${name} is not here`;
  }
  return undefined;
}

function program(name: string): string {
  const found = findPeer(name);
  if (found.path === undefined) throw new Error(found.missing);
  return found.path;
}

/** Start etcd and an API server; it answers when this returns. */
export async function startCluster(): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-cluster-"));
  const children: ChildProcess[] = [];
  const run = (name: string, args: readonly string[]): void => {
    const log = createWriteStream(join(directory, `${name}.log`));
    const child = spawn(program(name), args, { stdio: ["ignore", "pipe", "pipe"], cwd: directory });
    child.stdout?.pipe(log);
    child.stderr?.pipe(log);
    children.push(child);
  };
  const token = randomBytes(16).toString("hex");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keyFile = join(directory, "accounts.key");
  await writeFile(keyFile, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
  await writeFile(join(directory, "tokens.csv"), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  await mkdir(join(directory, "certificates"));
  run("etcd", [
    "--data-dir",
    join(directory, "etcd"),
    "--listen-client-urls=http://127.0.0.1:2379",
    "--advertise-client-urls=http://127.0.0.1:2379",
    "--listen-peer-urls=http://127.0.0.1:2380",
    "--unsafe-no-fsync",
  ]);
  run("kube-apiserver", [
    "--etcd-servers=http://127.0.0.1:2379",
    `--bind-address=${hostAddress}`,
    `--advertise-address=${hostAddress}`,
    "--secure-port=6443",
    `--cert-dir=${join(directory, "certificates")}`,
    `--token-auth-file=${join(directory, "tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-signing-key-file=${keyFile}`,
    `--service-account-key-file=${keyFile}`,
    "--service-cluster-ip-range=10.98.0.0/16",
    "--enable-aggregator-routing=true",
    "--disable-admission-plugins=ServiceAccount",
  ]);
  const server = `https://${hostAddress}:6443`;
  const common = ["--server", server, "--token", token, "--insecure-skip-tls-verify"];
  const cluster: Cluster = {
    directory,
    server,
    token,
    api: async (method, path, body) => {
      const answer = await request({
        method,
        url: `${server}${path}`,
        tls: { insecureSkipVerify: true },
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        timeoutMs: 60_000,
        maxBytes: 16 * 1024 * 1024,
      });
      const object: unknown = JSON.parse(new TextDecoder().decode(answer.body));
      return { status: answer.status, message: String(Reflect.get(Object(object), "message") ?? ""), object };
    },
    kubectl: (args, input) => command(program("kubectl"), [...common, ...args], input, directory),
    helm: (args) =>
      command(
        program("helm"),
        ["--kube-apiserver", server, "--kube-token", token, "--kube-insecure-skip-tls-verify", ...args],
        undefined,
        directory,
      ),
    stop: async () => {
      for (const child of [...children].reverse()) await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
  await until("the API server answers", async () => {
    const gone = children.find((child) => child.exitCode !== null);
    if (gone !== undefined) throw new Error(`${gone.spawnfile} ended with ${gone.exitCode}; its log is in ${directory}`);
    const answer = await request({
      url: `${server}/readyz`,
      tls: { insecureSkipVerify: true },
      headers: { authorization: `Bearer ${token}` },
      timeoutMs: 5000,
    }).catch(() => undefined);
    return answer?.status === 200;
  });
  return cluster;
}

/** Run a command to its end. */
async function command(path: string, args: readonly string[], input: string | undefined, directory: string): Promise<Outcome> {
  const running = execute(path, [...args], {
    maxBuffer: 64 * 1024 * 1024,
    cwd: directory,
    env: { ...process.env, HOME: directory, KUBECONFIG: "/dev/null" },
  });
  if (input !== undefined) running.child.stdin?.end(input);
  else running.child.stdin?.end();
  try {
    const { stdout, stderr } = await running;
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [stdout, stderr, code] = ["stdout", "stderr", "code"].map((name): unknown => Reflect.get(error, name));
    return { code: typeof code === "number" ? code : 1, stdout: String(stdout ?? ""), stderr: String(stderr ?? error.message) };
  }
}

/** Try again until it is so, or a minute has passed. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`It never happened that ${what}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(timer);
}
