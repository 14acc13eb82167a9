// The layout that architecture.json describes, as data: which rooms exist, what each may reach, and what follows from that
// for tsconfig files and package exports. architecture.mjs checks it and writes it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Read architecture.json below `root`; every room gets `id` ("package/room"), `dir`, and `reach`: the ids it may import. */
export function readLayout(root) {
  const table = JSON.parse(readFileSync(join(root, "architecture.json"), "utf8"));
  const rooms = new Map();
  for (const [folder, pkg] of Object.entries(table)) {
    for (const [name, room] of Object.entries(pkg.rooms)) {
      rooms.set(`${folder}/${name}`, {
        id: `${folder}/${name}`, folder, name, packageName: pkg.package, pure: room.pure === true, tests: room.tests === true,
        owns: room.owns, dir: `packages/${folder}/src/${name}`,
        imports: room.imports.map((other) => (other.includes("/") ? other : `${folder}/${other}`)),
      });
    }
  }
  for (const room of rooms.values()) room.reach = reach(rooms, room.id, []);
  return { rooms, packages: table, exists: (room) => existsSync(join(root, room.dir, "index.ts")) };
}

function reach(rooms, id, path) {
  if (path.includes(id)) throw new Error(`architecture.json has a cycle: ${[...path, id].join(" -> ")}`);
  const found = new Set();
  for (const other of rooms.get(id).imports) {
    if (!rooms.has(other)) throw new Error(`architecture.json: room ${id} imports ${other}, which is no room`);
    found.add(other);
    for (const further of reach(rooms, other, [...path, id])) found.add(further);
  }
  return found;
}

/** The files that follow from the layout, by path: tsconfig of each room, of each package's tests, of the whole; and exports. */
export function derivedFiles(root, layout) {
  const files = new Map();
  const live = [...layout.rooms.values()].filter((room) => layout.exists(room));
  const isLive = (id) => live.some((room) => room.id === id);
  for (const room of live) {
    const config = {
      extends: "../../../../tsconfig.base.json",
      compilerOptions: {
        rootDir: "..", outDir: "../../dist", tsBuildInfoFile: `../../.build/${room.name}.tsbuildinfo`,
        ...(room.pure ? {} : { types: ["node"] }),
      },
      include: ["."],
      exclude: ["**/*.test.ts", "**/*.fuzz.ts", "**/platform-node.ts"].slice(0, room.id === "library/crypto" ? 3 : 2),
      references: [...room.reach].filter(isLive).sort().map((id) => ({ path: relativeRoom(room, layout.rooms.get(id)) })),
    };
    if (room.id === "library/crypto") config.references.push({ path: "./tsconfig.platform.json" });
    files.set(`${room.dir}/tsconfig.json`, json(config));
  }
  for (const [folder, pkg] of Object.entries(layout.packages)) {
    const own = live.filter((room) => room.folder === folder);
    if (own.length === 0) continue;
    const references = live.filter((room) => room.folder === folder || own.some((mine) => mine.reach.has(room.id)));
    files.set(`packages/${folder}/tsconfig.test.json`, json({
      extends: "../../tsconfig.base.json",
      compilerOptions: {
        composite: false, declaration: false, declarationMap: false, isolatedDeclarations: false, rewriteRelativeImportExtensions: false,
        noEmit: true, allowImportingTsExtensions: true, types: ["node"], tsBuildInfoFile: ".build/test.tsbuildinfo",
      },
      include: ["src/**/*.test.ts", "src/**/*.fuzz.ts", "bench/**/*.ts"],
      references: references.map((room) => ({ path: room.folder === folder ? `./src/${room.name}` : `../${room.folder}/src/${room.name}` })),
    }));
    const manifestPath = `packages/${folder}/package.json`;
    const manifest = JSON.parse(readFileSync(join(root, manifestPath), "utf8"));
    manifest.exports = Object.fromEntries(own.filter((room) => !room.tests).map((room) => [`./${room.name}`, {
      "@sigillum/source": `./src/${room.name}/index.ts`, types: `./dist/${room.name}/index.d.ts`, default: `./dist/${room.name}/index.js`,
    }]));
    if (pkg.exportsTesting) manifest.exports["./testing"] = { "@sigillum/source": "./src/testing/index.ts" };
    files.set(manifestPath, json(manifest));
  }
  files.set("tsconfig.json", json({
    files: [],
    references: [
      ...live.map((room) => ({ path: room.dir })),
      ...Object.keys(layout.packages).filter((folder) => live.some((room) => room.folder === folder)).map((folder) => ({ path: `packages/${folder}/tsconfig.test.json` })),
      ...(existsSync(join(root, "test/tsconfig.json")) ? [{ path: "test" }] : []),
    ],
  }));
  return files;
}

function relativeRoom(from, to) {
  return from.folder === to.folder ? `../${to.name}` : `../../../${to.folder}/src/${to.name}`;
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}
