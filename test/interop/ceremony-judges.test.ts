// A repository that five keyholders made with `sigillum root`, published to a directory and to a bucket, followed by the TUF clients of
// others through delegation, a keyholder who leaves, a stolen key and its recovery.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseTimestamp } from "@sigillum/library/tuf";
import { encodePrivateKeyPem, generatePrivateKey } from "@sigillum/signers/signers";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";
import { expectSuccess, runProgram } from "./clients/program.ts";

const loopback = ["127.0.0.1", "::1"] as const;

const SIGILLUM = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const here = join(import.meta.dirname, "tuf");
const js = findPeer("sigstore-js");
const python = findPeer("sigstore-python");
const go = findPeer("go-tuf");
const moto = findPeer("moto");
const people = ["ada", "bea", "cyd", "dan", "eve"];

/** How a foreign client is told to fetch one target; it keeps its trust in `home`. */
type FetchTarget = (home: string, url: string, target: string, output: string) => readonly string[];

const clients: readonly { readonly name: string; readonly missing: string | undefined; readonly command: FetchTarget }[] = [
  {
    name: "tuf-js",
    missing: js.path === undefined ? js.missing : undefined,
    command: (home, url, target, output) => [
      process.execPath,
      join(here, "tuf-js-program.mjs"),
      js.path ?? "",
      ...[join(home, "metadata"), join(home, "targets"), url, target, output],
    ],
  },
  {
    name: "python-tuf",
    missing: python.path === undefined ? python.missing : undefined,
    command: (home, url, target, output) => [
      join(dirname(python.path ?? ""), "python"),
      join(here, "python_tuf_client.py"),
      ...[join(home, "metadata"), join(home, "targets"), url, target, output],
    ],
  },
  {
    name: "go-tuf",
    missing: go.path === undefined ? go.missing : undefined,
    command: (_, url, target) => [go.path ?? "", "get", target, "--url", url, "--turl", `${url}/targets`],
  },
];

