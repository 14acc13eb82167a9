// What Rekor v1 says of the log itself: info, keys, consistency.
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodeHex } from "@sigillum/library/encoding";
import { type HttpReply, jsonReply } from "../host/index.ts";
import { invalid } from "./entries.ts";
import { rekorV1Error } from "./errors.ts";
import type { RekorV1Shard, ShardList } from "./shards.ts";

/** GET /api/v1/log. */
export function logInfo(shards: ShardList): HttpReply {
  const inactive = shards.all.filter((shard) => shard !== shards.active).map(shardInfo);
  return jsonReply(200, { inactiveShards: inactive.length === 0 ? null : inactive, ...shardInfo(shards.active) });
}

function shardInfo({ shard, treeId }: RekorV1Shard): Readonly<Record<string, unknown>> {
  const { text, size } = shard.checkpoint();
  return { rootHash: encodeHex(shard.head().root), signedTreeHead: text, treeID: String(treeId), treeSize: size };
}

/** GET /api/v1/log/publicKey. */
export function publicKey(shards: ShardList, query: URLSearchParams): HttpReply {
  const { signer } = shards.byTreeId(treeIdOf(query));
  return { status: 200, headers: { "content-type": "application/x-pem-file" }, body: encodePublicKeyPem(signer.publicKey) };
}

/** GET /api/v1/log/proof. */
export async function consistency(shards: ShardList, query: URLSearchParams): Promise<HttpReply> {
  const lastSize = sizeOf(query, "lastSize");
  if (lastSize === undefined) throw invalid(602, "lastSize in query is required");
  const firstSize = sizeOf(query, "firstSize") ?? 1;
  const { shard } = shards.byTreeId(treeIdOf(query));
  if (firstSize > lastSize)
    throw sizeError(`firstSize(${firstSize}) must be less than lastSize(${lastSize})`, firstSize, lastSize);
  const { size, root } = shard.head();
  if (lastSize > size)
    throw sizeError(
      `The tree size requested(${lastSize}) was greater than what is currently observable(${size})`,
      lastSize,
      size,
    );
  const proof = await shard.consistencyProof(firstSize, lastSize);
  // TRAP of transparency-log.md §1.7: the root is that of the current tree, not of lastSize.
  return jsonReply(200, { hashes: proof.map((hash) => encodeHex(hash)), rootHash: encodeHex(root) });
}

function sizeError(message: string, found: number, expected: number): Error {
  return rekorV1Error("REKOR_V1_SIZE_INVALID", message, { found: String(found), expected: `at most ${expected}` });
}

function sizeOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const size = integerOf(text, name);
  if (size < 1) throw invalid(609, `${name} in query should be greater than or equal to 1`);
  return size;
}

/** Read an integer of a query; beyond 2^53 it is refused like what is no number. */
export function integerOf(text: string, name: string): number {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw invalid(601, `${name} in query must be of type int64: ${JSON.stringify(text.slice(0, 40))}`);
}

function treeIdOf(query: URLSearchParams): bigint | undefined {
  const text = query.get("treeID");
  if (text === null) return undefined;
  if (!/^\d{1,19}$/.test(text)) throw invalid(605, "treeID in query should match '^[0-9]+$'");
  return BigInt(text);
}
