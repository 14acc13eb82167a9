// The keys behind a TrustRoot object: those in it, or those of a TUF repository, verified from the root that the object pins.
import { gunzipSync } from "node:zlib";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, isSigillumError } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { parseTrustedRoot, type TrustedRoot } from "@sigillum/library/trusted-root";
import { type FetchFile, fetchTarget, type MetadataStore, memoryStore, refresh } from "@sigillum/library/tuf";
import type { TrustRootObject } from "../image-policy/index.ts";
import { admissionError } from "./errors.ts";

const maxMirrorBytes = 64 * 1024 * 1024;
const requestTimeoutMs = 20_000;

/** Reads trust roots, and keeps for each the TUF metadata that it trusts, so that a mirror cannot go back in time. */
export class TrustRootReader {
  readonly #stores: Map<string, { readonly root: string; readonly store: MetadataStore }> = new Map();

  /** Read the keys now. Throws ADMISSION_TRUST_ROOT_UNAVAILABLE. */
  async read(object: TrustRootObject, nowMs: number): Promise<TrustedRoot> {
    const { from, name } = object;
    if (from.type === "keys") return from.trustedRoot;
    try {
      const fetch = from.type === "remote" ? httpFiles(from.mirror, from.targets) : archiveFiles(from.archive, from.targets);
      const store = this.#store(name, from.root);
      const trusted = await refresh(fetch, store, nowMs);
      return parseTrustedRoot(await fetchTarget(trusted, from.target, fetch, store));
    } catch (cause) {
      if (!isSigillumError(cause)) throw cause;
      throw admissionError("ADMISSION_TRUST_ROOT_UNAVAILABLE", `Cannot use TrustRoot ${name}: ${cause.message}`, { cause });
    }
  }

  /** Forget what was trusted for an object that is gone. */
  forget(name: string): void {
    this.#stores.delete(name);
  }

  #store(name: string, root: Uint8Array): MetadataStore {
    const pinned = encodeHex(sha256(root));
    const known = this.#stores.get(name);
    if (known?.root === pinned) return known.store;
    const store = memoryStore(root);
    this.#stores.set(name, { root: pinned, store });
    return store;
  }
}

function httpFiles(mirror: string, targets: string): FetchFile {
  return async (path, maxBytes) => {
    const url = `${mirror.replace(/\/+$/, "")}/${placed(path, targets)}`;
    const reply = await request({ url, maxBytes, timeoutMs: requestTimeoutMs, redirects: 3, retries: 2 });
    if (reply.status === 200) return reply.body;
    if (reply.status === 404 || reply.status === 403) return undefined;
    throw admissionError("ADMISSION_TRUST_ROOT_UNAVAILABLE", `Cannot fetch ${url}: HTTP ${reply.status}`, {
      found: `HTTP ${reply.status}`,
    });
  };
}

function placed(path: string, targets: string): string {
  return path.startsWith("targets/") ? `${targets}/${path.slice("targets/".length)}` : path;
}

// A gzipped tar of a TUF repository; a leading folder "repository" is taken off, as the original does.
function archiveFiles(archive: Uint8Array, targets: string): FetchFile {
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of readTar(unzip(archive)))
    files.set(path.replace(/^\.?\/+/, "").replace(/^repository\/+/, ""), bytes);
  return (path) => Promise.resolve(files.get(decodeURIComponent(placed(path, targets))));
}

function unzip(archive: Uint8Array): Uint8Array {
  try {
    return gunzipSync(archive, { maxOutputLength: maxMirrorBytes });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw admissionError("ADMISSION_TRUST_ROOT_UNAVAILABLE", `Cannot read mirrorFS: it is no gzip of at most 64 MiB: ${reason}`, {
      cause,
    });
  }
}

const block = 512;

// POSIX ustar: a header block with name, size in octal and type, then the content padded to blocks.
function* readTar(tar: Uint8Array): Generator<[string, Uint8Array]> {
  const text = (start: number, length: number): string =>
    new TextDecoder().decode(tar.subarray(start, start + length)).replace(/\0.*$/s, "");
  for (let at = 0; at + block <= tar.length; ) {
    const name = text(at, 100);
    if (name === "") return;
    const size = Number.parseInt(text(at + 124, 12).trim() || "0", 8);
    if (!Number.isSafeInteger(size) || size < 0 || at + block + size > tar.length)
      throw admissionError("ADMISSION_TRUST_ROOT_UNAVAILABLE", "Cannot read mirrorFS: it is no whole tar archive");
    const type = text(at + 156, 1);
    const prefix = text(at + 345, 155);
    if (type === "0" || type === "")
      yield [prefix === "" ? name : `${prefix}/${name}`, tar.subarray(at + block, at + block + size)];
    at += block + Math.ceil(size / block) * block;
  }
}
