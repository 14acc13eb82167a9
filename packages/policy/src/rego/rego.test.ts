import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJson, ObjectValue, parseJson, type Value } from "../values/index.ts";
import { type Builtin, compile, type Dialect, numberType, type QueryOptions, stringType } from "./index.ts";

const probes: readonly Builtin[] = [
  {
    name: "upper",
    args: [stringType],
    result: stringType,
    evaluate: (_, [text]) => (typeof text === "string" ? text.toUpperCase() : undefined),
  },
  {
    name: "time.now_ns",
    args: [],
    result: numberType,
    evaluate: ({ nowNs }) => (nowNs === undefined ? undefined : Number(nowNs / 1_000_000_000n)),
  },
];
const builtins = new Map(probes.map((builtin) => [builtin.name, builtin]));

function policyOf(source: string, dialect: Dialect = "v1") {
  return compile([{ file: "policy.rego", source: `package test\n${source}` }], { dialect, builtins });
}

/** The value of `data.test.p` as JSON; undefined when there is none. */
function valueOfP(source: string, options: QueryOptions & { readonly dialect?: Dialect } = {}): string | undefined {
  const [result] = policyOf(source, options.dialect).query("data.test.p", options);
  const value = result?.expressions[0];
  return value === undefined ? undefined : encodeJson(value);
}

function input(text: string): { readonly input: Value } {
  return { input: parseJson(text) };
}

describe("rules", () => {
  it("are complete, with defaults and else", () => {
    assert.equal(valueOfP("default p := 1\np := 2 if input.x", input("{}")), "1");
    assert.equal(valueOfP("default p := 1\np := 2 if input.x", input('{"x": 0}')), "2");
    assert.equal(valueOfP("p := 1 if false else := 2 if false else := 3"), "3");
    assert.equal(valueOfP("p if input.missing"), undefined);
  });

  it("make sets and objects", () => {
    assert.equal(valueOfP("p contains x if some x in [3, 1, 3]"), "[1,3]");
    assert.equal(valueOfP('p[k] := v if some k, v in {"a": 1, "b": 2}'), '{"a":1,"b":2}');
    assert.equal(valueOfP('p.a.b := 1\np.a[x] := 2 if some x in ["c"]'), '{"a":{"b":1,"c":2}}');
    assert.equal(valueOfP('p[x].all contains y if { some x in ["k"]; some y in [1, 2] }'), '{"k":{"all":[1,2]}}');
  });

  it("are functions, with patterns for arguments", () => {
    assert.equal(valueOfP('f("a", _) := 1\nf("b", [x, _]) := x\np := [f("a", 0), f("b", [7, 8])]'), "[1,7]");
    assert.equal(valueOfP("default f(_) := 9\nf(x) := 1 if x > 5\np := [f(6), f(1)]"), "[1,9]");
  });

  it("conflict when they give two values", () => {
    const conflict = { code: "eval_conflict_error", message: "complete rules must not produce multiple outputs" };
    assert.throws(() => valueOfP("p := 1\np := 2 if true"), conflict);
    assert.throws(() => valueOfP('p[x] := y if { x := "k"; some y in [1, 2] }'), {
      code: "eval_conflict_error",
      message: "object keys must be unique",
    });
    assert.throws(() => valueOfP("f(_) := x if some x in [1, 2]\np := f(1)"), {
      code: "eval_conflict_error",
      message: "functions must not produce multiple outputs for same inputs",
    });
  });

  it("are merged over base documents", () => {
    const data = parseJson('{"test": {"base": 1}, "other": {"a": 2}}');
    assert.ok(data instanceof ObjectValue);
    assert.equal(valueOfP("p := data.other.a", { data }), "2");
    assert.equal(encodeJson(policyOf("q := 5").query("data.test", { data })[0]?.expressions[0] ?? null), '{"base":1,"q":5}');
  });
});

