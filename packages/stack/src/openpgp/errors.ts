// The codes of the room `openpgp`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  OPENPGP_MALFORMED: {
    kind: "malformed",
    means: "An OpenPGP key, signature or signed message is not as RFC 4880 writes it, or above a limit.",
  },
  OPENPGP_UNSUPPORTED: {
    kind: "malformed",
    means: "An OpenPGP key or signature has a version or algorithm that is not carried out here.",
  },
  OPENPGP_KEY_INVALID: {
    kind: "verification",
    means: "No key of an OpenPGP key ring is bound by valid signatures of its own.",
  },
  OPENPGP_SIGNER_UNKNOWN: {
    kind: "verification",
    means: "An OpenPGP signature is by no key of the ring that may sign.",
  },
  OPENPGP_SIGNATURE_INVALID: {
    kind: "verification",
    means: "An OpenPGP signature does not verify over what it is said to sign.",
  },
  OPENPGP_KEY_UNUSABLE: {
    kind: "verification",
    means: "The key of an OpenPGP signature was expired or revoked when it signed, or the signature itself expired.",
  },
} as const;

/** The codes of this room, with their kind and meaning. */
export const openpgpErrors: ErrorTable = table;

/** Make an error of this room. */
export const openpgpError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
