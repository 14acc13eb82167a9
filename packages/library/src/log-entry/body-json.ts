// Reading the JSON around entries: one error code for whatever is not as it must be.
import {
  encodeJcs,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  type JsonValue,
  parseHex,
  parseJson,
  quote,
} from "../encoding/index.ts";
import { digestLengths, type EntryHash, entryHash } from "./algorithm.ts";
import { logEntryError } from "./errors.ts";

/** The longest body of an entry that is read, in bytes. */
export const maxBodyBytes: number = 1 << 20;

/** The longest request to log an entry that is read, in bytes; Rekor v2 has the same limit. */
export const maxRequestBytes: number = 4 << 20;

/** The code under which the JSON of a body, or of a request, is refused. */
export type JsonCode = "ENTRY_BODY_MALFORMED" | "ENTRY_REQUEST_MALFORMED";

/** Read a JSON object of Rekor v1 or a stored body: names have one spelling, base64 is padded. */
export function readExact(json: Uint8Array | string, code: JsonCode, what: string): JsonObject {
  return JsonObject.exact(readJson(json, code, what), what, (message, fields) => logEntryError(code, message, fields));
}

/** Read a proto3 JSON object. */
export function readProto(json: Uint8Array | string, code: JsonCode, what: string): JsonObject {
  return JsonObject.from(readJson(json, code, what), what, (message, fields) => logEntryError(code, message, fields));
}

function readJson(json: Uint8Array | string, code: JsonCode, what: string): JsonValue {
  const limit = code === "ENTRY_BODY_MALFORMED" ? maxBodyBytes : maxRequestBytes;
  if (json.length > limit) {
    throw logEntryError("ENTRY_TOO_LARGE", `Cannot parse ${what}: it has ${json.length} bytes, at most ${limit} are read`, {
      found: `${json.length}`,
      expected: `at most ${limit}`,
    });
  }
  try {
    return parseJson(json, { maxBytes: limit });
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw logEntryError(code, `Cannot parse ${what}: ${cause.message}`, { cause });
  }
}

/** A digest as Rekor v1 writes it. */
export interface HexHash {
  readonly algorithm: EntryHash;
  readonly digest: Uint8Array;
  /** The hexadecimal text as it came: Rekor stores it so, also in upper case. */
  readonly text: string;
}

/** Read `{"algorithm": "sha256", "value": "<hex>"}`; the length fits the algorithm afterwards. */
export function readHexHash(hash: JsonObject, code: JsonCode): HexHash {
  const name = hash.string("algorithm");
  const value = hash.string("value");
  const algorithm = entryHash(name);
  if (algorithm === undefined)
    throw logEntryError(code, `Cannot read ${hash.path}: hash algorithm ${quote(name)} is not known`, { found: quote(name) });
  if (!/^[0-9a-fA-F]*$/.test(value) || value.length !== 2 * digestLengths[algorithm]) {
    throw logEntryError(code, `Cannot read ${hash.path}: ${quote(value)} is no ${algorithm} digest in hexadecimal`, {
      found: quote(value),
    });
  }
  return { algorithm, digest: parseHex(value), text: value };
}

/**
 * The stored body of an entry: RFC 8785 of kind, version and spec. The spec is given as text: the kinds that are logged most write it
 * in canonical order themselves, of texts (base64, hexadecimal, fixed names) in which nothing is escaped.
 */
export function encodeBodyText(kind: string, version: string, canonicalSpec: string): Uint8Array {
  return encodeUtf8(`{"apiVersion":"${version}","kind":"${kind}","spec":${canonicalSpec}}`);
}

/** The stored body of an entry: RFC 8785 of kind, version and spec. */
export function encodeBody(kind: string, version: string, spec: JsonValue): Uint8Array {
  return encodeJcs({ apiVersion: version, kind, spec });
}
