import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRegex, RegexCache } from "./re2.ts";
import { regexSize } from "./regex-size.ts";

describe("regexSize", () => {
  for (const [pattern, size] of [
    ["abc", 3],
    ["a{3}", 3],
    ["a{2,5}b", 6],
    ["a{4,}", 4],
    ["a{x}", 4],
    ["(ab){10}", 30],
    ["(?:a|b){2}", 8],
    ["(?i)a", 1],
    ["(?P<name>a)", 2],
    ["((a{100}){100}){100}", 1_010_100],
    ["[a-z]{3}", 3],
    ["[]a]", 1],
    ["[^]]", 1],
    ["[[:alpha:]]{2}", 2],
    ["[\\]]{2}", 2],
    ["[\\pL]", 5],
    ["\\pL{10}", 40],
    ["\\p{Greek}{10}", 40],
    ["\\x{10FFFF}{3}", 3],
    ["\\{{2}", 2],
    ["\\Qa{9}\\E", 6],
    ["(((", 0],
    [")))", 3],
    ["[abc", 1],
    ["\\", 1],
  ] as const)
    it(`says ${size} of ${pattern}`, () => assert.equal(regexSize(pattern), size));
});

describe("regexSize of a long pattern", () => {
  it("reads each character about once, whatever begins there and does not end", () => {
    for (const start of ["(?P<", "(?", "\\p{", "\\x{", "[[:", "\\Q", "(((", "a{1", "[^"]) {
      const before = process.cpuUsage();
      regexSize(start.repeat(16_384 / start.length));
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 500_000, `${start} took ${(user + system) / 1000} ms`);
    }
  });
});

describe("compileRegex", () => {
  it("refuses what repeats to too much, whatever its length", () => {
    for (const pattern of ["a{1000}".repeat(30), "\\pL{1000}".repeat(6), "(?:[a-z]{50}){500}"])
      assert.throws(() => compileRegex(pattern), { code: "POLICY_REGEX_MALFORMED", message: /repeats to/ });
    assert.ok(compileRegex("a{1000}".repeat(10)).test("a".repeat(10_000)));
  });
});

describe("RegexCache", () => {
  it("spends what it takes to compile, once", () => {
    const spent: number[] = [];
    const cache = new RegexCache();
    for (const pattern of ["a{100}", "a{100}", "b"]) cache.compile(pattern, (size) => void spent.push(size));
    assert.deepEqual(spent, [150, 51]);
  });
});
