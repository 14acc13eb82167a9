import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkArchitecture, writeArchitecture } from "./architecture.mjs";

const table = {
  library: {
    package: "@sigillum/library",
    rooms: {
      encoding: { pure: true, owns: "bytes", imports: [] },
      crypto: { pure: true, owns: "digests", imports: ["encoding"] },
      merkle: { pure: true, owns: "trees", imports: ["crypto"] },
      http: { pure: false, owns: "requests", imports: ["encoding"] },
      testing: { pure: false, tests: true, owns: "fakes", imports: ["merkle", "http"] },
    },
  },
  cli: { package: "sigillum", rooms: { blob: { pure: false, owns: "commands", imports: ["library/http"] } } },
};

const tree = {
  "architecture.json": JSON.stringify(table),
  "package.json": JSON.stringify({ devDependencies: { "fast-check": "1.0.0" } }),
  "tsconfig.base.json": "{}",
  "biome.json": '{\n        "packages/library/src/{encoding}/**/*.ts",\n}\n',
  "docs/decisions/0001-dependencies.md": "`fast-check` and `jose`",
  "ARCHITECTURE.md": "# Rooms\n\n<!-- rooms:begin -->\n<!-- rooms:end -->\n\nend\n",
  "packages/library/package.json": JSON.stringify({
    name: "@sigillum/library",
    imports: { "#platform": { "@sigillum/source": "./src/crypto/platform-node.ts", default: "./dist/crypto/platform-node.js" } },
  }),
  "packages/library/src/encoding/index.ts": 'export { one } from "./bytes.ts";\n',
  "packages/library/src/encoding/bytes.ts": "export const one: number = 1;\n",
  "packages/library/src/crypto/index.ts": 'export { hash } from "#platform";\n',
  "packages/library/src/crypto/platform-node.ts": 'import "node:crypto";\nexport const hash = 1;\n',
  "packages/library/src/merkle/index.ts": 'import type { one } from "../encoding/index.ts";\nexport type A = typeof one;\n',
  "packages/library/src/merkle/proof.test.ts":
    'import fc from "fast-check";\nimport { fake } from "../testing/index.ts";\nimport { it } from "node:test";\nit("x", () => fc(fake));\n',
  "packages/library/src/http/index.ts": 'import { get } from "node:http";\nexport { get };\n',
  "packages/library/src/testing/index.ts": 'export { get as fake } from "../http/index.ts";\n',
  "packages/cli/package.json": JSON.stringify({
    name: "sigillum",
    dependencies: { "@sigillum/library": "0.1.0", jose: "1.0.0" },
  }),
  "packages/cli/src/main.ts": 'const { run } = await import("./blob/index.ts");\nrun();\n',
  "packages/cli/src/blob/index.ts": 'import { get } from "@sigillum/library/http";\nimport "jose";\nexport const run = get;\n',
  "test/e2e/a.test.ts": 'import { get } from "@sigillum/library/http";\nget();\n',
};

