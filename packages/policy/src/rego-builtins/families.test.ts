// Families of functions that OPA's own cases cover less than they should: UUIDs, AWS, what reaches outside, templates, schemas.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compile } from "../rego/index.ts";
import { formatValue } from "../values/index.ts";
import { regoBuiltins } from "./index.ts";

function ask(term: string, env?: ReadonlyMap<string, string>): string {
  const policy = compile([], { dialect: "v0", builtins: regoBuiltins });
  const options = { nowNs: 1_700_000_000_000_000_000n, strictBuiltinErrors: true, ...(env === undefined ? {} : { env }) };
  const value = policy.query(`x = ${term}`, options)[0]?.bindings.get("x");
  return value === undefined ? "undefined" : formatValue(value);
}

const fails = (term: string, message: RegExp, code = "eval_builtin_error") => assert.throws(() => ask(term), { code, message });

describe("functions that reach outside", () => {
  it("are refused by name", () => {
    fails('http.send({"method": "get", "url": "http://127.0.0.1/"})', /http.send: this function is refused: .* no network/);
    fails('net.lookup_ip_addr("localhost")', /net.lookup_ip_addr: this function is refused/);
    fails('rand.intn("seed", 10)', /rand.intn: this function is refused: .* no randomness/);
  });

  it("tell what is wrong with a request before", () => {
    fails('http.send({"method": "get"})', /missing required request parameters\(s\): \{"url"\}/, "eval_type_error");
    fails('http.send({"method": "get", "url": "x", "bad": 1})', /invalid request parameters\(s\): \{"bad"\}/, "eval_type_error");
  });

  it("opa.runtime knows what the caller gave, and nothing else", () => {
    assert.equal(ask("opa.runtime()"), "{}");
    assert.equal(ask("opa.runtime()", new Map([["A", "b"]])), '{"env": {"A": "b"}}');
  });
});

describe("uuid", () => {
  it("makes the same UUID for a key and a moment, and another for another key", () => {
    const made = ask('uuid.rfc4122("a")');
    assert.match(made, /^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$/);
    assert.equal(ask('uuid.rfc4122("a")'), made);
    assert.notEqual(ask('uuid.rfc4122("b")'), made);
  });

  it("reads the forms that OPA reads, and nothing else", () => {
    const version4 = '{"variant": "RFC4122", "version": 4}';
    for (const text of [
      "00000000-0000-4000-8000-000000000000",
      "{00000000-0000-4000-8000-000000000000}",
      "00000000000040008000000000000000",
    ])
      assert.equal(ask(`uuid.parse("${text}")`), version4);
    for (const text of ["", "00000000-0000-4000-8000-00000000000g", "urn:oid:00000000-0000-4000-8000-000000000000"])
      assert.equal(ask(`uuid.parse("${text}")`), "undefined");
    assert.match(ask('uuid.parse("b01d0062-a116-11ee-822b-7ab0b9e5e0c0")'), /"time": 1703282931110717000/);
  });
});

