// A witness of others (litewitness of torchwood) cosigns our log v2, and clients that know nothing of witnesses go on to verify.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { parseVerifierKey, verifyCosignature } from "@sigillum/library/checkpoint";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";
import type { ClientFactory, ForeignClient } from "./clients/client.ts";
import { cosign3, cosign26ByConfig } from "./clients/cosign.ts";
import { sigstoreGo } from "./clients/sigstore-go.ts";
import { sigstoreJs } from "./clients/sigstore-js.ts";
import { sigstorePython } from "./clients/sigstore-python.ts";
import { type Instance, startInstance } from "./instance.ts";
import { findProgram } from "./programs.ts";

const witness = findPeer("litewitness");
const programs = ["ssh-agent", "ssh-add", "ssh-keygen"];
const missing =
  witness.path === undefined
    ? (witness.missing ?? "litewitness is not here")
    : programs.find((name) => findProgram(name) === undefined);
const clients: readonly (readonly [string, ClientFactory])[] = [
  ["sigstore-js", sigstoreJs],
  ["cosign-3", cosign3],
  ["cosign-2-go", cosign26ByConfig],
  ["sigstore-python", sigstorePython],
  ["sigstore-go", sigstoreGo],
];

describe("a foreign witness", { timeout: 600_000, skip: missing ?? false }, () => {
  let directory = "";
  let instance: Instance;
  let agent: ChildProcess | undefined;
  let server: ChildProcess | undefined;
  let url = "";
  let vkey = "";
  let artifact = "";

  const startWitness = async (): Promise<void> => {
    const fingerprint =
      execFileSync("ssh-keygen", ["-l", "-f", join(directory, "key")], { encoding: "utf8" }).split(" ")[1] ?? "";
    const listen = new URL(url).host;
    const args = ["-name", "lite.example/w1", "-db", join(directory, "w.db"), "-ssh-agent", join(directory, "agent")];
    server = spawn(witness.path ?? "", [...args, "-listen", listen, "-key", fingerprint], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    server.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
    });
    for (;;) {
      const found = /vkey="?(\S+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)/.exec(said)?.[1];
      const answers = await fetch(url).then(
        () => true,
        () => false,
      );
      if (found !== undefined && answers) {
        vkey = found;
        return;
      }
      if (server.exitCode !== null) throw new Error(`litewitness ended: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const stopWitness = async (): Promise<void> => {
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server?.kill("SIGKILL");
    await ended;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-witness-"));
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, "key")]);
    agent = spawn("ssh-agent", ["-D", "-a", join(directory, "agent")], { stdio: "ignore" });
    const env = { ...process.env, SSH_AUTH_SOCK: join(directory, "agent") };
    for (let added = false; !added; ) {
      try {
        execFileSync("ssh-add", ["-q", join(directory, "key")], { env, stdio: "ignore" });
        added = true;
      } catch {
        // The agent does not listen yet.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    url = `http://127.0.0.1:${(await findFreePorts(1, ["127.0.0.1"]))[0]}`;
    await startWitness();
    const witnesses = [{ url, verifierKey: vkey, logs: ["v2"] }];
    instance = await startInstance(
      "signer@example.com",
      {},
      {
        trust: { defaultLog: "v2" },
        transparencyLog: { witnesses, witnessQuorum: 1, witnessWaitMilliseconds: 10_000, mlDsaV2: true },
      },
    );
    artifact = join(instance.directory, "artifact.txt");
    await writeFile(artifact, "a file\n");
  });
  after(async () => {
    await instance?.stop();
    if (server !== undefined && server.exitCode === null) await stopWitness();
    agent?.kill();
    await rm(directory, { recursive: true, force: true });
  });

  const shards = async (): Promise<{
    text: string;
    shard: { origin: string; verifierKeys: string[]; size: number; witnesses: { cosignatures: number } };
  }> => {
    const text = (await instance.sigillum("log", "shards", "--data", "data")).stdout;
    const { stdout } = await instance.sigillum("log", "shards", "--data", "data", "--output", "json");
    return { text, shard: JSON.parse(stdout)["log-v2"][0] };
  };
  const sign = async (name: string): Promise<string> => {
    const path = join(instance.directory, name);
    const token = await instance.token();
    const { exit, stderr } = await instance.sigillum("sign-blob", "--identity-token", token, "--bundle", path, artifact);
    assert.equal(exit, 0, stderr);
    return path;
  };
  const verify = (bundle: string, ...flags: string[]) =>
    instance.sigillum(
      ...["verify-blob", "--bundle", bundle, "--certificate-identity", instance.identity],
      ...["--certificate-oidc-issuer", instance.issuer, ...flags, artifact],
    );
  const checkpointOf = async (bundle: string): Promise<string> =>
    JSON.parse(await readFile(bundle, "utf8")).verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope;

  it("that does not know the log yet costs nothing but its line, and the operator is told", async () => {
    const bundle = await sign("unknown.sigstore.json");
    assert.equal((await verify(bundle)).exit, 0);
    const refused = await verify(bundle, "--witness", vkey);
    assert.notEqual(refused.exit, 0);
    assert.match(refused.stderr, /THRESHOLD_WITNESSES/);
    assert.match((await instance.sigillum("log", "info", "--log", "v2", "--witness", vkey)).stderr, /COSIGNATURE_MISSING/);
    const { text } = await shards();
    assert.match(text, /cosigned by +0 of 1 witnesses, quorum 1: MISSED/);
    assert.match(text, /lite\.example\/w1 {2}failing {2}last nothing yet {2}Cannot use witness .* HTTP 403/);
    const metrics = await (await fetch(`${instance.url("explorer")}/metrics`)).text();
    assert.match(metrics, /sigillum_log_witness_quorum_missed_total\{origin="[^"]+"\} [1-9]/);
  });

  it("that is told the log's key cosigns what is there, and every checkpoint from then on", async () => {
    const { shard } = await shards();
    const database = new DatabaseSync(join(directory, "w.db"));
    const root = Buffer.alloc(32).toString("base64");
    database.prepare("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)").run(shard.origin, root);
    database.prepare("INSERT INTO key (origin, key) VALUES (?, ?)").run(shard.origin, shard.verifierKeys[0] ?? "");
    database.close();
    while ((await shards()).shard.witnesses.cosignatures === 0) await new Promise((resolve) => setTimeout(resolve, 200));
    const bundle = await sign("cosigned.sigstore.json");
    const { checkpoint } = verifyCosignature(await checkpointOf(bundle), parseVerifierKey(vkey));
    assert.equal(checkpoint.origin, shard.origin);
    const verified = await verify(bundle, "--witness", vkey, "--offline");
    assert.equal(verified.exit, 0, verified.stderr);
    assert.match(verified.stderr, /witness lite\.example\/w1 saw this tree and no other of the log at /);
    const served = await (await fetch(`${instance.url("log-v2")}/api/v2/checkpoint`)).text();
    verifyCosignature(served, parseVerifierKey(vkey));
    const info = await instance.sigillum("log", "info", "--log", "v2", "--witness", vkey);
    assert.equal(info.exit, 0, info.stderr);
    assert.match(info.stdout, /^Cosigned: +by lite\.example\/w1 at /m);
    assert.match((await instance.sigillum("log", "info", "--log", "v2")).stderr, /lines of lite\.example\/w1 too/);
  });

  it("that was away while the log grew is shown the growth from where it stood", async () => {
    await stopWitness();
    const without = await sign("away.sigstore.json");
    assert.equal((await verify(without)).exit, 0);
    assert.match((await verify(without, "--witness", vkey)).stderr, /THRESHOLD_WITNESSES/);
    await startWitness();
    while ((await shards()).shard.witnesses.cosignatures === 0) await new Promise((resolve) => setTimeout(resolve, 200));
    const { shard } = await shards();
    const served = await (await fetch(`${instance.url("log-v2")}/api/v2/checkpoint`)).text();
    assert.equal(verifyCosignature(served, parseVerifierKey(vkey)).checkpoint.treeSize, shard.size);
  });

  it("has its line still after our restart, before it is asked again", async () => {
    await stopWitness();
    await instance.restart((text) => text.replace(/^logLevel: info$/m, "logLevel: debug"));
    const served = await (await fetch(`${instance.url("log-v2")}/api/v2/checkpoint`)).text();
    verifyCosignature(served, parseVerifierKey(vkey));
    await startWitness();
  });

  for (const [name, make] of clients) {
    const peer = findPeer(name);
    it(`${name} signs and verifies with the witness's line in its bundle`, {
      skip: peer.path === undefined ? (peer.missing ?? true) : false,
    }, async () => {
      while ((await shards()).shard.witnesses.cosignatures === 0) await new Promise((resolve) => setTimeout(resolve, 200));
      const home = join(instance.directory, name);
      await mkdir(home);
      const client: ForeignClient = make(instance, peer.path ?? "", home);
      await client.bootstrap();
      const [own, ours] = [join(home, "own.sigstore.json"), await sign(`${name}.sigstore.json`)];
      await client.sign(artifact, own);
      for (const bundle of [own, ours]) {
        verifyCosignature(await checkpointOf(bundle), parseVerifierKey(vkey));
        await client.verify(artifact, bundle);
        const verified = await verify(bundle, "--witness", vkey);
        assert.equal(verified.exit, 0, verified.stderr);
      }
    });
  }
});
