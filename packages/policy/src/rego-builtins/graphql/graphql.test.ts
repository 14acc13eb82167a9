import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compile } from "../../rego/index.ts";
import { encodeJson, formatValue } from "../../values/index.ts";
import { regoBuiltins } from "../index.ts";

function ask(term: string): string {
  const policy = compile([], { dialect: "v0", builtins: regoBuiltins });
  const value = policy.query(`x = ${term}`, { strictBuiltinErrors: true })[0]?.bindings.get("x");
  return value === undefined ? "undefined" : formatValue(value);
}

const fails = (term: string, message: RegExp) => assert.throws(() => ask(term), { code: "eval_builtin_error", message });

const schema = `
  interface Named { name: String! }
  type Dog implements Named { name: String! barks(at: Target = MOON): Boolean, friends(first: Int!): [Dog!] }
  type Cat implements Named { name: String! meows: Int }
  union Pet = Dog | Cat
  enum Target { MOON POSTMAN }
  input Filter { name: String, size: Int! = 1, inner: [Filter!] }
  scalar Date
  type Query { dog: Dog, pet: Pet, named: Named, find(by: Filter!, since: Date): [Pet] }
  type Subscription { a: Int, b: Int }
`;

describe("graphql.parse", () => {
  it("takes what the schema allows", () => {
    for (const query of [
      "{ dog { name, alias: barks(at: POSTMAN) } }",
      "query Q($n: Int!) { dog { friends(first: $n) { ...D } } } fragment D on Dog { name @include(if: true) }",
      'query ($f: Filter = {size: 2}) { find(by: $f, since: "now") { ... on Dog { name } ... on Cat { meows } } }',
      '{ pet { __typename ... on Named { name } } __schema { types { name } } __type(name: "Dog") { kind } }',
      "{ named { ... on Dog { x: barks } ... on Cat { y: meows } } }",
      "query ($x: Int = 3) { dog { friends(first: $x) { name } } }",
      "subscription { a }",
    ])
      assert.equal(ask(`graphql.is_valid(${encodeJson(query)}, ${encodeJson(schema)})`), "true", query);
  });

  it("says which rule a query breaks, each alone", () => {
    const cases: readonly (readonly [query: string, message: RegExp])[] = [
      ["{ cow { name } }", /Cannot query field "cow" on type "Query"/],
      ["{ dog { name { x } } }", /must not have a selection since type "String" has no subfields/],
      ["{ dog }", /must have a selection of subfields/],
      ["{ dog { barks(to: MOON) } }", /Unknown argument "to" on field "Dog.barks"/],
      ["{ dog { friends { name } } }", /argument "first" of type "Int!" is required/],
      ["{ dog { barks(at: SUN) } }", /Value "SUN" does not exist in "Target" enum/],
      ['{ dog { barks(at: "MOON") } }', /Enum "Target" cannot represent non-enum value/],
      ["{ dog { friends(first: 1.5) { name } } }", /Int cannot represent non-integer value: 1.5|Int cannot represent/],
      ["{ dog { friends(first: 3000000000) { name } } }", /non 32-bit signed integer value/],
      ["{ dog { friends(first: null) { name } } }", /found null/],
      ["{ find(by: {colour: 1}) { __typename } }", /Field "colour" is not defined by type "Filter"/],
      ["{ find(by: {size: 1, size: 2}) { __typename } }", /only one input field named "size"/],
      ["{ find(by: 1) { __typename } }", /Expected value of type "Filter!", found 1/],
      ["{ dog { name @nothing } }", /Unknown directive "@nothing"/],
      ["query @include(if: true) { dog { name } }", /may not be used on QUERY/],
      ["{ dog { name @skip(if: true) @skip(if: true) } }", /can only be used once/],
      ["{ dog { name @skip } }", /Directive "@skip" argument "if" of type "Boolean!" is required/],
      ["{ dog { ...F } }", /Unknown fragment "F"/],
      ["{ dog { name } } fragment F on Dog { name }", /Fragment "F" is never used/],
      ["{ dog { ...F } } fragment F on Cow { name }", /Unknown type "Cow"/],
      ["{ dog { ...F } } fragment F on Target { name }", /non composite type "Target"/],
      ["{ dog { ...F } } fragment F on Cat { name }", /can never be of type "Cat"/],
      ["{ dog { ... on Cat { name } } }", /can never be of type "Cat"/],
      ["{ dog { ...F } } fragment F on Dog { friends(first: 1) { ...F } }", /Cannot spread fragment "F" within itself/],
      ["{ dog { ...F } } fragment F on Dog { name } fragment F on Dog { name }", /only one fragment named "F"/],
      ["{ dog { name } } { dog { name } }", /anonymous operation must be the only/],
      ["{ dog { name } } query A { dog { name } }", /anonymous operation must be the only/],
      ["query A { dog { name } } query A { dog { name } }", /only one operation named "A"/],
      ["query ($a: Int) { dog { name } }", /Variable "\$a" is never used/],
      ["{ dog { friends(first: $a) { name } } }", /Variable "\$a" is not defined/],
      ["query ($a: Int, $a: Int) { dog { friends(first: $a) { name } } }", /only one variable named "\$a"/],
      ["query ($a: Dog) { dog { friends(first: $a) { name } } }", /cannot be non-input type "Dog"/],
      ["query ($a: Cow) { dog { friends(first: $a) { name } } }", /Unknown type "Cow"/],
      ["query ($a: Int) { dog { friends(first: $a) { name } } }", /used in position expecting type "Int!"/],
      ["{ dog { x: name x: barks } }", /"name" and "barks" are different fields/],
      ["{ dog { barks(at: MOON) barks(at: POSTMAN) } }", /differing arguments/],
      ["{ pet { ... on Dog { x: name } ... on Cat { x: meows } } }", /conflicting types "String!" and "Int"/],
      ["mutation { a }", /does not support operation type "mutation"/],
      ["subscription { a b }", /must select only one top level field/],
      ["subscription { __typename }", /introspection top level field/],
    ];
    for (const [query, message] of cases) {
      fails(`graphql.parse(${encodeJson(query)}, ${encodeJson(schema)})`, message);
      assert.equal(ask(`graphql.is_valid(${encodeJson(query)}, ${encodeJson(schema)})`), "false", query);
    }
  });

  it("says what is no GraphQL", () => {
    for (const [query, message] of [
      ["{", /Expected Name, found <EOF>/],
      ["{ a(b: ) }", /Unexpected \)/],
      ['{ a(b: "x) }', /Unexpected <Invalid>/],
      ["{ a(b: 01) }", /Unexpected <Invalid>/],
      ["query ($a: Int = $b) { a }", /Unexpected \$/],
      [`{ ${"a { ".repeat(300)}`, /more than 200 levels/],
    ] as const)
      fails(`graphql.parse_query(${encodeJson(query)})`, message);
  });

  it("reads block strings, comments and descriptions", () => {
    const query = '{ a(b: """\n    one\n      two\n    """, c: "\\u00e9") }';
    assert.match(ask(`graphql.parse_query(${encodeJson(query)})`), /"Raw": "one\\n {2}two"/);
    assert.match(
      ask(`graphql.parse_query(${encodeJson("query Q {\n  # why\n  a\n}")})`),
      /"Comment": \{"List": \[\{"Value": "# why"\}\]\}/,
    );
  });
});

