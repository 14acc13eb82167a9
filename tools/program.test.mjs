import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chunkFunction, linkProgram, withLazyImports } from "./program.mjs";

const exported = (names, rest) =>
  [
    '"use strict";',
    "var stdin_exports = {};",
    "__export(stdin_exports, {",
    names.map(([outside, inside]) => `  ${outside}: () => ${inside}`).join(",\n"),
    "});",
    "module.exports = __toCommonJS(stdin_exports);",
    rest,
    "",
  ].join("\n");
const ids = new Map([
  ["chunk-A.js", "base/chunk-A"],
  ["late-B.js", "more/late-B"],
]);
const run = (text, globals) => new Function(...Object.keys(globals), `return (${text})()`)(...Object.values(globals));

describe("chunkFunction", () => {
  it("links what a chunk imports, and returns what it exports, its own and another's", () => {
    const body = [
      'var import_chunk_A = require("./chunk-A.js");',
      "var twice = (n) => (0, import_chunk_A.add)(n, n);",
      'var late = () => Promise.resolve().then(() => __toESM(require("./late-B.js")));',
    ].join("\n");
    const names = [
      ["twice", "twice"],
      ["late", "late"],
      ["one", "import_chunk_A.one"],
    ];
    const chunk = chunkFunction(exported(names, body), ids);
    assert.deepEqual(chunk.needs, ["base/chunk-A"]);
    const asked = [];
    const $link = (id) => {
      asked.push(id);
      return { add: (a, b) => a + b, one: 1 };
    };
    const { twice, one } = run(chunk.text, { $link });
    assert.deepEqual([twice(4), one, asked], [8, 1, ["base/chunk-A"]]);
  });

  it("takes a chunk that exports nothing", () => {
    assert.deepEqual(run(chunkFunction('"use strict";\nvar a = 1;\n', ids).text, {}), {});
  });

  for (const [what, text] of [
    ["an export in another form", exported([["a", "f(1)"]], "var a = 1;")],
    ["a chunk that is not there", exported([["a", "a"]], 'var import_chunk_C = require("./chunk-C.js");\nvar a = 1;')],
    [
      "an import that is used whole",
      exported([["a", "a"]], 'var import_chunk_A = require("./chunk-A.js");\nvar a = import_chunk_A;'),
    ],
    ["an import in another form", exported([["a", "a"]], 'var a = [require("./chunk-A.js")];')],
  ])
    it(`refuses ${what}, rather than leave it broken`, () =>
      assert.throws(() => chunkFunction(text, ids), /Cannot link program/));
});

describe("withLazyImports", () => {
  it("asks for a module where something of it is used, after `new` too", () => {
    const text = [
      'var import_node_os = require("node:os");',
      'var import_node_events = require("node:events");',
      'var import_promises = require("node:fs/promises");',
      "var emitter = new import_node_events.EventEmitter();",
      "return [typeof (0, import_promises.readFile), emitter instanceof import_node_events.EventEmitter];",
    ].join("\n");
    const lazy = withLazyImports(text);
    assert.deepEqual([...lazy.modules], ["node:os", "node:events", "node:fs/promises"]);
    const load = (name) => () => process.getBuiltinModule(name);
    const used = { load_node_events: load("node:events"), load_node_fs_promises: load("node:fs/promises") };
    assert.deepEqual(run(`function(){${lazy.text}}`, used), ["function", true]);
  });
});

describe("linkProgram", () => {
  it("refuses chunks that import each other", async () => {
    const file = (name, other) => ({
      path: `/out/${name}.js`,
      text: `import { ${other} } from "./${other}.js";\nvar ${name} = () => ${other};\nexport { ${name} };\n`,
    });
    const outputFiles = [file("a", "b"), file("b", "a")];
    const metafile = { outputs: { "out/a.js": {}, "out/b.js": {} } };
    await assert.rejects(
      linkProgram({ outputFiles, metafile }, { packOf: () => "base", target: "node22.18", minify: true }),
      /import each other/,
    );
  });
});
