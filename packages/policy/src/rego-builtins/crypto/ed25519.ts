// Ed25519 (RFC 8032 §5.1) over bigints.
import { digest, joined } from "./digest.ts";
import { modPow } from "./rsa.ts";

/** A public key. */
export interface Ed25519PublicKey {
  readonly kind: "ed25519";
  readonly bytes: Uint8Array;
}

/** A private key: the seed of RFC 8032 §5.1.5. */
export interface Ed25519PrivateKey extends Ed25519PublicKey {
  readonly seed: Uint8Array;
}

const p = 2n ** 255n - 19n;
const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const rootOfMinusOne = 19681161376707505956807079304988542015446066515923890162744021073123829784752n;
/** A point in extended coordinates. */
type Point = readonly [x: bigint, y: bigint, z: bigint, t: bigint];
const baseX = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const baseY = 46316835694926478169428394003475163141307993866256225615783033603165251855960n;
const base: Point = [baseX, baseY, 1n, (baseX * baseY) % p];
const neutral: Point = [0n, 1n, 1n, 0n];

function mod(value: bigint): bigint {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
}

function add(left: Point, right: Point): Point {
  const [x1, y1, z1, t1] = left;
  const [x2, y2, z2, t2] = right;
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * t1 * d * t2);
  const e = mod(2n * z1 * z2);
  const [f, g, h, i] = [b - a, e - c, e + c, b + a];
  return [mod(f * g), mod(h * i), mod(g * h), mod(f * i)];
}

function multiply(scalar: bigint, point: Point): Point {
  let result = neutral;
  let doubled = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}

function littleEndian(bytes: Uint8Array): bigint {
  let hex = "0x0";
  for (const byte of bytes.toReversed()) hex += byte.toString(16).padStart(2, "0");
  return BigInt(hex);
}

function toLittleEndian(value: bigint): Uint8Array<ArrayBuffer> {
  const digits = value.toString(16).padStart(64, "0");
  return Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(digits.slice(62 - 2 * i, 64 - 2 * i), 16));
}

/** RFC 8032 §5.1.3; nothing when the bytes are no point. */
function decode(bytes: Uint8Array): Point | undefined {
  if (bytes.length !== 32) return undefined;
  const whole = littleEndian(bytes);
  const [sign, y] = [whole >> 255n, whole & (2n ** 255n - 1n)];
  if (y >= p) return undefined;
  const [u, v] = [mod(y * y - 1n), mod(d * y * y + 1n)];
  let x = mod(u * modPow(v, 3n, p) * modPow(mod(u * modPow(v, 7n, p)), (p - 5n) / 8n, p));
  if (mod(v * x * x) !== u) {
    if (mod(v * x * x) !== mod(-u)) return undefined;
    x = mod(x * rootOfMinusOne);
  }
  if (x === 0n && sign === 1n) return undefined;
  if ((x & 1n) !== sign) x = p - x;
  return [x, y, 1n, mod(x * y)];
}

function encode([x, y, z]: Point): Uint8Array {
  const zi = modPow(z, p - 2n, p);
  return toLittleEndian(mod(y * zi) | ((mod(x * zi) & 1n) << 255n));
}

/** Whether a signature is right; as Go's, S is below the order and R is compared as bytes. */
export function hasEd25519Signature(key: Ed25519PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  const point = decode(key.bytes);
  if (point === undefined || signature.length !== 64) return false;
  const s = littleEndian(signature.subarray(32));
  if (s >= order) return false;
  const r = signature.subarray(0, 32);
  const k = littleEndian(digest("sha512", joined(r, key.bytes, message))) % order;
  const [x, y, z, t] = point;
  const expected = encode(add(multiply(s, base), multiply(k, [mod(-x), y, z, mod(-t)])));
  return expected.every((byte, i) => byte === r[i]);
}

function expand(seed: Uint8Array): readonly [scalar: bigint, prefix: Uint8Array] {
  const hash = digest("sha512", seed);
  const lower = hash.slice(0, 32);
  lower[0] = (lower[0] ?? 0) & 248;
  lower[31] = ((lower[31] ?? 0) & 127) | 64;
  return [littleEndian(lower), hash.subarray(32)];
}

/** The key pair of a seed of 32 bytes. */
export function ed25519Key(seed: Uint8Array): Ed25519PrivateKey {
  return { kind: "ed25519", seed, bytes: encode(multiply(expand(seed)[0], base)) };
}

/** Sign (RFC 8032 §5.1.6). */
export function signEd25519(key: Ed25519PrivateKey, message: Uint8Array): Uint8Array {
  const [scalar, prefix] = expand(key.seed);
  const r = littleEndian(digest("sha512", joined(prefix, message))) % order;
  const commitment = encode(multiply(r, base));
  const k = littleEndian(digest("sha512", joined(commitment, key.bytes, message))) % order;
  return joined(commitment, toLittleEndian((r + k * scalar) % order));
}
