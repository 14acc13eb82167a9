// The three contracts over one statement: where they agree, where they differ, and what each refuses with.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJson, isPolicyError, parseJson, type Value } from "../values/index.ts";
import {
  type Contract,
  compilePolicies,
  contracts,
  evaluate,
  judge,
  languageOf,
  type PolicySource,
  type Verdict,
} from "./index.ts";

const statement = parseJson(`{
  "_type": "https://in-toto.io/Statement/v0.1",
  "predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
  "subject": [{"name": "registry.example/app", "digest": {"sha256": "abc"}}],
  "predicate": {"scanner": {"version": "0.20", "big": 9007199254740993}, "empty": null}
}`);

const cue = (source: string, file = "policy.cue"): PolicySource => ({ language: "cue", file, source });
const rego = (source: string, file = "policy.rego"): PolicySource => ({ language: "rego", file, source });

function ask(contract: Contract, ...sources: PolicySource[]): Verdict {
  return evaluate(contract, sources, statement, { limits: { steps: 100_000 } });
}

function passes(contract: Contract, ...sources: PolicySource[]): void {
  assert.deepEqual(ask(contract, ...sources), { pass: true, messages: [], warnings: [] });
}

function refuses(contract: Contract, sources: PolicySource[], code: string, text: string | RegExp): Verdict {
  const verdict = ask(contract, ...sources);
  assert.equal(verdict.pass, false);
  assert.equal(verdict.messages[0]?.code, code);
  if (typeof text === "string") assert.equal(verdict.messages[0]?.text, text);
  else assert.match(verdict.messages[0]?.text ?? "", text);
  return verdict;
}

describe("every contract", () => {
  for (const contract of contracts) {
    it(`${contract}: passes CUE that fits, and names path, values and place of what does not`, () => {
      passes(contract, cue('predicate: scanner: version: "0.20"'));
      const verdict = refuses(
        contract,
        [cue('\npredicate: scanner: version: "9"')],
        "CONTRACT_CUE_UNSATISFIED",
        'predicate.scanner.version: conflicting values "0.20" and "9"',
      );
      assert.deepEqual(verdict.messages[0]?.path, "predicate.scanner.version");
      assert.deepEqual(verdict.messages[0]?.values, ['"0.20"', '"9"']);
      assert.deepEqual(verdict.messages[0]?.positions[0], { file: "policy.cue", line: 2, column: 30 });
    });
    it(`${contract}: refuses with the engine's code what does not compile, and lists it before any document`, () => {
      for (const [source, code] of [
        [cue("predicate: {"), "CUE_SYNTAX"],
        [cue("a: b"), "CUE_UNRESOLVED_REFERENCE"],
        [rego("package x\nallow {"), "rego_parse_error"],
        [rego("package x\nallow { y == 1 }"), "rego_unsafe_var_error"],
      ] as const) {
        refuses(contract, [source], code, /./);
        assert.deepEqual(
          compilePolicies(contract, [source]).problems.map((one) => one.code),
          [code],
        );
      }
    });
    it(`${contract}: a limit that is passed refuses`, () => {
      const source = rego(
        "package signature\nallow { count([x | x := numbers.range(1, 1000)[_]; y := numbers.range(1, 1000)[_]; x == y]) == 1000 }",
      );
      const own = { "cosign-cli": "signature", "policy-controller": "sigstore", strict: "sigillum" }[contract];
      const rule = contract === "policy-controller" ? "isCompliant" : "allow";
      const text = source.source.replace("signature", own).replace("allow", rule);
      refuses(contract, [rego(text)], "POLICY_STEPS_EXCEEDED", /./);
    });
    it(`${contract}: needs a policy`, () => {
      assert.throws(
        () => compilePolicies(contract, []),
        (error) => isPolicyError(error) && error.code === "CONTRACT_NO_POLICY",
      );
    });
    it(`${contract}: a rule of 2021 or of another contract is told apart`, () => {
      const verdict = refuses(contract, [rego('package other\ndeny["no"] { true }')], "CONTRACT_REGO_UNDEFINED", /./);
      assert.match(verdict.messages[0]?.text ?? "", /the policy is of package other/);
    });
    it(`${contract}: integers past 2^53 are exact`, () => {
      passes(contract, cue("predicate: scanner: big: 9007199254740993"));
      refuses(contract, [cue("predicate: scanner: big: 9007199254740992")], "CONTRACT_CUE_UNSATISFIED", /conflicting values/);
    });
  }
});

