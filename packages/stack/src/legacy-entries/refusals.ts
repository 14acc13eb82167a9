// The two refusals that every kind has.
import { legacyEntryError } from "./errors.ts";

/** A proposal that is not as its kind says. */
export function malformed(what: string, problem: string, cause?: unknown): Error {
  return legacyEntryError(
    "LEGACY_ENTRY_MALFORMED",
    `Cannot accept ${what} entry: ${problem}`,
    cause === undefined ? {} : { cause },
  );
}

/** A signature that does not verify. */
export function invalid(what: string, problem: string): Error {
  return legacyEntryError("LEGACY_SIGNATURE_INVALID", `Cannot accept ${what} entry: ${problem}`);
}
