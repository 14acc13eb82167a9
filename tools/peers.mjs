// npm run peers: brings the foreign clients that judge us into a cache outside the checkout, at the pinned versions of peers.json, by
// the ordinary clients of npm, PyPI, Debian and Go. `--all` builds the slow ones too; `--list` prints as JSON what is there.
import { chmodSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { privateApt, run } from "./peers-debian.mjs";
import { findPeer, listPeers, peerFolder, peers, peersDirectory } from "./peers-list.mjs";

/** How to fill `folder` with a peer; returns the version that came. Each way uses the machine's own settings of its client. */
const ways = {
  npm(peer, folder) {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "peers", private: true, dependencies: peer.packages }));
    run(
      "npm",
      ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--workspaces=false"],
      folder,
      withoutNpm(process.env),
    );
    return Object.entries(peer.packages)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ");
  },
  // a virtual environment knows its own path, so this one is made where it stays
  pypi(peer, folder) {
    run("python3", ["-m", "venv", folder]);
    run(join(folder, "bin", "python"), [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      `${peer.package}==${peer.version}`,
      ...(peer.with ?? []),
    ]);
    return peer.version;
  },
  debian(peer, folder, apt) {
    return apt().download(peer.package, peer.suite, folder);
  },
  go(peer, folder) {
    const env = { ...process.env, GOBIN: folder, GOFLAGS: "-trimpath -p=1", CGO_ENABLED: "0" };
    run("nice", ["-n", "19", "go", "install", "-ldflags=-s -w", `${peer.package}@${peer.version}`], folder, env, 3_600_000);
    return peer.version;
  },
  // a module as it stands, with its own replacements and pinned sums: what `go install` refuses
  "go-source"(peer, folder) {
    const { Dir, Version } = JSON.parse(run("go", ["mod", "download", "-json", `${peer.package}@${peer.version}`], folder));
    const source = join(folder, "source");
    cpSync(Dir, source, { recursive: true });
    run("chmod", ["-R", "u+w", source], folder);
    const env = { ...process.env, GOFLAGS: "-trimpath -p=1 -mod=mod", CGO_ENABLED: "0" };
    const flags = peer.tags === undefined ? [] : ["-tags", peer.tags];
    const args = [
      "-n",
      "19",
      "go",
      "build",
      ...flags,
      "-ldflags=-s -w -checklinkname=0",
      "-o",
      join(folder, peer.file),
      peer.main,
    ];
    run("nice", args, source, env, 3_600_000);
    rmSync(source, { recursive: true, force: true });
    return Version;
  },
  // data that a module carries: one folder of it, copied out of the module cache
  "go-module"(peer, folder) {
    const { Dir, Version } = JSON.parse(run("go", ["mod", "download", "-json", `${peer.package}@${peer.version}`], folder));
    cpSync(join(Dir, peer.folder), join(folder, peer.file), { recursive: true });
    for (const path of readdirSync(folder, { recursive: true })) chmodSync(join(folder, path), 0o755);
    return Version;
  },
};

/** npm's own settings of the run that started us must not steer the inner npm. */
function withoutNpm(env) {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        !/^npm_(?:config_(?:node_options|prefix|local_prefix|workspace)|lifecycle|package)/i.test(name) &&
        name !== "NODE_OPTIONS",
    ),
  );
}

/** Bring in one peer unless it is there; what findPeer says of it afterwards, with the reason when it could not be had. */
function bring(name, apt, directory) {
  const here = findPeer(name, directory);
  if (here.path !== undefined) return here;
  const peer = peers[name];
  const folder = peerFolder(name, peer, directory);
  const stays = peer.from === "pypi";
  const work = stays ? folder : `${folder}.partial`;
  for (const path of [folder, work]) rmSync(path, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const version = ways[peer.from](peer, work, apt);
    writeFileSync(join(work, "peer.json"), JSON.stringify({ name, version }));
    if (!stays) renameSync(work, folder);
    return findPeer(name, directory);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    return { missing: error.message };
  }
}

/** The private apt, made and updated at the first package that needs it. */
function aptOnce(directory) {
  let apt;
  let failure;
  return () => {
    if (failure !== undefined) throw failure;
    if (apt !== undefined) return apt;
    try {
      const suites = new Set(
        Object.values(peers)
          .filter((peer) => peer.from === "debian")
          .map((peer) => peer.suite),
      );
      const made = privateApt(join(directory, "apt"), [...suites]);
      made.update();
      apt = made;
      return apt;
    } catch (error) {
      failure = error;
      throw error;
    }
  };
}

function origin(peer) {
  return peer.from === "debian"
    ? `Debian ${peer.suite}, ${peer.package}`
    : `${{ npm: "npm", pypi: "PyPI", go: "Go modules", "go-source": "Go modules, source", "go-module": "Go module data" }[peer.from]}${peer.package ? `, ${peer.package}` : ""}`;
}

function main(args) {
  const directory = peersDirectory();
  if (args.includes("--list")) {
    console.log(JSON.stringify(listPeers(directory), null, 2));
    return 0;
  }
  mkdirSync(directory, { recursive: true });
  const except = args.filter((arg) => arg.startsWith("--except=")).flatMap((arg) => arg.slice("--except=".length).split(","));
  const asked = args.filter((arg) => !arg.startsWith("--"));
  const apt = aptOnce(directory);
  let had = 0;
  for (const [name, peer] of Object.entries(peers)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const unwanted = (peer.slow === true && !args.includes("--all")) || except.includes(name);
    const skip = unwanted && !asked.includes(name) && findPeer(name, directory).path === undefined;
    const found = skip
      ? { missing: `built from source in minutes, on request: npm run peers -- ${name}` }
      : bring(name, apt, directory);
    if (found.path !== undefined) had += 1;
    const surprise =
      peer.version !== undefined && found.version !== undefined && !found.version.startsWith(peer.version)
        ? ` (expected ${peer.version})`
        : "";
    const told = found.path === undefined ? `not here: ${found.missing}` : `${found.version}${surprise}`;
    console.log(`${name.padEnd(16)} ${origin(peer).padEnd(52)} ${told}`);
  }
  console.log(`${had} foreign clients in ${directory}`);
  return had > 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
