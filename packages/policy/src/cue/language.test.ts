// The language, construct by construct: what a source evaluates to, or the error it has.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJson, isPolicyError } from "../values/index.ts";
import { compileCue, evaluateCue, inspectCue, subsetFunctions } from "./index.ts";

function gives(source: string, json: string): void {
  assert.equal(encodeJson(evaluateCue(compileCue([{ file: "p.cue", source }]))), json);
}

function stops(source: string, code: string, message: RegExp = /./): void {
  assert.throws(
    () => evaluateCue(compileCue([{ file: "p.cue", source }])),
    (error) => {
      if (!isPolicyError(error)) return false;
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

describe("literals", () => {
  it("reads strings in all forms", () => {
    gives('a: "x\\ty\\u00e9\\U0001F600"', '{"a":"x\\tyé😀"}');
    gives('a: #"raw \\n \\#n"#', '{"a":"raw \\\\n \\n"}');
    gives('a: """\n\tone\n\t  two\n\t"""', '{"a":"one\\n  two"}');
    gives('x: 2\na: "\\(x) and \\(x+1)"', '{"a":"2 and 3","x":2}');
    gives('x: 2\na: #"\\#(x)"#', '{"a":"2","x":2}');
  });
  it("reads numbers with suffixes, bases and underscores", () => {
    gives("a: 1_000, b: 0x1F, c: 0b101, d: 0o17, e: 1.5K, f: 2Ki", '{"a":1000,"b":31,"c":5,"d":15,"e":1500,"f":2048}');
    stops("a: 01", "CUE_SYNTAX", /leading zero/);
    stops("a: 1__0", "CUE_SYNTAX", /underscore/);
  });
  it("inserts commas at line ends", () => {
    gives("a: {\n\tb: 1\n\tc: [1,\n\t2]\n}", '{"a":{"b":1,"c":[1,2]}}');
    stops("a: 1 b: 2", "CUE_SYNTAX", /p\.cue:1:6/);
  });
  it("says where a string is not closed", () => stops('a: 1\nb: "x', "CUE_SYNTAX", /p\.cue:2:4: a string is not closed/));
});

describe("unification", () => {
  it("unifies structs and lists", () => gives("a: {x: 1} & {y: 2}\nb: [1, ...] & [_, 2]", '{"a":{"x":1,"y":2},"b":[1,2]}'));
  it("names both sides of a conflict", () => {
    stops("a: 1 & 2", "CUE_EVALUATION", /a: conflicting values 2 and 1$/);
    stops('a: 1 & "x"', "CUE_EVALUATION", /conflicting values 1 and "x" \(mismatched types int and string\)/);
    stops("a: [1] & [1, 2]", "CUE_EVALUATION", /incompatible list lengths \(1 and 2\)/);
  });
  it("checks bounds and joins them", () => {
    gives("a: >=1 & <=1 & int", '{"a":1}');
    stops("a: >5 & <3", "CUE_EVALUATION", /incompatible number bounds >5 and <3/);
    stops("a: 7 & <5", "CUE_EVALUATION", /invalid value 7 \(out of bound <5\)/);
    stops('a: "x" & =~"^[0-9]"', "CUE_EVALUATION", /out of bound =~"\^\[0-9\]"/);
  });
  it("refers lexically and late", () =>
    gives(
      "b: {x: 1, y: x}\na: b & {x: int}\nlet L = 5\nc: L\nX=d: 2\ne: X",
      '{"a":{"x":1,"y":1},"b":{"x":1,"y":1},"c":5,"d":2,"e":2}',
    ));
  it("lets references go round", () =>
    gives("a: b\nb: a\na: 4\nx: y + 100\ny: x - 100\nx: 200", '{"a":4,"b":4,"x":200,"y":100}'));
});

describe("definitions and closedness", () => {
  it("refuses fields that a definition does not name", () => {
    stops("#A: {x: int}\na: #A & {x: 1, z: 2}", "CUE_EVALUATION", /a\.z: field not allowed/);
    stops("#A: {x: {y: int}}\na: #A & {x: z: 2}", "CUE_EVALUATION", /a\.x\.z: field not allowed/);
    stops("a: close({x: 1}) & {z: 2}", "CUE_EVALUATION", /field not allowed/);
  });
  it("allows what an ellipsis, a pattern or an embedding struct allows", () => {
    gives("#A: {x: int, ...}\na: #A & {x: 1, z: 2}", '{"a":{"x":1,"z":2}}');
    gives('#A: [=~"^z"]: int\na: #A & {z: 2}', '{"a":{"z":2}}');
    gives("#A: x: int\na: {#A, z: 2, x: 1}", '{"a":{"x":1,"z":2}}');
    stops("#A: x: int\na: {#A, z: 2, x: 1} & {q: 1}", "CUE_EVALUATION", /a\.q: field not allowed/);
    stops("#A: x?: int\n#B: y?: int\na: #A & #B & {x: 1}", "CUE_EVALUATION", /a\.x: field not allowed/);
  });
  it("leaves out hidden and optional fields and definitions", () => gives("_h: 1\n#D: 2\no?: 3\na: _h + #D", '{"a":3}'));
  it("applies patterns with aliases", () =>
    gives("[N=string]: name: N\na: {}\nb: x: 1", '{"a":{"name":"a"},"b":{"name":"b","x":1}}'));
});

describe("disjunctions", () => {
  it("takes the default", () => gives('a: *1 | int\nb: a & 2\nc: (*"x" | "y") & (*"x" | "z")', '{"a":1,"b":2,"c":"x"}'));
  it("drops terms that fail", () => gives('a: {k: "p", v: 1} | {k: "q", v: 2}\na: k: "q"', '{"a":{"k":"q","v":2}}'));
  it("is incomplete while two are left", () => stops("a: 1 | 2", "CUE_INCOMPLETE", /unresolved disjunction/));
  it("says why each term failed", () => stops('a: (1 | 2) & "x"', "CUE_EVALUATION", /conflicting values/));
  it("decides terms by values inside", () =>
    gives('#T: {type: "a", x: int} | {type: "b", y: int}\na: #T & {type: "b", y: 1}', '{"a":{"type":"b","y":1}}'));
});

describe("comprehensions", () => {
  it("yields fields and elements", () =>
    gives(
      'l: [for i, x in ["a", "b"] if i > 0 {"\\(i)": x}]\nm: {for k, v in {a: 1, b: 2} if v > 1 {(k): v}}',
      '{"l":[{"1":"b"}],"m":{"b":2}}',
    ));
  it("binds let clauses", () => gives("a: [for x in [1, 2] let y = x * 2 {y}]", '{"a":[2,4]}'));
  it("asks whether a field is there", () =>
    gives("a: {b: 1}\nif a.c == _|_ {d: 1}\nif a.b != _|_ {e: 1}", '{"a":{"b":1},"d":1,"e":1}'));
  it("is incomplete while its source is", () => stops("a: _\nb: [for x in a {x}]", "CUE_INCOMPLETE"));
});

describe("operators", () => {
  it("calculates exactly", () =>
    gives(
      "a: 2 * 3 + 4, b: 7 / 2, c: 10 - 0.1, d: div(-7, 2), e: mod(-7, 2), f: quo(-7, 2), g: rem(-7, 2), h: 0.1 + 0.2",
      '{"a":10,"b":3.5,"c":9.9,"d":-4,"e":1,"f":-3,"g":-1,"h":0.3}',
    ));
  it("compares and joins", () =>
    gives(
      'a: 1 < 2 && "a" < "b", b: !true || 1 == 1.0, c: "x" =~ "^x", d: "ab" * 2, e: [1] == [1]',
      '{"a":true,"b":true,"c":true,"d":"abab","e":true}',
    ));
  it("refuses operands of the wrong type", () => stops('a: 1 + "x"', "CUE_EVALUATION", /invalid operands/));
  it("refuses a division by zero", () => stops("a: 1 / 0", "CUE_EVALUATION", /division by zero/));
  it("indexes and slices", () => gives('l: [1, 2, 3]\na: l[1], b: l[1:], c: {x: 1}["x"]', '{"a":2,"b":[2,3],"c":1,"l":[1,2,3]}'));
});

describe("packages", () => {
  it("has strings", () =>
    gives(
      'import "strings"\na: strings.Split("a,b", ","), b: strings.ToUpper("x"), c: strings.Replace("aaa", "a", "b", 2), d: strings.TrimSpace(" x "), e: strings.Join(["p", "q"], "-")',
      '{"a":["a","b"],"b":"X","c":"bba","d":"x","e":"p-q"}',
    ));
  it("has list", () =>
    gives(
      'import "list"\na: list.Sort([3, 1, 2], list.Ascending), b: list.Contains([1, 2], 2), c: list.FlattenN([[1], [2, [3]]], 1), d: list.Sum([1, 2]), e: list.Range(0, 3, 1), f: list.Concat([[1], [2]])',
      '{"a":[1,2,3],"b":true,"c":[1,2,[3]],"d":3,"e":[0,1,2],"f":[1,2]}',
    ));
  it("has encoding/json for predicates that are texts", () =>
    gives(
      'import "encoding/json"\na: json.Unmarshal("{\\"x\\": [1, 2.50]}"), b: json.Marshal({z: 1, a: [true]})',
      '{"a":{"x":[1,2.50]},"b":"{\\"z\\":1,\\"a\\":[true]}"}',
    ));
  it("has time", () =>
    gives(
      'import "time"\na: time.Parse(time.RFC3339, "2021-10-20T10:00:00+02:00"), b: time.Unix(1500000000, 5), c: time.ParseDuration("1h30m"), d: time.Parse("02 Jan 2006", "20 Oct 2021")',
      '{"a":"2021-10-20T08:00:00Z","b":"2017-07-14T02:40:00.000000005Z","c":5400000000000,"d":"2021-10-20T00:00:00Z"}',
    ));
  it("has regexp, net, math, strconv and encodings", () =>
    gives(
      'import ("regexp", "net", "math", "strconv", "encoding/base64", "encoding/hex")\na: regexp.FindSubmatch("a(b)", "xab"), b: net.IPv4("10.0.0.1"), c: math.Round(2.5), d: strconv.Atoi("42"), e: "\\(base64.Decode(null, "aGk="))", f: hex.Encode(\'hi\')',
      '{"a":["ab","b"],"b":true,"c":3,"d":42,"e":"hi","f":"6869"}',
    ));
  it("lists every function", () => assert.ok(subsetFunctions().includes("strings.Join") && subsetFunctions().length > 100));
});

describe("constructs outside the subset", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["a: b...\nb: {}", /explicit opening/],
    ["a: {...int}", /type after the \.\.\./],
    ['@embed(file="x")\na: 1', /@embed/],
    ["@if(foo)\na: 1", /@if/],
    ["a~X: 1", /aliasv2/],
    ["if true {a: 1} else {a: 2}", /else/],
    ["a: self.b", /self/],
    ['import "strings"\na: strings.NoSuch("x")', /strings\.NoSuch/],
  ];
  for (const [source, message] of cases)
    it(`names ${message.source} and its place`, () =>
      stops(source, "CUE_UNSUPPORTED", new RegExp(`p\\.cue:[0-9]+:[0-9]+: .*${message.source}`)));
});

describe("compileCue", () => {
  it("joins files of one package", () => {
    const compiled = compileCue([
      { file: "a.cue", source: "package p\na: b" },
      { file: "b.cue", source: "package p\nb: 1" },
    ]);
    assert.equal(encodeJson(evaluateCue(compiled)), '{"a":1,"b":1}');
    assert.equal(compiled.package, "p");
  });
  it("refuses files of two packages, and names both", () => {
    assert.throws(
      () =>
        compileCue([
          { file: "a.cue", source: "package p" },
          { file: "b.cue", source: "package q" },
        ]),
      (error) =>
        isPolicyError(error) && error.code === "CUE_PACKAGE_MISMATCH" && /p \(a\.cue\) and q \(b\.cue\)/.test(error.message),
    );
  });
  it("refuses a let clause that nothing refers to", () =>
    stops("let X = 1\na: 2", "CUE_UNRESOLVED_REFERENCE", /let clause X is not referred to/));
});

describe("inspectCue", () => {
  it("shows what is not concrete", () => {
    const view = inspectCue(compileCue([{ file: "p.cue", source: "a: int & >5\nb: *1 | 2\n#C: {x?: 1}" }]));
    assert.deepEqual(
      view.fields.map(({ label, value }) => `${label}: ${value().kind} ${value().text}`),
      ["a: constraint int & >5", "b: disjunction *1 | 2", "#C: struct {}"],
    );
    assert.equal(view.fields[2]?.value().allows("y"), false);
    assert.equal(view.fields[2]?.value().mentions("y"), false);
  });
});
