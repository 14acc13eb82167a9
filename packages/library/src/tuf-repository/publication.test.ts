import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { createSigner, type Signer } from "../crypto/index.ts";
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { fetchTarget, memoryStore, type RoleName, refresh } from "../tuf/index.ts";
import {
  buildRoot,
  defaultPeriods,
  type PublicationPlan,
  type PublishedFile,
  type PublishedState,
  parsePublishedState,
  planPublication,
  signMetadata,
} from "./index.ts";

const hourMs = 3_600_000;
const startMs = Date.parse("2026-11-24T00:00:00Z");

function newSigner(): Signer {
  return createSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "der", type: "pkcs8" }));
}

const signers: Record<RoleName, readonly Signer[]> = {
  root: [newSigner()],
  targets: [newSigner()],
  snapshot: [newSigner()],
  timestamp: [newSigner()],
};
const thresholds = { root: 1, targets: 1, snapshot: 1, timestamp: 1 };

function plan(change: Partial<PublicationPlan> = {}): PublicationPlan {
  return {
    nowMs: startMs,
    periods: defaultPeriods,
    files: new Map([["trusted_root.json", { bytes: encodeUtf8("{}") }]]),
    signers,
    thresholds,
    ...change,
  };
}

/** A published folder in memory. */
class Published {
  readonly files = new Map<string, Uint8Array>();
  state: PublishedState | undefined;

  async publish(change: Partial<PublicationPlan> = {}): Promise<readonly PublishedFile[]> {
    const planned = await planPublication(this.state, plan(change));
    for (const file of planned) {
      assert.ok(file.overwrite || !this.files.has(file.path), `${file.path} is written twice`);
      this.files.set(file.path, file.bytes);
    }
    const newest = (role: string): Uint8Array =>
      [...this.files].filter(([path]) => path.endsWith(`.${role}.json`)).at(-1)?.[1] ?? new Uint8Array();
    this.state = parsePublishedState({
      root: newest("root"),
      targets: newest("targets"),
      snapshot: newest("snapshot"),
      timestamp: this.files.get("timestamp.json") ?? new Uint8Array(),
    });
    return planned;
  }
}

function hasCode(code: string) {
  return (error: unknown): boolean => {
    assert.ok(isSigillumError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

describe("planPublication", () => {
  test("writes everything first time, timestamp last, and nothing the second time", async () => {
    const published = new Published();
    const planned = await published.publish();
    assert.deepEqual(
      planned.map((file) => file.path),
      [
        "targets/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a.trusted_root.json",
        "1.targets.json",
        "1.snapshot.json",
        "1.root.json",
        "root.json",
        "timestamp.json",
      ],
    );
    assert.deepEqual(await published.publish({ nowMs: startMs + hourMs }), []);
  });

  test("re-signs the timestamp alone when only that is due", async () => {
    const published = new Published();
    await published.publish();
    const planned = await published.publish({ nowMs: startMs + 25 * hourMs });
    assert.deepEqual(
      planned.map((file) => file.path),
      ["timestamp.json"],
    );
    assert.equal(published.state?.timestamp.version, 2);
  });

  test("publishes a changed target under the next versions, and a client fetches it", async () => {
    const published = new Published();
    await published.publish();
    const store = memoryStore(published.files.get("1.root.json") ?? "");
    const fetch = async (path: string): Promise<Uint8Array | undefined> => published.files.get(path);
    await refresh(fetch, store, startMs);
    await published.publish({
      nowMs: startMs + hourMs,
      files: new Map([["trusted_root.json", { bytes: encodeUtf8('{"new":true}') }]]),
    });
    const trusted = await refresh(fetch, store, startMs + hourMs);
    assert.equal(trusted.targets?.version, 2);
    assert.deepEqual(await fetchTarget(trusted, "trusted_root.json", fetch, store), encodeUtf8('{"new":true}'));
  });

  test("keeps a root whose key is offline, and says so when a role cannot be signed", async () => {
    const published = new Published();
    await published.publish();
    const offline = { ...signers, root: [] };
    await published.publish({ nowMs: startMs + 25 * hourMs, signers: offline });
    assert.equal(published.state?.root.version, 1);
    await assert.rejects(
      published.publish({ nowMs: startMs + 60 * hourMs, signers: { ...signers, timestamp: [] } }),
      hasCode("TUF_REPOSITORY_SIGNER"),
    );
  });

  test("refuses what a client would refuse: a targets key that the root does not name", async () => {
    const published = new Published();
    await published.publish();
    const change = {
      nowMs: startMs + hourMs,
      files: new Map([["a", { bytes: encodeUtf8("a") }]]),
      signers: { ...signers, root: [], targets: [newSigner()] },
    };
    await assert.rejects(published.publish(change), hasCode("TUF_REPOSITORY_ROLLBACK"));
  });

  test("publishes a new root when an online key changes", async () => {
    const published = new Published();
    await published.publish();
    const rotated = { ...signers, timestamp: [newSigner()] };
    await published.publish({ nowMs: startMs + hourMs, signers: rotated });
    assert.equal(published.state?.root.version, 2);
  });
});

describe("signMetadata and buildRoot", () => {
  test("refuse an expiry that has passed, and a threshold that cannot be met", async () => {
    await assert.rejects(signMetadata({}, [], startMs, startMs), hasCode("TUF_REPOSITORY_EXPIRY"));
    const role = { keys: [], threshold: 1 };
    assert.throws(
      () => buildRoot({ version: 1, expiresMs: startMs, roles: { root: role, targets: role, snapshot: role, timestamp: role } }),
      hasCode("TUF_REPOSITORY_SIGNER"),
    );
  });
});
