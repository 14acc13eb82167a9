// OPA's compliance cases in both dialects. What is not passed stands in rego-expected-failures.json with its reason, which begins with the
// built-in function that it is about: every case of the core language is passed. A case there that passes is a failure too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { judgeOpaCase, type RegoCase, readCases } from "./rego-cases.ts";

const expected: Record<string, string> = JSON.parse(
  readFileSync(join(import.meta.dirname, "rego-expected-failures.json"), "utf8"),
);

/** Why a case is not passed, when that is known. */
function reasonOf(title: string, rego: RegoCase): string | undefined {
  return expected[`${title} ${rego.name}`];
}

function runSuite(title: string, cases: readonly RegoCase[], judge: (rego: RegoCase) => string | undefined): void {
  const suites = new Map<string, RegoCase[]>();
  for (const rego of cases) suites.set(rego.suite, [...(suites.get(rego.suite) ?? []), rego]);
  const counts = new Map<string, string>();
  for (const [suite, members] of suites) {
    it(`${title} ${suite}`, () => {
      const failures: string[] = [];
      let passed = 0;
      for (const rego of members) {
        const why = judge(rego);
        const listed = reasonOf(title, rego) !== undefined;
        if (why === undefined) passed++;
        if (why === undefined && listed) failures.push(`${rego.name}: passes, and stands among the expected failures`);
        if (why !== undefined && !listed) failures.push(`${rego.name}: ${why}`);
      }
      counts.set(suite, `${passed}/${members.length}`);
      assert.deepEqual(failures, []);
    });
  }
  it(`${title} counts`, () => {
    for (const [suite, count] of counts) console.log(`${title} ${suite.padEnd(44)} ${count}`);
    const passed = [...counts.values()].reduce((sum, count) => sum + Number(count.split("/")[0]), 0);
    console.log(`${title}: ${passed} of ${cases.length} cases passed`);
    assert.ok(passed >= cases.length * 0.95, "at least 95% of all cases");
    const core = cases.filter(
      (rego) => reasonOf(title, rego) !== undefined && !/^(?:net|rand|rego)\.[a-z_*]+\b/.test(reasonOf(title, rego) ?? ""),
    );
    assert.deepEqual(core, [], "every case of the core language");
  });
}

const peer = findPeer("opa-cases");
for (const dialect of ["v0", "v1"] as const) {
  describe(`OPA's cases in ${dialect}`, { skip: peer.missing }, () => {
    if (peer.path === undefined) it("has its cases", { skip: peer.missing }, () => {});
    else runSuite("opa", readCases(join(peer.path, dialect), dialect), judgeOpaCase);
  });
}
