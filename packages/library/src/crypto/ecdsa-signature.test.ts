import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, derInteger, derNull, derSequence, derSetOf, parseHex } from "../encoding/index.ts";
import { curveOf, type EcKeyType, octetsOf } from "./curve.ts";
import { encodeEcdsaSignature, parseEcdsaSignature, rawEcdsaSignature } from "./ecdsa-signature.ts";

const types: readonly EcKeyType[] = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"];
const { n } = curveOf("ecdsa-p256");
const signature = (r: bigint, s: bigint): Uint8Array => derSequence(derInteger(r), derInteger(s));

describe("ECDSA signatures", () => {
  for (const type of types) {
    it(`of ${type} go from r‖s to DER and back`, () => {
      const curve = curveOf(type);
      const scalar = fc.bigInt({ min: 1n, max: curve.n - 1n });
      fc.assert(
        fc.property(scalar, scalar, (r, s) => {
          const raw = concatBytes(octetsOf(r, curve.octets), octetsOf(s, curve.octets));
          const der = encodeEcdsaSignature(type, raw);
          assert.deepEqual(der, signature(r, s));
          assert.deepEqual(parseEcdsaSignature(type, der), { r, s });
          assert.deepEqual(rawEcdsaSignature(type, der), raw);
        }),
      );
    });
  }

  const refused: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array(0)],
    ["r = 0", signature(0n, 1n)],
    ["s = 0", signature(1n, 0n)],
    ["r = n", signature(n, 1n)],
    ["s = n", signature(1n, n)],
    ["a negative r", signature(-1n, 1n)],
    ["a negative s", signature(1n, -1n)],
    ["a huge r", signature(1n << 4000n, 1n)],
    ["a third integer", derSequence(derInteger(1), derInteger(1), derInteger(1))],
    ["one integer", derSequence(derInteger(1))],
    ["a SET", derSetOf(derInteger(1), derInteger(1))],
    ["another type", derSequence(derInteger(1), derNull())],
    ["a trailing byte", concatBytes(signature(1n, 1n), Uint8Array.of(0))],
    ["a padded integer", parseHex("300702020001020101")],
    ["a long length", parseHex("308106020101020101")],
    ["an indefinite length", parseHex("30800201010201010000")],
  ];
  for (const [name, der] of refused)
    it(`parseEcdsaSignature refuses ${name}`, () =>
      assert.throws(() => parseEcdsaSignature("ecdsa-p256", der), { code: "ECDSA_SIGNATURE_MALFORMED" }));

  it("encodeEcdsaSignature refuses another length", () => {
    assert.throws(() => encodeEcdsaSignature("ecdsa-p256", new Uint8Array(63)), { code: "ECDSA_SIGNATURE_MALFORMED" });
  });
});
