// Registry credentials as Docker and Podman keep them: config.json with auths, credsStore and credHelpers.
import { spawn } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import {
  concatBytes,
  encodeBase64,
  encodeUtf8,
  JsonObject,
  type JsonValue,
  parseBase64,
  parseJson,
  parseUtf8,
  quote,
} from "../encoding/index.ts";
import { ociError } from "./errors.ts";
import type { Repository } from "./reference.ts";

/** What a registry or its token service is told. */
export type Credentials =
  | { readonly type: "password"; readonly username: string; readonly password: string }
  | { readonly type: "identity-token"; readonly token: string }
  | { readonly type: "registry-token"; readonly token: string };

/** Finds the credentials for a repository; undefined means that none are known and requests go out without. */
export type CredentialSource = (repository: Repository) => Promise<Credentials | undefined>;

const maxConfigBytes = 4 * 1024 * 1024;
const maxHelperBytes = 256 * 1024;
const helperTimeoutMs = 30_000;
const hubKey = "https://index.docker.io/v1/";

/**
 * Credentials from the first file there is: config.json in $DOCKER_CONFIG or ~/.docker, else the file $REGISTRY_AUTH_FILE
 * names, else Podman's containers/auth.json. `credHelpers` for the registry goes before `credsStore`, that before `auths`.
 */
export function dockerCredentials(env: Readonly<Record<string, string | undefined>> = process.env): CredentialSource {
  return async (repository) => {
    const config = await readConfig(env);
    if (config === undefined) return undefined;
    const host = repository.registry === "index.docker.io" ? hubKey : repository.registry;
    const helper = config.optionalObject("credHelpers")?.optionalString(host) ?? config.optionalString("credsStore");
    const helped = helper === undefined || helper === "" ? undefined : await askHelper(helper, host, env);
    return helped ?? fromAuths(config, repository);
  };
}

/** The same credentials for every repository: those of a command's flags. */
export function fixedCredentials(credentials: Credentials): CredentialSource {
  return () => Promise.resolve(credentials);
}

/** The Docker configuration file that `storeCredentials` writes. */
export function credentialsPath(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return candidates(env)[0] ?? "config.json";
}

/**
 * Remember a user name and password for a registry, as `docker login` does: with the credential helper that the file names, else in
 * the file itself, which then only its owner can read. Returns the file. That the registry takes them is not tried.
 */