describe("providers.aws.sign_req", () => {
  it("signs as AWS documents it (Signature Version 4, example of IAM ListUsers)", () => {
    const request =
      '{"method": "GET", "url": "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "headers": {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}}';
    const config =
      '{"aws_service": "iam", "aws_region": "us-east-1", "aws_access_key": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}';
    const time = "1440938160000000000";
    const signed = ask(`providers.aws.sign_req(${request}, ${config}, ${time})`);
    assert.match(signed, /Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"/);
    fails(`providers.aws.sign_req(${request}, {}, 0)`, /missing required AWS config parameters/, "eval_type_error");
  });
});

describe("strings.render_template", () => {
  const render = (template: string, data: string): string => ask(`strings.render_template(${JSON.stringify(template)}, ${data})`);

  it("writes fields, pipelines, branches and loops", () => {
    assert.equal(render("{{.a.b}}-{{.none}}", '{"a": {"b": 1.50}}'), '"1.50-<undefined>"');
    assert.equal(render("{{range $i, $x := .l}}{{if $i}}, {{end}}{{$x}}{{else}}none{{end}}", '{"l": ["a", "b"]}'), '"a, b"');
    assert.equal(render("{{range .l}}x{{else}}none{{end}}", '{"l": []}'), '"none"');
    assert.equal(render('{{with .a}}{{.}}{{else}}no{{end}}{{printf "%q" .b | len}}', '{"a": "yes", "b": "x"}'), '"yes3"');
    assert.equal(render('{{if and (eq .a "x") (not .b)}}1{{else if .b}}2{{else}}3{{end}}', '{"a": "x", "b": true}'), '"2"');
    assert.equal(render('a {{- /* not here */ -}} b{{define "t"}}<{{.}}>{{end}}{{template "t" .x}}', '{"x": "y"}'), '"ab<y>"');
    assert.equal(render("{{range .l}}{{if eq . `b`}}{{break}}{{end}}{{.}}{{end}}", '{"l": ["a", "b", "c"]}'), '"a"');
  });

  it("says what it cannot do", () => {
    const wrong = (template: string, message: RegExp) =>
      fails(`strings.render_template(${JSON.stringify(template)}, {"s": "x"})`, message);
    wrong("{{if}}", /missing value for command/);
    wrong("{{.a", /unclosed action/);
    wrong("{{nothing}}", /function "nothing" not defined/);
    wrong("{{.s.t}}", /can't evaluate field t in type string/);
    wrong('{{template "x"}}', /template "x" not defined/);
    wrong("{{range .s}}{{end}}", /can't iterate/);
    wrong("{{$x}}", /undefined variable/);
  });

  it("is stopped by the budget when a template calls itself", () => {
    assert.throws(() => ask('strings.render_template(`{{define "t"}}{{template "t"}}{{end}}{{template "t"}}`, {})'), {
      code: /POLICY_(DEPTH|STEPS)_EXCEEDED/,
    });
  });
});

describe("json.match_schema", () => {
  const match = (document: string, schema: string): string => ask(`json.match_schema(${document}, ${schema})`);
  const types = (document: string, schema: string): string =>
    ask(`[f.type | f := json.match_schema(${document}, ${schema})[1][_]]`);

  it("finds everything that the schema does not allow", () => {
    const cases: readonly (readonly [document: string, schema: string, found: string])[] = [
      ['{"a": 1}', '{"required": ["b"], "additionalProperties": false}', '["required", "additional_property_not_allowed"]'],
      ['"[1, 1]"', '{"uniqueItems": true, "minItems": 3}', '["array_min_items", "unique"]'],
      [
        '{"a": "x"}',
        '{"properties": {"a": {"enum": ["y"], "pattern": "^z", "minLength": 2}}}',
        '["enum", "string_gte", "pattern"]',
      ],
      ['{"a": 5}', '{"properties": {"a": {"exclusiveMaximum": 5, "multipleOf": 2}}}', '["multiple_of", "number_lt"]'],
      ['{"a": 1}', '{"patternProperties": {"^a": {"type": "string"}}}', '["invalid_type"]'],
      ['"[1]"', '{"items": [{"type": "integer"}], "contains": {"const": 2}}', '["contains", "const"]'],
      ['{"a": 1}', '{"dependencies": {"a": ["b"]}}', '["missing_dependency"]'],
      ['{"a": 1}', '{"if": {"required": ["a"]}, "then": {"required": ["b"]}}', '["condition_then", "required"]'],
      ['{"t": "2020-01-01"}', '{"properties": {"t": {"format": "date-time"}, "u": {"format": "uri"}}}', "[]"],
      ['{"t": "20"}', '{"properties": {"t": {"format": "date"}}}', '["format"]'],
      ['{"t": 1}', '{"not": {"type": "object"}}', '["number_not"]'],
      ['{"t": 1}', '{"oneOf": [{}, {}]}', '["number_one_of"]'],
    ];
    for (const [document, schema, found] of cases) assert.equal(types(document, schema), found, schema);
  });

  it("follows references inside of the schema, also to itself, and none outside", () => {
    const tree =
      '{"properties": {"c": {"items": {"$ref": "#"}}, "v": {"$ref": "#/definitions/n"}}, "definitions": {"n": {"type": "integer"}}}';
    assert.equal(match('{"v": 1, "c": [{"v": 2}]}', tree), "[true, []]");
    assert.match(match('{"v": 1, "c": [{"v": "x"}]}', tree), /"field": "c.0.v"/);
    fails('json.match_schema({}, {"$ref": "https://example.com/s.json"})', /leads out of the schema/);
    fails('json.match_schema({}, {"$ref": "#/definitions/none"})', /Object has no key/);
  });

  it("ends with a limit when a schema leads to itself alone", () => {
    assert.throws(
      () => ask('json.match_schema({}, {"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/a"}}})'),
      {
        code: "POLICY_DEPTH_EXCEEDED",
      },
    );
  });

  it("says what is wrong with a schema", () => {
    for (const [schema, message] of [
      ['{"type": "thing"}', /NOT VALID/],
      ['{"minLength": -1}', /greater than or equal to 0/],
      ['{"pattern": "("}', /valid regex/],
      ['{"required": "a"}', /array/],
      ['{"items": 1}', /Invalid type/],
      ['{"minItems": 2, "maxItems": 1}', /cannot be greater/],
    ] as const)
      fails(`json.match_schema({}, ${schema})`, message);
    assert.equal(ask('json.verify_schema({"type": "object"})'), "[true, null]");
    assert.match(ask('json.verify_schema("{")'), /^\[false, "jsonschema: invalid JSON string"\]$/);
  });
});
