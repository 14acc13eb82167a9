// OPA's compliance cases in both dialects, and regorus' cases. What is not passed stands in rego-expected-failures.json with its
// reason; a case there that passes is a failure too.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { judgeOpaCase, judgeRegorusCase, type RegoCase, readCases } from "./rego-cases.ts";
import { conformanceData } from "./shared-data.ts";

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
    const because = (start: string): number => cases.filter((rego) => reasonOf(title, rego)?.startsWith(start)).length;
    // regorus departs from OPA in places, and has extensions: where it does, OPA's answer is the right one, and there is no Rego to pass
    const [agreed, other] = [because("OPA 1.22.2 "), because("regorus' own extension")];
    console.log(
      `${title}: ${passed} of ${cases.length} cases passed${agreed + other > 0 ? `, ${agreed} answered as OPA does instead, ${other} of no Rego` : ""}`,
    );
    assert.ok(passed + agreed >= (cases.length - other) * 0.95, "at least 95% of all cases");
  });
}

const peer = findPeer("opa-cases");
for (const dialect of ["v0", "v1"] as const) {
  describe(`OPA's cases in ${dialect}`, { skip: peer.missing }, () => {
    if (peer.path === undefined) it("has its cases", { skip: peer.missing }, () => {});
    else runSuite("opa", readCases(join(peer.path, dialect), dialect), judgeOpaCase);
  });
}

const regorus = join(conformanceData, "policy/regorus/cases");
const missing = existsSync(regorus) ? undefined : `SKIPPED: no cases at ${regorus} (set SIGILLUM_CONFORMANCE_DATA)`;
describe("regorus' cases", { skip: missing }, () => {
  if (missing !== undefined) it("has its cases", { skip: missing }, () => {});
  else
    runSuite(
      "regorus",
      readCases(regorus, "v0").filter(({ fields }) => fields["skip"] !== true),
      judgeRegorusCase,
    );
});