/** Each row breaks one rule: its name, a file, and what stands in it. */
const breaches = [
  ["direction", "packages/library/src/encoding/up.ts", 'import "../crypto/index.ts";', "upwards"],
  ["direction", "packages/library/src/http/side.ts", 'import { a } from\n  "../merkle/index.ts";', "sideways, over two lines"],
  ["direction", "packages/library/src/http/side.ts", 'export type { A } from "../merkle/index.ts";', "a re-exported type"],
  ["direction", "packages/library/src/http/side.ts", 'export const a = () => import("../merkle/index.ts");', "import()"],
  ["direction", "packages/library/src/http/side.ts", 'export type A = import("../merkle/index.ts").A;', "a type query"],
  ["direction", "packages/cli/src/blob/far.ts", 'import "@sigillum/library/merkle";', "a room of another package"],
  ["direction", "packages/library/src/merkle/hash.ts", 'import { hash } from "#platform";', "another room's platform file"],
  ["past-index", "packages/library/src/http/deep.ts", 'import { one } from "../encoding/bytes.ts";', "past index.ts"],
  ["past-index", "packages/cli/src/blob/deep.ts", 'import "@sigillum/library/http/request";', "past the exports of a package"],
  [
    "past-index",
    "packages/library/src/merkle/deep.test.ts",
    'import { one } from "../encoding/bytes.ts";',
    "past index.ts, from a test",
  ],
  ["own-name", "packages/library/src/merkle/own.ts", 'import "@sigillum/library/encoding";', "its own package by name"],
  [
    "other-package-path",
    "packages/cli/src/blob/path.ts",
    'import "../../../library/src/http/index.ts";',
    "another package by path",
  ],
  [
    "other-package-path",
    "test/e2e/b.test.ts",
    'import "../../packages/library/src/http/index.ts";',
    "a package by path, from test/",
  ],
  ["pure-import", "packages/library/src/merkle/fs.ts", 'import { readFileSync } from "node:fs";', "node: in a pure room"],
  ["pure-import", "packages/library/src/crypto/more.ts", 'import "node:crypto";', "node: in crypto outside the platform file"],
  ["pure-import", "packages/library/src/merkle/dep.ts", 'import "jose";', "a dependency in a pure room"],
  ["undeclared-dependency", "packages/library/src/http/dep.ts", 'import "jose";', "a dependency of another package"],
  [
    "undeclared-dependency",
    "packages/library/src/http/dep.ts",
    'import "sigillum/blob";',
    "a package of ours that the manifest does not name",
  ],
  ["undeclared-dependency", "packages/library/src/http/dep.ts", 'const a = require("jose");', "require in a room"],
  ["import-expression", "packages/library/src/http/dyn.ts", "export const a = (p: string) => import(p);", "an expression"],
  ["import-expression", "packages/library/src/http/dyn.ts", 'export const a = (p: string) => import("./" + p);', "a sum"],
  ["import-expression", "packages/library/src/http/dyn.ts", "export const a = () => import(`./b.ts`);", "a template"],
  ["test-only", "packages/library/src/merkle/o.test.ts", 'import { it } from "node:test";\nit.only("x", () => {});', ".only("],
  ["test-only", "tools/o.test.mjs", 'import { it } from "node:test";\nit("x", { only: true }, () => {});', "only: true"],
  ["test-exit", "packages/library/src/merkle/o.test.ts", "process.exit(0);", "process.exit("],
  ["testing-room", "packages/library/src/merkle/fake.ts", 'import { fake } from "../testing/index.ts";', "the room testing"],
  [
    "cycle",
    "packages/library/src/encoding/bytes.ts",
    'import type { two } from "./two.ts";\nexport const one: number = 1;',
    "two files",
    { "packages/library/src/encoding/two.ts": 'import { one } from "./bytes.ts";\nexport const two = one;' },
  ],
  ["file-name", "packages/library/src/merkle/utils.ts", "", "utils.ts"],
  ["file-name", "packages/library/src/merkle/helpers.test.ts", "", "helpers.test.ts"],
  ["unlisted-room", "packages/library/src/unknown/index.ts", "", "a folder that is no room"],
  ["reference-directive", "packages/library/src/merkle/ref.ts", '/// <reference types="node" />', "types by a directive"],
  ["derived-file", "packages/library/src/merkle/tsconfig.json", "{}", "a tsconfig written by hand"],
  [
    "derived-file",
    "biome.json",
    '{\n        "packages/library/src/{merkle}/**/*.ts",\n}\n',
    "a linter that holds other rooms to be pure",
  ],
  ["picture", "ARCHITECTURE.md", "<!-- rooms:begin -->\nold\n<!-- rooms:end -->\n", "an old picture"],
  ["picture", "ARCHITECTURE.md", "no markers", "no markers"],
];

