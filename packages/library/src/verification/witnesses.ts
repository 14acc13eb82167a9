// Witnesses' word on a checkpoint: that they saw no other tree of this log (C2SP tlog-cosignature).
import { type NoteKey, verifyCosignature } from "../checkpoint/index.ts";
import { encodeHex, isSigillumError } from "../encoding/index.ts";
import type { VerifiedInclusion } from "./verified.ts";

/**
 * The witnesses among `expected` that cosigned a checkpoint, one for each key. A witness without a line does not count; one whose line does
 * not verify refuses the checkpoint (C2SP signed-note). Their times are what they say, and were compared with nothing.
 */
export function verifyWitnesses(checkpoint: string, expected: readonly NoteKey[]): VerifiedInclusion["witnesses"] {
  const found = new Map<string, { readonly name: string; readonly timestampMs: number }>();
  for (const key of expected) {
    const timestampMs = cosignedAt(checkpoint, key);
    if (timestampMs !== undefined) found.set(encodeHex(key.publicKey.spki), { name: key.name, timestampMs });
  }
  return [...found.values()];
}

function cosignedAt(checkpoint: string, key: NoteKey): number | undefined {
  try {
    return 1000 * verifyCosignature(checkpoint, key).timestampS;
  } catch (error) {
    if (isSigillumError(error) && error.code === "COSIGNATURE_MISSING") return undefined;
    throw error;
  }
}
