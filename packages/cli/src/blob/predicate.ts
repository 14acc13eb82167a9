// Statements as cosign's attest writes them: predicate types by short name and what becomes of the predicate file (policy-and-admission §1.3).
import { type PredicateTypeName, predicateTypes, statementTypeV01 } from "@sigillum/library/attestation";
import {
  concatBytes,
  encodeUtf8,
  formatRfc3339,
  isSigillumError,
  type JsonValue,
  parseJson,
  parseUtf8,
  quote,
} from "@sigillum/library/encoding";
import { blobError } from "./errors.ts";

/** Longest predicate that is read. */
export const maxPredicateBytes: number = 64 * 1024 * 1024;

/** What a statement is made of. */
export interface StatementOrder {
  /** A short name or a URI. */
  readonly type: string;
  readonly predicate: Uint8Array;
  /** A repository or file name. */
  readonly name: string;
  readonly digest: { readonly algorithm: string; readonly hex: string };
  readonly nowMs: number;
}

/** The predicate type that a short name stands for, or a URI as it is; PREDICATE_INVALID for another word. */
export function predicateTypeOf(type: string): string {
  if (isShortName(type)) return predicateTypes[type];
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(type) && URL.canParse(type)) return type;
  throw blobError("PREDICATE_INVALID", `Cannot use predicate type ${quote(type)}: invalid predicate type`, {
    found: type,
    expected: `${Object.keys(predicateTypes).join(", ")}, or a URI`,
  });
}

/** All predicate types that a reader takes for a name: two of cosign's had no scheme before cosign 2. */
export function predicateTypesFor(type: string): readonly string[] {
  const wanted = predicateTypeOf(type);
  return wanted.startsWith("https://cosign.sigstore.dev/") ? [wanted, wanted.slice("https://".length)] : [wanted];
}

/**
 * Write a statement: in-toto v0.1 with one subject. A JSON predicate goes in byte for byte, so that no number and no order of members
 * is lost; `spdx` goes in as text, `custom` as text with the time.
 */
export function statementOf(order: StatementOrder): Uint8Array {
  const predicateType = predicateTypeOf(order.type);
  const head = JSON.stringify({
    _type: statementTypeV01,
    predicateType,
    subject: [{ name: order.name, digest: { [order.digest.algorithm]: order.digest.hex } }],
  });
  return concatBytes(encodeUtf8(`${head.slice(0, -1)},"predicate":`), predicateBytes(order), encodeUtf8("}"));
}

function predicateBytes({ type, predicate, nowMs }: StatementOrder): Uint8Array {
  if (type === "custom") {
    const Timestamp = formatRfc3339(Math.floor(nowMs / 1000) * 1000);
    return encodeUtf8(JSON.stringify({ Data: textOf(predicate), Timestamp }));
  }
  if (type === "spdx") return encodeUtf8(JSON.stringify(textOf(predicate)));
  const value = objectOf(predicate, type);
  for (const name of requiredMembers[type] ?? []) {
    if (!Object.hasOwn(value, name))
      throw blobError("PREDICATE_INVALID", `Cannot use predicate: required field ${name} missing`, { expected: name });
  }
  return predicate;
}

// What cosign refuses a predicate without.
const requiredMembers: Readonly<Record<string, readonly string[]>> = {
  link: ["_type", "name", "materials", "products", "byproducts", "command", "environment"],
  vuln: ["scanner"],
};

function textOf(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (cause) {
    throw blobError("PREDICATE_INVALID", "Cannot use predicate: it is no UTF-8 text", { cause });
  }
}

function objectOf(bytes: Uint8Array, type: string): object {
  let value: JsonValue;
  try {
    value = parseJson(bytes, { maxBytes: maxPredicateBytes });
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw blobError("PREDICATE_INVALID", `Cannot use predicate of type ${quote(type)}: it is not JSON: ${cause.message}`, {
      cause,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw blobError("PREDICATE_INVALID", `Cannot use predicate of type ${quote(type)}: it is JSON and no object`, {
    expected: "a JSON object",
  });
}

function isShortName(type: string): type is PredicateTypeName {
  return Object.hasOwn(predicateTypes, type);
}
