// npm run bench: measures the rows of packages/*/bench/*.bench.ts. `-- ROW…` takes rows by name or by the part before a dot, `-- --json` prints
// a JSON object a line, `-- --list` the names alone, `-- --write` puts what was measured into docs/performance.md. A row: {name, run(): Promise<{median, unit, spread: [low, high], floor?, peer?, others?}>}.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { filesBelow } from "./layout.mjs";

/** Every row of the checkout at `root`, in the order of files and of rows in them. Two rows of one name are an error. */
export async function readRows(root) {
  const rows = [];
  for (const path of filesBelow(root, "packages", (name) => name.endsWith(".bench.ts"))) {
    const module = await import(pathToFileURL(join(root, path)).href);
    if (!Array.isArray(module.rows)) throw new Error(`${path} exports no rows`);
    for (const row of module.rows) {
      if (rows.some(({ name }) => name === row.name)) throw new Error(`${path}: ${row.name} is the name of another row too`);
      rows.push(row);
    }
  }
  return rows;
}

/** The rows that `names` ask for: a whole name, or a part of it up to a dot. Without names all of them. */
export function selectRows(rows, names) {
  const asked = (row, name) => row.name === name || row.name.startsWith(`${name}.`);
  const unknown = names.find((name) => !rows.some((row) => asked(row, name)));
  if (unknown !== undefined)
    throw new Error(`no row is called ${unknown}; there are ${rows.map(({ name }) => name).join(", ") || "none"}`);
  return names.length === 0 ? rows : rows.filter((row) => names.some((name) => asked(row, name)));
}

/** One row's JSON object, with the fields in their fixed order. */
export function rowObject(name, { median, unit, spread, floor, peer, others, notes }) {
  const optional = Object.entries({ floor, peer, others, notes }).filter(([, value]) => value !== undefined);
  return { row: name, median, unit, spread, ...Object.fromEntries(optional) };
}

/** What else was measured in a row, as lines below it. */
export function noteLines({ notes = {} }) {
  const entries = Object.entries(notes).map(([name, value]) => `${name} ${typeof value === "number" ? figureOf(value) : value}`);
  const lines = [];
  for (const entry of entries) {
    const last = lines.at(-1);
    if (last === undefined || last.length + entry.length > 120) lines.push(`    ${entry}`);
    else lines[lines.length - 1] = `${last}, ${entry}`;
  }
  return lines;
}

function figureOf(value) {
  return Number.isInteger(value) ? value.toLocaleString("en-US") : String(value);
}

/** A line of the table: name, median and spread, and the ratios to the floor and to the peer measured in the same run. */
export function tableLine({ row, median, unit, spread, floor, peer, others = [] }) {
  const ratio = (what, { name, ratio: times }) => `  ${times.toFixed(2)}× ${what} (${name})`;
  const value = `${figure(median)} ${unit}`.padEnd(18);
  return `${row.padEnd(22)} ${value} ${`${figure(spread[0])} to ${figure(spread[1])}`.padEnd(22)}${floor ? ratio("floor", floor) : ""}${[...(peer ? [peer] : []), ...others].map((each) => ratio("peer", each)).join("")}`.trimEnd();
}

function figure(value) {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

const PAGE_HEAD = [
  "| row | median | spread | against the floor | against a peer | day | commit | load |",
  "|---|---|---|---|---|---|---|---|",
];
const [BEGIN, END] = ["<!-- bench:begin -->", "<!-- bench:end -->"];

/** The page with a table line for each measured row; lines of rows that were not measured now stay as they are. */
export function pageWith(page, objects, { day, commit, load }) {
  const [before, rest] = page.split(BEGIN);
  const [table, after] = rest?.split(END) ?? [];
  if (after === undefined) throw new Error(`docs/performance.md has no ${BEGIN} and ${END}`);
  const lines = new Map();
  for (const line of table.trim().split("\n").slice(PAGE_HEAD.length)) lines.set(line.split("|")[1]?.trim(), line);
  const ratio = (value) => (value === undefined ? "" : `${value.ratio.toFixed(2)}× ${value.name}`);
  for (const { row, median, unit, spread, floor, peer } of objects) {
    const cells = [row, `${figure(median)} ${unit}`, `${figure(spread[0])} to ${figure(spread[1])}`, ratio(floor), ratio(peer)];
    lines.set(row, `| ${[...cells, day, commit, load].join(" | ")} |`);
  }
  return `${before}${BEGIN}\n${[...PAGE_HEAD, ...lines.values()].join("\n")}\n${END}${after}`;
}

function writePage(root, objects) {
  const path = join(root, "docs/performance.md");
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).stdout?.trim() || "none";
  const measured = { day: new Date().toISOString().slice(0, 10), commit, load: loadavg()[0].toFixed(1) };
  writeFileSync(path, pageWith(readFileSync(path, "utf8"), objects, measured));
}

async function main(args) {
  const json = args.includes("--json");
  const rows = selectRows(
    await readRows(join(import.meta.dirname, "..")),
    args.filter((arg) => !arg.startsWith("--")),
  );
  if (args.includes("--list")) {
    for (const { name } of rows) console.log(name);
    return 0;
  }
  if (!json) console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}\n`);
  let failed = 0;
  const objects = [];
  for (const { name, run } of rows) {
    try {
      const object = rowObject(name, await run());
      objects.push(object);
      console.log(json ? JSON.stringify(object) : [tableLine(object), ...noteLines(object)].join("\n"));
    } catch (error) {
      failed += 1;
      console.error(`${name}: ${error.stack}`);
    }
  }
  if (args.includes("--write")) writePage(join(import.meta.dirname, ".."), objects);
  return failed === 0 && rows.length > 0 ? 0 : 1;
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  process.exitCode = await main(process.argv.slice(2));
  // A row that failed half-way may have left something open: it must not keep the bench from ending.
  setTimeout(() => process.exit(), 5000).unref();
}
