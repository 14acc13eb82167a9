// npm run test:mutation -- ROOM[/FILE]…: changes every throw, comparison and early return of a room, one at a time, and runs the tests that must
// notice: the room's own, then those of `verification`. `--changed` mutates files changed since the last commit on main, `--minutes N` stops and
// says how much it left out, `--again` runs what survived last time, `--list` only counts. Exit 0 only if none survives that is not excluded.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { mutantsOfRoom } from "./mutants.mjs";

const TOOLS = import.meta.dirname;
const TARGETS = ["verification", "merkle", "checkpoint", "x509/path", "ct", "timestamp"];

/** What the command line asks for. */
export function readArguments(args) {
  const minutes = args.includes("--minutes") ? Number(args[args.indexOf("--minutes") + 1]) : Number.POSITIVE_INFINITY;
  if (Number.isNaN(minutes)) throw new Error("--minutes takes a number");
  const targets = args.filter((arg, i) => !arg.startsWith("--") && args[i - 1] !== "--minutes");
  const flags = new Set(args.filter((arg) => arg.startsWith("--")));
  return { targets: targets.length === 0 ? TARGETS : targets, minutes, flags };
}

/** Whether an exclusion is about this mutant: it names the file, the function, the line's text and the change, never a line number. */
export function isExcluded(mutant, exclusion) {
  return ["file", "owner", "code", "before", "after"].every(
    (key) => exclusion[key] === undefined || exclusion[key] === mutant[key],
  );
}

/** The mutants with the reason of each that is excluded, and the exclusions that are about nothing. */
export function applyExclusions(mutants, exclusions) {
  const used = new Set();
  const marked = mutants.map((mutant) => {
    const exclusion = exclusions.find((one) => isExcluded(mutant, one));
    if (exclusion === undefined) return mutant;
    used.add(exclusion);
    return { ...mutant, excluded: exclusion.reason };
  });
  return { marked, stale: exclusions.filter((one) => !used.has(one)) };
}

/** A name for a mutant that outlives edits elsewhere in the file. */
export function mutantName({ file, owner, code, before, after }) {
  return createHash("sha256")
    .update(JSON.stringify([file, owner, code, before, after]))
    .digest("hex")
    .slice(0, 16);
}

function testsOf(root, room) {
  const folder = join("packages/library/src", room);
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(folder, name));
}

/** Run tests on a mutant (or on none): what killed it, or undefined. */
function runTests(root, mutant, tests, timeoutMs) {
  const preload = mutant === undefined ? [] : [`--import=${join(TOOLS, "mutant-load.mjs")}`];
  // A mutant that loops must not take the machine with it.
  const args = ["--max-old-space-size=512", "--conditions=@sigillum/source", ...preload, "--test", "--test-isolation=none"];
  const child = spawn(process.execPath, [...args, `--test-reporter=${join(TOOLS, "mutant-reporter.mjs")}`, ...tests], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...(mutant === undefined ? {} : { SIGILLUM_MUTANT: JSON.stringify({ ...mutant, file: join(root, mutant.file) }) }),
    },
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(undefined);
      else resolve(/^KILLED (.*)$/m.exec(output)?.[1] ?? (signal === null ? "it does not load" : "it does not end"));
    });
  });
}

async function judge(root, room, mutant, timeoutMs) {
  const own = await runTests(root, mutant, testsOf(root, room), timeoutMs);
  if (own !== undefined || room === "verification") return own;
  return runTests(root, mutant, testsOf(root, "verification"), timeoutMs);
}

