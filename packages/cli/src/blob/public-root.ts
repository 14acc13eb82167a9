// The root of trust of the public Sigstore as it was on one day, for those who trust nobody else yet and for machines without a network. It
// comes with a package of sigstore-js, which takes it from the public repository; the build puts it beside the program.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseBase64 } from "@sigillum/library/encoding";
import { parseTrustedRoot, type TrustedRoot } from "@sigillum/library/trusted-root";

/** The name under which `--trust` knows it, unless the store has a root of that name. */
export const publicRootName = "public";

/** Where the snapshot is from, and when that was published. */
export const publicRootSource: { readonly package: string; readonly version: string; readonly publishedMs: number } = {
  package: "@sigstore/tuf",
  version: "5.0.1",
  publishedMs: Date.UTC(2026, 10, 5),
};

/** Read the snapshot. Nothing of it is verified but its form: it is as good as the program that it came with. */
export function readPublicRoot(): TrustedRoot {
  return parseTrustedRoot(readBeside() ?? readSeeds());
}

/** The snapshot and its age, in words. */
export function describePublicRoot(nowMs: number): string {
  const { publishedMs } = publicRootSource;
  const days = Math.max(0, Math.floor((nowMs - publishedMs) / 86_400_000));
  return `the public Sigstore's, built in: of ${new Date(publishedMs).toISOString().slice(0, 10)}, ${days} days old`;
}

function readBeside(): Uint8Array | undefined {
  try {
    return readFileSync(fileURLToPath(new URL("../public-root.json", import.meta.url)));
  } catch {
    return undefined; // a checkout, which nobody built
  }
}

// The package's own cache of the repository: by the repository's address its targets, in base64.
function readSeeds(): Uint8Array {
  const path = createRequire(import.meta.url).resolve(`${publicRootSource.package}/seeds.json`);
  const seeds: unknown = JSON.parse(readFileSync(path, "utf8"));
  const [repository]: unknown[] = Object.values(Object(seeds));
  const target: unknown = Reflect.get(Object(Reflect.get(Object(repository), "targets")), "trusted_root.json");
  if (typeof target !== "string") throw new TypeError(`${publicRootSource.package} has no trusted_root.json among its seeds`);
  return parseBase64(target);
}
