// MD5 (RFC 1321), SHA-1, SHA-256, SHA-384 and SHA-512 (FIPS 180-4), and HMAC (RFC 2104) over them, in plain TypeScript: this room runs
// where there is no node:crypto, and a policy needs its digests at once. They hash what a policy may see, never a secret of ours.

/** The digests by their names in Rego. */
export type DigestName = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

interface Algorithm {
  readonly blockBytes: 64 | 128;
  readonly hash: (padded: DataView<ArrayBuffer>) => Uint8Array;
  readonly littleEndian?: boolean;
}

const algorithms: Readonly<Record<DigestName, Algorithm>> = {
  md5: { blockBytes: 64, hash: md5, littleEndian: true },
  sha1: { blockBytes: 64, hash: sha1 },
  sha256: { blockBytes: 64, hash: sha256 },
  sha384: { blockBytes: 128, hash: (padded) => sha512(padded, initial384).subarray(0, 48) },
  sha512: { blockBytes: 128, hash: (padded) => sha512(padded, initial512) },
};

/** The digest of bytes. */
export function digest(name: DigestName, bytes: Uint8Array): Uint8Array {
  const { blockBytes, hash, littleEndian = false } = algorithms[name];
  const lengthBytes = blockBytes / 8;
  const total = Math.ceil((bytes.length + 1 + lengthBytes) / blockBytes) * blockBytes;
  const padded = new Uint8Array(total);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(total - 8, BigInt(bytes.length) * 8n, littleEndian);
  return hash(view);
}

/** The HMAC of bytes under a key. */
export function hmac(name: DigestName, key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const size = algorithms[name].blockBytes;
  const block = new Uint8Array(size);
  block.set(key.length > size ? digest(name, key) : key);
  const inner = digest(
    name,
    joined(
      block.map((byte) => byte ^ 0x36),
      bytes,
    ),
  );
  return digest(
    name,
    joined(
      block.map((byte) => byte ^ 0x5c),
      inner,
    ),
  );
}

/** Bytes one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function words(state: Iterable<number>, littleEndian = false): Uint8Array {
  const list = [...state];
  const view = new DataView(new ArrayBuffer(list.length * 4));
  for (const [i, word] of list.entries()) view.setUint32(4 * i, word, littleEndian);
  return new Uint8Array(view.buffer);
}

const md5Shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const md5Constants = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

function md5(data: DataView<ArrayBuffer>): Uint8Array {
  let [a0, b0, c0, d0] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let block = 0; block < data.byteLength; block += 64) {
    let [a, b, c, d] = [a0, b0, c0, d0];
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const mixed = round === 0 ? (b & c) | (~b & d) : round === 1 ? (d & b) | (~d & c) : round === 2 ? b ^ c ^ d : c ^ (b | ~d);
      const index = round === 0 ? i : round === 1 ? (5 * i + 1) % 16 : round === 2 ? (3 * i + 5) % 16 : (7 * i) % 16;
      const sum = (a + mixed + (md5Constants[i] ?? 0) + data.getUint32(block + 4 * index, true)) | 0;
      [a, d, c, b] = [d, c, b, (b + rotate(sum, md5Shifts[4 * round + (i & 3)] ?? 0)) | 0];
    }
    [a0, b0, c0, d0] = [(a0 + a) | 0, (b0 + b) | 0, (c0 + c) | 0, (d0 + d) | 0];
  }
  return words([a0, b0, c0, d0], true);
}

function sha1(data: DataView<ArrayBuffer>): Uint8Array {
  let [a0, b0, c0, d0, e0] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476, 0xc3d2e1f0 | 0];
  const w = new Int32Array(80);
  for (let block = 0; block < data.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = data.getInt32(block + 4 * i);
    for (let i = 16; i < 80; i++) w[i] = rotate((w[i - 3] ?? 0) ^ (w[i - 8] ?? 0) ^ (w[i - 14] ?? 0) ^ (w[i - 16] ?? 0), 1);
    let [a, b, c, d, e] = [a0, b0, c0, d0, e0];
    for (let i = 0; i < 80; i++) {
      const mixed =
        i < 20
          ? ((b & c) | (~b & d)) + 0x5a827999
          : i < 40
            ? (b ^ c ^ d) + 0x6ed9eba1
            : i < 60
              ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
              : (b ^ c ^ d) + 0xca62c1d6;
      const next = (rotate(a, 5) + mixed + e + (w[i] ?? 0)) | 0;
      [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
    }
    [a0, b0, c0, d0, e0] = [(a0 + a) | 0, (b0 + b) | 0, (c0 + c) | 0, (d0 + d) | 0, (e0 + e) | 0];
  }
  return words([a0, b0, c0, d0, e0]);
}

function firstPrimes(count: number): readonly bigint[] {
  const primes: bigint[] = [];
  for (let n = 2n; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0n)) primes.push(n);
  return primes;
}

/** The first 64 bits after the point of a prime's root. */
function rootFraction(prime: bigint, degree: 2n | 3n): bigint {
  const scaled = prime << (64n * degree);
  let root = 1n << BigInt(Math.ceil((scaled.toString(2).length + 1) / Number(degree)));
  // Newton's method from above ends at the integer root
  for (;;) {
    const next = ((degree - 1n) * root + scaled / root ** (degree - 1n)) / degree;
    if (next >= root) return BigInt.asUintN(64, root);
    root = next;
  }
}

