// The codes of the room `encoding`.
import { defineErrors, type ErrorMaker } from "./sigillum-error.ts";

/** Every error code of this room. */
export const encodingErrors = {
  HEX_MALFORMED: { kind: "malformed", means: "A text is not an even number of hexadecimal digits." },
  BASE64_MALFORMED: {
    kind: "malformed",
    means: "A text is not base64 as RFC 4648 writes it: alphabet, padding and unused bits are checked.",
  },
  UTF8_MALFORMED: { kind: "malformed", means: "Bytes that should be text are not UTF-8." },
  DER_TRUNCATED: { kind: "malformed", means: "A DER value says it is longer than the bytes that hold it." },
  DER_TRAILING_BYTES: {
    kind: "malformed",
    means: "Bytes follow a DER value, or the last field of one, where nothing may follow.",
  },
  DER_LENGTH_MALFORMED: {
    kind: "malformed",
    means: "A DER length is indefinite, not in its shortest form, or over four octets.",
  },
  DER_TAG_UNSUPPORTED: {
    kind: "malformed",
    means: "A DER tag is of the high-number form, or is constructed where DER says primitive or the reverse.",
  },
  DER_TAG_UNEXPECTED: { kind: "malformed", means: "A DER value has another tag than the structure demands, or is missing." },
  DER_INTEGER_MALFORMED: {
    kind: "malformed",
    means: "A DER integer is empty, not in its shortest form, negative where it may not be, or too large.",
  },
  DER_BIT_STRING_MALFORMED: {
    kind: "malformed",
    means: "A DER bit string has a bad count of unused bits, or unused bits that are set.",
  },
  DER_VALUE_MALFORMED: { kind: "malformed", means: "The contents of a DER boolean, null or character string break DER's rules." },
  DER_TIME_MALFORMED: {
    kind: "malformed",
    means: "A DER time is not written as DER demands, or names no moment of the calendar.",
  },
  OID_MALFORMED: { kind: "malformed", means: "An object identifier is empty, cut off, too long, or not in its shortest form." },
  PEM_MALFORMED: {
    kind: "malformed",
    means: "A text holds no PEM block, or one without its end line, with headers, or with a bad body.",
  },
  PEM_TOO_LARGE: { kind: "malformed", means: "A PEM text is longer, or has more blocks, than the reader allows." },
  TLS_TRUNCATED: { kind: "malformed", means: "A TLS structure says it is longer than the bytes that hold it." },
  TLS_TRAILING_BYTES: { kind: "malformed", means: "Bytes follow the last field of a TLS structure." },
  TLS_INTEGER_TOO_LARGE: { kind: "malformed", means: "A 64-bit integer of a TLS structure is beyond 2^53 - 1." },
  JSON_SYNTAX: {
    kind: "malformed",
    means: "A text is not JSON as RFC 8259 writes it, or holds a number that no double can hold.",
  },
  JSON_DUPLICATE_NAME: { kind: "malformed", means: "A JSON object has the same name twice, in one spelling or in two." },
  JSON_LONE_SURROGATE: {
    kind: "malformed",
    means: "A JSON string holds half of a surrogate pair, which no UTF-8 text can carry.",
  },
  JSON_TOO_DEEP: { kind: "malformed", means: "JSON is nested deeper than the reader allows." },
  JSON_TOO_LARGE: { kind: "malformed", means: "A JSON text is longer than the reader allows." },
  JSON_FIELD_MISSING: { kind: "malformed", means: "A JSON object lacks a field that it must have." },
  JSON_FIELD_TYPE: { kind: "malformed", means: "A JSON field holds another type than it must." },
  JSON_FIELD_VALUE: { kind: "malformed", means: "A JSON field has the right type and a value that cannot be read." },
  JSON_FIELD_UNKNOWN: { kind: "malformed", means: "A JSON object has a field that this format does not know." },
  PROTOBUF_MALFORMED: {
    kind: "malformed",
    means: "Bytes are not a protocol buffer's message: a field is cut off, of an unknown wire type, or one too many.",
  },
  TIME_MALFORMED: { kind: "malformed", means: "A text is not a time as RFC 3339 writes it, or names no moment of the calendar." },
} as const;

/** Make an error of this room. */
export const encodingError: ErrorMaker<typeof encodingErrors> = defineErrors(encodingErrors);