describe("a field that the document lacks", () => {
  const absent = cue("predicate: approved: true");
  it("is supplied by the policy in both originals, and refused by the strict contract", () => {
    passes("cosign-cli", absent);
    passes("policy-controller", absent);
    const verdict = refuses(
      "strict",
      [absent],
      "CONTRACT_FIELD_ABSENT",
      "predicate.approved: field is named by the policy and is not in the document",
    );
    assert.equal(verdict.messages[0]?.path, "predicate.approved");
    assert.deepEqual(verdict.messages[0]?.positions[0], { file: "policy.cue", line: 1, column: 22 });
  });
  it("is refused where it is marked `!`, except by policy-controller", () => {
    passes("policy-controller", cue("predicate: approved!: bool"));
    for (const contract of ["strict", "cosign-cli"] as const)
      refuses(
        contract,
        [cue("predicate: approved!: bool")],
        "CONTRACT_CUE_UNSATISFIED",
        "predicate.approved: field is required but not present",
      );
  });
  it("is no concern of the strict contract where it is optional, hidden, a definition or a let", () => {
    passes(
      "strict",
      cue('_least: "0.1"\n#S: {...}\nlet most = "1"\npredicate: {approved?: true, scanner: version: >_least & <most}'),
    );
    passes("strict", cue("predicate: empty: null"));
  });
  it("is told once, at its top, and in lists by index", () => {
    const verdict = refuses("strict", [cue("predicate: a: b: c: 1")], "CONTRACT_FIELD_ABSENT", /^predicate\.a: /);
    assert.equal(verdict.messages.length, 1);
    refuses("strict", [cue('subject: [{name: string, uri: "x"}]')], "CONTRACT_FIELD_ABSENT", /^subject\.0\.uri: /);
  });
});

describe("cosign-cli", () => {
  it("takes true and nothing else, in cosign's words", () => {
    passes("cosign-cli", rego('package signature\nallow { input.predicate.scanner.version == "0.20" }'));
    for (const [body, printed] of [
      ["default allow = false", "false"],
      ['allow = {"b", "a"}', "[a b]"],
      ['allow = {"b": null, "a": [1, "x"]}', "map[a:[1 x] b:<nil>]"],
      ['allow = "yes"', "yes"],
    ] as const) {
      const text = `expression value, ${printed}, is not true`;
      const verdict = refuses("cosign-cli", [rego(`package signature\n${body}`)], "CONTRACT_REGO_NOT_TRUE", text);
      assert.deepEqual(verdict.messages[0]?.positions, [{ file: "policy.rego", line: 2, column: 1 }]);
    }
  });
  it("says what is undefined, and for whom the policy was written", () => {
    const none = rego("package signature\nallow { input.nothing }");
    refuses("cosign-cli", [none], "CONTRACT_REGO_UNDEFINED", "result is undefined for query 'data.signature.allow'");
    const other = rego("package sigstore\nisCompliant { true }");
    refuses(
      "cosign-cli",
      [other],
      "CONTRACT_REGO_UNDEFINED",
      /package sigstore: policy-controller asks data\.sigstore\.isCompliant/,
    );
  });
  it("says OPA's sentences for what does not load, compile or agree", () => {
    const syntax = rego("package signature\nallow {");
    refuses("cosign-cli", [syntax], "rego_parse_error", /^1 error occurred during loading: policy\.rego:2: rego_parse_error: /);
    const unsafe = rego("package signature\nallow { x == 1 }");
    refuses("cosign-cli", [unsafe], "rego_unsafe_var_error", /^1 error occurred: policy\.rego:2: rego_unsafe_var_error: /);
    const two = rego("package signature\nallow = 1 { true }\nallow = 2 { true }");
    refuses("cosign-cli", [two], "eval_conflict_error", /^policy\.rego:\d: eval_conflict_error: complete rules must not produce/);
  });
  it("reads dialect v0, with version 1 on top", () => {
    refuses("cosign-cli", [rego("package signature\nallow if { true }")], "rego_parse_error", /./);
    passes("cosign-cli", rego("package signature\nimport rego.v1\nallow if { true }"));
  });
  it("loads CUE files as one, and asks Rego only where CUE passed", () => {
    passes("cosign-cli", cue("_v: string", "a.cue"), cue("predicate: scanner: version: _v", "b.cue"));
    const mixed = [cue("package a", "a.cue"), cue("package b", "b.cue")];
    refuses("cosign-cli", mixed, "CUE_PACKAGE_MISMATCH", /found packages a \(a\.cue\) and b \(b\.cue\)/);
    const both = [cue('predicate: scanner: version: "9"'), rego("package signature\nallow = false")];
    assert.deepEqual(
      ask("cosign-cli", ...both).messages.map(({ code }) => code),
      ["CONTRACT_CUE_UNSATISFIED"],
    );
  });
  it("reaches no network", () => {
    const source = rego('package signature\nallow { http.send({"method": "get", "url": "http://localhost"}) }');
    assert.equal(ask("cosign-cli", source).pass, false);
  });
});

