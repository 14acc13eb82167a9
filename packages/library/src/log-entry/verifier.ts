// What verifies an entry's signature: a public key or a certificate. Rekor v1 stores it as PEM, re-encoded at 64 columns; Rekor
// v2 as DER.

import { type PublicKey, parsePublicKey } from "../crypto/index.ts";
import { encodePem, encodeUtf8, equalBytes, isSigillumError, parsePem, parseUtf8 } from "../encoding/index.ts";
import { type Certificate, parseCertificate } from "../x509/index.ts";
import { logEntryError } from "./errors.ts";

/** A certificate, or a public key as SubjectPublicKeyInfo, in DER. */
export interface Verifier {
  readonly type: "certificate" | "publicKey";
  readonly der: Uint8Array;
}

const maxPemCharacters = 64 * 1024;
const maxChainLength = 10;

/**
 * Read the PEM text of a verifier: one public key, one certificate, or a chain, of which the first certificate is taken. The DER was
 * not read: `publicKeyOf` does that.
 */
export function parseVerifierPem(pem: Uint8Array): Verifier {
  return readVerifierPem(pem, maxChainLength);
}

/** As parseVerifierPem, for what a client sends: exactly one key or certificate. */
export function parseSingleVerifierPem(pem: Uint8Array): Verifier {
  return readVerifierPem(pem, 1);
}

// A log asks for the certificate of an entry to verify it and to index it, and for its PEM to store and to index it: both are worked
// out once for a verifier. They are functions of `type` and `der`, which nobody may change.
const certificates = new WeakMap<Verifier, Certificate>();
const pems = new WeakMap<Verifier, Uint8Array>();

/** The PEM text as Rekor v1 stores it; not to be changed by the caller. */
export function encodeVerifierPem(verifier: Verifier): Uint8Array {
  const known = pems.get(verifier);
  if (known !== undefined) return known;
  const pem = encodeUtf8(encodePem(verifier.type === "certificate" ? "CERTIFICATE" : "PUBLIC KEY", verifier.der));
  pems.set(verifier, pem);
  return pem;
}

/** The certificate of a verifier, or undefined when it is a public key. Whether it is to be trusted was not checked. */
export function certificateOf(verifier: Verifier): Certificate | undefined {
  if (verifier.type === "publicKey") return undefined;
  const known = certificates.get(verifier);
  if (known !== undefined) return known;
  try {
    const certificate = parseCertificate(verifier.der);
    certificates.set(verifier, certificate);
    return certificate;
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** The public key of a verifier. Whether a certificate is to be trusted was not checked. */
export function publicKeyOf(verifier: Verifier): PublicKey {
  const certificate = certificateOf(verifier);
  if (certificate !== undefined) return certificate.publicKey;
  try {
    return parsePublicKey(verifier.der);
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** Whether two verifiers are the same: both a key or both a certificate, with the same DER. */
export function isSameVerifier(a: Verifier, b: Verifier): boolean {
  return a.type === b.type && equalBytes(a.der, b.der);
}

function readVerifierPem(pem: Uint8Array, maxBlocks: number): Verifier {
  const blocks = pemBlocks(pem);
  const [first] = blocks;
  const type = first?.label === "CERTIFICATE" ? "certificate" : first?.label === "PUBLIC KEY" ? "publicKey" : undefined;
  if (first === undefined || type === undefined) {
    const found = first?.label ?? "nothing";
    throw logEntryError(
      "ENTRY_VERIFIER_MALFORMED",
      `Cannot read verifier: it is PEM of ${found}, expected CERTIFICATE or PUBLIC KEY`,
      {
        found,
        expected: "CERTIFICATE or PUBLIC KEY",
      },
    );
  }
  const limit = type === "certificate" ? maxBlocks : 1;
  if (blocks.length > limit || blocks.some(({ label }) => label !== first.label)) {
    throw logEntryError(
      "ENTRY_VERIFIER_MALFORMED",
      `Cannot read verifier: it has ${blocks.length} PEM blocks, at most ${limit} of one label are read`,
      {
        found: `${blocks.length}`,
        expected: `at most ${limit}`,
      },
    );
  }
  return { type, der: first.bytes };
}

function pemBlocks(pem: Uint8Array): { readonly label: string; readonly bytes: Uint8Array }[] {
  try {
    return parsePem(parseUtf8(pem), { maxCharacters: maxPemCharacters, maxBlocks: maxChainLength });
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause: unknown): unknown {
  if (!isSigillumError(cause)) return cause;
  return logEntryError("ENTRY_VERIFIER_MALFORMED", `Cannot read verifier: ${cause.message}`, { cause });
}
