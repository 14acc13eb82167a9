import { createHash, generateKeyPairSync } from "node:crypto";
import { createSigner, isMlDsa, type KeyType, rawPublicKey, type SignatureScheme, type Signer } from "../crypto/index.ts";
import { concatBytes, encodeHex, encodeUtf8, parseHex } from "../encoding/index.ts";

const curves = { "ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521" } as const;

/** A signer with a fresh private key, of P-256 where nothing is said. */
export function generateSigner(type: KeyType = "ecdsa-p256", scheme?: Partial<SignatureScheme>): Signer {
  return createSigner(generatePkcs8(type), scheme);
}

function generatePkcs8(type: KeyType): Uint8Array {
  return new Uint8Array(generateKeyPair(type).privateKey.export({ format: "der", type: "pkcs8" }));
}

function generateKeyPair(type: KeyType): ReturnType<typeof generateKeyPairSync> {
  if (type === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  if (type === "ed25519") return generateKeyPairSync("ed25519");
  if (isMlDsa(type)) return generateKeyPairSync(type);
  return generateKeyPairSync("ec", { namedCurve: curves[type] });
}

const edwardsOrder = (1n << 252n) + 27742317777372353535851937790883648493n;

/**
 * A signer of Ed25519ph (RFC 8032 §5.1.6), for tests alone: it takes varying time. It shares nothing with the verifier, because the platform
 * multiplies for it: each nonce is the secret of a fresh key, whose public key is R.
 */
export function generateEd25519phSigner(): Signer {
  const pkcs8 = generatePkcs8("ed25519");
  const { publicKey } = createSigner(pkcs8);
  const secret = secretScalar(pkcs8);
  const prefix = concatBytes(encodeUtf8("SigEd25519 no Ed25519 collisions"), Uint8Array.of(1, 0));
  return {
    publicKey,
    scheme: { type: "ed25519", hash: "sha512" },
    async sign(message) {
      const nonce = generatePkcs8("ed25519");
      const r = rawPublicKey(createSigner(nonce).publicKey);
      const k = littleEndian(sha512(prefix, r, rawPublicKey(publicKey), sha512(message)));
      const s = (secretScalar(nonce) + k * secret) % edwardsOrder;
      return concatBytes(r, parseHex(s.toString(16).padStart(64, "0")).toReversed());
    },
  };
}

// RFC 8032 §5.1.5 steps 1 to 3; the seed is the last 32 octets of the PKCS #8 form.
function secretScalar(pkcs8: Uint8Array): bigint {
  const half = sha512(pkcs8.subarray(-32)).slice(0, 32);
  half[0] = (half[0] ?? 0) & 248;
  half[31] = ((half[31] ?? 0) & 127) | 64;
  return littleEndian(half);
}

function sha512(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash("sha512")
      .update(concatBytes(...parts))
      .digest(),
  );
}

function littleEndian(octets: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(octets.toReversed())}`);
}
