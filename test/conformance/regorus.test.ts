// regorus' cases. Where our answer is not the one that regorus expects, it must be OPA's own: regorus-opa.json has what OPA's program answered,
// and where the program is at hand it is asked again, about every case. SIGILLUM_WRITE_ANSWERS=1 writes the table anew from its answers.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import {
  answerOf,
  judgeOpaCase,
  judgeRegorusCase,
  type RegoCase,
  type RegorusAnswer,
  readCases,
  regorusQuestions,
} from "./rego-cases.ts";
import { askOpa, keptAnswer } from "./regorus-opa.ts";
import { conformanceData } from "./shared-data.ts";

/** What OPA answers to a case in which we do not answer as regorus expects: once for each input, and why, in words. */
interface OpaAnswers {
  readonly answers: readonly string[];
  readonly reason: string;
}

const tableFile = join(import.meta.dirname, "regorus-opa.json");
const table: Readonly<Record<string, OpaAnswers>> = JSON.parse(readFileSync(tableFile, "utf8"));
const listed: {
  /** Cases about what regorus adds to Rego, by name; OPA, which lacks it too, must answer as we do. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Cases in which OPA's program does not answer as we do. */
  readonly notAsOpa: Readonly<Record<string, string>>;
  /** Cases in which we answer neither as regorus nor as OPA's program does, but as this one of OPA's own cases wants. */
  readonly asOpaCase: Readonly<Record<string, string>>;
  /** Cases that are not passed. */
  readonly notPassed: Readonly<Record<string, string>>;
} = JSON.parse(readFileSync(join(import.meta.dirname, "regorus-expected.json"), "utf8"));

const folder = join(conformanceData, "policy/regorus/cases");
const missing = existsSync(folder) ? false : `SKIPPED: no cases at ${folder} (set SIGILLUM_CONFORMANCE_DATA)`;
const cases = missing === false ? readCases(folder, "v0", true) : [];
const write = process.env["SIGILLUM_WRITE_ANSWERS"] === "1";
const opa = findPeer("opa");

/** All but the built-in functions. */
function isCore({ suite }: RegoCase): boolean {
  return !suite.startsWith("builtins/");
}

function kept(rego: RegoCase): string[] {
  return regorusQuestions(rego).map((question) => keptAnswer(answerOf(question)));
}

describe("regorus' cases", { skip: missing, timeout: 600_000 }, () => {
  it("are answered as regorus expects, or as OPA does", () => {
    const failures: string[] = [];
    const counts = { own: 0, opa: 0, opaCase: 0, extension: 0, notPassed: 0 };
    const coreNotPassed: string[] = [];
    for (const rego of cases) {
      const { name } = rego;
      const why = judgeRegorusCase(rego);
      const lists = [table, listed.extensions, listed.asOpaCase, listed.notPassed].filter((list) => Object.hasOwn(list, name));
      if (why === undefined) {
        counts.own++;
        if (lists.length > 0 && !write) failures.push(`${name}: passes, and is listed`);
        continue;
      }
      if (Object.hasOwn(listed.notPassed, name)) {
        counts.notPassed++;
        if (isCore(rego)) coreNotPassed.push(name);
      } else if (Object.hasOwn(listed.asOpaCase, name)) counts.opaCase++;
      else if (write || JSON.stringify(kept(rego)) === JSON.stringify(table[name]?.answers))
        counts[Object.hasOwn(listed.extensions, name) ? "extension" : "opa"]++;
      else failures.push(`${name}: ${why}, and OPA answers ${table[name]?.answers.join(" ") ?? "what is not in the table"}`);
    }
    assert.deepEqual(failures, []);
    const rego = cases.length - counts.extension;
    const passed = counts.own + counts.opa + counts.opaCase;
    console.log(
      `regorus: ${passed} of ${rego} cases passed: ${counts.own} as regorus expects, ${counts.opa + counts.opaCase} as OPA answers instead; ${counts.notPassed} not passed; ${counts.extension} more are about extensions of regorus' own, which OPA does not do either`,
    );
    assert.ok(passed >= rego * 0.95, "at least 95% of all cases");
    assert.deepEqual(coreNotPassed, [], "every case of the core language");
    for (const name of [...Object.keys(table), ...Object.values(listed).flatMap((list) => Object.keys(list))])
      assert.ok(
        cases.some((each) => each.name === name),
        `there is no case ${name}`,
      );
  });

  it("are answered by OPA's program as the table says, and as we answer", {
    skip: opa.path === undefined ? opa.missing : false,
  }, () => {
    const directory = mkdtempSync(join(tmpdir(), "sigillum-regorus-"));
    try {
      const fresh: Record<string, OpaAnswers> = {};
      const different: string[] = [];
      for (const [i, rego] of cases.entries()) {
        const theirs = regorusQuestions(rego).map((question, k) =>
          askOpa(opa.path ?? "", join(directory, `${i}-${k}`), question),
        );
        const answers = theirs.map(keptAnswer);
        if (JSON.stringify(answers) !== JSON.stringify(kept(rego))) different.push(rego.name);
        else if (judgeRegorusCase(rego) !== undefined) fresh[rego.name] = { answers, reason: reasonOf(theirs) };
      }
      assert.deepEqual(different.sort(), Object.keys(listed.notAsOpa).sort());
      console.log(`regorus: OPA ${opa.version} answers ${cases.length - different.length} of ${cases.length} cases as we do`);
      if (write) writeFileSync(tableFile, `${JSON.stringify(fresh, undefined, 2)}\n`);
      else assert.deepEqual(fresh, table);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  const official = findPeer("opa-cases");
  it("are answered as OPA's own cases want, where regorus and OPA's program do otherwise", {
    skip: official.path === undefined ? official.missing : false,
  }, () => {
    const theirs = ["v0", "v1"].flatMap((dialect) =>
      dialect === "v0" || dialect === "v1" ? readCases(join(official.path ?? "", dialect), dialect) : [],
    );
    for (const [name, wanted] of Object.entries(listed.asOpaCase)) {
      const found = theirs.filter((each) => each.name === wanted);
      assert.equal(found.length, 1, `${name}: there is one case ${wanted}`);
      for (const each of found) assert.equal(judgeOpaCase(each), undefined);
    }
  });
});

function reasonOf(answers: readonly RegorusAnswer[]): string {
  return answers
    .map((answer) => {
      if ("error" in answer) return `OPA refuses it: ${answer.error}, ${answer.message.split("\n")[0]}`;
      return answer.results.length === 0 ? "OPA finds it undefined" : "OPA has another result";
    })
    .join("; ");
}
