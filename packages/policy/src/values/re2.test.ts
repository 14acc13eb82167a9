import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Budget, compileRegex, maxPatternLength, quoteRegex, RegexCache } from "./index.ts";

describe("compileRegex", () => {
  it("finds, with groups and offsets", () => {
    const regex = compileRegex("(a+)(b)?");
    assert.deepEqual(regex.findAll("xaab a"), [
      { start: 1, end: 4, groups: ["aab", "aa", "b"] },
      { start: 5, end: 6, groups: ["a", "a", undefined] },
    ]);
    assert.equal(regex.groupCount, 2);
    assert.equal(compileRegex("(?P<name>a)").groupNames.get("name"), 1);
    assert.equal(compileRegex("^a$").testExact("a"), true);
    assert.equal(compileRegex(quoteRegex("a.b")).test("axb"), false);
  });

  it("does not count an empty match right after a match", () => {
    assert.deepEqual(
      compileRegex("a*")
        .findAll("baac")
        .map(({ start, end }) => [start, end]),
      [
        [0, 0],
        [1, 3],
        [4, 4],
      ],
    );
  });

  it("refuses what RE2 refuses", () => {
    for (const bad of ["(", "a{1001}", "(?=a)", "\\1", "[b-a]"])
      assert.throws(() => compileRegex(bad), { code: "POLICY_REGEX_MALFORMED" });
    assert.throws(() => compileRegex("a".repeat(maxPatternLength + 1)), { code: "POLICY_REGEX_MALFORMED" });
  });

  it("takes linear time where others backtrack", () => {
    assert.equal(compileRegex("^(a+)+$").test(`${"a".repeat(20_000)}b`), false);
  });

  it("spends steps before it works", () => {
    const budget = new Budget({ steps: 100 });
    assert.throws(() => compileRegex("a(.*b)?").findAll("a".repeat(100_000), undefined, (steps) => budget.step(steps)), {
      code: "POLICY_STEPS_EXCEEDED",
    });
  });

  it("is kept by a cache that has an end", () => {
    const free = (): void => undefined;
    const cache = new RegexCache(2);
    const first = cache.compile("a", free);
    assert.equal(cache.compile("a", free), first);
    cache.compile("b", free);
    cache.compile("c", free);
    assert.notEqual(cache.compile("a", free), first);
  });
});