describe("checkArchitecture", () => {
  let base;
  const roots = [];
  const lay = (files, from) => {
    const root = mkdtempSync(join(tmpdir(), "architecture-"));
    roots.push(root);
    if (from !== undefined) cpSync(from, root, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (text === undefined) rmSync(join(root, path));
      else writeFileSync(join(root, path), text);
    }
    return root;
  };
  before(() => {
    base = lay(tree);
    writeArchitecture(base);
  });
  after(() => {
    for (const root of roots) rmSync(root, { recursive: true, force: true });
  });

  it("finds nothing in a tree in order, once written", () => assert.deepEqual(checkArchitecture(base), []));

  it("writes nothing the second time", () => assert.deepEqual(writeArchitecture(base), []));

  for (const [rule, path, text, what, further] of breaches) {
    it(`refuses ${what} [${rule}]`, () => {
      const problems = checkArchitecture(lay({ ...further, [path]: text }, base));
      assert.deepEqual([...new Set(problems.map((problem) => problem.rule))], [rule], JSON.stringify(problems));
      assert.match(
        problems.find((problem) => problem.rule === rule).where,
        new RegExp(path.includes("/") ? path.split("/")[1] : path),
      );
    });
  }

  it("refuses a room without index.ts [no-index]", () => {
    const problems = checkArchitecture(
      lay({ "packages/cli/src/blob/other.ts": "", "packages/cli/src/blob/index.ts": undefined }, base),
    );
    assert.equal(problems.find(({ rule }) => rule === "no-index")?.where, "packages/cli/src/blob");
  });

  it("lets a pure room import a package that the table names for it", () => {
    const changed = structuredClone(table);
    changed.library.rooms.merkle.dependencies = ["jose"];
    const files = {
      "architecture.json": JSON.stringify(changed),
      "packages/library/package.json": JSON.stringify({
        ...JSON.parse(tree["packages/library/package.json"]),
        dependencies: { jose: "1.0.0" },
      }),
      "packages/library/src/merkle/token.ts": 'import "jose";\n',
    };
    const root = lay(files, base);
    writeArchitecture(root);
    assert.deepEqual(checkArchitecture(root), []);
  });

  const withTable = (change) => {
    const changed = structuredClone(table);
    change(changed.library.rooms);
    return checkArchitecture(lay({ "architecture.json": JSON.stringify(changed) }, base));
  };

  it("refuses a cycle between rooms [table]", () => {
    const problems = withTable((rooms) => rooms.encoding.imports.push("merkle"));
    assert.equal(
      problems.filter(({ rule, message }) => rule === "table" && /cycle: /.test(message)).length,
      1,
      JSON.stringify(problems),
    );
  });

  it("refuses an edge to a room that is none [table]", () => {
    assert.deepEqual(
      withTable((rooms) => rooms.http.imports.push("nowhere")).map(({ rule }) => rule),
      ["table"],
    );
  });

  it("refuses a dependency without a page, and one that nothing imports", () => {
    const manifest = { name: "sigillum", dependencies: { "@sigillum/library": "0.1.0", jose: "1.0.0", express: "1.0.0" } };
    const root = lay({ "packages/cli/package.json": JSON.stringify(manifest) }, base);
    writeArchitecture(root);
    assert.deepEqual(
      checkArchitecture(root)
        .map(({ rule }) => rule)
        .sort(),
      ["undocumented-dependency", "unused-dependency"],
    );
  });

  it("lets a test of the main program stand beside it, and a bench load a peer", () => {
    const files = {
      "packages/cli/src/main.test.ts": 'import { run } from "./blob/index.ts";\nrun();\n',
      "packages/cli/bench/a.bench.ts": 'import "../../../tools/peers-list.mjs";\nrequire("@sigstore/verify");\nrequire(name);\n',
    };
    assert.deepEqual(checkArchitecture(lay(files, base)), []);
  });

  it("reads no import in a comment, a text or a template", () => {
    const text =
      '// import "../crypto/index.ts"\n/* import("../crypto/index.ts") */\nexport const a = "import \'../crypto/index.ts\'" + `import("../crypto/index.ts") $' +
      '{1}`;\nexport const r = /import "x"/;\n';
    assert.deepEqual(checkArchitecture(lay({ "packages/library/src/encoding/text.ts": text }, base)), []);
  });

  it("lets the pure code of crypto see no node types, and the platform file see them", () => {
    const config = (name) => JSON.parse(readFileSync(join(base, "packages/library/src/crypto", name), "utf8"));
    assert.equal(config("tsconfig.json").compilerOptions.types, undefined);
    assert.ok(config("tsconfig.json").exclude.includes("platform-node.ts"));
    assert.deepEqual(config("tsconfig.platform.json").compilerOptions.types, ["node"]);
  });

  it("draws a package above the one it imports, and a room above those it imports", () => {
    const page = readFileSync(join(base, "ARCHITECTURE.md"), "utf8");
    const order = ["─ cli ", "─ library ", "testing", "merkle ○", "crypto ○", "encoding ○", "\n\nend\n"].map((word) =>
      page.indexOf(word),
    );
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
    assert.ok(!order.includes(-1));
  });
});
