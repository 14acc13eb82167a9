// The cases of tuf-conformance test_basic and test_expiration, under their own names (tuf-root.md §2.3).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes, encodeUtf8, formatRfc3339, parseUtf8 } from "../../encoding/index.ts";
import { generateSigner, SimulatedTufClient, TufSimulator, tufNowMs } from "../../testing/index.ts";
import { encodeTufKey, parseTimestamp, tufKeyId } from "../index.ts";

const dayMs = 86_400_000;
const roles = ["root", "timestamp", "snapshot", "targets"] as const;
const all = ["root", "targets", "snapshot", "timestamp"];
const inDays = (days: number): string => formatRfc3339(tufNowMs + days * dayMs);

function spoilt(root: Uint8Array | undefined, spoil: (text: string) => string): Uint8Array {
  return encodeUtf8(spoil(parseUtf8(root ?? new Uint8Array())));
}

describe("tuf-conformance: basic", () => {
  test("basic_refresh_requests", async () => {
    const repo = await TufSimulator.create();
    assert.equal(await new SimulatedTufClient(repo).refresh(), "ok");
    assert.deepEqual(repo.requests, ["2.root", "timestamp", "1.snapshot", "1.targets"]);
  });

  test("basic_refresh_trusted_data", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    assert.equal(await client.refresh(), "ok");
    for (const role of roles) assert.deepEqual(client.stored.get(role), repo.newest(role), role);
  });

  test("implicit_refresh", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    assert.equal(await client.download("nonexistent artifact"), "TUF_TARGET_UNKNOWN");
    assert.deepEqual(client.versions(), { root: 1, snapshot: 1, targets: 1, timestamp: 1 });
  });

  test("invalid_initial_root", async () => {
    const repo = await TufSimulator.create();
    const root = spoilt(repo.newest("root"), (text) => text.replace('"version":1', '"other":1'));
    assert.equal(await new SimulatedTufClient(repo, root).refresh(), "TUF_MALFORMED");
    assert.deepEqual(repo.requests, []);
  });

  test("unsigned_initial_root", async () => {
    const repo = await TufSimulator.create();
    const root = spoilt(repo.newest("root"), (text) => text.replace(/"sig":"[0-9a-f]+"/, `"sig":"30${"45".repeat(70)}"`));
    assert.equal(await new SimulatedTufClient(repo, root).refresh(), "TUF_THRESHOLD");
    assert.deepEqual(repo.requests, []);
  });

  for (const [role, trusted] of [
    ["root", { root: 1 }],
    ["timestamp", { root: 2 }],
    ["snapshot", { root: 2, timestamp: 2 }],
    ["targets", { root: 2, snapshot: 2, timestamp: 2 }],
  ] as const) {
    test(`unsigned_metadata[${role}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.signersOf(role).pop();
      await repo.publish(...all);
      assert.equal(await client.refresh(), "TUF_THRESHOLD");
      assert.deepEqual(client.versions(), trusted);
    });
  }

  for (const [role, trusted] of [
    ["root", { root: 1 }],
    ["snapshot", { root: 2, timestamp: 2 }],
    ["targets", { root: 2, snapshot: 2, timestamp: 2 }],
  ] as const) {
    test(`url_and_metadata_version_mismatch[${role}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.doc(role)["version"] = 2; // becomes 3, as the second file
      await repo.publish("root");
      await repo.publish("targets");
      if (role === "targets") repo.at("snapshot", "meta")["targets.json"] = { version: 2 };
      await repo.publish("snapshot");
      if (role === "snapshot") repo.at("timestamp", "meta")["snapshot.json"] = { version: 2 };
      await repo.publish("timestamp");
      assert.equal(await client.refresh(), "TUF_VERSION");
      assert.deepEqual(client.versions(), trusted);
    });
  }

  test("timestamp_content_changes", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    await client.refresh();
    repo.at("timestamp", "meta")["snapshot.json"] = { version: 100 };
    repo.restart("timestamp");
    await repo.publish("timestamp");
    assert.equal(await client.refresh(), "ok");
    assert.equal(repo.requests.at(-1), "timestamp");
    assert.equal(parseTimestamp(client.stored.get("timestamp") ?? new Uint8Array()).snapshot.version, 1);
  });

  test("basic_metadata_hash_support", async () => {
    const repo = await TufSimulator.create();
    repo.hashesInMeta = true;
    await repo.publish("targets", "snapshot", "timestamp");
    assert.equal(await new SimulatedTufClient(repo).refresh(), "ok");
  });

  for (const [role, parent] of [
    ["targets", "snapshot"],
    ["snapshot", "timestamp"],
  ] as const) {
    test(`${role}_hash_mismatch`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.hashesInMeta = true;
      await repo.publish("targets", "snapshot", "timestamp");
      assert.equal(await client.refresh(), "ok");
      await repo.publish(role);
      repo.at(parent, "meta", `${role}.json`, "hashes")["sha256"] = "0".repeat(64);
      if (parent === "snapshot") await repo.publish("snapshot");
      await repo.publish("timestamp");
      assert.equal(await client.refresh(), "TUF_HASH");
      assert.equal(client.version(parent), 3);
      assert.equal(client.version(role), 2);
    });
  }

  test("metadata_bytes_match", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    const bytes = concatBytes(repo.newest("timestamp"), encodeUtf8(" "));
    repo.published.set("timestamp", [bytes]);
    assert.equal(await client.refresh(), "ok");
    assert.deepEqual(client.stored.get("timestamp"), bytes);
  });

  test("custom_fields", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    await client.refresh();
    const signer = generateSigner();
    repo.doc("root")["custom-field"] = "value";
    repo.addKey("root", signer, { ...encodeTufKey(signer.publicKey), "extra-field": { a: 1, b: 2 } });
    repo.at("root", "roles", "root")["another-field"] = "value";
    await repo.publish("root");
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("root"), 2);
  });

  test("deprecated_keyid_hash_algorithms", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    const signer = generateSigner();
    repo.setKeys("snapshot", []);
    repo.addKey("snapshot", signer, { ...encodeTufKey(signer.publicKey), keyid_hash_algorithms: "md5" });
    await repo.publish("root", "snapshot", "timestamp");
    assert.equal(await client.refresh(), "ok");
    assert.deepEqual(client.versions(), { root: 2, snapshot: 2, targets: 1, timestamp: 2 });
  });

  for (const [role, parent, trusted] of [
    ["snapshot", "timestamp", { root: 1, snapshot: 1, targets: 1, timestamp: 2 }],
    ["targets", "snapshot", { root: 1, snapshot: 2, targets: 1, timestamp: 2 }],
  ] as const) {
    test(`${role}_404`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      await client.refresh();
      repo.at(parent, "meta", `${role}.json`)["version"] = 2;
      if (parent === "snapshot") await repo.publish("snapshot");
      await repo.publish("timestamp");
      assert.equal(await client.refresh(), "TUF_FILE_MISSING");
      assert.equal(repo.requests.at(-1), `2.${role}`);
      assert.deepEqual(client.versions(), trusted);
    });
  }

  test("timestamp_404", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    await client.refresh();
    repo.published.delete("timestamp");
    assert.equal(await client.refresh(), "TUF_FILE_MISSING");
    assert.equal(repo.requests.at(-1), "timestamp");
  });

  test("incorrect_metadata_type", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    const [signer] = repo.signersOf("timestamp");
    assert.ok(signer);
    repo.addKey("snapshot", signer);
    repo.doc("snapshot")["meta"] = { "snapshot.json": { version: 1 } };
    await repo.publish("root", "snapshot");
    repo.published.set("timestamp", [repo.newest("snapshot")]);
    assert.equal(await client.refresh(), "TUF_WRONG_ROLE");
    assert.deepEqual(client.versions(), { root: 2 });
  });

  test("faketime", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.doc("root")["expires"] = inDays(7);
    await repo.publish("root");
    assert.equal(await client.refresh(), "ok");
    assert.equal(await client.refresh(tufNowMs + 8 * dayMs), "TUF_EXPIRED");
  });

  test("repository_simulator: what it signs, our client takes; its key ids are ours", async () => {
    const repo = await TufSimulator.create();
    const [signer] = repo.signersOf("root");
    assert.ok(signer);
    assert.deepEqual(repo.at("root", "roles", "root")["keyids"], [tufKeyId(signer.publicKey)]);
  });
});

