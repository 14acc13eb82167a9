// JSON Web Tokens (RFC 7519) in the compact form of JSON Web Signatures (RFC 7515).
import { anyType, type Builtin, booleanType, objectOf, stringType, tupleOf } from "../../rego/index.ts";
import {
  compareNumbers,
  encodeJson,
  fromDouble,
  isArray,
  isNumeric,
  isPolicyError,
  ObjectBuilder,
  ObjectValue,
  toDouble,
  type Value,
} from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { hmac } from "../crypto/digest.ts";
import { chargeDigest } from "../crypto/digests.ts";
import { sameBytes } from "../crypto/rsa.ts";
import { fromBase64, fromUtf8, toBase64, toHex, utf8 } from "../encoding/bytes.ts";
import { read } from "../json/json.ts";
import { signatureSteps } from "../x509/chain.ts";
import { type SymmetricKey, signingKey, tokenAlgorithms, type VerificationKey, verificationKeys } from "./jwk.ts";
import { algorithmParts, isSigned, sign } from "./signature.ts";

const anyObject = objectOf(anyType, anyType);
const asymmetric = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;
const maxNesting = 8;

/** The functions of this file. */
export const jwt: readonly Builtin[] = [
  define("io.jwt.decode", [stringType], tupleOf(anyObject, anyObject, stringType), (call) => decode(call, call.string(1), 0)),
  define(
    "io.jwt.decode_verify",
    [stringType, objectOf(stringType, anyType)],
    tupleOf(booleanType, anyObject, anyObject),
    decodeVerify,
  ),
  ...asymmetric.map((alg) =>
    define(`io.jwt.verify_${alg.toLowerCase()}`, [stringType, stringType], booleanType, (call) => verify(call, alg)),
  ),
  ...(["HS256", "HS384", "HS512"] as const).map((alg) =>
    define(`io.jwt.verify_${alg.toLowerCase()}`, [stringType, stringType], booleanType, (call) => verifyMac(call, alg)),
  ),
  define("io.jwt.encode_sign", [anyObject, anyObject, objectOf(stringType, anyType)], stringType, (call) =>
    encodeSign(call, text(call, call.object(1)), text(call, call.object(2)), text(call, call.object(3))),
  ),
  define("io.jwt.encode_sign_raw", [stringType, stringType, stringType], stringType, (call) => {
    const key = call.string(3);
    return encodeSign(call, call.string(1), call.string(2), key);
  }),
];

function text(call: Call, value: Value): string {
  return encodeJson(value, { escapeHtml: true, allocate: (length) => call.text(length) });
}

