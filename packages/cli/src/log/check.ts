// What must hold of an entry that a log answered, and of a tree that it shows.
import { type Checkpoint, noteKey, parseCheckpoint, parseSignedNote, verifyCheckpoint } from "@sigillum/library/checkpoint";
import { defaultScheme, type PublicKey } from "@sigillum/library/crypto";
import { encodeHex, equalBytes } from "@sigillum/library/encoding";
import { parseEntryId, verifySet } from "@sigillum/library/log-entry";
import { leafHash, verifyConsistency, verifyInclusion } from "@sigillum/library/merkle";
import { fetchConsistencyV1, type NamedEntryV1, type ShardInfoV1 } from "@sigillum/library/services";
import { logIdOf, type OpenLog } from "./connection.ts";
import { logCommandError } from "./errors.ts";

/** An entry whose place in the log was proved. */
export interface CheckedEntry extends NamedEntryV1 {
  readonly body: Uint8Array;
  readonly proof: NonNullable<NamedEntryV1["entry"]["proof"]>;
  /** The tree that it was proved to be in, signed by the log's key. */
  readonly checkpoint: Checkpoint;
  readonly treeId: string;
}

/**
 * Prove an entry by its own evidence: its id is the hash of its body, the promise is the log's, the proof leads to the root of a
 * checkpoint that the log's key signed, in the tree that the id names. Who signed the entry is not judged.
 */
export async function checkEntry(log: OpenLog, named: NamedEntryV1): Promise<CheckedEntry> {
  const { entry, id } = named;
  const { body, proof, promise, integratedTimeS = 0 } = entry;
  if (body === undefined || proof?.checkpoint === undefined)
    throw falseAnswer(id, "it has no body, or no proof with a checkpoint");
  const { uuid, treeId } = parseEntryId(id);
  const hash = leafHash(body);
  if (encodeHex(hash) !== uuid)
    throw falseAnswer(id, "its body has another hash than its id says", { found: encodeHex(hash), expected: uuid });
  const key = await log.keyOf({ logId: entry.logId, treeId: String(treeId ?? "") });
  if (!equalBytes(logIdOf(key), entry.logId))
    throw falseAnswer(id, "it names another log than the one whose key is known", {
      found: encodeHex(entry.logId),
      expected: encodeHex(logIdOf(key)),
    });
  if (promise !== undefined)
    verifySet({ body, integratedTime: integratedTimeS, logId: entry.logId, logIndex: entry.logIndex }, promise, {
      publicKey: key,
      scheme: defaultScheme(key),
    });
  const { checkpoint, treeId: signedTree } = checkTree(proof.checkpoint, key);
  if (treeId !== undefined && String(treeId) !== signedTree)
    throw falseAnswer(id, "its checkpoint is of another tree", { found: signedTree, expected: String(treeId) });
  if (checkpoint.treeSize !== proof.treeSize || !equalBytes(checkpoint.root, proof.rootHash))
    throw falseAnswer(id, "its proof is for another tree than its checkpoint");
  const { logIndex: leafIndex, treeSize, hashes } = proof;
  verifyInclusion({ leafHash: hash, leafIndex, treeSize, root: checkpoint.root, proof: hashes });
  return { ...named, body, proof, checkpoint, treeId: signedTree };
}

/** Verify a v1 checkpoint: origin `NAME - TREE`, signed under the name NAME. */
export function checkTree(envelope: string, key: PublicKey): { readonly checkpoint: Checkpoint; readonly treeId: string } {
  const { origin } = parseCheckpoint(parseSignedNote(envelope).text);
  const [, name, treeId] = /^(.+) - (\d+)$/.exec(origin) ?? [];
  if (name === undefined || treeId === undefined)
    throw logCommandError("LOG_ANSWER_FALSE", "Cannot believe checkpoint: its origin names no tree of Rekor v1", {
      found: origin,
      expected: "NAME - NUMBER",
    });
  return { checkpoint: verifyCheckpoint(envelope, noteKey(name, key), { origin }), treeId };
}

/** A size and root of a tree. */
export interface TreeHead {
  readonly treeId: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Verify what the log says of one of its shards, against its signed checkpoint. */
export async function checkShard(log: OpenLog, shard: ShardInfoV1): Promise<TreeHead> {
  // The log tells no id of a shard; the hint in the signature line is its beginning.
  const [line] = parseSignedNote(shard.signedTreeHead).signatures;
  const key = await log.keyOf({ treeId: shard.treeId, logId: line?.keyHint ?? new Uint8Array(4) });
  const { checkpoint, treeId } = checkTree(shard.signedTreeHead, key);
  if (treeId !== shard.treeId || checkpoint.treeSize !== shard.treeSize || !equalBytes(checkpoint.root, shard.rootHash))
    throw logCommandError("LOG_ANSWER_FALSE", `Cannot believe shard ${shard.treeId}: its checkpoint says something else of it`, {
      found: `tree ${shard.treeId} of ${shard.treeSize}`,
      expected: `tree ${treeId} of ${checkpoint.treeSize}`,
    });
  return { treeId, size: checkpoint.treeSize, root: checkpoint.root };
}

/** Prove that a tree extends what it was; throws LOG_REWRITTEN when it shrank or changed. */
export function checkExtends(log: OpenLog, before: TreeHead, now: TreeHead): Promise<void> {
  const sizes = { firstSize: before.size, lastSize: now.size, treeId: now.treeId };
  return verifyExtends(log, before, now, async () => (await fetchConsistencyV1(log.url, sizes)).hashes);
}

/** As `checkExtends`, with a proof from anywhere. */
export async function verifyExtends(
  log: OpenLog,
  before: TreeHead,
  now: TreeHead,
  proofOf: () => Promise<readonly Uint8Array[]>,
): Promise<void> {
  if (before.size === 0) return;
  const where = `Log ${log.url}, tree ${now.treeId}`;
  if (now.size < before.size)
    throw logCommandError("LOG_REWRITTEN", `${where}, shrank: it had ${before.size} entries and now shows ${now.size}`, {
      found: String(now.size),
      expected: `at least ${before.size}`,
    });
  const proof = now.size === before.size ? [] : await proofOf();
  try {
    verifyConsistency({ size1: before.size, root1: before.root, size2: now.size, root2: now.root, proof });
  } catch (cause) {
    throw logCommandError("LOG_REWRITTEN", `${where}, does not extend the tree of ${before.size} that it showed before`, {
      cause,
      found: `root ${encodeHex(now.root)} at ${now.size}`,
      expected: `an extension of root ${encodeHex(before.root)} at ${before.size}`,
    });
  }
}

function falseAnswer(id: string, why: string, fields: { found?: string; expected?: string } = {}): Error {
  return logCommandError("LOG_ANSWER_FALSE", `Cannot believe entry ${id}: ${why}`, fields);
}
