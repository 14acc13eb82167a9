// Tree heads of a log: what get-sth tells and what stands in the checkpoint of a static CT log. RFC 6962 §3.5; C2SP static-ct-api, "Checkpoints".
//
//   digitally-signed struct { Version v1(0); SignatureType tree_hash(1); uint64 timestamp; uint64 tree_size; opaque sha256_root_hash[32]; };
//   struct { uint64 timestamp; DigitallySigned signature; } RFC6962NoteSignature;   signature type 0x05 of a note
import { type PublicKey, type Signer, sha256 } from "../crypto/index.ts";
import { encodeUtf8, TlsReader, TlsWriter } from "../encoding/index.ts";
import {
  type DigitallySigned,
  digitallySign,
  isDigitallySigned,
  readDigitallySigned,
  writeDigitallySigned,
} from "./digitally-signed.ts";
import { ctError, parsing } from "./errors.ts";

/** The head of a log's tree at a time. */
export interface TreeHead {
  readonly timestampMs: number;
  readonly treeSize: number;
  readonly root: Uint8Array;
}

/** The signature of a tree head with the time that it covers: what follows the key id in a static CT log's note. */
export interface TreeHeadSignature extends DigitallySigned {
  readonly timestampMs: number;
}

/** The type byte of an RFC6962NoteSignature. */
export const treeHeadNoteType: number = 0x05;

/** The bytes that a log signs of a tree head. */
export function treeHeadSigningInput(head: TreeHead): Uint8Array {
  if (head.root.length !== 32) throw new TypeError("Cannot write tree head: the root is not 32 bytes");
  return new TlsWriter(64).uint8(0).uint8(1).uint64(head.timestampMs).uint64(head.treeSize).bytes(head.root).finish();
}

/** Sign a tree head. */
export async function signTreeHead(head: TreeHead, signer: Signer): Promise<TreeHeadSignature> {
  return { timestampMs: head.timestampMs, ...(await digitallySign(signer, treeHeadSigningInput(head))) };
}

/** Verify a tree head's signature with the log's key; returns the head with the time that was signed. */
export function verifyTreeHead(p: {
  readonly treeSize: number;
  readonly root: Uint8Array;
  readonly signature: TreeHeadSignature;
  readonly publicKey: PublicKey;
}): TreeHead {
  const head = { timestampMs: p.signature.timestampMs, treeSize: p.treeSize, root: p.root };
  if (!isDigitallySigned(p.publicKey, treeHeadSigningInput(head), p.signature)) {
    throw ctError(
      "CT_TREE_HEAD_SIGNATURE_INVALID",
      `Cannot verify tree head of size ${p.treeSize}: the signature is not the log's`,
    );
  }
  return head;
}

/** Write the body of a note signature, which follows the key id. */
export function encodeTreeHeadSignature(signature: TreeHeadSignature): Uint8Array {
  return writeDigitallySigned(new TlsWriter(96).uint64(signature.timestampMs), signature).finish();
}

/** Read the body of a note signature, to its last byte. */
export function parseTreeHeadSignature(bytes: Uint8Array): TreeHeadSignature {
  return parsing("CT_TREE_HEAD_MALFORMED", "parse tree head signature", () => {
    const reader = new TlsReader(bytes);
    const timestampMs = reader.uint64("tree head timestamp");
    const signed = readDigitallySigned(reader);
    reader.end("tree head signature");
    return { timestampMs, ...signed };
  });
}

/** The key id of a static CT log's note, 32 bytes of which the note carries the first 4: SHA-256(name, 0x0A, 0x05, log id). */
export function treeHeadNoteKeyId(name: string, logId: Uint8Array): Uint8Array {
  return sha256(encodeUtf8(name), Uint8Array.of(0x0a, treeHeadNoteType), logId);
}

/** A log's id: SHA-256 of its SPKI. */
export function ctLogId(publicKey: PublicKey): Uint8Array {
  return sha256(publicKey.spki);
}
