// Timestamped cosignatures: C2SP tlog-cosignature v1.1, types 0x04 (Ed25519) and 0x06 (ML-DSA-44).
//
//   line payload after the key id: u64 big-endian POSIX seconds ‖ signature (64 bytes, or 2,420)
//   signed message, 0x04: "cosignature/v1\n" ‖ "time <decimal>\n" ‖ text of the checkpoint
//   signed message, 0x06: "subtree/v1\n\0" ‖ name<1..255> ‖ time:u64 ‖ origin<1..255> ‖ start:u64 ‖ end:u64 ‖ root[32]
//                         of the whole tree: start 0, end its size. Extension lines of the checkpoint are not covered.

import { isValidSignature, type Signer } from "../crypto/index.ts";
import { concatBytes, encodeUtf8, isSigillumError, quote, TlsReader, TlsWriter } from "../encoding/index.ts";
import { type Checkpoint, linesOf, parseCheckpoint } from "./checkpoint.ts";
import { checkpointError } from "./errors.ts";
import { cosignerKey, keyHint, type NoteKey } from "./note-key.ts";
import { type NoteSignature, parseSignedNote } from "./signed-note.ts";

/** A checkpoint that a cosigner has seen as the largest consistent one of its origin, and when. */
export interface CosignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly timestampS: number;
}

/** Verify the line of one cosigner. The log's own signature was not looked at, nor was the time compared with anything. */
export function verifyCosignature(envelope: string | Uint8Array, key: NoteKey): CosignedCheckpoint {
  const note = parseSignedNote(envelope);
  const checkpoint = parseCheckpoint(note.text);
  const times = linesOf(note, key).map((line) => verifiedTime(note.text, checkpoint, line, key));
  const [timestampS] = times;
  if (timestampS === undefined) {
    throw checkpointError(
      "COSIGNATURE_MISSING",
      `Cannot verify cosignature: no signature line has the name ${quote(key.name)} and its key id`,
      {
        found: note.signatures.map(({ name }) => quote(name)).join(", "),
        expected: quote(key.name),
      },
    );
  }
  return { checkpoint, timestampS };
}

/** Cosign the text of a checkpoint at a time; whether the checkpoint may be cosigned is the caller's business. */
export async function cosignCheckpoint(
  text: string,
  timestampS: number,
  keyName: string,
  signer: Signer,
): Promise<NoteSignature> {
  const key = cosignerKey(keyName, signer.publicKey);
  const signature = await signer.sign(cosignedMessage(key, text, parseCheckpoint(text), timestampS));
  return { name: keyName, keyHint: keyHint(key), signature: new TlsWriter().uint64(timestampS).bytes(signature).finish() };
}

function verifiedTime(text: string, checkpoint: Checkpoint, line: NoteSignature, key: NoteKey): number {
  const { timestampS, signature } = splitLine(line, signatureLength(key));
  const message = cosignedMessage(key, text, checkpoint, timestampS);
  if (isValidSignature(key.publicKey, key.scheme, message, signature)) return timestampS;
  throw checkpointError("COSIGNATURE_INVALID", `Cannot verify cosignature: the signature of ${quote(key.name)} does not verify`);
}

function splitLine({ name, signature }: NoteSignature, length: number): { timestampS: number; signature: Uint8Array } {
  try {
    const reader = new TlsReader(signature);
    const timestampS = reader.uint64();
    const bytes = reader.bytes(length);
    reader.end("cosignature");
    return { timestampS, signature: bytes };
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw checkpointError(
      "COSIGNATURE_INVALID",
      `Cannot verify cosignature of ${quote(name)}: it is not a time and a signature of ${length} bytes`,
      { cause },
    );
  }
}

function cosignedMessage(key: NoteKey, text: string, checkpoint: Checkpoint, timestampS: number): Uint8Array {
  if (key.publicKey.type !== "ml-dsa-44") return encodeUtf8(`cosignature/v1\ntime ${timestampS}\n${text}`);
  const { origin, treeSize, root } = checkpoint;
  return concatBytes(
    encodeUtf8("subtree/v1\n\0"),
    shortText(key.name),
    new TlsWriter().uint64(timestampS).finish(),
    shortText(origin),
    new TlsWriter().uint64(0).uint64(treeSize).bytes(root).finish(),
  );
}

function signatureLength(key: NoteKey): number {
  return key.publicKey.type === "ml-dsa-44" ? 2420 : 64;
}

// A length of one byte, then the text.
function shortText(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  if (bytes.length > 255)
    throw checkpointError("COSIGNATURE_INVALID", `Cannot cosign checkpoint: ${quote(text)} has more than 255 bytes`);
  return concatBytes(Uint8Array.of(bytes.length), bytes);
}
