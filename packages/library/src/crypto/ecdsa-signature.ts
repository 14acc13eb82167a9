// Ecdsa-Sig-Value (RFC 3279 §2.2.3), strictly DER, and the fixed-length form r‖s that hardware and JOSE use.
import { concatBytes, DerReader, derInteger, derSequence } from "../encoding/index.ts";
import { curveOf, type EcKeyType, integerOf, octetsOf } from "./curve.ts";
import { cryptoError } from "./errors.ts";

/** The two integers of an ECDSA signature, each from 1 to the order less one. */
export interface EcdsaSignature {
  readonly r: bigint;
  readonly s: bigint;
}

/** Read a DER signature; throws ECDSA_SIGNATURE_MALFORMED unless it is the one encoding of r and s in their range. It is not verified. */
export function parseEcdsaSignature(type: EcKeyType, der: Uint8Array): EcdsaSignature {
  const { n, octets } = curveOf(type);
  let r: bigint;
  let s: bigint;
  try {
    const reader = DerReader.sequence(der, "signature");
    const [first, second] = [reader.unsignedInteger("r"), reader.unsignedInteger("s")];
    reader.end("s");
    // Lengths first, so that no huge integer is made.
    [r, s] = first.length > octets || second.length > octets ? [0n, 0n] : [integerOf(first), integerOf(second)];
  } catch (cause) {
    throw cryptoError("ECDSA_SIGNATURE_MALFORMED", "Cannot parse ECDSA signature: it is not DER", {
      cause,
      expected: "SEQUENCE of two INTEGERs",
    });
  }
  if (r < 1n || r >= n || s < 1n || s >= n) {
    throw cryptoError("ECDSA_SIGNATURE_MALFORMED", "Cannot parse ECDSA signature: r or s is out of range", {
      expected: "1 to the order of the curve less one",
    });
  }
  return { r, s };
}

/** Write r‖s, each half as long as the order, as a DER signature; throws ECDSA_SIGNATURE_MALFORMED for another length. */
export function encodeEcdsaSignature(type: EcKeyType, raw: Uint8Array): Uint8Array {
  const { octets } = curveOf(type);
  if (raw.length !== 2 * octets) {
    throw cryptoError(
      "ECDSA_SIGNATURE_MALFORMED",
      `Cannot encode ECDSA signature: r and s take ${raw.length} octets, not ${2 * octets}`,
      { found: `${raw.length}`, expected: `${2 * octets}` },
    );
  }
  return derSequence(derInteger(raw.subarray(0, octets)), derInteger(raw.subarray(octets)));
}

/** The form r‖s of a DER signature, as JOSE and PKCS #11 have it. */
export function rawEcdsaSignature(type: EcKeyType, der: Uint8Array): Uint8Array {
  const { r, s } = parseEcdsaSignature(type, der);
  const { octets } = curveOf(type);
  return concatBytes(octetsOf(r, octets), octetsOf(s, octets));
}
