import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSigner, type Signer } from "../crypto/index.ts";
import { encodeUtf8, isSigillumError, type JsonValue, parseJson, parseUtf8 } from "../encoding/index.ts";
import { generateSigner } from "../testing/index.ts";
import { buildRoot, buildSnapshot, buildTargets, buildTimestamp, signMetadata } from "../tuf-repository/index.ts";
import { compareCodePoints, encodeCanonicalJson } from "./canonical-json.ts";
import {
  encodeTufKey,
  type FetchFile,
  fetchTarget,
  findTarget,
  isSignedBy,
  loadTrusted,
  memoryStore,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  parseTufKey,
  refresh,
  TrustedMetadata,
  tufKeyId,
  tufMessage,
  verifyFile,
} from "./index.ts";

const dayMs = 86_400_000;
const nowMs = Date.parse("2026-11-24T00:00:00Z");
const laterMs = nowMs + 30 * dayMs;

function newSigner(kind: "ec" | "ed25519" = "ec"): Signer {
  const pair = kind === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  return createSigner(pair.privateKey.export({ format: "der", type: "pkcs8" }));
}

const rootSigners = [newSigner(), newSigner("ed25519"), newSigner()];
const online = newSigner();
const stranger = newSigner();

interface Change {
  readonly rootKeys?: readonly Signer[];
  readonly rootThreshold?: number;
  readonly rootSigners?: readonly Signer[];
  readonly rootVersion?: number;
  readonly timestampKey?: Signer;
  readonly signTimestamp?: Signer;
  readonly signSnapshot?: Signer;
  readonly signTargets?: Signer;
  readonly timestampVersion?: number;
  readonly snapshotVersion?: number;
  readonly targetsVersion?: number;
  readonly expiresMs?: Partial<Record<"root" | "timestamp" | "snapshot" | "targets", number>>;
  readonly meta?: ReadonlyMap<string, { version: number }>;
}

interface Repository {
  readonly files: Map<string, Uint8Array>;
  readonly fetch: FetchFile;
  readonly requests: string[];
}

const hello = encodeUtf8("hello");

/** A repository of one generation, with one thing changed. */
async function repository(change: Change = {}, base = new Map<string, Uint8Array>()): Promise<Repository> {
  const rootVersion = change.rootVersion ?? 1;
  const onlineRole = { keys: [online.publicKey], threshold: 1 };
  const expires = (role: "root" | "timestamp" | "snapshot" | "targets"): number => change.expiresMs?.[role] ?? laterMs;
  // Expiries in the past are wanted here, so the clock of the signing tool is set far back.
  const sign = (signed: JsonValue, signers: readonly Signer[]): Promise<Uint8Array> => signMetadata(signed, signers, laterMs, 0);
  const root = buildRoot({
    version: rootVersion,
    expiresMs: expires("root"),
    roles: {
      root: { keys: (change.rootKeys ?? rootSigners).map((signer) => signer.publicKey), threshold: change.rootThreshold ?? 2 },
      timestamp: { keys: [(change.timestampKey ?? online).publicKey], threshold: 1 },
      snapshot: onlineRole,
      targets: onlineRole,
    },
  });
  const targetsVersion = change.targetsVersion ?? 1;
  const snapshotVersion = change.snapshotVersion ?? 1;
  const targets = buildTargets(
    { version: targetsVersion, expiresMs: expires("targets") },
    new Map([["dir/hello.txt", { bytes: hello }]]),
  );
  const meta = change.meta ?? new Map([["targets.json", { version: targetsVersion }]]);
  const snapshot = await sign(buildSnapshot({ version: snapshotVersion, expiresMs: expires("snapshot") }, meta), [
    change.signSnapshot ?? online,
  ]);
  const edition = { version: change.timestampVersion ?? 1, expiresMs: expires("timestamp") };
  const timestamp = buildTimestamp(edition, { version: snapshotVersion, bytes: snapshot });
  const files = new Map(base);
  files.set(`${rootVersion}.root.json`, await sign(root, change.rootSigners ?? rootSigners));
  files.set(`${targetsVersion}.targets.json`, await sign(targets, [change.signTargets ?? online]));
  files.set(`${snapshotVersion}.snapshot.json`, snapshot);
  files.set("timestamp.json", await sign(timestamp, [change.signTimestamp ?? change.timestampKey ?? online]));
  files.set("targets/dir/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.hello.txt", hello);
  const requests: string[] = [];
  return {
    files,
    requests,
    fetch: async (path) => {
      requests.push(path);
      return files.get(path);
    },
  };
}

