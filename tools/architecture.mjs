// check:architecture, the direction rule. `--write` brings tsconfig files, package exports and the picture in ARCHITECTURE.md
// in step with architecture.json and checks nothing; without it everything is checked and nothing written.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join, posix } from "node:path";
import { derivedFiles, filesBelow, mainFile, readLayout } from "./layout.mjs";
import { drawRooms, placePicture } from "./picture.mjs";
import { findTestHabits, lineOf, maskSource, scanImports } from "./source.mjs";

const FORBIDDEN_NAME = /^(?:utils?|helpers?|commons?|types?|shared|mocks?)$/;
const TEST_FILE = /\.(?:test|fuzz)\.ts$/;

/** Everything that is wrong in the checkout at `root`: `{rule, where, message}`, sorted by place. */
export function checkArchitecture(root) {
  const layout = readLayout(root);
  const problems = layout.problems.map((message) => ({ rule: "table", where: "architecture.json", message }));
  const state = { root, layout, problems, manifests: readManifests(root, layout), edges: new Map(), used: new Map() };
  for (const folder of state.manifests.keys()) {
    for (const path of sources(root, `packages/${folder}`)) checkFile(state, path);
  }
  for (const path of sources(root, "test")) checkFile(state, path);
  for (const path of filesBelow(root, "tools", (name) => name.endsWith(".test.mjs")))
    checkTestHabits(state, path, read(root, path));
  checkFolders(state);
  checkDependencies(state);
  checkFileCycles(state);
  if (layout.problems.length === 0) checkDerived(state);
  return problems.sort((a, b) => (a.where < b.where ? -1 : a.where > b.where ? 1 : 0));
}

/** Bring every derived file in step; returns the paths that changed. */
export function writeArchitecture(root) {
  const layout = readLayout(root);
  const changed = [];
  for (const [path, text] of [...derivedFiles(root, layout), ...pictureFile(root, layout)]) {
    if (read(root, path) === text) continue;
    writeFileSync(join(root, path), text);
    changed.push(path);
  }
  return changed;
}

function read(root, path) {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined;
}

function sources(root, directory) {
  return filesBelow(root, directory, (name) => name.endsWith(".ts"));
}

function readManifests(root, layout) {
  const manifests = new Map();
  for (const folder of Object.keys(layout.packages)) {
    const text = read(root, `packages/${folder}/package.json`);
    if (text !== undefined) manifests.set(folder, JSON.parse(text));
  }
  return manifests;
}

function report(state, rule, where, message) {
  state.problems.push({ rule, where, message });
}

// ---- one file

function checkFile(state, path) {
  const text = read(state.root, path);
  const code = maskSource(text);
  const file = describe(state, path);
  if (FORBIDDEN_NAME.test(basename(path).replace(/\.(?:test|fuzz|bench|d)?\.?ts$/, ""))) {
    report(state, "file-name", path, `a file called ${basename(path)} says nothing of what it owns`);
  }
  if (file.kind === "room" && file.room === undefined)
    report(state, "unlisted-room", path, "this file stands in no room of architecture.json");
  const directive = /^[ \t]*\/\/\/\s*<reference\b/m.exec(text);
  if (directive !== null) {
    report(
      state,
      "reference-directive",
      `${path}:${lineOf(text, directive.index)}`,
      "a reference directive brings in names past the room's tsconfig",
    );
  }
  if (file.isTest) checkTestHabits(state, path, text, code);
  state.edges.set(path, new Set());
  for (const { specifier, require, line } of scanImports(text, code)) {
    // createRequire is how a test or a bench loads a foreign client from the peers' folder
    if (!require || !file.isTest) checkImport(state, file, specifier, `${path}:${line}`);
  }
}

/** Which kind of file this is: of a room, the main program of a package, a bench, or of test/. */
function describe(state, path) {
  const [top, folder, area, name] = path.split("/");
  const isTest = TEST_FILE.test(path);
  if (top !== "packages") return { path, kind: "whole", isTest: true };
  if (area === "bench") return { path, folder, kind: "bench", isTest: true };
  if (path.replace(/(?:\.[a-z]+)?\.test\.ts$/, ".ts") === mainFile(folder)) return { path, folder, kind: "main", isTest };
  if (area === "src") return { path, folder, kind: "room", isTest, room: state.layout.rooms.get(`${folder}/${name}`) };
  return { path, folder, kind: "other", isTest: true };
}

function checkTestHabits(state, path, text, code) {
  for (const { rule, line, message } of findTestHabits(text, code)) report(state, rule, `${path}:${line}`, message);
}

// ---- one import

