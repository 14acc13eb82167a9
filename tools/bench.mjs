// npm run bench: measures the rows of packages/*/bench/*.bench.ts. `-- ROW…` takes rows by name or by the part before a dot, `-- --json` prints
// a JSON object a line, `-- --list` the names alone. A row: {name, run(): Promise<{median, unit, spread: [low, high], floor?, peer?}>}.
import { cpus } from "node:os";
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
export function rowObject(name, { median, unit, spread, floor, peer }) {
  return { row: name, median, unit, spread, ...(floor === undefined ? {} : { floor }), ...(peer === undefined ? {} : { peer }) };
}

/** A line of the table: name, median and spread, and the ratios to the floor and to the peer measured in the same run. */
export function tableLine({ row, median, unit, spread, floor, peer }) {
  const ratio = (what, { name, ratio: times }) => `  ${times.toFixed(2)}× ${what} (${name})`;
  const value = `${figure(median)} ${unit}`.padEnd(18);
  return `${row.padEnd(22)} ${value} ${`${figure(spread[0])} to ${figure(spread[1])}`.padEnd(22)}${floor ? ratio("floor", floor) : ""}${peer ? ratio("peer", peer) : ""}`.trimEnd();
}

function figure(value) {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
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
  for (const { name, run } of rows) {
    try {
      const object = rowObject(name, await run());
      console.log(json ? JSON.stringify(object) : tableLine(object));
    } catch (error) {
      failed += 1;
      console.error(`${name}: ${error.stack}`);
    }
  }
  return failed === 0 && rows.length > 0 ? 0 : 1;
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv.slice(2));
