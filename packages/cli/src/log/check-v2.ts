// What must hold of an entry of Rekor v2, and of its tree: a shard is a log of its own, whose checkpoint and tiles prove everything.
import { type NoteKey, noteKey, parseCheckpoint, parseSignedNote, verifyCheckpoint } from "@sigillum/library/checkpoint";
import { encodeHex, JsonObject, parseJson } from "@sigillum/library/encoding";
import { consistencyProof, inclusionProof, leafHash, verifyInclusion } from "@sigillum/library/merkle";
import { fetchCheckpointV2, fetchLeafV2, tileReaderV2 } from "@sigillum/library/services";
import { type CheckedEntry, type TreeHead, verifyExtends } from "./check.ts";
import type { OpenLog } from "./connection.ts";
import { logCommandError } from "./errors.ts";

/** The tree that a log shows, under a checkpoint that its key signed. */
export interface TreeV2 extends TreeHead {
  readonly envelope: string;
  readonly key: NoteKey;
}

/** Fetch the checkpoint and verify it; the key is found by the hint in its signature line. */
export async function fetchTreeV2(log: OpenLog): Promise<TreeV2> {
  const envelope = await fetchCheckpointV2(log.url);
  const note = parseSignedNote(envelope);
  const { origin } = parseCheckpoint(note.text);
  const hint = note.signatures.find(({ name }) => name === origin)?.keyHint ?? new Uint8Array(4);
  const key = noteKey(origin, await log.keyOf({ logId: hint, treeId: origin }));
  const { treeSize, root } = verifyCheckpoint(envelope, key, { origin });
  return { treeId: origin, size: treeSize, root, envelope, key };
}

/** Fetch an entry by its index and prove it with tiles that the log serves. Who signed the entry is not judged. */
export async function fetchCheckedV2(log: OpenLog, index: number): Promise<CheckedEntry> {
  const { treeId, size, root, envelope, key } = await fetchTreeV2(log);
  if (index >= size)
    throw logCommandError("LOG_NOTHING_FOUND", `Cannot get entry: ${log.url} has none with index ${index}`, {
      found: `a tree of ${size}`,
    });
  const [body, hashes] = await Promise.all([
    fetchLeafV2(log.url, { index, treeSize: size }),
    inclusionProof(index, size, tileReaderV2(log.url)),
  ]);
  const hash = leafHash(body);
  verifyInclusion({ leafHash: hash, leafIndex: index, treeSize: size, root, proof: hashes });
  const document = JsonObject.exact(parseJson(body), "entry body");
  const proof = { logIndex: index, treeSize: size, rootHash: root, hashes, checkpoint: envelope };
  const [kind, version] = [document.string("kind"), document.string("apiVersion")];
  const entry = { logIndex: index, logId: key.keyId, kind, version, body, proof };
  const checkpoint = { origin: treeId, treeSize: size, root, extensions: [] };
  return { id: encodeHex(hash), entry, body, proof, checkpoint, treeId };
}

/** Prove with the log's tiles that a tree extends what it was; throws LOG_REWRITTEN when it shrank or changed. */
export function checkExtendsV2(log: OpenLog, before: TreeHead, now: TreeHead): Promise<void> {
  return verifyExtends(log, before, now, () => consistencyProof(before.size, now.size, tileReaderV2(log.url)));
}
