import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { noteKey } from "@sigillum/library/checkpoint";
import { isValidSignature, sha256 } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import {
  encodeSigningConfig,
  encodeTrustedRoot,
  parseSigningConfig,
  parseTrustedRoot,
  selectServices,
} from "@sigillum/library/trusted-root";
import { basicConstraints, extendedKeyUsage, formatName, keyUsage, subjectKeyId, verifyPath } from "@sigillum/library/x509";
import { encodeKeyringDocument, Keyring, type KeyringPlan, keyringErrors, parseKeyringDocument, randomSerial } from "./index.ts";

const plan: KeyringPlan = {
  organization: "Example",
  operator: "localhost",
  publicUrls: {
    logV1: "http://localhost:3000",
    logV2: "http://localhost:3003",
    ca: "http://localhost:5555",
    ct: "http://localhost:6962",
    tsa: "http://localhost:3004",
    identity: "http://localhost:5556",
  },
};
const nowMs = Date.UTC(2026, 10, 24, 2, 0, 0, 789);
const code = (expected: string) => (error: { code?: string; message: string }) => {
  assert.equal(error.code, expected, error.message);
  return true;
};

describe("Keyring", () => {
  let directory = "";
  let keyring: Keyring;
  const text = (): Promise<string> => readFile(join(directory, "keyring.json"), "utf8");
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-keyring-"));
    keyring = await Keyring.create(directory, plan, nowMs);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("makes every key in a file of its owner alone and signs with each", async () => {
    const files = await readdir(join(directory, "keys"));
    assert.equal(files.length, keyring.document.keys.length);
    for (const file of files) assert.equal((await stat(join(directory, "keys", file))).mode & 0o777, 0o600, file);
    const message = encodeUtf8("message");
    for (const { name } of keyring.document.keys) {
      const signer = keyring.signer(name);
      assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)), name);
    }
    assert.equal(keyring.signer("oidc").publicKey.bits, 2048);
  });

  it("opens to the same document", async () => {
    assert.deepEqual((await Keyring.open(directory)).document, keyring.document);
    assert.deepEqual(parseKeyringDocument(await text()), keyring.document);
    assert.equal(encodeKeyringDocument(keyring.document), await text());
    assert.doesNotMatch(await text(), /PRIVATE/u);
  });

  it("makes a CA chain that verifies for code signing and holds to the profile", () => {
    const { certificates } = keyring.activeChain("ca");
    const [intermediate, root] = certificates;
    assert.ok(intermediate !== undefined && root !== undefined);
    assert.equal(formatName(root.subject), "O=Example, CN=sigillum");
    assert.equal(formatName(intermediate.subject), "O=Example, CN=sigillum-intermediate");
    assert.equal(root.publicKey.type, "ecdsa-p384");
    assert.equal(intermediate.publicKey.type, "ecdsa-p256");
    assert.deepEqual(basicConstraints(intermediate), { isCa: true, pathLength: 0 });
    assert.deepEqual([...(keyUsage(intermediate) ?? [])].sort(), ["cRLSign", "keyCertSign"]);
    assert.deepEqual([...(extendedKeyUsage(intermediate) ?? [])], ["1.3.6.1.5.5.7.3.3"]);
    assert.equal(extendedKeyUsage(root), undefined);
    assert.ok(subjectKeyId(root) !== undefined && subjectKeyId(intermediate) !== undefined);
    assert.equal(intermediate.notBeforeMs, Date.UTC(2026, 10, 24, 2, 0, 0));
  });

  it("makes a TSA chain that verifies for timestamping", () => {
    const { certificates } = keyring.activeChain("tsa");
    const [leaf, root] = certificates;
    assert.ok(leaf !== undefined && root !== undefined);
    assert.equal(verifyPath({ leaf, intermediates: [], anchors: [root], timeMs: nowMs, purpose: "timeStamping" }).length, 2);
  });

  it("gives each log the origin, name and id that clients derive from its address", () => {
    const [v1] = keyring.shards("v1");
    const [v2] = keyring.shards("v2");
    const [ct] = keyring.shards("ct");
    assert.ok(v1 !== undefined && v2 !== undefined && ct !== undefined);
    assert.match(v1.treeId ?? "", /^\d{19}$/u);
    assert.ok(BigInt(v1.treeId ?? 0) < 2n ** 63n);
    assert.equal(BigInt(v1.treeId ?? 0).toString(16).length, 16);
    assert.equal(v1.origin, `localhost - ${v1.treeId}`);
    assert.equal(v1.checkpointName, "localhost");
    assert.deepEqual(v1.logId, sha256(keyring.signer(v1.key).publicKey.spki));
    assert.equal(v2.origin, "localhost");
    assert.deepEqual(v2.logId, noteKey("localhost", keyring.signer(v2.key).publicKey).keyId);
    assert.equal(ct.origin, "localhost:6962");
    assert.deepEqual(ct.logId, sha256(keyring.signer(ct.key).publicKey.spki));
  });

  it("publishes a trusted root that reads back and covers its first second", () => {
    const root = parseTrustedRoot(encodeTrustedRoot(keyring.trustedRoot()));
    assert.equal(root.tlogs.length, 2);
    assert.equal(root.ctlogs.length, 1);
    assert.equal(root.certificateAuthorities[0]?.chain.length, 2);
    assert.equal(root.timestampAuthorities[0]?.chain.length, 2);
    assert.deepEqual(root.certificateAuthorities[0]?.subject, { organization: "Example", commonName: "sigillum" });
    for (const item of [...root.tlogs, ...root.ctlogs, ...root.certificateAuthorities, ...root.timestampAuthorities]) {
      assert.equal(item.validFor.startMs, Math.floor(nowMs / 1000) * 1000);
    }
  });

  it("publishes signing configs from which clients choose every service", () => {
    const v1 = parseSigningConfig(encodeSigningConfig(keyring.signingConfig("v1")));
    const v2 = parseSigningConfig(encodeSigningConfig(keyring.signingConfig("v2")));
    assert.deepEqual(
      v1.rekorTlogUrls.map(({ url, majorApiVersion }) => [url, majorApiVersion]),
      [["http://localhost:3000", 1]],
    );
    assert.deepEqual(
      v2.rekorTlogUrls.map(({ url, majorApiVersion }) => [url, majorApiVersion]),
      [["http://localhost:3003", 2]],
    );
    assert.equal(v1.tsaUrls[0]?.url, "http://localhost:3004/api/v1/timestamp");
    assert.equal(v1.oidcUrls[0]?.url, "http://localhost:5556");
    assert.deepEqual(v2.rekorTlogConfig, { selector: "ANY" });
    assert.ok(selectServices(v1, nowMs));
    assert.ok(selectServices(v2, nowMs));
  });

  it("leaves a service that is not offered out of signing configs whole", async () => {
    const part = await Keyring.open(directory, { offered: new Set(["ca", "log-v2"]) });
    const config = part.signingConfig("v1");
    assert.deepEqual([config.rekorTlogUrls, config.tsaUrls, config.oidcUrls], [[], [], []]);
    assert.equal(config.caUrls.length, 1);
    assert.equal(part.trustedRoot().tlogs.length, 2);
  });

  it("is not made twice, and not opened where there is none", async () => {
    await assert.rejects(Keyring.create(directory, plan, nowMs), code("KEYRING_EXISTS"));
    const empty = await mkdtemp(join(tmpdir(), "sigillum-keyring-"));
    try {
      await assert.rejects(Keyring.open(empty), code("KEYRING_NOT_FOUND"));
    } finally {
      await rm(empty, { recursive: true });
    }
  });

  it("names a key that it does not have", () => {
    assert.throws(() => keyring.signer("nobody"), code("KEY_UNKNOWN"));
  });

  it("refuses a document that is damaged, foreign or newer", async () => {
    const good = await text();
    assert.throws(() => parseKeyringDocument("{"), code("KEYRING_MALFORMED"));
    assert.throws(() => parseKeyringDocument(good.replace("sigillum-keyring", "other")), code("KEYRING_MALFORMED"));
    assert.throws(() => parseKeyringDocument(good.replace('"state": "active"', '"state": "lost"')), code("KEYRING_MALFORMED"));
    assert.throws(() => parseKeyringDocument(good.replace('"version": 1', '"version": 2')), code("KEYRING_NEWER"));
  });

  it("refuses a key file that is exposed, missing or another's", async () => {
    const path = join(directory, "keys", "tsa.pem");
    const good = await readFile(path);
    await chmod(path, 0o640);
    await assert.rejects(Keyring.open(directory), code("SIGNER_FILE_MODE"));
    await rm(path);
    await assert.rejects(Keyring.open(directory), code("SIGNER_FILE_MISSING"));
    await writeFile(path, await readFile(join(directory, "keys", "ca.pem")), { mode: 0o600 });
    await assert.rejects(Keyring.open(directory), code("KEY_MISMATCH"));
    await writeFile(path, good, { mode: 0o600 });
    await Keyring.open(directory);
  });

  it("makes serials that are positive and twenty octets long", () => {
    for (let i = 0; i < 100; i++) {
      const serial = randomSerial();
      assert.equal(serial.length, 20);
      assert.ok((serial[0] ?? 0) >= 0x40 && (serial[0] ?? 0) < 0x80);
    }
    assert.notDeepEqual(randomSerial(), randomSerial());
  });

  it("states a meaning for every code", () => {
    for (const [name, entry] of Object.entries(keyringErrors)) assert.match(entry.means, /\.$/u, name);
  });

  it("plans a shard with a key of its own, changes states in one durable step, and refuses a host name that was taken", async () => {
    const own = await mkdtemp(join(tmpdir(), "sigillum-keyring-shards-"));
    try {
      const made = await Keyring.create(own, plan, nowMs);
      const options = { publicUrl: plan.publicUrls.logV1, nowMs: nowMs + 1000 };
      const [first, second] = await Promise.all([made.planShard("v1", options), made.planShard("v1", options)]);
      assert.deepEqual([first.id, second.id, first.state], ["2026-2", "2026-3", "planned"]);
      assert.notEqual(first.treeId, second.treeId);
      assert.equal(made.trustedRoot().tlogs.length, 4);
      assert.equal(made.signingConfig("v1").rekorTlogUrls.length, 1);
      await made.changeShards([
        { api: "v1", id: "2026-1", state: "sealed", endMs: Date.UTC(2026, 11, 1) },
        { api: "v1", id: "2026-2", state: "active", activatedMs: Date.UTC(2026, 11, 1) },
      ]);
      const opened = await Keyring.open(own);
      assert.deepEqual(opened.document, made.document);
      assert.deepEqual(
        opened.shards("v1").map(({ state, activatedMs, validFor }) => [state, activatedMs, validFor.endMs]),
        [
          ["sealed", undefined, Date.UTC(2026, 11, 1)],
          ["active", Date.UTC(2026, 11, 1), undefined],
          ["planned", undefined, undefined],
        ],
      );
      const message = encodeUtf8("message");
      const signer = opened.signer("log-v1/2026-2");
      assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)));
      await assert.rejects(opened.planShard("v2", { publicUrl: plan.publicUrls.logV2, nowMs }), code("SHARD_ADDRESS_TAKEN"));
      assert.equal((await opened.planShard("v2", { publicUrl: "http://localhost:3004", nowMs })).origin, "localhost");
      assert.equal((await opened.planShard("v2", { publicUrl: "https://log2.example", nowMs })).origin, "log2.example");
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  });
});
