// A program written against tuf-js: refreshes, then fetches one target into a file. Run by tuf.test.ts.
import { copyFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const [packages, metadataDir, targetDir, url, target, output] = process.argv.slice(2);
const require = createRequire(join(packages, "package.json"));
const { Updater } = require("tuf-js");

const updater = new Updater({ metadataDir, targetDir, metadataBaseUrl: url, targetBaseUrl: `${url}/targets` });
await updater.refresh();
const info = await updater.getTargetInfo(target);
if (info === undefined) throw new Error(`no target ${target}`);
await copyFile((await updater.findCachedTarget(info)) ?? (await updater.downloadTarget(info)), output);
