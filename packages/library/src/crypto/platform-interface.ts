// What this room needs of the platform. `#platform` is chosen by the conditions in package.json: platform-browser.ts under
// `browser`, else platform-node.ts.

import type { PrivateKeyHandle, PublicKeyHandle } from "#platform";
import * as chosen from "#platform";
import type { EcKeyType } from "./curve.ts";

export type { PrivateKeyHandle, PublicKeyHandle };

/** The digests that are read and written; SHA-1 only where a format demands it as an identifier, never under a signature. */
export type HashAlgorithm = "sha1" | "sha256" | "sha384" | "sha512";

/** A digest that is fed in parts. After `digest` it is used up. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** The operations that every platform has, all but `sign` synchronous. What throws there is caught where it is called. */
export interface Platform {
  /** Whether `verify` takes RSA and Ed25519 keys; where it does not, the room verifies them itself. */
  readonly verifiesRsaAndEd25519: boolean;
  /** Whether there are private keys: where there are none, `importPrivateKey` and `sign` throw. */
  readonly signs: boolean;
  digestOf(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array;
  sha256Latin1(octets: string): string;
  octetString(bytes: Uint8Array): string;
  blake2b512(bytes: Uint8Array): Uint8Array;
  createHasher(algorithm: HashAlgorithm): Hasher;
  importPublicKey(spki: Uint8Array): PublicKeyHandle;
  importPrivateKey(pkcs8: Uint8Array): { readonly handle: PrivateKeyHandle; readonly spki: Uint8Array };
  verify(
    handle: PublicKeyHandle,
    digest: HashAlgorithm | undefined,
    padding: "pkcs1" | "pss" | undefined,
    message: Uint8Array,
    signature: Uint8Array,
  ): boolean;
  sign(
    handle: PrivateKeyHandle,
    digest: HashAlgorithm | undefined,
    padding: "pkcs1" | "pss" | undefined,
    message: Uint8Array,
    slow: boolean,
  ): Promise<Uint8Array>;
  rsaPublicOperation(handle: PublicKeyHandle, signature: Uint8Array): Uint8Array;
  multiplyBasePoint(curve: EcKeyType, scalar: Uint8Array): Uint8Array;
}

/** The platform that the package's conditions chose. */
export const platform: Platform = chosen;
