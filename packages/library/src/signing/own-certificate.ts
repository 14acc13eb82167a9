// A certificate that the signer brings along with its key, in place of one that an authority issues for this signature.

import type { Signer } from "../crypto/index.ts";
import { embeddedScts } from "../ct/index.ts";
import { encodeHex, equalBytes, isSigillumError, quote } from "../encoding/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { type ExpectedIdentity, type TextMatcher, verifyCertificate } from "../verification/index.ts";
import { type Certificate, describeCertificate, fulcioExtensions, subjectAltNames } from "../x509/index.ts";
import { signingError } from "./errors.ts";

/**
 * Require that a certificate is of this key, names somebody, holds now, and is of an authority of the trusted root; where it has SCTs, that
 * one of them is by a log of the root. Without SCTs it passes: a private authority need not log.
 */
export function requireOwnCertificate(certificate: Certificate, key: Signer, root: TrustedRoot, nowMs: number): void {
  const name = describeCertificate(certificate);
  if (!equalBytes(certificate.publicKey.spki, key.publicKey.spki)) {
    throw signingError("SIGNING_CERTIFICATE_KEY_MISMATCH", `Cannot sign with ${name}: it is of another key than the one given`, {
      found: `a certificate of key ${shortKey(certificate.publicKey.spki)}`,
      expected: `one of key ${shortKey(key.publicKey.spki)}`,
    });
  }
  if (sanOf(certificate) === undefined) {
    throw signingError("SIGNING_CERTIFICATE_NAMELESS", `Cannot sign with ${name}: it has no name that a verifier could expect`, {
      found: "no subject alternative name",
      expected: "an e-mail address, URI, DNS name or IP address",
    });
  }
  try {
    verifyCertificate(certificate, root, [nowMs], requiredScts(certificate));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    const { found, expected } = cause;
    throw signingError("SIGNING_CERTIFICATE_UNTRUSTED", `Cannot sign with ${name}: ${cause.message}`, {
      cause,
      ...(found === undefined ? {} : { found }),
      ...(expected === undefined ? {} : { expected }),
    });
  }
}

/** How many SCTs a certificate that was brought along must have: one where it has any, as cosign demands. */
export function requiredScts(certificate: Certificate): number {
  return embeddedScts(certificate).length === 0 ? 0 : 1;
}

/** Whom such a certificate is of, as a verifier must expect it; an issuer of identities is not expected where it names none. */
export function identityOf(certificate: Certificate): ExpectedIdentity {
  const none: TextMatcher = { description: "no issuer", matches: (text) => text === "" };
  return { san: sanOf(certificate) ?? "", issuer: fulcioExtensions(certificate).issuer ?? none };
}

function sanOf(certificate: Certificate): string | undefined {
  for (const name of subjectAltNames(certificate)) if (name.type !== "unsupported") return name.value;
  return undefined;
}

function shortKey(spki: Uint8Array): string {
  return quote(encodeHex(spki.subarray(-8)));
}
