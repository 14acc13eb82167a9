#!/usr/bin/env node
// The entrypoint for tuf-conformance, which splits it at spaces and calls it without a shell. Plain JavaScript, so that
// an old Node hands over to the one that `npm ci` brought.
const { spawnSync } = require("node:child_process");
const { existsSync } = require("node:fs");
const { registerHooks } = require("node:module");
const { join } = require("node:path");

const own = join(__dirname, "../../../../node_modules/.bin/node");
if (typeof registerHooks === "function") {
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: [...context.conditions, "@sigillum/source"] }),
  });
  import("./main.ts");
} else if (existsSync(own)) {
  process.exitCode = spawnSync(own, [__filename, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1;
} else {
  console.error(`Sigillum needs Node 22.18 or newer and found ${process.versions.node}: run "npm ci", which brings Node 24`);
  process.exitCode = 1;
}
