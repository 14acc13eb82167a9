// Starts a script of this checkout on the Node that `npm ci` brought, with unbuilt TypeScript and a compile cache; plain
// JavaScript that any Node 20 can run, so that an unsupported platform gets one sentence and not a stack.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const binary = join(root, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");
const [major, minor] = process.versions.node.split(".").map(Number);
const good = major > 22 || (major === 22 && minor >= 18);
const node = good ? process.execPath : existsSync(binary) ? binary : undefined;
if (node === undefined) {
  console.error(
    `Sigillum needs Node 22.18 or newer and found ${process.versions.node}: run "npm ci", which brings Node 24 on linux, macOS and windows x64`,
  );
  process.exit(1);
}
const env = {
  ...process.env,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules", ".cache", "compile"),
};
const child = spawn(node, ["--conditions=@sigillum/source", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...env, NODE_OPTIONS: "" },
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal === null ? code : 1));
