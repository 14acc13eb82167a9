// What verifies an entry's signature: a public key or a certificate. Rekor v1 stores it as PEM, re-encoded at 64 columns; Rekor
// v2 as DER.

import { type PublicKey, parsePublicKey } from "../crypto/index.ts";
import { encodePem, encodeUtf8, equalBytes, isSigillumError, parsePem, parseUtf8 } from "../encoding/index.ts";
import { parseCertificate } from "../x509/index.ts";
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

/** The PEM text as Rekor v1 stores it. */
export function encodeVerifierPem(verifier: Verifier): Uint8Array {
  return encodeUtf8(encodePem(verifier.type === "certificate" ? "CERTIFICATE" : "PUBLIC KEY", verifier.der));
}

/** The public key of a verifier. Whether a certificate is to be trusted was not checked. */
export function publicKeyOf(verifier: Verifier): PublicKey {
  try {
    return verifier.type === "certificate" ? parseCertificate(verifier.der).publicKey : parsePublicKey(verifier.der);
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
