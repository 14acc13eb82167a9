// Bytes, texts and structures: what every other room reads and writes with.
export { encodeBase64, encodeBase64Url, parseBase64, parseBase64Url, parseProtoBase64 } from "./base64.ts";
export { compareBytes, concatBytes, encodeHex, equalBytes, parseHex } from "./bytes.ts";
export { DerReader, derText, isDerSetOfSorted, parseDer } from "./der-reader.ts";
export { type DerValue, derTag } from "./der-value.ts";
export {
  derBitString,
  derBoolean,
  derEnumerated,
  derGeneralizedTime,
  derIa5String,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSetOf,
  derTagged,
  derUtcTime,
  derUtf8String,
  derX509Time,
} from "./der-writer.ts";
export { encodingError, encodingErrors } from "./errors.ts";
export { canonicalText, encodeJcs } from "./jcs.ts";
export { type JsonLimits, type JsonValue, parseJson } from "./json.ts";
export { type JsonArrayItem, type JsonFail, JsonObject } from "./json-object.ts";
export { encodeOid, parseOid } from "./oid.ts";
export { encodePem, type PemBlock, type PemLimits, parsePem } from "./pem.ts";
export { maxProtobufFields, ProtobufMessage, parseProtobuf, protobufField, protobufVarint } from "./protobuf.ts";
export {
  defineErrors,
  type ErrorFields,
  type ErrorKind,
  type ErrorMaker,
  type ErrorTable,
  isSigillumError,
  quote,
  SigillumError,
} from "./sigillum-error.ts";
export { formatRfc3339, parseRfc3339 } from "./time.ts";
export { TlsReader, TlsWriter } from "./tls.ts";
export { encodeUtf8, parseUtf8 } from "./utf8.ts";
