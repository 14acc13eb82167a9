import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { madeFiles, readValues, schemaOf } from "./chart.mjs";

const root = join(import.meta.dirname, "..");

describe("readValues", () => {
  it("gives every value with the comment above it, or above what it stands in", () => {
    const text = "# -- One.\na: 1\nb:\n  # -- Two.\n  c: x\n# -- Three,\n# over two lines.\nd:\n  e: 1\n  f: {}\ng: true\n";
    assert.deepEqual(readValues(text), [
      { path: "a", value: 1, comment: "One." },
      { path: "b.c", value: "x", comment: "Two." },
      { path: "d", value: { e: 1, f: {} }, comment: "Three, over two lines." },
      { path: "g", value: true, comment: undefined },
    ]);
  });
});

describe("schemaOf", () => {
  it("takes what has the form of the defaults", () => {
    assert.deepEqual(schemaOf({ a: 1, b: { c: "x", d: [] }, e: {} }), {
      type: "object",
      additionalProperties: true,
      properties: {
        a: { type: "integer", minimum: 0 },
        b: { type: "object", additionalProperties: false, properties: { c: { type: "string" }, d: { type: "array" } } },
        e: { type: "object" },
      },
    });
  });
});

describe("charts/sigillum", () => {
  it("has a README and a schema that its values say", () => {
    const { rows, files } = madeFiles(root);
    for (const { path, comment } of rows) assert.ok(comment?.endsWith("."), `${path}: ${comment}`);
    for (const [name, text] of Object.entries(files))
      assert.equal(readFileSync(join(root, "charts/sigillum", name), "utf8"), text, name);
  });
});
