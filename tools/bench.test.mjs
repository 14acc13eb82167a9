import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { noteLines, pageWith, readRows, rowObject, selectRows, tableLine } from "./bench.mjs";

describe("bench", () => {
  const roots = [];
  after(() => {
    for (const root of roots) rmSync(root, { recursive: true, force: true });
  });
  const lay = (files) => {
    const root = mkdtempSync(join(tmpdir(), "bench-"));
    roots.push(root);
    mkdirSync(join(root, "packages/a/bench"), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "packages/a/bench", name), text);
    return root;
  };
  const rows = ["log.add.message", "log.add.digest", "log.tile", "logs"].map((name) => ({ name }));

  it("reads the rows of every bench file", async () => {
    const root = lay({ "a.bench.ts": "export const rows: unknown[] = [{ name: 'log.add' }];", "b.ts": "throw new Error();" });
    assert.deepEqual(await readRows(root), [{ name: "log.add" }]);
  });

  it("refuses a file without rows, and two rows of one name", async () => {
    await assert.rejects(readRows(lay({ "a.bench.ts": "export const row = 1;" })), /exports no rows/);
    await assert.rejects(
      readRows(lay({ "a.bench.ts": "export const rows = [{ name: 'x' }, { name: 'x' }];" })),
      /another row too/,
    );
  });

  it("writes measured rows into the page and keeps the others", () => {
    const page = `# P\n<!-- bench:begin -->\n| row |\n|---|\n| a | old |\n| b | old |\n<!-- bench:end -->\nend\n`;
    const row = { row: "b", median: 1234, unit: "1/s", spread: [1, 2], peer: { name: "cosign", ratio: 2 } };
    const written = pageWith(page, [row], { day: "2026-01-02", commit: "abc", load: "0.1" });
    assert.match(
      written,
      /\| a \| old \|\n\| b \| 1,234 1\/s \| 1\.00 to 2\.00 \| {2}\| 2\.00× cosign \| 2026-01-02 \| abc \| 0\.1 \|\n<!-- bench:end -->\nend\n$/,
    );
    assert.throws(() => pageWith("# P", [row], {}), /has no <!-- bench:begin -->/);
  });

  it("selects by name and by the part before a dot", () => {
    const names = (...asked) => selectRows(rows, asked).map(({ name }) => name);
    assert.deepEqual(
      names(),
      rows.map(({ name }) => name),
    );
    assert.deepEqual(names("log.add"), ["log.add.message", "log.add.digest"]);
    assert.deepEqual(names("log.tile", "logs"), ["log.tile", "logs"]);
    assert.throws(() => names("log.a"), /no row is called log\.a/);
  });

  it("prints a row as a JSON object and as a line", () => {
    const measured = {
      median: 3120.4,
      unit: "/s",
      spread: [2900, 3300],
      floor: { name: "ecdsa verify", value: 9000, ratio: 0.346 },
    };
    const object = rowObject("log.add.digest", measured);
    assert.deepEqual(Object.keys(object), ["row", "median", "unit", "spread", "floor"]);
    assert.match(tableLine(object), /^log\.add\.digest +3,120 \/s +2,900 to 3,300 +0\.35× floor \(ecdsa verify\)$/);
    assert.match(
      tableLine(rowObject("cli", { median: 41.25, unit: "ms", spread: [40, 44], peer: { name: "cosign", ratio: 0.9 } })),
      /41\.3 ms.*0\.90× peer \(cosign\)$/,
    );
    const noted = rowObject("x", { ...measured, notes: { p50Ms: 1.5, entries: 10_000, peer: "not here" } });
    assert.deepEqual(Object.keys(noted).slice(-2), ["floor", "notes"]);
    assert.deepEqual(noteLines(noted), ["    p50Ms 1.5, entries 10,000, peer not here"]);
    assert.deepEqual(noteLines(object), []);
    assert.equal(noteLines({ notes: Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`name${at}`, at])) }).length, 3);
  });
});
