import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bundleProgram } from "./build.mjs";

const tree = {
  "src/main.ts":
    'import { tell } from "./terminal/index.ts";\nconst loaders = { blob: () => import("./blob/index.ts"), other: () => import("./other.ts") };\nvoid loaders.blob().then(({ run }) => run(tell));\n',
  "src/terminal/index.ts": "export const tell = (text: string): void => console.log(text);\n",
  "src/blob/index.ts":
    'export const run = async (tell: (text: string) => void): Promise<void> => (await import("./sign.ts")).sign(tell);\n',
  "src/blob/sign.ts":
    'import { name } from "@sigillum/fake";\nimport { readFileSync } from "node:fs";\nexport const sign = async (tell: (text: string) => void): Promise<void> => {\n  const { value } = await import("other-people");\n  tell([name, value, readFileSync(new URL(import.meta.url)).length > 0].join(" "));\n};\n',
  "src/other.ts": 'throw new Error("loaded though nobody asked");\n',
  "node_modules/@sigillum/fake/package.json": '{ "type": "module", "exports": { ".": { "@sigillum/source": "./a.ts" } } }',
  "node_modules/@sigillum/fake/a.ts": 'export const name: string = "bundled";\n',
  "node_modules/other-people/package.json": '{ "type": "module", "exports": "./a.js" }',
  "node_modules/other-people/a.js": 'export const value = "external";\n',
};

describe("bundleProgram", () => {
  const root = mkdtempSync(join(tmpdir(), "build-"));
  let written;
  before(async () => {
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    written = await bundleProgram({ source: join(root, "src"), outdir: join(root, "dist") });
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it("writes an entry for main and for each lazy import, also of one inside a folder", () => {
    assert.deepEqual(
      written.map(({ path }) => path).sort(),
      ["blob/index.cjs", "blob/sign.cjs", "main.cjs", "other.cjs"].map((name) => join(root, "dist", name)),
    );
  });

  it("runs, and loads only what is asked for", () => {
    const run = spawnSync(process.execPath, [join(root, "dist/main.cjs")], { encoding: "utf8" });
    assert.equal(run.stdout, "bundled external true\n", run.stderr);
  });

  it("bundles our packages and leaves other people's as imports", () => {
    const text = readFileSync(join(root, "dist/blob/sign.cjs"), "utf8");
    assert.ok(!text.includes("@sigillum/fake"));
    assert.ok(text.includes('"other-people"'));
    assert.ok(!existsSync(join(root, "dist/terminal")));
  });
});
