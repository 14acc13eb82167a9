// DSSE, the Dead Simple Signing Envelope v1: github.com/secure-systems-lab/dsse.
//
//   PAE(type, payload) = "DSSEv1" SP len(type) SP type SP len(payload) SP payload        lengths in bytes, decimal
//   envelope = {"payload": base64, "payloadType": string, "signatures": [{"sig": base64, "keyid": string (optional)}]}
import {
  concatBytes,
  encodeBase64,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  type JsonValue,
  parseJson,
} from "../encoding/index.ts";
import { attestationError } from "./errors.ts";

/** The longest envelope text that is read, in bytes. */
export const maxEnvelopeBytes: number = 96 << 20;

/** The most signatures of one envelope that are read. */
export const maxEnvelopeSignatures: number = 64;

/** The payload type of in-toto statements. */
export const statementPayloadType: string = "application/vnd.in-toto+json";

/** One signature of an envelope, over the pre-authentication encoding. */
export interface EnvelopeSignature {
  readonly sig: Uint8Array;
  /** An unauthenticated hint; empty when absent. */
  readonly keyid: string;
}

/** A payload with its type and signatures. */
export interface Envelope {
  readonly payload: Uint8Array;
  readonly payloadType: string;
  readonly signatures: readonly EnvelopeSignature[];
}

/** The bytes that a DSSE signature covers. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encodeUtf8(payloadType);
  return concatBytes(encodeUtf8(`DSSEv1 ${type.length} `), type, encodeUtf8(` ${payload.length} `), payload);
}

/** Read an envelope from its JSON text. At least one signature is there; none was verified, and the payload was not read. */
export function parseEnvelope(json: string | Uint8Array): Envelope {
  if (json.length > maxEnvelopeBytes) throw tooLarge(`${json.length} bytes`, `${maxEnvelopeBytes}`);
  let value: JsonValue;
  try {
    value = parseJson(json, { maxBytes: maxEnvelopeBytes });
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw attestationError("ENVELOPE_MALFORMED", `Cannot parse envelope: it is not JSON: ${cause.message}`, { cause });
  }
  return envelopeFromJson(value);
}

/** Read an envelope that stands inside other JSON, such as a bundle; as parseEnvelope. Base64 may be standard or URL-safe. */
export function envelopeFromJson(value: JsonValue, path: string = "envelope"): Envelope {
  const object = JsonObject.from(value, path, (message, fields) => attestationError("ENVELOPE_MALFORMED", message, fields));
  const signatures = object.optionalObjects("signatures");
  if (signatures.length === 0) {
    throw attestationError("ENVELOPE_UNSIGNED", `Cannot read ${path}: it has no signature`, {
      found: "0",
      expected: "at least 1",
    });
  }
  if (signatures.length > maxEnvelopeSignatures) throw tooLarge(`${signatures.length} signatures`, `${maxEnvelopeSignatures}`);
  return {
    // proto3 JSON leaves out empty fields, so an absent payload is an empty one.
    payload: object.optionalBase64("payload") ?? new Uint8Array(0),
    payloadType: object.string("payloadType"),
    signatures: signatures.map((signature) => ({ sig: signature.base64("sig"), keyid: signature.optionalString("keyid") ?? "" })),
  };
}

/** The JSON value of an envelope; an empty keyid is left out, as proto3 JSON does. */
export function envelopeToJson(envelope: Envelope): JsonValue {
  return {
    payload: encodeBase64(envelope.payload),
    payloadType: envelope.payloadType,
    signatures: envelope.signatures.map(({ sig, keyid }) =>
      keyid === "" ? { sig: encodeBase64(sig) } : { sig: encodeBase64(sig), keyid },
    ),
  };
}

/** The JSON text of an envelope: the same text for the same envelope, so that its hash is reproducible. */
export function encodeEnvelope(envelope: Envelope): string {
  return JSON.stringify(envelopeToJson(envelope));
}

function tooLarge(found: string, limit: string): Error {
  return attestationError("ENVELOPE_TOO_LARGE", `Cannot read envelope: it has ${found}, at most ${limit} are read`, {
    found,
    expected: `at most ${limit}`,
  });
}
