// Values on trial: what lies outside of a disjunction does not take over what one of its terms would make of it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJson, isPolicyError, parseJson } from "../values/index.ts";
import { type CueView, compileCue, evaluateCue, inspectCue, validateCue } from "./index.ts";

const compile = (source: string): ReturnType<typeof compileCue> => compileCue([{ file: "p.cue", source }]);

function gives(source: string, json: string): void {
  assert.equal(encodeJson(evaluateCue(compile(source))), json);
}

function at(source: string, ...path: readonly string[]): CueView {
  let view = inspectCue(compile(source));
  for (const label of path) {
    const field = view.fields.find((each) => each.label === label);
    assert.ok(field, `no field ${label}`);
    view = field.value();
  }
  return view;
}

describe("a value that asks a disjunction on trial", () => {
  it("does not keep what a term that fails would make of it", () =>
    gives("a: 1 | 2\na: !=b\nb: 1 | 2\nb: !=a\na: 1", '{"a":1,"b":2}'));
  it("is found the same whichever comes first", () => gives("b: 1 | 2\nb: !=a\na: 1 | 2\na: !=b\na: 1", '{"a":1,"b":2}'));
  it("calculates with what is given before what is calculated", () => {
    const source = "p: q & 7 | r & 8\nq: s + 2\ns: 5 & p - 2\nr: q + 3";
    gives(source, '{"p":7,"q":7,"r":10,"s":5}');
  });
  it("finds the field that a wrong choice makes wrong, and that field alone", () => {
    const source = "p: q & 7 | r & 8\nq: s + 2\ns: 5 & p - 2\nr: q + 1\np: 8";
    assert.equal(at(source, "s").error?.code, "eval");
    assert.deepEqual(
      ["p", "q", "r"].map((name) => at(source, name).text),
      ["8", "7", "8"],
    );
  });
  it("may not decide what is left of the disjunction", () => {
    const source = "a: 0 | 1\na: !=b\nb: 0 | 1\nb: !=a";
    assert.equal(at(source, "a").error?.code, "cycle");
    assert.match(at(source, "a").error?.message ?? "", /2 errors in empty disjunction/);
    assert.match(at("a: 0 | 1\na: b\nb: a + 0", "b").error?.message ?? "", /across unresolved disjunction/);
  });
  it("may not leave one value that is no default by asking for itself", () => {
    assert.equal(at("a: a + 1 | 0", "a").error?.code, "cycle");
    gives("a: a + 1 | *0", '{"a":0}');
  });
  it("is a cycle where what asks for it is needed before a term is tried", () => {
    const source = "#S: {p: 1 + q, q: p - 1}\na: #S & {p: 0 | *2}";
    assert.equal(at(source, "a", "p").error?.code, "cycle");
    assert.equal(at(source, "a", "q").error?.code, "cycle");
  });
  it("may not leave one value by what the terms themselves are given", () => {
    assert.equal(at("a: (!=b & 3) | (!=a & 2)\nb: 0", "a").error?.code, "cycle");
    gives("a: *(!=b & 3) | (!=a & 2)\nb: 0", '{"a":3,"b":0}');
  });
  it("is overtaken by its default, where it is asked for by what it is calculated from", () => {
    // the command answers so, whether the default fits or not
    const source = "d: e - 1\ne: 1 + d\ne: *2 | 0";
    assert.equal(at(source, "d").text, "1");
    assert.equal(at(source, "e").text, "*2 | 0");
    assert.deepEqual(validateCue(compile(source), parseJson("{}")), []);
  });
  it("is no value of another disjunction on trial", () => {
    const source = "p: *(q & 7) | (r & 8)\nq: s + 2\ns: *(5 & (p - 2)) | (r & 8)\nr: q + 2";
    for (const name of ["p", "q", "r", "s"]) assert.ok(at(source, name).error, name);
  });
  it("is a cycle where two defaults hang on each other", () => {
    const source = "a: *0 | 1\na: c - b\nb: *0 | 1\nb: c - a\nc: 1";
    assert.equal(at(source, "a").error?.code, "cycle");
    assert.equal(at(source, "b").error?.code, "cycle");
  });
});

describe("the same disjunction by two ways", () => {
  it("leaves the same values, whichever structs embed it", () => {
    const source = "#D: {a: 1} | {b: 2}\n#E: #D\np: {#D, #D}\nq: {#D, {#E}}\nr: #T & s\ns: #T\n#T: {#D, ...}";
    for (const name of ["p", "q", "r"]) assert.equal(at(source, name).text, "{a:1} | {b:2}", name);
    assert.equal(at("p: {{a: 1} | {b: 2}, {a: 1} | {b: 2}}", "p").alternatives.length, 3);
  });
  it("closes what each of them closes", () => {
    const source = "#D: {a: 1} | {b: 2}\n#E: {#D, c: 3}\np: {#D, #E}\nq: #D & {#E}";
    assert.equal(at(source, "p").text, "{c:3, a:1} | {c:3, b:2}");
    assert.equal(at(source, "q").error?.code, "eval");
  });
  it("allows what each of them allows", () => {
    const source = "d: {a: 1} | {b: 2}\n#E: d & {c: 3}\np: d & #E";
    assert.equal(at(source, "p").text, "{c:3, a:1} | {c:3, b:2}");
  });
});

