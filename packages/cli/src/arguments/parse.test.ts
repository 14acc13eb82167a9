import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CommandSpec, commandHelp, nearest, parseArguments } from "./index.ts";

const spec: CommandSpec = {
  name: "act",
  summary: "Act on files",
  positionals: { name: "FILE…", min: 0, max: 3 },
  flags: [
    { name: "payload", short: "p", type: "string", value: "FILE", summary: "what to use" },
    { name: "yes", short: "y", type: "boolean", summary: "do not ask" },
    { name: "recursive", short: "r", type: "boolean", summary: "go down" },
    { name: "only", type: "list", summary: "parts" },
    { name: "annotation", short: "a", type: "array", summary: "pairs" },
    { name: "no-upload", type: "boolean", summary: "keep it here" },
  ],
  examples: ["sigillum act a b"],
};

// One row a pflag rule: words, positionals, and what flags hold afterwards.
const table: readonly { words: string[]; positionals?: string[]; flags: Record<string, string | boolean | string[]> }[] = [
  { words: ["--payload", "x"], flags: { payload: "x" } },
  { words: ["--payload=x"], flags: { payload: "x" } },
  { words: ["--payload="], flags: { payload: "" } },
  { words: ["--payload=a=b"], flags: { payload: "a=b" } },
  { words: ["--payload", "-x"], flags: { payload: "-x" } },
  { words: ["--payload", "-"], flags: { payload: "-" } },
  { words: ["--payload", "--yes"], flags: { payload: "--yes", yes: false } },
  { words: ["--payload", "a", "--payload", "b"], flags: { payload: "b" } },
  { words: ["--payload", "0123"], flags: { payload: "0123" } },
  { words: ["-p", "x"], flags: { payload: "x" } },
  { words: ["-px"], flags: { payload: "x" } },
  { words: ["-p=x"], flags: { payload: "x" } },
  { words: ["-yr"], flags: { yes: true, recursive: true } },
  { words: ["-ryp", "x"], flags: { yes: true, recursive: true, payload: "x" } },
  { words: ["-y=false"], flags: { yes: false } },
  { words: ["--yes"], flags: { yes: true } },
  { words: ["--yes=false"], flags: { yes: false } },
  { words: ["--yes=0"], flags: { yes: false } },
  { words: ["--yes=T"], flags: { yes: true } },
  { words: ["--yes", "false"], positionals: ["false"], flags: { yes: true } },
  { words: ["--no-upload"], flags: { "no-upload": true } },
  { words: ["--only", "a,b", "--only=c"], flags: { only: ["a", "b", "c"] } },
  { words: ["--only", 'a,"b,c",d""'], flags: { only: ["a", "b,c", 'd""'] } },
  { words: ["-a", "k=v,w", "-a", "j=w"], flags: { annotation: ["k=v,w", "j=w"] } },
  { words: ["-ak=v"], flags: { annotation: ["k=v"] } },
  { words: ["a", "--yes", "b"], positionals: ["a", "b"], flags: { yes: true } },
  { words: ["--", "--yes", "-p"], positionals: ["--yes", "-p"], flags: { yes: false } },
  { words: ["-"], positionals: ["-"], flags: {} },
];

describe("parseArguments", () => {
  for (const { words, positionals, flags } of table) {
    it(`reads ${words.join(" ")}`, () => {
      const parsed = parseArguments(spec, words);
      assert.deepEqual(parsed.positionals, positionals ?? []);
      for (const [name, expected] of Object.entries(flags)) {
        const found =
          typeof expected === "string"
            ? parsed.string(name)
            : typeof expected === "boolean"
              ? parsed.boolean(name)
              : parsed.strings(name);
        assert.deepEqual(found, expected, name);
      }
    });
  }

  it("refuses an unknown flag and names the nearest", () => {
    assert.throws(() => parseArguments(spec, ["--paylod", "x"]), {
      code: "FLAG_UNKNOWN",
      message: "Cannot run act: unknown flag: --paylod; did you mean --payload?",
    });
    assert.throws(() => parseArguments(spec, ["--zzzzzz"]), {
      code: "FLAG_UNKNOWN",
      message: 'Cannot run act: unknown flag: --zzzzzz; "sigillum act --help" lists its flags',
    });
    assert.throws(() => parseArguments(spec, ["-q"]), { code: "FLAG_UNKNOWN" });
    assert.throws(() => parseArguments(spec, ["--pay=1"]), { code: "FLAG_UNKNOWN" });
  });

  it("refuses a missing value, a bad boolean, a value outside the choices and a wrong number of words", () => {
    assert.throws(() => parseArguments(spec, ["--payload"]), { code: "FLAG_VALUE_MISSING" });
    assert.throws(() => parseArguments(spec, ["--yes=maybe"]), { code: "FLAG_VALUE_INVALID" });
    assert.throws(() => parseArguments(spec, ["--output", "xml"]), { code: "FLAG_VALUE_INVALID", expected: "text or json" });
    assert.throws(() => parseArguments(spec, ["a", "b", "c", "d"]), { code: "ARGUMENT_COUNT" });
    assert.throws(() => parseArguments({ ...spec, positionals: { name: "FILE", min: 1, max: 1 } }, []), {
      code: "ARGUMENT_COUNT",
    });
    assert.throws(() => parseArguments({ ...spec, positionals: { name: "", min: 0, max: 0 } }, ["a"]), {
      code: "ARGUMENT_COUNT",
      expected: "no arguments",
    });
    assert.throws(() => parseArguments(spec, []).required("payload", "say what to use"), { code: "FLAG_REQUIRED" });
    assert.throws(() => parseArguments(spec, ["--yes", "--recursive"]).exclusive("yes", "recursive"), { code: "FLAGS_CONFLICT" });
    assert.throws(() => parseArguments(spec, []).string("nothing"), TypeError);
  });

  it("demands nothing of the rest when help is asked for", () => {
    assert.equal(parseArguments({ ...spec, positionals: { name: "FILE", min: 1, max: 1 } }, ["-h"]).boolean("help"), true);
  });

  it("keeps any value of a string flag as it is", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        assert.equal(parseArguments(spec, ["--payload", value]).string("payload"), value);
        assert.equal(parseArguments(spec, [`--payload=${value}`]).string("payload"), value);
      }),
    );
  });

  it("throws nothing but its own errors", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom("--payload", "-y", "--only", "--", "-", "--output"))),
        (words) => {
          try {
            parseArguments(spec, words);
          } catch (error) {
            assert.match(String(Reflect.get(Object(error), "code")), /^(FLAG|ARGUMENT)_/);
          }
        },
      ),
    );
  });
});

describe("commandHelp", () => {
  it("shows usage, every flag and the examples", () => {
    const text = commandHelp(spec);
    for (const part of [
      "Usage: sigillum act FILE… [flags]",
      "-p, --payload FILE",
      "    --no-upload",
      "-o, --output FORMAT",
      "sigillum act a b",
    ])
      assert.ok(text.includes(part), part);
  });
});

describe("nearest", () => {
  it("finds a near word and none when all are far", () => {
    assert.equal(nearest("sing-blob", ["sign-blob", "verify-blob"]), "sign-blob");
    assert.equal(nearest("verify-blobs", ["sign-blob", "verify-blob"]), "verify-blob");
    assert.equal(nearest("frobnicate", ["sign-blob", "verify-blob"]), undefined);
  });
});
