import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { groupTests, runTests } from "./test.mjs";

const HEAD = 'import { describe, it } from "node:test";\nimport assert from "node:assert/strict";\n';
const good = {
  "packages/a/src/pure/good.test.ts": `${HEAD}it("holds", (): void => {});`,
  "packages/a/src/other/good.test.ts": `${HEAD}it("holds", (): void => {});`,
};
const architecture = { a: { package: "a", rooms: { pure: { pure: true, imports: [] }, other: { imports: [] } } } };

const roots = [];
function lay(files) {
  const root = mkdtempSync(join(tmpdir(), "wrapper-"));
  roots.push(root);
  for (const [path, text] of Object.entries({ "architecture.json": JSON.stringify(architecture), ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

async function run(files, selection = { paths: [] }, options = {}) {
  let said = "";
  const say = (text) => {
    said += text;
  };
  const counts = await runTests(lay(files), selection, { timeoutMs: 20_000, say, ...options });
  return { ...counts, said };
}

describe("the test wrapper", () => {
  after(() => {
    for (const root of roots) rmSync(root, { recursive: true, force: true });
  });

  it("counts what passes in both kinds of process", async () => {
    const { passed, failed, skipped } = await run(good);
    assert.deepEqual({ passed, failed, skipped }, { passed: 2, failed: 0, skipped: 0 });
  });

  it("shares a process among the files of pure rooms alone", () => {
    const groups = groupTests(lay(good), [...Object.keys(good), "tools/x.test.mjs"]);
    assert.deepEqual(
      groups.map(({ isolation, files }) => [isolation, files]),
      [
        ["none", ["packages/a/src/pure/good.test.ts"]],
        ["process", ["packages/a/src/other/good.test.ts", "tools/x.test.mjs"]],
      ],
    );
  });

  it("tells a skipped test and its reason", async () => {
    const { passed, skipped, said } = await run({
      ...good,
      "tools/s.test.mjs": `${HEAD}it("s", { skip: "no cosign" }, () => {});`,
    });
    assert.deepEqual([passed, skipped], [2, 1]);
    assert.match(said, /SKIP tools\/s\.test\.mjs:3 s: no cosign/);
  });

  it("runs only the files that it is asked for", async () => {
    assert.equal((await run(good, { paths: ["packages/a/src/pure"] })).passed, 1);
  });

  // the table of what node:test alone lets pass, each in the two kinds of process
  const rows = [
    ["a failed assertion", 'it("a", () => assert.equal(1, 2));', /FAIL .*bad\.test\.ts:3 a/],
    ["an error at import", 'throw new Error("at import");', /at import/],
    [
      "a failing hook",
      'describe("s", () => { before(() => { throw new Error("hook") }); it("a", () => {}); });',
      /hook/,
      'import { before } from "node:test";',
    ],
    [
      "a promise that never settles",
      'it("a", () => new Promise(() => setInterval(() => {}, 50)));',
      /nothing happened for 1\.5 s.*bad\.test\.ts|timed out/,
      "",
      { timeoutMs: 500, idleMs: 1500 },
    ],
    [
      "a handle that stays open",
      'it("a", () => { setInterval(() => {}, 50); });',
      /nothing happened for 1\.5 s/,
      "",
      { timeoutMs: 500, idleMs: 1500 },
    ],
    [
      "process.exit before a failing test",
      'it("a", () => process.exit(0));\nit("b", () => { throw new Error("b"); });',
      /process\.exit in a test/,
    ],
    [
      "process.exit by another name",
      'const leave = process["exit"];\nit("a", () => leave(0));\nit("b", () => { throw new Error("b"); });',
      /was called in a process that runs tests/,
    ],
    ["no test in the file", "export const nothing: number = 1;", /bad\.test\.ts: reported no test of its own/],
    ["a forgotten only", 'it.only("a", () => {});\nit("b", () => { throw new Error("b"); });', /a forgotten only/],
    ["a rejection nobody handles", 'it("a", () => { Promise.reject(new Error("lost")); });', /lost/],
  ];
  for (const [what, body, pattern, head = "", options = {}] of rows) {
    for (const room of ["pure", "other"]) {
      it(`fails on ${what}, in a ${room === "pure" ? "shared process" : "process of its own"}`, async () => {
        const { failed, said } = await run(
          { ...good, [`packages/a/src/${room}/bad.test.ts`]: `${head}${HEAD}${body}` },
          { paths: [] },
          options,
        );
        assert.ok(failed >= 1, said);
        assert.match(said, pattern);
      });
    }
  }

  it("fails when no file matches", async () => {
    assert.equal((await run({})).failed, 1);
    assert.equal((await run(good, { suite: "interop", paths: [] })).failed, 1);
    assert.equal((await run(good, { paths: ["packages/a/src/pure", "packages/none"] })).failed, 1);
  });

  it("fails when every test was skipped", async () => {
    const { passed, failed, said } = await run({ "tools/s.test.mjs": `${HEAD}it("s", { skip: "why" }, () => {});` });
    assert.deepEqual([passed, failed], [0, 1]);
    assert.match(said, /nothing was checked/);
  });
});
