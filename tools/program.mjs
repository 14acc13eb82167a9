// One program out of the chunks that esbuild splits: a few files, each a function that returns the chunks in it as functions, which
// bin/sigillum.cjs links when they are asked for. No code stands twice, a command runs what it imports and no more, and for V8 a file is one script.
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { transform } from "esbuild";

/** What stands for `import.meta` in CommonJS. */
export const importMeta = 'const importMeta={get url(){return require("node:url").pathToFileURL(__filename).href}};';

/**
 * The files of a program by name, from what esbuild's `build` returned with `splitting`. `packOf` says into which file a chunk goes that
 * stands at a path. Throws if esbuild writes something in a form that is not known here, rather than leave it broken.
 */
export async function linkProgram({ outputFiles, metafile }, { packOf, target, minify }) {
  const ids = new Map(Object.keys(metafile.outputs).map((path) => [basename(path), `${packOf(path)}/${basename(path, ".js")}`]));
  const chunks = [];
  for (const { path, text } of outputFiles) {
    const { code } = await transform(text, { format: "cjs", platform: "node", target, supported: { "dynamic-import": false } });
    chunks.push({ id: ids.get(basename(path)), ...chunkFunction(code, ids) });
  }
  requireNoCycle(new Map(chunks.map(({ id, needs }) => [id, needs])));
  const packs = new Map();
  for (const pack of new Set(chunks.map(({ id }) => packName(id)))) {
    packs.set(
      pack,
      await packText(
        chunks.filter(({ id }) => packName(id) === pack),
        { target, minify },
      ),
    );
  }
  return packs;
}

function packName(id) {
  return id.slice(0, id.indexOf("/"));
}

// `$link`, for a chunk may well have a `link` of its own, which would stand before a parameter of that name.
async function packText(chunks, { target, minify }) {
  const others = new Map(chunks.flatMap(({ others: of }) => [...of].map((module) => [loaderOf(module), module])));
  // Each is loaded when something of it is first used: a command uses few of those that its chunks name, and node:fs/promises alone takes a
  // millisecond.
  const loaders = [...others].map(
    ([name, module]) => `let ${name}_;const ${name}=()=>${name}_??=require(${JSON.stringify(module)});`,
  );
  const whole = `_=function($link,require,__filename){"use strict";
${importMeta}
${loaders.join("\n")}
return{${chunks.map(({ id, text }) => `${JSON.stringify(id)}:${text}`).join(",\n")}};};`;
  const { code } = await transform(whole, { minify, target });
  const expression = /^_\s*=\s*(function[\s\S]*\});\s*$/.exec(code);
  if (expression === null) throw new Error("Cannot link program: the text is not one function");
  const text = `(${expression[1]})`;
  return `/*${createHash("sha256").update(text).digest("hex")}*/${text}`;
}

/** A chunk in CommonJS as a function that returns its exports; `needs` are the chunks that it runs before, `others` the modules it names. */
export function chunkFunction(code, ids) {
  const needs = [];
  const idOf = (file) => {
    const id = ids.get(file);
    if (id === undefined) throw new Error(`Cannot link program: there is no chunk ${file}`);
    return id;
  };
  const dynamic = /\b__toESM\(require\("\.\/([^"]+)"\)\)/g;
  const body = withReturn(code).replaceAll(dynamic, (_, file) => `$link(${JSON.stringify(idOf(file))})`);
  const properties = propertiesOfImports(body);
  const text = body
    .replaceAll(/^(?:var (import_\w+) = )?require\("\.\/([^"]+)"\);$/gm, (_, name, file) => {
      needs.push(idOf(file));
      const linked = `$link(${JSON.stringify(idOf(file))});`;
      const names = [...(properties.get(name) ?? [])].map((property) => `${property}:${name}$${property}`);
      return names.length === 0 ? linked : `const {${names.join(",")}}=${linked}`;
    })
    .replaceAll(/\b(import_\w+)\.([\w$]+)/g, (whole, name, property) => (properties.has(name) ? `${name}$${property}` : whole));
  const lazy = withLazyImports(text);
  refuseLeftOvers(lazy.text);
  return { text: `function(){${lazy.text}}`, needs, others: lazy.modules };
}

/** What is used of each chunk that is imported: the names that stand for it, with the properties that follow them. */
function propertiesOfImports(text) {
  const names = [...text.matchAll(/^var (import_\w+) = require\("\.\/[^"]+"\);$/gm)].map(([, name]) => name);
  const properties = new Map(names.map((name) => [name, new Set()]));
  for (const [, name, property] of text.matchAll(/\b(import_\w+)\.([\w$]+)/g)) properties.get(name)?.add(property);
  return properties;
}

/** The text of a chunk that returns what it exports, without the helpers of which nothing is used then. */
function withReturn(code) {
  const all = /\nmodule\.exports = __toCommonJS\((\w+)\);\n/.exec(code);
  if (all === null) return `${code.replace('"use strict";\n', "")}\nreturn{}`;
  const table = new RegExp(`\\nvar ${all[1]} = \\{\\};\\n__export\\(${all[1]}, \\{\\n([\\s\\S]*?)\\n\\}\\);\\n`).exec(code);
  if (table === null) throw new Error("Cannot link program: the exports of a chunk stand in a form that is not known");
  const results = table[1].split("\n").map((line) => {
    const entry = /^ {2}([\w$]+): \(\) => ([\w$.]+),?$/.exec(line);
    if (entry === null) throw new Error(`Cannot link program: ${line} is no export`);
    return `${entry[1]}:${entry[2]}`;
  });
  const helpers = code.slice(0, table.index + 1);
  const rest = code.slice(table.index + table[0].length).replace(all[0].slice(1), "");
  const body = `${rest}\nreturn{${results.join(",")}}`;
  const used = [...helpers.matchAll(/^var (__\w+) =/gm)].some(
    ([, name]) => name !== "__toESM" && new RegExp(`\\b${name}\\b`).test(body),
  );
  const needsToEsm = /\b__toESM\((?!require\("\.\/)/.test(body);
  return used || needsToEsm ? helpers.replace('"use strict";\n', "") + body : body;
}

function loaderOf(module) {
  return `load_${module.replaceAll(/\W/g, "_")}`;
}

/** A text with each module that it requires asked for where something of it is used; see packText. */
export function withLazyImports(text) {
  const named = new Map();
  const without = text.replaceAll(/^var (import_\w+) = require\("([^."][^"]*)"\);$/gm, (_, name, module) => {
    named.set(name, module);
    return "";
  });
  // in brackets, for `new` before it would take the call for its own
  const used = without.replaceAll(/\b(import_\w+)\.(?=[\w$])/g, (whole, name) =>
    named.has(name) ? `(${loaderOf(named.get(name))}()).` : whole,
  );
  return { text: used, modules: new Set(named.values()) };
}

function refuseLeftOvers(text) {
  const found = /\bimport_\w+(?![\w$])|\brequire\("\.|^module\.exports = /m.exec(text);
  if (found === null) return;
  const around = text.slice(Math.max(0, found.index - 60), found.index + 60);
  throw new Error(`Cannot link program: ${JSON.stringify(around)} is in a form that is not known`);
}

/** The chunks stand in an order, or one would see another before it has run. */
function requireNoCycle(needs) {
  const done = new Set();
  const visit = (id, path) => {
    if (path.includes(id)) throw new Error(`Cannot link program: the chunks ${[...path, id].join(" -> ")} import each other`);
    if (done.has(id)) return;
    for (const next of needs.get(id) ?? []) visit(next, [...path, id]);
    done.add(id);
  };
  for (const id of needs.keys()) visit(id, []);
}
