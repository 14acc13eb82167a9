// The codes of the room `timestamp`.
import { defineErrors, type ErrorMaker, isSigillumError } from "../encoding/index.ts";

/** What can go wrong with RFC 3161 requests, responses and tokens, by code. */
export const timestampErrors = {
  TIMESTAMP_REQUEST_MALFORMED: { kind: "malformed", means: "The bytes are no DER timestamp request (RFC 3161 TimeStampReq)" },
  TIMESTAMP_RESPONSE_MALFORMED: {
    kind: "malformed",
    means: "The bytes are no DER timestamp response with a token as RFC 3161 and RFC 5652 describe them",
  },
  TIMESTAMP_TOO_LARGE: { kind: "malformed", means: "A timestamp request or response is longer than is accepted" },
  TIMESTAMP_HASH_WEAK: { kind: "malformed", means: "A timestamp request names SHA-1, which is not accepted" },
  TIMESTAMP_HASH_UNSUPPORTED: { kind: "malformed", means: "A timestamp request names a hash algorithm that is not accepted" },
  TIMESTAMP_DIGEST_LENGTH: {
    kind: "malformed",
    means: "The digest in a timestamp request does not have the length of its hash algorithm",
  },
  TIMESTAMP_POLICY_UNSUPPORTED: {
    kind: "malformed",
    means: "A timestamp request asks for a policy that the authority does not offer",
  },
  TIMESTAMP_EXTENSION_UNSUPPORTED: {
    kind: "malformed",
    means: "A timestamp request has extensions, or a token a critical one, that are not understood",
  },
  TIMESTAMP_NOT_GRANTED: { kind: "verification", means: "A timestamp response has another status than granted, or no token" },
  TIMESTAMP_IMPRINT_MISMATCH: {
    kind: "verification",
    means: "A timestamp token is over other bytes than the signature it stands beside",
  },
  TIMESTAMP_IMPRINT_HASH_UNSUPPORTED: {
    kind: "verification",
    means: "A timestamp token hashes what it stamps with an algorithm that is not accepted",
  },
  TIMESTAMP_NONCE_MISMATCH: { kind: "verification", means: "A timestamp token does not echo the nonce of the request" },
  TIMESTAMP_UNKNOWN_AUTHORITY: {
    kind: "verification",
    means: "A timestamp token names a signer that is no trusted timestamp authority",
  },
  TIMESTAMP_MESSAGE_DIGEST_MISMATCH: {
    kind: "verification",
    means: "The digest in the signed attributes of a timestamp token is not that of its content",
  },
  TIMESTAMP_SIGNATURE_INVALID: {
    kind: "verification",
    means: "The signature of a timestamp token does not verify with the authority's key",
  },
  TIMESTAMP_ALGORITHM_UNSUPPORTED: {
    kind: "verification",
    means: "A timestamp token is signed with algorithms that are not accepted, do not fit each other, or do not fit the key",
  },
  TIMESTAMP_CERTIFICATE_MISMATCH: {
    kind: "verification",
    means: "The signing certificate attribute of a timestamp token names another certificate than the authority's",
  },
  TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY: {
    kind: "verification",
    means: "A timestamp is from a time at which its authority is not trusted",
  },
} as const;

/** A code of the room `timestamp`. */
export type TimestampErrorCode = keyof typeof timestampErrors;

/** Make an error of the room `timestamp`. */
export const timestampError: ErrorMaker<typeof timestampErrors> = defineErrors(timestampErrors);

/** Run a parser; an error of a lower room comes out under this room's `code`. */
export function parsing<T>(code: TimestampErrorCode, action: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isSigillumError(error) || error.code in timestampErrors) throw error;
    throw timestampError(code, `Cannot ${action}: ${error.message}`, { cause: error });
  }
}
