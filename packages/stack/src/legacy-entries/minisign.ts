// Keys and signatures of minisign and signify: a comment line and a line of base64.
//
//   key = algorithm[2] "Ed" ‖ keyId[8] ‖ publicKey[32]     signature = algorithm[2] "Ed" or "ED" ‖ keyId[8] ‖ signature[64]
import { blake2b512, isValidSignature, parsePublicKey } from "@sigillum/library/crypto";
import {
  concatBytes,
  derBitString,
  derOid,
  derSequence,
  encodeBase64,
  encodeUtf8,
  isSigillumError,
  parseBase64,
  parseUtf8,
} from "@sigillum/library/encoding";
import { legacyEntryError } from "./errors.ts";
import { malformed } from "./refusals.ts";

const keyLength = 42;
const signatureLength = 74;

/** A key or signature as it is stored, and what verifying needs of it. */
export interface MinisignPart {
  readonly canonical: Uint8Array;
  readonly algorithm: string;
  readonly bytes: Uint8Array;
}

/** Read a public key: a file of minisign or signify, or its base64 line alone. */
export function parseMinisignKey(bytes: Uint8Array): MinisignPart {
  const part = partOf(bytes, keyLength, "public key");
  return {
    ...part,
    canonical: encodeUtf8(encodeBase64(concatBytes(encodeUtf8(part.algorithm), part.rest))),
    bytes: part.rest.subarray(8),
  };
}

/** Read a signature file of minisign (whose global signature is left out) or signify. */
export function parseMinisignSignature(bytes: Uint8Array): MinisignPart {
  const part = partOf(bytes, signatureLength, "signature");
  const line = encodeBase64(concatBytes(encodeUtf8(part.algorithm), part.rest));
  return { ...part, canonical: encodeUtf8(`untrusted comment:\n${line}`), bytes: part.rest.subarray(8) };
}

/** Whether a signature verifies over a message: over itself ("Ed"), or over its BLAKE2b-512 ("ED", what minisign writes unless told otherwise). */
export function isValidMinisign(key: MinisignPart, signature: MinisignPart, message: Uint8Array): boolean {
  if (signature.algorithm !== "Ed" && signature.algorithm !== "ED") {
    throw legacyEntryError(
      "LEGACY_ENTRY_UNSUPPORTED",
      `Cannot accept rekord entry: minisign signatures of algorithm ${JSON.stringify(signature.algorithm)} are not supported`,
      { found: signature.algorithm, expected: "Ed or ED" },
    );
  }
  const signed = signature.algorithm === "ED" ? blake2b512(message) : message;
  const spki = derSequence(derSequence(derOid("1.3.101.112")), derBitString(key.bytes));
  return isValidSignature(parsePublicKey(spki), { type: "ed25519", hash: "none" }, signed, signature.bytes);
}

function partOf(bytes: Uint8Array, length: number, what: string): { readonly algorithm: string; readonly rest: Uint8Array } {
  try {
    const lines = parseUtf8(bytes)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== "");
    const at = lines.findIndex((line) => !/^(?:un)?trusted comment:/.test(line));
    const decoded = parseBase64(lines[at] ?? "");
    if (decoded.length !== length)
      throw malformed("rekord", `the minisign ${what} has ${decoded.length} bytes, expected ${length}`);
    return { algorithm: String.fromCharCode(decoded[0] ?? 0, decoded[1] ?? 0), rest: decoded.subarray(2) };
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("LEGACY_")) throw cause;
    throw malformed("rekord", `the minisign ${what} cannot be read: ${cause.message}`, cause);
  }
}
