// The last published checkpoint of every shard, a second time and apart from the shards: on another disk it tells when an old copy of the
// data directory is served, which knows of nothing newer itself.
import { mkdir, readdir, readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { noteKey, parseCheckpoint, parseSignedNote, verifyCheckpoint } from "@sigillum/library/checkpoint";
import type { PublicKey } from "@sigillum/library/crypto";
import { encodeHex, encodeUtf8, equalBytes, isSigillumError } from "@sigillum/library/encoding";
import type { Service } from "../host/index.ts";
import type { ShardRecord } from "../keyring/index.ts";
import { logError } from "../log-engine/index.ts";
import type { Settings } from "../settings/index.ts";
import { writeFileDurably } from "../storage/index.ts";
import { composeError } from "./errors.ts";

/** What copies are made of: a shard of any log. */
export interface CopiedShard {
  checkpoint(): { readonly text: string; readonly size: number };
  rootAt(size: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A checkpoint that was published at some time. */
export interface PublishedCheckpoint {
  readonly treeSize: number;
  readonly root: Uint8Array;
  /** Whether a shard published it: by the name of the copy, or by the signature of its key. */
  isOf(record: ShardRecord, key: PublicKey): boolean;
}

const everyMs = 1000;
const suffix = ".checkpoint";

/** Where the copies are: the setting, or a folder of the data directory. */
export function checkpointDirectory({ dataDirectory, transparencyLog: { checkpointDirectory: set } }: Settings): string {
  if (set === undefined) return join(dataDirectory, "checkpoints");
  return isAbsolute(set) ? set : join(dataDirectory, set);
}

/** Keeps copies of the checkpoints of the shards it is told of. */
export class CheckpointCopies {
  readonly #directory: string;
  readonly #shards: Map<string, CopiedShard> = new Map();
  readonly #written: Map<string, string> = new Map();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Takes up a shard; rejects LOG_STATE_BEHIND_CHECKPOINT when it lacks what it published, or LOG_ROOT_MISMATCH when it has something else
   * in its place, and closes it then.
   */
  async add(record: ShardRecord, shard: CopiedShard): Promise<void> {
    const name = nameOf(record);
    const path = join(this.#directory, `${name}${suffix}`);
    const text = await readOptional(path);
    try {
      if (text !== undefined) await requireExtends(shard, publishedCheckpointOf({ name, text }), path);
    } catch (error) {
      await shard.close();
      throw error;
    }
    this.#shards.set(name, shard);
  }

  /** Writes what is newer than the copies. */
  async write(): Promise<void> {
    for (const [name, shard] of this.#shards) {
      const { text } = shard.checkpoint();
      if (this.#written.get(name) === text) continue;
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFileDurably(join(this.#directory, `${name}${suffix}`), encodeUtf8(text));
      this.#written.set(name, text);
    }
  }

  /** The copies as a service: written once a second while anything changes, and at the end. */
  service(): Service {
    return {
      name: "checkpoint-copies",
      listeners: [],
      jobs: [{ name: "write", everyMs, atStart: true, run: () => this.write() }],
      actions: new Map(),
      ready: () => Promise.resolve({ ready: true }),
      close: () => this.write(),
    };
  }
}

/** Every copy that is there. */
export async function readCheckpointCopies(settings: Settings): Promise<PublishedCheckpoint[]> {
  const directory = checkpointDirectory(settings);
  const copies: PublishedCheckpoint[] = [];
  for (const file of await listing(directory)) {
    if (!file.endsWith(suffix)) continue;
    const text = await readOptional(join(directory, file));
    if (text !== undefined) copies.push(publishedCheckpointOf({ name: file.slice(0, -suffix.length), text }));
  }
  return copies;
}

/** A checkpoint of which it is known that it was published: a copy under its shard's name, or a text whose signature tells. */
export function publishedCheckpointOf({ name, text }: { readonly name?: string; readonly text: string }): PublishedCheckpoint {
  try {
    const { treeSize, root } = parseCheckpoint(parseSignedNote(text).text);
    return {
      treeSize,
      root,
      isOf: (record, key) => (name === undefined ? isSignedBy(text, record, key) : name === nameOf(record)),
    };
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw composeError("STACK_CHECKPOINT_UNREADABLE", `Cannot read the checkpoint ${name ?? "given"}: ${cause.message}`, {
      cause,
    });
  }
}

/** Rejects when a shard does not extend what was published of it. */
export async function requireExtends(shard: CopiedShard, published: PublishedCheckpoint, where: string): Promise<void> {
  const { size } = shard.checkpoint();
  const advice = `put the newest data directory back, or make one of a backup with "sigillum restore BACKUP --data DIR", which goes on in new shards`;
  if (published.treeSize > size)
    throw logError(
      "LOG_STATE_BEHIND_CHECKPOINT",
      `Cannot serve log: it has ${size} entries, and by ${where} it has published a tree of ${published.treeSize}; this is an old copy, and to go on from it would fork the log: ${advice}`,
      { found: String(size), expected: `at least ${published.treeSize}` },
    );
  const root = await shard.rootAt(published.treeSize);
  if (equalBytes(root, published.root)) return;
  throw logError(
    "LOG_ROOT_MISMATCH",
    `Cannot serve log: at size ${published.treeSize} it has another root than it published by ${where}; it was forked: ${advice}`,
    { found: encodeHex(root), expected: encodeHex(published.root) },
  );
}

function isSignedBy(text: string, record: ShardRecord, key: PublicKey): boolean {
  try {
    verifyCheckpoint(text, noteKey(record.checkpointName, key), { origin: record.origin });
    return true;
  } catch (error) {
    if (isSigillumError(error)) return false;
    throw error;
  }
}

function nameOf({ api, id }: ShardRecord): string {
  return `${api}-${id}`;
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, "code") === "ENOENT") return undefined;
    throw cause;
  }
}

async function listing(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, "code") === "ENOENT") return [];
    throw cause;
  }
}
