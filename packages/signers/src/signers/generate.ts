// Making private keys.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createSigner, type KeyType, maxRsaBits, minRsaBits, type Signer } from "@sigillum/library/crypto";

const defaultRsaBits = 3072;

/** Make a private key and give it as PKCS #8 DER, unencrypted. `bits` is for RSA alone, 3072 when absent. */
export function generatePrivateKey(type: KeyType, bits?: number): Uint8Array {
  if (bits !== undefined && (type !== "rsa" || !Number.isInteger(bits) || bits < minRsaBits || bits > maxRsaBits)) {
    throw new TypeError(`Cannot generate key: ${bits} bits are not allowed for ${type}`);
  }
  return new Uint8Array(generate(type, bits ?? defaultRsaBits).export({ format: "der", type: "pkcs8" }));
}

/** A signer whose key was made now and exists in this process alone. */
export function ephemeralSigner(type: KeyType = "ecdsa-p256"): Signer {
  return createSigner(generatePrivateKey(type));
}

function generate(type: KeyType, rsaBits: number): KeyObject {
  switch (type) {
    case "ecdsa-p256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "ecdsa-p384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "ecdsa-p521":
      return generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
    case "ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    case "ml-dsa-44":
    case "ml-dsa-65":
    case "ml-dsa-87":
      return generateKeyPairSync(type).privateKey;
    case "rsa":
      return generateKeyPairSync("rsa", { modulusLength: rsaBits }).privateKey;
  }
}
