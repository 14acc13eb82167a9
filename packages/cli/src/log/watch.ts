// log watch: new entries of an identity, while the log is proved to have rewritten nothing.
import { formatRfc3339 } from "@sigillum/library/encoding";
import { fetchEntriesV1 } from "@sigillum/library/services";
import { type Arguments, argumentError, parseDuration } from "../arguments/index.ts";
import { regexpMatcher } from "../blob/index.ts";
import { exitCodes, formatTime, type Terminal } from "../terminal/index.ts";
import { type CheckedEntry, checkEntry, type TreeHead } from "./check.ts";
import { apiOf, type OpenLog, openLog, openShardsV2 } from "./connection.ts";
import { describeEntry, type EntrySigner, signerText } from "./describe-entry.ts";
import { logCommandError } from "./errors.ts";
import { checkAllExtend, currentHeads } from "./info.ts";
import { type LogMemory, memoryPath, readMemory, writeMemory } from "./memory.ts";
import { lookAtShardsV2, type WatchV2 } from "./watch-v2.ts";

/** Entries of one request; the API takes no more. */
const perRequest = 10;

/** `sigillum log watch`: prints each entry of the identity, and ends with LOG_REWRITTEN should the log not be what it was. */
export async function runLogWatch(args: Arguments, terminal: Terminal): Promise<number> {
  const matches = await matcherOf(args);
  const intervalMs = parseDuration(args.string("interval") ?? "10s", "interval");
  if (apiOf(args) === "v2") return watchV2(args, terminal, matches, intervalMs);
  const log = await openLog(args, terminal);
  const path = args.string("state") ?? `${memoryPath(log.url)}.watch`;
  let memory = await readMemory(path, log.url);
  for (;;) {
    const heads = await currentHeads(log);
    await checkAllExtend(log, memory.trees, heads);
    const total = heads.reduce((sum, { size }) => sum + size, 0);
    const from = memory.nextIndex ?? startOf(args, total);
    // What was seen of the trees is kept first: should reading end here, the comparison goes on from now.
    memory = { ...memory, trees: heads, nextIndex: from };
    await writeMemory(path, memory);
    memory = await readNew(
      log,
      memory,
      heads,
      total,
      path,
      (entry, signer) => matches(signer) && print(entry, signer, log, terminal),
    );
    if (args.boolean("once")) {
      if (terminal.format === "text")
        terminal.note(`Looked at entries ${from} to ${total - 1}; the log extends what was seen of it before`);
      return exitCodes.success;
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

async function watchV2(args: Arguments, terminal: Terminal, matches: Matcher, intervalMs: number): Promise<number> {
  const { name } = await openShardsV2(args, terminal);
  const path = args.string("state") ?? `${memoryPath(name)}.watch`;
  let memory = await readMemory(path, name);
  const watch: WatchV2 = {
    // Anew at each look: a rotation publishes the next shard before anybody writes to it.
    shards: async () => (await openShardsV2(args, terminal)).shards,
    startOf: (size) => startOf(args, size),
    take: (entry, log) => {
      for (const signer of describeEntry(entry.body).signers) if (matches(signer)) print(entry, signer, log, terminal);
    },
    keep: (seen) => writeMemory(path, seen),
  };
  for (;;) {
    const { memory: seen, read, shards } = await lookAtShardsV2(watch, memory);
    memory = seen;
    if (args.boolean("once")) {
      if (terminal.format === "text")
        terminal.note(`Looked at ${read} new entries of ${shards} shards; each extends what was seen of it before`);
      return exitCodes.success;
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

type Take = (entry: CheckedEntry, signer: EntrySigner) => unknown;

async function readNew(
  log: OpenLog,
  start: LogMemory,
  heads: readonly TreeHead[],
  total: number,
  path: string,
  take: Take,
): Promise<LogMemory> {
  let memory = start;
  while ((memory.nextIndex ?? 0) < total) {
    const from = memory.nextIndex ?? 0;
    const wanted = Array.from({ length: Math.min(perRequest, total - from) }, (_, at) => from + at);
    const found = new Map((await fetchEntriesV1(log.url, { logIndexes: wanted })).map((named) => [named.entry.logIndex, named]));
    for (const index of wanted) {
      const named = found.get(index);
      if (named === undefined)
        throw logCommandError("LOG_REWRITTEN", `Log ${log.url} has ${total} entries and does not give entry ${index}`, {
          found: "nothing",
          expected: `entry ${index}`,
        });
      const checked = await checkEntry(log, named);
      requirePlace(checked, index, heads, log);
      for (const signer of describeEntry(checked.body).signers) take(checked, signer);
    }
    memory = { ...memory, nextIndex: from + wanted.length };
    await writeMemory(path, memory);
  }
  return memory;
}

// An index over all shards leads to one place in one tree: the entry must be proved for that, or another could be shown twice.
function requirePlace({ proof, treeId, id }: CheckedEntry, index: number, heads: readonly TreeHead[], log: OpenLog): void {
  let local = index;
  for (const [at, head] of heads.entries()) {
    const last = at === heads.length - 1;
    if (local < head.size || last) {
      // A tree that became sealed between the two requests has its successor's entries in its own place still.
      if (head.treeId === treeId && proof.logIndex === local) return;
      break;
    }
    local -= head.size;
  }
  throw logCommandError("LOG_ANSWER_FALSE", `Cannot believe ${log.url}: for index ${index} it proves another place`, {
    found: `${id}, index ${proof.logIndex} of tree ${treeId}`,
    expected: `index ${local}`,
  });
}

function print(entry: CheckedEntry, signer: EntrySigner, log: OpenLog, terminal: Terminal): void {
  const { kind, about } = describeEntry(entry.body);
  const { integratedTimeS } = entry.entry;
  const timeMs = integratedTimeS === undefined ? undefined : integratedTimeS * 1000;
  if (terminal.format === "json") {
    // A line an entry: whoever follows reads while it goes on.
    // Log v2 keeps no time: that is for timestamp authorities to say.
    const time = timeMs === undefined ? {} : { time: formatRfc3339(timeMs) };
    const line = { log: log.url, logIndex: entry.entry.logIndex, ...time, signer, kind, about, id: entry.id };
    terminal.out(JSON.stringify(line));
  } else
    terminal.out(
      `${timeMs === undefined ? log.url : formatTime(timeMs)}  entry ${entry.entry.logIndex}  ${signerText(signer)}  ${kind}${about.length === 0 ? "" : `: ${about[0]}`}`,
    );
}

function startOf(args: Arguments, total: number): number {
  const text = args.string("from");
  if (text === undefined) return total;
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Math.min(Number(text), total);
  throw argumentError("FLAG_VALUE_INVALID", `Cannot run log watch: --from is ${JSON.stringify(text)}`, {
    found: text,
    expected: "an index from 0",
  });
}

type Matcher = (signer: EntrySigner) => boolean;

async function matcherOf(args: Arguments): Promise<Matcher> {
  args.exclusive("identity", "identity-regexp");
  args.exclusive("issuer", "issuer-regexp");
  const name = await textMatcher(args, "identity");
  const issuer = await textMatcher(args, "issuer");
  return (signer) => {
    // A key has no issuer; its name is what `log get` shows.
    if ("key" in signer)
      return issuer === undefined && (name === undefined || name(signer.key) || name(signer.key.replace("the key ", "")));
    const issuerFits = issuer === undefined || issuer(signer.issuer ?? "");
    return issuerFits && (name === undefined || signer.identities.some(name));
  };
}

async function textMatcher(args: Arguments, flag: string): Promise<((text: string) => boolean) | undefined> {
  const exact = args.string(flag);
  if (exact !== undefined) return (text) => text === exact;
  const pattern = args.string(`${flag}-regexp`);
  if (pattern === undefined) return undefined;
  const { matches } = await regexpMatcher(pattern, `${flag}-regexp`);
  return matches;
}
