// The two trust profiles of a running stack: keyholders sign root and targets, or the root's key is taken off the machine.
import assert from "node:assert/strict";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { addRoot, loadRoot } from "@sigillum/library/trust-store";
import { parseRoot, parseTargets, tufKeyId } from "@sigillum/library/tuf";
import {
  acceptKey,
  type CeremonyEvent,
  finishEvent,
  parseKeySubmission,
  proposeRoot,
  proposeTargets,
  renewRole,
  rotateKey,
  signEvent,
  startEvent,
  submitKey,
  type TargetFile,
} from "@sigillum/library/tuf-repository";
import { generatePrivateKey, openSigner } from "@sigillum/signers/signers";
import { type Clock, callControlSocket, controlSocketPath, silentLogger } from "../host/index.ts";
import { type Stack, startStack } from "./index.ts";

const dayMs = 86_400_000;
const startMs = Date.now();

/** A stack whose clock the test holds. */
class Held {
  nowMs = startMs;
  stack: Stack | undefined;
  readonly clock: Clock = { nowMs: () => this.nowMs };
  readonly #directory: string;
  readonly #profile: "default" | "ceremony";

  constructor(directory: string, profile: "default" | "ceremony") {
    this.#directory = join(directory, "data");
    this.#profile = profile;
  }

  get dataDirectory(): string {
    return this.#directory;
  }

