// Verifying the SCTs in a certificate. RFC 6962 §3.2 and §5.2; client-conformance §8.5.
import { type PublicKey, sha256 } from "../crypto/index.ts";
import { encodeHex, equalBytes } from "../encoding/index.ts";
import {
  type Certificate,
  describeCertificate,
  describeTime,
  extendedKeyUsage,
  extensionOids,
  keyPurposes,
  tbsWithoutExtension,
} from "../x509/index.ts";
import { isDigitallySigned } from "./digitally-signed.ts";
import { sctSigningInput } from "./entry.ts";
import { ctError } from "./errors.ts";
import { embeddedScts, type SignedCertificateTimestamp } from "./sct.ts";

/** A trusted CT log; the window is closed at both ends and applies to the SCT's time. */
export interface CtLogKey {
  readonly logId: Uint8Array;
  readonly publicKey: PublicKey;
  readonly validFor: { readonly startMs: number; readonly endMs?: number | undefined };
}

/** An SCT that verified, with the log that signed it. */
export interface VerifiedSct<L extends CtLogKey = CtLogKey> {
  readonly sct: SignedCertificateTimestamp;
  readonly log: L;
}

/** What `verifyEmbeddedScts` is to prove. */
export interface SctQuestion<L extends CtLogKey = CtLogKey> {
  readonly certificate: Certificate;
  /** The certificate whose key signed `certificate`: the next one of its path (see `sctIssuer`), not one found by name. */
  readonly issuer: Certificate;
  readonly logs: readonly L[];
  /** How many distinct logs must vouch; 1 unless given. */
  readonly threshold?: number | undefined;
}

/**
 * Verify the SCTs that a certificate carries against trusted logs; returns those that hold, at least one from each of `threshold`
 * distinct logs. SCTs of unknown logs, and from outside a log's window, do not count; one of a trusted log that does not verify
 * over this certificate and issuer refuses it. Inclusion in the log is not checked, nor that `issuer` is the issuer.
 */
export function verifyEmbeddedScts<L extends CtLogKey>(question: SctQuestion<L>): VerifiedSct<L>[] {
  const { certificate, threshold = 1 } = question;
  const scts = embeddedScts(certificate);
  if (scts.length === 0 && threshold > 0)
    throw refused("CT_NO_SCT", certificate, "it carries no signed certificate timestamp", "none", "an SCT");
  const tbs = tbsWithoutExtension(certificate, extensionOids.sctList);
  const issuerKeyHash = sha256(question.issuer.spki);
  const verified: VerifiedSct<L>[] = [];
  let skipped: Error | undefined;
  for (const sct of scts) {
    const known = question.logs.filter((log) => equalBytes(log.logId, sct.logId));
    const log = known.find(
      ({ validFor }) => sct.timestampMs >= validFor.startMs && sct.timestampMs <= (validFor.endMs ?? Number.MAX_SAFE_INTEGER),
    );
    if (log === undefined) {
      skipped ??= known.length === 0 ? unknownLog(certificate, sct) : outsideValidity(certificate, sct);
      continue;
    }
    const message = sctSigningInput({
      timestampMs: sct.timestampMs,
      entry: { type: "precert", issuerKeyHash, tbs },
      extensions: sct.extensions,
    });
    if (!isDigitallySigned(log.publicKey, message, sct)) {
      const found = `SCT of log ${encodeHex(sct.logId)}`;
      throw refused(
        "CT_SCT_SIGNATURE_INVALID",
        certificate,
        `the signature of the ${found} is not over this certificate and issuer`,
        "invalid",
        "valid",
      );
    }
    verified.push({ sct, log });
  }
  checkThreshold(certificate, verified, threshold, skipped);
  return verified;
}

/**
 * The issuer that counts for the SCTs of `path[0]`: the next certificate of the path, or the one after it where that is a
 * precertificate signing certificate (RFC 6962 §3.1).
 */
export function sctIssuer(path: readonly Certificate[]): Certificate | undefined {
  const [, issuer, next] = path;
  if (issuer !== undefined && extendedKeyUsage(issuer)?.has(keyPurposes.precertificateSigning) === true) return next;
  return issuer;
}

function checkThreshold(
  certificate: Certificate,
  verified: readonly VerifiedSct[],
  threshold: number,
  skipped: Error | undefined,
): void {
  const distinct = new Set(verified.map(({ sct }) => encodeHex(sct.logId))).size;
  if (distinct >= threshold) return;
  if (distinct === 0 && skipped !== undefined) throw skipped;
  const found = `${distinct} distinct logs`;
  throw refused("CT_THRESHOLD", certificate, `found SCTs of ${found}, expected at least ${threshold}`, found, `${threshold}`);
}

function unknownLog(certificate: Certificate, sct: SignedCertificateTimestamp): Error {
  const found = encodeHex(sct.logId);
  return refused("CT_UNKNOWN_LOG", certificate, `its SCT is of log ${found}, which is not trusted`, found, "a trusted log");
}

function outsideValidity(certificate: Certificate, sct: SignedCertificateTimestamp): Error {
  const found = describeTime(sct.timestampMs);
  return refused(
    "CT_OUTSIDE_LOG_VALIDITY",
    certificate,
    `its SCT of ${found} is outside the time in which log ${encodeHex(sct.logId)} is trusted`,
    found,
    "a time within the log's validity",
  );
}

function refused(
  code: Parameters<typeof ctError>[0],
  certificate: Certificate,
  why: string,
  found: string,
  expected: string,
): Error {
  return ctError(code, `Cannot verify SCTs of ${describeCertificate(certificate)}: ${why}`, { found, expected });
}
