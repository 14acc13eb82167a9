import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { bundleProgram } from "./build.mjs";

const tree = {
  "src/main.ts":
    'import { tell } from "./terminal/index.ts";\nconst loaders = { blob: () => import("./blob/index.ts"), other: () => import("./other.ts") };\nexport const main = async (): Promise<number> => {\n  await (await loaders.blob()).run(tell);\n  return 0;\n};\n',
  "src/terminal/index.ts":
    'import { EventEmitter } from "node:events";\nexport const emitter = new EventEmitter();\nexport const tell = (text: string): void => console.log(text);\n',
  "src/blob/index.ts":
    'import { createInterface } from "node:readline";\nimport { emitter } from "../terminal/index.ts";\nimport { parse } from "never-there";\nexport const ask = () => [createInterface, parse];\nexport const run = async (tell: (text: string) => void): Promise<void> => (await import("./sign.ts")).sign(tell, emitter);\n',
  "src/blob/sign.ts":
    'import { name } from "@sigillum/fake";\nimport { readFileSync } from "node:fs";\nimport { ask } from "@sigillum/fake/ask";\nimport { emitter } from "../terminal/index.ts";\nconst link = (text: string): string => text;\nexport const sign = async (tell: (text: string) => void, same: unknown): Promise<void> => {\n  const { value } = await import("other-people");\n  tell([link(name), value, readFileSync(new URL(import.meta.url)).length > 0, same === emitter, await ask()].join(" "));\n};\n',
  "node_modules/@sigillum/fake/room/ask.ts":
    'import { Worker } from "node:worker_threads";\nconst threadUrl = (name: string, moduleUrl: string): URL => new URL(name + ".cjs", moduleUrl);\nexport const ask = (): Promise<unknown> => new Promise((resolve) => new Worker(threadUrl("answer-thread", import.meta.url)).once("message", resolve));\n',
  "node_modules/@sigillum/fake/room/answer-thread.ts":
    'import { parentPort } from "node:worker_threads";\nimport { name } from "../a.ts";\nparentPort?.postMessage("a thread, " + name);\n',
  "src/other.ts": 'export {};\nthrow new Error("loaded though nobody asked");\n',
  "node_modules/@sigillum/fake/package.json":
    '{ "type": "module", "exports": { ".": { "@sigillum/source": "./a.ts" }, "./ask": { "@sigillum/source": "./room/ask.ts" } } }',
  "node_modules/@sigillum/fake/a.ts": 'export const name: string = "bundled";\n',
  "node_modules/other-people/package.json": '{ "type": "module", "exports": "./a.js" }',
  "node_modules/other-people/a.js": 'export const value = "external";\n',
};

/** A tree of files, built and with the launcher beside it. */
async function installed(root, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const written = await bundleProgram({ source: join(root, "src"), outdir: join(root, "dist") });
  rmSync(join(root, "src"), { recursive: true });
  cpSync(join(import.meta.dirname, "../packages/cli/bin"), join(root, "bin"), { recursive: true });
  return written;
}

