import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { noteKey, verifyCheckpoint } from "@sigillum/library/checkpoint";
import { parsePublicKeyPem } from "@sigillum/library/crypto";
import { encodeUtf8, parseBase64, parseHex } from "@sigillum/library/encoding";
import { encodeProposedHashedRekord, verifySet } from "@sigillum/library/log-entry";
import { leafHash, verifyConsistency, verifyInclusion } from "@sigillum/library/merkle";
import { Host, type Service, silentLogger, systemClock } from "../host/index.ts";
import { Keyring, type ShardRecord } from "../keyring/index.ts";
import { createRekorV1, openRekorV1Shard, type RekorV1Shard } from "./index.ts";

const day = 86_400_000;
const publicUrls = {
  logV1: "http://localhost:3000",
  logV2: "http://localhost:3003",
  ca: "http://localhost:5555",
  ct: "http://localhost:6962",
  tsa: "http://localhost:3004",
  identity: "http://localhost:5556",
};
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = publicKey.export({ type: "spki", format: "der" });

function proposal(text: string): string {
  return encodeProposedHashedRekord({
    hashAlgorithm: "sha256",
    digest: createHash("sha256").update(text).digest(),
    signature: sign("sha256", encodeUtf8(text), privateKey),
    verifier: { type: "publicKey", der: spki },
  });
}

interface Entry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: { checkpoint: string; hashes: string[]; logIndex: number; rootHash: string; treeSize: number };
  };
}

interface LogInfo {
  readonly inactiveShards: readonly { treeID: string; treeSize: number; signedTreeHead: string; rootHash: string }[] | null;
  readonly treeID: string;
  readonly treeSize: number;
}

/** A log over a keyring in a directory, as compose wires it. */
class Log {
  readonly published: (readonly string[])[] = [];
  nowMs: number;
  readonly #directory: string;
  #host: Host | undefined;
  #service: Service | undefined;
  keyring: Keyring;

  private constructor(directory: string, keyring: Keyring, nowMs: number) {
    this.#directory = directory;
    this.keyring = keyring;
    this.nowMs = nowMs;
  }

  static async open(directory: string, nowMs: number): Promise<Log> {
    const keyring = (await Keyring.exists(directory))
      ? await Keyring.open(directory)
      : await Keyring.create(directory, { organization: "Example", operator: "example", publicUrls }, nowMs);
    const log = new Log(directory, keyring, nowMs);
    await log.#start();
    return log;
  }

