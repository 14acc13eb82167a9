// The examples in the READMEs of rooms are run, so that none of them is wrong. Of one that needs what is not there (a service, a value
// of the reader's) only the imports are: ```ts not-run
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { filesBelow } from "./layout.mjs";

const root = join(import.meta.dirname, "..");

/** The TypeScript examples of a page: `{line, runs, text}`. */
export function examplesOf(page) {
  return [...page.matchAll(/^```ts([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    line: page.slice(0, match.index).split("\n").length,
    runs: match[1].trim() !== "not-run",
    text: match[2],
  }));
}

function importsOf(text) {
  return [...text.matchAll(/^import\b[^;]*?from "[^"]+";$/gm)].map(([statement]) => statement).join("\n");
}

function run(file) {
  return new Promise((done) => {
    const child = spawn(process.execPath, ["--conditions=@sigillum/source", file], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        said += chunk;
      });
    }
    child.once("close", (code) => done({ code, said }));
  });
}

describe("examplesOf", () => {
  it("finds the examples and those that are not to be run", () => {
    const page = "# a\n\n```ts\nrun();\n```\n\n```ts not-run\nserve();\n```\n\n```sh\nls\n```\n";
    assert.deepEqual(examplesOf(page), [
      { line: 3, runs: true, text: "run();\n" },
      { line: 7, runs: false, text: "serve();\n" },
    ]);
  });
});

describe("the examples in READMEs", { concurrency: 2 }, () => {
  const folders = new Map();
  after(() => {
    for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true });
  });
  // inside the package, because its own name resolves there; a dot folder, because no check and no commit looks into one
  const folderOf = (pkg) => {
    if (!folders.has(pkg)) {
      mkdirSync(join(root, "packages", pkg, ".build"), { recursive: true });
      folders.set(pkg, mkdtempSync(join(root, "packages", pkg, ".build", "readme-")));
    }
    return folders.get(pkg);
  };
  for (const path of filesBelow(root, "packages", (name) => name === "README.md")) {
    const [, pkg, , room = "package"] = path.split("/");
    for (const { line, runs, text } of examplesOf(readFileSync(join(root, path), "utf8"))) {
      it(`${path}:${line} ${runs ? "runs" : "imports what there is"}`, async () => {
        const file = join(folderOf(pkg), `${room}-${line}.ts`);
        writeFileSync(file, runs ? text : importsOf(text));
        const { code, said } = await run(file);
        assert.equal(code, 0, said);
      });
    }
  }
});