describe("bundleProgram", () => {
  const root = mkdtempSync(join(tmpdir(), "build-"));
  let written;
  before(async () => {
    written = await installed(root, tree);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it("writes a part with what is needed soon, one with the rest, and the file of a thread", () => {
    assert.deepEqual(
      written.map(({ path }) => path).sort(),
      ["program/base.cjs", "program/more.cjs", "threads/room-answer-thread.cjs"].map((name) => join(root, "dist", name)),
    );
  });

  it("makes the part that every start reads long enough to stay outside V8's heap", () => {
    assert.ok(readFileSync(join(root, "dist/program/base.cjs")).length > 0xfbee9);
  });

  it("runs, loads only what is asked for, and no code twice", () => {
    const env = { PATH: process.env.PATH, XDG_CACHE_HOME: join(root, "home") };
    const run = spawnSync(process.execPath, [join(root, "bin/sigillum.cjs")], { encoding: "utf8", env });
    assert.equal(run.stdout, "bundled external true true a thread, bundled\n", run.stderr);
  });

  it("bundles our packages and leaves other people's as imports", () => {
    const text = readFileSync(join(root, "dist/program/more.cjs"), "utf8");
    assert.ok(text.includes('"bundled"') && !text.includes("@sigillum/fake"));
    assert.ok(text.includes('"other-people"'));
  });
});

describe("the launcher, of what was built", () => {
  const root = mkdtempSync(join(tmpdir(), "launcher-"));
  const home = join(root, "home");
  const kept = join(home, "sigillum", "compiled");
  const source = {
    "src/main.ts":
      'export const main = async (words: string[], streams: { stdout: { write(text: string): void } }): Promise<number> => {\n  streams.stdout.write("at once\\n");\n  const { say } = await import("./say/index.ts");\n  streams.stdout.write(await say());\n  if (words[2] === "late") setTimeout(() => streams.stdout.write("late\\n"), 20);\n  return Number(words.find((word) => /^[0-9]+$/.test(word)) ?? 0);\n};\n',
    "src/say/index.ts":
      'export const say = async (): Promise<string> => ["first", (await import("other-people")).value, "\\n"].join(" ");\n',
    "node_modules/other-people/package.json": '{ "type": "module", "exports": "./a.js" }',
    "node_modules/other-people/a.js": 'export const value = "external";\n',
  };
  before(() => installed(root, source));
  beforeEach(() => rmSync(home, { recursive: true, force: true }));
  after(() => rmSync(root, { recursive: true, force: true }));

  const start = (words, env = {}) => {
    const options = { encoding: "utf8", env: { PATH: process.env.PATH, XDG_CACHE_HOME: home, ...env } };
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "bin/sigillum.cjs"), ...words], options);
    assert.equal(stderr, "");
    return { status, stdout };
  };
  const codeOf = (command) =>
    readdirSync(kept)
      .filter((name) => name.endsWith(`-${command}`))
      .map((name) => join(kept, name));
  const edited = (from, to, run) => {
    const path = join(root, "dist/program/more.cjs");
    const text = readFileSync(path, "utf8");
    assert.ok(text.includes(from));
    writeFileSync(path, text.replace(from, to));
    try {
      run();
    } finally {
      writeFileSync(path, text);
    }
  };

  it("keeps the code of every chunk for its user alone, and runs it at the next start", () => {
    assert.deepEqual(start(["tell"]), { status: 0, stdout: "at once\nfirst external \n" });
    assert.equal(codeOf("tell").length, 2);
    for (const file of codeOf("tell")) assert.equal(statSync(file).mode & 0o777, process.platform === "win32" ? 0o666 : 0o600);
    // a text that was changed under the digest of another: only kept code can still say the old word
    edited("first", "other", () => assert.equal(start(["tell"]).stdout, "at once\nfirst external \n"));
  });

  it("ends when nothing is under way any more", () => {
    assert.equal(start(["tell", "0", "late"]).stdout, "at once\nfirst external \nlate\n");
  });

  it("runs no kept code of another text", () => {
    start(["tell"]);
    edited("first", "other", () => {
      const path = join(root, "dist/program/more.cjs");
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replace(/^\/\*[0-9a-f]{64}/, `/*${"0".repeat(64)}`));
      assert.equal(start(["tell"]).stdout, "at once\nother external \n");
    });
  });

  it("runs no kept code that is damaged, and replaces it", () => {
    start(["tell"]);
    const sizes = codeOf("tell").map((file) => statSync(file).size);
    for (const file of codeOf("tell")) writeFileSync(file, new Uint8Array(1000));
    assert.equal(start(["tell"]).stdout, "at once\nfirst external \n");
    assert.deepEqual(
      codeOf("tell").map((file) => statSync(file).size > 1000),
      sizes.map(() => true),
    );
  });

  it("runs no kept code that others may write", { skip: process.platform === "win32" }, () => {
    start(["tell"]);
    for (const file of codeOf("tell")) chmodSync(file, 0o620);
    edited("first", "other", () => assert.equal(start(["tell"]).stdout, "at once\nother external \n"));
  });

  it("keeps nothing of a wrong command line, and what a refusal leaves until the next success", () => {
    start(["tell", "1"]);
    assert.deepEqual(codeOf("tell"), []);
    start(["tell", "12"]);
    const ages = () => codeOf("tell").map((file) => Date.now() - statSync(file).mtimeMs > 86400000);
    assert.deepEqual(ages(), [true, true]);
    start(["tell", "12"]);
    assert.deepEqual(ages(), [true, true]);
    start(["tell"]);
    assert.deepEqual(ages(), [false, false]);
  });

  it("takes away what nobody used for long, and a chunk's code is written anew after a day", () => {
    start(["tell"]);
    const old = new Date(Date.now() - 100 * 86400000);
    for (const file of codeOf("tell")) utimesSync(file, old, old);
    writeFileSync(join(kept, "unused"), "");
    utimesSync(join(kept, "unused"), old, old);
    start(["tell"]);
    assert.ok(!existsSync(join(kept, "unused")));
    assert.equal(codeOf("tell").length, 2);
  });

  it("keeps what each command of a group calls apart, under the names of commands alone", () => {
    for (const words of [
      ["policy", "eval"],
      ["policy", "test"],
      ["policy"],
      ["tell", "0"],
      ["policy", "../x"],
      ["../x"],
      ["trusted-root", "create"],
    ])
      start(words);
    const names = new Set(readdirSync(kept).flatMap((name) => /^[0-9a-f]{64}-(.*)$/.exec(name)?.slice(1) ?? []));
    assert.deepEqual([...names].sort(), ["other", "policy", "policy_eval", "policy_test", "tell", "trusted-root_create"]);
  });

  it("keeps no more than so many files, the newest", () => {
    start(["tell"]);
    for (let i = 0; i < 320; i++) {
      writeFileSync(join(kept, `old-${i}`), "");
      utimesSync(join(kept, `old-${i}`), new Date(), new Date(Date.now() - 3_600_000 - 1000 * i));
    }
    writeFileSync(join(kept, "large"), new Uint8Array(70 << 20));
    utimesSync(join(kept, "large"), new Date(), new Date(Date.now() - 7_200_000));
    start(["other"]);
    const left = readdirSync(kept).filter((name) => statSync(join(kept, name)).isFile());
    assert.ok(
      left.length <= 300 && left.includes("old-0") && !left.includes("old-319") && !left.includes("large"),
      `${left.length}`,
    );
    assert.equal(codeOf("tell").length, 2);
  });

  it("works where nothing can be kept, and keeps nothing where none is wanted", () => {
    writeFileSync(home, "a file where the directory would be");
    assert.deepEqual(start(["tell"]), { status: 0, stdout: "at once\nfirst external \n" });
    rmSync(home);
    assert.deepEqual(start(["tell"], { NODE_DISABLE_COMPILE_CACHE: "1" }), { status: 0, stdout: "at once\nfirst external \n" });
    assert.ok(!existsSync(home));
  });
});
