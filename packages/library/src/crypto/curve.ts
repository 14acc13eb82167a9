// The NIST curves (FIPS 186-5, SP 800-186 §3.2.1): what is needed to read keys on them and to add two points.
import { encodeHex, parseHex } from "../encoding/index.ts";

/** The key types that are points on a curve of NIST. */
export type EcKeyType = "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521";

/** One curve y² = x³ - 3x + b over the field of p elements; the base point has order n. */
export interface Curve {
  readonly type: EcKeyType;
  readonly name: string;
  readonly p: bigint;
  readonly n: bigint;
  /** Octets of a coordinate, and of the order. */
  readonly octets: number;
  /** The bit length of n: a longer digest is cut to it (FIPS 186-5 §6.4.1). */
  readonly orderBits: number;
  /** A SubjectPublicKeyInfo up to and with the octet 04 that begins an uncompressed point (RFC 5480 §2). */
  readonly spkiPrefix: Uint8Array;
}

/** An affine point. */
export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

const p256: Curve = {
  type: "ecdsa-p256",
  name: "P-256",
  octets: 32,
  orderBits: 256,
  p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  spkiPrefix: parseHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
};
const p384: Curve = {
  type: "ecdsa-p384",
  name: "P-384",
  octets: 48,
  orderBits: 384,
  p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
  n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  spkiPrefix: parseHex("3076301006072a8648ce3d020106052b8104002203620004"),
};
const p521: Curve = {
  type: "ecdsa-p521",
  name: "P-521",
  octets: 66,
  orderBits: 521,
  p: (1n << 521n) - 1n,
  n: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  spkiPrefix: parseHex("30819b301006072a8648ce3d020106052b810400230381860004"),
};

/** The three curves. */
export const curves: readonly Curve[] = [p256, p384, p521];

/** The curve of a key type. */
export function curveOf(type: EcKeyType): Curve {
  return type === "ecdsa-p256" ? p256 : type === "ecdsa-p384" ? p384 : p521;
}

/** Big-endian octets as an integer; none is zero. */
export function integerOf(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${encodeHex(octets)}`);
}

/** An integer as exactly `length` big-endian octets. */
export function octetsOf(value: bigint, length: number): Uint8Array {
  return parseHex(value.toString(16).padStart(2 * length, "0"));
}

/** The sum of two affine points of the curve, undefined for the point at infinity. Not constant in time: public values only. */
export function addPoints(curve: Curve, a: Point, b: Point): Point | undefined {
  const { p } = curve;
  if (a.x === b.x && a.y !== b.y) return undefined;
  if (a.x === b.x && a.y === 0n) return undefined;
  const slope =
    a.x === b.x
      ? modulo(3n * (a.x * a.x - 1n) * invert(2n * a.y, p), p)
      : modulo((b.y - a.y) * invert(modulo(b.x - a.x, p), p), p);
  const x = modulo(slope * slope - a.x - b.x, p);
  return { x, y: modulo(slope * (a.x - x) - a.y, p) };
}

/** The least non-negative remainder. */
export function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** The inverse of a value from 1 to the modulus less one, modulo a prime, by Euclid's algorithm in Lehmer's form. */
export function invert(value: bigint, modulus: bigint): bigint {
  let [a, b] = [modulus, value];
  let [x, y] = [0n, 1n];
  while (b !== 0n) {
    const steps = leadingSteps(a, b);
    if (steps === undefined) {
      const quotient = a / b;
      [a, b] = [b, a - quotient * b];
      [x, y] = [y, x - quotient * y];
    } else {
      const [p, q, r, s] = steps;
      [a, b] = [p * a + q * b, r * a + s * b];
      [x, y] = [p * x + q * y, r * x + s * y];
    }
  }
  return modulo(x, modulus);
}

/** Bits of the leading digits: with these every number below stays exact in a double. */
const leadingBits = 52;

/**
 * As many steps of Euclid's algorithm as the leading bits of a > b alone decide, as the matrix that they multiply (a, b) by; undefined where
 * they decide none. Knuth, The Art of Computer Programming, volume 2, algorithm 4.5.2 L: a quotient counts only if both ends of
 * the interval in which the true ratio lies give the same.
 */
function leadingSteps(a: bigint, b: bigint): readonly [bigint, bigint, bigint, bigint] | undefined {
  const excess = 4 * a.toString(16).length - leadingBits;
  if (excess <= 0) return undefined;
  let u = Number(a >> BigInt(excess));
  let v = Number(b >> BigInt(excess));
  let [p, q, r, s] = [1, 0, 0, 1];
  while (v + r !== 0 && v + s !== 0) {
    const quotient = Math.floor((u + p) / (v + r));
    if (quotient !== Math.floor((u + q) / (v + s))) break;
    [p, r] = [r, p - quotient * r];
    [q, s] = [s, q - quotient * s];
    [u, v] = [v, u - quotient * v];
  }
  return q === 0 ? undefined : [BigInt(p), BigInt(q), BigInt(r), BigInt(s)];
}
