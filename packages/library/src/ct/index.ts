export {
  type DataTileRecord,
  encodeDataTileRecord,
  encodeExtraData,
  leafOfRecord,
  parseDataTile,
  parseDataTileRecord,
} from "./data-tile.ts";
export {
  type DigitallySigned,
  digitallySign,
  encodeDigitallySigned,
  isDigitallySigned,
  parseDigitallySigned,
} from "./digitally-signed.ts";
export {
  type CtEntry,
  encodeTimestampedEntry,
  maxEntryBytes,
  merkleTreeLeaf,
  parseMerkleTreeLeaf,
  precertificateEntry,
  sctSigningInput,
  type TimestampedEntry,
} from "./entry.ts";
export { type CtErrorCode, ctError, ctErrors } from "./errors.ts";
export { leafIndexExtension, parseLeafIndexExtension } from "./leaf-index.ts";
export {
  embeddedScts,
  encodeSct,
  encodeSctList,
  parseSct,
  parseSctList,
  type SignedCertificateTimestamp,
  signSct,
} from "./sct.ts";
export { type Submission, verifySubmission } from "./submission.ts";
export {
  ctLogId,
  encodeTreeHeadSignature,
  parseTreeHeadSignature,
  signTreeHead,
  type TreeHead,
  type TreeHeadSignature,
  treeHeadNoteKeyId,
  treeHeadNoteType,
  treeHeadSigningInput,
  verifyTreeHead,
} from "./tree-head.ts";
export { type CtLogKey, type SctQuestion, sctIssuer, type VerifiedSct, verifyEmbeddedScts } from "./verify.ts";
