// The answer to a write: TransparencyLogEntry as protobuf JSON with unpopulated fields emitted (rekor-tiles' marshaller).
import { encodeBase64 } from "@sigillum/library/encoding";
import { type HttpReply, jsonReply } from "../host/index.ts";
import type { PublishedProof } from "../log-engine/index.ts";

/** 201 with the entry, its proof and the checkpoint that the proof leads to. */
export function entryReply(keyId: Uint8Array, body: Uint8Array, proof: PublishedProof): HttpReply {
  const logIndex = String(proof.index);
  return jsonReply(201, {
    logIndex,
    logId: { keyId: encodeBase64(keyId) },
    kindVersion: { kind: "hashedrekord", version: "0.0.2" },
    integratedTime: "0",
    inclusionPromise: null,
    inclusionProof: {
      logIndex,
      rootHash: encodeBase64(proof.root),
      treeSize: String(proof.size),
      hashes: proof.hashes.map((hash) => encodeBase64(hash)),
      checkpoint: { envelope: proof.cosignedCheckpoint },
    },
    canonicalizedBody: Buffer.from(body.buffer, body.byteOffset, body.length).toString("base64"),
  });
}
