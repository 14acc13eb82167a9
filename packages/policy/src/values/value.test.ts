import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  compareStrings,
  compareValues,
  encodeJson,
  equalValues,
  formatValue,
  kindOf,
  mapKey,
  ObjectBuilder,
  ObjectValue,
  parseJson,
  parseNumber,
  SetValue,
  type Value,
} from "./index.ts";

/** Any value, of few different parts, so that equal ones come up. */
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Value>(
      null,
      false,
      true,
      0,
      1,
      -1,
      "",
      "a",
      "b",
      "\u0000",
      "\u0000s",
      parseNumber("1.0"),
      parseNumber("0.5"),
      parseNumber("1e20"),
    ),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => SetValue.of(items)),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 }).map((pairs) => ObjectValue.of(pairs)),
  ),
})).value;

describe("values", () => {
  it("stand in OPA's order", () => {
    const ordered: Value[] = [
      null,
      false,
      true,
      -1,
      parseNumber("0.5"),
      1,
      "",
      "a",
      [],
      [1],
      [1, 2],
      [2],
      ObjectValue.of([]),
      ObjectValue.of([["a", 1]]),
      SetValue.of([]),
      SetValue.of([1]),
    ];
    assert.deepEqual([...ordered].reverse().sort(compareValues), ordered);
    assert.deepEqual(
      ordered.map(kindOf).filter((kind, i, all) => all.indexOf(kind) === i),
      ["null", "boolean", "number", "string", "array", "object", "set"],
    );
  });

  it("order strings by code points, not by UTF-16 units", () => {
    assert.ok(compareStrings("\u{1f600}", "\uffff") > 0);
    assert.ok(compareStrings("a", "ab") < 0);
  });

  it("have equal keys exactly when they are equal", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        assert.equal(mapKey(a) === mapKey(b), equalValues(a, b));
        assert.equal(compareValues(a, b) === 0, equalValues(a, b));
        assert.equal(Math.sign(compareValues(a, b)), 0 - Math.sign(compareValues(b, a)));
      }),
      { numRuns: 500 },
    );
  });

  it("hold members once, numbers by value", () => {
    const set = SetValue.of([1, parseNumber("1.0"), 2, "1"]);
    assert.equal(set.size, 3);
    assert.equal(formatValue(set), '{1, 2, "1"}');
    assert.ok(set.union(SetValue.of([3])).has(3));
    assert.equal(set.intersection(SetValue.of([2, 9])).size, 1);
    assert.equal(set.difference(SetValue.of([2])).has(2), false);
  });

  it("keep names that JavaScript objects treat specially", () => {
    const object = parseJson('{"__proto__": {"polluted": 1}, "constructor": 2, "hasOwnProperty": 3}');
    assert.ok(object instanceof ObjectValue);
    assert.equal(object.size, 3);
    assert.equal(object.get("constructor"), 2);
    assert.equal(object.get("toString"), undefined);
    assert.equal("polluted" in {}, false);
    assert.equal(encodeJson(object), '{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3}');
  });

  it("change only as copies", () => {
    const object = ObjectValue.of([["a", 1]]);
    assert.equal(object.with("b", 2).size, 2);
    assert.equal(object.without("a").size, 0);
    assert.equal(object.size, 1);
    assert.deepEqual(new ObjectBuilder(object).set([1], 5).finish().entries(), [
      ["a", 1],
      [[1], 5],
    ]);
  });

  it("print as Rego writes them", () => {
    assert.equal(formatValue(ObjectValue.of([[[1], "a\n\u0001"]])), '{[1]: "a\\n\\x01"}');
    assert.equal(formatValue(SetValue.of([])), "set()");
  });
});
