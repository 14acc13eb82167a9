// A thousand rules over a document of 10 MB within the default budget: the rules that can fire are found by their heads.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compile } from "../rego/index.ts";
import { parseJson } from "../values/index.ts";
import { regoBuiltins } from "./index.ts";

describe("a thousand rules over 10 MB", () => {
  const packages = Array.from({ length: 50_000 }, (_, i) => ({
    name: `p${i}`,
    text: "what it is about, at some length. ".repeat(5),
  }));
  const text = JSON.stringify({ packages });
  assert.ok(text.length > 9_500_000);
  const input = parseJson(text);

  it("takes steps by the document, not by the document times the rules", () => {
    const rules = Array.from({ length: 1000 }, (_, i) => `denied("p${i}") = "because ${i}" { true }`).join("\n");
    const source = `package p\nviolation[msg] { some i; msg := denied(input.packages[i].name) }\n${rules}\n`;
    const policy = compile([{ file: "p.rego", source }], { dialect: "v0", builtins: regoBuiltins });
    const [result] = policy.query("count(data.p.violation)", { input, budget: { steps: 5_000_000, bytes: 256 << 20 } });
    assert.equal(result?.expressions[0], 1000);
  });
});
