// A timestamp request in JSON, as sigstore-js sends it: certificate-authority §8.1.
import type { HashAlgorithm } from "@sigillum/library/crypto";
import { derInteger, isSigillumError, JsonObject, parseDer, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import type { TimestampRequest } from "@sigillum/library/timestamp";
import { hashAlgorithmOid } from "@sigillum/library/x509";
import { timestampAuthorityError } from "./errors.ts";

/** The longest JSON request: reading big integers takes quadratic time. */
export const maxJsonBytes = 1024;

/** Room for a nonce of 64 octets. */
const maxNonceDigits = 154;
const hashNames: readonly HashAlgorithm[] = ["sha1", "sha256", "sha384", "sha512"];

/** Reads a request; whether its hash and policy are acceptable is checked where it is answered. */
export function parseJsonRequest(body: Uint8Array): TimestampRequest {
  if (body.length > maxJsonBytes) {
    throw timestampAuthorityError("TSA_JSON_TOO_LARGE", `Cannot read timestamp request: its JSON has ${body.length} bytes`, {
      found: `${body.length} bytes`,
      expected: `at most ${maxJsonBytes}`,
    });
  }
  try {
    const request = JsonObject.from(
      parseJson(quoteNonce(parseUtf8(body)), { maxBytes: 2 * maxJsonBytes, maxDepth: 4 }),
      "request",
    );
    const hash = readHash(request.string("hashAlgorithm"));
    const digest = request.base64("artifactHash");
    const policy = request.optionalString("tsaPolicyOID");
    return {
      imprint: { hashOid: hashAlgorithmOid(hash), hash, digest },
      policy: policy === "" ? undefined : policy,
      nonce: readNonce(request.optionalString("nonce")),
      certReq: request.optionalBoolean("certificates") ?? false,
      hasExtensions: false,
    };
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("TSA_")) throw cause;
    throw timestampAuthorityError("TSA_JSON_MALFORMED", `Cannot read timestamp request: ${cause.message}`, { cause });
  }
}

/** JSON.parse rounds integers above 2^53, and a nonce must be echoed to the digit: it is turned into a string first. */
function quoteNonce(text: string): string {
  return text.replace(/("nonce"[ \t\r\n]*:[ \t\r\n]*)(-?\d+)(?=[ \t\r\n]*[,}])/u, '$1"$2"');
}

function readNonce(digits: string | undefined): Uint8Array | undefined {
  if (digits === undefined) return undefined;
  if (/^(?:0|[1-9]\d*)$/u.test(digits) && digits.length <= maxNonceDigits) return parseDer(derInteger(BigInt(digits))).contents;
  throw timestampAuthorityError("TSA_JSON_MALFORMED", "Cannot read timestamp request: its nonce is no integer that is accepted", {
    found: `${digits.length} characters`,
    expected: `0, or at most ${maxNonceDigits} digits`,
  });
}

function readHash(name: string): HashAlgorithm {
  const found = hashNames.find((hash) => hash === name.toLowerCase());
  if (found !== undefined) return found;
  throw timestampAuthorityError("TSA_JSON_MALFORMED", "Cannot read timestamp request: its hashAlgorithm is not known", {
    found: name.slice(0, 40),
    expected: "sha256, sha384 or sha512",
  });
}
