// Verifying ECDSA from a digest, which Node cannot do: its verify always hashes. The way around is exact algebra.
//
// (r, s) is valid for the number e and the key Q when (e/s)G + (r/s)Q has r for its x coordinate (FIPS 186-5 §6.4.2). Take a fixed public
// message m0 with number e0, and set t = (e - e0)/r mod n and Q' = Q + tG. Then (e0/s)G + (r/s)Q' = (e/s)G + (r/s)Q: the same point,
// so "(r, s) is valid for e under Q" and "(r, s) is valid for m0 under Q'" are one statement, and the second one Node can check.
// Only public values take part, so it does not matter that big integers take varying time.
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { addPoints, type Curve, curveOf, type EcKeyType, integerOf, invert, modulo, octetsOf, type Point } from "./curve.ts";
import { sha256 } from "./digest.ts";
import { parseEcdsaSignature } from "./ecdsa-signature.ts";
import { platform } from "./platform-interface.ts";
import { handleOf, importPointHandle, type PublicKey } from "./public-key.ts";

/** A message that takes the place of the real one, and its number under SHA-256. */
export interface FixedMessage {
  readonly message: Uint8Array;
  readonly number: bigint;
}

let madeMessages: readonly FixedMessage[] | undefined;

/** The two public messages, made when they are first asked for; exported for the tests of the special cases. */
export function fixedMessages(): readonly FixedMessage[] {
  madeMessages ??= ["first", "second"].map((name) => {
    const message = encodeUtf8(`Sigillum: the ${name} fixed message of ECDSA verification over a digest`);
    return { message, number: integerOf(sha256(message)) };
  });
  return madeMessages;
}

/** Whether a DER signature is valid for a message with this digest, under an EC key. Never throws for bad signature bytes. */
export function isValidEcdsaOverDigest(key: PublicKey, type: EcKeyType, digest: Uint8Array, signature: Uint8Array): boolean {
  const curve = curveOf(type);
  let r: bigint;
  try {
    ({ r } = parseEcdsaSignature(type, signature));
  } catch (error) {
    if (isSigillumError(error)) return false;
    throw error;
  }
  const e = messageNumber(curve, digest);
  // Q' is at infinity for at most one of the two messages, since t differs between them.
  for (const fixed of fixedMessages()) {
    const t = modulo((e - fixed.number) * invert(r, curve.n), curve.n);
    if (t === 0n) return platform.verify(handleOf(key), "sha256", undefined, fixed.message, signature);
    const moved = addPoints(curve, pointOf(curve, key.spki), basePointTimes(curve, t));
    if (moved === undefined) continue;
    return platform.verify(importPointHandle(curve, octetsOfPoint(curve, moved)), "sha256", undefined, fixed.message, signature);
  }
  throw new TypeError("Cannot verify ECDSA over a digest: both fixed messages move the key to infinity");
}

/** FIPS 186-5 §6.4.1: the leftmost bits of the digest, as many as the order has. */
function messageNumber(curve: Curve, digest: Uint8Array): bigint {
  const excess = 8 * digest.length - curve.orderBits;
  const number = integerOf(digest);
  return excess > 0 ? number >> BigInt(excess) : number;
}

function pointOf(curve: Curve, spki: Uint8Array): Point {
  return point(curve, spki.subarray(curve.spkiPrefix.length));
}

function basePointTimes(curve: Curve, scalar: bigint): Point {
  return point(curve, platform.multiplyBasePoint(curve.type, octetsOf(scalar, curve.octets)).subarray(1));
}

function point(curve: Curve, coordinates: Uint8Array): Point {
  return { x: integerOf(coordinates.subarray(0, curve.octets)), y: integerOf(coordinates.subarray(curve.octets)) };
}

function octetsOfPoint(curve: Curve, { x, y }: Point): Uint8Array {
  return octetsOf((x << BigInt(8 * curve.octets)) | y, 2 * curve.octets);
}
