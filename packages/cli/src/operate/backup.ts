import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { formatRfc3339, isSigillumError, type JsonValue, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { backupStack, restoreStack } from "@sigillum/stack/compose";
import type { Arguments } from "../arguments/index.ts";
import { dataDirectory } from "../log/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { operateError } from "./errors.ts";

/** `sigillum backup DIRECTORY`: a copy of the data directory, made while it is served or not. */
export async function runBackup(args: Arguments, terminal: Terminal): Promise<number> {
  const [to = ""] = args.positionals;
  const data = dataDirectory(args);
  const { createdMs, trees } = await backupStack({ dataDirectory: data, to: resolve(to), nowMs: Date.now() });
  if (terminal.format === "json")
    terminal.json({ backup: resolve(to), created: formatRfc3339(createdMs), trees: trees.map((tree) => ({ ...tree })) });
  else {
    terminal.out(`Backed up ${data} to ${resolve(to)}`);
    for (const { origin, size } of trees) terminal.out(`  log     ${origin}, ${size} entries`);
    terminal.out("  keys    every private key is in it: keep it as you keep those");
    terminal.out(`  next    sigillum restore ${to} --data DIR, should the data directory be lost`);
  }
  return exitCodes.success;
}

/** `sigillum restore DIRECTORY --data NEW`: a data directory whose logs are sealed where the backup ends and go on in new shards. */
export async function runRestore(args: Arguments, terminal: Terminal): Promise<number> {
  const [backup = ""] = args.positionals;
  const data = resolve(args.required("data", "it names the data directory to make"));
  const nextUrlV2 = args.string("url");
  const published: string[] = [];
  for (const path of args.strings("published")) published.push(...(await checkpointsIn(path)));
  const report = await restoreStack({
    backup: resolve(backup),
    dataDirectory: data,
    nowMs: Date.now(),
    published,
    ...(nextUrlV2 === undefined ? {} : { nextUrlV2 }),
  });
  if (terminal.format === "json") {
    terminal.json({
      dataDirectory: data,
      backup: formatRfc3339(report.createdMs),
      shards: report.shards.map((shard) => ({ ...shard })),
    });
    return exitCodes.success;
  }
  terminal.out(`Restored ${data} from the backup of ${formatRfc3339(report.createdMs)}`);
  for (const { api, id, size, lost, next, nextUrl } of report.shards) {
    terminal.out(`  ${api.padEnd(2)}      shard ${id} sealed at ${size} entries; ${next} follows it at ${nextUrl}`);
    if (lost > 0) terminal.out(`          ${lost} entries after it were published and are lost; their indexes stay empty`);
  }
  if (published.length === 0)
    terminal.note(
      "What was logged after the backup is lost, and without --published nobody knows how much: log v1 may give indexes again. A newer checkpoint stands in any bundle that was made later",
    );
  terminal.note("Clients that fetched the trust root before do not know the new keys until they refresh it");
  terminal.out(`  next    sigillum serve --data ${args.string("data")}`);
  return exitCodes.success;
}

/** The checkpoints in a file: the file itself, or every one that stands in a bundle or another JSON document. */
async function checkpointsIn(path: string): Promise<string[]> {
  let text: string;
  try {
    text = parseUtf8(await readFile(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw operateError("PUBLISHED_UNREADABLE", `Cannot read --published ${path}: ${reason}`, { cause });
  }
  const found = text.trimStart().startsWith("{") ? notesIn(document(text, path)) : [text];
  if (found.length > 0) return found;
  throw operateError("PUBLISHED_UNREADABLE", `Cannot read --published ${path}: there is no checkpoint in it`, {
    expected: "a signed checkpoint, or a bundle that has one",
  });
}

function document(text: string, path: string): JsonValue {
  try {
    return parseJson(text, { maxBytes: 64 * 1024 * 1024 });
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw operateError("PUBLISHED_UNREADABLE", `Cannot read --published ${path}: ${cause.message}`, { cause });
  }
}

function notesIn(value: JsonValue): string[] {
  if (typeof value === "string") return /^[^\n]+\n\d+\n[A-Za-z0-9+/]{43}=\n/.test(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(notesIn) : [];
}
