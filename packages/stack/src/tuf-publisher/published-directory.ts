// The published repository on disk: read whole, written file by file in the order of the plan.
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { equalBytes } from "@sigillum/library/encoding";
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp, roleFileName } from "@sigillum/library/tuf";
import { type PublishedFile, type PublishedState, parsePublishedState } from "@sigillum/library/tuf-repository";
import { writeFileDurably } from "../storage/index.ts";
import { tufPublisherError } from "./errors.ts";

/**
 * The newest published state, or undefined where nothing was published. It is what a client is led to: timestamp, the
 * snapshot it names, the targets which that names, and the newest root of the chain.
 */
export async function readPublished(directory: string): Promise<PublishedState | undefined> {
  const timestamp = await readOptional(join(directory, "timestamp.json"));
  if (timestamp === undefined) return undefined;
  const named = parseTimestamp(timestamp);
  const snapshot = await demand(directory, `${named.snapshot.version}.snapshot.json`);
  const { meta } = parseSnapshot(snapshot);
  const targets = await demand(directory, `${meta.get("targets.json")?.version ?? 0}.targets.json`);
  parseTargets(targets);
  const delegated = new Map<string, Uint8Array>();
  for (const [name, { version }] of meta) {
    const role = name.slice(0, -".json".length);
    if (role === "targets" || !name.endsWith(".json")) continue;
    // A line without a file is a role that was removed: its line stays for clients that saw it (TUF 1.0.34 §5.5.5).
    const bytes = await readOptional(join(directory, `${version}.${roleFileName(role)}`));
    if (bytes !== undefined) delegated.set(role, bytes);
  }
  return parsePublishedState({ timestamp, snapshot, targets, root: await newestRoot(directory) }, delegated);
}

/**
 * Write a plan's files in its order, each durably before the next. A crash between two leaves files that no metadata names
 * yet, and a client sees the old state; the next run overwrites nothing but them.
 */
export async function writePublication(
  directory: string,
  files: readonly PublishedFile[],
  timestampVersion: number,
): Promise<void> {
  for (const file of files) {
    const path = join(directory, file.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const present = file.overwrite ? undefined : await readOptional(path);
    if (present !== undefined && equalBytes(present, file.bytes)) continue;
    if (present !== undefined && file.path.startsWith("targets/")) {
      throw tufPublisherError(
        "TUF_PUBLISHED_CONFLICT",
        `Cannot publish timestamp ${timestampVersion}: ${file.path} is on disk with other bytes`,
        { found: file.path },
      );
    }
    // A versioned file that is there with other bytes was left by a publication that never reached its timestamp.
    await writeFileDurably(path, file.bytes);
  }
}

async function newestRoot(directory: string): Promise<Uint8Array> {
  const root = await demand(directory, "root.json");
  // root.json is written after N.root.json; after a crash between the two the numbered one is newer.
  const next = await readOptional(join(directory, `${parseRoot(root).version + 1}.root.json`));
  return next ?? root;
}

async function demand(directory: string, name: string): Promise<Uint8Array> {
  const bytes = await readOptional(join(directory, name));
  if (bytes === undefined) {
    throw tufPublisherError("TUF_PUBLISHED_CORRUPT", `Cannot read the published repository: ${name} is missing`, {
      expected: name,
    });
  }
  return bytes;
}

/** The bytes of a file, or undefined if there is none; any other failure is the caller's to see. */
export async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (
      cause instanceof Error &&
      "code" in cause &&
      (cause.code === "ENOENT" || cause.code === "ENOTDIR" || cause.code === "EISDIR")
    )
      return undefined;
    throw cause;
  }
}
