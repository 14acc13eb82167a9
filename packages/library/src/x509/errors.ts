// The codes of the room `x509`.
import { defineErrors, type ErrorMaker, isSigillumError } from "../encoding/index.ts";

/** What can go wrong when certificates and requests are read, written and verified, by code. */
export const x509Errors = {
  X509_CERTIFICATE_MALFORMED: { kind: "malformed", means: "The bytes are no DER certificate of X.509 version 3" },
  X509_CERTIFICATE_TOO_LARGE: {
    kind: "malformed",
    means: "A certificate or request is longer, or has more extensions, than is accepted",
  },
  X509_DUPLICATE_EXTENSION: { kind: "malformed", means: "A certificate carries one extension twice" },
  X509_EXTENSION_MALFORMED: { kind: "malformed", means: "The value of an extension is not what its specification describes" },
  X509_NAME_MALFORMED: { kind: "malformed", means: "A distinguished name or general name is not what RFC 5280 describes" },
  X509_PUBLIC_KEY_UNSUPPORTED: {
    kind: "malformed",
    means: "The public key of a certificate or request is malformed or of a kind that is not accepted",
  },
  X509_ALGORITHM_UNSUPPORTED: {
    kind: "malformed",
    means: "A signature algorithm is unknown, has the wrong parameters or does not fit the key",
  },
  X509_REQUEST_MALFORMED: { kind: "malformed", means: "The bytes are no DER certification request (PKCS#10)" },
  X509_REQUEST_SIGNATURE_INVALID: {
    kind: "verification",
    means: "A certification request is not signed by the key that it names",
  },
  X509_NOT_ENCODABLE: { kind: "malformed", means: "A value cannot stand in the certificate field it is meant for" },
  X509_NO_PATH: {
    kind: "verification",
    means: "No certificate that could have issued this one is among the trust anchors and intermediates",
  },
  X509_SIGNATURE_INVALID: {
    kind: "verification",
    means: "Certificates with the issuer's name are known, but none of their keys signed this certificate",
  },
  X509_PATH_TOO_LONG: {
    kind: "verification",
    means: "The search for a trust anchor passed the limit on depth or on the number of certificates",
  },
  X509_NOT_YET_VALID: { kind: "verification", means: "A certificate of the path was not yet valid at the time in question" },
  X509_EXPIRED: { kind: "verification", means: "A certificate of the path was no longer valid at the time in question" },
  X509_NOT_A_CA: { kind: "verification", means: "An issuer in the path is not a certificate authority by its basic constraints" },
  X509_LEAF_IS_A_CA: { kind: "verification", means: "The certificate at the end of the path is a certificate authority" },
  X509_PATH_LENGTH: {
    kind: "verification",
    means: "More intermediates follow a certificate authority than its path length allows",
  },
  X509_KEY_USAGE: { kind: "verification", means: "The key usage of a certificate does not allow what its key was used for" },
  X509_EXTENDED_KEY_USAGE: {
    kind: "verification",
    means: "The extended key usage of a certificate does not allow the purpose in question",
  },
  X509_UNKNOWN_CRITICAL_EXTENSION: {
    kind: "verification",
    means: "A certificate of the path has a critical extension that is not understood here",
  },
  X509_NAME_CONSTRAINTS: {
    kind: "verification",
    means: "A certificate authority of the path has name constraints, which are not carried out here",
  },
  X509_SUBJECT_ALT_NAME: { kind: "verification", means: "A certificate does not carry exactly one subject alternative name" },
} as const;

/** A code of the room `x509`. */
export type X509ErrorCode = keyof typeof x509Errors;

/** Make an error of the room `x509`. */
export const x509Error: ErrorMaker<typeof x509Errors> = defineErrors(x509Errors);

/** Run a parser; an error of a lower room comes out under this room's `code`, with what was being done in front of its message. */
export function parsing<T>(code: X509ErrorCode, action: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isSigillumError(error) || error.code in x509Errors) throw error;
    throw x509Error(code, `Cannot ${action}: ${error.message}`, { cause: error });
  }
}
