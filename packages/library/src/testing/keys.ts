import { generateKeyPairSync } from "node:crypto";
import { createSigner, type KeyType, type SignatureScheme, type Signer } from "../crypto/index.ts";

const curves = { "ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521" } as const;

/** A signer with a fresh private key, of P-256 where nothing is said. */
export function generateSigner(type: KeyType = "ecdsa-p256", scheme?: Partial<SignatureScheme>): Signer {
  return createSigner(generatePkcs8(type), scheme);
}

function generatePkcs8(type: KeyType): Uint8Array {
  const { privateKey } =
    type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : type === "ed25519"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("ec", { namedCurve: curves[type] });
  return new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" }));
}