describe("a struct that goes through itself", () => {
  it("is refused where it gains what it goes through, by each value of its disjunction", () => {
    const source = 'a: *{b: 1} | {c: 2}\na: {for k, v in a {"\\(k)2": v}}';
    assert.throws(
      () => evaluateCue(compile(source)),
      (error) => isPolicyError(error) && error.code === "CUE_UNSUPPORTED",
    );
  });
});

describe("a list that goes through itself", () => {
  it("is gone through for each value of its disjunction", () => {
    const source = "a: [...]\na: _ | *[{b: 1}]\na: [for x in a {b: x.b}]";
    assert.equal(at(source, "a").text, "[] | *[{b:1}]");
  });
  it("is known to be a list by what else it is given", () => {
    assert.equal(at("a: a | *[{b: 1}]\na: [for x in a {b: x.b}]", "a").text, "[{b:1}]");
    assert.equal(at("a: [for x in a {x}]", "a").pending?.code, "incomplete");
    assert.equal(at("a: [for x in a {x}]\na: [...]", "a").text, "[]");
  });
});

describe("a struct that asks whether a field of its own is there", () => {
  it("does not get it later", () => {
    gives("a: X={if X.b == _|_ {c: 1}}", '{"a":{"c":1}}');
    gives("a: {b: 1, if a.b != _|_ {c: 2}, if a.d != _|_ {e: 3}}", '{"a":{"b":1,"c":2}}');
    assert.deepEqual(validateCue(compile("a: X={if X.b == _|_ {c: 1}}"), parseJson("{}")), []);
    assert.deepEqual(
      validateCue(compile('a: X={for k in ["b"] if X.b == _|_ {(k): 1}}'), parseJson("{}")).map(({ path }) => path),
      ["a"],
    );
  });
});

describe("what is written out", () => {
  it("comes before what is referred to, so that a default of its own stays one", () => {
    const source = '#A: v: "x" | "y"\np: #A & {v: *"x" | string}\nq: #A & {v: *p.v | string}';
    assert.equal(at(source, "q", "v").text, '*"x" | "y"');
    const written = 'p: ("x" | "y") & (*"x" | string)\nq: ("x" | "y") & (*p | string)';
    assert.equal(at(written, "q").text, '*"x" | *"y"');
  });
  it("is taken in before a comprehension decides by it", () =>
    gives(
      '#I: {n: string, v: "x" | "y", if n != _|_ {if true {v: "x"}}}\n#B: {_in: #I, v: _in.v}\n#A: {IN=_in: _, b: #B & {_in: IN}}\na: {n: "1"}\nout: (#A & {_in: a}).b.v',
      '{"a":{"n":"1"},"out":"x"}',
    ));
  it("may name a field that a comprehension beside it adds", () =>
    gives('#D: {n: 1, if n > 0 {f: "0": r: n}, f: {}, f["0"]}\na: #D', '{"a":{"f":{"0":{"r":1}},"n":1,"r":1}}'));
});

describe("validateCue of a value that is final", () => {
  it("names a cycle that nothing breaks", () => {
    const problems = validateCue(compile("a: b - 1\nb: a + 1"), parseJson("{}"));
    assert.deepEqual(
      problems.map(({ path }) => path),
      ["a", "b"],
    );
    assert.deepEqual(validateCue(compile("a: b - 1\nb: a + 1"), parseJson('{"b": 3}')), []);
  });
  it("names a disjunction of which each value waits for something", () => {
    const paths = (source: string, final: boolean): string[] =>
      validateCue(compile(source), parseJson("{}"), { final }).map(({ path }) => path);
    assert.deepEqual(paths("a: 1 | 2\na: !=b\nb: int", true), ["a"]);
    assert.deepEqual(paths("a: *(b + 1) | 5\na: 1 | 2\nb: int", true), ["a"]);
    assert.deepEqual(paths("a: 1 | 2\na: !=b\nb: int", false), []);
    assert.deepEqual(paths("a: 1 | 2", true), []);
  });
  it("lets it stand while more may come", () =>
    assert.deepEqual(validateCue(compile("a: b - 1\nb: a + 1"), parseJson("{}"), { final: false }), []));
});
