import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Signer } from "@sigillum/library/crypto";
import { createSigner } from "@sigillum/library/crypto";
import { encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { fetchTarget, memoryStore, type RoleName, refresh } from "@sigillum/library/tuf";
import { directoryPlace, lockName } from "@sigillum/library/tuf-place";
import {
  defaultPeriods,
  delegate,
  finishEvent,
  type PublicationPlan,
  type PublishedFile,
  planPublication,
  proposeRoot,
  proposeTargets,
  signEvent,
  startEvent,
  type TargetFile,
  writePublication,
} from "@sigillum/library/tuf-repository";
import { generatePrivateKey } from "@sigillum/signers/signers";
import { MetricsRegistry, silentLogger } from "../host/index.ts";
import { createTufPublisher, fixedKeys, type TufPublisher, type TufPublisherOptions } from "./index.ts";

const hourMs = 3_600_000;

const newSigner = (): Signer => createSigner(generatePrivateKey("ecdsa-p256"));
const signers: Record<RoleName, readonly Signer[]> = {
  root: [newSigner()],
  targets: [newSigner()],
  snapshot: [newSigner()],
  timestamp: [newSigner()],
};

describe("createTufPublisher", () => {
  let directory = "";
  let nowMs = 0;
  let files = new Map<string, TargetFile>();

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-tuf-"));
    nowMs = Date.parse("2026-11-24T00:00:00Z");
    files = new Map([["trusted_root.json", { bytes: encodeUtf8("{}") }]]);
  });
  afterEach(() => rm(directory, { recursive: true }));

  const options = (own: Record<RoleName, readonly Signer[]>): TufPublisherOptions => ({
    directory,
    keys: fixedKeys(own),
    files: () => files,
    clock: { nowMs: () => nowMs },
    logger: silentLogger,
    listener: { name: "tuf", addresses: ["127.0.0.1"], port: 0 },
  });
  const basePlan = (own: Record<RoleName, readonly Signer[]>): PublicationPlan => ({
    nowMs,
    periods: defaultPeriods,
    files,
    signers: own,
    thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
  });
  const open = (): Promise<TufPublisher> => createTufPublisher(options(signers));

  test("publishes at start, re-signs the timestamp when due, and continues after a restart", async () => {
    const publisher = await open();
    assert.equal(publisher.state().timestamp.version, 1);
    assert.equal(await publisher.tick(), false);
    nowMs += 25 * hourMs;
    assert.equal(await publisher.tick(), true);
    assert.equal(publisher.state().timestamp.version, 2);
    const again = await open();
    assert.equal(again.state().timestamp.version, 2);
    assert.equal(await again.firstRootSha256(), await publisher.firstRootSha256());
  });

  test("goes on from what a command published meanwhile, and takes no lock where nothing is due", async () => {
    const publisher = await open();
    nowMs += 25 * hourMs;
    const other = await open();
    assert.equal(other.state().timestamp.version, 2);
    const published = await readFile(join(directory, "timestamp.json"));
    // Its own state says that the timestamp is due, and what lies there that it is not.
    assert.equal(await publisher.tick(), false);
    assert.equal(publisher.state().timestamp.version, 2);
    assert.deepEqual(await readFile(join(directory, "timestamp.json")), published);
    await writeFile(join(directory, lockName), JSON.stringify({ host: "elsewhere", pid: 1 }));
    assert.equal(await publisher.tick(), false);
    await rm(join(directory, lockName));
    nowMs += 25 * hourMs;
    assert.equal(await publisher.tick(), true);
    assert.equal(publisher.state().timestamp.version, 3);
  });

  test("a changed target reaches the published state, and readiness tells of expiry", async () => {
    const publisher = await open();
    files.set("trusted_root.json", { bytes: encodeUtf8('{"rotated":true}') });
    assert.equal(await publisher.tick(), true);
    assert.equal(publisher.state().targets.version, 2);
    assert.deepEqual(await publisher.ready(), { ready: true });
    nowMs += 8 * 24 * hourMs;
    const { ready, reason } = await publisher.ready();
    assert.equal(ready, false);
    assert.match(reason ?? "", /^timestamp 2 expired at 2026-12-01T00:00:00Z$/);
  });

  test("a repository that expired while nothing ran is repaired by one tick, the root included where its key is here", async () => {
    const publisher = await open();
    const store = memoryStore(await readFile(join(directory, "1.root.json")));
    const fetch = (path: string): Promise<Uint8Array | undefined> => directoryPlace(directory).read(path);
    await refresh(fetch, store, nowMs);
    for (const days of [60, 400]) {
      nowMs += days * 24 * hourMs;
      await assert.rejects(refresh(fetch, store, nowMs), (error) => isSigillumError(error) && error.code === "TUF_EXPIRED");
      assert.equal((await publisher.ready()).ready, false);
      assert.equal(await publisher.tick(), true);
      assert.deepEqual(await publisher.ready(), { ready: true });
      await refresh(fetch, store, nowMs);
    }
    assert.equal(publisher.state().root.version, 2);
  });

  test("after a crash between any two writes, restart publishes on, and a client follows", async () => {
    const first = await open();
    const root = await readFile(join(directory, "1.root.json"));
    files.set("trusted_root.json", { bytes: encodeUtf8('{"second":true}') });
    // What a crash before the timestamp leaves: a next targets file that nothing names.
    await writeFile(join(directory, "2.targets.json"), "{half a fi");
    assert.equal(await first.tick(), true);
    const trusted = await refresh(
      async (path) => readFile(join(directory, path)).catch(() => undefined),
      memoryStore(root),
      nowMs,
    );
    assert.equal(trusted.targets?.version, 2);
  });

  test("refuses to go on from a repository that lacks a file, or holds another under a hash", async () => {
    const publisher = await open();
    const hash = "targets/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a.trusted_root.json";
    files.set("trusted_root.json", { bytes: encodeUtf8('{"second":true}') });
    await publisher.tick();
    files.set("trusted_root.json", { bytes: encodeUtf8("{}") });
    await writeFile(join(directory, hash), "not {}");
    await assert.rejects(publisher.tick(), (error) => isSigillumError(error) && error.code === "TUF_PUBLISHED_CONFLICT");
    await rm(join(directory, "2.snapshot.json"));
    await assert.rejects(open(), (error) => isSigillumError(error) && error.code === "TUF_PUBLISHED_CORRUPT");
  });

  test("serves metadata uncached, versioned files as immutable, and nothing else", async () => {
    const publisher = await open();
    const handler = publisher.listeners[0]?.handler;
    assert.ok(handler);
    const server = createServer(handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const get = (path: string) =>
      request({ method: "GET", url: `http://127.0.0.1:${address.port}/${path}`, timeoutMs: 5000, maxBytes: 100_000 });
    const timestamp = await get("timestamp.json");
    assert.deepEqual([timestamp.status, timestamp.headers["cache-control"]], [200, "no-store"]);
    const targets = await get("1.targets.json");
    assert.match(String(targets.headers["cache-control"]), /immutable/);
    const missing = await get("2.root.json");
    assert.deepEqual([missing.status, missing.headers["cache-control"]], [404, "no-store"]);
    for (const path of ["..%2fkeyring.json", "targets/..%2f..%2fkeyring.json", "1.root.json.tmp"])
      assert.equal((await get(path)).status, 404, path);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test("before a first root of keyholders it runs, publishes nothing and says so", async () => {
    const publisher = await createTufPublisher(
      options({ root: [], targets: [], snapshot: [newSigner()], timestamp: [newSigner()] }),
    );
    assert.equal(await publisher.tick(), false);
    assert.throws(
      () => publisher.state(),
      (error) => isSigillumError(error) && error.code === "TUF_NOT_FOUNDED",
    );
    assert.deepEqual([await publisher.firstRootSha256(), (await publisher.ready()).ready], [undefined, false]);
    await assert.rejects(
      publisher.actions.get("tuf.rotate")?.({ role: "timestamp" }) ?? Promise.resolve(),
      (error) => isSigillumError(error) && error.code === "TUF_KEYS_OFFLINE",
    );
  });

  test("copies are brought up to date after every publication; one that cannot be written to is told of and stops nothing", async () => {
    const copy = join(directory, "copy");
    let isBroken = true;
    const place = directoryPlace(copy);
    const copies = [
      { ...place, write: (file: PublishedFile) => (isBroken ? Promise.reject(new Error("disk full")) : place.write(file)) },
    ];
    const publisher = await createTufPublisher({ ...options(signers), directory: join(directory, "own"), copies });
    assert.match((await publisher.ready()).reason ?? "", /copy is behind: disk full$/);
    isBroken = false;
    assert.equal(await publisher.tick(), false);
    assert.deepEqual(await publisher.ready(), { ready: true });
    assert.deepEqual(await readFile(join(copy, "timestamp.json")), await readFile(join(directory, "own", "timestamp.json")));
  });

  test("publishes what keyholders signed, serves delegated roles and nested targets, and says who is needed", async () => {
    const metrics = new MetricsRegistry();
    let event = startEvent({ name: "first", nonce: "00", nowMs });
    const [keyholder, machine, project] = [newSigner(), newSigner(), newSigner()];
    const one = (signer: Signer) => ({ keys: [signer.publicKey], threshold: 1 });
    const expiresMs = nowMs + 1000 * hourMs;
    const people = { root: one(keyholder), targets: one(keyholder), snapshot: one(machine), timestamp: one(machine) };
    event = proposeRoot(event, { expiresMs, roles: people });
    event = proposeTargets(event, "targets", { add: files, expiresMs });
    event = await signEvent(event, keyholder);
    const online = { root: [], targets: [], snapshot: [machine], timestamp: [machine] };
    // A repository is founded by a plan with the ceremony; the service then goes on from what is on disk.
    const founding = await planPublication(undefined, { ...basePlan(online), ceremony: finishEvent(event) });
    await writePublication(directoryPlace(directory), founding);
    const publisher = await createTufPublisher({ ...options(online), metrics });
    const state = publisher.state();
    event = startEvent({ name: "second", nonce: "01", nowMs, live: { state, firstRoot: state.root.bytes } });
    event = delegate(event, "targets", { name: "acme.team", ...one(project), terminating: true, paths: ["acme/*"] }, expiresMs);
    event = proposeTargets(event, "acme.team", { add: new Map([["acme/keys.json", { bytes: encodeUtf8("keys") }]]), expiresMs });
    event = await signEvent(await signEvent(event, keyholder), project);
    await publisher.publishCeremony(finishEvent(event));

    const server = createServer(publisher.listeners[0]?.handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const fetch = async (path: string): Promise<Uint8Array | undefined> => {
      const reply = await request({
        method: "GET",
        url: `http://127.0.0.1:${address.port}/${path}`,
        timeoutMs: 5000,
        maxBytes: 100_000,
      });
      return reply.status === 200 ? reply.body : undefined;
    };
    const store = memoryStore(await readFile(join(directory, "1.root.json")));
    const trusted = await refresh(fetch, store, nowMs);
    assert.deepEqual(await fetchTarget(trusted, "acme/keys.json", fetch, store), encodeUtf8("keys"));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));

    files.set("trusted_root.json", { bytes: encodeUtf8('{"rotated":true}') });
    assert.equal(await publisher.tick(), false, "only keyholders can publish it");
    const waiting = (await publisher.duties()).find(({ role }) => role === "targets");
    assert.deepEqual([waiting?.who, waiting?.outdated], ["keyholders", true]);
    assert.match(metrics.text(), /sigillum_tuf_expires_days\{role="timestamp"\} 7\n/);
    const again = await createTufPublisher(options(online));
    assert.equal(again.state().delegated.get("acme.team")?.version, 1);
  });
});
