// rego.metadata.*: the chain of annotations from a rule outwards, a rule's own, and annotations that are none.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { regoBuiltins } from "../rego-builtins/index.ts";
import { encodeJson } from "../values/index.ts";
import { builtinRegistry, compile } from "./index.ts";

function answer(query: string, ...sources: readonly string[]): unknown {
  const policy = compile(
    sources.map((source, i) => ({ file: `p${i}.rego`, source })),
    { dialect: "v1", builtins: regoBuiltins },
  );
  const value = policy.query(`x := ${query}`)[0]?.bindings.get("x");
  return value === undefined ? undefined : JSON.parse(encodeJson(value));
}

function refused(code: string, message: RegExp, ...sources: readonly string[]): void {
  assert.throws(
    () => answer("data.a", ...sources),
    (error: Error & { code?: string }) => error.code === code && message.test(error.message),
  );
}

describe("rego.metadata", () => {
  it("gives the chain from the rule outwards, subpackages last", () => {
    const root = "# METADATA\n# scope: subpackages\n# title: all\npackage a";
    const inner = `# METADATA
# title: inner
# organizations: [Acme]
# related_resources:
# - https://example.com/x
# - ref: https://example.com/y
#   description: why
# authors:
# - Jane Doe <jane@example.com>
# - name: Joe
# - email: j@example.com
# custom:
#   level: 3
#   nested: {deep: [1, true, null]}
package a.b

# METADATA
# scope: document
# description: all p
# schemas:
# - input.x: schema.y
# - data.z: {type: string}

# METADATA
# title: this p
p contains x if some x in [r | r := rego.metadata.chain()]

p contains 1 if false`;
    assert.deepEqual(answer("data.a.b.p", root, inner), [
      [
        { annotations: { scope: "rule", title: "this p" }, path: ["a", "b", "p"] },
        {
          annotations: {
            description: "all p",
            schemas: [
              { path: ["input", "x"], schema: ["schema", "y"] },
              { definition: { type: "string" }, path: ["data", "z"] },
            ],
            scope: "document",
          },
          path: ["a", "b", "p"],
        },
        {
          annotations: {
            authors: [{ email: "jane@example.com", name: "Jane Doe" }, { name: "Joe" }, { email: "j@example.com" }],
            custom: { level: 3, nested: { deep: [1, true, null] } },
            organizations: ["Acme"],
            related_resources: [{ ref: "https://example.com/x" }, { description: "why", ref: "https://example.com/y" }],
            scope: "package",
            title: "inner",
          },
          path: ["a", "b"],
        },
        { annotations: { scope: "subpackages", title: "all" }, path: ["a"] },
      ],
    ]);
  });

  it("gives a rule its own annotation, and none to another one of that name or to its else", () => {
    const source = `package a
# METADATA
# entrypoint: true
# title: doc
p := rego.metadata.rule() if input.no
# METADATA
# title: own
p := rego.metadata.rule() if not input.yes
q := rego.metadata.rule()
r := 1 if { false } else := count(rego.metadata.chain())
s[x].t if { x := "k"; rego.metadata.rule(y); y == {} }`;
    assert.deepEqual(answer("data.a", source), { p: { scope: "rule", title: "own" }, q: {}, r: 1, s: { k: { t: true } } });
  });

  it("refuses annotations that are none, where a policy asks for them", () => {
    const with_ = (block: string, after = "p := rego.metadata.rule()"): string => `package a\n${block}\n${after}`;
    refused("rego_parse_error", /expected METADATA block, found whitespace/, with_("# METADATA"));
    refused("rego_parse_error", /^yaml: /, with_("# METADATA\n# a: [1"));
    refused("rego_parse_error", /is no object/, with_("# METADATA\n# text"));
    refused("rego_parse_error", /invalid annotation scope 'x'/, with_("# METADATA\n# scope: x"));
    refused(
      "rego_parse_error",
      /annotation scope 'package' must be applied to package \(have rule\)/,
      with_("# METADATA\n# scope: package"),
    );
    refused("rego_parse_error", /must be applied to rule$/, with_("p := rego.metadata.rule()", "# METADATA\n# scope: rule"));
    refused("rego_parse_error", /entrypoint applied to non-document/, with_("# METADATA\n# scope: rule\n# entrypoint: true"));
    refused("rego_parse_error", /invalid author definition/, with_("# METADATA\n# authors: [3]"));
    refused("rego_parse_error", /author is an empty string/, with_('# METADATA\n# authors: [" "]'));
    refused("rego_parse_error", /'name' and\/or 'email' values required/, with_("# METADATA\n# authors: [{}]"));
    refused("rego_parse_error", /ref URL may not be empty/, with_('# METADATA\n# related_resources: [""]'));
    refused("rego_parse_error", /'ref' value required/, with_("# METADATA\n# related_resources: [{}]"));
    refused("rego_parse_error", /invalid schema/, with_("# METADATA\n# schemas: [input.x]"));
    refused("rego_parse_error", /authors is no list/, with_("# METADATA\n# authors: x"));
    refused("rego_parse_error", /custom is no object/, with_("# METADATA\n# custom: x"));
    refused("rego_parse_error", /title is no string/, with_("# METADATA\n# title: {}"));
    refused(
      "rego_type_error",
      /package annotation redeclared: p0\.rego:1/,
      "# METADATA\n# title: one\npackage a\np := rego.metadata.rule()",
      "# METADATA\n# title: two\npackage a",
    );
    assert.deepEqual(answer("data.a", "package a\n# METADATA\n# [: no\np := 1"), { p: 1 });
  });

  it("is refused outside of a rule, and is unknown where it is not offered", () => {
    const policy = compile([], { dialect: "v1", builtins: regoBuiltins });
    assert.throws(() => policy.query("x := rego.metadata.chain()", { strictBuiltinErrors: true }), {
      code: "eval_builtin_error",
    });
    assert.throws(
      () =>
        compile([{ file: "p", source: "package a\np := rego.metadata.rule()" }], {
          dialect: "v1",
          builtins: builtinRegistry([]),
        }),
      { code: "rego_type_error" },
    );
  });
});
