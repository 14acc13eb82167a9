// One question to one witness: whether it cosigns a checkpoint, starting from the tree it saw last.
import {
  cosignerKey,
  encodeSignatureLine,
  keyHint,
  type NoteKey,
  parseSignedNote,
  parseVerifierKey,
  verifyCosignature,
} from "@sigillum/library/checkpoint";
import { equalBytes, isSigillumError } from "@sigillum/library/encoding";
import { requestCosignature } from "@sigillum/library/services";
import type { DurableHead } from "../log-engine/index.ts";
import { witnessError } from "./errors.ts";

/** A witness that a log asks. */
export interface Witness {
  /** Submission prefix: `add-checkpoint` is below it. */
  readonly url: string;
  readonly key: NoteKey;
  /** The key as text. */
  readonly verifierKey: string;
}

/** A verified cosignature. */
export interface Cosignature {
  /** The signature line with its newline. */
  readonly line: string;
  readonly timestampS: number;
}

/** Read witnesses as the settings name them; throws WITNESS_KEY_UNUSABLE for a key that is a log's, or there twice. */
export function parseWitnesses(named: readonly { readonly url: string; readonly verifierKey: string }[]): Witness[] {
  const witnesses: Witness[] = [];
  for (const { url, verifierKey } of named) {
    const key = parseVerifierKey(verifierKey);
    const isCosigner = key.publicKey.type !== "ed25519" || equalBytes(cosignerKey(key.name, key.publicKey).keyId, key.keyId);
    if (!isCosigner)
      throw witnessError("WITNESS_KEY_UNUSABLE", `Cannot use witness ${key.name}: its key is one that signs logs`, {
        found: "type 1",
        expected: "type 4 or 6",
      });
    // C2SP tlog-policy: one key under two names would be counted twice.
    if (witnesses.some((other) => equalBytes(other.key.publicKey.spki, key.publicKey.spki)))
      throw witnessError("WITNESS_KEY_UNUSABLE", `Cannot use witness ${key.name}: another one has the same key`, {
        found: verifierKey,
        expected: "a key of its own for each witness",
      });
    witnesses.push({ url, key, verifierKey });
  }
  return witnesses;
}

/** How a question is asked. */
export interface AskOptions {
  /** The size of the tree that the witness saw last, as far as is known. */
  readonly oldSize: number;
  readonly nowMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of the size that the witness says it saw last. */
  onSize(size: number): void;
}

/**
 * Ask a witness to cosign a head. What returns was verified with its key over exactly this checkpoint, and its time is near ours.
 * C2SP tlog-witness: after a 409 the question is asked once more from the size in it.
 */
export async function askWitness(witness: Witness, head: DurableHead, options: AskOptions): Promise<Cosignature> {
  const { timeoutMs, signal } = options;
  let { oldSize } = options;
  for (let again = 0; again < 2; again++) {
    if (oldSize > head.size) throw ahead(witness, head, oldSize);
    const proof = oldSize === 0 || oldSize === head.size ? [] : await head.consistencyProof(oldSize);
    const order = { oldSize, proof, checkpoint: head.note };
    const answer = await requestCosignature(witness.url, order, { timeoutMs, signal, retries: 0 });
    if (answer.kind === "cosigned") return readCosignature(witness, head, answer.lines, options.nowMs);
    oldSize = answer.size;
    options.onSize(oldSize);
  }
  throw witnessError("WITNESS_UNSTEADY", `Cannot get a cosignature of ${witness.key.name}: it says another size each time`, {
    found: `409, ${oldSize}`,
    expected: "200",
  });
}

/** How far a witness's clock may be from ours. */
const toleranceS = 600;

function readCosignature(witness: Witness, head: DurableHead, lines: string, nowMs: number): Cosignature {
  const cosignature = verifyLines(witness.key, textOf(head.note), lines);
  const { timestampS } = cosignature;
  if (timestampS > 0 && Math.abs(timestampS * 1000 - nowMs) <= toleranceS * 1000) return cosignature;
  throw witnessError("WITNESS_TIME_WRONG", `Cannot use the cosignature of ${witness.key.name}: its time is ${timestampS}`, {
    found: String(timestampS),
    expected: `${Math.floor(nowMs / 1000)}, give or take ${toleranceS} seconds`,
  });
}

/** Verify the line of one cosigner among `lines` over the text of a checkpoint; lines of others are left out. */
export function verifyLines(key: NoteKey, text: string, lines: string): Cosignature {
  const envelope = `${text}\n${lines}`;
  try {
    const note = parseSignedNote(envelope);
    // An empty line among the lines would make another text of what is before it.
    if (note.text !== text) throw new RangeError("it has more than signature lines");
    const { timestampS } = verifyCosignature(envelope, key);
    const hint = keyHint(key);
    const line = note.signatures.find((one) => one.name === key.name && equalBytes(one.keyHint, hint));
    if (line === undefined) throw new RangeError("its line is missing");
    return { line: encodeSignatureLine(line), timestampS };
  } catch (cause) {
    if (!isSigillumError(cause) && !(cause instanceof RangeError)) throw cause;
    throw witnessError("WITNESS_ANSWER_FALSE", `Cannot use the cosignature of ${key.name}: ${cause.message}`, { cause });
  }
}

/** The text of a note without its signature lines. */
export function textOf(note: string): string {
  return parseSignedNote(note).text;
}

function ahead({ key }: Witness, head: DurableHead, size: number): Error {
  return witnessError(
    "WITNESS_AHEAD",
    `Cannot get a cosignature of ${key.name}: it saw a tree of ${size} entries of ${head.origin}, which has ${head.size}`,
    { found: String(size), expected: `at most ${head.size}` },
  );
}
