// Reading the claims of a token whose signature, issuer, audience and times were checked. Every message names the claim.
import { encodeUtf8, type JsonObject, type JsonValue, quote } from "@sigillum/library/encoding";
import { issuersError } from "./errors.ts";

/** The longest claim that is taken over into a certificate, in bytes: the limit of one extension. */
export const maxClaimBytes = 2048;

// RFC 5321 §4.1.2 without quoted local parts and address literals; ASCII alone, because rfc822Name is an IA5String.
const emailPattern =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/u;

/** Whether a text is an email address of ASCII characters. */
export function isEmailAddress(text: string): boolean {
  return text.length <= 254 && emailPattern.test(text);
}

/** A claim that must be there, as a string that is not empty. */
export function requiredClaim(claims: JsonObject, name: string, path: readonly string[] = [name]): string {
  const value = claimAt(claims, path);
  if (value === undefined || value === "") throw missingClaim(claims, name);
  if (typeof value !== "string" || encodeUtf8(value).length > maxClaimBytes) {
    throw issuersError(
      "TOKEN_CLAIM_INVALID",
      `Cannot accept identity token: its claim ${name} is no string of at most ${maxClaimBytes} bytes`,
      { found: typeof value === "string" ? `${value.length} characters` : typeof value, expected: "a string" },
    );
  }
  return value;
}

/** The value that a path of names leads to; undefined where there is none. */
export function claimAt(claims: JsonObject, path: readonly (string | number)[]): JsonValue | undefined {
  let value: JsonValue | undefined;
  path.forEach((step, index) => {
    if (index === 0) value = claims.value(String(step));
    else if (Array.isArray(value)) value = typeof step === "number" ? value[step] : undefined;
    else if (typeof value === "object" && value !== null && Object.hasOwn(value, step)) value = value[step];
    else value = undefined;
  });
  return value ?? undefined;
}

/** A claim that is a string, or nothing. */
export function optionalText(claims: JsonObject, name: string): string | undefined {
  const value = claims.value(name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether the issuer says that it verified the email address. Some providers write the boolean as a string. */
export function isEmailVerified(claims: JsonObject): boolean {
  const verified = claims.value("email_verified");
  return verified === true || verified === "true" || verified === "True";
}

/** The error for a claim that is not there; it names those that are. */
export function missingClaim(claims: JsonObject, name: string, why = ""): Error {
  return issuersError("TOKEN_CLAIM_MISSING", `Cannot accept identity token: it has no claim ${quote(name)}${why}`, {
    found: quote(claims.names().join(", "), 400),
    expected: name,
  });
}

/** The error for a claim whose value is not allowed. */
export function refusedClaim(name: string, value: string, expected: string): Error {
  return issuersError(
    "TOKEN_CLAIM_INVALID",
    `Cannot accept identity token: its claim ${name} is ${quote(value, 200)}, expected ${expected}`,
    { found: quote(value, 200), expected },
  );
}

/** The text of a claim inside a template, as Fulcio makes it: numbers in plain decimal, the rest in Go's print form (§4.1). */
export function claimText(value: JsonValue): string {
  if (typeof value === "number") return plainDecimal(value);
  return printed(value);
}

function printed(value: JsonValue): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(printed).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const pairs = Object.keys(value)
    .sort()
    .map((name) => `${name}:${printed(value[name] ?? null)}`);
  return `map[${pairs.join(" ")}]`;
}

/** A number without exponent. */
export function plainDecimal(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/u.exec(text);
  if (match === null) return text;
  const [, sign = "", first = "", rest = "", power = "0"] = match;
  const digits = first + rest;
  const exponent = Number(power);
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  return `${sign}${digits}${"0".repeat(Math.max(0, exponent - rest.length))}`;
}
