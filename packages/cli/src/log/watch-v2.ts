// log watch on Rekor v2: every shard is a log of its own, read in whole entry bundles, each entry proved to be where it stands.
import { encodeHex, JsonObject, parseJson } from "@sigillum/library/encoding";
import { type AsyncTileReader, inclusionProof, leafHash, tileWidth, verifyInclusion } from "@sigillum/library/merkle";
import { fetchLeavesV2, tileReaderV2 } from "@sigillum/library/services";
import type { CheckedEntry } from "./check.ts";
import { checkExtendsV2, fetchTreeV2, type TreeV2 } from "./check-v2.ts";
import type { OpenLog } from "./connection.ts";
import { logCommandError } from "./errors.ts";
import type { LogMemory, SeenTree } from "./memory.ts";

/** Reads what is new; told of each entry, after it was proved. */
export interface WatchV2 {
  /** The shards as the trust root has them now, oldest first. */
  shards(): Promise<readonly OpenLog[]>;
  /** Where a shard that was there at the first look is begun, by its size. */
  startOf(size: number): number;
  take(entry: CheckedEntry, log: OpenLog): void;
  keep(memory: LogMemory): Promise<void>;
}

/** One look at every shard; returns what is remembered then, and how many entries were read. */
export async function lookAtShardsV2(
  watch: WatchV2,
  before: LogMemory,
): Promise<{ readonly memory: LogMemory; readonly read: number; readonly shards: number }> {
  let memory = before;
  let read = 0;
  const isFirst = before.trees.length === 0;
  const shards = await watch.shards();
  const heads: { log: OpenLog; tree: TreeV2 }[] = [];
  for (const log of shards) heads.push({ log, tree: await fetchTreeV2(log) });
  requireEveryTree(before, heads);
  for (const { log, tree } of heads) {
    const seen = memory.trees.find(({ treeId, logId }) => treeId === tree.treeId && logId === logIdOf(tree));
    if (seen !== undefined) await checkExtendsV2(log, seen, tree);
    // What was seen of the tree is kept first: should reading end here, the comparison goes on from now.
    let nextIndex = seen?.nextIndex ?? (isFirst ? watch.startOf(tree.size) : 0);
    memory = remember(memory, tree, nextIndex);
    await watch.keep(memory);
    while (nextIndex < tree.size) {
      nextIndex = await readBundle(watch, log, tree, nextIndex, (count) => {
        read += count;
      });
      memory = remember(memory, tree, nextIndex);
      await watch.keep(memory);
    }
  }
  return { memory, read, shards: shards.length };
}

/** The entries from an index to the end of its bundle; returns the index after them. */
async function readBundle(
  watch: WatchV2,
  log: OpenLog,
  tree: TreeV2,
  from: number,
  onRead: (count: number) => void,
): Promise<number> {
  const { size, root } = tree;
  const bundle = Math.floor(from / tileWidth);
  const end = Math.min(size, (bundle + 1) * tileWidth);
  const leaves = await fetchLeavesV2(log.url, { bundle, treeSize: size });
  const tiles = remembering(tileReaderV2(log.url));
  for (let index = from; index < end; index++) {
    const body = leaves[index - bundle * tileWidth];
    if (body === undefined)
      throw logCommandError("LOG_REWRITTEN", `Log ${log.url} has ${size} entries and does not give entry ${index}`, {
        found: `a bundle of ${leaves.length}`,
        expected: `entry ${index}`,
      });
    const [hash, hashes] = [leafHash(body), await inclusionProof(index, size, tiles)];
    verifyInclusion({ leafHash: hash, leafIndex: index, treeSize: size, root, proof: hashes });
    watch.take(checkedEntry(tree, index, body, hash, hashes), log);
  }
  onRead(end - from);
  return end;
}

function checkedEntry(
  { treeId, size, root, envelope, key }: TreeV2,
  index: number,
  body: Uint8Array,
  hash: Uint8Array,
  hashes: readonly Uint8Array[],
): CheckedEntry {
  const document = JsonObject.exact(parseJson(body), "entry body");
  const [kind, version] = [document.string("kind"), document.string("apiVersion")];
  const proof = { logIndex: index, treeSize: size, rootHash: root, hashes, checkpoint: envelope };
  const entry = { logIndex: index, logId: key.keyId, kind, version, body, proof };
  const checkpoint = { origin: treeId, treeSize: size, root, extensions: [] };
  return { id: encodeHex(hash), entry, body, proof, checkpoint, treeId };
}

/** The tiles of one bundle's proofs are the same few: each is fetched once. */
function remembering(read: AsyncTileReader): AsyncTileReader {
  const known = new Map<string, ReturnType<AsyncTileReader>>();
  return (level, index, width) => {
    const name = `${level}/${index}/${width}`;
    const found = known.get(name) ?? read(level, index, width);
    known.set(name, found);
    return found;
  };
}

// A shard that was there once stays for ever: old signatures verify with it.
function requireEveryTree(before: LogMemory, heads: readonly { readonly log: OpenLog; readonly tree: TreeV2 }[]): void {
  for (const { treeId, logId } of before.trees) {
    if (heads.some(({ tree }) => tree.treeId === treeId && logIdOf(tree) === logId)) continue;
    throw logCommandError("LOG_REWRITTEN", `The shard ${treeId} was there and is not among those of the trust root any more`, {
      found: heads.map(({ tree }) => tree.treeId).join(", "),
      expected: treeId,
    });
  }
}

function remember(memory: LogMemory, tree: TreeV2, nextIndex: number): LogMemory {
  const own: SeenTree = { treeId: tree.treeId, logId: logIdOf(tree), size: tree.size, root: tree.root, nextIndex };
  const at = memory.trees.findIndex(({ treeId, logId }) => treeId === own.treeId && logId === own.logId);
  return { ...memory, trees: at < 0 ? [...memory.trees, own] : memory.trees.with(at, own) };
}

// On one machine shards share an origin: the key tells them apart.
function logIdOf({ key }: TreeV2): string {
  return encodeHex(key.keyId);
}
