// The texts under which Rekor v1 finds an entry (transparency log, search), as several kinds share them.
import { parseStatement, type Statement } from "@sigillum/library/attestation";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import { certificateOf, encodeVerifierPem, type Verifier } from "@sigillum/library/log-entry";
import { subjectAltNames } from "@sigillum/library/x509";

/** More keys of one entry are not indexed: a statement may have thousands of digests. */
const maxKeys = 256;

/** Keys in lower case, each once. */
export function normalizedKeys(keys: readonly string[]): string[] {
  return [...new Set(keys.map((key) => key.toLowerCase()))].slice(0, maxKeys);
}

/** The key under which entries of a public key or certificate are found: SHA-256 of its canonical PEM. */
export function verifierKey(verifier: Verifier): string {
  return encodeHex(sha256(encodeVerifierPem(verifier)));
}

/** The names in a certificate; none of a public key. */
export function subjectsOf(verifier: Verifier): string[] {
  const certificate = certificateOf(verifier);
  if (certificate === undefined) return [];
  return subjectAltNames(certificate).flatMap((name) => (name.type === "unsupported" ? [] : [name.value]));
}

/** `sha256:` and the hash of bytes. */
export function hashKey(bytes: Uint8Array): string {
  return `sha256:${encodeHex(sha256(bytes))}`;
}

/** The digests of a statement's subjects; of its materials too, unless left out. None of a payload that is no statement. */
export function statementKeys(payload: Uint8Array, options: { readonly materials: boolean } = { materials: true }): string[] {
  const statement = readStatement(payload);
  if (statement === undefined) return [];
  const subjects = statement.subject.flatMap(({ digest }) => [...digest].map(([algorithm, value]) => `${algorithm}:${value}`));
  return options.materials ? [...subjects, ...materialKeys(statement.predicate)] : subjects;
}

function readStatement(payload: Uint8Array): Statement | undefined {
  try {
    return parseStatement(payload);
  } catch (error) {
    // The log keeps envelopes whose payload is no statement it can read; they are only not found by subject.
    if (isSigillumError(error)) return undefined;
    throw error;
  }
}

function materialKeys(predicate: JsonValue | undefined): string[] {
  const materials = fieldOf(predicate, "materials");
  if (!Array.isArray(materials)) return [];
  return materials.flatMap((material) => {
    const digest = fieldOf(material, "digest");
    if (typeof digest !== "object" || digest === null || Array.isArray(digest)) return [];
    return Object.entries(digest).flatMap(([algorithm, value]) => (typeof value === "string" ? [`${algorithm}:${value}`] : []));
  });
}

function fieldOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value[name] : undefined;
}
