#!/usr/bin/env node
// Starts the command line, built or from source. Plain JavaScript that old versions of Node can run, so that they get one
// sentence and not a stack.
"use strict";
const { existsSync, fstatSync, writeSync } = require("node:fs");
const { join } = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
const source = join(__dirname, "..", "src", "main.ts");
const fromSource = existsSync(source);

if (major < 22 || (major === 22 && minor < 18)) startOnNewerNode();
else start();

function start() {
  const { registerHooks, enableCompileCache } = require("node:module");
  if (fromSource) {
    // Every room's package names its source under this condition (packages/*/package.json).
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...context.conditions, "@sigillum/source"] }),
    });
  } else enableCompileCache(cacheDirectory());
  const streams = {
    stdout: output(1, () => process.stdout),
    stderr: output(2, () => process.stderr),
    stdin: () => process.stdin,
    get stdinIsTTY() {
      return isTerminal(0);
    },
    exit: (code) => process.exit(code),
  };
  const loaded = fromSource ? import("../src/main.ts") : Promise.resolve(require("../dist/main.cjs"));
  loaded
    .then(({ main }) => main(process.argv.slice(2), streams))
    .then((code) => {
      process.exitCode = code;
    });
}

// What V8 made of the program, for the next start: a third of the time it takes. The user's own directory, for nobody else may change it;
// where it cannot be written, nothing is kept.
function cacheDirectory() {
  const { env, platform } = process;
  const home = platform === "win32" ? env.LOCALAPPDATA : env.HOME && join(env.HOME, ".cache");
  return join(env.XDG_CACHE_HOME || home || join(__dirname, "..", "dist"), "sigillum", "compiled");
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
      known = fstatSync(descriptor).isCharacterDevice();
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
