// Functions that write values as texts and read them back: base64, hexadecimal, URLs and their queries.
import { arrayOf, type Builtin, booleanType, objectOf, oneOf, setOf, stringType } from "../../rego/index.ts";
import { compareStrings, isArray, ObjectBuilder, SetValue, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { type Alphabet, fromBase64, fromHex, fromUtf8, toBase64, toHex, utf8 } from "./bytes.ts";
import { escapeUrl, type Invalid, parseUrl, splitHostPort, unescapeUrl } from "./go-url.ts";

const queryValues = objectOf(stringType, oneOf(stringType, arrayOf(stringType), setOf(stringType)));
const maxParameters = 10_000;

/** The functions of this file. */
export const encoding: readonly Builtin[] = [
  define("base64.encode", [stringType], stringType, (call) => toBase64(utf8(charged(call)), "standard")),
  define("base64.decode", [stringType], stringType, (call) => decoded(call, charged(call), "standard")),
  define("base64.is_valid", [stringType], booleanType, (call) => {
    const text = call.value(1);
    if (typeof text !== "string") return false;
    call.text(text.length);
    return typeof fromBase64(text, "standard") !== "number";
  }),
  define("base64url.encode", [stringType], stringType, (call) => toBase64(utf8(charged(call)), "url")),
  define("base64url.encode_no_pad", [stringType], stringType, (call) => toBase64(utf8(charged(call)), "url", false)),
  define("base64url.decode", [stringType], stringType, (call) => decoded(call, padded(call, charged(call)), "url")),
  define("hex.encode", [stringType], stringType, (call) => toHex(utf8(charged(call)))),
  define("hex.decode", [stringType], stringType, (call) => {
    const bytes = fromHex(charged(call));
    if (typeof bytes === "string") throw call.fail(bytes);
    return fromUtf8(bytes);
  }),
  define("urlquery.encode", [stringType], stringType, (call) => escapeUrl(charged(call), "query")),
  define("urlquery.decode", [stringType], stringType, (call) => valid(call, unescapeUrl(charged(call), "query"))),
  define("urlquery.encode_object", [queryValues], stringType, encodeQuery),
  define("urlquery.decode_object", [stringType], objectOf(stringType, arrayOf(stringType)), decodeQuery),
  define("uri.parse", [stringType], objectOf(stringType, stringType), parse),
  define("uri.is_valid", [stringType], booleanType, (call) => {
    const text = charged(call);
    return text !== "" && !("invalid" in parseUrl(text));
  }),
];

function charged(call: Call): string {
  const text = call.string(1);
  call.text(2 * text.length);
  return text;
}

function valid(call: Call, found: string | Invalid): string {
  if (typeof found !== "string") throw call.fail(found.invalid);
  return found;
}

function decoded(call: Call, text: string, alphabet: Alphabet): Value {
  const bytes = fromBase64(text, alphabet);
  if (typeof bytes === "number") throw call.fail(`illegal base64 data at input byte ${bytes}`);
  return fromUtf8(bytes);
}

/** RFC 7515 Appendix C: the padding may be missing. */
function padded(call: Call, text: string): string {
  if (text.endsWith("=")) return text;
  if (text.length % 4 === 1) throw call.fail(`illegal base64url string: ${text.slice(0, 80)}`);
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

function encodeQuery(call: Call): Value {
  const pairs: string[] = [];
  const names = call
    .object(1)
    .entries()
    .map(([name, value]) => [typeof name === "string" ? name : "", value] as const);
  for (const [name, value] of names.toSorted(([a], [b]) => compareStrings(a, b))) {
    const list =
      typeof value === "string" ? [value] : isArray(value) ? value : value instanceof SetValue ? value.values() : [null];
    for (const item of list) {
      if (typeof item !== "string") throw call.operand(1, "values must be string, array[string], or set[string]");
      call.text(3 * (name.length + item.length));
      pairs.push(`${escapeUrl(name, "query")}=${escapeUrl(item, "query")}`);
    }
  }
  return pairs.join("&");
}

function decodeQuery(call: Call): Value {
  const text = charged(call);
  const values = new ObjectBuilder();
  const pairs = text.split("&");
  if (pairs.length > maxParameters) throw call.fail("number of URL query parameters exceeded limit");
  for (const pair of pairs) {
    if (pair === "") continue;
    if (pair.includes(";")) throw call.fail("invalid semicolon separator in query");
    const equals = pair.indexOf("=");
    const name = valid(call, unescapeUrl(equals < 0 ? pair : pair.slice(0, equals), "query"));
    const value = valid(call, unescapeUrl(equals < 0 ? "" : pair.slice(equals + 1), "query"));
    const before = values.get(name);
    const count = isArray(before) ? before.length : 0;
    call.elements(1 + count);
    values.set(name, isArray(before) ? [...before, value] : [value]);
  }
  return values.finish();
}

function parse(call: Call): Value {
  const text = charged(call);
  const url = parseUrl(text);
  if ("invalid" in url) throw call.fail(`parse ${JSON.stringify(text)}: ${url.invalid}`);
  const [hostname, port] = splitHostPort(url.host);
  const parts = {
    scheme: url.scheme,
    hostname,
    port,
    path: url.path,
    raw_path: url.rawPath,
    raw_query: url.rawQuery,
    fragment: url.fragment,
  };
  const object = new ObjectBuilder();
  for (const [name, value] of Object.entries(parts)) if (value !== "") object.set(name, value);
  return object.finish();
}