const primes = firstPrimes(80);
const constants512 = primes.map((prime) => rootFraction(prime, 3n));
const initial512 = primes.slice(0, 8).map((prime) => rootFraction(prime, 2n));
const initial384 = primes.slice(8, 16).map((prime) => rootFraction(prime, 2n));
const constants256 = Int32Array.from(constants512.slice(0, 64), (constant) => Number(constant >> 32n));
const initial256 = initial512.map((word) => Number(word >> 32n) | 0);

function sha256(data: DataView<ArrayBuffer>): Uint8Array {
  const state = Int32Array.from(initial256);
  const w = new Int32Array(64);
  for (let block = 0; block < data.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = data.getInt32(block + 4 * i);
    for (let i = 16; i < 64; i++) {
      const [x, y] = [w[i - 15] ?? 0, w[i - 2] ?? 0];
      const s0 = rotate(x, 25) ^ rotate(x, 14) ^ (x >>> 3);
      const s1 = rotate(y, 15) ^ rotate(y, 13) ^ (y >>> 10);
      w[i] = ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0;
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 26) ^ rotate(e, 21) ^ rotate(e, 7);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (constants256[i] ?? 0) + (w[i] ?? 0)) | 0;
      const s0 = rotate(a, 30) ^ rotate(a, 19) ^ rotate(a, 10);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = ((state[i] ?? 0) + word) | 0;
  }
  return words(state);
}

const mask64 = (1n << 64n) - 1n;

function rotate64(word: bigint, right: bigint): bigint {
  return ((word >> right) | (word << (64n - right))) & mask64;
}

function sha512(data: DataView<ArrayBuffer>, initial: readonly bigint[]): Uint8Array {
  const state = BigUint64Array.from(initial);
  const w = new BigUint64Array(80);
  for (let block = 0; block < data.byteLength; block += 128) {
    for (let i = 0; i < 16; i++) w[i] = data.getBigUint64(block + 8 * i);
    for (let i = 16; i < 80; i++) {
      const [x, y] = [w[i - 15] ?? 0n, w[i - 2] ?? 0n];
      const s0 = rotate64(x, 1n) ^ rotate64(x, 8n) ^ (x >> 7n);
      const s1 = rotate64(y, 19n) ^ rotate64(y, 61n) ^ (y >> 6n);
      w[i] = (w[i - 16] ?? 0n) + s0 + (w[i - 7] ?? 0n) + s1;
    }
    let [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n, g = 0n, h = 0n] = state;
    for (let i = 0; i < 80; i++) {
      const s1 = rotate64(e, 14n) ^ rotate64(e, 18n) ^ rotate64(e, 41n);
      const t1 = h + s1 + ((e & f) ^ (~e & mask64 & g)) + (constants512[i] ?? 0n) + (w[i] ?? 0n);
      const s0 = rotate64(a, 28n) ^ rotate64(a, 34n) ^ rotate64(a, 39n);
      const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) & mask64, c, b, a, (t1 + t2) & mask64];
    }
    for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] ?? 0n) + word;
  }
  const out = new DataView(new ArrayBuffer(64));
  for (const [i, word] of state.entries()) out.setBigUint64(8 * i, word);
  return new Uint8Array(out.buffer);
}
