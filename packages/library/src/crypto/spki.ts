// Algorithm identifiers of public keys.
import { derNull, derOid, derSequence, parseHex } from "../encoding/index.ts";

/** Object identifiers of key algorithms and curves (RFC 5480 §2.1.1, RFC 8410 §3, RFC 3279 §2.3.1, RFC 9881 §2). */
export const algorithmOid = {
  ecPublicKey: "1.2.840.10045.2.1",
  "ecdsa-p256": "1.2.840.10045.3.1.7",
  "ecdsa-p384": "1.3.132.0.34",
  "ecdsa-p521": "1.3.132.0.35",
  ed25519: "1.3.101.112",
  rsaEncryption: "1.2.840.113549.1.1.1",
  "ml-dsa-44": "2.16.840.1.101.3.4.3.17",
  "ml-dsa-65": "2.16.840.1.101.3.4.3.18",
  "ml-dsa-87": "2.16.840.1.101.3.4.3.19",
} as const;

/** The key types of ML-DSA (FIPS 204). */
export type MlDsaKeyType = "ml-dsa-44" | "ml-dsa-65" | "ml-dsa-87";

/** Whether a key type is of ML-DSA. */
export function isMlDsa(type: string): type is MlDsaKeyType {
  return type.startsWith("ml-dsa-");
}

/** A parameter set of ML-DSA: a SubjectPublicKeyInfo up to the key (RFC 9881 §4: no parameters), and the key's octets (FIPS 204 table 2). */
export interface MlDsaForm {
  readonly type: MlDsaKeyType;
  readonly spkiPrefix: Uint8Array;
  readonly octets: number;
}

/** The three parameter sets. */
export const mlDsaForms: readonly MlDsaForm[] = [
  { type: "ml-dsa-44", spkiPrefix: parseHex("30820532300b06096086480165030403110382052100"), octets: 1312 },
  { type: "ml-dsa-65", spkiPrefix: parseHex("308207b2300b0609608648016503040312038207a100"), octets: 1952 },
  { type: "ml-dsa-87", spkiPrefix: parseHex("30820a32300b060960864801650304031303820a2100"), octets: 2592 },
];

/** A SubjectPublicKeyInfo of Ed25519 up to the 32 octets of the key (RFC 8410 §4). */
export const ed25519SpkiPrefix: Uint8Array = parseHex("302a300506032b6570032100");

/** The AlgorithmIdentifier of an RSA key: parameters are NULL (RFC 3279 §2.3.1). */
export const rsaAlgorithmIdentifier: Uint8Array = derSequence(derOid(algorithmOid.rsaEncryption), derNull());
