// TUF clients of others follow a repository of ours through its life, and ours follows one that python-tuf makes.
import assert from "node:assert/strict";
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { encodeUtf8, isSigillumError, parseUtf8 } from "@sigillum/library/encoding";
import { generateSigner, PublishedFolder } from "@sigillum/library/testing";
import { type FetchFile, fetchTarget, memoryStore, refresh } from "@sigillum/library/tuf";
import { defaultPeriods, planPublication } from "@sigillum/library/tuf-repository";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess, runProgram } from "./clients/program.ts";
import { startOwnRepository } from "./tuf/own-repository.ts";

const here = join(import.meta.dirname, "tuf");
const js = findPeer("sigstore-js");
const python = findPeer("sigstore-python");
const go = findPeer("go-tuf");
/** The Python whose packages hold python-tuf: sigstore-python is written on it. */
const pythonPath = join(dirname(python.path ?? ""), "python");

/** How to run one foreign client: it keeps its trust in `home/metadata`. */
interface TufClient {
  readonly name: string;
  readonly skip: string | false;
  /** What it must be told of the first root beside having it as `root.json`, in its home and in `metadata` there. */
  initialise?(url: string): readonly string[];
  /** Where it leaves a file itself, if it is not told where. */
  downloaded?(home: string, target: string): string;
  command(home: string, url: string, target: string, output: string): readonly string[];
}

const clients: readonly TufClient[] = [
  {
    name: "tuf-js",
    skip: js.path === undefined ? (js.missing ?? "it is not here") : false,
    command: (home, url, target, output) => [
      process.execPath,
      join(here, "tuf-js-program.mjs"),
      js.path ?? "",
      ...[join(home, "metadata"), join(home, "targets"), url, target, output],
    ],
  },
  {
    name: "python-tuf",
    skip: python.path === undefined ? (python.missing ?? "it is not here") : false,
    command: (home, url, target, output) => [
      pythonPath,
      join(here, "python_tuf_client.py"),
      ...[join(home, "metadata"), join(home, "targets"), url, target, output],
    ],
  },
  {
    name: "go-tuf",
    skip: go.path === undefined ? (go.missing ?? "it is not here") : false,
    initialise: (url) => [go.path ?? "", "init", "--url", url, "--file", "root.json"],
    downloaded: (home, target) => join(home, "tuf_download", encodeURIComponent(target)),
    command: (_, url, target) => [go.path ?? "", "get", target, "--url", url, "--turl", `${url}/targets`],
  },
];

describe("a repository of ours, followed by others", { timeout: 300_000 }, () => {
  for (const client of clients) {
    it(`${client.name}: init, delegation, bins, revocation, root rotation, fast-forward recovery`, {
      skip: client.skip,
    }, async () => {
      const repository = await startOwnRepository();
      const home = join(repository.directory, "client");
      const output = join(home, "output");
      const options = { cwd: home, env: { HOME: home } };
      const run = (target: string): readonly [string, string[]] => {
        const [program = "", ...args] = client.command(home, repository.url, target, output);
        return [program, args];
      };
      try {
        for (const folder of ["metadata", "targets"]) await mkdir(join(home, folder), { recursive: true });
        for (let stage = await repository.next(); stage !== undefined; stage = await repository.next()) {
          if (stage.name.startsWith("init")) {
            for (const folder of [home, join(home, "metadata")]) await copyFile(repository.rootPath, join(folder, "root.json"));
            const [program, ...args] = client.initialise?.(repository.url) ?? [];
            if (program !== undefined) await expectSuccess(program, args, options);
          }
          await expectSuccess(...run(stage.target), options);
          const file = client.downloaded?.(home, stage.target) ?? output;
          assert.equal(await readFile(file, "utf8"), stage.text, stage.name);
          console.log(`${client.name} follows: ${stage.name}`);
        }
        const absent = await runProgram(...run("acme/absent"), options);
        assert.notEqual(absent.exit, 0, "a target that nobody signed");
        await repository.forgeTimestamp();
        const forged = await runProgram(...run("hello.txt"), options);
        assert.notEqual(forged.exit, 0, "a timestamp by the revoked key");
      } finally {
        await repository.close();
      }
    });
  }
});

