import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  add,
  addExact,
  canonicalNumber,
  compareNumbers,
  divide,
  divideRounded,
  formatNumber,
  fromDouble,
  multiply,
  multiplyExact,
  type Numeric,
  negate,
  numeric,
  parseNumber,
  plainInteger,
  remainder,
  roundToDigits,
  subtract,
  subtractExact,
  toBigInt,
  toDouble,
} from "./index.ts";

const text = (value: Numeric): string => formatNumber(value);

describe("parseNumber", () => {
  it("keeps what was written", () => {
    for (const written of [
      "0",
      "-7",
      "9007199254740991",
      "9007199254740993",
      "1.0",
      "0.10",
      "1e3",
      "-2.5E-7",
      "123456789012345678901234567890",
    ])
      assert.equal(text(parseNumber(written)), written);
  });

  it("makes equal numbers equal however they are written", () => {
    assert.equal(compareNumbers(parseNumber("1.0"), 1), 0);
    assert.equal(canonicalNumber(parseNumber("1e2")), canonicalNumber(100));
    assert.equal(plainInteger(parseNumber("12.50e1")), 125);
    assert.ok(compareNumbers(parseNumber("9007199254740993"), parseNumber("9007199254740992")) > 0);
  });

  it("refuses what is no number", () => {
    for (const bad of ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "NaN", "1 "])
      assert.throws(() => parseNumber(bad), { code: "POLICY_NUMBER_MALFORMED" });
  });

  it("refuses an exponent that would be written out in megabytes", () => {
    assert.throws(() => parseNumber("1e999999999"), { code: "POLICY_NUMBER_TOO_LARGE" });
    assert.throws(() => parseNumber("1e40000"), { code: "POLICY_NUMBER_TOO_LARGE" });
    assert.equal(text(parseNumber("1e30000")), "1e30000");
  });
});

describe("OPA's arithmetic", () => {
  it("is exact on integers of any size", () => {
    assert.equal(text(add(parseNumber("9007199254740993"), 1)), "9007199254740994");
    assert.equal(
      text(multiply(parseNumber("18446744073709551616"), parseNumber("18446744073709551616"))),
      "340282366920938463463374607431768211456",
    );
    assert.equal(text(subtract(Number.MIN_SAFE_INTEGER, 10)), "-9007199254741001");
  });

  it("rounds fractions to 64 binary digits and prints the fewest", () => {
    assert.equal(text(divide(1, 3)), "0.33333333333333333334");
    assert.equal(text(add(parseNumber("0.1"), parseNumber("0.2"))), "0.3");
    assert.equal(text(divide(7, 2)), "3.5");
    assert.equal(text(multiply(parseNumber("1234567.5"), 1)), "1.2345675e+06");
    assert.equal(text(divide(10, 5)), "2");
    assert.equal(text(divide(1, 100000)), "1e-05");
  });

  it("takes the remainder of integers alone", () => {
    assert.equal(remainder(-7, 3), -1);
    assert.equal(text(remainder(parseNumber("18446744073709551617"), parseNumber("18446744073709551616"))), "1");
    assert.throws(() => remainder(parseNumber("1.5"), 1), { code: "POLICY_NOT_AN_INTEGER" });
    assert.throws(() => remainder(1, 0), { code: "POLICY_DIVIDE_BY_ZERO" });
  });

  it("does not divide by zero", () => {
    assert.throws(() => divide(1, 0), { code: "POLICY_DIVIDE_BY_ZERO" });
    assert.throws(() => divide(1, parseNumber("0.0")), { code: "POLICY_DIVIDE_BY_ZERO" });
    assert.throws(() => divideRounded(1, 0, 34), { code: "POLICY_DIVIDE_BY_ZERO" });
  });

  it("stops a number that grows by squaring", () => {
    let value: Numeric = 10;
    assert.throws(
      () => {
        for (let i = 0; i < 64; i++) value = multiply(value, value);
      },
      { code: "POLICY_NUMBER_TOO_LARGE" },
    );
  });

  it("agrees with doubles where they are exact", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 26), max: 2 ** 26 }), fc.integer({ min: -(2 ** 26), max: 2 ** 26 }), (a, b) => {
        assert.equal(add(a, b), a + b);
        assert.equal(compareNumbers(multiply(a, b), a * b + 0), 0);
        if (b !== 0) assert.equal(toDouble(divide(multiply(a, b), b)), a + 0);
        // no third number will do: a quotient of 64 bits may lie on a tie of doubles that the true quotient only nears
        assert.equal(toDouble(divide(a, 2 ** 20)), a / 2 ** 20 + 0);
      }),
    );
  });
});

describe("decimal arithmetic", () => {
  it("is exact", () => {
    assert.equal(text(addExact(parseNumber("0.1"), parseNumber("0.2"))), "0.3");
    assert.equal(text(subtractExact(parseNumber("1e20"), parseNumber("1e-3"))), "99999999999999999999.999");
    assert.equal(text(multiplyExact(parseNumber("1.1"), parseNumber("1.1"))), "1.21");
    assert.equal(negate(5), -5);
    assert.equal(toBigInt(parseNumber("1e3")), 1000n);
    assert.equal(toBigInt(parseNumber("1.5")), undefined);
  });

  it("rounds half to even", () => {
    assert.equal(text(divideRounded(1, 3, 5)), "0.33333");
    assert.equal(text(roundToDigits(parseNumber("2.5"), 1)), "2");
    assert.equal(text(roundToDigits(parseNumber("3.5"), 1)), "4");
    assert.equal(text(roundToDigits(parseNumber("-2.51"), 1)), "-3");
  });

  it("reads a double's shortest form", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.equal(toDouble(fromDouble(value)), value + 0);
      }),
    );
    assert.throws(() => fromDouble(Number.NaN), { code: "POLICY_NUMBER_MALFORMED" });
  });

  it("orders as big integers do", () => {
    const part = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 30 }));
    fc.assert(
      fc.property(part, part, ([a, x], [b, y]) => {
        const [left, right] = [a * 10n ** BigInt(x), b * 10n ** BigInt(y)];
        assert.equal(Math.sign(compareNumbers(numeric(a, x), numeric(b, y))), left < right ? -1 : left > right ? 1 : 0);
      }),
    );
  });
});
