// An instance of ours for foreign clients: `sigillum serve` in a process of its own, on free ports, in a temporary directory.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@sigillum/library/encoding";
import { initialiseDataDirectory, type ServiceName, type Settings } from "@sigillum/stack/settings";
import type { InstanceView } from "./clients/client.ts";
import { expectSuccess, type Outcome, runProgram } from "./clients/program.ts";
import { fetchIdToken } from "./token.ts";

const SIGILLUM = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const START_MS = 120_000; // many times what it takes on a machine that does nothing else

/** A running instance, with the command line of ours that trusts it. */
export interface Instance extends InstanceView {
  readonly directory: string;
  readonly settings: Settings;
  url(service: ServiceName): string;
  /** Run `sigillum` with a home of its own that trusts the instance. */
  sigillum(...args: string[]): Promise<Outcome>;
  /** The same with more in its environment. */
  sigillumWith(more: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome>;
  /** Stop the server, change the text of sigillum.yaml, start it again at the same addresses, and fetch what users are handed anew. */
  restart(edit: (settings: string) => string): Promise<void>;
  stop(): Promise<void>;
}

/** Settings of the identity provider besides the development user's address. */
type Provider = { readonly [name: string]: JsonValue };

/** Make and start an instance; when this resolves it is ready and our own command line trusts it. */
export async function startInstance(
  identity = "signer@example.com",
  identityProvider: Provider = {},
  values: { readonly [section: string]: JsonValue } = {},
  more: Readonly<Record<string, string>> = {},
): Promise<Instance> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-interop-"));
  const data = join(directory, "data");
  const settings = await initialiseDataDirectory(data, {
    ports: "free",
    values: { ...values, identityProvider: { developmentUser: { email: identity }, ...identityProvider } },
  });
  const url = (service: ServiceName): string => settings.services[service].publicUrl;
  const env = { HOME: directory, SIGILLUM_HOME: join(directory, "home"), NODE_OPTIONS: "", ...compileCache(), ...more };
  let server = await startServer(data, env, `${url("explorer")}/readyz`);
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
  const restart = async (edit: (text: string) => string): Promise<void> => {
    await server.stop();
    const path = join(data, "sigillum.yaml");
    const text = await readFile(path, "utf8");
    const edited = edit(text);
    if (edited === text) throw new Error("the settings were to be changed and were not");
    await writeFile(path, edited);
    server = await startServer(data, env, `${url("explorer")}/readyz`);
    await fetchTrust(url("tuf"), directory);
  };
  try {
    const files = await fetchTrust(url("tuf"), directory);
    await expectSuccess(process.execPath, [SIGILLUM, "trust", "add", url("tuf")], { env });
    return {
      directory,
      settings,
      url,
      restart,
      stop,
      identity,
      issuer: url("identity"),
      tufUrl: url("tuf"),
      caUrl: url("ca"),
      logUrl: url("log-v1"),
      timestampUrl: url("tsa"),
      ...files,
      token: () => fetchIdToken(url("identity"), identity),
      sigillum: (...args) => runProgram(process.execPath, [SIGILLUM, ...args], { env, cwd: directory }),
      sigillumWith: (more, ...args) =>
        runProgram(process.execPath, [SIGILLUM, ...args], { env: { ...env, ...more }, cwd: directory }),
    };
  } catch (error) {
    await stop();
    throw new Error(`the instance started and cannot be trusted\n${server.said()}`, { cause: error });
  }
}

/** The compile cache of the test run, without which each of our commands spends half a second on reading its own source. */
export function compileCache(): Record<string, string> {
  const folder = process.env["NODE_COMPILE_CACHE"];
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}

interface Server {
  said(): string;
  stop(): Promise<void>;
}

async function startServer(data: string, env: Record<string, string>, readyUrl: string): Promise<Server> {
  const child = spawn(process.execPath, [SIGILLUM, "serve", "--data", data], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-8000);
    });
  }
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(killer);
  };
  const end = Date.now() + START_MS;
  while (!(await isReady(readyUrl))) {
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error(`sigillum serve is not ready after ${START_MS / 1000} s\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { said: () => said, stop };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false; // it does not listen yet
  }
}

/** What the user of a foreign client is handed: the first root, and for one without TUF the trusted root and signing config. */
async function fetchTrust(
  tufUrl: string,
  directory: string,
): Promise<Pick<InstanceView, "rootPath" | "trustedRootPath" | "signingConfigPath">> {
  const targets: unknown = await fetchJson(`${tufUrl}/${await versionOf(tufUrl)}.targets.json`);
  const save = async (name: string, url: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, new Uint8Array(await (await fetchOk(url)).arrayBuffer()));
    return path;
  };
  const target = (name: string): string => `${tufUrl}/targets/${targetDigest(targets, name)}.${name}`;
  return {
    rootPath: await save("root.json", `${tufUrl}/1.root.json`),
    trustedRootPath: await save("trusted_root.json", target("trusted_root.json")),
    signingConfigPath: await save("signing_config.json", target("signing_config.v0.2.json")),
  };
}

// TUF specification §5.5 and §5.6 with consistent snapshots, without the checks: the clients under test make those.
async function versionOf(tufUrl: string): Promise<number> {
  const timestamp = await fetchJson(`${tufUrl}/timestamp.json`);
  const snapshot = await fetchJson(
    `${tufUrl}/${numberAt(timestamp, "signed", "meta", "snapshot.json", "version")}.snapshot.json`,
  );
  return numberAt(snapshot, "signed", "meta", "targets.json", "version");
}

function targetDigest(targets: unknown, name: string): string {
  const digest = at(targets, "signed", "targets", name, "hashes", "sha256");
  if (typeof digest !== "string") throw new Error(`the TUF repository has no target ${name} with a sha256`);
  return digest;
}

function numberAt(value: unknown, ...path: string[]): number {
  const found = at(value, ...path);
  if (typeof found !== "number") throw new Error(`no number at ${path.join(".")}`);
  return found;
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (found, name) => (typeof found === "object" && found !== null ? Reflect.get(found, name) : undefined),
    value,
  );
}

async function fetchJson(url: string): Promise<unknown> {
  return (await fetchOk(url)).json();
}

async function fetchOk(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}
