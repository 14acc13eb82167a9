// npm test, and the suites of test/: node:test behind a wrapper that is never green with nothing checked. It fails unless node exited with
// 0, said its last word, something passed, and every file reported a test of its own. Last line: `N passed, N failed`.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { filesBelow, readLayout } from "./layout.mjs";
import { MARK } from "./reporter.mjs";
import { findTestHabits } from "./source.mjs";

const TEST_FILE = /\.test\.(?:ts|mjs)$/;
const TOOLS = import.meta.dirname;

/** The test files that `npm test`, a suite or paths stand for, relative to `root`. A path without a test file is a problem. */
export function selectTests(root, { suite, paths }) {
  if (paths.length > 0) {
    const found = paths.map((path) => [path, below(root, relative(root, resolve(root, path)))]);
    return {
      files: [...new Set(found.flatMap(([, files]) => files))],
      problems: found.filter(([, files]) => files.length === 0).map(([path]) => `${path}: no test file`),
    };
  }
  const files =
    suite === undefined
      ? ["packages", "tools", "test/e2e"].flatMap((directory) => below(root, directory))
      : below(root, `test/${suite}`);
  return { files, problems: files.length === 0 ? [`${suite === undefined ? "npm test" : `test/${suite}`}: no test file`] : [] };
}

function below(root, path) {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isDirectory()) return filesBelow(root, path, (name) => TEST_FILE.test(name));
  return TEST_FILE.test(path) ? [path] : [];
}

/** Files of pure rooms share one process (toolchain: 0.4 s instead of 6); every other file has a process of its own. */
export function groupTests(root, files) {
  const layout = existsSync(join(root, "architecture.json")) ? readLayout(root) : undefined;
  const isPure = (file) => layout?.rooms.get(/^packages\/([^/]+)\/src\/([^/]+)\//.exec(file)?.slice(1).join("/"))?.pure === true;
  const groups = [
    { name: "pure rooms", isolation: "none", files: files.filter(isPure) },
    { name: "other rooms, tools, whole", isolation: "process", files: files.filter((file) => !isPure(file)) },
  ];
  return groups.filter((group) => group.files.length > 0);
}

/**
 * Run one group to its end: counts, and every reason why it is not green. `idleMs` is how long nothing may happen before the
 * run is ended; node's own timeout does not end a file that leaves a handle open.
 */
export async function runGroup(
  root,
  group,
  { timeoutMs, idleMs = timeoutMs + 30_000, say = (text) => process.stdout.write(text) },
) {
  const result = { passed: 0, failed: 0, skips: [], ended: false, seen: new Set(), done: new Set(), idle: false };
  const args = [
    "--conditions=@sigillum/source",
    `--import=${join(TOOLS, "test-guard.mjs")}`,
    "--test",
    "--test-concurrency=2",
    `--test-isolation=${group.isolation}`,
    `--test-timeout=${timeoutMs}`,
    `--test-reporter=${join(TOOLS, "reporter.mjs")}`,
    ...group.files,
  ];
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
    env: cleanEnvironment(),
  });
  let heard = Date.now();
  const watch = setInterval(
    () => {
      if (Date.now() - heard < idleMs || result.idle) return;
      result.idle = true;
      endTree(child);
    },
    Math.min(1000, idleMs),
  );
  const forward = endTree.bind(undefined, child);
  process.once("exit", forward);
  readLines(child.stdout, (line) => {
    heard = Date.now();
    takeLine(result, line, say);
  });
  child.stderr.on("data", (text) => say(String(text)));
  const exit = await new Promise((done) => child.once("close", (code, signal) => done(code ?? signal)));
  clearInterval(watch);
  process.off("exit", forward);
  return { ...result, problems: problemsOf(group, result, exit, idleMs) };
}

function cleanEnvironment() {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  return env;
}

/** The group of processes that we started, and no other. */
function endTree(child) {
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // it ended by itself in between
  }
}

function readLines(stream, take) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) take(line);
  });
  stream.on("end", () => rest !== "" && take(rest));
}

function takeLine(result, line, say) {
  const mark = line.indexOf(MARK);
  if (mark !== 0) say(mark < 0 ? `${line}\n` : line.slice(0, mark));
  if (mark < 0) return;
  const record = JSON.parse(line.slice(mark + 1));
  if (record.kind === "output") say(record.text);
  if (record.kind === "end") result.ended = true;
  if (record.kind === "file") result.done.add(record.file);
  if (["pass", "fail", "skip"].includes(record.kind)) result.seen.add(record.file);
  if (record.kind === "pass") result.passed += 1;
  if (record.kind === "skip") result.skips.push(record);
  if (record.kind === "fail") {
    result.failed += 1;
    say(`FAIL ${record.file}:${record.line} ${record.name}\n${indent(record.message)}\n`);
  }
}

function indent(text) {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

function problemsOf(group, result, exit, idleMs) {
  const problems = [];
  const open = group.isolation === "process" ? group.files.filter((file) => !result.done.has(file)) : group.files;
  if (result.idle)
    problems.push(
      `nothing happened for ${idleMs / 1000} s: a promise never settles or a handle stays open in ${open.slice(0, 5).join(", ")}`,
    );
  else if (!result.ended) problems.push(`node ended (${exit}) without a last word: something ended the process`);
  for (const file of result.ended ? group.files.filter((each) => !result.seen.has(each)) : [])
    problems.push(`${file}: reported no test of its own`);
  if (exit !== 0 && result.failed === 0 && problems.length === 0)
    problems.push(`node exited with ${exit} though no test failed: a rejection nobody handles, or an error outside the tests`);
  return problems;
}

/** The whole run: the counts for the last line. Every problem counts as a failure. */
export async function runTests(root, selection, options) {
  const say = options.say ?? ((text) => process.stdout.write(text));
  const { files, problems } = selectTests(root, selection);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    for (const habit of findTestHabits(readFileSync(join(root, file), "utf8")))
      problems.push(`${file}:${habit.line}: ${habit.message}`);
  }
  for (const group of groupTests(root, files)) {
    const start = performance.now();
    const result = await runGroup(root, group, { ...options, say });
    total.passed += result.passed;
    total.failed += result.failed;
    total.skipped += result.skips.length;
    for (const skip of result.skips) say(`SKIP ${skip.file}:${skip.line} ${skip.name}: ${skip.reason}\n`);
    problems.push(...result.problems);
    say(
      `${group.name}: ${result.passed} passed in ${group.files.length} files, ${((performance.now() - start) / 1000).toFixed(1)} s\n`,
    );
  }
  if (total.passed === 0 && total.failed === 0 && problems.length === 0) problems.push("nothing passed: nothing was checked");
  for (const problem of problems) say(`FAIL ${problem}\n`);
  total.failed += problems.length;
  return total;
}

function parse(args) {
  const at = args.indexOf("--suite");
  const suite = at < 0 ? undefined : args[at + 1];
  const paths = args.filter((arg, i) => !arg.startsWith("--") && (at < 0 || i !== at + 1));
  return { suite, paths };
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  const selection = parse(process.argv.slice(2));
  const { passed, failed, skipped } = await runTests(join(TOOLS, ".."), selection, {
    timeoutMs: selection.suite === undefined ? 120_000 : 600_000,
  });
  console.log(`${passed} passed, ${failed} failed${selection.suite === "interop" ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed === 0 ? 0 : 1;
}
