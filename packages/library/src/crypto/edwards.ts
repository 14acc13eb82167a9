// The curve edwards25519 (RFC 8032 §5.1): reading points, and the one equation that verifies a signature. It is for Ed25519ph, which no
// platform offers. Not constant in time: public values only.
import { encodeHex, parseHex } from "../encoding/index.ts";
import { invert } from "./curve.ts";

/** The order of the base point. */
export const edwardsOrder: bigint = (1n << 252n) + 27742317777372353535851937790883648493n;

const p = (1n << 255n) - 19n;
const lowBits = (1n << 255n) - 1n;
// -121665/121666
const d = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n;
const twiceD = mod(2n * d);
// 2 to the power (p - 1)/4, as RFC 8032 §5.1.3 gives it.
const squareRootOfMinusOne = 0x2b8324804fc1df0b2b4d00993dfbd7a72f431806ad2fe478c4ee1b274a0ea0b0n;

/** A point in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z (RFC 8032 §5.1.4). */
interface ExtendedPoint {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
  readonly t: bigint;
}

const neutral: ExtendedPoint = { x: 0n, y: 1n, z: 1n, t: 0n };

/** Little-endian octets as an integer. */
export function littleEndianInteger(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${encodeHex(octets.toReversed())}`);
}

/**
 * Whether [S]B = R + [k]A for an encoded key A and signature R ‖ S, as RFC 8032 §5.1.7 step 3 has it without the cofactor, as OpenSSL and Go do:
 * R is compared in its encoded form. False for a point that is not on the curve or not in its one encoding, and for S outside 0 to L - 1.
 */
export function isEdwardsSignature(key: Uint8Array, k: bigint, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const s = littleEndianInteger(signature.subarray(32));
  const a = decodePoint(key);
  if (a === undefined || s >= edwardsOrder) return false;
  const minusA = { ...a, x: mod(-a.x), t: mod(-a.t) };
  const found = encodePoint(sumOfProducts(s, k % edwardsOrder, minusA));
  return found.every((octet, i) => octet === signature[i]);
}

const windowBits = 4n;
const windows = 64;
const windowMask = 15n;

// [s]B + [k]A, both scalars read four bits at a time from the top (Straus).
function sumOfProducts(s: bigint, k: bigint, a: ExtendedPoint): ExtendedPoint {
  baseMultiples ??= multiples(basePoint);
  const [ofB, ofA] = [baseMultiples, multiples(a)];
  let sum = neutral;
  for (let window = windows - 1; window >= 0; window--) {
    for (let i = 0; i < 4; i++) sum = double(sum);
    const shift = windowBits * BigInt(window);
    const [b, c] = [ofB[Number((s >> shift) & windowMask)], ofA[Number((k >> shift) & windowMask)]];
    if (b !== undefined) sum = add(sum, b);
    if (c !== undefined) sum = add(sum, c);
  }
  return sum;
}

// 0 to 15 times a point; nothing is added for 0.
function multiples(point: ExtendedPoint): readonly (ExtendedPoint | undefined)[] {
  const list: (ExtendedPoint | undefined)[] = [undefined, point];
  for (let i = 2; i < 16; i++) list.push(add(list[i - 1] ?? neutral, point));
  return list;
}

// RFC 8032 §5.1.4, addition.
function add(left: ExtendedPoint, right: ExtendedPoint): ExtendedPoint {
  const a = mod((left.y - left.x) * (right.y - right.x));
  const b = mod((left.y + left.x) * (right.y + right.x));
  const c = mod(mod(left.t * twiceD) * right.t);
  const e = mod(2n * left.z * right.z);
  return fromProducts(b - a, e - c, e + c, b + a);
}

// RFC 8032 §5.1.4, doubling.
function double({ x, y, z }: ExtendedPoint): ExtendedPoint {
  const a = mod(x * x);
  const b = mod(y * y);
  const h = a + b;
  const g = a - b;
  return fromProducts(h - mod((x + y) * (x + y)), mod(2n * z * z) + g, g, h);
}

function fromProducts(e: bigint, f: bigint, g: bigint, h: bigint): ExtendedPoint {
  return { x: mod(e * f), y: mod(g * h), z: mod(f * g), t: mod(e * h) };
}

/** RFC 8032 §5.1.3: the point that 32 octets are the one encoding of. */
function decodePoint(octets: Uint8Array): ExtendedPoint | undefined {
  const whole = littleEndianInteger(octets);
  const sign = whole >> 255n;
  const y = whole & lowBits;
  if (octets.length !== 32 || y >= p) return undefined;
  const u = mod(y * y - 1n);
  const v = mod(d * mod(y * y) + 1n);
  const x = rootOfQuotient(u, v);
  if (x === undefined || (x === 0n && sign === 1n)) return undefined;
  const signed = (x & 1n) === sign ? x : p - x;
  return { x: signed, y, z: 1n, t: mod(signed * y) };
}

// RFC 8032 §5.1.3 steps 2 and 3: a square root of u/v.
function rootOfQuotient(u: bigint, v: bigint): bigint | undefined {
  const v3 = mod(mod(v * v) * v);
  const candidate = mod(mod(u * v3) * power2to252less3(mod(mod(u * v3) * mod(v3 * v))));
  const square = mod(v * mod(candidate * candidate));
  if (square === u) return candidate;
  return square === mod(-u) ? mod(candidate * squareRootOfMinusOne) : undefined;
}

// RFC 8032 §5.1.2.
function encodePoint({ x, y, z }: ExtendedPoint): Uint8Array {
  const inverse = invert(z, p);
  const whole = mod(y * inverse) | ((mod(x * inverse) & 1n) << 255n);
  return parseHex(whole.toString(16).padStart(64, "0")).toReversed();
}

// base to the power (p - 5)/8 = 2^252 - 3: powers of the form 2^n - 1, doubled in n, take 14 multiplications instead of 250.
function power2to252less3(base: bigint): bigint {
  const ones2 = mod(squared(base, 1) * base);
  const ones4 = mod(squared(ones2, 2) * ones2);
  const ones5 = mod(squared(ones4, 1) * base);
  const ones10 = mod(squared(ones5, 5) * ones5);
  const ones20 = mod(squared(ones10, 10) * ones10);
  const ones25 = mod(squared(ones20, 5) * ones5);
  const ones50 = mod(squared(ones25, 25) * ones25);
  const ones100 = mod(squared(ones50, 50) * ones50);
  const ones200 = mod(squared(ones100, 100) * ones100);
  const ones250 = mod(squared(ones200, 50) * ones50);
  return mod(squared(ones250, 2) * base);
}

function squared(value: bigint, times: number): bigint {
  let square = value;
  for (let i = 0; i < times; i++) square = mod(square * square);
  return square;
}

// 2^255 is 19 modulo p: what stands above 255 bits is folded down, twice, which costs less than a division. Values of 520 bits at most, of either sign.
function mod(value: bigint): bigint {
  const once = (value & lowBits) + 19n * (value >> 255n);
  const twice = (once & lowBits) + 19n * (once >> 255n);
  return twice >= p ? twice - p : twice < 0n ? twice + p : twice;
}

const basePoint: ExtendedPoint = {
  x: 15112221349535400772501151409588531511454012693041857206046113283949847762202n,
  y: 46316835694926478169428394003475163141307993866256225615783033603165251855960n,
  z: 1n,
  t: 0x67875f0fd78b766566ea4e8e64abe37d20f09f80775152f56dde8ab3a5b7dda3n,
};

// Made when the first signature comes: most programs see none.
let baseMultiples: readonly (ExtendedPoint | undefined)[] | undefined;
