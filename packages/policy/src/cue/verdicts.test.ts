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

describe("a made value that refers to what it is made for", () => {
  it("does not contain it", () => {
    const source = "#F: {in: {...}, out: [if in.b != _|_ {in.b.c}]}\na: X={l: (#F & {in: X}).out, b: c: 1 + 1}";
    gives(source, '{"a":{"b":{"c":2},"l":[2]}}');
    gives("a: {b: 1, let X = a, c: X.b}", '{"a":{"b":1,"c":1}}');
  });
  it("adds nothing to a field that is made of it", () =>
    assert.equal(field("#F: {in: a: _, out: in.a}\nr: a: (#F & {in: r}).out", "r", "a").text, "_"));
  it("contains it where it is selected", () =>
    stops("#F: {in: _, out: in}\nr: a: (#F & {in: r}).out", "CUE_EVALUATION", /structural cycle/));
});

describe("a selection from a disjunction of which nothing is left", () => {
  it("is that error, whatever is common to its terms", () => {
    const source = "#T: string | {a: int}\nb: #T & {a: 1, c: 2}\nd: [if b.a != _|_ {1}, 2][0]";
    assert.equal(field(source, "d").text, "2");
    stops(`${source}\ne: b.a`, "CUE_EVALUATION", /b: conflicting values/);
    assert.equal(field(`${source}\ne: b.a`, "e").error?.code, "eval");
  });
});

describe("a struct that is embedded twice", () => {
  it("allows what it allows once", () =>
    gives("a: b: c: 1\na: b: #D\n#D: {c: int} | *{d: 2}\nx: {a, a}", '{"a":{"b":{"c":1}},"x":{"b":{"c":1}}}'));
});