  async start(): Promise<Stack> {
    const values = { trust: { profile: this.#profile } };
    const initialise = { ports: "free", values } as const;
    const only = ["tuf", "log-v1"];
    const { clock } = this;
    this.stack = await startStack({ dataDirectory: this.#directory, initialise, only, clock, logger: silentLogger });
    return this.stack;
  }

  async call(action: string, input: JsonValue = {}): Promise<JsonObject> {
    return JsonObject.exact(await callControlSocket(controlSocketPath(this.#directory), action, input), action);
  }

  /** An event over what the stack has published, with what it puts in. */
  async event(name: string, rotate: readonly string[] = []): Promise<CeremonyEvent> {
    const answer = await this.call("tuf.event", { name, nonce: "00", ...(rotate.length === 0 ? {} : { rotate: [...rotate] }) });
    const live = answer.object("live");
    let event = startEvent({
      name,
      nonce: "00",
      nowMs: this.nowMs,
      ...(answer.has("firstRoot")
        ? {
            live: {
              state: {
                root: parseRoot(live.base64("root")),
                targets: parseTargets(live.base64("targets")),
                delegated: new Map(),
              },
              firstRoot: answer.base64("firstRoot"),
            },
          }
        : {}),
    });
    for (const text of answer.strings("submissions")) event = acceptKey(event, parseKeySubmission(encodeUtf8(text)));
    const add = new Map(
      answer.objects("targets").map((one): [string, TargetFile] => [one.string("path"), { bytes: one.base64("bytes") }]),
    );
    return proposeTargets(event, "targets", { add, expiresMs: this.nowMs + 365 * dayMs });
  }

  async publish(event: CeremonyEvent, more: { [name: string]: JsonValue } = {}): Promise<JsonObject> {
    const { root, targets, files = new Map() } = finishEvent(event);
    const metadata = {
      ...(root === undefined ? {} : { root: encodeBase64(root) }),
      ...(targets === undefined ? {} : { targets: encodeBase64(targets) }),
    };
    const encoded = Object.fromEntries([...files].map(([path, bytes]) => [path, encodeBase64(bytes)]));
    return this.call("tuf.publish", { metadata, files: encoded, ...more });
  }
}

const refusedAs = (code: string) => (error: { code?: string; found?: string; message: string }) => {
  assert.deepEqual([error.code, error.found], ["CONTROL_ACTION_REFUSED", code], error.message);
  return true;
};

describe("the ceremony profile", () => {
  let directory = "";
  let held: Held;
  const keyholders = [1, 2, 3].map(() => createSigner(generatePrivateKey("ecdsa-p256")));
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-profile-"));
    held = new Held(directory, "ceremony");
    await held.start();
  });
  after(async () => {
    await held.stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const signed = async (event: CeremonyEvent, by: readonly Signer[]): Promise<CeremonyEvent> => {
    let next = event;
    for (const signer of by) next = await signEvent(next, signer);
    return next;
  };

  it("runs before the first root and is not ready, and knows no key of root or targets", async () => {
    const readiness = await held.stack?.readiness();
    assert.equal(readiness?.get("tuf")?.ready, false);
    assert.match(readiness?.get("tuf")?.reason ?? "", /keyholders have to sign the first one/);
    assert.equal(held.stack?.tufRootSha256, undefined);
    assert.equal((await held.call("tuf.status")).boolean("ready"), false);
    assert.deepEqual(held.stack?.keyring.tufSigners("root"), []);
    await assert.rejects(held.call("tuf.rotate", { role: "timestamp" }), refusedAs("TUF_KEYS_OFFLINE"));
  });

  it("publishes what keyholders signed, with its own keys for snapshot and timestamp, and clients follow", async () => {
    let event = await held.event("first");
    const machine = (role: string) => ({
      keys: [...event.submissions.values()].filter((one) => one.role === role).map(({ publicKey }) => publicKey),
      threshold: 1,
    });
    for (const [index, signer] of keyholders.entries())
      event = acceptKey(event, await submitKey(event, { owner: `k${index}`, role: "root", signer }));
    const people = { keys: keyholders.map(({ publicKey }) => publicKey), threshold: 2 };
    event = proposeRoot(event, {
      expiresMs: held.nowMs + 365 * dayMs,
      roles: { root: people, targets: people, snapshot: machine("snapshot"), timestamp: machine("timestamp") },
    });
    await held.publish(await signed(event, keyholders.slice(0, 2)));
    assert.equal((await held.stack?.readiness())?.get("tuf")?.ready, true);
    const added = await addRoot({ url: held.stack?.urls.tuf ?? "", name: "here", store: directory, nowMs: held.nowMs });
    assert.equal(added.trustedRoot.tlogs.length, 2);
  });

  it("lets a shard's rotation wait until keyholders have published its key, for as long as clients keep what they have", async () => {
    await assert.rejects(held.call("log-v1.rotate"), refusedAs("STACK_TRUST_UNPUBLISHED"));
    const status = await held.call("tuf.status");
    const targets = status.objects("duties").find((duty) => duty.string("role") === "targets");
    assert.deepEqual([targets?.string("who"), targets?.boolean("outdated")], ["keyholders", true]);
    held.nowMs += 3 * dayMs;
    await held.call("tuf.tick");
    await held.publish(await signed(await held.event("second"), keyholders.slice(1)));
    assert.equal((await held.call("log-v1.rotate")).string("step"), "published", "caches have to run out");
    held.nowMs += 7 * dayMs + 60_000;
    await held.call("tuf.tick");
    await held.call("log-v1.rotate");
    const shards = held.stack?.keyring.shards("v1").map(({ state }) => state);
    assert.deepEqual(shards, ["sealed", "active"]);
    const { trustedRoot } = await loadRoot({ name: "here", store: directory, nowMs: held.nowMs });
    assert.equal(trustedRoot.tlogs.length, 3);
  });

  it("takes a new key of its own to use when a published root names it, and restarts versions after a theft", async () => {
    let event = await held.event("third", ["timestamp"]);
    const [old = ""] = parseRoot(event.live.get("root") ?? new Uint8Array()).roles.get("timestamp")?.keyids ?? [];
    const fresh = [...event.submissions.values()].find(({ role }) => role === "timestamp") ?? assert.fail();
    event = rotateKey(event, old, fresh, held.nowMs + 365 * dayMs);
    held.nowMs += 2 * dayMs;
    await held.call("tuf.tick"); // still with the old key
    const status = await held.publish(await signed(event, keyholders.slice(0, 2)), { restart: ["timestamp"] });
    assert.deepEqual([status.object("root").safeInteger("version"), status.object("timestamp").safeInteger("version")], [2, 1]);
    assert.ok((await loadRoot({ name: "here", store: directory, nowMs: held.nowMs })).refreshed);
    assert.equal(held.stack?.keyring.tufSigners("timestamp").length, 2);
  });

  it("goes on after a restart", async () => {
    await held.stack?.stop();
    await held.start();
    held.nowMs += 2 * dayMs;
    await held.call("tuf.tick");
    assert.equal((await held.call("tuf.status")).object("timestamp").safeInteger("version"), 2);
  });
});

describe("the default profile", () => {
  let directory = "";
  let held: Held;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-profile-"));
    held = new Held(directory, "default");
    await held.start();
  });
  after(async () => {
    await held.stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("asks for the root key to be taken away, goes on without it, and takes a root that was signed with it elsewhere", async () => {
    assert.match((await held.call("tuf.status")).strings("advice").join(), /root key lies in the data directory/);
    await addRoot({ url: held.stack?.urls.tuf ?? "", name: "here", store: directory, nowMs: held.nowMs });
    await held.stack?.stop();
    await rename(join(held.dataDirectory, "keys/tuf-root.pem"), join(directory, "tuf-root.pem"));
    await held.start();
    assert.deepEqual((await held.call("tuf.status")).strings("advice"), []);
    await assert.rejects(held.call("tuf.rotate", { role: "timestamp" }), refusedAs("TUF_KEYS_OFFLINE"));
    // Targets are still signed here: a shard's key reaches clients by itself.
    await held.call("log-v1.rotate");
    const { trustedRoot } = await loadRoot({ name: "here", store: directory, nowMs: held.nowMs });
    assert.equal(trustedRoot.tlogs.length, 3);
    const answer = await held.call("tuf.event", { name: "renewal", nonce: "00" });
    const live = answer.object("live");
    const state = {
      root: parseRoot(live.base64("root")),
      targets: parseTargets(live.base64("targets")),
      delegated: new Map(),
    };
    const rootSigner = await openSigner(join(directory, "tuf-root.pem"));
    let event = startEvent({
      name: "renewal",
      nonce: "00",
      nowMs: held.nowMs,
      live: { state, firstRoot: answer.base64("firstRoot") },
    });
    event = await signEvent(renewRole(event, "root", held.nowMs + 300 * dayMs), rootSigner);
    await held.publish(event);
    const { rootVersion } = await loadRoot({ name: "here", store: directory, nowMs: held.nowMs });
    assert.equal(rootVersion, 2);
    assert.equal(tufKeyId(rootSigner.publicKey).length, 64);
  });
});
