import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { noteKey, verifyCheckpoint } from "@sigillum/library/checkpoint";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { Host, type Service, silentLogger, systemClock } from "../host/index.ts";
import { Keyring, type ShardRecord } from "../keyring/index.ts";
import { createRekorV2, openRekorV2Shard, type RekorV2Shard } from "./index.ts";

const day = 86_400_000;
const publicUrls = {
  logV1: "http://localhost:3000",
  logV2: "https://log1.example",
  ca: "http://localhost:5555",
  ct: "http://localhost:6962",
  tsa: "http://localhost:3004",
  identity: "http://localhost:5556",
};
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

function requestFor(text: string): string {
  const rawBytes = encodeBase64(publicKey.export({ type: "spki", format: "der" }));
  const verifier = { keyDetails: "PKIX_ECDSA_P256_SHA_256", publicKey: { rawBytes } };
  const content = sign("sha256", encodeUtf8(text), privateKey).toString("base64");
  const digest = createHash("sha256").update(text).digest("base64");
  return JSON.stringify({ hashedRekordRequestV002: { digest, signature: { content, verifier } } });
}

describe("rotation of Rekor v2's shards", () => {
  let nowMs = Date.UTC(2026, 10, 24);
  let directory = "";
  let keyring: Keyring;
  let service: Service;
  let host: Host;
  const published: string[][] = [];

  const open = async (record: ShardRecord): Promise<RekorV2Shard> => ({
    keyId: record.logId,
    shard: await openRekorV2Shard({
      directory: join(directory, `v2-${record.id}`),
      origin: record.origin,
      signer: keyring.signer(record.key),
      clock: { nowMs: () => nowMs },
      logger: silentLogger,
    }),
  });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-rotation-v2-"));
    keyring = await Keyring.create(directory, { organization: "Example", operator: "example", publicUrls }, nowMs);
    const [record] = keyring.shards("v2");
    assert.ok(record !== undefined);
    service = createRekorV2({
      ...(await open(record)),
      listener: { addresses: ["127.0.0.1"], port: 0 },
      logger: silentLogger,
      rotation: {
        keyring,
        clock: { nowMs: () => nowMs },
        periods: { cacheWindowMs: 7 * day, graceMs: 2 * day },
        open,
        publish: async () => void published.push(keyring.signingConfig("v2").rekorTlogUrls.map(({ url }) => url)),
      },
    });
    host = new Host({ logger: silentLogger, clock: systemClock });
    await host.start([{ ...service, jobs: [] }]);
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const ask = (name: string, method: string, path: string, body?: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const port = host.addresses()[0]?.port;
      const outgoing = request({ host: "127.0.0.1", port, method, path, headers: { host: name } }, (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (part: string) => (text += part));
        reply.on("end", () => resolve({ status: reply.statusCode ?? 0, text }));
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  const add = async (name: string, text: string): Promise<{ status: number; text: string }> =>
    ask(name, "POST", "/api/v2/log/entries", requestFor(text));
  const advance = async (): Promise<void> => void (await service.jobs[0]?.run(new AbortController().signal));
  const states = (): string[] => keyring.shards("v2").map(({ state }) => state);

  test("publishes the key, waits, names the new shard, accepts both, seals the old one", async () => {
    assert.equal((await add("whatever.example", "one")).status, 201);
    const action = service.actions.get("log-v2.rotate");
    assert.ok(action !== undefined);
    await assert.rejects(action({ publicUrl: publicUrls.logV2 }), { code: "SHARD_ADDRESS_TAKEN" });
    await assert.rejects(action(null), { code: "REKOR_V2_ADDRESS_MISSING", message: /none was given/ });
    nowMs += day;
    const begun = (await action({ publicUrl: "https://log2.example" })) as { step: string; untilMs: number };
    assert.deepEqual([begun.step, begun.untilMs, states()], ["published", nowMs + 7 * day, ["active", "planned"]]);
    assert.equal(keyring.trustedRoot().tlogs.length, 3);
    assert.deepEqual(published.at(-1), ["https://log1.example"]);

    // A client that is ahead of its clock may write to the new shard already, and one that is behind to the old one.
    assert.equal((await add("log2.example", "two")).status, 201);
    assert.equal((await add("log1.example:443", "three")).status, 201);
    const elsewhere = await add("other.example", "four");
    assert.deepEqual([elsewhere.status, JSON.parse(elsewhere.text).details[0].reason], [421, "REKOR_V2_HOST_UNKNOWN"]);
    await advance();
    assert.deepEqual(states(), ["active", "planned"]);

    nowMs += 7 * day;
    await advance();
    assert.deepEqual(states(), ["active", "active"]);
    assert.deepEqual(published.at(-1), ["https://log2.example", "https://log1.example"]);
    assert.equal((await add("log1.example", "five")).status, 201);

    nowMs += 2 * day;
    await advance();
    assert.deepEqual(states(), ["sealed", "active"]);
    assert.deepEqual(published.at(-1), ["https://log2.example"]);
    const refused = await add("log1.example", "six");
    assert.deepEqual([refused.status, /sealed/.test(refused.text)], [405, true]);
    assert.equal((await add("log2.example", "six")).status, 201);
    for (const record of keyring.shards("v2")) {
      const { text } = await ask(record.origin, "GET", "/checkpoint");
      const checkpoint = verifyCheckpoint(text, noteKey(record.origin, keyring.signer(record.key).publicKey));
      assert.equal(checkpoint.treeSize, record.state === "sealed" ? 3 : 2);
    }
    const list = (await service.actions.get("log-v2.shards")?.(null)) as { state: string; size: number }[];
    assert.deepEqual(
      list.map(({ state, size }) => [state, size]),
      [
        ["sealed", 3],
        ["active", 2],
      ],
    );
    const reports = (await service.actions.get("log-v2.fsck")?.(null)) as { differenceCount: number }[];
    assert.deepEqual(
      reports.map(({ differenceCount }) => differenceCount),
      [0, 0],
    );
    assert.deepEqual((await Keyring.open(directory)).document, keyring.document);
  });
});

describe("shards of Rekor v2 on one machine", () => {
  test("have a port of their own each, rotate by the schedule, and take the next address of a pattern", async () => {
    let nowMs = Date.UTC(2026, 10, 24);
    const directory = await mkdtemp(join(tmpdir(), "sigillum-rotation-v2-"));
    const urls = { ...publicUrls, logV2: "http://localhost:3001" };
    const keyring = await Keyring.create(directory, { organization: "Example", operator: "example", publicUrls: urls }, nowMs);
    const open = async (record: ShardRecord): Promise<RekorV2Shard> => ({
      keyId: record.logId,
      publicUrl: record.publicUrl,
      shard: await openRekorV2Shard({
        directory: join(directory, `v2-${record.id}`),
        origin: record.origin,
        signer: keyring.signer(record.key),
        clock: { nowMs: () => nowMs },
        logger: silentLogger,
      }),
    });
    const [record] = keyring.shards("v2");
    assert.ok(record !== undefined);
    const listening: string[] = [];
    const service = createRekorV2({
      ...(await open(record)),
      listener: { addresses: ["127.0.0.1"], port: 0 },
      logger: silentLogger,
      rotation: {
        keyring,
        clock: { nowMs: () => nowMs },
        periods: { cacheWindowMs: day, graceMs: 0 },
        schedule: { everyMs: 10 * day },
        nextUrl: "http://localhost:300{number}",
        open,
        listen: async ({ publicUrl }) => void listening.push(publicUrl),
        publish: async () => undefined,
      },
    });
    const host = new Host({ logger: silentLogger, clock: systemClock });
    await host.start([{ ...service, jobs: [] }]);
    try {
      const advance = async (): Promise<void> => void (await service.jobs[0]?.run(new AbortController().signal));
      const port = host.addresses()[0]?.port;
      const origin = async (name: string): Promise<string> =>
        new Promise((resolve, reject) => {
          const outgoing = request({ host: "127.0.0.1", port, path: "/checkpoint", headers: { host: name } }, (reply) => {
            let text = "";
            reply.setEncoding("utf8").on("data", (part: string) => (text += part));
            reply.on("end", () => resolve(`${reply.statusCode} ${text.split(/[ \n]/)[6]?.slice(0, 6)}`));
          });
          outgoing.on("error", reject);
          outgoing.end();
        });
      nowMs += 9 * day - 1;
      await advance();
      assert.equal(keyring.shards("v2").length, 1);
      nowMs += 1;
      await advance();
      assert.deepEqual(
        keyring.shards("v2").map(({ publicUrl, origin: own, state }) => [publicUrl, own, state]),
        [
          ["http://localhost:3001", "localhost", "active"],
          ["http://localhost:3002", "localhost", "planned"],
        ],
      );
      assert.ok(listening.includes("http://localhost:3002"));
      const hint = (at: number): string =>
        Buffer.from(keyring.shards("v2")[at]?.logId ?? [])
          .toString("base64")
          .slice(0, 5);
      const [first, second] = await Promise.all([origin("localhost:3001"), origin("localhost:3002")]);
      assert.equal(first, `200 ${first.slice(4)}`);
      assert.equal(first.slice(4, 9), hint(0));
      assert.equal(second.slice(4, 9), hint(1));
      assert.equal(await origin("127.0.0.1:3002"), second);
      assert.equal((await origin("localhost:3009")).slice(0, 3), "421");
      nowMs += day;
      await advance();
      assert.deepEqual(
        keyring.shards("v2").map(({ state }) => state),
        ["sealed", "active"],
      );
      const list = (await service.actions.get("log-v2.shards")?.(null)) as { id: string; publicUrl: string; to?: string }[];
      assert.deepEqual(
        list.map(({ id, publicUrl, to }) => [id, publicUrl, to !== undefined]),
        [
          ["2026-1", "http://localhost:3001", true],
          ["2026-2", "http://localhost:3002", false],
        ],
      );
    } finally {
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
