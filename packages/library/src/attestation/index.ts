// The public surface of the room attestation.
export {
  type Envelope,
  type EnvelopeSignature,
  encodeEnvelope,
  envelopeFromJson,
  envelopeToJson,
  maxEnvelopeBytes,
  maxEnvelopeSignatures,
  parseEnvelope,
  preAuthenticationEncoding,
  statementPayloadType,
} from "./dsse.ts";
export { attestationError, attestationErrors } from "./errors.ts";
export { cosignSignPredicateType, type PredicateTypeName, predicateTypes } from "./predicate-type.ts";
export {
  encodeStatement,
  maxStatementBytes,
  maxSubjectDigests,
  maxSubjects,
  parseStatement,
  type Statement,
  type Subject,
  statementTypeV1,
  statementTypeV01,
} from "./statement.ts";