function pinned(repo: Repository): Uint8Array {
  const bytes = repo.files.get("1.root.json");
  assert.ok(bytes);
  return bytes;
}

function edit(bytes: Uint8Array | undefined, change: (file: Record<string, JsonValue>) => void): Uint8Array {
  assert.ok(bytes);
  const file = parseJson(bytes);
  assert.ok(file !== null && typeof file === "object" && !Array.isArray(file));
  change(file);
  return encodeUtf8(JSON.stringify(file));
}

function hasCode(code: string) {
  return (error: unknown): boolean => {
    assert.ok(isSigillumError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

describe("refresh", () => {
  test("follows a fresh repository and asks for four files", async () => {
    const repo = await repository();
    const trusted = await refresh(repo.fetch, memoryStore(pinned(repo)), nowMs);
    assert.deepEqual(repo.requests, ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
    assert.equal(parseUtf8(await fetchTarget(trusted, "dir/hello.txt", repo.fetch, memoryStore(pinned(repo)))), "hello");
  });

  test("costs two requests when nothing changed", async () => {
    const repo = await repository();
    const store = memoryStore(pinned(repo));
    await refresh(repo.fetch, store, nowMs);
    repo.requests.length = 0;
    await refresh(repo.fetch, store, nowMs);
    assert.deepEqual(repo.requests, ["2.root.json", "timestamp.json"]);
  });

  test("keeps the trusted timestamp when one of the same version has other content", async () => {
    const repo = await repository();
    const store = memoryStore(pinned(repo));
    await refresh(repo.fetch, store, nowMs);
    const before = await store.read("timestamp");
    const other = await repository({ expiresMs: { timestamp: laterMs + dayMs } });
    await refresh(other.fetch, store, nowMs);
    assert.deepEqual(await store.read("timestamp"), before);
  });

  test("follows a root rotation and stores each root", async () => {
    const first = await repository();
    const rotated = [newSigner(), newSigner(), newSigner()];
    const second = await repository(
      { rootVersion: 2, rootKeys: rotated, rootSigners: [...rootSigners, ...rotated] },
      first.files,
    );
    const store = memoryStore(pinned(first));
    const trusted = await refresh(second.fetch, store, nowMs);
    assert.equal(trusted.root.version, 2);
    assert.deepEqual(await store.read("root"), second.files.get("2.root.json"));
  });

  test("recovers from a fast-forward when the timestamp key is rotated", async () => {
    const first = await repository({ timestampVersion: 100 });
    const store = memoryStore(pinned(first));
    await refresh(first.fetch, store, nowMs);
    const fresh = newSigner();
    const second = await repository({ rootVersion: 2, timestampKey: fresh, timestampVersion: 1 }, first.files);
    const trusted = await refresh(second.fetch, store, nowMs);
    assert.equal(trusted.timestamp?.version, 1);
  });

  test("refuses a rollback of timestamp, snapshot and targets, and keeps what was trusted", async () => {
    const newer = await repository({ timestampVersion: 5, snapshotVersion: 5, targetsVersion: 5 });
    for (const change of [
      { timestampVersion: 4, snapshotVersion: 5, targetsVersion: 5 },
      { timestampVersion: 6, snapshotVersion: 4, targetsVersion: 5 },
      { timestampVersion: 6, snapshotVersion: 6, targetsVersion: 4 },
    ]) {
      const store = memoryStore(pinned(newer));
      await refresh(newer.fetch, store, nowMs);
      const trusted = await store.read("snapshot");
      await assert.rejects(refresh((await repository(change)).fetch, memoryStoreOf(store), nowMs), hasCode("TUF_ROLLBACK"));
      assert.deepEqual(await store.read("snapshot"), trusted);
    }
  });

  test("refuses a snapshot that forgets a role", async () => {
    const meta = new Map([
      ["targets.json", { version: 1 }],
      ["rekor.json", { version: 1 }],
    ]);
    const before = await repository({ meta });
    const store = memoryStore(pinned(before));
    await refresh(before.fetch, store, nowMs);
    const after = await repository({ timestampVersion: 2, snapshotVersion: 2 });
    await assert.rejects(refresh(after.fetch, store, nowMs), hasCode("TUF_ROLLBACK"));
  });

  for (const role of ["root", "timestamp", "snapshot", "targets"] as const) {
    test(`refuses an expired ${role}`, async () => {
      const repo = await repository({ expiresMs: { [role]: nowMs - 1000 } });
      await assert.rejects(refresh(repo.fetch, memoryStore(pinned(repo)), nowMs), hasCode("TUF_EXPIRED"));
    });
  }

  test("refuses a role signed by a stranger", async () => {
    for (const change of [{ signTimestamp: stranger }, { signSnapshot: stranger }, { signTargets: stranger }]) {
      const repo = await repository(change);
      await assert.rejects(refresh(repo.fetch, memoryStore(pinned(repo)), nowMs), hasCode("TUF_THRESHOLD"));
    }
  });

  test("refuses a root that lacks the old or the new threshold", async () => {
    const first = await repository();
    const rotated = [newSigner(), newSigner(), newSigner()];
    for (const signers of [rotated, rootSigners, [...rootSigners.slice(0, 1), ...rotated]]) {
      const second = await repository({ rootVersion: 2, rootKeys: rotated, rootSigners: signers }, first.files);
      await assert.rejects(refresh(second.fetch, memoryStore(pinned(first)), nowMs), hasCode("TUF_THRESHOLD"));
    }
  });

  test("refuses a root whose version is not the next one", async () => {
    const first = await repository();
    const third = await repository({ rootVersion: 3 });
    const files = new Map(first.files).set("2.root.json", third.files.get("3.root.json") ?? new Uint8Array());
    await assert.rejects(
      refresh(async (path) => files.get(path), memoryStore(pinned(first)), nowMs),
      hasCode("TUF_VERSION"),
    );
  });

  test("refuses a file of another role, and one that is missing", async () => {
    const repo = await repository();
    const swapped = new Map(repo.files).set("timestamp.json", repo.files.get("1.snapshot.json") ?? new Uint8Array());
    await assert.rejects(
      refresh(async (path) => swapped.get(path), memoryStore(pinned(repo)), nowMs),
      hasCode("TUF_WRONG_ROLE"),
    );
    swapped.delete("timestamp.json");
    await assert.rejects(
      refresh(async (path) => swapped.get(path), memoryStore(pinned(repo)), nowMs),
      hasCode("TUF_FILE_MISSING"),
    );
  });

  test("refuses a snapshot whose bytes the timestamp does not name", async () => {
    const repo = await repository();
    const snapshot = repo.files.get("1.snapshot.json") ?? new Uint8Array();
    const sameLength = snapshot.with(snapshot.length - 1, 0x20);
    for (const [bytes, code] of [
      [sameLength, "TUF_HASH"],
      [snapshot.subarray(1), "TUF_LENGTH"],
    ] as const) {
      const files = new Map(repo.files).set("1.snapshot.json", bytes);
      await assert.rejects(
        refresh(async (path) => files.get(path), memoryStore(pinned(repo)), nowMs),
        hasCode(code),
      );
    }
  });

  test("gives up on an endless chain of roots", async () => {
    const first = await repository();
    const chain = new Map(first.files);
    for (let version = 2; version <= 258; version++) {
      const next = await repository({ rootVersion: version });
      chain.set(`${version}.root.json`, next.files.get(`${version}.root.json`) ?? new Uint8Array());
    }
    await assert.rejects(
      refresh(async (path) => chain.get(path), memoryStore(pinned(first)), nowMs),
      hasCode("TUF_TOO_MANY_ROOTS"),
    );
  });

  test("loads what is stored without a request", async () => {
    const repo = await repository();
    const store = memoryStore(pinned(repo));
    await refresh(repo.fetch, store, nowMs);
    const trusted = await loadTrusted(store, nowMs);
    assert.equal(trusted.targets?.version, 1);
  });
});

/** The same content in a store of its own. */
function memoryStoreOf(store: ReturnType<typeof memoryStore>): ReturnType<typeof memoryStore> {
  const copy = new Map<string, Uint8Array>();
  return {
    read: async (role) => copy.get(role) ?? (await store.read(role)),
    write: async (role, bytes) => void copy.set(role, bytes),
    remove: async () => undefined,
  };
}

describe("TrustedMetadata", () => {
  test("counts one public key once, under however many ids", async () => {
    const repo = await repository();
    const doubled = edit(pinned(repo), (file) => {
      const signed = file["signed"];
      assert.ok(signed !== null && typeof signed === "object" && !Array.isArray(signed));
      signed["keys"] = { a: encodeTufKey(online.publicKey), b: encodeTufKey(online.publicKey) };
      signed["roles"] = Object.fromEntries(
        ["root", "timestamp", "snapshot", "targets"].map((role) => [
          role,
          { keyids: ["a", "b"], threshold: role === "root" ? 2 : 1 },
        ]),
      );
    });
    const signature = Buffer.from(await online.sign(parseRoot(doubled).signedBytes)).toString("hex");
    const twice = edit(doubled, (file) => {
      file["signatures"] = [
        { keyid: "a", sig: signature },
        { keyid: "b", sig: signature },
      ];
    });
    assert.throws(() => new TrustedMetadata(twice, nowMs), hasCode("TUF_THRESHOLD"));
  });

  test("ignores empty, foreign and invalid signatures beside enough good ones", async () => {
    const repo = await repository();
    const noisy = edit(pinned(repo), (file) => {
      const signatures = file["signatures"];
      assert.ok(Array.isArray(signatures));
      signatures.push({ keyid: "00", sig: "" }, { keyid: "01", sig: "zz" }, { keyid: tufKeyId(stranger.publicKey), sig: "00" });
    });
    assert.equal(new TrustedMetadata(noisy, nowMs).root.version, 1);
  });

  test("refuses a key id that signs twice", async () => {
    const repo = await repository();
    const repeated = edit(pinned(repo), (file) => {
      const signatures = file["signatures"];
      assert.ok(Array.isArray(signatures));
      signatures.push(signatures[0] ?? null);
    });
    assert.throws(() => new TrustedMetadata(repeated, nowMs), hasCode("TUF_SIGNATURE_REPEATED"));
  });

  test("keeps unknown fields in what is signed", async () => {
    const repo = await repository();
    const extended = edit(pinned(repo), (file) => {
      const signed = file["signed"];
      assert.ok(signed !== null && typeof signed === "object" && !Array.isArray(signed));
      signed["x-custom"] = "unsigned";
    });
    assert.throws(() => new TrustedMetadata(extended, nowMs), hasCode("TUF_THRESHOLD"));
  });

  test("answers no target for names of JavaScript's own objects", async () => {
    const repo = await repository();
    const trusted = await refresh(repo.fetch, memoryStore(pinned(repo)), nowMs);
    for (const name of ["constructor", "__proto__", "toString"])
      await assert.rejects(findTarget(trusted, name, repo.fetch, memoryStore(pinned(repo))), hasCode("TUF_TARGET_UNKNOWN"));
  });

  test("never takes a target's bytes that the metadata does not name", async () => {
    const repo = await repository();
    const trusted = await refresh(repo.fetch, memoryStore(pinned(repo)), nowMs);
    await assert.rejects(
      fetchTarget(trusted, "dir/hello.txt", async () => encodeUtf8("hellO"), memoryStore(pinned(repo))),
      hasCode("TUF_HASH"),
    );
    assert.throws(() => verifyFile("x", { hashes: new Map([["md5", new Uint8Array(16)]]) }, hello), hasCode("TUF_HASH"));
  });
});

describe("metadata", () => {
  test("parseRoot names what is wrong", async () => {
    const bytes = pinned(await repository());
    const cases: [string, { [name: string]: JsonValue }][] = [
      ["TUF_MALFORMED", { version: 0 }],
      ["TUF_MALFORMED", { version: 1.5 }],
      ["TUF_MALFORMED", { spec_version: "2.0.0" }],
      ["TUF_MALFORMED", { expires: "tomorrow" }],
      ["TUF_MALFORMED", { roles: null }],
    ];
    for (const [code, change] of cases) {
      const changed = edit(bytes, (file) => {
        const signed = file["signed"];
        assert.ok(signed !== null && typeof signed === "object" && !Array.isArray(signed));
        Object.assign(signed, change);
      });
      assert.throws(() => parseRoot(changed), hasCode(code));
    }
    assert.throws(() => parseRoot(encodeUtf8("{")), hasCode("TUF_MALFORMED"));
  });

  test("a key of a kind that is not known takes nothing away from the others, and counts for nothing", async () => {
    const bytes = pinned(await repository());
    const keys = { a: { keytype: "dsa", scheme: "dsa", keyval: { public: "00" } } };
    const changed = edit(bytes, (file) => {
      const signed = file["signed"];
      assert.ok(signed !== null && typeof signed === "object" && !Array.isArray(signed));
      Object.assign(signed, { keys });
    });
    assert.equal(parseRoot(changed).keys.size, 0);
    assert.throws(() => new TrustedMetadata(changed, nowMs), hasCode("TUF_THRESHOLD"));
  });

  test("no change of one signed byte is accepted, and nothing but our errors is thrown", async () => {
    const repo = await repository();
    const bytes = pinned(repo);
    const accepted = parseRoot(bytes).signedBytes;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = bytes.with(at, (bytes[at] ?? 0) ^ flip);
        try {
          const trusted = new TrustedMetadata(changed, nowMs);
          // White space, the order of names, a third signature: what verifies still says the very same.
          assert.deepEqual(trusted.root.signedBytes, accepted);
        } catch (error) {
          assert.ok(isSigillumError(error), String(error));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("every role's parser refuses every other role's file", async () => {
    const repo = await repository();
    const parsers = {
      "1.root.json": parseRoot,
      "timestamp.json": parseTimestamp,
      "1.snapshot.json": parseSnapshot,
      "1.targets.json": parseTargets,
    };
    for (const [name, parse] of Object.entries(parsers)) {
      for (const other of Object.keys(parsers)) {
        const bytes = repo.files.get(other) ?? new Uint8Array();
        if (other === name) assert.ok(parse(bytes));
        else assert.throws(() => parse(bytes), hasCode("TUF_WRONG_ROLE"));
      }
    }
  });
});

describe("keys and canonical JSON", () => {
  test("parseTufKey reads Ed25519 in hex, PEM, and the hex point of 2021", () => {
    const ed25519 = newSigner("ed25519").publicKey;
    assert.deepEqual(parseTufKey("a", encodeTufKey(ed25519)).publicKey.spki, ed25519.spki);
    const { spki } = online.publicKey;
    const point = Buffer.from(spki.subarray(spki.length - 65)).toString("hex");
    const old = { keytype: "ecdsa-sha2-nistp256", scheme: "ecdsa-sha2-nistp256", keyval: { public: point } };
    assert.deepEqual(parseTufKey("b", old).publicKey.spki, spki);
  });

  test("keys of ML-DSA sign the hash behind a prefix (TAP 21), and not the bytes themselves", async () => {
    const bytes = encodeUtf8('{"_type":"root"}');
    for (const type of ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] as const) {
      const signer = generateSigner(type);
      const listed = encodeTufKey(signer.publicKey);
      assert.deepEqual([listed["keytype"], listed["scheme"]], ["ml-dsa", `${type}/1`]);
      const key = parseTufKey("a", listed);
      assert.deepEqual(key.publicKey.spki, signer.publicKey.spki);
      const hash = createHash("sha512").update(bytes).digest();
      const message = Buffer.concat([Buffer.from("tuf\u0001"), hash]);
      assert.deepEqual(tufMessage(signer.publicKey, bytes), new Uint8Array(message));
      assert.ok(isSignedBy(key, bytes, await signer.sign(new Uint8Array(message))));
      assert.ok(!isSignedBy(key, bytes, await signer.sign(bytes)));
      assert.ok(!isSignedBy(key, encodeUtf8("{}"), await signer.sign(new Uint8Array(message))));
      // Two parameter sets are two schemes.
      const other = type === "ml-dsa-44" ? "ml-dsa-65/1" : "ml-dsa-44/1";
      assert.throws(() => parseTufKey("a", { ...listed, scheme: other }), hasCode("TUF_KEY_UNSUPPORTED"));
    }
    assert.deepEqual(tufMessage(online.publicKey, bytes), bytes);
  });

  test("parseTufKey refuses a key of another type than it says, and bytes that are no key", () => {
    const key = encodeTufKey(newSigner("ed25519").publicKey);
    const lying = { ...key, keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256" };
    assert.throws(() => parseTufKey("a", lying), hasCode("TUF_KEY_UNSUPPORTED"));
    assert.throws(() => parseTufKey("a", { ...key, keyval: { public: "0102" } }), hasCode("TUF_KEY_UNSUPPORTED"));
  });

  test("encodeCanonicalJson sorts by code point, escapes two characters and refuses fractions", () => {
    const value = parseJson('{"\\ud83d\\ude00":1,"\\ufffd":2,"a":"\\u0001\\"\\\\"}');
    assert.equal(parseUtf8(encodeCanonicalJson(value)), '{"a":"\u0001\\"\\\\","\ufffd":2,"\u{1f600}":1}');
    assert.ok(compareCodePoints("\ufffd", "\u{1f600}") < 0);
    assert.throws(() => encodeCanonicalJson(1.5), hasCode("TUF_MALFORMED"));
  });
});