function checkImport(state, file, specifier, where) {
  if (specifier === undefined)
    report(state, "import-expression", where, "an import of an expression cannot be checked: write the specifier out");
  else if (specifier.startsWith(".")) checkRelative(state, file, specifier, where);
  else if (specifier.startsWith("#")) checkSubpath(state, file, specifier, where);
  else if (isBuiltin(specifier)) checkBuiltin(state, file, specifier, where);
  else checkPackage(state, file, specifier, where);
}

function checkRelative(state, file, specifier, where) {
  const target = posix.join(dirname(file.path), specifier);
  if (file.kind === "whole") {
    if (target.startsWith("packages/"))
      report(state, "other-package-path", where, `${specifier} reaches into a package by path: import it by name`);
    return;
  }
  const inside = `packages/${file.folder}/`;
  if (file.isTest && target.startsWith("tools/")) return; // where the peers are
  if (!target.startsWith(inside)) {
    report(state, "other-package-path", where, `${specifier} leaves the package by path: import the other package by name`);
    return;
  }
  state.edges.get(file.path).add(target);
  const [area, name] = target.slice(inside.length).split("/");
  const room = area === "src" ? state.layout.rooms.get(`${file.folder}/${name}`) : undefined;
  if (room === undefined || room === file.room) return;
  if (target !== `${room.dir}/index.ts`) report(state, "past-index", where, `${specifier} goes past ${room.dir}/index.ts`);
  checkReach(state, file, room, where);
}

/** `#name` is the manifest's own import, and stays in the room whose file stands behind it. */
function checkSubpath(state, file, specifier, where) {
  const entry = state.manifests.get(file.folder)?.imports?.[specifier];
  const targets = entry === undefined ? [] : leaves(entry);
  const own = file.room === undefined ? undefined : `./src/${file.room.name}/`;
  if (targets.length === 0 || own === undefined || !targets.some((target) => target.startsWith(own))) {
    report(state, "direction", where, `${specifier} belongs to another room or to none`);
  }
}

/** The files behind an import of the manifest, whose conditions may stand in one another. */
function leaves(entry) {
  return typeof entry === "string" ? [entry] : Object.values(entry).flatMap(leaves);
}

function checkBuiltin(state, file, specifier, where) {
  if (file.room?.pure !== true || file.isTest || isPlatform(file)) return;
  report(state, "pure-import", where, `${file.room.id} is pure and imports ${specifier}`);
}

function isPlatform(file) {
  return file.room?.id === "library/crypto" && basename(file.path) === "platform-node.ts";
}

function checkPackage(state, file, specifier, where) {
  const parts = specifier.split("/");
  const name = specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
  const subpath = specifier.slice(name.length + 1);
  const owner = [...state.manifests].find(([, manifest]) => manifest.name === name)?.[0];
  if (owner === undefined) {
    checkThirdParty(state, file, name, where);
    return;
  }
  if (owner === file.folder && file.kind !== "bench") {
    report(state, "own-name", where, `${specifier} is this package itself: import the room's index.ts by its path`);
    return;
  }
  if (file.kind !== "whole" && owner !== file.folder && !declares(state.manifests.get(file.folder), name)) {
    report(state, "undeclared-dependency", where, `packages/${file.folder}/package.json does not name ${name}`);
    return;
  }
  noteUse(state, file, name);
  const room = state.layout.rooms.get(`${owner}/${subpath}`);
  if (room === undefined) report(state, "past-index", where, `${specifier} is no room of ${name}`);
  else checkReach(state, file, room, where);
}

function checkReach(state, file, room, where) {
  if (file.isTest || file.kind === "bench" || file.kind === "whole") return;
  if (room.tests && file.room?.tests !== true) {
    report(state, "testing-room", where, `${room.id} is for tests alone`);
    return;
  }
  const allowed = file.kind === "main" ? room.folder === file.folder : file.room?.reach.has(room.id);
  if (file.room === undefined && file.kind === "room") return;
  if (allowed !== true) report(state, "direction", where, `${file.room?.id ?? "the main program"} may not import ${room.id}`);
}

function checkThirdParty(state, file, name, where) {
  noteUse(state, file, name);
  if (file.room?.pure === true && !file.isTest && !file.room.dependencies.includes(name)) {
    report(state, "pure-import", where, `${file.room.id} is pure and imports ${name}`);
    return;
  }
  const manifest = state.manifests.get(file.folder);
  const root = JSON.parse(read(state.root, "package.json") ?? "{}");
  if (declares(manifest, name) || (file.isTest && declares(root, name, ["dependencies", "devDependencies"]))) return;
  report(
    state,
    "undeclared-dependency",
    where,
    `${file.folder === undefined ? "the root" : `packages/${file.folder}`}/package.json does not name ${name}`,
  );
}

