// The cases of tuf-conformance test_keys and test_updater_key_rotations (tuf-root.md §2.3).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeHex } from "../../encoding/index.ts";
import { generateSigner, SimulatedTufClient, TufSimulator } from "../../testing/index.ts";
import { tufKeyId } from "../index.ts";

const all = ["root", "targets", "snapshot", "timestamp"];
const online = ["targets", "snapshot", "timestamp"];

describe("tuf-conformance: keys", () => {
  test("snapshot_does_not_meet_threshold", async () => {
    const repo = await TufSimulator.create();
    repo.setKeys("snapshot", [generateSigner(), generateSigner(), generateSigner()], 3);
    await repo.publish(...all);
    const client = new SimulatedTufClient(repo);
    assert.equal(await client.refresh(), "ok");
    repo.signersOf("snapshot").pop();
    await repo.publish(...online);
    assert.equal(await client.refresh(), "TUF_THRESHOLD");
    assert.equal(client.version("snapshot"), 2);
  });

  test("snapshot_has_too_few_keys", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    for (let count = 0; count < 4; count++) repo.addKey("snapshot");
    repo.at("root", "roles", "snapshot")["threshold"] = 6;
    await repo.publish("root", "snapshot", "timestamp");
    assert.equal(await client.refresh(), "TUF_THRESHOLD");
    assert.deepEqual(client.versions(), { root: 2, timestamp: 2 });
  });

  test("duplicate_keys", async () => {
    for (const listedNineTimes of [true, false]) {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      const signer = generateSigner();
      repo.addKey("snapshot", signer);
      const role = repo.at("root", "roles", "snapshot");
      role["threshold"] = 6;
      const keyid = tufKeyId(signer.publicKey);
      if (listedNineTimes) role["keyids"] = Array.from({ length: 9 }, () => keyid);
      await repo.publish("root", "snapshot", "timestamp");
      repo.tamper("snapshot", ({ signatures }) => {
        const own = signatures.find((signature) => signature.keyid === keyid);
        for (let count = 0; own !== undefined && count < 8; count++) signatures.push(own);
      });
      assert.equal(await client.refresh(), listedNineTimes ? "TUF_KEY_REPEATED" : "TUF_SIGNATURE_REPEATED");
      assert.equal(client.version("snapshot"), undefined);
    }
  });

  test("duplicate_sig_keyids", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.tamper("snapshot", ({ signatures }) => signatures.push(...signatures));
    assert.equal(await client.refresh(), "TUF_SIGNATURE_REPEATED");
    assert.equal(client.version("snapshot"), undefined);
  });

  for (const [id, type] of [
    ["rsa/rsassa-pss-sha256", "rsa"],
    ["ecdsa/ecdsa-sha2-nistp256", "ecdsa-p256"],
    ["ecdsa/ecdsa-sha2-nistp384", "ecdsa-p384"],
    ["ed25519/ed25519", "ed25519"],
  ] as const) {
    test(`keytype_and_scheme[${id}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      const signer = generateSigner(type, type === "rsa" ? { padding: "pss" } : {});
      repo.addKey("root", signer);
      repo.at("root", "roles", "root")["threshold"] = 2;
      await repo.publish("root");
      assert.equal(await client.refresh(), "ok");
      assert.equal(client.version("root"), 2);
      await repo.publish("root");
      const plausible = encodeHex(await signer.sign(new Uint8Array(1)));
      repo.tamper("root", ({ signatures }) => {
        for (const signature of signatures) if (signature.keyid === tufKeyId(signer.publicKey)) signature.sig = plausible;
      });
      assert.equal(await client.refresh(), "TUF_THRESHOLD");
      assert.equal(client.version("root"), 2);
    });
  }

  test("invalid_sig_in_valid_metadata", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    const [first] = repo.signersOf("timestamp");
    assert.ok(first);
    const wrong = encodeHex(await first.sign(new Uint8Array(1)));
    repo.addKey("timestamp");
    await repo.publish("root");
    for (const sig of [wrong, ""]) {
      await repo.publish("timestamp");
      repo.tamper("timestamp", ({ signatures }) => {
        for (const signature of signatures) if (signature.keyid === tufKeyId(first.publicKey)) signature.sig = sig;
      });
      assert.equal(await client.refresh(), "ok");
    }
    assert.equal(client.version("timestamp"), 3);
  });
});

/** Keys, threshold and signers of one version, by number; `refused` for one that a client must not take. */
interface Version {
  readonly keys: readonly number[];
  readonly threshold: number;
  readonly sigs: readonly number[];
  readonly refused?: true;
}

const version = (keys: number[], threshold: number, sigs: number[]): Version => ({ keys, threshold, sigs });
const refused = (keys: number[], threshold: number, sigs: number[]): Version => ({ keys, threshold, sigs, refused: true });
const five = [0, 1, 2, 3, 4];
const fiveLater = [0, 1, 3, 4, 5];
const fiveNew = [5, 6, 7, 8, 9];

const rootRotations: Readonly<Record<string, readonly Version[]>> = {
  "1-of-1-key-rotation": [version([1], 1, [1]), version([2], 1, [2, 1]), version([2], 1, [2])],
  "1-of-1-key-rotation-unused-signatures": [
    version([1], 1, [3, 1, 4]),
    version([2], 1, [3, 2, 1, 4]),
    version([2], 1, [3, 2, 4]),
  ],
  "3-of-5-sign-with-different-keycombos": [
    version(five, 3, [0, 2, 4]),
    version(five, 3, [0, 4, 1]),
    version(five, 3, [0, 1, 3]),
    version(five, 3, [0, 1, 3]),
  ],
  "3-of-5-one-key-rotated": [version(five, 3, [0, 2, 4]), version(fiveLater, 3, [0, 4, 1])],
  "3-of-5-one-key-rotated-with-intermediate-step": [
    version(five, 3, [0, 2, 4]),
    version(fiveLater, 3, [0, 2, 4, 5]),
    version(fiveLater, 3, [0, 4, 5]),
  ],
  "3-of-5-all-keys-rotated-with-intermediate-step": [
    version(five, 3, [0, 2, 4]),
    version(fiveNew, 3, [0, 2, 4, 5, 6, 7]),
    version(fiveNew, 3, [5, 6, 7]),
  ],
  "1-of-3-threshold-increase-to-2-of-3": [version([1, 2, 3], 1, [1]), version([1, 2, 3], 2, [1, 2])],
  "2-of-3-threshold-decrease-to-1-of-3": [
    version([1, 2, 3], 2, [1, 2]),
    version([1, 2, 3], 1, [1, 2]),
    version([1, 2, 3], 1, [1]),
  ],
  "1-of-2-threshold-increase-to-2-of-2": [version([1], 1, [1]), version([1, 2], 2, [1, 2])],
  "1-of-1-key-rotation-fail-not-signed-with-old-key": [version([1], 1, [1]), refused([2], 1, [2, 3, 4])],
  "1-of-1-key-rotation-fail-not-signed-with-new-key": [version([1], 1, [1]), refused([2], 1, [1, 3, 4])],
  "3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys": [version(five, 3, [0, 2, 4]), refused(fiveLater, 3, [0, 2, 4])],
  "3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys": [version(five, 3, [0, 2, 4]), refused(fiveLater, 3, [0, 4, 5])],
  "1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached": [version([1, 2, 3], 1, [1]), refused([1, 2, 3], 2, [2])],
  "2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-reached": [version([1, 2, 3], 2, [1, 2]), refused([1, 2, 3], 1, [1])],
};

const otherRotations: Readonly<Record<string, Version>> = {
  "1-of-1-key-rotation": version([2], 1, [2]),
  "1-of-1-key-rotation-unused-signatures": version([1], 1, [3, 1, 4]),
  "1-of-1-key-rotation-fail-not-signed-with-new-key": refused([2], 1, [1, 3, 4]),
  "3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys": refused(fiveLater, 3, [0, 2, 4]),
  "2-of-5-one-key-signature-missing-threshold-not-reached": refused(fiveLater, 3, [0, 4]),
  "3-of-5-sign-first-combo": version(five, 3, [0, 2, 4]),
  "3-of-5-sign-second-combo": version(five, 3, [0, 4, 1]),
  "3-of-5-sign-third-combo": version(five, 3, [0, 1, 3]),
  "3-of-5-sign-fourth-combo": version(five, 3, [1, 2, 3]),
  "3-of-5-sign-fifth-combo": version(five, 3, [2, 3, 4]),
};

describe("tuf-conformance: key rotations", () => {
  const signers = Array.from({ length: 10 }, () => generateSigner());
  const pick = (numbers: readonly number[]) => signers.filter((_, number) => numbers.includes(number));

  for (const [name, versions] of Object.entries(rootRotations)) {
    test(`root_rotation[${name}]`, async () => {
      const repo = await TufSimulator.create();
      repo.restart("root");
      for (const { keys, threshold, sigs } of versions) {
        repo.setKeys("root", pick(keys), threshold);
        repo.signers.set("root", pick(sigs));
        await repo.publish("root");
      }
      const client = new SimulatedTufClient(repo);
      const isRefused = versions.at(-1)?.refused === true;
      assert.equal(await client.refresh(), isRefused ? "TUF_THRESHOLD" : "ok");
      assert.equal(client.version("root"), isRefused ? versions.length - 1 : versions.length);
    });
  }

  for (const [name, { keys, threshold, sigs, refused: isRefused }] of Object.entries(otherRotations)) {
    test(`non_root_rotations[${name}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      for (const role of ["timestamp", "snapshot", "targets"]) {
        repo.setKeys(role, pick(keys), threshold);
        repo.signers.set(role, pick(sigs));
        await repo.publish(...all);
        assert.equal(await client.refresh(), isRefused === true ? "TUF_THRESHOLD" : "ok", role);
        if (isRefused !== true) assert.deepEqual(client.stored.get(role), repo.newest(role));
      }
    });
  }
});