describe("expressions", () => {
  it("unify", () => {
    assert.equal(valueOfP("p := [x, y] if [x, 2, y] = [1, 2, 3]"), "[1,3]");
    assert.equal(valueOfP('p := [x, y] if { {"a": x, "b": [y]} = {"a": 1, "b": [2]} }'), "[1,2]");
    assert.equal(valueOfP("p := [x, y] if { [x, y] = [y, 1] }"), "[1,1]");
    assert.throws(() => valueOfP("p if [1, 2] = [_]"), { code: "rego_unsafe_var_error" });
    assert.equal(valueOfP("p if [1, x] = input.a", input('{"a": [1]}')), undefined);
  });

  it("are put in an order in which each variable has its value", () => {
    assert.equal(valueOfP("p := z if { z = y + 1; y = x + 1; x = 1 }"), "3");
  });

  it("iterate, negate and quantify", () => {
    const document = input('{"a": [1, 2, 3], "o": {"x": {"n": 1}, "y": {"n": 2}}}');
    assert.equal(valueOfP("p := [k | input.o[k].n > 1]", document), '["y"]');
    assert.equal(valueOfP("p if not 4 in input.a", document), "true");
    assert.equal(valueOfP("p if every x in input.a { x < 4 }", document), "true");
    assert.equal(valueOfP("p if every x in input.a { x < 3 }", document), undefined);
    assert.equal(valueOfP("p := {x: y | some x, y in input.a}", document), '{"0":1,"1":2,"2":3}');
  });

  it("call, calculate and compare", () => {
    assert.equal(valueOfP('p := upper("a")'), '"A"');
    assert.equal(valueOfP("p := (1 + 2) * 3 - 4 / 2 % 5"), "7");
    assert.equal(valueOfP('p := [1 < 2, "a" != "b", {1, 2} | {3}, {1, 2} & {2}, {1, 2} - {2}]'), "[true,true,[1,2,3],[2],[1]]");
    assert.equal(valueOfP("p := 1 / 0"), undefined);
    assert.throws(() => valueOfP("p := 1 / 0", { strictBuiltinErrors: true }), {
      code: "eval_builtin_error",
      message: "div: divide by zero",
    });
    assert.throws(() => valueOfP("p := input.x + 1", { ...input('{"x": "a"}'), strictBuiltinErrors: true }), {
      code: "eval_type_error",
    });
  });

  it("see what `with` puts in place, and nothing after it", () => {
    assert.equal(valueOfP("q := input.x\np := [q, y] if { y := q with input.x as 2 }", input('{"x": 1}')), "[1,2]");
    assert.equal(valueOfP("p := x if { x := time.now_ns() with time.now_ns as 5 }"), "5");
    assert.equal(valueOfP("f(x) := x\ng(x) := f(x) + 1\np := x if { x := f(1) with f as g }"), "2");
    assert.equal(valueOfP("q := 1\np := x if { x := q with data.test.q as 7 }"), "7");
  });

  it("are template strings", () => {
    assert.equal(valueOfP('x := [1]\np := $"a {x} {input.missing} \\{b}"'), '"a [1] <undefined> {b}"');
  });

  it("see the time that the caller gives, or none", () => {
    assert.equal(valueOfP("p := time.now_ns()", { nowNs: 7_000_000_000n }), "7");
    assert.equal(valueOfP("p := time.now_ns()"), undefined);
  });
});

describe("dialects", () => {
  it("read v0, its future keywords and rego.v1", () => {
    assert.equal(valueOfP("p = x { x = 1 }", { dialect: "v0" }), "1");
    assert.equal(valueOfP('p[x] { x = ["a", "b"][_] }', { dialect: "v0" }), '["a","b"]');
    assert.equal(valueOfP("import future.keywords.in\np { 1 in [1] }", { dialect: "v0" }), "true");
    assert.equal(valueOfP("import rego.v1\np if 1 in [1]", { dialect: "v0" }), "true");
    assert.equal(valueOfP("p { true } { false }", { dialect: "v0" }), "true");
  });

  it("tell `if` without an import as OPA does", () => {
    assert.throws(() => policyOf("p if { true }", "v0"), {
      code: "rego_parse_error",
      message: "var cannot be used for rule name",
    });
  });

  it("demand the keywords of version 1", () => {
    for (const [source, message] of [
      ["p { true }", /`if` keyword is required/],
      ["p[x] { x := 1 }", /`if` keyword is required/],
      ["p[1]", /`contains` keyword is required|must have value/],
      ["import data.a\nimport data.b.a\np := 1", /must not shadow/],
      ["input := 1", /must not shadow input/],
    ] as const)
      assert.throws(() => policyOf(source), { message }, source);
  });
});

