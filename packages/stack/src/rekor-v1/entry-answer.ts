// How an entry is answered: with its proof against the latest checkpoint of its shard and a signed entry timestamp made now.
import type { Signer } from "@sigillum/library/crypto";
import { formatEntryId, setPayload } from "@sigillum/library/log-entry";
import { type Hash, leafHash } from "@sigillum/library/merkle";
import type { Octets } from "../host/index.ts";
import type { PublishedProof } from "../log-engine/index.ts";
import { type Place, rekorV1LogId, type ShardList } from "./shards.ts";

/** An entry as Rekor v1 answers it: one member, named by its entry id. */
export type LogEntryJson = Readonly<Record<string, unknown>>;

/** What is known of an entry before it is read. */
export interface KnownEntry {
  readonly id: string;
  readonly leafHash: Uint8Array;
  readonly leaf: Uint8Array;
  readonly timeMs: number;
}

interface AnsweredEntry {
  readonly id: string;
  /** Base64, where one is kept. */
  readonly attestation?: string;
  /** Base64. */
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly proof: PublishedProof;
  /** Base64. */
  readonly signedEntryTimestamp: string;
}

/** The id of an entry with this leaf hash in the shard that has it. */
export function entryIdOf(place: Pick<Place, "owner">, hash: Hash): string {
  return formatEntryId(place.owner.treeId, hex(hash));
}

/** An entry as a value, for answers that hold several. */
export async function logEntryOf(shards: ShardList, place: Place): Promise<LogEntryJson> {
  const entry = await answeredEntry(shards, place);
  const { id, attestation, body, integratedTime, logID, logIndex, proof, signedEntryTimestamp } = entry;
  const inclusionProof = {
    checkpoint: proof.checkpoint,
    hashes: proof.hashes.map((hash) => hex(hash)),
    logIndex: proof.index,
    rootHash: hex(proof.root),
    treeSize: proof.size,
  };
  return {
    [id]: {
      ...(attestation === undefined ? {} : { attestation: { data: attestation } }),
      body,
      integratedTime,
      logID,
      logIndex,
      verification: { inclusionProof, signedEntryTimestamp },
    },
  };
}

/** As JSON.stringify of `logEntryOf`, put together from texts: of an entry that was just added. */
export async function addedEntryJson(shards: ShardList, place: Place, known: KnownEntry): Promise<Octets> {
  const { id, body, integratedTime, logID, logIndex, proof, signedEntryTimestamp } = await answeredEntry(shards, place, known);
  const hashes = proof.hashes.length === 0 ? "" : `"${proof.hashes.map((hash) => hex(hash)).join('","')}"`;
  const inclusionProof = `{"checkpoint":${checkpointJson(proof.checkpoint)},"hashes":[${hashes}],"logIndex":${proof.index},"rootHash":"${hex(proof.root)}","treeSize":${proof.size}}`;
  return {
    octets: `{"${id}":{"body":"${body}","integratedTime":${integratedTime},"logID":"${logID}","logIndex":${logIndex},"verification":{"inclusionProof":${inclusionProof},"signedEntryTimestamp":"${signedEntryTimestamp}"}}}`,
  };
}

async function answeredEntry(shards: ShardList, place: Place, known?: KnownEntry): Promise<AnsweredEntry> {
  const { shard, signer, attestations } = place.owner;
  const { leaf, timeMs } = known ?? (await shard.entry(place.index));
  const hash = known?.leafHash ?? leafHash(leaf);
  const proof = await shard.proof(place.index, hash);
  const logIndex = shards.virtualIndex(place);
  const integratedTime = Math.floor(timeMs / 1000);
  const body = base64(leaf);
  // Of an entry that was just added the client has what it sent.
  const attestation = known === undefined ? await attestations.of(leaf) : undefined;
  const payload = setPayload({ body: leaf, bodyBase64: body, integratedTime, logId: rekorV1LogId(signer), logIndex });
  return {
    id: known?.id ?? entryIdOf(place, hash),
    ...(attestation === undefined ? {} : { attestation: base64(attestation) }),
    body,
    integratedTime,
    logID: logIdHex(signer),
    logIndex,
    proof,
    signedEntryTimestamp: base64(await signer.sign(payload)),
  };
}

let written = { checkpoint: "", octets: '""' };

// All entries of a batch are answered with one checkpoint. Its signature lines begin with a dash that takes three octets.
function checkpointJson(checkpoint: string): string {
  if (written.checkpoint !== checkpoint)
    written = { checkpoint, octets: Buffer.from(JSON.stringify(checkpoint)).toString("latin1") };
  return written.octets;
}

const logIds = new WeakMap<Signer, string>();

function logIdHex(signer: Signer): string {
  const known = logIds.get(signer) ?? hex(rekorV1LogId(signer));
  logIds.set(signer, known);
  return known;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