function declares(manifest, name, fields = ["dependencies", "optionalDependencies", "peerDependencies"]) {
  return fields.some((field) => Object.hasOwn(manifest?.[field] ?? {}, name));
}

function noteUse(state, file, name) {
  if (file.folder === undefined || file.isTest) return;
  state.used.set(file.folder, (state.used.get(file.folder) ?? new Set()).add(name));
}

// ---- the whole

function checkFolders(state) {
  for (const folder of state.manifests.keys()) {
    const src = join(state.root, `packages/${folder}/src`);
    for (const entry of existsSync(src) ? readdirSync(src, { withFileTypes: true }) : []) {
      if (!entry.isDirectory()) continue;
      const dir = `packages/${folder}/src/${entry.name}`;
      if (FORBIDDEN_NAME.test(entry.name))
        report(state, "file-name", dir, `a room called ${entry.name} says nothing of what it owns`);
      const listed = state.layout.rooms.has(`${folder}/${entry.name}`);
      const files = sources(state.root, dir);
      if (listed && files.length > 0 && !files.includes(`${dir}/index.ts`))
        report(state, "no-index", dir, "a room without an index.ts has no public surface");
    }
  }
}

function checkDependencies(state) {
  const pages = filesBelow(state.root, "docs/decisions", (name) => name.endsWith(".md")).map((path) => read(state.root, path));
  const isNamed = (name) => pages.some((page) => page.includes(`\`${name}\``) || page.startsWith(`# ${name}\n`));
  const ours = new Set([...state.manifests.values()].map((manifest) => manifest.name));
  const root = JSON.parse(read(state.root, "package.json") ?? "{}");
  for (const [where, manifest] of [
    ["package.json", root],
    ...[...state.manifests].map(([folder, value]) => [`packages/${folder}/package.json`, value]),
  ]) {
    const names = ["dependencies", "optionalDependencies", "devDependencies"].flatMap((field) =>
      Object.keys(manifest[field] ?? {}),
    );
    for (const name of names) {
      if (!ours.has(name) && !isNamed(name))
        report(state, "undocumented-dependency", where, `no page in docs/decisions/ names \`${name}\``);
    }
  }
  for (const [folder, manifest] of state.manifests) {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      if (state.used.get(folder)?.has(name) !== true)
        report(state, "unused-dependency", `packages/${folder}/package.json`, `no source file of the package imports ${name}`);
    }
  }
}

/** Cycles between files of a package, types included: the compiler accepts them without a word. */
function checkFileCycles(state) {
  const done = new Set();
  const seen = new Set();
  const visit = (path, trail) => {
    if (trail.includes(path)) {
      const cycle = trail.slice(trail.indexOf(path));
      const key = [...cycle].sort().join(" ");
      if (!seen.has(key))
        report(state, "cycle", cycle[0], `${[...cycle, path].map((each) => each.replace(/^packages\//, "")).join(" -> ")}`);
      seen.add(key);
      return;
    }
    if (done.has(path)) return;
    for (const next of state.edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of state.edges.keys()) visit(path, []);
}

function checkDerived(state) {
  for (const [path, text] of derivedFiles(state.root, state.layout)) {
    if (read(state.root, path) !== text)
      report(state, "derived-file", path, "differs from what architecture.json gives: run npm run check:architecture -- --write");
  }
  const page = read(state.root, "ARCHITECTURE.md");
  if (page === undefined) return;
  const expected = pictureFile(state.root, state.layout)[0]?.[1];
  if (expected === undefined)
    report(state, "picture", "ARCHITECTURE.md", "has no markers <!-- rooms:begin --> and <!-- rooms:end --> for the picture");
  else if (expected !== page)
    report(
      state,
      "picture",
      "ARCHITECTURE.md",
      "the picture differs from architecture.json: run npm run check:architecture -- --write",
    );
}

function pictureFile(root, layout) {
  const page = read(root, "ARCHITECTURE.md");
  const text = page === undefined ? undefined : placePicture(page, drawRooms(layout));
  return text === undefined ? [] : [["ARCHITECTURE.md", text]];
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, "..");
  if (process.argv.includes("--write")) {
    for (const path of writeArchitecture(root)) console.log(`wrote ${path}`);
  } else {
    const problems = checkArchitecture(root);
    for (const { rule, where, message } of problems) console.log(`${where}: ${message} [${rule}]`);
    console.log(
      problems.length === 0
        ? "architecture: in order"
        : `architecture: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}`,
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  }
}
