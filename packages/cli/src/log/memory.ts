// What a log showed before, so that it cannot show something else later: sizes and roots of its trees, a file a log.
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodeHex, isSigillumError, JsonObject, parseHex, parseJson } from "@sigillum/library/encoding";
import { trustStoreDirectory } from "@sigillum/library/trust-store";
import { writeWhole } from "../blob/index.ts";
import type { TreeHead } from "./check.ts";
import { logCommandError } from "./errors.ts";

/** A tree that was seen. */
export interface SeenTree extends TreeHead {
  /** For `watch` on log v2, whose shards count each for itself: entries below this index were looked at. */
  readonly nextIndex?: number;
  /** The key id of a shard of log v2, in hex: on one machine several share an origin. */
  readonly logId?: string;
}

/** What is remembered of a log. */
export interface LogMemory {
  readonly url: string;
  readonly trees: readonly SeenTree[];
  /** For `watch` on log v1: entries below this index, over all shards, were looked at. */
  readonly nextIndex?: number;
}

const maxMemoryBytes = 4 * 1024 * 1024;

/** Where `log info` remembers a log: beside the trust roots. */
export function memoryPath(url: string): string {
  const name = createHash("sha256").update(url).digest("hex").slice(0, 32);
  return join(dirname(trustStoreDirectory()), "logs", `${name}.json`);
}

/** What a file remembers, or nothing where there is none. One that cannot be read is an error: it may hold the proof of a fork. */
export async function readMemory(path: string, url: string): Promise<LogMemory> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, "code") === "ENOENT") return { url, trees: [] };
    throw unreadable(path, cause);
  }
  try {
    const fields = JsonObject.from(parseJson(bytes, { maxBytes: maxMemoryBytes }), "memory");
    if (fields.string("url") !== url)
      throw logCommandError("LOG_MEMORY_UNREADABLE", `Cannot use ${path}: it remembers another log`, {
        found: fields.string("url"),
        expected: url,
      });
    const nextIndex = fields.optionalSafeInteger("nextIndex");
    return {
      url,
      trees: fields.objects("trees").map(readTree),
      ...(nextIndex === undefined ? {} : { nextIndex }),
    };
  } catch (cause) {
    if (isSigillumError(cause) && cause.code === "LOG_MEMORY_UNREADABLE") throw cause;
    throw unreadable(path, cause);
  }
}

function readTree(tree: JsonObject): SeenTree {
  const [nextIndex, logId] = [tree.optionalSafeInteger("nextIndex"), tree.optionalString("logId")];
  return {
    treeId: tree.string("treeId"),
    size: tree.safeInteger("size"),
    root: parseHex(tree.string("root")),
    ...(nextIndex === undefined ? {} : { nextIndex }),
    ...(logId === undefined ? {} : { logId }),
  };
}

/** Remember. The file is whole or as it was before. */
export async function writeMemory(path: string, memory: LogMemory): Promise<void> {
  const trees = memory.trees.map(({ treeId, size, root, nextIndex, logId }) => ({
    ...{ treeId, size, root: encodeHex(root) },
    ...(nextIndex === undefined ? {} : { nextIndex }),
    ...(logId === undefined ? {} : { logId }),
  }));
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, `${JSON.stringify({ ...memory, trees }, undefined, 2)}\n`);
}

function unreadable(path: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return logCommandError("LOG_MEMORY_UNREADABLE", `Cannot read what was seen of the log before, in ${path}: ${reason}`, {
    cause,
    expected: "the file as it was written; without it nothing tells whether the log was rewritten",
  });
}
