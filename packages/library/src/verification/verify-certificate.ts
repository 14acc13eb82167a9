// The signing certificate: path, periods, SCTs, identity (client-conformance.md §8.3, §8.5).
import { sctIssuer, verifyEmbeddedScts } from "../ct/index.ts";
import { formatRfc3339, isSigillumError, quote, type SigillumError } from "../encoding/index.ts";
import { type CertificateAuthority, describeTimeRange, isWithin, type TrustedRoot } from "../trusted-root/index.ts";
import { type Certificate, describeCertificate, fulcioExtensions, subjectAltNames, verifyPath } from "../x509/index.ts";
import { verificationError } from "./errors.ts";
import type { ExpectedIdentity, TextMatcher } from "./expectations.ts";
import type { VerifiedCertificateTimestamp, VerifiedIdentity } from "./verified.ts";

/** What a certificate was proved to be, before its identity was compared. */
export interface VerifiedCertificate {
  readonly path: readonly Certificate[];
  readonly authority: CertificateAuthority;
  readonly scts: readonly VerifiedCertificateTimestamp[];
}

/**
 * Verify a signing certificate against the trusted root: a path to an authority that holds at each of `timesMs`, and SCTs of
 * `scts` distinct logs. Whose certificate it is was not checked.
 */
export function verifyCertificate(
  certificate: Certificate,
  root: TrustedRoot,
  timesMs: readonly number[],
  scts: number,
): VerifiedCertificate {
  const { path, authority } = findPath(certificate, root, timesMs);
  const issuer = sctIssuer(path);
  if (issuer === undefined) throw new TypeError("a verified path has an issuer");
  const verified = verifyEmbeddedScts({ certificate, issuer, logs: root.ctlogs, threshold: scts });
  return {
    path,
    authority,
    scts: verified.map(({ sct, log }) => ({ log, timeMs: sct.timestampMs })),
  };
}

interface FoundPath {
  readonly path: readonly Certificate[];
  readonly authority: CertificateAuthority;
}

// Two authorities may share a name and differ in key or period: each is tried, and if none holds the one that came furthest is blamed.
function findPath(certificate: Certificate, root: TrustedRoot, timesMs: readonly number[]): FoundPath {
  let furthest: { readonly rank: number; readonly error: SigillumError } | undefined;
  for (const authority of root.certificateAuthorities) {
    try {
      return { path: pathAt(certificate, authority, timesMs), authority };
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      const rank = { X509_NO_PATH: 0, X509_SIGNATURE_INVALID: 1, CA_WINDOW: 3 }[error.code] ?? 2;
      if (furthest === undefined || rank > furthest.rank) furthest = { rank, error };
    }
  }
  throw (
    furthest?.error ??
    verificationError(
      "CA_UNKNOWN",
      `Cannot verify ${describeCertificate(certificate)}: the trusted root has no certificate authority`,
    )
  );
}

// RFC 5280 path at each time, and each time inside the authority's own period. Signatures are verified once, whatever the times.
function pathAt(certificate: Certificate, authority: CertificateAuthority, timesMs: readonly number[]): readonly Certificate[] {
  const { chain, validFor } = authority;
  let path: readonly Certificate[] = [];
  for (const timeMs of timesMs.length === 0 ? [certificate.notBeforeMs] : timesMs) {
    path = verifyPath({
      leaf: certificate,
      intermediates: chain.slice(0, -1),
      anchors: chain.slice(-1),
      timeMs,
      purpose: "codeSigning",
    });
    if (isWithin(validFor, timeMs)) continue;
    const [found, expected] = [formatRfc3339(timeMs), describeTimeRange(validFor)];
    throw verificationError(
      "CA_WINDOW",
      `Cannot verify ${describeCertificate(certificate)}: ${found} is outside the period of certificate authority ${authority.uri}, ${expected}`,
      { found, expected },
    );
  }
  return path;
}

/** Require that a verified certificate is of the expected identity. */
export function requireIdentity(
  certificate: Certificate,
  verified: VerifiedCertificate,
  expected: ExpectedIdentity,
): VerifiedIdentity {
  const names = subjectAltNames(certificate).flatMap((name) => (name.type === "unsupported" ? [] : [name]));
  const san = names.find(({ value }) => isMatch(expected.san, value));
  const claims = fulcioExtensions(certificate);
  if (san === undefined) {
    const found = names.length === 0 ? "no name" : names.map(({ value }) => quote(value, 200)).join(", ");
    throw verificationError(
      "SUBJECT_ALT_NAME_MISMATCH",
      `Cannot accept signature: it is by ${found}, expected ${describeMatcher(expected.san)}`,
      {
        found,
        expected: describeMatcher(expected.san),
      },
    );
  }
  const { issuer = "" } = claims;
  // An authority of one's own need not name an identity provider; only a matcher that takes no name at all is content with that.
  if (claims.issuer === undefined && (typeof expected.issuer === "string" || !expected.issuer.matches(""))) {
    throw verificationError("ISSUER_MISSING", "Cannot accept signature: its certificate names no issuer of the identity", {
      found: "no issuer",
      expected: describeMatcher(expected.issuer),
    });
  }
  if (!isMatch(expected.issuer, issuer)) {
    const found = quote(issuer, 200);
    throw verificationError(
      "ISSUER_MISMATCH",
      `Cannot accept signature: its identity was vouched for by ${found}, expected ${describeMatcher(expected.issuer)}`,
      {
        found,
        expected: describeMatcher(expected.issuer),
      },
    );
  }
  return { san: san.value, sanType: san.type, issuer, claims, certificate, ...verified };
}

function isMatch(matcher: string | TextMatcher, text: string): boolean {
  return typeof matcher === "string" ? matcher === text : matcher.matches(text);
}

function describeMatcher(matcher: string | TextMatcher): string {
  return typeof matcher === "string" ? quote(matcher, 200) : matcher.description;
}
