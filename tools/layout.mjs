// The layout that architecture.json describes, as data: which rooms exist, what each may reach, and what follows from that
// for tsconfig files and package exports. architecture.mjs checks it and writes it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Read architecture.json below `root`. Every room gets `id` ("package/room"), `dir`, and `reach`: the ids it may import.
 * `problems` says in words what is wrong with the table itself: a room that is none, a cycle.
 */
export function readLayout(root) {
  const packages = JSON.parse(readFileSync(join(root, "architecture.json"), "utf8"));
  const rooms = new Map();
  for (const [folder, pkg] of Object.entries(packages)) {
    for (const [name, room] of Object.entries(pkg.rooms)) {
      rooms.set(`${folder}/${name}`, {
        id: `${folder}/${name}`,
        folder,
        name,
        packageName: pkg.package,
        pure: room.pure === true,
        tests: room.tests === true,
        owns: room.owns,
        dependencies: room.dependencies ?? [], // third-party packages that a pure room may import all the same: pure ones
        dir: `packages/${folder}/src/${name}`,
        imports: room.imports.map((other) => (other.includes("/") ? other : `${folder}/${other}`)),
      });
    }
  }
  const problems = [];
  for (const room of rooms.values()) room.reach = reachOf(rooms, room.id, problems);
  return { rooms, packages, problems: [...new Set(problems)], exists: (room) => existsSync(join(root, room.dir, "index.ts")) };
}

function reachOf(rooms, start, problems) {
  const found = new Set();
  const visit = (id, path) => {
    for (const other of rooms.get(id).imports) {
      if (!rooms.has(other)) problems.push(`room ${id} imports ${other}, which is no room`);
      else if (other === start) problems.push(`cycle: ${canonicalCycle([...path, id]).join(" -> ")}`);
      else if (!found.has(other)) {
        found.add(other);
        visit(other, [...path, id]);
      }
    }
  };
  visit(start, []);
  return found;
}

function canonicalCycle(ids) {
  const first = ids.indexOf([...ids].sort()[0]);
  const turned = [...ids.slice(first), ...ids.slice(0, first)];
  return [...turned, turned[0]];
}

/** The files that follow from the layout, by path: tsconfig of each room, of each package's tests, of the whole; and exports. */
export function derivedFiles(root, layout) {
  const files = new Map();
  const live = [...layout.rooms.values()].filter((room) => layout.exists(room));
  const has = (path) => existsSync(join(root, path));
  for (const room of live) addRoom(files, room, live, layout);
  for (const folder of Object.keys(layout.packages)) {
    const own = live.filter((room) => room.folder === folder);
    if (own.length > 0) addPackage(files, root, folder, own, live, has);
  }
  const folders = Object.keys(layout.packages).filter((folder) => live.some((room) => room.folder === folder));
  if (has("biome.json")) files.set("biome.json", lintSettings(readFileSync(join(root, "biome.json"), "utf8"), layout));
  const wholeTests = has("test") && hasTypeScript(join(root, "test"));
  if (wholeTests) {
    const references = live.map((room) => `../${room.dir}`);
    files.set("test/tsconfig.json", json(testConfig("..", ["**/*.ts"], ["node_modules"], references)));
  }
  files.set(
    "tsconfig.json",
    json({
      files: [],
      references: [
        ...live.map((room) => ({ path: room.dir })),
        ...folders.filter((folder) => has(mainFile(folder))).map((folder) => ({ path: `packages/${folder}/src` })),
        ...folders.map((folder) => ({ path: `packages/${folder}/tsconfig.test.json` })),
        ...(wholeTests ? [{ path: "test" }] : []),
      ],
    }),
  );
  return files;
}

