// A sealed shard on other storage: its tiles, entries and attestations never change again, so they may lie on something cheap that is mounted
// read-only. What stays in the data directory is small: the state, and the index, which is made anew if it is lost.
import { lstat, open, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { equalBytes, JsonObject } from "@sigillum/library/encoding";
import { systemClock } from "../host/index.ts";
import { copyTree } from "./backup.ts";
import { openStackData } from "./data.ts";
import { composeError } from "./errors.ts";
import { checkStored } from "./operate.ts";
import { requireStoredInFiles, shardDirectory } from "./shard-stores.ts";

/** Which shard goes where. */
export interface ArchiveOptions {
  readonly dataDirectory: string;
  readonly api: "v1" | "v2";
  readonly id: string;
  /** A folder for archived shards; one of the shard's own is made in it. */
  readonly to: string;
}

const folders = ["tile", "meta", "attestations"];

/**
 * Moves what never changes of a sealed shard to a folder, of a data directory that nothing serves. When it resolves the shard was checked as a
 * whole through its new place, and the old files are gone; after a crash on the way it may be called again.
 */
export async function archiveShard({
  dataDirectory,
  api,
  id,
  to,
}: ArchiveOptions): Promise<{ readonly place: string; readonly size: number }> {
  const data = await openStackData({ dataDirectory, nowMs: systemClock.nowMs(), existing: true });
  try {
    requireStoredInFiles(data.settings, `move shard ${id} of log ${api}`);
    const record = data.keyring.shards(api).find((one) => one.id === id);
    if (record?.state !== "sealed")
      throw composeError(
        "STACK_SHARD_NOT_SEALED",
        `Cannot move shard ${id} of log ${api}: ${record === undefined ? "there is none" : `it is ${record.state}`}`,
        {
          found: record?.state ?? "none",
          expected:
            data.keyring
              .shards(api)
              .flatMap((one) => (one.state === "sealed" ? [one.id] : []))
              .join(", ") || "a sealed shard",
        },
      );
    const directory = shardDirectory(data.settings, record);
    const place = join(resolve(to), `${api}-${id}`);
    for (const name of folders) await undoHalf(join(directory, name));
    await requireClean(data, record, "before it is moved");
    for (const name of folders) await moveFolder(join(directory, name), join(place, name));
    const size = await requireClean(data, record, "through its new place");
    for (const name of folders) await rm(`${join(directory, name)}${moved}`, { recursive: true, force: true });
    return { place, size };
  } finally {
    await data.lock.release();
  }
}

const moved = ".moved";

// A crash between the two renames leaves the folder under its other name.
async function undoHalf(path: string): Promise<void> {
  if ((await kindOf(path)) === "missing" && (await kindOf(`${path}${moved}`)) === "folder") await rename(`${path}${moved}`, path);
}

async function requireClean(
  data: Awaited<ReturnType<typeof openStackData>>,
  record: ReturnType<typeof data.keyring.shards>[number],
  when: string,
): Promise<number> {
  const reports = await checkStored(data.settings, record, data.keyring.signer(record.key));
  const report = JsonObject.from((Array.isArray(reports) ? reports[0] : undefined) ?? null, "report");
  const count = report.safeInteger("differenceCount");
  if (count === 0) return report.safeInteger("size");
  throw composeError("STACK_SHARD_DAMAGED", `Cannot move shard ${record.id}: ${when} its check finds ${count} differences`, {
    found: String(count),
    expected: "none",
  });
}

async function moveFolder(from: string, to: string): Promise<void> {
  const kind = await kindOf(from);
  if (kind !== "folder") return;
  await rm(to, { recursive: true, force: true });
  await copyTree(from, to);
  await requireSame(from, to);
  await rename(from, `${from}${moved}`);
  await symlink(to, from);
  const parent = await open(join(from, ".."), "r");
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

async function requireSame(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [one, other] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await requireSame(one, other);
    else if (!equalBytes(await readFile(one), await readFile(other)))
      throw composeError("STACK_SHARD_DAMAGED", `Cannot move shard: ${other} does not hold what was written to it`, {
        found: other,
      });
  }
}

async function kindOf(path: string): Promise<"missing" | "link" | "folder"> {
  try {
    return (await lstat(path)).isSymbolicLink() ? "link" : "folder";
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, "code") === "ENOENT") return "missing";
    throw cause;
  }
}