describe("a ceremony of ours in an S3 bucket, judged by others", {
  skip: moto.path === undefined ? `SKIPPED: ${moto.missing ?? "moto is not here"}` : false,
  timeout: 300_000,
}, () => {
  let directory = "";
  let server: ChildProcess | undefined;
  let endpoint = "";
  let url = "";
  const bucket = "s3://trust/tuf";
  const signs = (timestamp: string): string[] => ["--sign", `timestamp=${timestamp}.key`, "--sign", "snapshot=snapshot.key"];
  const environment = (): Record<string, string> => ({
    HOME: directory,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
  });
  const sigillum = (...words: readonly string[]): Promise<string> =>
    expectSuccess(process.execPath, [SIGILLUM, ...words], { cwd: directory, env: environment() });
  const root = (...words: readonly string[]): Promise<string> => sigillum("root", ...words);

  before(async () => {
    if (moto.path === undefined) return;
    directory = await mkdtemp(join(tmpdir(), "sigillum-ceremony-"));
    const port = (await findFreePorts(1, loopback))[0];
    endpoint = `http://127.0.0.1:${port}`;
    url = `${endpoint}/trust/tuf`;
    server = spawn(moto.path, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    await answers(endpoint);
    assert.equal((await fetch(`${endpoint}/trust`, { method: "PUT", headers: { "x-amz-acl": "public-read" } })).status, 200);
    for (const name of [...people, "fay", "timestamp", "timestamp-2", "snapshot", "rekor", "fulcio", "acme"])
      await writeFile(join(directory, `${name}.key`), encodePrivateKeyPem(generatePrivateKey("ecdsa-p256")), { mode: 0o600 });
    for (const name of ["one.txt", "rekor.pub", "fulcio.pem", "keys.json"]) await writeFile(join(directory, name), `of ${name}`);
  });
  after(async () => {
    server?.kill();
    await rm(directory, { recursive: true, force: true });
  });

  const follow = async (client: (typeof clients)[number], target: string): Promise<{ exit: number; text: string }> => {
    const home = join(directory, client.name);
    const output = join(home, "output");
    await rm(output, { force: true });
    const [program = "", ...args] = client.command(home, url, target, output);
    const ended = await runProgram(program, args, { cwd: home, env: { HOME: home } });
    const exit = ended.exit === 0 ? 0 : 1;
    const file = client.name === "go-tuf" ? join(home, "tuf_download", encodeURIComponent(target)) : output;
    return { exit, text: exit === 0 ? await readFile(file, "utf8") : "" };
  };
  const everyone = async (target: string, text: string | undefined): Promise<void> => {
    for (const client of clients.filter(({ missing }) => missing === undefined)) {
      const found = await follow(client, target);
      if (text === undefined) assert.notEqual(found.exit, 0, `${client.name} ${target}`);
      else assert.deepEqual(found, { exit: 0, text }, `${client.name} ${target}`);
      console.log(`${client.name}: ${target} ${text === undefined ? "refused" : "fetched"}`);
    }
  };

  it("root v1: five keyholders, threshold three, into the bucket", async () => {
    await root("init", "one");
    for (const who of people) {
      await cp(join(directory, "one"), join(directory, `at-${who}`), { recursive: true });
      await root("add-key", `at-${who}`, "--owner", who, "--key", `${who}.key`);
    }
    await root("add-key", "at-ada", "--owner", "server", "--role", "timestamp", "--key", "timestamp.key");
    await root("add-key", "at-ada", "--owner", "server", "--role", "snapshot", "--key", "snapshot.key");
    await root("join", "one", ...people.map((who) => `at-${who}`));
    await root("propose", "one", "--threshold", "root=3", "--target", "one.txt=one.txt");
    for (const who of ["ada", "cyd", "eve"]) await root("sign", "one", "--key", `${who}.key`, "--yes");
    await root("publish", "one", "--to", bucket, ...signs("timestamp"));
    const first = await fetch(`${url}/timestamp.json`);
    assert.equal(first.headers.get("cache-control"), "no-store");
    await writeFile(join(directory, "root.json"), await (await fetch(`${url}/1.root.json`)).text());
    for (const client of clients) {
      const home = join(directory, client.name);
      for (const folder of ["metadata", "targets"]) await mkdir(join(home, folder), { recursive: true });
      for (const folder of [home, join(home, "metadata")])
        await copyFile(join(directory, "root.json"), join(folder, "root.json"));
      if (client.name === "go-tuf" && client.missing === undefined)
        await expectSuccess(go.path ?? "", ["init", "--url", url, "--file", "root.json"], { cwd: home, env: { HOME: home } });
    }
    await everyone("one.txt", "of one.txt");
  });

  it("delegations with proof of possession: the log, the CA and a project, each with a file of its own", async () => {
    await root("init", "two", "--live", bucket);
    for (const who of ["rekor", "fulcio", "acme"])
      await root("add-key", "two", "--owner", who, "--role", who, "--key", `${who}.key`);
    await root("delegate", "two", "rekor", "--paths", "rekor.*.pub", "--terminating", "--target", "rekor.0.pub=rekor.pub");
    await root("delegate", "two", "fulcio", "--paths", "fulcio.*.pem", "--terminating", "--target", "fulcio.0.pem=fulcio.pem");
    await root("delegate", "two", "acme", "--paths", "acme/*", "--target", "acme/keys.json=keys.json");
    for (const who of ["rekor", "fulcio", "acme", "bea", "dan", "eve"]) await root("sign", "two", "--key", `${who}.key`, "--yes");
    await root("publish", "two", "--to", bucket, ...signs("timestamp"));
    await everyone("rekor.0.pub", "of rekor.pub");
    await everyone("fulcio.0.pem", "of fulcio.pem");
    await everyone("acme/keys.json", "of keys.json");
  });

  it("four processes that renew the timestamp at once publish one", async () => {
    const version = async (): Promise<number> =>
      parseTimestamp(new Uint8Array(await (await fetch(`${url}/timestamp.json`)).arrayBuffer())).version;
    // A longer life each time, of which most has gone already: the timestamp is due.
    for (const days of ["40", "300"]) {
      const before = await version();
      const words = ["tick", bucket, ...signs("timestamp"), "--timestamp-days", days];
      const said = await Promise.all(Array.from({ length: 4 }, () => root(...words)));
      const [published, idle] = ["Published", "Nothing is due"].map(
        (start) => said.filter((text) => text.startsWith(start)).length,
      );
      assert.deepEqual([published, idle], [1, 3], said.join("\n"));
      assert.equal(await version(), before + 1);
    }
    await everyone("one.txt", "of one.txt");
  });

  it("a keyholder leaves, the timestamp key is replaced and its versions begin anew; a project is revoked", async () => {
    await root("init", "three", "--live", bucket);
    await root("add-key", "three", "--owner", "fay", "--role", "root", "--role", "targets", "--key", "fay.key");
    await root("add-key", "three", "--owner", "new", "--role", "timestamp", "--key", "timestamp-2.key");
    for (const role of ["root", "targets"]) await root("rotate", "three", "--role", role, "--old", "dan", "--new", "fay");
    await root("rotate", "three", "--role", "timestamp", "--old", "server", "--new", "new");
    await root("revoke", "three", "--delegation", "acme");
    for (const who of ["ada", "bea", "fay", "dan"]) await root("sign", "three", "--key", `${who}.key`, "--yes");
    await root("publish", "three", "--to", bucket, ...signs("timestamp-2"), "--restart", "timestamp");
    const timestamp = parseTimestamp(new Uint8Array(await (await fetch(`${url}/timestamp.json`)).arrayBuffer()));
    assert.equal(timestamp.version, 1);
    await everyone("one.txt", "of one.txt");
    await everyone("acme/keys.json", undefined);
    assert.match(await root("status", url), /^timestamp +version 1 +expires in 6 days/m);
    assert.match(await root("tick", bucket, ...signs("timestamp-2")), /^Nothing is due/);
  });

  it("a copy in a directory is the same repository", async () => {
    assert.match(await root("copy", bucket, "mirror"), /^Copied/);
    for (const name of ["timestamp.json", "2.root.json", "1.rekor.json"])
      assert.equal(await readFile(join(directory, "mirror", name), "utf8"), await (await fetch(`${url}/${name}`)).text(), name);
  });
});

async function answers(address: string): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    try {
      await fetch(address);
      return;
    } catch (cause) {
      if (Date.now() > end) throw new Error(`moto does not answer on ${address}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
