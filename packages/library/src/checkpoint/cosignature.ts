// Timestamped Ed25519 cosignatures: C2SP tlog-cosignature v1, type 0x04.
//
//   line payload after the key id: u64 big-endian POSIX seconds ‖ 64-byte signature
//   signed message: "cosignature/v1\n" ‖ "time <decimal>\n" ‖ text of the checkpoint

import { isValidSignature, type Signer } from "../crypto/index.ts";
import { encodeUtf8, isSigillumError, quote, TlsReader, TlsWriter } from "../encoding/index.ts";
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
  const times = linesOf(note, key).map((line) => verifiedTime(note.text, line, key));
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
  const signature = await signer.sign(cosignedMessage(text, timestampS));
  return { name: keyName, keyHint: keyHint(key), signature: new TlsWriter().uint64(timestampS).bytes(signature).finish() };
}

function verifiedTime(text: string, line: NoteSignature, key: NoteKey): number {
  const { timestampS, signature } = splitLine(line);
  if (isValidSignature(key.publicKey, key.scheme, cosignedMessage(text, timestampS), signature)) return timestampS;
  throw checkpointError("COSIGNATURE_INVALID", `Cannot verify cosignature: the signature of ${quote(key.name)} does not verify`);
}

function splitLine({ name, signature }: NoteSignature): { timestampS: number; signature: Uint8Array } {
  try {
    const reader = new TlsReader(signature);
    const timestampS = reader.uint64();
    const bytes = reader.bytes(64);
    reader.end("cosignature");
    return { timestampS, signature: bytes };
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw checkpointError(
      "COSIGNATURE_INVALID",
      `Cannot verify cosignature of ${quote(name)}: it is not a time and an Ed25519 signature`,
      { cause },
    );
  }
}

function cosignedMessage(text: string, timestampS: number): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${timestampS}\n${text}`);
}