describe("tuf-conformance: expiration", () => {
  test("root_expired", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    await client.refresh();
    await repo.publish("root");
    assert.equal(await client.refresh(), "ok");
    repo.doc("root")["expires"] = inDays(-1);
    await repo.publish(...all);
    assert.equal(await client.refresh(), "TUF_EXPIRED");
    assert.deepEqual(client.versions(), { root: 3, snapshot: 1, targets: 1, timestamp: 1 });
  });

  for (const [role, publish, trusted] of [
    ["timestamp", ["timestamp"], { root: 1, snapshot: 1, targets: 1, timestamp: 1 }],
    ["snapshot", ["snapshot", "timestamp"], { root: 1, snapshot: 1, targets: 1, timestamp: 2 }],
    ["targets", ["targets", "snapshot", "timestamp"], { root: 1, snapshot: 2, targets: 1, timestamp: 2 }],
  ] as const) {
    test(`${role}_expired`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      await client.refresh();
      repo.doc(role)["expires"] = inDays(-5);
      await repo.publish(...publish);
      assert.equal(await client.refresh(), "TUF_EXPIRED");
      assert.deepEqual(client.versions(), trusted);
    });
  }

  test("expired_local_root", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.doc("root")["expires"] = inDays(7);
    await repo.publish("root");
    assert.equal(await client.refresh(), "ok");
    repo.doc("root")["expires"] = inDays(21);
    await repo.publish("root");
    assert.equal(await client.refresh(tufNowMs + 18 * dayMs), "ok");
    assert.equal(client.version("root"), 3);
  });

  test("expired_local_timestamp", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.doc("timestamp")["expires"] = inDays(7);
    await repo.publish("timestamp");
    assert.equal(await client.refresh(), "ok");
    repo.doc("timestamp")["expires"] = inDays(21);
    await repo.publish("targets", "snapshot", "timestamp");
    assert.equal(await client.refresh(tufNowMs + 18 * dayMs), "ok");
    assert.deepEqual(client.versions(), { root: 1, snapshot: 2, targets: 2, timestamp: 3 });
  });
});