  async #start(): Promise<void> {
    const shards: RekorV1Shard[] = [];
    for (const record of this.keyring.shards("v1")) shards.push(await this.#openShard(record));
    const clock = { nowMs: () => this.nowMs };
    this.#service = createRekorV1({
      shards,
      logger: silentLogger,
      listener: { addresses: ["127.0.0.1"], port: 0 },
      rotation: {
        keyring: this.keyring,
        clock,
        cacheWindowMs: 7 * day,
        open: (record) => this.#openShard(record),
        publish: async () => void this.published.push(this.keyring.trustedRoot().tlogs.map(({ baseUrl }) => baseUrl)),
      },
    });
    this.#host = new Host({ logger: silentLogger, clock: systemClock });
    // Jobs run by the clock of the machine: the test calls what they call.
    await this.#host.start([{ ...this.#service, jobs: [] }]);
  }

  #openShard(record: ShardRecord): Promise<RekorV1Shard> {
    return openRekorV1Shard({
      directory: join(this.#directory, `v1-${record.id}`),
      hostname: record.checkpointName,
      treeId: BigInt(record.treeId ?? 0),
      signer: this.keyring.signer(record.key),
      clock: { nowMs: () => this.nowMs },
      logger: silentLogger,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#host?.addresses()[0]?.port}`;
  }

  async action(name: string): Promise<unknown> {
    return await this.#service?.actions.get(`log-v1.${name}`)?.(null);
  }

  async advance(): Promise<void> {
    await this.#service?.jobs[0]?.run(new AbortController().signal);
  }

  async add(text: string): Promise<Entry> {
    const reply = await fetch(`${this.url}/api/v1/log/entries`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: proposal(text),
    });
    const json = await reply.text();
    assert.equal(reply.status, 201, json);
    const [entry] = Object.values(JSON.parse(json) as Record<string, Entry>);
    assert.ok(entry !== undefined);
    return entry;
  }

  async get<T>(path: string): Promise<T> {
    const reply = await fetch(this.url + path);
    assert.equal(reply.status, 200, path);
    return (await reply.json()) as T;
  }

  /** What a client does with an entry: proof, checkpoint and promise, by the key of the shard that the checkpoint names. */
  async verify(entry: Entry): Promise<void> {
    const { inclusionProof: proof, signedEntryTimestamp } = entry.verification;
    const treeId = proof.checkpoint.split("\n", 1)[0]?.split(" - ")[1] ?? "";
    const key = parsePublicKeyPem(await (await fetch(`${this.url}/api/v1/log/publicKey?treeID=${treeId}`)).text());
    const checkpoint = verifyCheckpoint(proof.checkpoint, noteKey("localhost", key), { origin: `localhost - ${treeId}` });
    assert.deepEqual([checkpoint.treeSize, Buffer.from(checkpoint.root).toString("hex")], [proof.treeSize, proof.rootHash]);
    const body = parseBase64(entry.body);
    verifyInclusion({
      leafHash: leafHash(body),
      leafIndex: proof.logIndex,
      treeSize: proof.treeSize,
      root: parseHex(proof.rootHash),
      proof: proof.hashes.map((hash) => parseHex(hash)),
    });
    const { integratedTime, logID, logIndex } = entry;
    verifySet({ body, integratedTime, logIndex, logId: parseHex(logID) }, parseBase64(signedEntryTimestamp), {
      publicKey: key,
      scheme: { type: "ecdsa-p256", hash: "sha256" },
    });
  }

  async close(): Promise<void> {
    await this.#host?.stop();
  }
}

