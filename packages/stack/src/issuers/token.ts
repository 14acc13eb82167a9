// A JWT in compact form (RFC 7519 §3, RFC 7515 §7.1), read before anything about it is trusted.
import { JsonObject, parseBase64Url, parseJson, parseUtf8, quote } from "@sigillum/library/encoding";
import { issuersError } from "./errors.ts";

/** The longest token that is read: real ones have one to four kilobytes. */
export const maxTokenLength = 16_384;

/** What a token says. Nothing of it is verified. */
export interface UnverifiedToken {
  readonly compact: string;
  readonly algorithm: string;
  readonly keyId?: string;
  readonly issuer: string;
  readonly claims: JsonObject;
}

/** Reads header and claims of a token; its signature and every claim remain to be checked. */
export function parseToken(compact: string): UnverifiedToken {
  if (compact.length > maxTokenLength) {
    throw issuersError("TOKEN_TOO_LARGE", `Cannot read identity token: it has ${compact.length} characters`, {
      found: `${compact.length} characters`,
      expected: `at most ${maxTokenLength}`,
    });
  }
  // GHSA-f83f-xpx7-ffpw: the dots are counted before anything is split; the limit above bounds both.
  const dots = compact.split(".").length - 1;
  if (dots !== 2) throw malformed(`it has ${dots} dots, expected 2`);
  const [header = "", payload = ""] = compact.split(".");
  const fields = readPart(header, "header");
  const claims = readPart(payload, "claims");
  if (fields.has("crit")) throw malformed("its header has critical extensions, which are not supported");
  const keyId = readString(fields, "kid");
  const algorithm = readString(fields, "alg");
  const issuer = readString(claims, "iss");
  if (algorithm === undefined) throw malformed("its header has no alg");
  if (issuer === undefined) throw malformed("it has no claim iss");
  return { compact, algorithm, ...(keyId === undefined ? {} : { keyId }), issuer, claims };
}

function readPart(text: string, what: string): JsonObject {
  try {
    return JsonObject.exact(parseJson(parseUtf8(parseBase64Url(text)), { maxBytes: maxTokenLength, maxDepth: 16 }), what);
  } catch (cause) {
    // The cause may quote the token, so the message says only which part it was.
    throw issuersError("TOKEN_MALFORMED", `Cannot read identity token: its ${what} is no JSON object in base64url`, { cause });
  }
}

function readString(object: JsonObject, name: string): string | undefined {
  const value = object.value(name);
  if (value === undefined || typeof value === "string") return value;
  throw malformed(`${quote(name)} is no string`);
}

function malformed(reason: string): Error {
  return issuersError("TOKEN_MALFORMED", `Cannot read identity token: ${reason}`);
}
