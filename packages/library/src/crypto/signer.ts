// The one interface of everything that can sign, and the signer that holds a private key in memory.
import { cryptoError } from "./errors.ts";
import { platform } from "./platform-interface.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";
import { checkScheme, defaultScheme, type SignatureScheme } from "./scheme.ts";

/** Something that signs: a key in memory, in a file, in hardware or in a service. ECDSA signatures are DER. */
export interface Signer {
  readonly publicKey: PublicKey;
  readonly scheme: SignatureScheme;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * A signer from a private key in PKCS #8 DER, unencrypted; what `scheme` leaves out is as `defaultScheme` has it. Throws
 * PRIVATE_KEY_MALFORMED, the PUBLIC_KEY_ codes for a key of a kind or size that is not supported, or the CRYPTO_SCHEME_ codes.
 */
export function createSigner(pkcs8: Uint8Array, scheme: Partial<SignatureScheme> = {}): Signer {
  if (!platform.signs)
    throw cryptoError("CRYPTO_SCHEME_UNSUPPORTED", "Cannot use key: this platform verifies, and signs nothing", {
      found: "a private key",
    });
  const { handle, spki } = importPrivateKey(pkcs8);
  const publicKey = parsePublicKey(spki);
  const full: SignatureScheme = { ...defaultScheme(publicKey), ...scheme };
  checkScheme(publicKey, full);
  // The arithmetic of edwards.ts takes varying time, which is for public values alone.
  if (publicKey.type === "ed25519" && full.hash !== "none")
    throw cryptoError("CRYPTO_SCHEME_UNSUPPORTED", "Cannot use key: signing with Ed25519ph is not carried out", {
      found: "ed25519 sha512",
      expected: "pure Ed25519",
    });
  const hash = full.hash === "none" ? undefined : full.hash;
  // P-256 and Ed25519 take 30 to 50 us, less than the way to a thread and back; the others would hold up the event loop.
  const slow = publicKey.type !== "ecdsa-p256" && publicKey.type !== "ed25519";
  const padding = publicKey.type === "rsa" ? (full.padding ?? "pkcs1") : undefined;
  return { publicKey, scheme: full, sign: (message) => platform.sign(handle, hash, padding, message, slow) };
}

function importPrivateKey(pkcs8: Uint8Array): ReturnType<typeof platform.importPrivateKey> {
  try {
    return platform.importPrivateKey(pkcs8);
  } catch {
    // The platform's message is dropped: nothing about a private key belongs in a log.
    throw cryptoError("PRIVATE_KEY_MALFORMED", "Cannot load private key: it is no unencrypted PKCS #8 key in DER", {
      expected: "PKCS #8",
    });
  }
}
