import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { readLayout } from "./layout.mjs";

const root = join(import.meta.dirname, "..");

/** What biome says of one file at `path`, under this checkout's own settings: the names of the rules that it breaks. */
function lint(directory, path, text) {
  cpSync(join(root, "biome.json"), join(directory, "biome.json"));
  mkdirSync(join(directory, "tools"), { recursive: true });
  cpSync(join(root, "tools/pure.grit"), join(directory, "tools/pure.grit"));
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  const run = spawnSync(process.execPath, [biome, "lint", "--colors=off", "--reporter=json", path], {
    cwd: directory,
    encoding: "utf8",
  });
  rmSync(join(directory, path));
  const report = JSON.parse(run.stdout.slice(run.stdout.indexOf("{")));
  return [
    ...new Set(
      report.diagnostics.filter(({ severity }) => severity === "error").map(({ category }) => category.split("/").at(-1)),
    ),
  ];
}

describe("biome.json", () => {
  const directory = mkdtempSync(join(tmpdir(), "lint-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const pure = "packages/library/src/merkle/proof.ts";

  it("holds exactly the pure rooms of architecture.json to be pure", () => {
    const settings = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
    const includes = settings.overrides.find((override) => override.plugins !== undefined).includes;
    const listed = includes.flatMap((glob) => {
      const match = /^packages\/([^/]+)\/src\/\{?([^/}]+)\}?\//.exec(glob);
      return match === null ? [] : match[2].split(",").map((room) => `${match[1]}/${room}`);
    });
    const rooms = [...readLayout(root).rooms.values()].filter((room) => room.pure).map((room) => room.id);
    assert.deepEqual(listed.sort(), rooms.sort());
  });

  const rows = [
    ["Date.now()", "export const now = (): number => Date.now();", "noRestrictedGlobals"],
    ["new Date", "export const now = (): unknown => new Date();", "noRestrictedGlobals"],
    ["an alias of Date", "const D = Date;\nexport const now = (): number => D.now();", "noRestrictedGlobals"],
    ["globalThis.Date", "export const now = (): number => globalThis.Date.now();", "noRestrictedGlobals"],
    ["Math.random()", "export const r = (): number => Math.random();", "plugin"],
    ['Math["random"]', 'export const r = (key: "random"): unknown => Math[key];', "plugin"],
    ["node:fs", 'import { readFileSync } from "node:fs";\nexport const read = readFileSync;', "noNodejsModules"],
    ["any", "export const a = (b: any): unknown => b;", "noExplicitAny"],
    ["a default export", "export default function a(): void {}", "noDefaultExport"],
  ];
  for (const [what, text, rule] of rows) {
    it(`refuses ${what} in a pure room`, () => assert.deepEqual(lint(directory, pure, text), [rule]));
  }

  it("lets a room that does I/O, and a test of a pure one, tell the time", () => {
    const text = 'import { readFileSync } from "node:fs";\nexport const now = (): unknown => [Date.now(), readFileSync];\n';
    assert.deepEqual(lint(directory, "packages/library/src/http/time.ts", text), []);
    assert.deepEqual(lint(directory, "packages/library/src/merkle/proof.test.ts", text), []);
  });
});
