// The public surface of the room log-entry.
export { type EntryHash, entryScheme } from "./algorithm.ts";
export { type EncodableBody, encodeLogEntryBody, type KindVersion, type LogEntryBody, parseLogEntryBody } from "./body.ts";
export { encodeBody, maxBodyBytes, maxRequestBytes } from "./body-json.ts";
export {
  type EntryMaterial,
  type EnvelopeContent,
  type MessageContent,
  requireCanonicalBody,
  verifyBodyMatches,
  verifyEntryBody,
} from "./compare.ts";
export {
  acceptedKeyDetails,
  type CreateEntryRequestV2,
  encodeCreateEntryRequestV2,
  parseCreateEntryRequestV2,
} from "./create-entry-request.ts";
export { type DsseV001, type DsseV001Signature, encodeDsseV001 } from "./dsse-v001.ts";
export { type EntryId, formatEntryId, leafUuid, parseEntryId } from "./entry-id.ts";
export { isValidOverMessage, verifyEntrySignature } from "./entry-signature.ts";
export { logEntryError, logEntryErrors } from "./errors.ts";
export { encodeHashedRekordV001, type HashedRekordV001 } from "./hashedrekord-v001.ts";
export { encodeHashedRekordV002, type HashedRekordV002 } from "./hashedrekord-v002.ts";
export type { IntotoV001 } from "./intoto-v001.ts";
export type { IntotoV002 } from "./intoto-v002.ts";
export {
  type DsseProposal,
  encodeProposedDsse,
  encodeProposedHashedRekord,
  type ProposedEntry,
  parseProposal,
  parseProposedEntry,
  readProposedEntry,
  verifyEnvelopeSignatures,
  verifyProposedEntry,
} from "./proposed-entry.ts";
export { type SetFields, setPayload, verifySet } from "./signed-entry-timestamp.ts";
export {
  certificateOf,
  encodeVerifierPem,
  isSameVerifier,
  parseSingleVerifierPem,
  parseVerifierPem,
  publicKeyOf,
  type Verifier,
} from "./verifier.ts";