describe("policy-controller", () => {
  const set = (...results: string[]): PolicySource =>
    rego(`package sigstore\nisCompliant[r] { r := [${results.join(", ")}][_] }`);
  const noted = "policy is not compliant for query 'isCompliant = data.sigstore.isCompliant'";
  it("takes true, or a set with a result that is true", () => {
    passes("policy-controller", rego("package sigstore\nisCompliant { input.predicate }"));
    passes("policy-controller", set('{"result": false, "error": "a"}', '{"result": true}'));
  });
  it("says the last error of the set otherwise", () => {
    refuses("policy-controller", [rego("package sigstore\ndefault isCompliant = false")], "CONTRACT_REGO_UNDEFINED", noted);
    const two = set('{"result": false, "error": "a"}', '{"result": false, "error": "b"}');
    refuses("policy-controller", [two], "CONTRACT_REGO_NOT_COMPLIANT", `${noted} with errors: b`);
    refuses("policy-controller", [set()], "CONTRACT_REGO_NOT_COMPLIANT", /^policy is not compliant for query/);
  });
  it("admits a true result with its warning (a divergence)", () => {
    const verdict = ask("policy-controller", set('{"result": true, "warning": "old scanner"}'));
    assert.deepEqual([verdict.pass, verdict.warnings[0]?.text], [true, "warning: old scanner"]);
  });
  it("refuses a result of another form", () => {
    for (const one of ['"yes"', '{"result": "true"}', '{"result": true, "warning": 1}'])
      refuses("policy-controller", [set(one)], "CONTRACT_REGO_RESULT_MALFORMED", /due to parsing errors/);
  });
  it("asks each policy alone, and all of them", () => {
    const [a, b] = [cue("_v: string", "a.cue"), cue("predicate: scanner: version: _v", "b.cue")];
    refuses("policy-controller", [a, b], "CUE_UNRESOLVED_REFERENCE", /^failed to compile the cue policy with error: /);
  });
});

describe("strict", () => {
  it("takes allow, an empty set of violations, or both", () => {
    passes("strict", rego("package sigillum\nallow { input.predicate }"));
    passes("strict", rego("package sigillum\nviolation[m] { not input.predicate; m := 1 }"));
    passes(
      "strict",
      rego(
        "package sigillum\nimport rego.v1\nallow if input.predicate\nviolation contains m if { not input.predicate\n m := 1 }",
      ),
    );
  });
  it("says each violation", () => {
    const source = rego('package sigillum\nviolation["b"] { true }\nviolation[{"msg": "a"}] { true }\nviolation[3] { true }');
    const verdict = refuses("strict", [source], "CONTRACT_REGO_VIOLATION", "3");
    assert.deepEqual(
      verdict.messages.map(({ text }) => text),
      ["3", "b", "a"],
    );
    assert.deepEqual(verdict.messages[0]?.positions, [{ file: "policy.rego", line: 2, column: 1 }]);
  });
  it("refuses what is false, and what is no set", () => {
    refuses(
      "strict",
      [rego("package sigillum\ndefault allow = false")],
      "CONTRACT_REGO_NOT_TRUE",
      "data.sigillum.allow is false, expected true",
    );
    refuses(
      "strict",
      [rego("package sigillum\nviolation = true")],
      "CONTRACT_REGO_RESULT_MALFORMED",
      /expected a set of violations/,
    );
  });
  it("shows every attestation of the image, and lets both languages speak", () => {
    const source = rego("package sigillum\nallow { count(data.attestations) == 2 }");
    const options = { attestations: [statement, statement] };
    assert.equal(evaluate("strict", [source], statement, options).pass, true);
    refuses("strict", [source], "CONTRACT_REGO_UNDEFINED", /neither/);
    const both = [cue('predicate: scanner: version: "9"'), rego("package sigillum\nallow = false")];
    assert.deepEqual(
      ask("strict", ...both).messages.map(({ code }) => code),
      ["CONTRACT_CUE_UNSATISFIED", "CONTRACT_REGO_NOT_TRUE"],
    );
  });
});

describe("judge", () => {
  const [good, bad] = [parseJson('{"a": 1}'), parseJson('{"a": 2}')];
  const outcome = (contract: Contract, documents: readonly Value[]): [boolean, number] => {
    const { pass, messages } = judge(compilePolicies(contract, [cue("a: 1")]), documents);
    return [pass, messages.length];
  };
  it("demands every document, or one in policy-controller, and never passes none", () => {
    for (const contract of contracts) {
      const any = contract === "policy-controller";
      assert.deepEqual(outcome(contract, [good, good]), [true, 0]);
      assert.deepEqual(outcome(contract, [good, bad]), any ? [true, 0] : [false, 1]);
      assert.deepEqual(outcome(contract, [bad, bad]), [false, any ? 1 : 2]);
      assert.deepEqual(outcome(contract, []), [false, 1]);
      assert.equal(judge(compilePolicies(contract, [cue("a: 1")]), []).messages[0]?.code, "CONTRACT_NO_DOCUMENT");
    }
  });
});

describe("languageOf", () => {
  it("goes by the extension, and refuses others in cosign's words", () => {
    assert.deepEqual([languageOf("a.cue"), languageOf("b.rego")], ["cue", "rego"]);
    assert.throws(
      () => languageOf("policy.json"),
      (error) =>
        isPolicyError(error) && error.code === "CONTRACT_LANGUAGE_UNKNOWN" && /expected \.cue or \.rego/.test(error.message),
    );
  });
  it("leaves the document alone", () => {
    const before = encodeJson(statement);
    ask("strict", cue("predicate: x: 1"));
    assert.equal(encodeJson(statement), before);
  });
});