interface Token {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

function split(call: Call, token: string): Token {
  call.text(4 * token.length);
  if (!token.includes(".")) throw call.fail("encoded JWT had no period separators");
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  const count = token.split(".").length;
  if (count !== 3 || more.length > 0) throw call.fail(`encoded JWT must have 3 sections, found ${count}`);
  return { header, payload, signature };
}

function bytesOf(call: Call, section: string, what: string): Uint8Array {
  const reason =
    section.length % 4 === 1 && !section.endsWith("=") ? `illegal base64url string: ${section.slice(0, 80)}` : undefined;
  const found = fromBase64(section.endsWith("=") ? section : section.padEnd(Math.ceil(section.length / 4) * 4, "="), "url");
  if (typeof found !== "number" && reason === undefined) return found;
  throw call.fail(`${what}${reason ?? `illegal base64 data at input byte ${String(found)}`}`);
}

function objectIn(call: Call, json: string): ObjectValue {
  let value: Value;
  try {
    value = read(call, json);
  } catch (error) {
    if (!isPolicyError(error) || error.kind !== "malformed") throw error;
    throw call.fail(`invalid JSON: ${error.message}`, error);
  }
  if (!(value instanceof ObjectValue)) throw call.fail("decoded JSON type was not an Object");
  return value;
}

function headerOf(call: Call, token: Token): ObjectValue {
  const header = objectIn(call, fromUtf8(bytesOf(call, token.header, "JWT header had invalid encoding: ")));
  // RFC 7516 §9
  if (header.has("enc")) throw call.fail("JWT is a JWE object, which is not supported");
  return header;
}

/** Without verifying: header, payload, and the signature in hexadecimal. */
function decode(call: Call, encoded: string, depth: number): Value {
  if (depth > maxNesting) throw call.fail(`more than ${maxNesting} tokens stand in one another`);
  const token = split(call, encoded);
  const header = headerOf(call, token);
  const payload = fromUtf8(bytesOf(call, token.payload, "JWT payload had invalid encoding: "));
  const cty = header.get("cty");
  if (cty !== undefined && typeof cty !== "string") throw call.fail("cty: must be a string");
  if (cty === "JWT") return decode(call, payload.replace(/^["']+|["']+$/g, ""), depth + 1);
  const claims = objectIn(call, payload);
  return [header, claims, toHex(bytesOf(call, token.signature, "JWT signature had invalid encoding: "))];
}

interface HeaderFields {
  readonly alg: string;
  readonly kid: string;
  readonly cty: string;
  /** RFC 7515 §4.1: alg stands there, and nothing critical is unknown. */
  readonly valid: boolean;
}

function fieldsOf(call: Call, header: ObjectValue): HeaderFields {
  const fields = { alg: "", kid: "", typ: "", cty: "" };
  let critical: readonly Value[] = [];
  for (const [name, value] of header.entries()) {
    if (name === "alg" || name === "kid" || name === "typ" || name === "cty") {
      if (typeof value !== "string") throw call.fail(`${name}: must be a string`);
      fields[name] = value;
    } else if (name === "crit") {
      if (!isArray(value)) throw call.fail("crit: must be a list");
      if (value.length === 0) throw call.fail("crit: must be a nonempty list");
      if (!value.every((each) => typeof each === "string")) throw call.fail("crit: must be a list of strings");
      critical = value;
    }
  }
  const known = ["alg", "kid", "typ", "cty", "crit"];
  const unknown = critical.some((name) => typeof name === "string" && header.has(name) && !known.includes(name));
  return { ...fields, valid: fields.alg !== "" && !unknown };
}

/** Keys of the token's key id alone when one has it; otherwise all whose algorithm is not another. */
function hasKey(
  call: Call,
  keys: readonly VerificationKey[],
  fields: HeaderFields,
  check: (key: VerificationKey["key"]) => boolean,
): boolean {
  const named = fields.kid === "" ? undefined : keys.find(({ kid }) => kid === fields.kid);
  const candidates = named === undefined ? keys.filter(({ alg }) => alg === "" || alg === fields.alg) : [named];
  return candidates.some(({ key }) => {
    call.step(signatureSteps);
    return check(key);
  });
}

function signedText(call: Call, { header, payload }: Token): Uint8Array {
  const bytes = utf8(`${header}.${payload}`);
  chargeDigest(call, bytes.length, "sha512");
  return bytes;
}

function verify(call: Call, alg: string): Value {
  const token = split(call, call.string(1));
  const keys = verificationKeys(call, call.string(2));
  const signature = bytesOf(call, token.signature, "");
  const fields = fieldsOf(call, headerOf(call, token));
  const message = signedText(call, token);
  return hasKey(call, keys, fields, (key) => isSigned(key, alg, message, signature));
}

function verifyMac(call: Call, alg: string): Value {
  const token = split(call, call.string(1));
  const secret = utf8(call.string(2));
  const mac = hmac(algorithmParts(alg)[1], secret, signedText(call, token));
  return sameBytes(bytesOf(call, token.signature, ""), mac);
}

interface Constraints {
  readonly keys: readonly VerificationKey[] | undefined;
  readonly secret: SymmetricKey | undefined;
  readonly alg: string;
  readonly iss: string;
  readonly aud: string;
  /** Nanoseconds since 1970. */
  readonly time: number;
}

function constraintsOf(call: Call): Constraints {
  let found: Constraints = { keys: undefined, secret: undefined, alg: "", iss: "", aud: "", time: -1 };
  for (const [name, value] of call.object(2).entries()) {
    const string = (): string => {
      if (typeof value !== "string") throw call.fail(`${String(name)} constraint: must be a string`);
      return value;
    };
    if (name === "cert") found = { ...found, keys: verificationKeys(call, string()) };
    else if (name === "secret")
      found = { ...found, secret: string() === "" ? undefined : { kind: "oct", secret: utf8(string()) } };
    else if (name === "alg" || name === "iss" || name === "aud") found = { ...found, [name]: string() };
    else if (name === "time") {
      if (!isNumeric(value)) throw call.fail("token time constraint: must be a number");
      found = { ...found, time: toDouble(value) };
      if (!Number.isFinite(found.time)) throw call.fail("token time constraint: unvalid float64");
      if (found.time < 0) throw call.fail("token time constraint: must not be negative");
    } else throw call.fail(`unknown token validation constraint: ${String(name).slice(0, 80)}`);
  }
  if (found.keys !== undefined && found.secret !== undefined) throw call.fail("duplicate key constraints");
  if (found.keys === undefined && found.secret === undefined) throw call.fail("no key constraint");
  if (found.time >= 0) return found;
  const { nowNs } = call.context;
  if (nowNs === undefined) throw call.fail("the caller gave this evaluation no time, and the constraint time is not given");
  return { ...found, time: Number(nowNs) };
}

const unverified: Value = [false, new ObjectBuilder().finish(), new ObjectBuilder().finish()];

function decodeVerify(call: Call): Value {
  const constraints = constraintsOf(call);
  let encoded = call.string(1);
  for (let depth = 0; depth <= maxNesting; depth++) {
    const token = split(call, encoded);
    const header = headerOf(call, token);
    const fields = fieldsOf(call, header);
    if (!fields.valid || (constraints.alg !== "" && constraints.alg !== fields.alg)) return unverified;
    const signature = bytesOf(call, token.signature, "");
    const keys = constraints.keys ?? (constraints.secret ? [{ alg: "", kid: "", key: constraints.secret }] : []);
    const message = signedText(call, token);
    if (!hasKey(call, keys, fields, (key) => isSigned(key, fields.alg, message, signature))) return unverified;
    const payload = fromUtf8(bytesOf(call, token.payload, "JWT payload had invalid encoding: "));
    if (fields.cty.toLowerCase() === "jwt") {
      encoded = payload;
      continue;
    }
    const claims = objectIn(call, payload);
    return claimsHold(call, claims, constraints) ? [true, header, claims] : unverified;
  }
  throw call.fail(`more than ${maxNesting} tokens stand in one another`);
}

/** RFC 7519 §4.1: iss, aud, exp and nbf. */
function claimsHold(call: Call, claims: ObjectValue, constraints: Constraints): boolean {
  const [iss, aud, exp, nbf] = [claims.get("iss"), claims.get("aud"), claims.get("exp"), claims.get("nbf")];
  if (constraints.iss !== "" && iss !== constraints.iss) return false;
  if (aud === undefined) {
    if (constraints.aud !== "") return false;
  } else if (!(isArray(aud) ? aud.includes(constraints.aud) : aud === constraints.aud)) return false;
  const now = fromDouble(constraints.time / 1e9);
  if (exp !== undefined) {
    if (!isNumeric(exp)) throw call.fail("exp value must be a number");
    if (compareNumbers(now, exp) >= 0) return false;
  }
  if (nbf !== undefined) {
    if (!isNumeric(nbf)) throw call.fail("nbf value must be a number");
    if (compareNumbers(now, nbf) < 0) return false;
  }
  return true;
}

function encodeSign(call: Call, header: string, payload: string, jwk: string): Value {
  const key = signingKey(call, jwk);
  const fields = signedHeader(call, header);
  const alg = fields?.get("alg");
  if (typeof alg !== "string") throw call.fail(`missing or invalid 'alg' header: jwsbb: header "alg" not found`);
  if (!tokenAlgorithms.has(alg)) throw call.fail(`unknown JWS algorithm: ${alg.slice(0, 80)}`);
  const typ = fields?.get("typ");
  if ((typeof typ !== "string" || typ === "JWT") && !isJson(call, payload))
    throw call.fail("type is JWT but payload is not JSON");
  call.text(4 * (header.length + payload.length));
  const body = `${toBase64(utf8(header), "url", false)}.${toBase64(utf8(payload), "url", false)}`;
  chargeDigest(call, body.length, "sha512");
  call.step(3 * signatureSteps);
  const signature = sign(key, alg, utf8(body));
  if (signature === undefined) throw call.fail(`the key cannot sign with ${alg}`);
  return `${body}.${toBase64(signature, "url", false)}`;
}

function signedHeader(call: Call, header: string): ObjectValue | undefined {
  if (header === "") throw call.fail("missing or invalid 'alg' header: cannot parse JSON: cannot parse empty string");
  // the reader of the library that OPA uses takes any characters of numbers for one
  if (/^[-+0-9.eE]+$/.test(header)) return undefined;
  try {
    const value = read(call, header);
    return value instanceof ObjectValue ? value : undefined;
  } catch (error) {
    if (!isPolicyError(error) || error.kind !== "malformed") throw error;
    throw call.fail(`missing or invalid 'alg' header: cannot parse JSON: ${error.message}`, error);
  }
}

function isJson(call: Call, payload: string): boolean {
  try {
    read(call, payload);
    return true;
  } catch (error) {
    if (isPolicyError(error) && error.kind === "malformed") return false;
    throw error;
  }
}
