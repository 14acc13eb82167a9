// Hostile policies and documents: each ends with an error of ours, soon, and touches no prototype.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isPolicyError, parseJson } from "../values/index.ts";
import { compileCue, evaluateCue, validateCue } from "./index.ts";

const many = (count: number, make: (i: number) => string): string => Array.from({ length: count }, (_, i) => make(i)).join("\n");

function ends(source: string, ...codes: readonly string[]): void {
  assert.throws(
    () => evaluateCue(compileCue([{ file: "p.cue", source }])),
    (error) => isPolicyError(error) && (codes.includes(error.code) || assert.fail(`${error.code}: ${error.message}`)),
  );
}

describe("evaluateCue of hostile policies", () => {
  it("finds a value that contains itself", () => ends("a: {b: a}", "CUE_EVALUATION"));
  it("finds two values that contain each other", () => ends("a: {b: c}\nc: {d: a}", "CUE_EVALUATION"));
  it("finds a definition that calls itself", () =>
    ends("#f: {n: int, m: n, r: #f & {n: m+1}}\nx: #f & {n: 1}", "CUE_EVALUATION"));
  it("limits disjunctions that multiply", () =>
    ends(
      many(24, (i) => `a: {x${i}: 1} | {x${i}: 2}`),
      "POLICY_STEPS_EXCEEDED",
      "POLICY_BYTES_EXCEEDED",
    ));
  it("limits nesting of lists", () => ends(`a: ${"[".repeat(100_000)}`, "CUE_SYNTAX"));
  it("limits nesting of shorthand", () => ends(`a: ${"b: ".repeat(100_000)}1`, "CUE_SYNTAX"));
  it("limits nesting of interpolations", () => ends(`a: ${'"\\('.repeat(10_000)}`, "CUE_SYNTAX"));
  it("limits operators side by side", () => ends(`a: ${"1+".repeat(100_000)}1`, "CUE_SYNTAX"));
  it("limits text that doubles", () =>
    ends(`a0: "aaaaaaaaaa"\n${many(40, (i) => `a${i + 1}: a${i}+a${i}`)}`, "POLICY_BYTES_EXCEEDED"));
  it("limits lists of lists of lists", () =>
    ends(
      `a0: [1,1,1,1,1,1,1,1]\n${many(12, (i) => `a${i + 1}: [${`a${i},`.repeat(8)}]`)}`,
      "POLICY_BYTES_EXCEEDED",
      "POLICY_STEPS_EXCEEDED",
    ));
  it("limits a repeated text", () => ends('import "strings"\na: strings.Repeat("abcdef", 100000000)', "CUE_EVALUATION"));
  it("limits a range", () =>
    ends('import "list"\na: list.Range(0, 100000000, 1)', "POLICY_STEPS_EXCEEDED", "POLICY_BYTES_EXCEEDED"));
  it("limits comprehensions in comprehensions", () =>
    ends(
      `l: [${"1,".repeat(300)}]\na: [for x in l for y in l for z in l {x+y+z}]`,
      "POLICY_STEPS_EXCEEDED",
      "POLICY_BYTES_EXCEEDED",
    ));
  it("limits numbers", () => {
    ends(`a0: 99999999999\n${many(40, (i) => `a${i + 1}: a${i}*a${i}`)}`, "POLICY_NUMBER_TOO_LARGE", "POLICY_BYTES_EXCEEDED");
    ends("a: 1e999999999", "POLICY_NUMBER_TOO_LARGE");
    ends("a: 1e99999 + 1e-99999", "POLICY_NUMBER_TOO_LARGE");
  });
  it("runs a regular expression in linear time", () => ends(`a: "${"a".repeat(5000)}" & =~"^(a+)+$b"`, "CUE_EVALUATION"));
});

describe("validateCue over hostile documents", () => {
  const policy = compileCue([{ file: "p.cue", source: '"__proto__": _\nconstructor: string\na: [...]' }]);

  it("keeps names of prototypes apart from prototypes", () => {
    const document = parseJson('{"__proto__": {"polluted": true}, "constructor": 1, "toString": {"valueOf": 2}}');
    assert.deepEqual(
      validateCue(policy, document).map(({ path }) => path),
      ["constructor"],
    );
    assert.equal("polluted" in {}, false);
  });
  it("limits the depth of a document", () => {
    const document = parseJson(`{"a": ${"[".repeat(400)}${"]".repeat(400)}}`);
    assert.throws(
      () => validateCue(policy, document),
      (error) => isPolicyError(error) && error.code === "POLICY_DEPTH_EXCEEDED",
    );
  });
  it("compares integers past 2^53 exactly", () => {
    const check = (source: string): number =>
      validateCue(compileCue([{ file: "p.cue", source }]), parseJson('{"n": 9007199254740993}')).length;
    assert.equal(check("n: 9007199254740993"), 0);
    assert.equal(check("n: 9007199254740992"), 1);
    assert.equal(check("n: >9007199254740992"), 0);
    assert.equal(check("n: int64"), 0);
    assert.equal(check("n: int32"), 1);
  });
  it("keeps 1 and 1.0 apart", () => {
    assert.equal(validateCue(compileCue([{ file: "p.cue", source: "n: 1" }]), parseJson('{"n": 1.0}')).length, 1);
    assert.equal(validateCue(compileCue([{ file: "p.cue", source: "n: number" }]), parseJson('{"n": 1.0}')).length, 0);
  });
  it("obeys the limits of its caller", () => {
    const document = parseJson('{"a": [1, 2, 3]}');
    assert.throws(
      () => validateCue(policy, document, { limits: { steps: 5 } }),
      (error) => isPolicyError(error) && error.code === "POLICY_STEPS_EXCEEDED",
    );
  });
});
