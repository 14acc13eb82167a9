// cose 0.0.1: a COSE_Sign1 message (RFC 9052 §4.2). Rekor pkg/types/cose.
//
//   in:     {"data":{"aad"?:base64},"message":base64,"publicKey":base64(PEM)}
//   stored: {"data":{"envelopeHash":{…},"payloadHash":{…}},"publicKey":base64(canonical PEM)}
import { statementPayloadType } from "@sigillum/library/attestation";
import { encodeEcdsaSignature, isValidSignature, type PublicKey, type SignatureScheme, sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, isSigillumError, type JsonObject } from "@sigillum/library/encoding";
import { encodeBody, encodeVerifierPem, parseSingleVerifierPem, publicKeyOf } from "@sigillum/library/log-entry";
import { type CborValue, encodeCborStrings, parseCbor } from "./cbor.ts";
import { legacyEntryError } from "./errors.ts";
import { hashKey, normalizedKeys, statementKeys, subjectsOf, verifierKey } from "./index-keys.ts";
import type { PreparedBody } from "./prepared.ts";
import { invalid, malformed } from "./refusals.ts";

/** Labels of COSE headers (RFC 9052 §3.1), algorithms (RFC 9053), and the tag of COSE_Sign1. */
const labels = { algorithm: 1, contentType: 3 };
const algorithms = { es256: -7, ps256: -37 };
const sign1Tag = 18;

interface Sign1 {
  readonly protectedHeader: Uint8Array;
  readonly algorithm: number | undefined;
  readonly contentType: string | undefined;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Read and verify a cose 0.0.1 proposal. */
export function prepareCose(spec: JsonObject): PreparedBody {
  spec.onlyNames(["data", "message", "publicKey"]);
  const data = spec.object("data");
  data.onlyNames(["aad", "envelopeHash", "payloadHash"]);
  const aad = data.optionalBase64("aad") ?? new Uint8Array(0);
  const verifier = parseSingleVerifierPem(spec.base64("publicKey"));
  const bytes = spec.base64("message");
  const message = readSign1(bytes);
  verifySign1(publicKeyOf(verifier), message, aad);
  const envelopeHash = encodeHex(sha256(bytes));
  const body = encodeBody("cose", "0.0.1", {
    data: {
      envelopeHash: { algorithm: "sha256", value: envelopeHash },
      payloadHash: { algorithm: "sha256", value: encodeHex(sha256(message.payload)) },
    },
    publicKey: encodeBase64(encodeVerifierPem(verifier)),
  });
  const keys = [verifierKey(verifier), ...subjectsOf(verifier), `sha256:${envelopeHash}`, hashKey(message.payload)];
  if (message.contentType === statementPayloadType) keys.push(...statementKeys(message.payload, { materials: false }));
  return { body, searchKeys: normalizedKeys(keys), attestation: { key: `sha256:${envelopeHash}`, bytes } };
}

function readSign1(bytes: Uint8Array): Sign1 {
  const tagged = decoded(bytes);
  const items = tagged.type === "tag" && tagged.tag === sign1Tag && tagged.value.type === "array" ? tagged.value.items : [];
  const [header, unprotected, payload, signature] = items;
  if (items.length !== 4 || header?.type !== "bytes" || unprotected?.type !== "map" || signature?.type !== "bytes")
    throw malformed("cose", "the message is no tagged COSE_Sign1");
  if (payload?.type !== "bytes") throw malformed("cose", "the message's payload is detached, it must be attached");
  const members = header.value.length === 0 ? [] : membersOf(decoded(header.value));
  const of = (label: number): CborValue | undefined =>
    members.find(([key]) => key.type === "integer" && key.value === label)?.[1];
  const algorithm = of(labels.algorithm);
  const contentType = of(labels.contentType);
  return {
    protectedHeader: header.value,
    algorithm: algorithm?.type === "integer" ? algorithm.value : undefined,
    contentType: contentType?.type === "text" ? contentType.value : undefined,
    payload: payload.value,
    signature: signature.value,
  };
}

function membersOf(value: CborValue): readonly (readonly [CborValue, CborValue])[] {
  if (value.type === "map") return value.members;
  throw malformed("cose", "the protected header is no map");
}

function decoded(bytes: Uint8Array): CborValue {
  try {
    return parseCbor(bytes);
  } catch (cause) {
    if (!(cause instanceof RangeError) && !isSigillumError(cause)) throw cause;
    throw malformed("cose", `the message is no CBOR that is read: ${cause.message}`, cause);
  }
}

function verifySign1(key: PublicKey, message: Sign1, aad: Uint8Array): void {
  const algorithm = key.type === "ecdsa-p256" ? algorithms.es256 : key.type === "rsa" ? algorithms.ps256 : undefined;
  if (algorithm === undefined) {
    throw legacyEntryError("LEGACY_ENTRY_UNSUPPORTED", `Cannot accept cose entry: keys of type ${key.type} are not supported`, {
      found: key.type,
      expected: "ecdsa-p256 or rsa",
    });
  }
  if (message.algorithm !== undefined && message.algorithm !== algorithm)
    throw malformed("cose", `its algorithm is ${message.algorithm}, a key of type ${key.type} has ${algorithm}`);
  // RFC 9052 §4.4: an empty map stands as a string of length zero.
  const signed = encodeCborStrings(["Signature1", message.protectedHeader, aad, message.payload]);
  if (!isValid(key, signed, message.signature)) throw invalid("cose", "the signature does not verify with the public key");
}

function isValid(key: PublicKey, signed: Uint8Array, signature: Uint8Array): boolean {
  const scheme: SignatureScheme =
    key.type === "rsa" ? { type: "rsa", hash: "sha256", padding: "pss" } : { type: "ecdsa-p256", hash: "sha256" };
  if (key.type === "rsa") return isValidSignature(key, scheme, signed, signature);
  return signature.length === 64 && isValidSignature(key, scheme, signed, encodeEcdsaSignature("ecdsa-p256", signature));
}
