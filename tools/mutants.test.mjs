import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { mutantsOfRoom } from "./mutants.mjs";
import { applyExclusions, describe as line, mutantName, readArguments } from "./mutation.mjs";

const source = `
export function first(a: number, b: number): boolean {
  if (a === b) return true;
  if (a > 5) throw refuse(a === 7 ? "x" : "y");
  for (const c of [a]) if (!(c < 1)) continue;
  record(a);
  return a >= b && b !== 3;
}
function refuse(text: string): Error {
  return new Error(text === "x" ? "one" : "two");
}
function record(n: number): void { let i = n; while (i > 0) i--; }
const constant = 5 > 3;
`;

function mutants(text) {
  const root = mkdtempSync(join(tmpdir(), "sigillum-mutants-"));
  try {
    const folder = join(root, "packages/library/src/room");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "tsconfig.json"), '{"include": ["."]}');
    writeFileSync(join(folder, "code.ts"), text);
    writeFileSync(join(folder, "code.test.ts"), "if (1 > 0) throw 5;");
    return mutantsOfRoom(root, "room");
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe("mutantsOfRoom", () => {
  const found = mutants(source);
  const changes = found.map(({ before, after, kind }) => `${kind}: ${before} -> ${after}`);

  it("changes every throw, condition, comparison, early return, answer and call", () => {
    for (const change of [
      "condition: a === b -> true",
      "condition: a === b -> false",
      "early return: return true; -> ;",
      "condition: a > 5 -> false",
      'throw: throw refuse(a === 7 ? "x" : "y"); -> ;',
      "comparison: > -> >=",
      "comparison: < -> >=",
      "early return: continue; -> ;",
      "call: record(a); -> ;",
      "answer: a >= b && b !== 3 -> true",
      "comparison: && -> ||",
      "comparison: !== -> ===",
      "condition: i > 0 -> false",
    ])
      assert.ok(changes.includes(change), `${change} in\n${changes.join("\n")}`);
  });

  it("leaves words of errors, constants, the last return and tests alone", () => {
    assert.ok(found.every(({ owner }) => owner !== "refuse"));
    assert.ok(!changes.some((change) => change.includes("a === 7") && !change.startsWith("throw")));
    assert.ok(!changes.some((change) => change.includes("5 > 3")));
    assert.ok(!changes.includes("early return: return a >= b && b !== 3; -> ;"));
    assert.ok(found.every(({ file }) => file === "packages/library/src/room/code.ts"));
  });

  it("gives the span and the line of each", () => {
    for (const { start, end, before, code } of found) {
      assert.equal(source.slice(start, end), before);
      assert.ok(source.includes(code));
    }
  });
});

describe("test:mutation", () => {
  const [mutant] = mutants(source);

  it("reads rooms, minutes and flags", () => {
    assert.deepEqual(readArguments(["merkle", "--minutes", "5", "--changed"]).targets, ["merkle"]);
    assert.equal(readArguments(["--minutes", "5"]).minutes, 5);
    assert.ok(readArguments([]).targets.includes("verification"));
    assert.throws(() => readArguments(["--minutes", "soon"]));
  });

  it("excludes by text and never by line number, and tells which exclusions are about nothing", () => {
    const good = { file: mutant.file, owner: mutant.owner, code: mutant.code, reason: "because" };
    const stale = { code: "nothing like it", reason: "gone" };
    const { marked, stale: found } = applyExclusions(
      [mutant, { ...mutant, line: 99 }, { ...mutant, owner: "other" }],
      [good, stale],
    );
    assert.deepEqual(
      marked.map(({ excluded }) => excluded),
      ["because", "because", undefined],
    );
    assert.deepEqual(found, [stale]);
  });

  it("names a mutant by what it is, wherever it stands", () => {
    assert.equal(mutantName(mutant), mutantName({ ...mutant, line: 1, start: 0, end: 1 }));
    assert.notEqual(mutantName(mutant), mutantName({ ...mutant, after: "other" }));
    assert.match(line(mutant), /code\.ts:\d+ first: condition a === b -> true/);
  });
});
