import { createReadStream } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import type { OciDigest } from "@sigillum/library/oci";
import { writeFileDurably } from "../storage/index.ts";
import { registryError } from "./errors.ts";
import { lengthIfThere, removeIfThere, syncDirectory } from "./files.ts";
import type { Layout, RepositoryName } from "./layout.ts";

/** Content by digest. Every file under a digest's name was hashed before it got that name, so what is there is whole. */
export class BlobStore {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** The length of a blob the repository has; undefined when it has none. */
  async length(name: RepositoryName, digest: OciDigest): Promise<number | undefined> {
    if ((await lengthIfThere(this.#layout.blob(name, digest))) === undefined) return undefined;
    return await lengthIfThere(this.#layout.content(digest));
  }

  /** As `length`, but a missing blob is REGISTRY_BLOB_UNKNOWN. */
  async demand(name: RepositoryName, digest: OciDigest): Promise<number> {
    const length = await this.length(name, digest);
    if (length === undefined)
      throw registryError("REGISTRY_BLOB_UNKNOWN", `Cannot find blob: ${name} has no ${digest}`, { expected: digest });
    return length;
  }

  /** A stream over a blob's bytes from `start` to `end`, both included. */
  read(digest: OciDigest, start: number, end: number): Readable {
    return createReadStream(this.#layout.content(digest), { start, end });
  }

  /** Take a finished file, hashed by the caller and on the disk, as the content of `digest`. */
  async adopt(name: RepositoryName, digest: OciDigest, file: string): Promise<void> {
    const path = this.#layout.content(digest);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rename(file, path);
    // A crash before the marker leaves content that no repository has: harmless, and taken up by the next push.
    await syncDirectory(dirname(path));
    await this.link(name, digest);
  }

  /** Let a repository have content that is stored already. */
  async link(name: RepositoryName, digest: OciDigest): Promise<void> {
    await writeDurably(this.#layout.blob(name, digest), new Uint8Array());
  }

  /** Take the blob from the repository; the content stays, others may have it. */
  async unlink(name: RepositoryName, digest: OciDigest): Promise<void> {
    if (!(await removeIfThere(this.#layout.blob(name, digest)))) {
      throw registryError("REGISTRY_BLOB_UNKNOWN", `Cannot delete blob: ${name} has no ${digest}`, { expected: digest });
    }
  }
}

/** Write a file so that after a crash there is the whole of it or what was there before, its directory made if missing. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileDurably(path, bytes);
}