async function runRoom(root, target, { flags, deadline, changed, exclusions }) {
  const [room, only] = target.split("/");
  const wanted = (path) => (only === undefined || path.endsWith(`/${only}.ts`)) && (changed === undefined || changed.has(path));
  const { marked, stale } = applyExclusions(mutantsOfRoom(root, room, wanted), exclusions);
  // Only of files that were mutated whole can it be said that an exclusion is about nothing.
  const files = new Set(marked.map(({ file }) => file));
  const gone = stale.filter(({ file }) => files.has(file));
  const reportFile = join(root, "node_modules/.cache/mutation", `${target.replace("/", "-")}.json`);
  const earlier = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, "utf8")) : {};
  const isDue = (mutant) => mutant.excluded === undefined && !(flags.has("--again") && earlier[mutantName(mutant)] != null);
  const queue = marked.filter(isDue);
  const excluded = marked.filter((mutant) => mutant.excluded !== undefined).length;
  if (flags.has("--list")) {
    for (const mutant of queue) console.log(describe(mutant));
    return { target, mutants: marked.length, killed: 0, survivors: [], gone, excluded, leftOut: queue.length };
  }
  const started = performance.now();
  if (queue.length > 0 && (await judge(root, room, undefined, 300_000)) !== undefined)
    throw new Error(`the tests of ${room} fail without any mutant`);
  const timeoutMs = 5000 + 4 * (performance.now() - started);
  const report = flags.has("--again") || changed !== undefined ? { ...earlier } : {};
  const survivors = [];
  let [next, done] = [0, 0];
  const work = async () => {
    while (next < queue.length && Date.now() < deadline) {
      const mutant = queue[next++];
      const killer = await judge(root, room, mutant, timeoutMs);
      report[mutantName(mutant)] = killer ?? null;
      done += 1;
      if (killer === undefined) survivors.push(mutant);
      if (process.stderr.isTTY) process.stderr.write(`\r${target}: ${done} of ${queue.length}, ${survivors.length} survive `);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, work));
  mkdirSync(join(root, "node_modules/.cache/mutation"), { recursive: true });
  writeFileSync(reportFile, JSON.stringify(report));
  const killed = marked.length - excluded - survivors.length - (queue.length - done);
  return {
    target,
    mutants: marked.length,
    killed,
    survivors,
    gone,
    excluded,
    leftOut: queue.length - done,
    tests: countTests(report),
  };
}

function countTests(report) {
  return new Set(Object.values(report).filter((killer) => killer !== null)).size;
}

/** A mutant in one line. */
export function describe({ file, line, kind, before, after, owner }) {
  const short = (text) => (text.length > 70 ? `${text.slice(0, 69)}…` : text).replace(/\s+/g, " ");
  return `${file}:${line} ${owner}: ${kind} ${short(before)} -> ${after === ";" ? "nothing" : short(after)}`;
}

function changedFiles(root) {
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\n").filter(Boolean);
  const base = git("rev-parse", "--abbrev-ref", "HEAD")[0] === "main" ? "HEAD~1" : "main";
  return new Set([...git("diff", "--name-only", base), ...git("ls-files", "--others", "--exclude-standard")]);
}

async function main(args) {
  const root = join(TOOLS, "..");
  const { targets, minutes, flags } = readArguments(args);
  const exclusions = JSON.parse(readFileSync(join(TOOLS, "mutation-exclusions.json"), "utf8"));
  const deadline = Date.now() + minutes * 60_000;
  const changed = flags.has("--changed") ? changedFiles(root) : undefined;
  const results = [];
  for (const target of targets) {
    const result = await runRoom(root, target, { flags, deadline, changed, exclusions });
    results.push(result);
    for (const mutant of result.survivors) console.log(`survived  ${describe(mutant)}`);
    for (const { file, code } of result.gone) console.log(`excluded for nothing  ${file}: ${code}`);
    const { mutants, killed, survivors, excluded, leftOut, tests } = result;
    console.log(
      `${target.padEnd(14)} ${mutants} mutants: ${killed} killed${tests === undefined ? "" : ` (by ${tests} tests)`}, ${survivors.length} survived, ${excluded} excluded with a reason, ${leftOut} left out`,
    );
  }
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const survived = results.reduce((total, { survivors, gone }) => total + survivors.length + gone.length, 0);
  console.log(
    `${sum("mutants")} mutants, ${sum("killed")} killed, ${survived} survived, ${sum("excluded")} excluded, ${sum("leftOut")} left out`,
  );
  console.log(`${sum("killed")} passed, ${survived} failed`);
  return survived === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
