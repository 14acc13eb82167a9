// npm run check: types, lint and format, architecture, docs, tests, in this order, all of them even when one fails. Last line: the sum, a
// step without counts of its own being one check.
import { spawn } from "node:child_process";
import { join } from "node:path";

const STEPS = ["check:types", "check:lint", "check:architecture", "check:docs", "test"];

/** The counts in the last line of a run's output that has them, else undefined. */
export function closingCounts(output) {
  const match = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  return match === undefined ? undefined : { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
}

/** What one step adds to the sum: its own counts, or one; a step that exited badly adds at least one failure. */
export function countStep(exit, output) {
  const counts = closingCounts(output) ?? { passed: exit === 0 ? 1 : 0, failed: 0 };
  return { passed: counts.passed, failed: exit !== 0 && counts.failed === 0 ? 1 : counts.failed };
}

/** Run a script of package.json to its end and show what it says; its exit code, its output and how long it took. */
async function runScript(root, script) {
  const start = performance.now();
  const child = spawn("npm", ["run", "--silent", script], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  let output = "";
  for (const [stream, target] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    stream.on("data", (chunk) => {
      output += chunk;
      target.write(chunk);
    });
  }
  const exit = await new Promise((done) => {
    child.once("close", (code, signal) => done(code ?? signal));
    child.once("error", () => done("not started"));
  });
  return { script, exit, output, seconds: (performance.now() - start) / 1000 };
}

async function main() {
  const root = join(import.meta.dirname, "..");
  const total = { passed: 0, failed: 0 };
  const table = [];
  for (const script of STEPS) {
    console.log(`── ${script}`);
    const result = await runScript(root, script);
    const { passed, failed } = countStep(result.exit, result.output);
    total.passed += passed;
    total.failed += failed;
    table.push(`${script.padEnd(20)} ${failed === 0 ? "good  " : "failed"} ${result.seconds.toFixed(1).padStart(7)} s`);
  }
  console.log(`──\n${table.join("\n")}\n${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) process.exitCode = await main();
