// What a policy author relies on: 21 policies over a vulnerability statement, with the verdicts that CUE gives (policy-and-admission
// §1.8), each with its path and CUE's own sentence.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isPolicyError, parseJson } from "../values/index.ts";
import { type CueProblem, compileCue, validateCue } from "./index.ts";

const statement = parseJson(`{
  "_type": "https://in-toto.io/Statement/v0.1",
  "predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
  "subject": [{"name": "registry.example/app", "digest": {"sha256": "abc"}}],
  "predicate": {
    "invocation": {"uri": "https://ci.example/1"},
    "scanner": {
      "uri": "pkg:github/aquasecurity/trivy", "version": "0.20",
      "result": {"Results": [{"Target": "app", "Vulnerabilities": [{"Severity": "HIGH"}, {"Severity": "LOW"}]}]}
    },
    "metadata": {"scanStartedOn": "2021-10-20T10:00:00Z", "scanFinishedOn": "2021-10-20T10:05:00Z"}
  }
}`);

function validate(source: string, final = true): CueProblem[] {
  return validateCue(compileCue([{ file: "policy.cue", source }]), statement, { final });
}

function passes(source: string): void {
  assert.deepEqual(validate(source), []);
}

function fails(source: string, path: string, message: string): void {
  const problems = validate(source);
  assert.deepEqual(
    problems.map((problem) => `${problem.path}: ${problem.message}`),
    [`${path}: ${message}`],
  );
  assert.equal(problems[0]?.positions[0]?.file, "policy.cue");
}

function refuses(source: string, code: string): void {
  assert.throws(
    () => compileCue([{ file: "policy.cue", source }]),
    (error) => isPolicyError(error) && error.code === code,
  );
}

describe("validateCue over a statement", () => {
  it("passes nested shorthand", () => passes('predicate: scanner: uri: =~"trivy"'));
  it("passes with a package clause", () => passes('package policy\npredicate: scanner: uri: =~"trivy"'));
  it("names both values of a clash", () => {
    fails('predicate: scanner: version: "9"', "predicate.scanner.version", 'conflicting values "0.20" and "9"');
    assert.deepEqual(validate('predicate: scanner: version: "9"')[0]?.values, ['"0.20"', '"9"']);
  });
  it("decides a disjunction of strings and patterns by value", () => {
    passes('predicate: scanner: version: "0.19" | "0.20"');
    passes('predicate: scanner: uri: =~"trivy" & !~"grype"');
    assert.equal(validate('predicate: scanner: uri: =~"grype" | =~"clair"')[0]?.path, "predicate.scanner.uri");
    fails(
      'predicate: scanner: uri: =~"trivy" & !~"aqua"',
      "predicate.scanner.uri",
      'invalid value "pkg:github/aquasecurity/trivy" (out of bound !~"aqua")',
    );
  });
  it("compares times as strings", () => {
    const policy = (time: string): string =>
      `import "time"\nbefore: time.Parse(time.RFC3339, "${time}")\npredicate: metadata: scanStartedOn: <before`;
    passes(policy("2022-01-01T00:00:00Z"));
    fails(
      policy("2021-01-01T00:00:00Z"),
      "predicate.metadata.scanStartedOn",
      'invalid value "2021-10-20T10:00:00Z" (out of bound <"2021-01-01T00:00:00Z")',
    );
  });
  it("checks list.MaxItems and says how many there were", () => {
    const [problem] = validate('import "list"\npredicate: scanner: result: Results: list.MaxItems(0)');
    assert.equal(problem?.path, "predicate.scanner.result.Results");
    assert.match(
      problem?.message ?? "",
      /^invalid value \[.*\] \(does not satisfy list\.MaxItems\(0\)\): len\(list\) > MaxItems\(0\) \(1 > 0\)$/,
    );
  });
  it("checks struct.MinFields and time.Time", () => {
    passes('import "struct"\npredicate: struct.MinFields(1)');
    passes('import "time"\npredicate: metadata: scanStartedOn: time.Time');
    fails(
      'import "time"\npredicate: scanner: version: time.Time',
      "predicate.scanner.version",
      'invalid value "0.20" (does not satisfy time.Time): invalid time "0.20"',
    );
  });
  it("goes into open lists of structs", () => {
    const path = "predicate.scanner.result.Results.0.Vulnerabilities.0.Severity";
    fails(
      'predicate: scanner: result: Results: [...{Vulnerabilities: [...{Severity: !="HIGH"}]}]',
      path,
      'invalid value "HIGH" (out of bound !="HIGH")',
    );
  });
  it("raises an error by a field of two values in a comprehension", () => {
    fails(
      'predicate: _\nif len(predicate.scanner.result.Results) < 2 { f: 2, f: "Error" }',
      "f",
      'conflicting values 2 and "Error" (mismatched types int and string)',
    );
    passes('predicate: _\nif len(predicate.scanner.result.Results) > 2 { f: 2, f: "Error" }');
  });
  it("refuses a reference to a field that the policy does not declare", () => {
    refuses('if predicate.scanner.version == "9" {a: 1}', "CUE_UNRESOLVED_REFERENCE");
    passes('predicate: _\nif predicate.scanner.version == "9" {a: 1, a: 2}');
  });
  it("refuses imports that are unknown or not used", () => {
    refuses('import "no/such"\na: such.X', "CUE_IMPORT");
    refuses('import "list"\npredicate: _', "CUE_IMPORT");
  });
  it("passes a field of the policy that is not concrete", () => passes("n: int"));
  it("fills in what the document lacks", () => {
    passes('predicate: approved: "yes"');
    passes("predicate: approved: string");
  });
  it("asks for a required field only when it is told to", () => {
    fails("predicate: approved!: bool", "predicate.approved", "field is required but not present");
    assert.deepEqual(validate("predicate: approved!: bool", false), []);
    passes("predicate: scanner: version!: string");
  });
  it("takes what only more data could mend for an error of a final value, and for none otherwise", () => {
    const short = 'import "list"\nsubject: list.MinItems(9)';
    assert.match(validate(short)[0]?.message ?? "", /\(does not satisfy list.MinItems\(9\)\): len\(list\) < MinItems\(9\)/);
    assert.deepEqual(validate(short, false), []);
    const few = 'import "struct"\npredicate: scanner: struct.MinFields(9)';
    assert.match(validate(few)[0]?.message ?? "", /does not satisfy struct.MinFields\(9\)/);
    const bound = "predicate: {n: 3, m: >=n * 0}";
    fails(bound, "predicate.m", "non-concrete value number");
    assert.deepEqual(validate(bound, false), []);
  });
  it("refuses fields that a closed definition at the top does not name", () => {
    const problems = validate("#S: {_type: string, predicate: _}\n#S");
    assert.deepEqual(
      problems.map(({ path, message }) => `${path}: ${message}`).sort(),
      ["predicateType: field not allowed", "subject: field not allowed"].concat('"_type": field not allowed').sort(),
    );
  });
});
