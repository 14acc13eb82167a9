import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fillTemplate, parseTemplate, templateLimits } from "./template.ts";

const claims: Readonly<Record<string, string>> = {
  url: "https://x",
  ref: "main",
  ref_type: "branch",
  "a/b.c": "dotted",
  empty: "",
};
const lookup = (name: string): string => {
  const value = claims[name];
  if (value === undefined) throw new RangeError(name);
  return value;
};
const fill = (source: string): string => fillTemplate(parseTemplate(source), lookup);

describe("template", () => {
  it("is a claim's name where it has no braces, and nothing where it is empty", () => {
    assert.equal(fill("ref"), "main");
    assert.equal(fill("a/b.c"), "dotted");
    assert.equal(fill(""), "");
    assert.throws(() => fill("missing"), RangeError);
  });

  it("fills in fields, indexes, conditions and literals", () => {
    for (const [source, expected] of [
      ["{{ .url }}/{{.ref}}", "https://x/main"],
      ['{{(index . "a/b.c")}}', "dotted"],
      ['{{index . "a/b.c"}}!', "dotted!"],
      ['refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}', "refs/heads/main"],
      ['{{if eq .ref_type "tag"}}a{{else}}b{{end}}', "b"],
      ['{{if eq (index . "a/b.c") "dotted"}}yes{{end}}', "yes"],
      ["{{if .empty}}full{{else}}empty{{end}}", "empty"],
      ['{{if eq .ref "x"}}a{{end}}', ""],
      ["{{if .ref}}{{if .empty}}1{{else}}2{{end}}3{{end}}", "23"],
      ['{{ eq .ref "main" }}', "true"],
      ['{{ "}}"  }}', undefined],
      ["a {{ .empty }} b", "a  b"],
      ["{{ (((.ref))) }}", "main"],
      ['{{if eq .ref "x"}}{{.missing}}{{else}}""{{end}}', '""'],
    ] as const) {
      if (expected === undefined) assert.throws(() => parseTemplate(source), { code: "ISSUERS_TEMPLATE" }, source);
      else assert.equal(fill(source), expected, source);
    }
    assert.throws(() => fill("{{ .missing }}"), RangeError);
  });

  it("refuses every other construct when it is read", () => {
    for (const source of [
      "{{",
      "{{ }}",
      "{{ . }}",
      "{{ .a.b }}",
      "{{ .a | printf }}",
      "{{ range .a }}{{ end }}",
      "{{ .a }",
      "{{- .a -}}",
      "{{/* comment */}}",
      "{{ $x := .a }}",
      '{{ printf "%s" .a }}',
      '{{ index . "a" "b" }}',
      '{{ index .a "b" }}',
      "{{ if .a }}x",
      "x{{ end }}",
      "{{ else }}",
      "{{ if .a }}{{ else if .b }}{{ end }}",
      "{{ if .a }}{{ else }}{{ else }}{{ end }}",
      "{{ eq .a }}",
      "{{ eq .a .b .c }}",
      "{{ (.a }}",
      '{{ "a\\n" }}',
      "{{ .é }}",
      "{{ ne .a .b }}",
      `{{ ${"(".repeat(20)}.a${")".repeat(20)} }}`,
      `${"{{if .a}}".repeat(20)}${"{{end}}".repeat(20)}`,
      `{{ ${"(".repeat(templateLimits.tokens)} }}`,
      "x".repeat(templateLimits.length + 1),
    ])
      assert.throws(() => parseTemplate(source), { code: "ISSUERS_TEMPLATE" }, source);
  });

  it("raises nothing but its own error, whatever the text", () => {
    const pieces = ["{{", "}}", "if", "else", "end", "eq", "index", " ", ".", ".a", '"', '"b"', "(", ")", "x", "-"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 14 }), (parts) => {
        try {
          parseTemplate(parts.join(""));
        } catch (error) {
          assert.equal((error as { code?: string }).code, "ISSUERS_TEMPLATE");
        }
      }),
      { numRuns: 2000 },
    );
  });
});
