// Verification of a bundle: every item of client-conformance.md §8, in an order that names the plainest cause first.
import { type Bundle, signatureBytes, signingCertificate } from "../bundle/index.ts";
import { isSigillumError } from "../encoding/index.ts";
import { verifyTimestamp } from "../timestamp/index.ts";
import type { CertificateAuthority, TrustedRoot } from "../trusted-root/index.ts";
import type { Certificate } from "../x509/index.ts";
import { ArtifactDigests } from "./artifact.ts";
import { type BundleSigner, readEntry, requireEntryMatches } from "./entry-bodies.ts";
import { verificationError } from "./errors.ts";
import type { Artifact, Expectations } from "./expectations.ts";
import { requireThresholds, thresholdsFor } from "./thresholds.ts";
import type { Verified, VerifiedLogEntry, VerifiedTime } from "./verified.ts";
import { requireIdentity, verifyCertificate } from "./verify-certificate.ts";
import { verifyContent } from "./verify-content.ts";
import { requireLogWindow, verifyLogEntry } from "./verify-log-entry.ts";

/** What is to be verified, against what. */
export interface BundleQuestion {
  readonly bundle: Bundle;
  readonly artifact: Artifact;
  readonly trustedRoot: TrustedRoot;
  readonly expectations: Expectations;
}

/**
 * Verify a bundle. When it returns, the expected signer signed this artifact (or a statement about it), at a time at which its
 * certificate and every authority above it was valid, and the logs and authorities that the thresholds demand vouch for it.
 * What does not verify refuses the bundle, whether it was demanded or not. Everything is judged at the times that the bundle
 * proves: what has been revoked or expired since was not looked at, nor what the statement says.
 */
export function verifyBundle(question: BundleQuestion): Verified {
  const { bundle, trustedRoot, expectations } = question;
  const artifact = new ArtifactDigests(question.artifact);
  const signer = requireSigner(bundle, expectations);
  const thresholds = thresholdsFor(expectations);
  const entries = bundle.tlogEntries.map((entry) => readEntry(entry, bundle, signer, artifact));
  const bodies = entries.map(({ body }) => body);
  const statement = verifyContent(bundle.content, signer.key, artifact, bodies, expectations);
  for (const entry of entries) requireEntryMatches(entry, bundle, signer, artifact);
  const { acceptPromiseWithoutProof = false, witnesses = [] } = expectations;
  const logEntries = entries.map((entry) => verifyLogEntry(entry, trustedRoot, acceptPromiseWithoutProof, witnesses));
  const stamped = verifyTimestamps(bundle, trustedRoot, expectations.acceptTimestampOver);
  for (const { log, integratedTimeS } of logEntries)
    if (integratedTimeS === undefined)
      requireLogWindow(
        log,
        stamped.map(({ timeMs }) => timeMs),
      );
  const times = [...stamped, ...logEntries.flatMap(promisedTime)];
  requireThresholds(thresholds, logEntries, times);
  const proved = { times, logEntries, ...(statement === undefined ? {} : { statement }) };
  if (signer.certificate === undefined || !("identity" in expectations)) return { publicKey: signer.key, ...proved };
  const timesMs = times.map(({ timeMs }) => timeMs);
  const certificate = verifyCertificate(signer.certificate, trustedRoot, timesMs, thresholds.scts);
  return { identity: requireIdentity(signer.certificate, certificate, expectations.identity), ...proved };
}

type Signer = BundleSigner & { readonly certificate?: Certificate };

// A hint is unauthenticated and a certificate vouches for an identity: neither is ever taken for the other (§8.9).
function requireSigner(bundle: Bundle, expectations: Expectations): Signer {
  const certificate = signingCertificate(bundle);
  if (certificate !== undefined) {
    if (!("identity" in expectations)) {
      throw verificationError(
        "IDENTITY_EXPECTED",
        "Cannot verify bundle: it was signed with a certificate, and only a public key was given",
        {
          found: "a certificate",
          expected: "a signature by the given public key",
        },
      );
    }
    return { key: certificate.publicKey, verifier: { type: "certificate", der: certificate.der }, certificate };
  }
  if (!("publicKey" in expectations)) {
    throw verificationError(
      "PUBLIC_KEY_EXPECTED",
      "Cannot verify bundle: it was signed with a managed key, and only an identity was given",
      {
        found: "the hint of a managed key",
        expected: "a certificate of the given identity",
      },
    );
  }
  return { key: expectations.publicKey, verifier: { type: "publicKey", der: expectations.publicKey.spki } };
}

// A token that does not verify refuses the bundle, though another source of time may be left (§8.3).
function verifyTimestamps(bundle: Bundle, root: TrustedRoot, also: Uint8Array | undefined): VerifiedTime[] {
  const authorities = root.timestampAuthorities;
  const verify = (response: Uint8Array): { readonly timeMs: number; readonly authority: CertificateAuthority } => {
    try {
      return verifyTimestamp({ response, signature: signatureBytes(bundle), authorities });
    } catch (error) {
      if (also === undefined || !isSigillumError(error) || error.code !== "TIMESTAMP_IMPRINT_MISMATCH") throw error;
      return verifyTimestamp({ response, signature: also, authorities });
    }
  };
  return bundle.timestamps.map((response) => {
    const { timeMs, authority } = verify(response);
    return { source: "timestamp authority", timeMs, url: authority.uri, key: keyOf(authority) };
  });
}

function keyOf({ chain: [leaf] }: CertificateAuthority): Uint8Array {
  if (leaf === undefined) throw new TypeError("an authority that verified has a certificate");
  return leaf.spki;
}

function promisedTime({ log, integratedTimeS }: VerifiedLogEntry): VerifiedTime[] {
  if (integratedTimeS === undefined) return [];
  return [{ source: "transparency log", timeMs: integratedTimeS * 1000, url: log.baseUrl, key: log.publicKey.spki }];
}
