// npm run build: the command line as CommonJS that starts fast, packages/cli/dist/*.cjs. main is one entry and everything that is imported
// lazily is another, because esbuild splits no CommonJS; our own packages are bundled in, other people's stay dependencies. A file that a
// thread runs (`threadUrl("NAME", import.meta.url)`) becomes threads/FOLDER-NAME.cjs. A chunk begins with its digest, by which
// bin/sigillum.cjs knows the code that V8 made of it.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { build, transform } from "esbuild";
import { filesBelow } from "./layout.mjs";
import { maskSource, scanDynamicImports } from "./source.mjs";

const target = "node22.18";

/** Bundle `source`/main.ts and all that it and its chunks import lazily by a relative path, into `outdir`; the paths written, with sizes. */
export async function bundleProgram({ source, outdir, ours = [/^@sigillum\//], minify = true }) {
  const written = [];
  const waiting = [{ entry: resolve(source, "main.ts"), outfile: join(outdir, "main.cjs") }];
  const known = new Set(waiting.map(({ entry }) => entry));
  const add = (entry, outfile) => {
    if (!known.has(entry)) waiting.push({ entry, outfile });
    known.add(entry);
  };
  while (waiting.length > 0) {
    const { entry, outfile } = waiting.shift();
    const result = await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: "cjs",
      platform: "node",
      target,
      metafile: true,
      write: false,
      logLevel: "silent",
      legalComments: "none",
      conditions: ["@sigillum/source"],
      // An import() of Node starts the loader of ES modules and reads a whole chunk for its exports: 20 ms that require() does not take.
      supported: { "dynamic-import": false },
      banner: { js: "const importMeta={get url(){return require('node:url').pathToFileURL(__filename).href}};" },
      define: { "import.meta.url": "importMeta.url" },
      plugins: [lazyChunks(source, outdir, dirname(outfile), ours), threadFiles(outdir, dirname(outfile), add)],
    });
    if (result.warnings.length > 0)
      throw new Error(result.warnings.map(({ text, location }) => `${location?.file}:${location?.line} ${text}`).join("\n"));
    mkdirSync(dirname(outfile), { recursive: true });
    const text = withLazyBuiltins(result.outputFiles[0].text);
    const { code } = minify ? await transform(text, { minify, format: "cjs", platform: "node", target }) : { code: text };
    writeFileSync(outfile, `/*${createHash("sha256").update(code).digest("hex")}*/${code}`);
    written.push({ path: outfile, bytes: code.length });
    for (const chunk of lazyTargets(Object.keys(result.metafile.inputs).map((path) => resolve(path)))) {
      if (chunk.startsWith(resolve(source) + sep)) add(chunk, join(outdir, outputOf(source, chunk)));
    }
  }
  return written;
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

/**
 * What esbuild wrote, with each module of Node loaded when something of it is first used: a command uses few of those that its chunk names, and
 * node:fs/promises alone takes a millisecond. Throws if esbuild writes an import in a form that is not known here.
 */
export function withLazyBuiltins(text) {
  const builtins = new Map();
  const without = text.replaceAll(/(?:var )?\b(import_\w+) = require\("(node:[\w/]+)"\);/g, (_, name, module) => {
    builtins.set(name, module);
    return "";
  });
  const load = (module) => `load_${module.replaceAll(/\W/g, "_")}`;
  // in brackets, for `new` before it would take the call for its own
  const used = without
    .replaceAll(/\b(import_\w+)\./g, (whole, name) => (builtins.has(name) ? `(${load(builtins.get(name))}()).` : whole))
    .replaceAll(/\bvar ((?:[\w$]+, )*[\w$]+);/g, (_, names) => {
      const others = names.split(", ").filter((name) => !builtins.has(name));
      return others.length === 0 ? "" : `var ${others.join(", ")};`;
    });
  for (const [name] of used.matchAll(/\bimport_\w+/g))
    if (builtins.has(name)) throw new Error(`Cannot build: ${name} is used in a form that is not known`);
  const loaders = [...new Set(builtins.values())].map((module) => {
    const kept = `${load(module)}_`;
    return `let ${kept};const ${load(module)}=()=>${kept}??=require(${JSON.stringify(module)});`;
  });
  return loaders.join("\n") + used;
}

/** main.ts becomes main.cjs, blob/index.ts becomes blob/index.cjs. */
function outputOf(source, file) {
  return relative(resolve(source), file).replace(/\.ts$/, ".cjs");
}

function lazyTargets(files) {
  return files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(file, "utf8");
      const specifiers = scanDynamicImports(text, maskSource(text)).filter((each) => each.startsWith("."));
      return specifiers.map((specifier) => resolve(dirname(file), specifier));
    });
}

/** A lazy relative import inside the program becomes an import of the chunk beside; other people's packages stay imports. */
function lazyChunks(source, outdir, from, ours) {
  return {
    name: "lazy-chunks",
    setup(builder) {
      builder.onResolve({ filter: /^\.\.?\// }, (args) => {
        const target = resolve(args.resolveDir, args.path);
        if (args.kind !== "dynamic-import" || !target.startsWith(resolve(source) + sep)) return undefined;
        const path = relative(from, join(outdir, outputOf(source, target))).replaceAll(sep, "/");
        return { path: path.startsWith(".") ? path : `./${path}`, external: true };
      });
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
