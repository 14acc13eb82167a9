// The codes of the room `ct`.
import { defineErrors, type ErrorMaker, isSigillumError } from "../encoding/index.ts";

/** What can go wrong with SCTs, log entries and tree heads of certificate transparency, by code. */
export const ctErrors = {
  CT_SCT_MALFORMED: {
    kind: "malformed",
    means: "A signed certificate timestamp, or a list of them, is not what RFC 6962 describes",
  },
  CT_ENTRY_MALFORMED: {
    kind: "malformed",
    means: "A Merkle tree leaf or a data tile is not what RFC 6962 or static-ct-api describes",
  },
  CT_EXTENSIONS_MALFORMED: {
    kind: "malformed",
    means: "The extensions of an SCT are not what static-ct-api describes, or lack the leaf index",
  },
  CT_SIGNATURE_MALFORMED: { kind: "malformed", means: "The signature in a log's answer is not what RFC 6962 describes" },
  CT_TREE_HEAD_MALFORMED: { kind: "malformed", means: "The signature of a tree head is not what static-ct-api describes" },
  CT_NO_SCT: { kind: "verification", means: "A certificate carries no embedded signed certificate timestamp" },
  CT_UNKNOWN_LOG: { kind: "verification", means: "No SCT of the certificate is from a log that is trusted" },
  CT_OUTSIDE_LOG_VALIDITY: { kind: "verification", means: "An SCT is from a time at which its log's key is not trusted" },
  CT_ALGORITHM_UNSUPPORTED: {
    kind: "verification",
    means: "A signature of a log names an algorithm that is not accepted or does not fit the log's key",
  },
  CT_SCT_SIGNATURE_INVALID: {
    kind: "verification",
    means: "An SCT of a trusted log does not verify over this certificate and its issuer",
  },
  CT_THRESHOLD: { kind: "verification", means: "Fewer distinct trusted logs vouch for a certificate than are demanded" },
  CT_TREE_HEAD_SIGNATURE_INVALID: {
    kind: "verification",
    means: "The signature of a tree head does not verify with the log's key",
  },
  CT_CHAIN_MALFORMED: { kind: "malformed", means: "A submission to a log has no certificate, or more than are accepted" },
  CT_CHAIN_ORDER: { kind: "verification", means: "The certificates of a submission are not each issued by the next one" },
  CT_POISON: { kind: "verification", means: "A precertificate lacks the critical poison extension, or a certificate has it" },
} as const;

/** A code of the room `ct`. */
export type CtErrorCode = keyof typeof ctErrors;

/** Make an error of the room `ct`. */
export const ctError: ErrorMaker<typeof ctErrors> = defineErrors(ctErrors);

/** Run a parser; an error of the room `encoding` comes out under this room's `code`. */
export function parsing<T>(code: CtErrorCode, action: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isSigillumError(error) || error.code in ctErrors) throw error;
    throw ctError(code, `Cannot ${action}: ${error.message}`, { cause: error });
  }
}
