// Message digests (FIPS 180-4, RFC 7693).
import { concatBytes } from "../encoding/index.ts";
import { type HashAlgorithm, type Hasher, platform } from "./platform-interface.ts";

const lengths: Readonly<Record<HashAlgorithm, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };
/** Up to this many bytes it is cheaper to join the parts than to feed them one by one. */
const joinLimit = 1 << 14;
/** Where short parts are joined: the digest is taken before anything else can run, so one array serves every call. */
const joined = new Uint8Array(512);

/** The digest of the parts joined. */
export function digest(algorithm: HashAlgorithm, ...parts: Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return platform.digestOf(algorithm, first);
  let length = 0;
  for (const part of parts) length += part.length;
  if (length <= joined.length) return platform.digestOf(algorithm, joined.subarray(0, join(parts)));
  if (length <= joinLimit) return platform.digestOf(algorithm, concatBytes(...parts));
  const hasher = platform.createHasher(algorithm);
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

/** Write the parts into `joined`; a loop beats `set` for parts as short as these. */
function join(parts: readonly Uint8Array[]): number {
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) joined[at + i] = part[i] ?? 0;
    at += part.length;
  }
  return at;
}

/** SHA-256 of the parts joined. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  return digest("sha256", ...parts);
}

/** SHA-256 of octets held in a string, one a character, to the same form: three times as fast for tree nodes as with arrays. */
export function sha256Latin1(latin1: string): string {
  return platform.sha256Latin1(latin1);
}

/** Begin a digest that is fed in parts. */
export function createHasher(algorithm: HashAlgorithm): Hasher {
  return platform.createHasher(algorithm);
}

/** The octets in a digest of this algorithm. */
export function digestLength(algorithm: HashAlgorithm): number {
  return lengths[algorithm];
}

/** BLAKE2b with 64 octets (RFC 7693), as minisign hashes what it signs; under no other signature. */
export function blake2b512(bytes: Uint8Array): Uint8Array {
  return platform.blake2b512(bytes);
}
