// The command line that tuf-conformance drives a client by (tuf-root.md §2.2), as a thin adapter over the library.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import {
  type FetchFile,
  fetchFound,
  findTarget,
  type MetadataStore,
  parseRoot,
  refresh,
  roleFileName,
  type TrustedMetadata,
  verifyFile,
} from "@sigillum/library/tuf";

const options = {
  "metadata-dir": { type: "string" },
  "metadata-url": { type: "string" },
  "target-name": { type: "string", multiple: true },
  "target-dir": { type: "string" },
  "target-base-url": { type: "string" },
} as const;

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}

/** Run one command; gives the exit status and, for a refusal, the line to print. */
export async function run(args: readonly string[]): Promise<{ readonly status: number; readonly message?: string }> {
  try {
    const { values, positionals } = parse(args);
    const [command, rootPath] = positionals;
    const store = folderStore(required(values, "metadata-dir"));
    if (command === "init" && rootPath !== undefined) await initialise(rootPath, store);
    else if (command === "refresh") await refresh(fetcher(values), store, Date.now());
    else if (command === "download") await download(values, store);
    else return { status: 2, message: `unknown command ${command}` };
    return { status: 0 };
  } catch (error) {
    if (isSigillumError(error)) return { status: 1, message: `${error.code}: ${error.message}` };
    return { status: 1, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function initialise(rootPath: string, store: MetadataStore): Promise<void> {
  const bytes = new Uint8Array(await readFile(rootPath));
  parseRoot(bytes);
  await store.write("root", bytes);
}

async function download(values: Values, store: MetadataStore): Promise<void> {
  const fetch = fetcher(values);
  const trusted = await refresh(fetch, store, Date.now());
  for (const name of values["target-name"] ?? [])
    await downloadOne(trusted, name, { fetch, store, directory: required(values, "target-dir") });
}

async function downloadOne(
  trusted: TrustedMetadata,
  name: string,
  { fetch, store, directory }: { readonly fetch: FetchFile; readonly store: MetadataStore; readonly directory: string },
): Promise<void> {
  const target = await findTarget(trusted, name, fetch, store);
  const path = join(directory, encodeHex(sha256(encodeUtf8(name))));
  const local = await readOptional(path);
  if (local !== undefined && isSame(local, target.meta)) return;
  await replaceFile(path, await fetchFound(trusted, target, fetch));
}

function isSame(local: Uint8Array, meta: Parameters<typeof verifyFile>[1]): boolean {
  try {
    verifyFile("cached target", meta, local);
    return true;
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return false; // it is fetched again
  }
}

function fetcher(values: Values): FetchFile {
  return async (path, maxBytes) => {
    const isTarget = path.startsWith("targets/");
    const base = required(values, isTarget ? "target-base-url" : "metadata-url").replace(/\/+$/, "");
    const url = `${base}/${isTarget ? path.slice("targets/".length) : path}`;
    const reply = await request({ method: "GET", url, maxBytes, timeoutMs: 10_000 });
    if (reply.status === 200) return reply.body;
    if (reply.status === 404 || reply.status === 403) return undefined;
    throw new Error(`${url} answered ${reply.status}`);
  };
}

function folderStore(directory: string): MetadataStore {
  const path = (role: string): string => join(directory, roleFileName(role));
  return {
    read: (role) => readOptional(path(role)),
    write: (role, bytes) => replaceFile(path(role), bytes),
    remove: (role) => rm(path(role), { force: true }),
  };
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.tmp`, bytes);
  await rename(`${path}.tmp`, path);
}

async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function required(values: Values, name: "metadata-dir" | "metadata-url" | "target-dir" | "target-base-url"): string {
  const value = values[name];
  if (value === undefined) throw new TypeError(`--${name} is missing`);
  return value;
}
