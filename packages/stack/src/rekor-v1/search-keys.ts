// The texts under which Rekor v1 finds an entry (transparency-log.md §1.8 and §1.9), its prefix oddities included.
import { parseStatement, type Statement, statementPayloadType } from "@sigillum/library/attestation";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import {
  type DsseV001,
  encodeVerifierPem,
  type HashedRekordV001,
  type ProposedEntry,
  type Verifier,
} from "@sigillum/library/log-entry";
import { parseCertificate, subjectAltNames } from "@sigillum/library/x509";

/** More keys of one entry are not indexed: a statement may have thousands of digests. */
const maxKeys = 256;

/** The search keys of an entry that is about to be stored; those of a statement are in the proposal alone. */
export function searchKeysOf(proposed: ProposedEntry, stored: HashedRekordV001 | DsseV001): string[] {
  const keys = stored.kind === "dsse" ? dsseKeys(proposed, stored) : hashedRekordKeys(stored);
  return [...new Set(keys.map((key) => key.toLowerCase()))].slice(0, maxKeys);
}

/** The key under which entries of a public key or certificate are found: SHA-256 of its canonical PEM. */
export function verifierKey(verifier: Verifier): string {
  return encodeHex(sha256(encodeVerifierPem(verifier)));
}

function hashedRekordKeys(entry: HashedRekordV001): string[] {
  return [verifierKey(entry.verifier), ...subjectsOf(entry.verifier), `${entry.hashAlgorithm}:${encodeHex(entry.digest)}`];
}

// TRAP: dsse prefixes the key's hash, so that a search by key does not find it but a search by that hash does.
function dsseKeys(proposed: ProposedEntry, entry: DsseV001): string[] {
  const keys = entry.signatures.flatMap(({ verifier }) => [`sha256:${verifierKey(verifier)}`, ...subjectsOf(verifier)]);
  keys.push(`sha256:${encodeHex(entry.payloadHash)}`, `sha256:${encodeHex(entry.envelopeHash)}`);
  if (proposed.kind === "dsse" && proposed.envelope.payloadType === statementPayloadType)
    keys.push(...statementKeys(proposed.envelope.payload));
  return keys;
}

function subjectsOf(verifier: Verifier): string[] {
  if (verifier.type === "publicKey") return [];
  return subjectAltNames(parseCertificate(verifier.der)).flatMap((name) => (name.type === "unsupported" ? [] : [name.value]));
}

function statementKeys(payload: Uint8Array): string[] {
  const statement = readStatement(payload);
  if (statement === undefined) return [];
  const subjects = statement.subject.flatMap(({ digest }) => [...digest].map(([algorithm, value]) => `${algorithm}:${value}`));
  return [...subjects, ...materialKeys(statement.predicate)];
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
