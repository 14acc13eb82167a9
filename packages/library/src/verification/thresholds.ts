// How much evidence a caller demands. What verifies counts once for each key that vouches: the address of a log or authority, and the
// number of periods that a trusted root lists it with, make no second source of it.
import { encodeHex } from "../encoding/index.ts";
import { verificationError, type verificationErrors } from "./errors.ts";
import { defaultThresholds, type Expectations, type Thresholds } from "./expectations.ts";
import type { VerifiedLogEntry, VerifiedTime } from "./verified.ts";

/**
 * The thresholds that a caller demands, and the defaults where it says nothing; a TypeError for one that can mean nothing. A managed key
 * has no certificate whose period a time could lie in, so no time is demanded of it unless the caller does; a certificate is never
 * judged without one.
 */
export function thresholdsFor(expectations: Expectations): Thresholds {
  const observedTimes = "publicKey" in expectations ? 0 : defaultThresholds.observedTimes;
  const thresholds = { ...defaultThresholds, observedTimes, ...expectations.thresholds };
  for (const [name, value] of Object.entries(thresholds)) {
    const least = name === "observedTimes" && "identity" in expectations ? 1 : 0;
    if (!Number.isSafeInteger(value) || value < least)
      throw new TypeError(`The threshold ${name} must be an integer of at least ${least}, and is ${value}`);
  }
  const witnesses = distinct((expectations.witnesses ?? []).map(({ publicKey }) => publicKey.spki));
  if (thresholds.witnesses > witnesses)
    throw new TypeError(`The threshold witnesses is ${thresholds.witnesses}, and ${witnesses} witnesses are expected`);
  return thresholds;
}

/** Require that what verified is as much as was demanded. SCTs are counted where they are verified. */
export function requireThresholds(
  thresholds: Thresholds,
  logEntries: readonly VerifiedLogEntry[],
  times: readonly VerifiedTime[],
): void {
  const logs = distinct(logEntries.map(({ log }) => log.publicKey.spki));
  if (logs < thresholds.logEntries) throw tooFew("THRESHOLD_LOG_ENTRIES", "it is in", `${logs} logs`, thresholds.logEntries);
  const sources = distinct(times.map(({ key }) => key));
  if (sources < thresholds.observedTimes)
    throw tooFew("THRESHOLD_OBSERVED_TIMES", "it has", `${sources} sources of time`, thresholds.observedTimes);
  const authorities = distinct(times.filter(({ source }) => source === "timestamp authority").map(({ key }) => key));
  if (authorities < thresholds.timestamps)
    throw tooFew("THRESHOLD_TIMESTAMPS", "it has timestamps of", `${authorities} authorities`, thresholds.timestamps);
  for (const { inclusion } of logEntries) {
    const witnesses = inclusion?.witnesses.length ?? 0;
    if (witnesses < thresholds.witnesses)
      throw tooFew("THRESHOLD_WITNESSES", "a checkpoint is cosigned by", `${witnesses} expected witnesses`, thresholds.witnesses);
  }
}

function distinct(keys: readonly Uint8Array[]): number {
  return new Set(keys.map(encodeHex)).size;
}

function tooFew(code: keyof typeof verificationErrors, what: string, found: string, least: number): Error {
  const expected = `at least ${least}`;
  return verificationError(code, `Cannot verify bundle: ${what} ${found}, ${expected} demanded`, { found, expected });
}
