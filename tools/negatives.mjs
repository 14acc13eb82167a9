// npm run negatives -- DIRECTORY writes the negative bundles of test/conformance/negatives in the layout of sigstore-conformance, fresh keys
// each time. `--prove` shows for each which one check refuses it: with a single mutant, the check switched off, it verifies. `--prove --write`
// searches for those switches again and records them in switches.json; a case that has none says why there.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { mutantsOfRoom } from "./mutants.mjs";

const TOOLS = import.meta.dirname;
const ROOT = join(TOOLS, "..");
const CASES = join(ROOT, "test/conformance/negatives");
const SWITCHES = join(CASES, "switches.json");
const ROOMS = [
  "bundle",
  "verification",
  "log-entry",
  "checkpoint",
  "merkle",
  "x509",
  "ct",
  "timestamp",
  "attestation",
  "trusted-root",
  "crypto",
  "encoding",
];

async function makeAll() {
  const { createSigstores } = await import("../test/conformance/negatives/case.ts");
  const { negativeCases } = await import("../test/conformance/negatives/cases.ts");
  const sigstores = await createSigstores();
  const made = [];
  for (const { make, ...about } of negativeCases) made.push({ ...about, made: await make(sigstores) });
  return made;
}

/** A table of the cases, a line each. */
export function tableOf(cases) {
  const cell = (text) => text.replaceAll("|", "\\|");
  return [
    "| folder | rule | what is wrong | Sigillum's code |",
    "|---|---|---|---|",
    ...cases.map(({ name, rule, wrong, code }) => `| \`${name}_fail\` | ${rule} | ${cell(wrong)} | ${code} |`),
  ].join("\n");
}

/** Write the data set. */
export function writeDataSet(directory, cases) {
  for (const { name, made } of cases) {
    const folder = join(directory, `${name}_fail`);
    mkdirSync(folder, { recursive: true });
    const write = (file, content) => writeFileSync(join(folder, file), content);
    write("bundle.sigstore.json", made.bundle);
    write("trusted_root.json", made.trustedRoot);
    write("artifact", made.artifact);
    if ("key" in made.signer) write("key.pub", made.signer.key);
    else {
      write("identity", made.signer.san);
      write("issuer", made.signer.issuer);
    }
  }
  const lead =
    "# Negative bundles\n\nEach folder holds a bundle that must be refused, with everything that it is verified against: it differs from one that verifies in\nexactly one way. The layout is that of sigstore-conformance's `bundle-verify`. The rules are the sections of the Sigstore client\nspecification's reading in this project's conformance notes.\n\n";
  writeFileSync(join(directory, "README.md"), `${lead}${tableOf(cases)}\n`);
}

/** The functions of our own that stand on an error's stack, as file and function. */
export function framesOf(stack) {
  return stack
    .split("\n")
    .flatMap((line) => {
      const match = /at (?:async )?(?:new )?(\S+) \(.*?(packages\/library\/src\/[^:)]+):\d+:\d+\)/.exec(line);
      return match === null ? [] : [{ owner: match[1].split(".").at(-1), file: match[2] }];
    })
    .filter(({ file }) => !file.includes("/testing/"));
}

// Run in a process of its own, which may have a mutant loaded: the names of those cases that verify, or every case's stack.
async function child(file, mode, names) {
  const { verifyCase } = await import("../test/conformance/negatives/case.ts");
  const cases = JSON.parse(readFileSync(file, "utf8"));
  const found = [];
  for (const { name, made } of cases) {
    if (names.length > 0 && !names.includes(name)) continue;
    const given = { ...made, artifact: Uint8Array.from(made.artifact) };
    try {
      verifyCase(given, "path");
      found.push(name);
    } catch (error) {
      if (mode === "stacks") found.push({ name, frames: framesOf(error.stack) });
    }
  }
  console.log(JSON.stringify(found));
}

function runChild(file, mode, names, mutant) {
  const preload = mutant === undefined ? [] : [`--import=${join(TOOLS, "mutant-load.mjs")}`];
  const self = import.meta.filename;
  const args = [
    "--max-old-space-size=512",
    "--stack-trace-limit=30",
    "--conditions=@sigillum/source",
    ...preload,
    self,
    "--child",
    file,
    mode,
    ...names,
  ];
  const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE };
  if (mutant !== undefined) env.SIGILLUM_MUTANT = JSON.stringify({ ...mutant, file: join(ROOT, mutant.file) });
  const process_ = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"], env });
  let output = "";
  process_.stdout.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((done) => {
    const timer = setTimeout(() => process_.kill("SIGKILL"), 30_000);
    process_.once("close", (code) => {
      clearTimeout(timer);
      done(code === 0 ? JSON.parse(output) : []);
    });
  });
}

