import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { exportedDeclarations, functionLengths } from "./declarations.mjs";
import { checkDocs, writeDocs } from "./docs.mjs";
import { maskSource } from "./source.mjs";

const ROOM = "packages/library/src/merkle";
const long = (lines) => Array.from({ length: lines }, (_, i) => `  // ${i}`).join("\n");
const tree = {
  "architecture.json": JSON.stringify({
    library: { package: "@sigillum/library", rooms: { merkle: { owns: "trees", imports: [] } } },
  }),
  "packages/library/package.json": '{ "type": "module" }',
  [`${ROOM}/index.ts`]: 'export { root } from "./root.ts";\n',
  [`${ROOM}/README.md`]: "# merkle\n",
  [`${ROOM}/errors.ts`]:
    '/** The codes. */\nexport const merkleErrors = { ROOT_MISMATCH: { kind: "verification", means: "The roots are | different" } } as const;\n',
  [`${ROOM}/root.ts`]: '/** The root. */\nexport function root(): string {\n  throw new Error("ROOT_MISMATCH");\n}\n',
  [`${ROOM}/root.test.ts`]: 'assert.equal(code, "ROOT_MISMATCH");\n',
};

const breaches = [
  ["undocumented-export", "a function", `${ROOM}/x.ts`, "export function a(): void {}"],
  ["undocumented-export", "a constant after a plain comment", `${ROOM}/x.ts`, "// not a doc comment\nexport const a = 1;"],
  ["undocumented-export", "an empty doc comment", `${ROOM}/x.ts`, "/** */\nexport const a = 1;"],
  ["undocumented-export", "a type", `${ROOM}/x.ts`, "/** A file. */\n\n/** A. */\nexport type A = 1;\nexport interface B {}"],
  ["undocumented-export", "a name exported by a list", `${ROOM}/x.ts`, "const a = 1;\nexport { a as b };"],
  ["readme", "a room without README.md", `${ROOM}/README.md`, undefined],
  ["link", "a link to a page that is not there", "docs/a.md", "See [b](b.md#part) and [the web](https://example.com/x).\n"],
  ["errors-page", "another docs/errors.md", "docs/errors.md", "# Error codes\n"],
  ["errors-page", "no docs/errors.md", "docs/errors.md", undefined],
  ["error-never-thrown", "a code that nothing throws", `${ROOM}/root.ts`, "// ROOT_MISMATCH\n"],
  ["error-never-asserted", "a code that no test asserts", `${ROOM}/root.test.ts`, '// "ROOT_MISMATCH"\n'],
  ["long-file", "a file of 501 lines", `${ROOM}/x.test.ts`, `${long(501)}\n`],
  ["long-function", "a function of 81 lines", `${ROOM}/x.ts`, `function a(): { b: number } {\n${long(79)}\n}\n`],
  [
    "long-function",
    "a method of 81 lines",
    `${ROOM}/x.ts`,
    `class A {\n  async b(c = {}): Promise<[{ d: 1 }]> {\n${long(79)}\n  }\n}\n`,
  ],
  [
    "long-function",
    "an arrow function of 81 lines",
    `${ROOM}/x.ts`,
    `const a = async (b: () => void): Promise<void> => {\n${long(79)}\n};\n`,
  ],
  [
    "long-files-list",
    "a reason for what is not too long",
    "tools/long-files.json",
    JSON.stringify({ "a.ts": "because it was once much too long" }),
  ],
];

describe("checkDocs", () => {
  const roots = [];
  let base;
  const lay = (files, from) => {
    const root = mkdtempSync(join(tmpdir(), "docs-"));
    roots.push(root);
    if (from !== undefined) cpSync(from, root, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (text === undefined) rmSync(join(root, path));
      else writeFileSync(join(root, path), text);
    }
    return root;
  };
  before(async () => {
    base = lay(tree);
    await writeDocs(base);
  });
  after(() => {
    for (const root of roots) rmSync(root, { recursive: true, force: true });
  });

  it("finds nothing in a tree in order", async () => assert.deepEqual(await checkDocs(base), []));

  for (const [rule, what, path, text] of breaches) {
    it(`refuses ${what} [${rule}]`, async () => {
      const problems = await checkDocs(lay({ [path]: text }, base));
      assert.deepEqual([...new Set(problems.map((problem) => problem.rule))], [rule], JSON.stringify(problems));
    });
  }

  const withErrors = async (table) => {
    const root = lay({ [`${ROOM}/errors.ts`]: `/** Codes. */\nexport const merkleErrors = ${table};\n` }, base);
    await writeDocs(root);
    return (await checkDocs(root)).map(({ rule }) => rule);
  };

  it("refuses a code without one of the four kinds, and one without a sentence", async () => {
    assert.deepEqual(await withErrors('{ ROOT_MISMATCH: { kind: "bad", means: "The roots are different" } }'), ["error-entry"]);
    assert.deepEqual(await withErrors('{ ROOT_MISMATCH: { kind: "state", means: "Roots" } }'), ["error-entry"]);
  });

  it("refuses a code in two tables", async () => {
    const table = '{ ROOT_MISMATCH: { kind: "state", means: "The roots are different" } }';
    assert.deepEqual(await withErrors(`${table};\n/** More. */\nexport const moreErrors = ${table}`), ["error-twice"]);
  });

  it("takes a long function and a long file with a reason", async () => {
    const reasons = {
      [`${ROOM}/x.ts`]: "one table, read from top to bottom",
      [`${ROOM}/x.ts#a`]: "one table, read from top to bottom",
    };
    const root = lay(
      { [`${ROOM}/x.ts`]: `function a() {\n${long(600)}\n}\n`, "tools/long-files.json": JSON.stringify(reasons) },
      base,
    );
    assert.deepEqual(await checkDocs(root), []);
  });

  it("writes a code, its kind and its sentence into docs/errors.md", () => {
    const page = readFileSync(join(base, "docs/errors.md"), "utf8");
    assert.match(page, /### merkle\n\n.*\n.*\n\| `ROOT_MISMATCH` \| verification \| The roots are \\\| different\. \|\n/);
  });
});

describe("exportedDeclarations", () => {
  it("takes the first of overloads, and comments that are not directly before it", () => {
    const text =
      "/** A. */\n// biome-ignore lint: because\nexport function a(b: 1): 1;\nexport function a(b: 2): 2;\nexport function a(b: number) {}\n";
    assert.deepEqual(exportedDeclarations(text), [{ name: "a", line: 3, documented: true }]);
  });
});

describe("functionLengths", () => {
  it("tells functions from calls and control structures", () => {
    const text = "if (a) {\n}\nfoo(1);\nconst b = c(d) ? { e: 1 } : { f: 2 };\nfunction g() {\n  while (h) {\n  }\n}\n";
    assert.deepEqual(functionLengths(text), [{ name: "g", line: 5, lines: 4 }]);
  });
});

describe("maskSource", () => {
  it("blanks comments, texts, templates and regular expressions and keeps what a template computes", () => {
    const open = "${";
    assert.equal(maskSource("a; // b\nc('d', \"e\") /* f */"), "a;     \nc(' ', \" \")        ");
    assert.equal(maskSource(`\`x${open}y({ z: "w" })}v\``), `\` ${open}y({ z: " " })} \``);
    assert.equal(maskSource("a = /[/\"]'/g; b = c / d / e"), "a = /     /g; b = c / d / e");
    assert.equal(maskSource("a('b'); // c", { keepText: true }), "a('b');     ");
  });
});
