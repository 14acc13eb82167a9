#!/usr/bin/env node
// Starts the command line, built or from source. Plain JavaScript that old versions of Node can run, so that they get one
// sentence and not a stack.
"use strict";
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
const source = join(__dirname, "..", "src", "main.ts");
const fromSource = existsSync(source);

if (major < 22 || (major === 22 && minor < 18)) startOnNewerNode();
else start();

function start() {
  if (fromSource) {
    // Every room's package names its source under this condition (packages/*/package.json).
    const { registerHooks } = require("node:module");
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...context.conditions, "@sigillum/source"] }),
    });
  }
  // A reader that goes away (| head) ends the program without a word, as the signal would.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
  const streams = {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: () => process.stdin,
    stdinIsTTY: require("node:tty").isatty(0),
    exit: (code) => process.exit(code),
  };
  const loaded = fromSource ? import("../src/main.ts") : Promise.resolve(require("../dist/main.cjs"));
  loaded
    .then(({ main }) => main(process.argv.slice(2), streams))
    .then((code) => {
      process.exitCode = code;
    });
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