describe("validators", () => {
  it("say what they await as what does not hold", () => {
    const { error } = field("a: matchN(1, [{b!: int}]) & {c: 1}", "a");
    assert.equal(error?.code, "incomplete");
    assert.match(error?.message ?? "", /^invalid value \{c:1\} \(does not satisfy matchN.*\): 0 matched, expected 1$/);
    assert.equal(field("a: matchN({c: 1}, 1, [{b!: int}])", "a").error?.code, "incomplete");
  });
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

describe("list.FlattenN", () => {
  const elements = (of: string): string => field(`import "list"\na: list.FlattenN(${of})`, "a").text;

  it("leaves nothing but the defaults of its elements", () => {
    assert.equal(elements("[1 | *2], 0"), "[2]");
    assert.equal(elements("[1 | *2, [3, *4 | 5]], 1"), "[2,3,4]");
    assert.equal(elements("[1 | 2], 1"), "[1 | 2]");
    assert.equal(elements("[*1 | *2 | 3], 1"), "[1 | 2]");
  });
});

describe("a disjunction", () => {
  it("loses the terms that wait for what never comes, themselves or in a field", () => {
    gives("#y: int, #m: {}\na: *(#y + 1) | 2, b: *[#m.b] | 3, c: *{v: #m.b} | 4, d: #m.b | 5", '{"a":2,"b":3,"c":4,"d":5}');
    gives("#y: 1\na: *(#y + 1) | 2", '{"a":2}');
    gives("#y: 1\na: (#y + 2) | 3 | *(#y + 3)", '{"a":4}');
  });
  it("leaves a field to the disjunctions after it", () => {
    const metric = "#M: {#S | {}, #T | {}}\n#S: id: string\n#T: avg: number\n";
    gives(`${metric}m: #M & {id: "x", avg: 1}`, '{"m":{"avg":1,"id":"x"}}');
    stops(`${metric}m: #M & {id: "x", other: 1}`, "CUE_EVALUATION", /field not allowed/);
  });
  it("of a value of its own type goes as deep as its data", () => {
    const list = "list: {head: int, tail: list | null}\n";
    const view = field(`${list}a: list\na: {head: 1, tail: {head: 2, tail: {head: 3, tail: null}}}`, "a", "tail", "tail", "head");
    assert.equal(view.text, "3");
    assert.equal(field(`${list}a: list`, "list", "tail").text, "null");
  });
  it("says the same when it is unified with itself", () => {
    assert.equal(field('#T: ["a", #T] | ["d", ...#T]\nx: #T\n#X: x\n#X: #T', "#X").kind, "list");
  });
});

describe("a definition", () => {
  const image = "#I: {e: {i: string}, q: {r: int}}\nx: {a: #I}\n";
  it("closes where it is named, and not what a field below it is referred to by another name", () => {
    gives(
      `${image}y: x.a.q & {r: 1, foo: 1}, x: a: {e: i: "", q: r: 1}`,
      '{"x":{"a":{"e":{"i":""},"q":{"r":1}}},"y":{"foo":1,"r":1}}',
    );
    stops(`${image}y: #I.q & {foo: 1}`, "CUE_EVALUATION", /y\.foo: field not allowed/);
    stops(`${image}y: x.a & {foo: 1}`, "CUE_EVALUATION", /y\.foo: field not allowed/);
  });
  it("that is embedded closes down to its `...`", () => {
    gives("#V: {foo: {...}}\na: {#V, foo: b: c: 1}\na: foo: b: d: 2", '{"a":{"foo":{"b":{"c":1,"d":2}}}}');
    stops("#V: {foo: _}\na: {#V, foo: b: c: 1}\na: foo: b: d: 2", "CUE_EVALUATION", /d: field not allowed/);
  });
  it("that is embedded beside another lets pass what either has in a part", () => {
    const parts = '#a: [>="k"]: int\n#b: [<="m"]: int\n#c: [>="w"]: int\n#d: [<="y"]: int\n';
    gives(`${parts}x: {#a & #b, #c & #d}\nx: j: 3`, '{"x":{"j":3}}');
    stops(`${parts}x: {#a & #b}\nx: j: 3`, "CUE_EVALUATION", /field not allowed/);
  });
});

describe("a field that is not there", () => {
  it("is waited for while what may add it waits", () => {
    assert.equal(field('a: {if b.p == _|_ {p: ""}}\nb: {if a.p == _|_ {p: ""}}', "a").pending?.code, "cycle");
    gives('a: {if b.foo == _|_ {n: ""}}\nb: {if a.bar == _|_ {n: ""}}', '{"a":{"n":""},"b":{"n":""}}');
  });
});

describe("a pattern of field names", () => {
  it("may be a validator, and matches nothing when it is a number", () => {
    gives('import "strings"\n#A: {[strings.HasPrefix("o")]: int}\na: #A & {ob: 1}', '{"a":{"ob":1}}');
    stops('import "strings"\n#A: {[strings.HasPrefix("o")]: int}\na: #A & {b: 1}', "CUE_EVALUATION", /field not allowed/);
    stops('#X: [int]: string\na: #X & {b: "c"}', "CUE_EVALUATION", /field not allowed/);
  });
});

describe("what is not known yet", () => {
  it("is waited for in braces around it, in an index and in a list to flatten", () => {
    assert.equal(field('_t: {#p: string, "a\\(#p)"}\nr: "\\(_t)"', "r").error?.code, "incomplete");
    assert.equal(field("#i: int\na: [1][#i]", "a").error?.code, "incomplete");
    assert.equal(field("#i: _\na: [1][#i]", "a").error?.code, "eval");
    assert.equal(field('import "list"\n#i: string | [...string]\na: list.FlattenN([#i], 1)', "a").kind, "list");
  });
  it("counts after an error that nothing can mend", () => {
    assert.equal(field('#T: {x: {y: string}, o: "\\(x.y) \\(x.z)"}', "#T", "o").error?.code, "eval");
  });
});

describe("an embedded validator", () => {
  const schema = "#S: {a?: int, b?: int}\n#X: {matchN(1, [#S]), a?: int}\n#Y: {#S, a?: int}\n";
  it("of values of all kinds leaves its struct open, also while a disjunction is decided", () => {
    gives(`${schema}x: #X & {b: 1}`, '{"x":{"b":1}}');
    gives(`${schema}x: (#X | string) & {b: 1}`, '{"x":{"b":1}}');
    stops(`${schema}x: #Y & {c: 1}`, "CUE_EVALUATION", /field not allowed/);
  });
});

describe("a required field", () => {
  it("of one definition that another does not have is an error", () => {
    assert.equal(field("#B: {b!: int}\n#A: a!: int\n#A: #B", "#A", "a").error?.message, "field not allowed");
  });
});

describe("commas and colons", () => {
  it("may begin a line", () => gives('a\n: {"x": 1\n, y\n: 2\n}\n\n, b: [\n1\n, 2\n]', '{"a":{"x":1,"y":2},"b":[1,2]}'));
});

describe("close", () => {
  it("closes the default of a disjunction", () => {
    stops("a: close(*{b: 1} | 0) & {c: 1}", "CUE_EVALUATION", /field not allowed/);
    gives("a: close(*{b: 1} | 0)", '{"a":{"b":1}}');
  });
});

describe("what depends on the order of evaluation", () => {
  it("is refused by name and place, and the field is marked", () => {
    const compared = "a: {\n  r: {}\n  if r != _|_ {r: x: 1}\n}";
    stops(
      compared,
      "CUE_UNSUPPORTED",
      /p\.cue:3:\d+: a struct that gains fields after it was gone through, counted or compared with _\|_/,
    );
    assert.equal(field(compared, "a").error?.code, "unsupported");
    const decided = "a: {\n  if a.b == _|_ {b: 1}\n  b: int\n}";
    stops(decided, "CUE_UNSUPPORTED", /p\.cue:2:\d+: a comprehension that is decided by what it/);
    gives("a: {b: int, if b == _|_ {c: 1}}\na: b: 5", '{"a":{"b":5}}');
  });
});
