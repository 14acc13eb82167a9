// ECDSA (FIPS 186-5) on the curves of NIST, over bigints, in Jacobian coordinates. As with RSA here, nothing is hidden from a clock.
import { type DigestName, hmac, joined } from "./digest.ts";
import { bitLength, fromBytes, toBytes } from "./rsa.ts";

/** The curves by their names. */
export type CurveName = "P-224" | "P-256" | "P-384" | "P-521";

/** A curve y² = x³ − 3x + b over the integers modulo p, with a point of prime order n. */
export interface Curve {
  readonly name: CurveName;
  readonly p: bigint;
  readonly b: bigint;
  readonly n: bigint;
  readonly x: bigint;
  readonly y: bigint;
  /** Bytes of a coordinate. */
  readonly bytes: number;
}

const hex = (digits: string): bigint => BigInt(`0x${digits.replace(/ /g, "")}`);

/** The parameters of SP 800-186 §3.2.1. */
export const curves: Readonly<Record<CurveName, Curve>> = {
  "P-224": {
    name: "P-224",
    p: 2n ** 224n - 2n ** 96n + 1n,
    b: hex("b4050a85 0c04b3ab f5413256 5044b0b7 d7bfd8ba 270b3943 2355ffb4"),
    n: hex("ffffffff ffffffff ffffffff ffff16a2 e0b8f03e 13dd2945 5c5c2a3d"),
    x: hex("b70e0cbd 6bb4bf7f 321390b9 4a03c1d3 56c21122 343280d6 115c1d21"),
    y: hex("bd376388 b5f723fb 4c22dfe6 cd4375a0 5a074764 44d58199 85007e34"),
    bytes: 28,
  },
  "P-256": {
    name: "P-256",
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: hex("5ac635d8 aa3a93e7 b3ebbd55 769886bc 651d06b0 cc53b0f6 3bce3c3e 27d2604b"),
    n: hex("ffffffff 00000000 ffffffff ffffffff bce6faad a7179e84 f3b9cac2 fc632551"),
    x: hex("6b17d1f2 e12c4247 f8bce6e5 63a440f2 77037d81 2deb33a0 f4a13945 d898c296"),
    y: hex("4fe342e2 fe1a7f9b 8ee7eb4a 7c0f9e16 2bce3357 6b315ece cbb64068 37bf51f5"),
    bytes: 32,
  },
  "P-384": {
    name: "P-384",
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: hex("b3312fa7 e23ee7e4 988e056b e3f82d19 181d9c6e fe814112 0314088f 5013875a c656398d 8a2ed19d 2a85c8ed d3ec2aef"),
    n: hex("ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff c7634d81 f4372ddf 581a0db2 48b0a77a ecec196a ccc52973"),
    x: hex("aa87ca22 be8b0537 8eb1c71e f320ad74 6e1d3b62 8ba79b98 59f741e0 82542a38 5502f25d bf55296c 3a545e38 72760ab7"),
    y: hex("3617de4a 96262c6f 5d9e98bf 9292dc29 f8f41dbd 289a147c e9da3113 b5f0b8c0 0a60b1ce 1d7e819d 7a431d7c 90ea0e5f"),
    bytes: 48,
  },
  "P-521": {
    name: "P-521",
    p: 2n ** 521n - 1n,
    b: hex(
      "0051 953eb961 8e1c9a1f 929a21a0 b68540ee a2da725b 99b315f3 b8b48991 8ef109e1 56193951 ec7e937b 1652c0bd 3bb1bf07 3573df88 3d2c34f1 ef451fd4 6b503f00",
    ),
    n: hex(
      "01ff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff fffffffa 51868783 bf2f966b 7fcc0148 f709a5d0 3bb5c9b8 899c47ae bb6fb71e 91386409",
    ),
    x: hex(
      "00c6 858e06b7 0404e9cd 9e3ecb66 2395b442 9c648139 053fb521 f828af60 6b4d3dba a14b5e77 efe75928 fe1dc127 a2ffa8de 3348b3c1 856a429b f97e7e31 c2e5bd66",
    ),
    y: hex(
      "0118 39296a78 9a3bc004 5c8a5fb4 2c7d1bd9 98f54449 579b4468 17afbd17 273e662c 97ee7299 5ef42640 c550b901 3fad0761 353c7086 a272c240 88be9476 9fd16650",
    ),
    bytes: 66,
  },
};

/** A public key. */
export interface EcPublicKey {
  readonly kind: "ec";
  readonly curve: Curve;
  readonly x: bigint;
  readonly y: bigint;
}

/** A private key. */
export interface EcPrivateKey extends EcPublicKey {
  readonly private: bigint;
}

/** A point in Jacobian coordinates; Z = 0 is the point at infinity. */
type Point = readonly [x: bigint, y: bigint, z: bigint];
const infinity: Point = [1n, 1n, 0n];

/** Whether a point lies on the curve and is not the one at infinity. */
export function isOnCurve(curve: Curve, x: bigint, y: bigint): boolean {
  const { p, b } = curve;
  if (x < 0n || y < 0n || x >= p || y >= p) return false;
  return (y * y - (x * x * x - 3n * x + b)) % p === 0n;
}

/** A public key from an uncompressed point (SEC 1 §2.3.4); nothing when it is no point of the curve. */
export function parsePoint(curve: Curve, bytes: Uint8Array): EcPublicKey | undefined {
  if (bytes.length !== 1 + 2 * curve.bytes || bytes[0] !== 4) return undefined;
  const [x, y] = [fromBytes(bytes.subarray(1, 1 + curve.bytes)), fromBytes(bytes.subarray(1 + curve.bytes))];
  return isOnCurve(curve, x, y) ? { kind: "ec", curve, x, y } : undefined;
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** The inverse modulo a prime, by Euclid's algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [mod(value, modulus), modulus];
  let [x, y] = [1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [x, y] = [y - quotient * x, x];
  }
  return mod(x, modulus);
}

