// intoto 0.0.1 and 0.0.2: an envelope whose payload is kept beside the log. Rekor pkg/types/intoto.
//
//   0.0.1 in:     {"content":{"envelope":string of JSON},"publicKey":base64(PEM)}
//         stored: {"content":{"hash":{…of the string},"payloadHash":{…}},"publicKey":base64(canonical PEM)}
//   0.0.2 in:     {"content":{"envelope":{"payload":base64(base64),"payloadType":…,"signatures":[{"keyid"?,"publicKey":base64(PEM),"sig":base64(base64)}]},"hash":{…}}}
//         stored: the same without payload, and "payloadHash"
import { type Envelope, parseEnvelope, statementPayloadType } from "@sigillum/library/attestation";
import { sha256 } from "@sigillum/library/crypto";
import {
  encodeBase64,
  encodeHex,
  encodeUtf8,
  isSigillumError,
  type JsonObject,
  type JsonValue,
  parseProtoBase64,
  parseUtf8,
} from "@sigillum/library/encoding";
import {
  encodeBody,
  encodeVerifierPem,
  parseSingleVerifierPem,
  type Verifier,
  verifyEnvelopeSignatures,
} from "@sigillum/library/log-entry";
import { normalizedKeys, statementKeys, subjectsOf, verifierKey } from "./index-keys.ts";
import type { PreparedBody } from "./prepared.ts";
import { malformed } from "./refusals.ts";

const maxSignatures = 64;

/** Read and verify an intoto 0.0.1 proposal. */
export function prepareIntotoV001(spec: JsonObject): PreparedBody {
  spec.onlyNames(["content", "publicKey"]);
  const content = spec.object("content");
  content.onlyNames(["envelope", "hash", "payloadHash"]);
  // Hashes that a client sends with the envelope are ignored: the log computes them.
  const text = content.string("envelope");
  const envelope = reading("the envelope", () => parseEnvelope(text));
  const verifier = parseSingleVerifierPem(spec.base64("publicKey"));
  verifyEnvelopeSignatures(envelope, [verifier], { every: false });
  const payloadHash = encodeHex(sha256(envelope.payload));
  const hash = encodeHex(sha256(encodeUtf8(text)));
  const body = encodeBody("intoto", "0.0.1", {
    content: { hash: sha256Json(hash), payloadHash: sha256Json(payloadHash) },
    publicKey: encodeBase64(encodeVerifierPem(verifier)),
  });
  const keys = [`sha256:${hash}`, ...keysOf([verifier], envelope, payloadHash)];
  return { body, searchKeys: normalizedKeys(keys), attestation: { key: `sha256:${payloadHash}`, bytes: envelope.payload } };
}

/** Read and verify an intoto 0.0.2 proposal. The envelope's hash comes from the client and cannot be checked. */
export function prepareIntotoV002(spec: JsonObject): PreparedBody {
  spec.onlyNames(["content"]);
  const content = spec.object("content");
  content.onlyNames(["envelope", "hash", "payloadHash"]);
  const object = content.object("envelope");
  object.onlyNames(["payload", "payloadType", "signatures"]);
  const items = object.objects("signatures");
  if (items.length === 0 || items.length > maxSignatures)
    throw malformed("intoto", `it has ${items.length} signatures, 1 to ${maxSignatures} are read`);
  const signatures = items.map(readSignature);
  const payload = twiceDecoded(object, "payload");
  const payloadType = object.string("payloadType");
  if (payload.length === 0 || payloadType === "") throw malformed("intoto", "its payload or payload type is empty");
  const envelope: Envelope = {
    payload,
    payloadType,
    signatures: signatures.map(({ sig, keyid }) => ({ sig, keyid: keyid ?? "" })),
  };
  const verifiers = signatures.map(({ verifier }) => verifier);
  verifyEnvelopeSignatures(envelope, verifiers, { every: true });
  const hash = content.object("hash");
  const [algorithm, value] = [hash.string("algorithm"), hash.string("value")];
  if (algorithm !== "sha256" || !/^[0-9a-fA-F]{64}$/.test(value))
    throw malformed("intoto", "content.hash is no SHA-256 in hexadecimal");
  const payloadHash = encodeHex(sha256(payload));
  const body = encodeBody("intoto", "0.0.2", {
    content: {
      envelope: { payloadType, signatures: signatures.map(({ json }) => json) },
      hash: { algorithm, value },
      payloadHash: sha256Json(payloadHash),
    },
  });
  const attestation = { key: `sha256:${payloadHash}`, bytes: payload };
  return { body, searchKeys: normalizedKeys(keysOf(verifiers, envelope, payloadHash)), attestation };
}

interface LoggedSignature {
  readonly sig: Uint8Array;
  readonly keyid: string | undefined;
  readonly verifier: Verifier;
  /** As it is stored: keys and signatures as they came, the empty key id left out. */
  readonly json: JsonValue;
}

function readSignature(item: JsonObject): LoggedSignature {
  item.onlyNames(["keyid", "publicKey", "sig"]);
  const keyid = item.optionalString("keyid");
  const publicKey = item.base64("publicKey");
  const json = {
    ...(keyid === undefined || keyid === "" ? {} : { keyid }),
    publicKey: encodeBase64(publicKey),
    sig: item.string("sig"),
  };
  return { sig: twiceDecoded(item, "sig"), keyid, verifier: parseSingleVerifierPem(publicKey), json };
}

// TRAP of the specification: DSSE's text, already base64, was encoded once more as a byte field.
function twiceDecoded(object: JsonObject, name: string): Uint8Array {
  const inner = object.base64(name);
  return reading(`${object.path}.${name}`, () => parseProtoBase64(parseUtf8(inner)));
}

// TRAP: intoto prefixes the key's hash, so that a search by key does not find it but a search by that hash does.
function keysOf(verifiers: readonly Verifier[], envelope: Envelope, payloadHash: string): string[] {
  const keys = verifiers.flatMap((verifier) => [`sha256:${verifierKey(verifier)}`, ...subjectsOf(verifier)]);
  keys.push(`sha256:${payloadHash}`);
  if (envelope.payloadType === statementPayloadType) keys.push(...statementKeys(envelope.payload));
  return keys;
}

function sha256Json(value: string): JsonValue {
  return { algorithm: "sha256", value };
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw malformed("intoto", `${what} cannot be read: ${cause.message}`, cause);
  }
}
