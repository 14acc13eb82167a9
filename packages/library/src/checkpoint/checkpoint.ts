// Checkpoints: C2SP tlog-checkpoint v1.0.0, signed by a log as Rekor v1 and v2 do.
//
//   <origin>
//   <tree size, decimal>
//   <base64 of the root>
//   <extension line>…        optional

import { isValidSignature, type Signer } from "../crypto/index.ts";
import { encodeBase64, encodeUtf8, equalBytes, isSigillumError, parseBase64, quote } from "../encoding/index.ts";
import { type Hash, hashLength } from "../merkle/index.ts";
import { checkpointError } from "./errors.ts";
import { keyHint, type NoteKey, noteKey } from "./note-key.ts";
import { encodeSignatureLine, type NoteSignature, parseSignedNote, type SignedNote, signedBytes } from "./signed-note.ts";

/** What a log says about its tree. */
export interface Checkpoint {
  readonly origin: string;
  readonly treeSize: number;
  readonly root: Hash;
  /** Lines after the root, such as the `Timestamp: …` of old Rekor servers; they are signed too. */
  readonly extensions: readonly string[];
}

/** Read the text of a checkpoint (without signatures). Nothing was verified. */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith("\n")) throw malformed("its text does not end with a newline");
  const [origin = "", size = "", root, ...extensions] = text.slice(0, -1).split("\n");
  if (root === undefined) throw malformed("it has fewer than three lines");
  if (origin === "") throw malformed("its origin is empty");
  if (extensions.includes("")) throw malformed("it has an empty extension line");
  return { origin, treeSize: parseSize(size), root: parseRoot(root), extensions };
}

/** Write the text of a checkpoint: what is signed. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const { origin, treeSize, root, extensions } = checkpoint;
  if (!Number.isSafeInteger(treeSize) || treeSize < 0) throw new TypeError(`A tree cannot have size ${treeSize}`);
  if (root.length !== hashLength) throw new TypeError(`A root has ${hashLength} bytes, not ${root.length}`);
  const lines = [origin, String(treeSize), encodeBase64(root), ...extensions];
  if (lines.some((line) => line === "" || line.includes("\n")))
    throw new TypeError("A line of a checkpoint is not empty and has no newline");
  return `${lines.join("\n")}\n`;
}

/** Sign a checkpoint; the result is a note with one signature line, under the key id that `noteKey` gives. */
export async function signCheckpoint(checkpoint: Checkpoint, keyName: string, signer: Signer): Promise<string> {
  const text = encodeCheckpoint(checkpoint);
  const key = noteKey(keyName, signer.publicKey, signer.scheme);
  const signature = await signer.sign(encodeUtf8(text));
  return `${text}\n${encodeSignatureLine({ name: keyName, keyHint: keyHint(key), signature })}`;
}

/** What is expected of a checkpoint beside its signature. */
export interface CheckpointExpectations {
  /** The exact origin. Without it the origin must be the key's name, or that name followed by ` - <tree id>` (Rekor v1). */
  readonly origin?: string;
}

/**
 * Verify a signed checkpoint with the key of its log. When it returns, a line with the key's name and hint verified over the
 * text, and the origin is as expected. Lines of others were not looked at, nor was anything compared with a proof.
 */
export function verifyCheckpoint(envelope: string | Uint8Array, key: NoteKey, expected: CheckpointExpectations = {}): Checkpoint {
  const note = parseSignedNote(envelope);
  const checkpoint = parseCheckpoint(note.text);
  verifyNoteSignature(note, key);
  requireOrigin(checkpoint.origin, key.name, expected.origin);
  return checkpoint;
}

function verifyNoteSignature(note: SignedNote, key: NoteKey): void {
  const lines = linesOf(note, key);
  if (lines.length === 0) {
    throw checkpointError(
      "CHECKPOINT_NOT_SIGNED_BY_KEY",
      `Cannot verify checkpoint: no signature line has the name ${quote(key.name)} and its key id`,
      {
        found: note.signatures.map(({ name }) => quote(name)).join(", "),
        expected: quote(key.name),
      },
    );
  }
  // C2SP signed-note: a known key whose line does not verify makes the whole note invalid.
  const message = signedBytes(note);
  for (const { signature } of lines) {
    if (isValidSignature(key.publicKey, key.scheme, message, signature)) continue;
    throw checkpointError(
      "CHECKPOINT_SIGNATURE_INVALID",
      `Cannot verify checkpoint: the signature of ${quote(key.name)} does not verify`,
    );
  }
}

/** The signature lines with the name and the hint of a key. */
export function linesOf(note: SignedNote, key: NoteKey): NoteSignature[] {
  const hint = keyHint(key);
  return note.signatures.filter((line) => line.name === key.name && equalBytes(line.keyHint, hint));
}

function requireOrigin(origin: string, keyName: string, expected: string | undefined): void {
  const treeId = origin.startsWith(`${keyName} - `) ? origin.slice(keyName.length + 3) : undefined;
  const matches =
    expected !== undefined ? origin === expected : origin === keyName || (treeId !== undefined && /^\d+$/.test(treeId));
  if (matches) return;
  throw checkpointError(
    "CHECKPOINT_ORIGIN_MISMATCH",
    `Cannot verify checkpoint: its origin is ${quote(origin)}, expected ${quote(expected ?? keyName)}`,
    {
      found: quote(origin),
      expected: quote(expected ?? keyName),
    },
  );
}

function parseSize(text: string): number {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text))
    throw malformed(`its tree size ${quote(text)} is not a decimal number without leading zeros`);
  const size = Number(text);
  if (!Number.isSafeInteger(size)) throw malformed(`its tree size ${quote(text)} is above 2^53 - 1`);
  return size;
}

function parseRoot(text: string): Hash {
  let root: Uint8Array;
  try {
    root = parseBase64(text);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw malformed(`its root ${quote(text)} is not base64`, cause);
  }
  if (root.length !== hashLength) throw malformed(`its root has ${root.length} bytes, expected ${hashLength}`);
  return root;
}

function malformed(reason: string, cause?: unknown): Error {
  return checkpointError("CHECKPOINT_MALFORMED", `Cannot parse checkpoint: ${reason}`, cause === undefined ? {} : { cause });
}