describe("a repository of python-tuf, followed by us", { timeout: 120_000 }, () => {
  const skip = python.path === undefined ? (python.missing ?? "it is not here") : false;
  it("nested delegations, hash prefixes, bins, root rotation, key revocation and fast-forward recovery", { skip }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-python-tuf-"));
    try {
      await expectSuccess(pythonPath, [join(here, "python_tuf_repository.py"), join(directory, "stages")], {
        env: { HOME: directory },
      });
      const served = join(directory, "served");
      const fetch: FetchFile = (path) =>
        readFile(join(served, path)).then(
          (bytes) => new Uint8Array(bytes),
          () => undefined,
        );
      const stage = (name: string): Promise<void> => cp(join(directory, "stages", name), served, { recursive: true });
      await stage("1");
      const store = memoryStore(new Uint8Array(await readFile(join(served, "1.root.json"))));
      let trusted = await refresh(fetch, store, Date.now());
      for (const [path, text] of [
        ["hello.txt", "hello"],
        ["team/leaf/file.txt", "from the leaf"],
        ["by-hash", "by its hash"],
        ["binned/file.txt", "from a bin"],
      ] as const)
        assert.equal(parseUtf8(await fetchTarget(trusted, path, fetch, store)), text);
      assert.equal(trusted.timestamp?.version, 100);
      await stage("2");
      trusted = await refresh(fetch, store, Date.now());
      assert.deepEqual([trusted.root.version, trusted.timestamp?.version], [2, 1]);
      assert.equal(parseUtf8(await fetchTarget(trusted, "hello.txt", fetch, store)), "hello again");
      await stage("3");
      await assert.rejects(
        refresh(fetch, store, Date.now()),
        (error) => isSigillumError(error) && error.code === "TUF_THRESHOLD",
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("a year of ours, followed by python-tuf once a week", { timeout: 120_000 }, () => {
  const skip = python.path === undefined ? (python.missing ?? "it is not here") : false;
  it("no metadata is ever expired, and every rotation is followed", { skip }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-tuf-year-"));
    try {
      const startMs = Date.now();
      const expected = await simulateYear(join(directory, "weeks"), startMs);
      for (const folder of ["metadata", "targets"]) await mkdir(join(directory, "home", folder), { recursive: true });
      await copyFile(join(directory, "weeks", "0", "1.root.json"), join(directory, "home", "metadata", "root.json"));
      const script = [join(here, "python_tuf_year.py"), join(directory, "weeks"), join(directory, "home"), String(startMs)];
      const said = await expectSuccess(pythonPath, script, { env: { HOME: directory } });
      assert.deepEqual(said.trim().split("\n"), expected);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

/** A year in which each of the four keys is rotated twice; each week's folder as a server had it in that hour. */
async function simulateYear(weeks: string, startMs: number): Promise<readonly string[]> {
  const published = new PublishedFolder();
  const roles = ["root", "targets", "snapshot", "timestamp"] as const;
  let signers = {
    root: [generateSigner()],
    targets: [generateSigner()],
    snapshot: [generateSigner()],
    timestamp: [generateSigner()],
  };
  const thresholds = { root: 1, targets: 1, snapshot: 1, timestamp: 1 };
  const expected: string[] = [];
  for (let hour = 0; hour <= 52 * 7 * 24; hour += 12) {
    const week = hour / (7 * 24);
    const rotated = hour > 0 && week % 6 === 0 ? roles[(week / 6 - 1) % 4] : undefined;
    const retiringRootSigners = rotated === "root" ? signers.root : [];
    if (rotated !== undefined) signers = { ...signers, [rotated]: [generateSigner()] };
    const text = `trusted since week ${Math.floor(week / 6) * 6}`;
    const files = new Map([["trusted_root.json", { bytes: encodeUtf8(text) }]]);
    const plan = { nowMs: startMs + hour * 3_600_000, periods: defaultPeriods, files, signers, thresholds, retiringRootSigners };
    published.write(await planPublication(published.state, plan));
    if (!Number.isInteger(week)) continue;
    expected.push(`${week} ${text}`);
    for (const [path, bytes] of published.files) {
      const file = join(weeks, String(week), path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
    }
  }
  return expected;
}
