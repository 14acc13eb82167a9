// Verdicts that hang on the finer rules: each is what the `cue` command answers.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJson, isPolicyError } from "../values/index.ts";
import { type CueView, compileCue, evaluateCue, inspectCue } from "./index.ts";

function gives(source: string, json: string): void {
  assert.equal(encodeJson(evaluateCue(compileCue([{ file: "p.cue", source }]))), json);
}

function stops(source: string, code: string, message: RegExp): void {
  assert.throws(
    () => evaluateCue(compileCue([{ file: "p.cue", source }])),
    (error) => isPolicyError(error) && error.code === code && message.test(error.message),
  );
}

function field(source: string, ...path: readonly string[]): CueView {
  let view = inspectCue(compileCue([{ file: "p.cue", source }]));
  for (const label of path) {
    const found = view.fields.find((one) => one.label === label);
    assert.ok(found, label);
    view = found.value();
  }
  return view;
}

describe("a comparison with _|_", () => {
  it("takes a scalar that is not known for an error, and nothing else that is valid", () => {
    gives("#s: string\n#t: >5\na: #s != _|_, b: #t == _|_", '{"a":false,"b":true}');
    gives(
      "#a: _\n#b: 1 | int\n#c: {x: string}\n#d: [string]\na: #a != _|_, b: #b != _|_, c: #c != _|_, d: #d != _|_",
      '{"a":true,"b":true,"c":true,"d":true}',
    );
  });
  it("looks at all of a value that is selected from where it stands", () => {
    gives("a: ({x: 1, y: 2} & {x: 3}).y != _|_, b: ({x: 1, y: 2} & {z: 3}).y != _|_", '{"a":false,"b":true}');
  });
});

describe("regular expressions", () => {
  it("match strings and no bytes", () => {
    stops("a: 'abc' & =~\"b\"", "CUE_EVALUATION", /mismatched types bytes and string/);
    stops("a: 'abc' =~ \"b\"", "CUE_EVALUATION", /invalid operands/);
  });
});

describe("a selection from a value that stands in it", () => {
  const call = "f: {in: number, out: in}\nk0: 0, k1: (f & {in: k0}).out, k2: (f & {in: k1}).out, k3: (f & {in: k2}).out";
  it("may be chained", () => assert.equal(field(call, "k3").text, "0"));
  it("goes as deep as its data", () => {
    const copy = `#C: {p: {...}, r: {for k, v in p {(k): (#C & {p: v}).r}}} | {p: number, r: p}\n`;
    const view = field(`${copy}a: (#C & {p: {x: y: z: 1}}).r`, "a", "x", "y", "z");
    assert.equal(view.text, "1");
  });
  it("is an error when it is calculated in the course of calculating itself", () => {
    assert.equal(field("f: {n: int, out: (f & {n: 1}).out}", "f", "out").error?.code, "structural");
    const fib = "g: {m: int, out: (f & {n: m}).out}\nf: {n: int, if n >= 2 {out: (g & {m: n - 1}).out}, if n < 2 {out: n}}\n";
    assert.equal(field(`${fib}a: (f & {n: 3}).out`, "a").error?.code, "structural");
    assert.equal(field("X: {i: {a: _}, o: i.a}\nr: a: (X & {i: r}).o", "r", "a").text, "_");
  });
});

describe("validators", () => {
  it("written alike in two scopes are two", () => {
    stops("a: {t: 5, #v: matchN(1, [>t])}\nb: {t: 9, #v: matchN(1, [>t])}\nc: a.#v & b.#v & 7", "CUE_EVALUATION", /matchN/);
  });
  it("may be named through a field, and called", () => {
    gives('import "encoding/json"\n#v: json.Valid\na: #v("3")', '{"a":true}');
    stops('import "encoding/json"\n#v: json.Valid()\na: #v("3")', "CUE_EVALUATION", /previously called validator/);
    stops("a: null()", "CUE_EVALUATION", /cannot call non-function null/);
  });
  it("see the defaults of fields below", () => {
    stops("a: matchN(1, [{x: <=2}]) & {x: *3 | int}", "CUE_EVALUATION", /does not satisfy matchN/);
    gives("a: matchN(1, [{x: <=2}]) & {x: *1 | int}", '{"a":{"x":1}}');
  });
  it("of a least number of fields fail a closed struct for good", () => {
    const policy = 'import "struct"\n';
    assert.equal(field(`${policy}#A: struct.MinFields(1)\n#A: {if true {}}`, "#A").error?.code, "eval");
    assert.equal(field(`${policy}#A: struct.MinFields(1)\n#A: {x?: int}`, "#A").error?.code, "incomplete");
  });
});

describe("braces around a value that is no struct", () => {
  it("are that value", () => {
    assert.equal(field("a: {!=null}", "a").text, "!=null");
    assert.equal(field("a: {_}", "a").kind, "constraint");
    assert.equal(field("a: {_, if false {b: 1}}", "a").kind, "struct");
  });
});

describe("a list whose elements are not known yet", () => {
  it("is waited for by functions", () => {
    assert.equal(field("#o: {...}\na: len([for x in #o.y {x}])", "a").error?.code, "incomplete");
    assert.equal(field('import "list"\n#o: {...}\na: list.Contains([for x in #o.y {x}], 1)', "a").error?.code, "incomplete");
  });
});
