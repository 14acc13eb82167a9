// npm run test:mutation -- ROOM[/FILE]…: changes every throw, comparison and early return of a room, one at a time, and runs the tests that must
// notice: the room's own, then those of `verification`. `--changed` mutates files changed since the last commit on main (on main itself: since
// before the landing), `--minutes N` stops and says how much it left out, `--again` runs what survived last time, `--list` only counts. Exit 0
// only if none survives that is not excluded.
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

/** Run tests on a mutant (or on none): what killed it, or undefined, and the processor's time that a whole run took. */
function runTests(root, mutant, tests, limits) {
  const preload = mutant === undefined ? [] : [`--import=${join(TOOLS, "mutant-load.mjs")}`];
  // A mutant that loops must not take the machine with it.
  const args = ["--max-old-space-size=512", "--conditions=@sigillum/source", ...preload, "--test", "--test-isolation=none"];
  const words = [process.execPath, ...args, `--test-reporter=${join(TOOLS, "mutant-reporter.mjs")}`, ...tests];
  const [program, ...given] = withCpuLimit(words, limits.cpuSeconds);
  const child = spawn(program, given, {
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
    const timer = setTimeout(() => child.kill("SIGKILL"), limits.wallMs);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const cpuMs = Number(/^CPU (\d+)$/m.exec(output)?.[1] ?? 0);
      if (code === 0) resolve({ cpuMs });
      else
        resolve({
          cpuMs,
          killer: /^KILLED (.*)$/m.exec(output)?.[1] ?? (signal === null ? "it does not load" : "it does not end"),
        });
    });
  });
}

// By the processor's time, which is the same however busy the machine is: a mutant that loops is ended when it has used up what is enough.
function withCpuLimit(words, seconds) {
  return process.platform === "win32" ? words : ["sh", "-c", `ulimit -t ${seconds}; exec "$@"`, "sh", ...words];
}

async function judge(root, room, mutant, limits) {
  const own = await runTests(root, mutant, testsOf(root, room), limits);
  if (own.killer !== undefined || room === "verification") return own;
  const more = await runTests(root, mutant, testsOf(root, "verification"), limits);
  return { ...more, cpuMs: Math.max(own.cpuMs, more.cpuMs) };
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
  const before = contentsOf(root, files);
  const limits = queue.length > 0 && Date.now() < deadline ? await limitsOf(root, room) : undefined;
  const report = flags.has("--again") || changed !== undefined ? { ...earlier } : {};
  const survivors = [];
  let [next, done] = [0, 0];
  const work = async () => {
    while (limits !== undefined && next < queue.length && Date.now() < deadline) {
      const mutant = queue[next++];
      const { killer } = await judge(root, room, mutant, limits);
      report[mutantName(mutant)] = killer ?? null;
      done += 1;
      if (killer === undefined) survivors.push(mutant);
      if (process.stderr.isTTY) process.stderr.write(`\r${target}: ${done} of ${queue.length}, ${survivors.length} survive `);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, work));
  // A mutant of a file that is no longer what it was does not load, and would count as killed.
  if (contentsOf(root, files) !== before) throw new Error(`${target} was changed while its mutants ran: run it again`);
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
    ...countKillers(marked.map((mutant) => report[mutantName(mutant)])),
  };
}

// What a run may take: four times what it takes without a mutant.
async function limitsOf(root, room) {
  const started = performance.now();
  const { killer, cpuMs } = await judge(root, room, undefined, { cpuSeconds: 300, wallMs: 1_800_000 });
  if (killer !== undefined) throw new Error(`the tests of ${room} fail without any mutant: ${killer}`);
  return { cpuSeconds: Math.ceil(3 + (4 * cpuMs) / 1000), wallMs: 60_000 + 20 * (performance.now() - started) };
}

function contentsOf(root, files) {
  return [...files].map((path) => readFileSync(join(root, path), "utf8")).join("");
}

const NO_TEST = new Map([
  ["it does not load", "unloaded"],
  ["it does not end", "endless"],
]);

/** How many tests killed, and how many mutants were killed by none: they do not load, or do not end. */
export function countKillers(killers) {
  const counts = { tests: 0, unloaded: 0, endless: 0 };
  const tests = new Set();
  for (const killer of killers) {
    const other = NO_TEST.get(killer);
    if (other !== undefined) counts[other] += 1;
    else if (killer != null) tests.add(killer);
  }
  return { ...counts, tests: tests.size };
}

/** A mutant in one line. */
export function describe({ file, line, kind, before, after, owner }) {
  const short = (text) => (text.length > 70 ? `${text.slice(0, 69)}…` : text).replace(/\s+/g, " ");
  return `${file}:${line} ${owner}: ${kind} ${short(before)} -> ${after === ";" ? "nothing" : short(after)}`;
}

/** How far back a landing on main reaches: a session's commits come together, and none says which was there before. */
const LANDING_HOURS = 3;

/** The commit that `--changed` compares with: main, and on main (or where there is none) the newest that was there before this landing. */
export function changedBase(root) {
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  const commitOf = (name) => {
    try {
      return git("rev-parse", "--verify", "--quiet", `${name}^{commit}`);
    } catch {
      return undefined; // there is no such branch
    }
  };
  const [head, main] = [commitOf("HEAD"), commitOf("main")];
  if (main !== undefined && main !== head) return main;
  const before = Number(git("log", "-1", "--format=%ct")) - LANDING_HOURS * 3600;
  const emptyTree = git("hash-object", "-t", "tree", "/dev/null");
  return git("rev-list", "-1", "--first-parent", `--before=${before}`, "HEAD") || emptyTree;
}

function changedFiles(root) {
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\n").filter(Boolean);
  const base = changedBase(root);
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
    const { mutants, killed, survivors, excluded, leftOut, tests, unloaded, endless } = result;
    const by = tests === undefined ? "" : ` (by ${tests} tests; ${unloaded} do not load, ${endless} do not end)`;
    console.log(
      `${target.padEnd(14)} ${mutants} mutants: ${killed} killed${by}, ${survivors.length} survived, ${excluded} excluded with a reason, ${leftOut} left out`,
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
