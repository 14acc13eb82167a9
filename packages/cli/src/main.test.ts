import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { main, version } from "./main.ts";

const home = new URL("..", import.meta.url);

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

async function run(words: readonly string[]): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  const code = await main(words, { stdout: { write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) }, stdinIsTTY: false });
  return { stdout, stderr, code };
}

interface Exchange {
  readonly command: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly code: number;
}

/** The commands of a session with what each should write; see sessions/README.md. */
function parseSession(text: string): Exchange[] {
  const exchanges: { command: string; stdout: string[]; stderr: string[]; code: number }[] = [];
  for (const line of text.split("\n")) {
    const last = exchanges.at(-1);
    if (line.startsWith("$ ")) exchanges.push({ command: line.slice(2), stdout: [], stderr: [], code: 0 });
    else if (line.startsWith("# ") || last === undefined) continue;
    else if (line.startsWith("= ")) last.code = Number(line.slice(2));
    else if (line.startsWith("! ")) last.stderr.push(line.slice(2));
    else if (line === "…" && last.stderr.length > 0 && last.stdout.length === 0) last.stderr.push(line);
    else last.stdout.push(line);
  }
  for (const exchange of exchanges) while (exchange.stdout.at(-1) === "") exchange.stdout.pop();
  return exchanges;
}

function matches(found: string, expected: readonly string[]): boolean {
  const pattern = expected.map((line) => (line === "…" ? "(?:.*\n)*?" : `${line.split("…").map(escape).join(".*")}\n`)).join("");
  return new RegExp(`^${pattern}$`, "u").test(found);
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Run a session; `values` stand for $NAME in it. */
async function runSession(name: string, values: Readonly<Record<string, string>>): Promise<void> {
  const text = (await readFile(new URL(`sessions/${name}.session`, home), "utf8")).replaceAll(/\$([A-Z]+)/g, (whole, key: string) => values[key] ?? whole);
  for (const { command, stdout, stderr, code } of parseSession(text)) {
    const [program, ...words] = command.split(" ");
    assert.equal(program, "sigillum", command);
    const found = await run(words);
    const shown = `\n$ ${command}\n${found.stdout}${found.stderr.replaceAll(/^/gm, "! ")}\n= ${found.code}\n`;
    assert.equal(found.code, code, shown);
    assert.ok(matches(found.stdout, stdout), `stdout differs from\n${stdout.join("\n")}\n${shown}`);
    assert.ok(matches(found.stderr, stderr), `stderr differs from\n${stderr.join("\n")}\n${shown}`);
  }
}

async function withHome(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-cli-"));
  const before = { home: process.env["SIGILLUM_HOME"], docker: process.env["DOCKER_CONFIG"] };
  process.env["SIGILLUM_HOME"] = join(directory, "home");
  process.env["DOCKER_CONFIG"] = join(directory, "docker");
  try {
    await use(directory);
  } finally {
    for (const [name, value] of [["SIGILLUM_HOME", before.home], ["DOCKER_CONFIG", before.docker]] as const) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true, force: true });
  }
}

describe("main", () => {
  it("carries out the session arguments", async () => {
    await withHome(async (directory) => {
      const file = join(directory, "file");
      await writeFile(file, "content");
      await runSession("arguments", { DIR: directory, FILE: file });
    });
  });

  it("has the version of the package", async () => {
    const manifest: { version: string } = JSON.parse(await readFile(new URL("package.json", home), "utf8"));
    assert.equal(version, manifest.version);
  });
});

describe("bin/sigillum.cjs", () => {
  it("starts from source without any option and passes on the exit code", async () => {
    const launcher = new URL("bin/sigillum.cjs", home).pathname;
    const found = await new Promise<Outcome>((resolve) => {
      const env = { PATH: process.env["PATH"] ?? "" };
      execFile(process.execPath, [launcher, "verify-blob"], { env }, (error, stdout, stderr) => resolve({ stdout, stderr, code: typeof error?.code === "number" ? error.code : 0 }));
    });
    assert.equal(found.code, 1);
    assert.match(found.stderr, /it takes FILE, found none/);
  });
});
