import { createHasher, digest, type HashAlgorithm, type Hasher } from "../crypto/index.ts";
import { encodeHex, quote } from "../encoding/index.ts";
import { ociError } from "./errors.ts";

declare const ociDigest: unique symbol;

/** A digest as registries write it, "sha256:" and 64 lower-case hexadecimal digits (or sha512 and 128), checked. */
export type OciDigest = string & { readonly [ociDigest]: true };

const lengths: ReadonlyMap<string, number> = new Map([
  ["sha256", 64],
  ["sha512", 128],
]);

/** Check a digest's form; that anything has this digest is not checked. OCI image spec, "Digests". */
export function parseOciDigest(text: string): OciDigest {
  if (!isOciDigest(text))
    throw ociError("OCI_DIGEST_INVALID", `Cannot parse digest: found ${quote(text)}`, {
      found: text,
      expected: "sha256: and 64 hexadecimal digits",
    });
  return text;
}

/** Whether a text is a digest of a supported algorithm. */
export function isOciDigest(text: string): text is OciDigest {
  const colon = text.indexOf(":");
  const hex = text.slice(colon + 1);
  return lengths.get(text.slice(0, colon)) === hex.length && /^[0-9a-f]+$/.test(hex);
}

/** The SHA-256 digest of bytes. */
export function ociDigestOf(bytes: Uint8Array): OciDigest {
  return parseOciDigest(`sha256:${encodeHex(digest("sha256", bytes))}`);
}

/** Fail unless bytes have the digest that named them. */
export function verifyOciDigest(bytes: Uint8Array, expected: OciDigest, what: string): void {
  const hasher = createOciHasher(expected);
  hasher.update(bytes);
  hasher.verify(what);
}

/** A running hash that ends by comparing itself with the digest it was made for. */
export interface OciHasher {
  update(bytes: Uint8Array): void;
  /** Throws OCI_DIGEST_MISMATCH unless everything handed to `update` has the digest. */
  verify(what: string): void;
}

/** Start hashing what should have digest `expected`. */
export function createOciHasher(expected: OciDigest): OciHasher {
  const algorithm: HashAlgorithm = expected.startsWith("sha512:") ? "sha512" : "sha256";
  const hasher: Hasher = createHasher(algorithm);
  return {
    update: (bytes) => hasher.update(bytes),
    verify(what) {
      const found = `${algorithm}:${encodeHex(hasher.digest())}`;
      if (found !== expected)
        throw ociError("OCI_DIGEST_MISMATCH", `Cannot read ${what}: its content has digest ${found}, not ${expected}`, {
          found,
          expected,
        });
    },
  };
}
