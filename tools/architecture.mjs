// check:architecture — the direction rule. `--write` brings tsconfig files and package exports in step with architecture.json.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { derivedFiles, readLayout } from "./layout.mjs";

const root = join(import.meta.dirname, "..");
const layout = readLayout(root);
for (const [path, text] of derivedFiles(root, layout)) {
  const full = join(root, path);
  const found = existsSync(full) ? readFileSync(full, "utf8") : undefined;
  if (found !== text) writeFileSync(full, text);
}
