// What a stranger's policy or document must not do: run on, take all memory, touch prototypes, or end the process.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeJson, isPolicyError, ObjectValue, parseJson, type Value } from "../values/index.ts";
import { type BuiltinRegistry, compile, type QueryOptions } from "./index.ts";

const builtins: BuiltinRegistry = new Map();

function ask(source: string, options: QueryOptions = {}) {
  return compile([{ file: "policy.rego", source: `package test\n${source}` }], { dialect: "v1", builtins }).query(
    "data.test.p",
    options,
  );
}

/** Of the processor's time: that of the clock grows with what else the machine does. */
function takesUnderASecond(run: () => void): void {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 1_000_000, `took ${(user + system) / 1000} ms`);
}

const digits = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";

describe("hostile policies", () => {
  it("end at the step limit in a comprehension without end", () => {
    const body = ["a", "b", "c", "j", "e", "f", "g", "h", "i"].map((name) => `some ${name} in d`).join("; ");
    takesUnderASecond(() => assert.throws(() => ask(`d := ${digits}\np := [1 | ${body}]`), { code: "POLICY_STEPS_EXCEEDED" }));
  });

  it("end at the byte limit when they double a value", () => {
    const rules = Array.from({ length: 40 }, (_, i) => `a${i + 1} := array_of(a${i})`).join("\n");
    const source = `a0 := ${digits}\narray_of(x) := [y | some z in [x, x]; some y in z]\n${rules}\np := a40`;
    takesUnderASecond(() =>
      assert.throws(() => ask(source, { budget: { steps: 1e9, bytes: 64 << 20 } }), { code: "POLICY_BYTES_EXCEEDED" }),
    );
  });

  it("end at the depth limit", () => {
    const rules = Array.from({ length: 400 }, (_, i) => `a${i + 1} := a${i}`).join("\n");
    assert.throws(() => ask(`a0 := 1\n${rules}\np := a400`), { code: "POLICY_DEPTH_EXCEEDED" });
    assert.deepEqual(ask(`a0 := 1\n${rules}\np := a400`, { budget: { depth: 1000 } })[0]?.expressions, [1]);
  });

  it("keep the names of prototypes as names", () => {
    const source = `o := {"__proto__": {"x": 1}, "constructor": 2}
p := [o.__proto__.x, o.constructor, [1 | input.toString], [k | some k, _ in input], {"hasOwnProperty": 1}.hasOwnProperty]`;
    const [result] = ask(source, { input: parseJson('{"__proto__": 1, "valueOf": 2}') });
    assert.equal(encodeJson(result?.expressions[0] ?? null), '[1,2,[],["__proto__","valueOf"],1]');
    assert.equal(Object.hasOwn(Object.prototype, "x"), false);
  });

  it("keep rules and packages with the names of prototypes apart", () => {
    assert.deepEqual(ask("constructor := 1\ntoString := 2\np := constructor + toString")[0]?.expressions, [3]);
    assert.throws(() => ask("p := valueOf(1)"), { code: "rego_type_error" });
  });

  it("calculate with integers past 2^53 exactly", () => {
    const [result] = ask("p := [input.n + 1, input.n == 9007199254740992, input.n > 9007199254740992]", {
      input: parseJson('{"n": 9007199254740993}'),
    });
    assert.equal(encodeJson(result?.expressions[0] ?? null), "[9007199254740994,false,true]");
  });

  it("are refused when they nest without end", () => {
    for (const open of ["[", "{", "(", "{1:", "not ", "f(", "[x | "]) {
      takesUnderASecond(() => assert.throws(() => ask(`p := ${open.repeat(20_000)}`), { code: "rego_parse_error" }, open));
    }
    takesUnderASecond(() =>
      assert.throws(() => ask(`p := ${"{a | ".repeat(400)}b, c${"}".repeat(400)}`), { code: "rego_parse_error" }),
    );
    takesUnderASecond(() => assert.throws(() => ask(`p := 1${" + 1".repeat(200_000)}`), isPolicyError));
  });

  it("end with an error where a value that no parser would pass nests deeper than the stack", () => {
    const deep = () => Array.from({ length: 100_000 }).reduce<Value>((value) => [value], 1);
    assert.throws(() => ask("p := input[0] == input[1]", { input: [deep(), deep()] }), { code: "eval_internal_error" });
  });

  it("are refused when they are too long", () => {
    assert.throws(() => ask(`# ${"x".repeat(9 << 20)}`), { code: "rego_parse_error" });
  });

  it("do not survive a cross product of a large document", () => {
    const data = parseJson(`{"list": [${Array.from({ length: 3000 }, (_, i) => i).join(",")}]}`);
    assert.ok(data instanceof ObjectValue);
    takesUnderASecond(() =>
      assert.throws(
        () => ask("p := {[a, b] | some a in data.list; some b in data.list}", { data }),
        (error: { code: string }) => /EXCEEDED/.test(error.code),
      ),
    );
  });
});

describe("any text", () => {
  const word = fc.constantFrom(
    "package test",
    "\n",
    "p",
    "q",
    "x",
    "if",
    "some",
    "in",
    "every",
    "not",
    "with",
    "as",
    "else",
    "default",
    "import",
    "contains",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":=",
    "=",
    "==",
    "|",
    "&",
    ",",
    ";",
    ".",
    ":",
    "1",
    '"s"',
    "`r`",
    '$"t {x}"',
    "input",
    "data",
    "_",
    "true",
    "+",
    "-",
    "future.keywords",
    "rego.v1",
  );
  it("is read, or refused with one of our errors", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 25 }), fc.constantFrom("v0" as const, "v1" as const), (words, dialect) => {
        try {
          compile([{ file: "f", source: `package test\n${words.join(" ")}` }], { dialect, builtins }).query("data.test", {
            budget: { steps: 10_000 },
          });
        } catch (error) {
          if (!isPolicyError(error)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
