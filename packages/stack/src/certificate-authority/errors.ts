// The codes of the room `certificate-authority`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  CA_REQUEST_MALFORMED: {
    kind: "malformed",
    means: "A request for a certificate has neither a public key nor a certification request, or both.",
  },
  CA_PUBLIC_KEY_MALFORMED: { kind: "malformed", means: "The public key of a request cannot be parsed." },
  CA_PUBLIC_KEY_INSECURE: {
    kind: "verification",
    means: "The public key of a request is of a size or curve that no certificate is issued for.",
  },
  CA_REQUEST_UNREADABLE: { kind: "malformed", means: "The certification request (PKCS#10) of a request cannot be parsed." },
  CA_ALGORITHM_REFUSED: {
    kind: "verification",
    means: "A certification request is signed with an algorithm that is not permitted.",
  },
  CA_PROOF_OF_POSSESSION: {
    kind: "verification",
    means: "A request is not signed by the key that it names, so its sender may not hold that key.",
  },
  CA_PROOF_REPLAYED: {
    kind: "verification",
    means: "A proof of possession was taken from an earlier request: it was made for another token's challenge.",
  },
  CA_IDENTITY_NOT_ENCODABLE: { kind: "verification", means: "The identity of a token cannot be written into a certificate." },
  CA_CT_UNAVAILABLE: {
    kind: "unavailable",
    means: "The precertificate could not be entered in the certificate transparency log, so no certificate was made.",
  },
  CA_CT_SCT_INVALID: {
    kind: "unavailable",
    means: "What the certificate transparency log answered is not its signature over the precertificate.",
  },
  CA_CHAIN_OUTSIDE_VALIDITY: {
    kind: "unavailable",
    means: "The chain of the certificate authority is not valid now, so nothing it signed would verify.",
  },
  CA_SIGNING_FAILED: { kind: "unavailable", means: "The key of the certificate authority could not sign." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const certificateAuthorityErrors: ErrorTable = table;

/** Make an error of this room. */
export const certificateAuthorityError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