/** biome.json with the pure rooms of the table in the one override that has tools/pure.grit, a line a package. */
function lintSettings(text, layout) {
  const folders = Map.groupBy(
    [...layout.rooms.values()].filter((room) => room.pure),
    (room) => room.folder,
  );
  const globs = [...folders].map(
    ([folder, rooms]) => `        "packages/${folder}/src/{${rooms.map((room) => room.name).join(",")}}/**/*.ts",\n`,
  );
  return text.replace(/(?:^ {8}"packages\/\w+\/src\/\{[^"]*",\n)+/m, globs.join(""));
}

/** The program of a package that has one: a file of `src/` that is no room and may reach every room of its package. */
export function mainFile(folder) {
  return `packages/${folder}/src/main.ts`;
}

function addRoom(files, room, live, layout) {
  const isLive = (id) => live.some((other) => other.id === id);
  const references = [...room.reach]
    .filter(isLive)
    .sort()
    .map((id) => relativeRoom(room, layout.rooms.get(id)));
  const config = (name, types, rest, further = []) => ({
    extends: "../../../../tsconfig.base.json",
    compilerOptions: {
      rootDir: "..",
      outDir: "../../dist",
      tsBuildInfoFile: `../../.build/${name}.tsbuildinfo`,
      ...(types ? { types: ["node"] } : {}),
    },
    ...rest,
    references: [...references, ...further].map((path) => ({ path })),
  });
  const tests = ["**/*.test.ts", "**/*.fuzz.ts"];
  if (room.id !== "library/crypto") {
    files.set(`${room.dir}/tsconfig.json`, json(config(room.name, !room.pure, { include: ["."], exclude: tests })));
    return;
  }
  // crypto alone is two projects: platform-node.ts may name node:crypto and imports nothing of ours; the rest sees its declarations only.
  const platform = ["platform-node.ts"];
  const pure = { include: ["."], exclude: [...tests, ...platform] };
  files.set(`${room.dir}/tsconfig.json`, json(config(room.name, false, pure, ["./tsconfig.platform.json"])));
  files.set(`${room.dir}/tsconfig.platform.json`, json(config(`${room.name}-platform`, true, { include: platform })));
}

function addPackage(files, root, folder, own, live, has) {
  const visible = live.filter((room) => room.folder === folder || own.some((mine) => mine.reach.has(room.id)));
  const references = visible.map((room) =>
    room.folder === folder ? `./src/${room.name}` : `../${room.folder}/src/${room.name}`,
  );
  if (has(mainFile(folder))) {
    files.set(
      `packages/${folder}/src/tsconfig.json`,
      json({
        extends: "../../../tsconfig.base.json",
        compilerOptions: { rootDir: ".", outDir: "../dist", tsBuildInfoFile: "../.build/main.tsbuildinfo", types: ["node"] },
        files: ["main.ts"],
        references: own.map((room) => ({ path: `./${room.name}` })),
      }),
    );
    references.push("./src");
  }
  files.set(
    `packages/${folder}/tsconfig.test.json`,
    json(
      testConfig("../..", ["src/**/*.test.ts", "src/**/*.fuzz.ts", "bench/**/*.ts"], undefined, references, {
        tsBuildInfoFile: ".build/test.tsbuildinfo",
      }),
    ),
  );
  const manifestPath = `packages/${folder}/package.json`;
  const manifest = JSON.parse(readFileSync(join(root, manifestPath), "utf8"));
  manifest.exports = Object.fromEntries(own.map((room) => [`./${room.name}`, entryPoint(room)]));
  files.set(manifestPath, json(manifest));
}

/** A room for tests is there in the checkout only: no published file stands behind it. */
function entryPoint({ name, tests }) {
  const source = { "@sigillum/source": `./src/${name}/index.ts` };
  return tests ? source : { ...source, types: `./dist/${name}/index.d.ts`, default: `./dist/${name}/index.js` };
}

function testConfig(toRoot, include, exclude, references) {
  return {
    extends: `${toRoot}/tsconfig.base.json`,
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      rewriteRelativeImportExtensions: false,
      noEmit: true,
      allowImportingTsExtensions: true,
      types: ["node"],
      tsBuildInfoFile: ".build/test.tsbuildinfo",
    },
    include,
    ...(exclude === undefined ? {} : { exclude }),
    references: references.map((path) => ({ path })),
  };
}

function relativeRoom(from, to) {
  return from.folder === to.folder ? `../${to.name}` : `../../../${to.folder}/src/${to.name}`;
}

function hasTypeScript(directory) {
  return readdirSync(directory, { recursive: true }).some((name) => name.endsWith(".ts") && !name.includes("node_modules"));
}

/** Every file below `directory` whose name passes, as paths relative to `root`, sorted; node_modules, dist and dot folders left out. */
export function filesBelow(root, directory, accepts) {
  const found = [];
  const walk = (path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      if (entry.name === "node_modules" || entry.name === "dist" || entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) walk(`${path}/${entry.name}`);
      else if (accepts(entry.name)) found.push(`${path}/${entry.name}`);
    }
  };
  if (existsSync(join(root, directory))) walk(directory);
  return found.sort();
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}