describe("graphql.schema_is_valid", () => {
  it("is false for what breaks a rule", () => {
    const valid = (text: string): string => ask(`graphql.schema_is_valid(${encodeJson(text)})`);
    assert.equal(valid(schema), "true");
    for (const text of [
      "type A { a: Int } type A { a: Int }",
      "type A { a: B }",
      "type A { a: Int a: Int }",
      "type A { __a: Int }",
      "type __A { a: Int }",
      "type A",
      "enum E",
      "enum E { A A }",
      "enum E { true }",
      "input I { a: I! }",
      "input I { a: A } type A { a: Int }",
      "type A { a(b: A): Int }",
      "type A { b: I } input I { a: Int }",
      "union U = A",
      "union U = E enum E { A }",
      "union U = A | A type A { a: Int }",
      "interface I { a: Int } type A implements I { b: Int }",
      "interface I { a: Int } type A implements I { a: String }",
      "interface I { a(x: Int): Int } type A implements I { a: Int }",
      "interface I { a: Int } type A implements I { a(x: Int!): Int }",
      "interface I { a: Int } interface J implements I { a: Int } type A implements J { a: Int }",
      "type A implements B { a: Int } type B { a: Int }",
      "type A { a: Int @nothing }",
      "type A { a: Int @deprecated @deprecated }",
      "type A @deprecated { a: Int }",
      'type A { a: Int @deprecated(why: "") }',
      "directive @a(b: Int!) on OBJECT type A @a { a: Int }",
      "directive @a on OBJECT directive @a on OBJECT",
      "directive @a(b: Int @a) on ARGUMENT_DEFINITION",
      "schema { query: Q }",
      "schema { query: A } schema { query: A } type A { a: Int }",
      "extend type A { a: Int } extend interface A { b: Int }",
    ])
      assert.equal(valid(text), "false", text);
  });
});
