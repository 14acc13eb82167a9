// Algorithm identifiers of public keys.
import { derNull, derOid, derSequence, parseHex } from "../encoding/index.ts";

/** Object identifiers of key algorithms and curves (RFC 5480 §2.1.1, RFC 8410 §3, RFC 3279 §2.3.1). */
export const algorithmOid = {
  ecPublicKey: "1.2.840.10045.2.1",
  "ecdsa-p256": "1.2.840.10045.3.1.7",
  "ecdsa-p384": "1.3.132.0.34",
  "ecdsa-p521": "1.3.132.0.35",
  ed25519: "1.3.101.112",
  rsaEncryption: "1.2.840.113549.1.1.1",
} as const;

/** A SubjectPublicKeyInfo of Ed25519 up to the 32 octets of the key (RFC 8410 §4). */
export const ed25519SpkiPrefix: Uint8Array = parseHex("302a300506032b6570032100");

/** The AlgorithmIdentifier of an RSA key: parameters are NULL (RFC 3279 §2.3.1). */
export const rsaAlgorithmIdentifier: Uint8Array = derSequence(derOid(algorithmOid.rsaEncryption), derNull());