async function inParallel(items, run) {
  let next = 0;
  const work = async () => {
    while (next < items.length) await run(items[next++]);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

const keyOf = ({ file, owner, code, before, after }) => JSON.stringify([file, owner, code, before, after]);

// Throws first, then calls and conditions: what names a check most plainly is recorded.
const PLAINNESS = ["throw", "call", "condition", "comparison", "answer", "negation", "early return"];

async function search(file, mutants) {
  const stacks = await runChild(file, "stacks", []);
  const switches = {};
  const wanted = new Map(); // mutant -> names of the cases whose stack has its function
  for (const { name, frames } of stacks) {
    for (const mutant of mutants)
      if (frames.slice(0, 6).some((frame) => frame.file === mutant.file && frame.owner === mutant.owner))
        wanted.set(mutant, [...(wanted.get(mutant) ?? []), name]);
  }
  const ordered = [...wanted].sort(([a], [b]) => PLAINNESS.indexOf(a.kind) - PLAINNESS.indexOf(b.kind));
  await inParallel(ordered, async ([mutant, names]) => {
    const open = names.filter((name) => switches[name] === undefined);
    if (open.length === 0) return;
    for (const name of await runChild(file, "verify", open, mutant)) {
      const { file: path, owner, code, before, after } = mutant;
      switches[name] ??= { file: path, owner, code, before, after };
    }
  });
  return switches;
}

async function prove(write) {
  const cases = await makeAll();
  const directory = mkdtempSync(join(tmpdir(), "sigillum-negatives-"));
  try {
    const file = join(directory, "cases.json");
    writeFileSync(
      file,
      JSON.stringify(cases.map(({ name, made }) => ({ name, made: { ...made, artifact: [...made.artifact] } }))),
    );
    const mutants = ROOMS.flatMap((room) => mutantsOfRoom(ROOT, room));
    if (write) {
      const found = await search(file, mutants);
      const earlier = JSON.parse(readFileSync(SWITCHES, "utf8"));
      const record = Object.fromEntries(cases.map(({ name }) => [name, found[name] ?? { none: earlier[name]?.none ?? "" }]));
      writeFileSync(SWITCHES, `${JSON.stringify(record, null, 1)}\n`);
    }
    return await check(file, cases, mutants);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function check(file, cases, mutants) {
  const switches = JSON.parse(readFileSync(SWITCHES, "utf8"));
  const byKey = new Map(mutants.map((mutant) => [keyOf(mutant), mutant]));
  const groups = new Map();
  const problems = [];
  let without = 0;
  for (const { name, code } of cases) {
    const recorded = switches[name];
    if (recorded === undefined) problems.push(`${name}: switches.json does not have it`);
    else if (recorded.none !== undefined) {
      without += 1;
      if (recorded.none === "") problems.push(`${name} (${code}): no switch makes it verify, and no reason is given`);
    } else groups.set(keyOf(recorded), [...(groups.get(keyOf(recorded)) ?? []), name]);
  }
  await inParallel([...groups], async ([key, names]) => {
    const mutant = byKey.get(key);
    const verified = mutant === undefined ? [] : await runChild(file, "verify", names, mutant);
    for (const name of names)
      if (!verified.includes(name)) problems.push(`${name}: does not verify with its check switched off: ${key}`);
  });
  for (const problem of problems) console.log(problem);
  console.log(
    `${cases.length} negatives: ${cases.length - without} verify with one of ${groups.size} checks switched off, ${without} have no check that can be switched off alone`,
  );
  console.log(`${cases.length - problems.length} passed, ${problems.length} failed`);
  return problems.length === 0 ? 0 : 1;
}

async function main(args) {
  if (args[0] === "--child") return child(args[1], args[2], args.slice(3));
  if (args.includes("--prove")) {
    process.exitCode = await prove(args.includes("--write"));
    return undefined;
  }
  const [directory] = args;
  if (directory === undefined) throw new Error("npm run negatives -- DIRECTORY, or -- --prove");
  const cases = await makeAll();
  writeDataSet(resolve(directory), cases);
  console.log(`${cases.length} negative bundles in ${directory}`);
  return undefined;
}

if (import.meta.main) await main(process.argv.slice(2));