describe("refusals", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["p := ", "rego_parse_error", /unexpected eof/],
    ["p := 01", "rego_parse_error", /leading zero/],
    ['p := "a', "rego_parse_error", /non-terminated string/],
    ["p if", "rego_parse_error", /unexpected eof/],
    ["p if x > 1", "rego_unsafe_var_error", /var x is unsafe/],
    ["p := x if not x == 1", "rego_unsafe_var_error", /var x is unsafe/],
    ["p contains y if true", "rego_unsafe_var_error", /var y is unsafe/],
    ["p := q\nq := p", "rego_recursion_error", /recursive/],
    ["f(x) := f(x)\np := f(1)", "rego_recursion_error", /recursive/],
    ['p := data.test[x] if x := "p"', "rego_recursion_error", /recursive/],
    ["p if { x := 1; x := 2 }", "rego_compile_error", /var x assigned above/],
    ["p if { y := x; x := 2 }", "rego_compile_error", /var x referenced above/],
    ["f(x) if x := 1", "rego_compile_error", /arg x redeclared/],
    ["p if { some x; true }", "rego_compile_error", /declared var x unused/],
    ["p := nothing(1)", "rego_type_error", /undefined function nothing/],
    ["p := upper(1, 2, 3)", "rego_type_error", /arity mismatch/],
    ["p := 1\np contains 2", "rego_type_error", /conflicting rules data\.test\.p/],
    ["f(1) := 1\nf(1, 2) := 2", "rego_type_error", /conflicting rules/],
    ['p := 1 + "a"', "rego_type_error", /plus: invalid argument/],
    ["p if q.x\nq := 5", "rego_type_error", /undefined ref: data\.test\.q\.x/],
    ['p if q.x\nq := {"y": 1}', "rego_type_error", /undefined ref/],
    ['p if q == "a"\nq := 5', "rego_type_error", /match error/],
    ['f(x) := x + 1\np := f("a")', "rego_type_error", /data\.test\.f: invalid argument/],
    ["p := f\nf(x) := x", "rego_type_error", /used as reference, not called/],
    ["default p := 1\ndefault p := 2", "rego_type_error", /multiple default rules data\.test\.p/],
    ["p := 1 if true with foo as 1", "rego_type_error", /with keyword target/],
    ["q.a := 1\np if true with data.test.q.a.b as 1", "rego_compile_error", /partially replace/],
    ["import foo", "rego_parse_error", /must begin with one of/],
    ["default p := input.x", "rego_parse_error", /illegal default rule/],
  ];
  for (const [source, code, message] of cases) {
    it(`${source.replaceAll("\n", "; ")}: ${code}`, () => {
      assert.throws(
        () => policyOf(source),
        (error: Error & { code?: string; position?: { line: number } }) => {
          assert.equal(error.code, code, error.message);
          assert.match(error.message, message);
          assert.ok((error.position?.line ?? 0) >= 2, "with its line");
          return true;
        },
      );
    });
  }

  it("nothing that only might not hold", () => {
    assert.equal(valueOfP('p := [x | some x in [1, "a"]; x == "a"]'), '["a"]');
    assert.equal(valueOfP('q := 1 if input.x else := "a"\np if q == "a"', input("{}")), "true");
    assert.equal(valueOfP("p := 7 if { not input.x == 1 }"), "7");
  });

  it("a package where a rule stands", () => {
    const sources = ["package a\nb := 1", "package a.b\nc := 1"].map((source, i) => ({ file: `${i}.rego`, source }));
    assert.throws(() => compile(sources, { dialect: "v1", builtins }), {
      code: "rego_type_error",
      message: /rule data\.a\.b conflicts with/,
    });
  });
});

describe("query", () => {
  it("gives bindings and values of expressions", () => {
    const policy = policyOf("p := {1, 2}");
    const results = policy.query("data.test.p[x]; y := x * 10");
    assert.deepEqual(
      results.map(({ bindings }) => [bindings.get("x"), bindings.get("y")]),
      [
        [1, 10],
        [2, 20],
      ],
    );
    assert.deepEqual(policy.query("1 == 2")[0]?.expressions, [false]);
    assert.deepEqual(policy.query("data.test.missing"), []);
    assert.deepEqual(policy.prepare("1 == 2", { capture: false }).evaluate(), []);
  });

  it("starts afresh each time", () => {
    const prepared = policyOf("p := input.x").prepare("data.test.p");
    assert.deepEqual(prepared.evaluate(input('{"x": 1}'))[0]?.expressions, [1]);
    assert.deepEqual(prepared.evaluate(input('{"x": 2}'))[0]?.expressions, [2]);
    assert.deepEqual(prepared.evaluate(), []);
  });
});
