// log info: the trees of a log, proved to extend what they were when this was last asked.
import { parseSignedNote, verifyCosignature } from "@sigillum/library/checkpoint";
import { encodeHex, formatRfc3339 } from "@sigillum/library/encoding";
import { fetchLogInfoV1 } from "@sigillum/library/services";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { witnessKey } from "../blob/index.ts";
import { exitCodes, formatTime, type Terminal } from "../terminal/index.ts";
import { checkExtends, checkShard, type TreeHead } from "./check.ts";
import { checkExtendsV2, fetchTreeV2 } from "./check-v2.ts";
import { apiOf, type OpenLog, openLog } from "./connection.ts";
import { logCommandError } from "./errors.ts";
import { memoryPath, readMemory, writeMemory } from "./memory.ts";

/** `sigillum log info`. */
export async function runLogInfo(args: Arguments, terminal: Terminal): Promise<number> {
  const log = await openLog(args, terminal, apiOf(args));
  const remembers = args.boolean("store-tree-state", true);
  const path = memoryPath(log.url);
  const memory = await readMemory(path, log.url);
  const heads = await currentHeads(log);
  await checkAllExtend(log, memory.trees, heads);
  const cosigned = verifiedCosignatures(args, log, heads);
  if (remembers) await writeMemory(path, { ...memory, trees: heads });
  const active = heads.at(-1);
  const total = heads.reduce((sum, { size }) => sum + size, 0);
  const rekor = {
    ActiveTreeSize: active?.size ?? 0,
    TotalTreeSize: total,
    RootHash: encodeHex(active?.root ?? new Uint8Array()),
    TreeID: active?.treeId ?? "",
  };
  if (args.string("format") === "json") terminal.out(JSON.stringify(rekor));
  else if (terminal.format === "json")
    terminal.json({
      log: log.url,
      vouchedBy: log.vouchedBy,
      comparedWithBefore: memory.trees.length > 0,
      totalSize: total,
      shards: heads.map(({ treeId, size, root }, at) => ({
        treeId,
        size,
        root: encodeHex(root),
        state: at === heads.length - 1 ? "active" : "sealed",
      })),
      ...(cosigned.length === 0 ? {} : { cosigned: cosigned.map(({ name, timeMs }) => ({ name, time: formatRfc3339(timeMs) })) }),
    });
  else {
    terminal.out("Verification Successful!");
    terminal.out(`Active Tree Size:       ${rekor.ActiveTreeSize}`);
    terminal.out(`Total Tree Size:        ${rekor.TotalTreeSize}`);
    terminal.out(`Root Hash:              ${rekor.RootHash}`);
    terminal.out(`TreeID:                 ${rekor.TreeID}`);
    for (const { treeId, size } of heads.slice(0, -1)) terminal.out(`Sealed Tree:            ${treeId} of ${size}`);
    for (const { name, timeMs } of cosigned) terminal.out(`Cosigned:               by ${name} at ${formatTime(timeMs)}`);
    const others = cosignersOf(heads).filter((name) => cosigned.every((one) => one.name !== name));
    if (others.length > 0)
      terminal.note(`It has lines of ${others.join(", ")} too, which nobody vouched for: --witness VKEY verifies one`);
    terminal.note(`Checkpoints verified under keys that have the word of ${log.vouchedBy}`);
    terminal.note(
      memory.trees.length === 0
        ? "Nothing was seen of this log before, so nothing could be compared"
        : "Every tree extends what was seen of it before",
    );
  }
  return exitCodes.success;
}

// The witnesses that --witness demands, each of which must have cosigned the checkpoint that is shown.
function verifiedCosignatures(
  args: Arguments,
  log: OpenLog,
  heads: readonly (TreeHead & { readonly envelope?: string })[],
): { readonly name: string; readonly timeMs: number }[] {
  const keys = args.strings("witness").map((text) => witnessKey(text, args));
  const envelope = heads.at(-1)?.envelope;
  if (keys.length === 0) return [];
  if (envelope === undefined)
    throw argumentError("FLAGS_CONFLICT", `Cannot run log info: what log ${log.api} answers has no room for cosignatures`, {
      found: "--witness",
      expected: "--log v2 beside it",
    });
  return keys.map((key) => ({ name: key.name, timeMs: verifyCosignature(envelope, key).timestampS * 1000 }));
}

/** Who else signed the newest checkpoint, by their own word. */
function cosignersOf(heads: readonly (TreeHead & { readonly envelope?: string })[]): string[] {
  const head = heads.at(-1);
  if (head?.envelope === undefined) return [];
  return parseSignedNote(head.envelope).signatures.flatMap(({ name }) => (name === head.treeId ? [] : [name]));
}

/** The trees of a log, oldest first, each under a checkpoint that its key signed. */
export async function currentHeads(log: OpenLog): Promise<(TreeHead & { readonly envelope?: string })[]> {
  if (log.api === "v2") return [await fetchTreeV2(log)];
  const { active, inactive } = await fetchLogInfoV1(log.url);
  const heads: TreeHead[] = [];
  for (const shard of [...inactive, active]) heads.push(await checkShard(log, shard));
  return heads;
}

/** Prove that every tree that was seen before is there still and extends what it was; a sealed one may not grow. */
export async function checkAllExtend(log: OpenLog, before: readonly TreeHead[], now: readonly TreeHead[]): Promise<void> {
  for (const [at, old] of before.entries()) {
    const current = now[at];
    if (current?.treeId !== old.treeId)
      throw logCommandError("LOG_REWRITTEN", `Log ${log.url} does not show tree ${old.treeId} any more, which it had`, {
        found: now.map(({ treeId }) => treeId).join(", "),
        expected: old.treeId,
      });
    await (log.api === "v2" ? checkExtendsV2(log, old, current) : checkExtends(log, old, current));
    // Every tree but the last had its final size when it was seen: indexes over all shards depend on it.
    if (at < before.length - 1 && current.size !== old.size)
      throw logCommandError("LOG_REWRITTEN", `Log ${log.url}, tree ${old.treeId}, has grown after it was sealed`, {
        found: String(current.size),
        expected: String(old.size),
      });
  }
}