export async function storeCredentials(
  registry: string,
  account: { readonly username: string; readonly password: string },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const path = credentialsPath(env);
  const config = await readOneConfig(path);
  const host = registry === "index.docker.io" ? hubKey : registry;
  const helper = config?.optionalObject("credHelpers")?.optionalString(host) ?? config?.optionalString("credsStore");
  if (helper !== undefined && helper !== "") {
    const secret = JSON.stringify({ ServerURL: host, Username: account.username, Secret: account.password });
    const { code } = await runHelper(helperProgram(helper, host), "store", secret, helper, env);
    if (code !== 0) throw helperError(helper, host, `it ended with ${code}`);
    return path;
  }
  const document: { [name: string]: JsonValue } = {};
  for (const name of config?.names() ?? []) document[name] = config?.value(name) ?? null;
  const auths: { [name: string]: JsonValue } = {};
  const known = config?.optionalObject("auths");
  for (const name of known?.names() ?? []) auths[name] = known?.value(name) ?? null;
  auths[host] = { auth: encodeBase64(encodeUtf8(`${account.username}:${account.password}`)) };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp-${process.pid}`;
  await writeFile(temporary, `${JSON.stringify({ ...document, auths }, undefined, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
  return path;
}

async function readConfig(env: Readonly<Record<string, string | undefined>>): Promise<JsonObject | undefined> {
  for (const path of candidates(env)) {
    const config = await readOneConfig(path);
    if (config !== undefined) return config;
  }
  return undefined;
}

// Undefined where there is no such file.
async function readOneConfig(path: string): Promise<JsonObject | undefined> {
  try {
    return JsonObject.exact(parseJson(await readFile(path), { maxBytes: maxConfigBytes }), path);
  } catch (error) {
    if (error instanceof Error && (Reflect.get(error, "code") === "ENOENT" || Reflect.get(error, "code") === "ENOTDIR"))
      return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw ociError("OCI_CREDENTIALS_UNREADABLE", `Cannot read registry credentials from ${path}: ${reason}`, { cause: error });
  }
}

function candidates(env: Readonly<Record<string, string | undefined>>): string[] {
  const home = env["HOME"] ?? homedir();
  return [
    join(env["DOCKER_CONFIG"] ?? join(home, ".docker"), "config.json"),
    env["REGISTRY_AUTH_FILE"],
    env["XDG_RUNTIME_DIR"] === undefined ? undefined : join(env["XDG_RUNTIME_DIR"], "containers", "auth.json"),
    join(env["XDG_CONFIG_HOME"] ?? join(home, ".config"), "containers", "auth.json"),
  ].filter((path): path is string => path !== undefined && path !== "");
}

// Keys are tried from the full repository path down to the host; they may carry a scheme or a path (Docker Hub's does).
function fromAuths(config: JsonObject, repository: Repository): Credentials | undefined {
  const auths = config.optionalObject("auths");
  if (auths === undefined) return undefined;
  for (const key of authKeys(repository)) {
    const entry = auths.has(key) ? auths.optionalObject(key) : undefined;
    const found = entry === undefined ? undefined : fromEntry(entry);
    if (found !== undefined) return found;
  }
  return undefined;
}

function authKeys(repository: Repository): string[] {
  const parts = `${repository.registry}/${repository.name}`.split("/");
  const keys: string[] = [];
  for (let length = parts.length; length > 0; length -= 1) keys.push(parts.slice(0, length).join("/"));
  const host = repository.registry;
  const hub = host === "index.docker.io" ? [hubKey, "docker.io", "https://index.docker.io/v2/"] : [];
  return [...keys, `https://${host}`, `http://${host}`, `https://${host}/v1/`, `https://${host}/v2/`, ...hub];
}

function fromEntry(entry: JsonObject): Credentials | undefined {
  const registryToken = entry.optionalString("registrytoken");
  if (registryToken !== undefined && registryToken !== "") return { type: "registry-token", token: registryToken };
  const identityToken = entry.optionalString("identitytoken");
  if (identityToken !== undefined && identityToken !== "") return { type: "identity-token", token: identityToken };
  const auth = entry.optionalString("auth");
  if (auth !== undefined && auth !== "") {
    const pair = parseUtf8(parseBase64(auth));
    const colon = pair.indexOf(":");
    if (colon > 0)
      return { type: "password", username: pair.slice(0, colon), password: pair.slice(colon + 1).replace(/\0+$/, "") };
  }
  const username = entry.optionalString("username");
  const password = entry.optionalString("password");
  return username !== undefined && username !== "" && password !== undefined
    ? { type: "password", username, password }
    : undefined;
}

// docker-credential-NAME get: the host on stdin, {"Username","Secret"} on stdout; no shell takes part.
async function askHelper(
  helper: string,
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Credentials | undefined> {
  const program = helperProgram(helper, host);
  const { code, output } = await runHelper(program, "get", host, helper, env);
  if (code !== 0) {
    if (output.includes("credentials not found")) return undefined;
    throw helperError(helper, host, `it ended with ${code}`);
  }
  try {
    const answer = JsonObject.exact(parseJson(output), program);
    const username = answer.string("Username");
    const secret = answer.string("Secret");
    if (username === "" && secret === "") return undefined;
    return username === "<token>" ? { type: "identity-token", token: secret } : { type: "password", username, password: secret };
  } catch {
    // The answer holds a secret: nothing of it may reach the message, nor the parser's own message.
    throw helperError(helper, host, "its answer is not the JSON that helpers write");
  }
}

function helperProgram(helper: string, host: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) throw helperError(helper, host, `${quote(helper)} is no name of a helper`);
  return `docker-credential-${helper}${process.platform === "win32" ? ".exe" : ""}`;
}

function runHelper(
  program: string,
  verb: "get" | "store",
  input: string,
  helper: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [verb], { stdio: ["pipe", "pipe", "ignore"], env: { ...env }, windowsHide: true });
    const timer = setTimeout(() => child.kill(), helperTimeoutMs);
    const chunks: Uint8Array[] = [];
    let length = 0;
    child.stdout.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > maxHelperBytes) child.kill();
      else chunks.push(chunk);
    });
    child.stdin.on("error", () => undefined); // a helper that ends without reading is judged by its exit code
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(helperError(helper, verb === "get" ? input : "the registry", error.message));
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output: new TextDecoder().decode(concatBytes(...chunks)) });
    });
    child.stdin.end(encodeUtf8(input));
  });
}

function helperError(helper: string, host: string, reason: string): Error {
  return ociError(
    "OCI_CREDENTIAL_HELPER_FAILED",
    `Cannot get credentials for ${host} from credential helper ${quote(helper)}: ${reason}`,
  );
}
