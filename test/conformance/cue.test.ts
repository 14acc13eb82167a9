// CUE's own cases inside the subset. An archive that uses a construct outside it is not run, and each such construct is counted; a
// case that is run must end as CUE says, unless cue-differences.json names it: what stands there and holds after all is a failure too.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compileCue, inspectCue } from "@sigillum/policy/cue";
import { isPolicyError } from "@sigillum/policy/values";
import { type CueCase, casesOf, packageOf, parseArchive, runCase, sourcesOf } from "./cue-cases.ts";
import { conformanceData } from "./shared-data.ts";

const root = join(conformanceData, "policy", "cue");
const missing = existsSync(root) ? undefined : `SKIPPED: no CUE cases at ${root} (set SIGILLUM_CONFORMANCE_DATA)`;
const differencesFile = join(import.meta.dirname, "cue-differences.json");
const limits = { steps: 2_000_000, bytes: 512 << 20 } as const;

interface Differences {
  /** Reason → archive → cases, as `line path directive`. */
  readonly [reason: string]: Readonly<Record<string, readonly string[]>>;
}

function readDifferences(): Map<string, string> {
  const differences: Differences = JSON.parse(readFileSync(differencesFile, "utf8"));
  const known = new Map<string, string>();
  for (const [reason, archives] of Object.entries(differences))
    for (const [archive, cases] of Object.entries(archives)) for (const name of cases) known.set(`${archive} ${name}`, reason);
  return known;
}

interface Tally {
  passed: number;
  readonly outside: Map<string, number>;
  readonly failed: Map<string, string>;
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function nameOf(archive: string, { line, path, directive }: CueCase): string {
  return `${archive} ${line} ${path.replaceAll("\u0000", ".").replaceAll('"', "")} ${directive}`;
}

function runArchive(archive: string, text: string, tally: Tally): void {
  const excluded = /^#inlinetest:exclude (.*)$/m.exec(text)?.[1];
  if (excluded !== undefined) {
    count(tally.outside, `archive: ${excluded}`);
    return;
  }
  const sources = sourcesOf(parseArchive(text));
  for (const name of new Set(sources.map(packageOf))) {
    try {
      const compiled = compileCue(sources.filter((source) => packageOf(source) === name));
      const view = inspectCue(compiled, limits);
      for (const one of casesOf(compiled)) {
        const { status, reason } = runCase(view, one);
        if (status === "pass") tally.passed++;
        else if (status === "outside") count(tally.outside, `expectation: ${reason}`);
        else tally.failed.set(nameOf(archive, one), reason);
      }
    } catch (error) {
      if (!isPolicyError(error)) throw error;
      if (error.code === "CUE_UNSUPPORTED") count(tally.outside, `construct: ${error.found}`);
      else if (error.code === "CUE_IMPORT")
        count(tally.outside, `import: ${/package "[^"]*"/.exec(error.message)?.[0] ?? error.message}`);
      else tally.failed.set(`${archive} 0 ${name} whole`, `${error.code}: ${error.message}`);
    }
  }
}

describe("CUE's own cases", { skip: missing }, () => {
  it("end as CUE says inside the subset", () => {
    const tally: Tally = { passed: 0, outside: new Map(), failed: new Map() };
    const folders = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
    for (const archive of folders.filter((name) => name.endsWith(".txtar")))
      runArchive(archive, readFileSync(join(root, archive), "utf8"), tally);
    if (process.env["SIGILLUM_WRITE_DIFFERENCES"] === "1") writeDifferences(tally.failed);
    const known = readDifferences();
    const unexpected = [...tally.failed].filter(([name]) => !known.has(name)).map(([name, reason]) => `${name}: ${reason}`);
    const mended = [...known.keys()].filter((name) => !tally.failed.has(name));
    const outside = [...tally.outside].sort((a, b) => b[1] - a[1]);
    console.log(
      `CUE cases: ${tally.passed} passed, ${tally.failed.size} differ and are listed with reasons, outside the subset:`,
    );
    for (const [reason, times] of outside) console.log(`  ${times}\t${reason}`);
    assert.deepEqual(unexpected, []);
    assert.deepEqual(mended, []);
    assert.ok(tally.passed > 2400);
  });
});

/** Write the list anew, keeping the reasons that were given. */
function writeDifferences(failed: ReadonlyMap<string, string>): void {
  const before = existsSync(differencesFile) ? readDifferences() : new Map<string, string>();
  const grouped: Record<string, Record<string, string[]>> = {};
  for (const name of [...failed.keys()].sort()) {
    const [archive = "", ...rest] = name.split(" ");
    const reason = before.get(name) ?? symptom(archive, failed.get(name) ?? "");
    const archives = grouped[reason] ?? {};
    archives[archive] = [...(archives[archive] ?? []), rest.join(" ")];
    grouped[reason] = archives;
  }
  writeFileSync(differencesFile, `${JSON.stringify(grouped, undefined, 2)}\n`);
}

/** The reason that a case is listed under until somebody gives a better one: what differs. */
function symptom(archive: string, found: string): string {
  if (archive.startsWith("cycle/")) return "cycles beyond simple references";
  if (found.includes("field not allowed")) return "a field is refused that CUE lets pass";
  if (found.startsWith("no error")) return "a value is found where CUE has an error";
  if (/^error of code/.test(found)) return "an error of another class: both have one";
  if (/_EXCEEDED/.test(found)) return "takes more than the limits of this run";
  if (/matchN/.test(found)) return "matchN while its value is not decided";
  if (/found (error|_\|_)/.test(found)) return "an error is found where CUE has a value";
  return "another value is found: a disjunction not reduced, or reduced further";
}
