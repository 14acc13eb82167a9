// Identity tokens: JSON Web Tokens in compact form (RFC 7519, RFC 7515 §7.1) with the claims of OpenID Connect Core §2.
import { readFile } from "node:fs/promises";
import { formatRfc3339, isSigillumError, JsonObject, parseBase64Url, parseJson } from "../encoding/index.ts";
import { identityTokenError } from "./errors.ts";

/** A token and what it says of itself. Its signature was not checked unless a function says so: whoever it is sent to checks it. */
export interface IdentityToken {
  /** The compact form, a secret. */
  readonly raw: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly expiresMs: number;
  /** What a certificate will name: the verified email address, otherwise the subject. */
  readonly identity: string;
  readonly nonce?: string;
  readonly accessTokenHash?: string;
}

/** The signed parts of a compact token. */
export interface TokenParts {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** What the signature covers: header, dot, claims. */
  readonly signed: string;
  readonly signature: Uint8Array;
}

const maxTokenLength = 64 * 1024;

/** Read a token without checking its signature, issuer or time. */
export function parseIdentityToken(text: string): IdentityToken {
  return reading(text, () => {
    const [, claimsPart = ""] = text.split(".");
    const claims = JsonObject.exact(parseJson(parseBase64Url(claimsPart), { maxBytes: maxTokenLength }), "token");
    const subject = claims.string("sub");
    const email = claims.optionalString("email");
    const nonce = claims.optionalString("nonce");
    const accessTokenHash = claims.optionalString("at_hash");
    return {
      raw: text,
      issuer: claims.string("iss"),
      subject,
      audiences: audiencesOf(claims),
      expiresMs: claims.number("exp") * 1000,
      identity: email !== undefined && isTrue(claims, "email_verified") ? email : subject,
      ...(nonce === undefined ? {} : { nonce }),
      ...(accessTokenHash === undefined ? {} : { accessTokenHash }),
    };
  });
}

/** Split a token into what a signature check needs. */
export function parseTokenParts(text: string): TokenParts {
  return reading(text, () => {
    const [headerPart = "", claimsPart = "", signaturePart = ""] = text.split(".");
    const header = JsonObject.exact(parseJson(parseBase64Url(headerPart), { maxBytes: maxTokenLength }), "header");
    // RFC 7515 §4.1.11: an extension that must be understood, and is not.
    if (header.has("crit"))
      throw identityTokenError("ID_TOKEN_MALFORMED", "Cannot read identity token: it needs an extension (crit)");
    return {
      algorithm: header.string("alg"),
      keyId: header.optionalString("kid"),
      signed: `${headerPart}.${claimsPart}`,
      signature: parseBase64Url(signaturePart),
    };
  });
}

/** A token given on a command line: the token itself, or the path of a file with it. */
export async function readIdentityToken(tokenOrFile: string, nowMs: number): Promise<IdentityToken> {
  const text = tokenOrFile.trim();
  if (isCompact(text)) return requireUnexpired(parseIdentityToken(text), nowMs);
  let content: string;
  try {
    content = await readFile(tokenOrFile, "utf8");
  } catch (cause) {
    // What is neither token nor file may be a mangled token: it is not shown.
    throw identityTokenError(
      "ID_TOKEN_UNREADABLE",
      "Cannot read identity token: what was given is no token and names no file that can be read",
      { cause: withoutPath(cause) },
    );
  }
  return requireUnexpired(parseIdentityToken(content.trim()), nowMs);
}

/** Fail with ID_TOKEN_EXPIRED for a token whose time is over: a certificate authority would refuse it. */
export function requireUnexpired(token: IdentityToken, nowMs: number): IdentityToken {
  if (token.expiresMs > nowMs) return token;
  const found = formatRfc3339(token.expiresMs);
  throw identityTokenError("ID_TOKEN_EXPIRED", `Cannot use identity token: it expired at ${found}; get a new one`, {
    found,
    expected: `after ${formatRfc3339(Math.floor(nowMs / 1000) * 1000)}`,
  });
}

function isCompact(text: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text) && text.startsWith("ey");
}

function audiencesOf(claims: JsonObject): readonly string[] {
  const value = claims.value("aud");
  return typeof value === "string" ? [value] : claims.strings("aud");
}

// Some providers write the claim as a string.
function isTrue(claims: JsonObject, name: string): boolean {
  const value = claims.value(name);
  return value === true || value === "true";
}

// Nothing of the token may reach a message: parsers quote what they find, so their words are dropped.
function reading<T>(text: string, read: () => T): T {
  if (text.length > maxTokenLength || text.split(".").length !== 3) {
    throw identityTokenError("ID_TOKEN_MALFORMED", "Cannot read identity token: it is not three parts joined by dots", {
      expected: "a JSON Web Token in compact form",
    });
  }
  try {
    return read();
  } catch (error) {
    if (isSigillumError(error) && error.code.startsWith("ID_TOKEN_")) throw error;
    const missing =
      isSigillumError(error) && error.code.startsWith("JSON_FIELD_")
        ? / (token|header)\.([a-z_]+)/.exec(error.message)?.[2]
        : undefined;
    throw identityTokenError(
      "ID_TOKEN_MALFORMED",
      missing === undefined
        ? "Cannot read identity token: it is no JSON Web Token"
        : `Cannot read identity token: its ${missing} is missing or of the wrong type`,
      { expected: "a JSON Web Token with iss, sub, aud and exp" },
    );
  }
}

function withoutPath(cause: unknown): Error {
  return new Error(cause instanceof Error ? String(Reflect.get(cause, "code") ?? "unreadable") : "unreadable");
}
