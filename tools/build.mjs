// npm run build: the command line as a program that starts fast, packages/cli/dist/program/*.cjs, one file a part (program.mjs). Our own packages
// are bundled in, other people's stay dependencies. A file that a thread runs (`threadUrl("NAME", import.meta.url)`) becomes
// threads/FOLDER-NAME.cjs. A part begins with its digest, by which bin/sigillum.cjs knows the code that V8 made of it.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { build } from "esbuild";
import { filesBelow } from "./layout.mjs";
import { importMeta, linkProgram } from "./program.mjs";

const target = "node22.18";

/**
 * Put `source`/main.ts and all that it imports, lazily too, into `outdir`/program, and what threads run into `outdir`/threads; the paths
 * written, with sizes.
 */
export async function bundleProgram({ source, outdir, ours = [/^@sigillum\//], minify = true }) {
  const written = [];
  const write = (path, text) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    written.push({ path, bytes: Buffer.byteLength(text) });
  };
  const threads = new Map();
  const folder = join(outdir, "program");
  const plugins = [otherPackages(ours), threadFiles(outdir, folder, (entry, outfile) => threads.set(entry, outfile))];
  const chunks = await bundle({
    ...common,
    entryPoints: [resolve(source, "main.ts")],
    outdir: folder,
    format: "esm",
    splitting: true,
    plugins,
  });
  const packOf = packsOf(chunks.metafile.outputs, source);
  for (const [name, text] of await linkProgram(chunks, { packOf, target, minify })) {
    write(join(folder, `${name}.cjs`), name === "base" ? text.padEnd(outsideHeap) : text);
  }
  for (const [entry, outfile] of threads) {
    const options = {
      entryPoints: [entry],
      outfile,
      format: "cjs",
      minify,
      banner: { js: importMeta },
      plugins: [otherPackages(ours)],
    };
    const result = await bundle({ ...common, ...options });
    write(outfile, result.outputFiles[0].text);
  }
  return written;
}

// A string of over a megabyte Node keeps outside V8's heap (EXTERN_APEX in its string_bytes.cc). A shorter one fills a third of the young
// generation at every start, which costs one more collection of garbage: a millisecond, where to read spaces takes a tenth of that.
const outsideHeap = 1_050_000;

const common = {
  bundle: true,
  platform: "node",
  target,
  metafile: true,
  write: false,
  logLevel: "silent",
  legalComments: "none",
  conditions: ["@sigillum/source"],
  define: { "import.meta.url": "importMeta.url" },
};

async function bundle(options) {
  const result = await build(options);
  if (result.warnings.length === 0) return result;
  throw new Error(result.warnings.map(({ text, location }) => `${location?.file}:${location?.line} ${text}`).join("\n"));
}

// What verifying a file needs stands in one part: a start is the dearer, the more it reads. Of the rest, most commands need neither the services
// nor the policy languages, and a policy is of one language.
const soonest = (source) => [
  join(source, "main.ts"),
  join(source, "blob/index.ts"),
  // the tables of commands, of which a start builds one
  ...filesBelow(source, "commands", (name) => /^[a-z-]+\.ts$/.test(name)).map((path) => join(source, path)),
];
const parts = [
  ["stack", /packages\/stack\//],
  ["rego", /packages\/policy\/src\/rego/],
  ["cue", /packages\/policy\/src\/cue\//],
  ["policy", /packages\/(?:policy|cli\/src\/policy)\//],
];

function packsOf(outputs, source) {
  const first = new Set();
  const add = (path) => {
    if (first.has(path)) return;
    first.add(path);
    for (const { path: next, kind, external } of outputs[path].imports) if (kind === "import-statement" && !external) add(next);
  };
  for (const [path, { entryPoint }] of Object.entries(outputs))
    if (entryPoint !== undefined && soonest(source).some((name) => resolve(name) === resolve(entryPoint))) add(path);
  const partOf = (path) => parts.find(([, holds]) => Object.keys(outputs[path].inputs).some((input) => holds.test(input)))?.[0];
  return (path) => (first.has(path) ? "base" : (partOf(path) ?? "more"));
}

const threadCall = /\bthreadUrl\(\s*"([^"/]+)",\s*import\.meta\.url\s*\)/g;

/** Calls that name a file for a thread are turned to where that file is put; the file is one more entry. */
function threadFiles(outdir, from, add) {
  return {
    name: "thread-files",
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        if (!text.includes("threadUrl(")) return undefined;
        const contents = text.replace(threadCall, (_, name) => {
          const outfile = join(outdir, "threads", `${basename(dirname(path))}-${name}.cjs`);
          add(join(dirname(path), `${name}.ts`), outfile);
          return `threadUrl(${JSON.stringify(
            relative(from, outfile)
              .replaceAll(sep, "/")
              .replace(/\.cjs$/, ""),
          )}, import.meta.url)`;
        });
        return { contents, loader: "ts" };
      });
    },
  };
}

/** One script for a browser, whose global `name` has what `contents`, a module in `resolveDir`, exports. Nothing of Node may be in it. */
export async function bundleForBrowser({ contents, resolveDir, name }) {
  const result = await build({
    stdin: { contents, resolveDir, loader: "ts" },
    bundle: true,
    format: "iife",
    globalName: name,
    platform: "browser",
    target: "es2023",
    minify: true,
    write: false,
    logLevel: "silent",
    legalComments: "none",
    conditions: ["browser", "@sigillum/source"],
  });
  return result.outputFiles[0].text;
}

/** Our own packages are bundled in, other people's stay dependencies. */
function otherPackages(ours) {
  return {
    name: "other-packages",
    setup(builder) {
      builder.onResolve({ filter: /^[^./#]/ }, (args) => {
        const isOurs = args.kind === "entry-point" || ours.some((pattern) => pattern.test(args.path));
        return isOurs ? undefined : { path: args.path, external: true };
      });
    },
  };
}

/** Put the public Sigstore's root of trust, as sigstore-js carries it, beside the program. */
export function writePublicRoot(outdir) {
  const seeds = JSON.parse(readFileSync(join(import.meta.dirname, "..", "node_modules/@sigstore/tuf/seeds.json"), "utf8"));
  const [{ targets }] = Object.values(seeds);
  writeFileSync(join(outdir, "public-root.json"), Buffer.from(targets["trusted_root.json"], "base64"));
}

async function main() {
  // only what this program writes: the rest of dist is the compiler's, which would not notice that it is gone
  const cli = join(import.meta.dirname, "..", "packages", "cli");
  for (const old of filesBelow(cli, "dist", (name) => name.endsWith(".cjs"))) rmSync(join(cli, old));
  const start = performance.now();
  for (const { path, bytes } of await bundleProgram({ source: join(cli, "src"), outdir: join(cli, "dist") })) {
    console.log(`${relative(process.cwd(), path).padEnd(48)} ${String(Math.ceil(bytes / 1024)).padStart(6)} KiB`);
  }
  writePublicRoot(join(cli, "dist"));
  console.log(`built in ${((performance.now() - start) / 1000).toFixed(2)} s`);
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) await main();
