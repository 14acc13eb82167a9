#!/usr/bin/env node
// Starts the command line, built or from source. Plain JavaScript that old versions of Node can run, so that they get one
// sentence and not a stack.
"use strict";
const { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync, writeSync } = require("node:fs");
const { join } = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
// Paths are put together by hand where that will do: to normalize one takes 20 us here, and V8 compiles what does it.
const fromSource = existsSync(`${__dirname}/../src/main.ts`);

function start() {
  const streams = {
    stdout: output(1, () => process.stdout),
    stderr: output(2, () => process.stderr),
    stdin: () => process.stdin,
    get stdinIsTTY() {
      return isTerminal(0);
    },
    exit: (code) => process.exit(code),
  };
  if (!fromSource) {
    const built = builtProgram(join(__dirname, "..", "dist", "program"));
    void run(built.link("base/main"), streams).then((code) => {
      built.keep(code);
      setImmediate(endIfIdle);
    });
    return;
  }
  // Every room's package names its source under this condition (packages/*/package.json).
  require("node:module").registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: [...context.conditions, "@sigillum/source"] }),
  });
  void import("../src/main.ts").then((program) => run(program, streams));
}

// Where nothing is under way any more Node would end by itself, and take down piece by piece what the end of the process takes down at once.
function endIfIdle() {
  if (process.getActiveResourcesInfo().length === 0) process.exit();
}

async function run({ main }, streams) {
  const code = await main(process.argv.slice(2), streams);
  process.exitCode = code;
  return code;
}

// The files that `npm run build` wrote: each gives chunks of the program, which are run when they are asked for. V8's code for a file is kept
// between runs, with the functions that the command called: Node's own cache holds a module as it was loaded, when nothing was called yet, and
// to compile what is called takes half as long as to verify a bundle.
function builtProgram(directory) {
  const { Script } = require("node:vm");
  const kept = cacheDirectory();
  const command = commandOf(process.argv.slice(2));
  const scripts = [];
  const load = (name) => {
    const path = `${directory}/${name}.cjs`;
    const text = readFileSync(path, "utf8");
    // The digest that the build put in front says which text the code is of; without one nothing is kept.
    const digest = text.slice(2, 66);
    const file = kept === undefined || !/^[0-9a-f]{64}$/.test(digest) ? undefined : `${kept}/${digest}-${command}`;
    const code = file === undefined ? {} : readCode(file);
    const script = new Script(text, { filename: path, cachedData: code.bytes });
    if (file !== undefined) scripts.push({ file, script, keptMs: script.cachedDataRejected ? undefined : code.keptMs });
    return script.runInThisContext()(link, requireOther, path);
  };
  const chunks = {};
  const linked = new Map();
  const link = (id) => {
    let exported = linked.get(id);
    if (exported === undefined) {
      if (chunks[id] === undefined) Object.assign(chunks, load(id.slice(0, id.indexOf("/"))));
      exported = chunks[id]();
      linked.set(id, exported);
    }
    return exported;
  };
  const keep = (code) => {
    if (scripts.some(({ keptMs }) => isDue(keptMs, code))) require("./keep-code.cjs").keepCode(kept, scripts, code);
  };
  return { link, keep };
}

// First words that are no command without the second; a test holds them against the table of commands.
const groups = [
  ...["attach", "bundle", "ca", "dockerfile", "download", "log", "manifest", "piv-tool", "pkcs11-tool", "policy"],
  ...["root", "signing-config", "trust", "trusted-root", "upload", "user"],
];

// Under which name code is kept: each command calls functions of its own. A wrong command line keeps nothing, so there are no more names than
// commands.
function commandOf([first = "", second = ""]) {
  const isWord = (text) => /^[a-z][a-z0-9-]{0,39}$/.test(text);
  if (!isWord(first)) return "other";
  return groups.includes(first) && isWord(second) ? `${first}_${second}` : first;
}

// A refusal leaves much of a command untouched, and a wrong command line nearly all: what the one leaves is replaced by the next success, of
// the other nothing is kept. Once a day the code is written anew, since other flags call other functions.
function isDue(keptMs, code) {
  if (keptMs === undefined) return code === 0 || code >= 10;
  return code === 0 && Date.now() - keptMs > 86400000;
}

// The code for a chunk, and when it was kept; none where somebody else could have written it, for it is run as it is.
function readCode(file) {
  let descriptor;
  try {
    descriptor = openSync(file, "r");
    const { mode, mtimeMs, uid } = fstatSync(descriptor);
    if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o22) !== 0)) return {};
    return { bytes: readFileSync(descriptor), keptMs: mtimeMs };
  } catch {
    return {}; // the first run
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

let cachesOthers = false;

// Node's own modules, and other people's, for which Node's cache has to do; it is opened when the first of them is asked for.
function requireOther(specifier) {
  if (!specifier.startsWith("node:") && !cachesOthers) {
    cachesOthers = true;
    const directory = cacheDirectory();
    if (directory !== undefined) require("node:module").enableCompileCache(directory);
  }
  return require(specifier);
}

// The user's own directory, for nobody else may change it; undefined where none is wanted.
function cacheDirectory() {
  const { env, platform } = process;
  if (env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE) return undefined;
  const home = platform === "win32" ? env.LOCALAPPDATA : env.HOME && `${env.HOME}/.cache`;
  return `${env.XDG_CACHE_HOME || home || `${__dirname}/../dist`}/sigillum/compiled`;
}

// Node's own streams are for terminals, and for a pipe whose reader lags behind: to load them takes as long as to verify a bundle.
function output(descriptor, openStream) {
  let stream;
  const open = () => {
    stream = openStream();
    stream.on("error", endQuietly);
    return stream;
  };
  return {
    get isTTY() {
      return isTerminal(descriptor);
    },
    write(data) {
      if (stream !== undefined || isTerminal(descriptor)) return (stream ?? open()).write(data);
      let rest = Buffer.from(data);
      try {
        while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest));
        return true;
      } catch (error) {
        if (error.code === "EAGAIN") return open().write(rest);
        return endQuietly(error);
      }
    },
  };
}

// A reader that goes away (| head) ends the program without a word, as the signal would.
function endQuietly(error) {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}

const terminals = new Map();

function isTerminal(descriptor) {
  if (!terminals.has(descriptor)) {
    let known = true;
    try {
      const status = fstatSync(descriptor);
      // /dev/null is one too; what tells terminals from it takes as long to load as to verify a bundle
      known = status.isCharacterDevice() && status.rdev !== statSync("/dev/null", { throwIfNoEntry: false })?.rdev;
    } catch {
      // it is closed, or of a kind that only Node's own streams know
    }
    terminals.set(descriptor, known && require("node:tty").isatty(descriptor));
  }
  return terminals.get(descriptor);
}

// In a checkout `npm ci` has brought a newer Node: go on with that.
function startOnNewerNode() {
  const binary = join(__dirname, "..", "..", "..", "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");
  if (!fromSource || !existsSync(binary) || process.env.SIGILLUM_REEXECUTED === "1") {
    console.error(`sigillum needs Node 22.18 or newer and found ${process.versions.node}`);
    process.exitCode = 1;
    return;
  }
  const { spawn } = require("node:child_process");
  const child = spawn(binary, [__filename, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, SIGILLUM_REEXECUTED: "1" },
    shell: process.platform === "win32",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? code : 1;
  });
}

if (major < 22 || (major === 22 && minor < 18)) startOnNewerNode();
else start();
