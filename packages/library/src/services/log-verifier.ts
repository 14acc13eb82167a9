import type { PublicKey } from "../crypto/index.ts";
import type { Verifier } from "../log-entry/index.ts";
import type { Certificate } from "../x509/index.ts";

/** What verifies a logged signature: a certificate, or a managed key. */
export type LogVerifier = { readonly certificate: Certificate } | { readonly publicKey: PublicKey };

/** The key of a verifier. */
export function verifierKey(verifier: LogVerifier): PublicKey {
  return "certificate" in verifier ? verifier.certificate.publicKey : verifier.publicKey;
}

/** The verifier in the form that a log entry has. */
export function logVerifier(verifier: LogVerifier): Verifier {
  return "certificate" in verifier
    ? { type: "certificate", der: verifier.certificate.der }
    : { type: "publicKey", der: verifier.publicKey.spki };
}
