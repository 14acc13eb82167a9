// check:docs: every exported symbol has a doc comment, every room a README, docs/errors.md equals the tables of codes, every code is thrown
// somewhere and asserted by a test, links between pages lead to a file, and what grew too long has its reason in long-files.json. `--write` makes docs/errors.md anew.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { exportedDeclarations, functionLengths } from "./declarations.mjs";
import { filesBelow, readLayout } from "./layout.mjs";
import { maskSource } from "./source.mjs";

const MAX_FILE_LINES = 500;
const MAX_FUNCTION_LINES = 80;
const KINDS = {
  malformed: "the input cannot be read",
  verification: "a check failed, or a request was refused",
  unavailable: "could not look; may be tried again",
  state: "this machine or data directory does not allow it",
};
const TEST_FILE = /\.(?:test|fuzz)\.(?:ts|mjs)$/;
const ERRORS_PAGE = "docs/errors.md";

/** Everything that is wrong in the checkout at `root`: `{rule, where, message}`, sorted by place. */
export async function checkDocs(root) {
  const layout = readLayout(root);
  const problems = [];
  const report = (rule, where, message) => problems.push({ rule, where, message });
  const files = readSources(root);
  for (const file of files) {
    if (!file.isTest && file.path.startsWith("packages/")) checkExports(file, report);
  }
  for (const room of layout.rooms.values()) {
    if (layout.exists(room) && !existsSync(join(root, room.dir, "README.md")))
      report("readme", room.dir, "this room has no README.md");
  }
  checkLengths(root, files, report);
  checkLinks(root, report);
  const tables = await errorTables(root, layout);
  checkCodes(tables, files, report);
  const page = existsSync(join(root, ERRORS_PAGE)) ? readFileSync(join(root, ERRORS_PAGE), "utf8") : undefined;
  if (page !== errorsPage(tables))
    report("errors-page", ERRORS_PAGE, "differs from the codes of the rooms: run npm run check:docs -- --write");
  return problems.sort((a, b) => (a.where < b.where ? -1 : a.where > b.where ? 1 : 0));
}

/** Write docs/errors.md. */
export async function writeDocs(root) {
  mkdirSync(join(root, "docs"), { recursive: true });
  writeFileSync(join(root, ERRORS_PAGE), errorsPage(await errorTables(root, readLayout(root))));
}

function readSources(root) {
  const paths = ["packages", "tools", "test"].flatMap((directory) =>
    filesBelow(root, directory, (name) => /\.(?:ts|mjs)$/.test(name)),
  );
  return paths.map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    return { path, text, code: maskSource(text), isTest: TEST_FILE.test(path) || path.startsWith("test/") };
  });
}

function checkExports({ path, text, code }, report) {
  if (path.endsWith(".d.ts") || path.includes("/bench/")) return;
  for (const { name, line, documented } of exportedDeclarations(text, code)) {
    if (!documented) report("undocumented-export", `${path}:${line}`, `${name} is exported and has no doc comment`);
  }
}

/** A link of a page to a file that is not there. */
function checkLinks(root, report) {
  const top = readdirSync(root).filter((name) => name.endsWith(".md"));
  const below = ["docs", "packages", "tools", "test", "examples", "charts"].flatMap((directory) =>
    filesBelow(root, directory, (name) => name.endsWith(".md")),
  );
  for (const path of [...top, ...below]) {
    const text = readFileSync(join(root, path), "utf8").replace(/^```[\s\S]*?^```/gm, "");
    for (const [, target] of text.matchAll(/\]\(([^()\s]+)\)/g)) {
      const file = target.split("#")[0];
      if (file === "" || /^[a-z]+:/i.test(file) || existsSync(join(root, dirname(path), file))) continue;
      report("link", path, `${target} leads nowhere`);
    }
  }
}