describe("rotation of Rekor v1's shards", () => {
  const start = Date.UTC(2026, 10, 24);
  const directories: string[] = [];
  const fresh = async (): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-rotation-"));
    directories.push(directory);
    return directory;
  };
  after(async () => {
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });

  test("under load: no request fails, every answer verifies, no virtual index moves, and a restart changes nothing", async () => {
    const directory = await fresh();
    let log = await Log.open(directory, start);
    const entries: Entry[] = [];
    let loading = true;
    let count = 0;
    const load = Array.from({ length: 12 }, async () => {
      while (loading) {
        count += 1;
        const entry = await log.add(`artifact ${count}`);
        await log.verify(entry);
        entries.push(entry);
      }
    });
    const enough = async (more: number): Promise<void> => {
      const goal = entries.length + more;
      while (entries.length < goal) await new Promise((resolve) => setImmediate(resolve));
    };
    await enough(40);
    const before = await log.get<LogInfo>("/api/v1/log");
    const planned = (await log.action("rotate")) as { step: string; untilMs: number };
    assert.deepEqual([planned.step, planned.untilMs], ["published", start + 7 * day]);
    // The new key is in the trusted root, and nothing else has changed for anyone.
    assert.deepEqual(log.published.at(-1)?.filter((url) => url === publicUrls.logV1).length, 2);
    log.nowMs += 7 * day - 1;
    await log.advance();
    assert.equal((await log.get<LogInfo>("/api/v1/log")).inactiveShards, null);
    await enough(20);
    log.nowMs += 1;
    await log.advance();
    await enough(40);
    loading = false;
    await Promise.all(load);

    const indexes = entries.map(({ logIndex }) => logIndex).sort((a, b) => a - b);
    assert.deepEqual(indexes, [...indexes.keys()]);
    const info = await log.get<LogInfo>("/api/v1/log");
    const [inactive] = info.inactiveShards ?? [];
    assert.ok(inactive !== undefined && info.inactiveShards?.length === 1);
    assert.deepEqual([inactive.treeID, inactive.treeSize + info.treeSize], [before.treeID, entries.length]);
    assert.notEqual(info.treeID, before.treeID);
    assert.deepEqual(
      log.keyring.shards("v1").map(({ state }) => state),
      ["sealed", "active"],
    );
    assert.equal(log.keyring.signingConfig("v1").rekorTlogUrls.length, 1);

    const check = async (): Promise<void> => {
      for (const entry of entries.filter((_, position) => position % 7 === 0)) {
        const [read] = Object.values(await log.get<Record<string, Entry>>(`/api/v1/log/entries?logIndex=${entry.logIndex}`));
        assert.ok(read !== undefined);
        assert.deepEqual(
          [read.body, read.integratedTime, read.logID, read.logIndex],
          [entry.body, entry.integratedTime, entry.logID, entry.logIndex],
        );
        await log.verify(read);
      }
      const path = `/api/v1/log/proof?firstSize=10&lastSize=${inactive.treeSize}&treeID=${inactive.treeID}`;
      const proof = await log.get<{ hashes: string[]; rootHash: string }>(path);
      const early = entries.find(({ verification, logIndex }) => logIndex < 40 && verification.inclusionProof.treeSize > 0);
      assert.ok(early !== undefined && proof.rootHash === inactive.rootHash);
      const { treeSize, rootHash } = early.verification.inclusionProof;
      const from = await log.get<{ hashes: string[] }>(path.replace("firstSize=10", `firstSize=${treeSize}`));
      verifyConsistency({
        size1: treeSize,
        root1: parseHex(rootHash),
        size2: inactive.treeSize,
        root2: parseHex(inactive.rootHash),
        proof: from.hashes.map((hash) => parseHex(hash)),
      });
    };
    await check();
    const { nowMs } = log;
    await log.close();
    log = await Log.open(directory, nowMs);
    // A sealed shard keeps its last checkpoint to the byte.
    assert.equal((await log.get<LogInfo>("/api/v1/log")).inactiveShards?.[0]?.signedTreeHead, inactive.signedTreeHead);
    await check();
    const reports = (await log.action("fsck")) as { differenceCount: number }[];
    assert.deepEqual(
      reports.map(({ differenceCount }) => differenceCount),
      [0, 0],
    );
    assert.deepEqual(
      ((await log.action("shards")) as { state: string }[]).map(({ state }) => state),
      ["sealed", "active"],
    );
    await log.close();
  });

  test("goes on after a crash between the seal and its record", async () => {
    const directory = await fresh();
    const log = await Log.open(directory, start);
    await log.add("before");
    await log.action("rotate");
    log.nowMs += 7 * day;
    log.keyring.changeShards = () => Promise.reject(new Error("power cut"));
    await assert.rejects(log.advance(), /power cut/);
    // The face has switched, and the record has not.
    assert.equal((await log.add("between")).logIndex, 1);
    await log.close();
    const again = await Log.open(directory, log.nowMs);
    assert.deepEqual(
      again.keyring.shards("v1").map(({ state }) => state),
      ["active", "planned"],
    );
    assert.equal((await again.add("after")).logIndex, 2);
    await again.advance();
    assert.deepEqual(
      again.keyring.shards("v1").map(({ state }) => state),
      ["sealed", "active"],
    );
    assert.equal((await again.add("later")).logIndex, 3);
    // One at a time: a second rotation is a new one.
    assert.equal(((await again.action("rotate")) as { step: string }).step, "published");
    assert.equal(again.keyring.shards("v1").length, 3);
    await again.action("rotate");
    assert.equal(again.keyring.shards("v1").length, 3);
    await again.close();
  });
});