/** dbl-2001-b, for curves with a = −3. */
function double([x, y, z]: Point, p: bigint): Point {
  if (z === 0n || y === 0n) return infinity;
  const delta = (z * z) % p;
  const gamma = (y * y) % p;
  const beta = (x * gamma) % p;
  const alpha = (3n * (x - delta) * (x + delta)) % p;
  const x3 = mod(alpha * alpha - 8n * beta, p);
  const z3 = mod((y + z) * (y + z) - gamma - delta, p);
  return [x3, mod(alpha * (4n * beta - x3) - 8n * gamma * gamma, p), z3];
}

/** add-2007-bl, without its shortcuts. */
function add(left: Point, right: Point, p: bigint): Point {
  const [x1, y1, z1] = left;
  const [x2, y2, z2] = right;
  if (z1 === 0n) return right;
  if (z2 === 0n) return left;
  const [z1z1, z2z2] = [(z1 * z1) % p, (z2 * z2) % p];
  const [u1, u2] = [(x1 * z2z2) % p, (x2 * z1z1) % p];
  const [s1, s2] = [(((y1 * z2) % p) * z2z2) % p, (((y2 * z1) % p) * z1z1) % p];
  if (u1 === u2) return s1 === s2 ? double(left, p) : infinity;
  const [h, r] = [u2 - u1, s2 - s1];
  const hh = (h * h) % p;
  const hhh = (h * hh) % p;
  const v = (u1 * hh) % p;
  const x3 = mod(r * r - hhh - 2n * v, p);
  return [x3, mod(r * (v - x3) - s1 * hhh, p), mod(((z1 * z2) % p) * h, p)];
}

/** u·G + v·Q, bit by bit for both at once; its x coordinate and y coordinate, or nothing for the point at infinity. */
function combine(curve: Curve, u: bigint, v: bigint, q: Point): readonly [bigint, bigint] | undefined {
  const { p } = curve;
  const g: Point = [curve.x, curve.y, 1n];
  const sum = add(g, q, p);
  let point = infinity;
  for (let i = BigInt(Math.max(bitLength(u), bitLength(v)) - 1); i >= 0n; i--) {
    point = double(point, p);
    const [first, second] = [(u >> i) & 1n, (v >> i) & 1n];
    if (first === 1n) point = add(point, second === 1n ? sum : g, p);
    else if (second === 1n) point = add(point, q, p);
  }
  const [x, y, z] = point;
  if (z === 0n) return undefined;
  const zi = inverse(z, p);
  return [(x * zi * zi) % p, (y * zi * zi * zi) % p];
}

/** The public key of a private one; nothing when it is out of range. */
export function ecPublicKey(curve: Curve, secret: bigint): EcPublicKey | undefined {
  if (secret <= 0n || secret >= curve.n) return undefined;
  const point = combine(curve, secret, 0n, infinity);
  return point && { kind: "ec", curve, x: point[0], y: point[1] };
}

/** The leftmost bits of a digest as an integer (FIPS 186-5 §6.4.1). */
function truncated(curve: Curve, hash: Uint8Array): bigint {
  const excess = 8 * hash.length - bitLength(curve.n);
  const value = fromBytes(hash);
  return excess > 0 ? value >> BigInt(excess) : value;
}

/** Whether a signature (r, s) of a digest is right (FIPS 186-5 §6.4.2). */
export function hasEcdsaSignature(key: EcPublicKey, hash: Uint8Array, r: bigint, s: bigint): boolean {
  const { curve } = key;
  const { n } = curve;
  if (r <= 0n || s <= 0n || r >= n || s >= n || !isOnCurve(curve, key.x, key.y)) return false;
  const w = inverse(s, n);
  const point = combine(curve, (truncated(curve, hash) * w) % n, (r * w) % n, [key.x, key.y, 1n]);
  return point !== undefined && point[0] % n === r;
}

/** Sign a digest with the number that RFC 6979 derives from key and digest; `name` is the digest's algorithm. */
export function signEcdsa(key: EcPrivateKey, name: DigestName, hash: Uint8Array): readonly [r: bigint, s: bigint] {
  const { curve } = key;
  const { n } = curve;
  const length = Math.ceil(bitLength(n) / 8);
  const z = truncated(curve, hash);
  const seed = joined(toBytes(key.private, length), toBytes(z % n, length));
  let v: Uint8Array = new Uint8Array(hash.length).fill(1);
  let k: Uint8Array = new Uint8Array(hash.length);
  for (const step of [0, 1]) {
    k = hmac(name, k, joined(v, Uint8Array.of(step), seed));
    v = hmac(name, k, v);
  }
  for (;;) {
    let t = new Uint8Array(0);
    while (t.length < length) {
      v = hmac(name, k, v);
      t = joined(t, v);
    }
    const candidate = truncated(curve, t.subarray(0, length));
    const point = candidate > 0n && candidate < n ? combine(curve, candidate, 0n, infinity) : undefined;
    const r = (point?.[0] ?? 0n) % n;
    const s = (inverse(candidate, n) * (z + r * key.private)) % n;
    if (r !== 0n && s !== 0n) return [r, s];
    k = hmac(name, k, joined(v, Uint8Array.of(0)));
    v = hmac(name, k, v);
  }
}
