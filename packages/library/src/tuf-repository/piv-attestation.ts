// The attestation of a PIV token: a certificate by which the token itself says that it made a key, and how it guards it.

import type { PublicKey } from "../crypto/index.ts";
import { encodeHex, equalBytes, isSigillumError, parseDer } from "../encoding/index.ts";
import { type Certificate, findExtension, verifyIssuedBy } from "../x509/index.ts";
import { tufRepositoryError } from "./errors.ts";

/** What an attestation says of a key. */
export interface PivAttestation {
  /** Serial number of the token, decimal. */
  readonly serial: string;
  readonly firmware: string;
  /** Whether the PIN is asked for never, once a session, or at every signature. */
  readonly pinPolicy: string;
  readonly touchPolicy: string;
  /** "USB A Keychain"; "unknown" where the token says nothing. */
  readonly formFactor: string;
}

// The arc of the extensions that Yubico's tokens put into attestations; others follow it.
const arc = "1.3.6.1.4.1.41482.3";
const pinPolicies = new Map([
  [1, "never"],
  [2, "once"],
  [3, "always"],
]);
const touchPolicies = new Map([
  [1, "never"],
  [2, "always"],
  [3, "cached"],
]);

const formFactors = new Map([
  [1, "USB A Keychain"],
  [2, "USB A Nano"],
  [3, "USB C Keychain"],
  [4, "USB C Nano"],
  [5, "USB C Lightning Keychain"],
]);

/**
 * Verify that a token which chains to one of `roots` made the very key that was submitted; throws TUF_KEY_ATTESTATION. Validity periods
 * are not checked: a token's clock is none, and its root outlives it.
 */
export function verifyPivAttestation(
  publicKey: PublicKey,
  attestation: { readonly key: Certificate; readonly device: Certificate },
  roots: readonly Certificate[] | undefined,
): PivAttestation {
  const { key } = attestation;
  // The program of 2021 did not compare the two, and took the key from a third file (tuf-root §1.5).
  if (!equalBytes(key.spki, publicKey.spki)) throw refused("it is for another key", encodeHex(key.spki).slice(-16));
  return readPivAttestation(attestation, roots);
}

/**
 * Verify that the token's own certificate signed what it says of a key, and that it chains to one of `roots`, which is not looked at where
 * none are given; throws TUF_KEY_ATTESTATION. Of which key it speaks is for the caller to compare.
 */
export function readPivAttestation(
  { key, device }: { readonly key: Certificate; readonly device: Certificate },
  roots: readonly Certificate[] | undefined,
): PivAttestation {
  if (!isIssued(key, device)) throw refused("it is not signed by the token's own certificate", "no signature of the token");
  if (roots !== undefined && !roots.some((root) => isIssued(device, root)))
    throw refused("the token's certificate chains to none of the trusted makers", `${roots.length} trusted makers`);
  const firmware = octets(key, 3, 3);
  const policies = octets(key, 8, 2);
  const serial = parseDer(octets(key, 7));
  if (serial.tag !== 0x02) throw refused("its serial number is no integer", `tag ${serial.tag}`);
  const form = findExtension(key.extensions, `${arc}.9`)?.value ?? new Uint8Array(0);
  return {
    formFactor: formFactors.get(form.length === 1 ? (form[0] ?? 0) & 0x7f : 0) ?? "unknown",
    serial: BigInt(`0x${encodeHex(serial.contents)}`).toString(),
    firmware: [...firmware].join("."),
    pinPolicy: pinPolicies.get(policies[0] ?? 0) ?? "unknown",
    touchPolicy: touchPolicies.get(policies[1] ?? 0) ?? "unknown",
  };
}

function isIssued(certificate: Certificate, issuer: Certificate): boolean {
  if (!equalBytes(certificate.issuer, issuer.subject)) return false;
  try {
    verifyIssuedBy(certificate, issuer);
    return true;
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return false;
  }
}

function octets(certificate: Certificate, number: number, length?: number): Uint8Array {
  const value = findExtension(certificate.extensions, `${arc}.${number}`)?.value;
  if (value !== undefined && (length === undefined || value.length === length)) return value;
  throw refused(
    `extension ${arc}.${number} is missing or of another form`,
    value === undefined ? "nothing" : `${value.length} bytes`,
  );
}

function refused(why: string, found: string): Error {
  return tufRepositoryError("TUF_KEY_ATTESTATION", `Cannot accept attestation: ${why}`, { found });
}
