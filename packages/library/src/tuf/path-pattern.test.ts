import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { matchesPattern } from "./index.ts";

describe("matchesPattern", () => {
  for (const [pattern, path, expected] of [
    ["*", "file", true],
    ["*", "dir/file", false],
    ["*", ".hidden", true],
    ["*.tgz", ".tgz", true],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-b-b", false],
    ["foo-?.tgz", "foo-1.tgz", true],
    ["foo-?.tgz", "foo-/.tgz", false],
    ["foo-?.tgz", "foo-\u{1f600}.tgz", true],
    ["?", "", false],
    ["*", "", true],
    ["", "", true],
    ["dir/*", "dir/", true],
    ["/a", "a", false],
    ["A", "a", false],
    // Signs that mean something elsewhere are literal (fault 6 of tuf-root.md §5).
    ["[ab]", "a", false],
    ["[ab]", "[ab]", true],
    ["[!a]", "b", false],
    ["{a,b}", "a", false],
    ["+(a)", "aa", false],
    ["!a", "b", false],
    ["#a", "#a", true],
    ["a\\*", "a\\b", true],
    ["**", "a/b", false],
    ["a.c", "abc", false],
  ] as const) {
    test(`${JSON.stringify(pattern)} ${expected ? "covers" : "does not cover"} ${JSON.stringify(path)}`, () => {
      assert.equal(matchesPattern(pattern, path), expected);
    });
  }

  test("equals a naive reference", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/", ".", "*", "?"), maxLength: 8 });
    fc.assert(fc.property(text, text, (pattern, path) => matchesPattern(pattern, path) === naive(pattern, path)));
  });

  test("takes no exponential time", () => {
    assert.equal(matchesPattern("*a".repeat(2000), `${"a".repeat(4000)}b`), false);
  });
});

function naive(pattern: string, path: string): boolean {
  const source = pattern.replace(/[.*?]/g, (sign) => (sign === "." ? "\\." : sign === "*" ? "[^/]*" : "[^/]"));
  return new RegExp(`^${source}$`).test(path);
}