function checkLengths(root, files, report) {
  const listPath = "tools/long-files.json";
  const reasons = existsSync(join(root, listPath)) ? JSON.parse(readFileSync(join(root, listPath), "utf8")) : {};
  const used = new Set();
  const excused = (key) => {
    if (typeof reasons[key] === "string" && reasons[key].length > 20) used.add(key);
    return used.has(key);
  };
  for (const { path, text, code, isTest } of files) {
    const lines = text.split("\n").length - 1;
    if (lines > MAX_FILE_LINES && !excused(path))
      report("long-file", path, `${lines} lines: split it, or give the reason in ${listPath}`);
    for (const each of isTest ? [] : functionLengths(text, code)) {
      if (each.lines <= MAX_FUNCTION_LINES || excused(`${path}#${each.name}`)) continue;
      report(
        "long-function",
        `${path}:${each.line}`,
        `${each.name} has ${each.lines} lines: split it, or give the reason in ${listPath}`,
      );
    }
  }
  for (const key of Object.keys(reasons).filter((each) => !used.has(each)))
    report("long-files-list", listPath, `${key} is not too long any more, or its reason says nothing`);
}

/** The tables of codes of every room, in the order of architecture.json: `{room, codes: [{code, kind, means}]}`. */
async function errorTables(root, layout) {
  const tables = [];
  for (const room of layout.rooms.values()) {
    const path = join(root, room.dir, "errors.ts");
    if (!existsSync(path)) continue;
    const module = await import(pathToFileURL(path).href);
    const codes = Object.entries(module)
      .filter(([name, value]) => name.endsWith("Errors") && typeof value === "object")
      .flatMap(([, table]) => Object.entries(table).map(([code, { kind, means }]) => ({ code, kind, means })));
    if (codes.length > 0) tables.push({ room, codes });
  }
  return tables;
}

function checkCodes(tables, files, report) {
  const texts = files
    .filter(({ path }) => !path.endsWith("/errors.ts"))
    .map((file) => ({ isTest: file.isTest, text: maskSource(file.text, { keepText: true }) }));
  const thrown = texts
    .filter(({ isTest }) => !isTest)
    .map(({ text }) => text)
    .join("\n");
  const asserted = texts
    .filter(({ isTest }) => isTest)
    .map(({ text }) => text)
    .join("\n");
  const owners = new Map();
  for (const { room, codes } of tables) {
    for (const { code, kind, means } of codes) {
      const where = `${room.dir}/errors.ts`;
      const literal = new RegExp(`(["'\`])${code}\\1`);
      if (!(kind in KINDS) || typeof means !== "string" || means.length < 15)
        report("error-entry", where, `${code} needs one of the four kinds and a sentence`);
      if (owners.has(code)) report("error-twice", where, `${code} is also a code of ${owners.get(code)}`);
      owners.set(code, room.id);
      if (!literal.test(thrown)) report("error-never-thrown", where, `${code} is thrown nowhere`);
      if (!literal.test(asserted)) report("error-never-asserted", where, `${code} is asserted by no test`);
    }
  }
}

function errorsPage(tables) {
  const lines = [
    "# Error codes",
    "",
    "Every error of Sigillum carries one of these codes. The page is made from the tables in the code by `npm run check:docs -- --write`.",
    "",
    ...Object.entries(KINDS).map(([kind, means]) => `- **${kind}**: ${means}`),
  ];
  let folder;
  for (const { room, codes } of tables) {
    if (room.folder !== folder) lines.push("", `## ${room.folder}`);
    folder = room.folder;
    lines.push("", `### ${room.name}`, "", "| code | kind | what it means |", "| --- | --- | --- |");
    for (const { code, kind, means } of codes)
      lines.push(`| \`${code}\` | ${kind} | ${sentence(means).replaceAll("|", "\\|")} |`);
  }
  return `${lines.join("\n")}\n`;
}

function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, "..");
  if (process.argv.includes("--write")) await writeDocs(root);
  else {
    const problems = await checkDocs(root);
    for (const { rule, where, message } of problems) console.log(`${where}: ${message} [${rule}]`);
    console.log(
      problems.length === 0 ? "docs: in order" : `docs: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}`,
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  }
}
