// The two refusals that every reader of this room has.
import { openpgpError } from "./errors.ts";

/** What is not as the format says. */
export function malformed(problem: string, cause?: unknown): Error {
  return openpgpError("OPENPGP_MALFORMED", `Cannot read OpenPGP data: ${problem}`, cause === undefined ? {} : { cause });
}

/** What this room does not carry out. */
export function unsupported(what: string): Error {
  return openpgpError("OPENPGP_UNSUPPORTED", `Cannot read OpenPGP data: ${what}`);
}
