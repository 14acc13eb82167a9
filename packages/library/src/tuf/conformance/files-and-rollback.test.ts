// The cases of tuf-conformance test_file_download, test_rollback and test_quoting_issues (tuf-root.md §2.3).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeUtf8, parseUtf8 } from "../../encoding/index.ts";
import { SimulatedTufClient, TufSimulator } from "../../testing/index.ts";

const online = ["targets", "snapshot", "timestamp"];

function texts(client: SimulatedTufClient): Record<string, string> {
  return Object.fromEntries([...client.downloads].map(([path, bytes]) => [path, parseUtf8(bytes)]));
}

describe("tuf-conformance: file download", () => {
  for (const [name, path] of [
    ["client_downloads_expected_file", "target_file.txt"],
    ["client_downloads_expected_file_in_sub_dir", "path/to/a/target_file.txt"],
  ] as const) {
    test(name, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.addTarget("targets", path, "target file contents");
      await repo.publish(...online);
      assert.equal(await client.refresh(), "ok");
      assert.deepEqual(texts(client), {});
      assert.equal(await client.download(path), "ok");
      assert.deepEqual(texts(client), { [path]: "target file contents" });
    });
  }

  test("repository_substitutes_target_file", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.addTarget("targets", "one", "target file contents");
    repo.addTarget("targets", "two", "content");
    await repo.publish(...online);
    assert.equal(await client.download("one"), "ok");
    repo.artifacts.set("one", encodeUtf8("malicious data - no more"));
    repo.artifacts.set("two", encodeUtf8("malice!"));
    assert.equal(await client.download("one"), "ok", "the file that it has");
    assert.equal(await client.download("two"), "TUF_HASH");
    assert.deepEqual(texts(client), { one: "target file contents" });
  });

  test("multiple_changes_to_target", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    for (let round = 0; round < 11; round++) {
      repo.addTarget("targets", "target_file.txt", `modified file contents ${round}`);
      repo.addTarget("targets", `new-target-${round}`, `new file contents ${round}`);
      await repo.publish(...online);
      if (round % 5 !== 0) continue;
      assert.equal(await client.download("target_file.txt"), "ok");
      assert.equal(await client.download(`new-target-${round}`), "ok");
      const expected = texts(client);
      assert.equal(expected["target_file.txt"], `modified file contents ${round}`);
      repo.artifacts.set("target_file.txt", encodeUtf8(`malicious contents ${round}`));
      await repo.publish(...online);
      await client.download("target_file.txt");
      assert.deepEqual(texts(client), expected);
    }
  });

  for (const hashes of [["sha256"], ["sha512"], ["sha256", "sha512"]] as const) {
    test(`download_with_hash_algorithms[${hashes.join(", ")}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.addTarget("targets", "target_file.txt", "target file contents", hashes);
      await repo.publish(...online);
      assert.equal(await client.download("target_file.txt"), "ok");
      const listed = Object.values(repo.at("targets", "targets", "target_file.txt", "hashes"));
      assert.ok(listed.some((hash) => repo.requests.at(-1) === `${String(hash)}.target_file.txt`));
      assert.equal(texts(client)["target_file.txt"], "target file contents");
    });
  }

  test("download_with_unknown_hash_algorithm", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.addTarget("targets", "target_file.txt", "target file contents", ["sha512"]);
    const hashes = repo.at("targets", "targets", "target_file.txt", "hashes");
    repo.at("targets", "targets", "target_file.txt")["hashes"] = { "unknown-hash": hashes["sha512"] ?? "" };
    await repo.publish(...online);
    assert.equal(await client.download("target_file.txt"), "TUF_HASH");
    assert.deepEqual(texts(client), {});
  });

  test("artifact_cache", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.addTarget("targets", "target_file.txt", "target file contents");
    await repo.publish(...online);
    assert.equal(await client.download("target_file.txt"), "ok");
    repo.requests.length = 0;
    assert.equal(await client.download("target_file.txt"), "ok");
    assert.deepEqual(repo.requests, ["2.root", "timestamp"]);
  });
});

describe("tuf-conformance: rollback", () => {
  test("new_timestamp_version_rollback", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    await repo.publish("timestamp");
    assert.equal(await client.refresh(), "ok");
    repo.restart("timestamp");
    await repo.publish("timestamp");
    assert.equal(await client.refresh(), "TUF_ROLLBACK");
    assert.equal(client.version("timestamp"), 2);
    assert.equal(repo.requests.at(-1), "timestamp");
  });

  for (const withHashes of [false, true]) {
    const id = withHashes ? "with hashes" : "basic";
    test(`snapshot_rollback[${id}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.hashesInMeta = withHashes;
      await repo.publish("snapshot", "timestamp");
      assert.equal(await client.refresh(), "ok");
      repo.restart("snapshot");
      await repo.publish("snapshot", "timestamp");
      assert.equal(await client.refresh(), "TUF_ROLLBACK");
      assert.deepEqual(client.versions(), { root: 1, snapshot: 2, targets: 1, timestamp: 2 });
      assert.equal(repo.requests.at(-1), "timestamp");
    });

    test(`targets_rollback[${id}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.hashesInMeta = withHashes;
      await repo.publish(...online);
      assert.equal(await client.refresh(), "ok");
      repo.restart("targets");
      await repo.publish(...online);
      assert.equal(await client.refresh(), "TUF_ROLLBACK");
      assert.deepEqual(client.versions(), { root: 1, snapshot: 2, targets: 2, timestamp: 3 });
    });
  }

  test("targets_role_removal", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.delegate("targets", "delegated", { paths: ["delegatedpath/*"] });
    await repo.publish("delegated", ...online);
    assert.equal(await client.refresh(), "ok");
    delete repo.at("snapshot", "meta")["delegated.json"];
    await repo.publish("snapshot", "timestamp");
    assert.equal(await client.refresh(), "TUF_ROLLBACK");
    assert.equal(client.version("snapshot"), 2);
  });

  test("targets_fast_forward_recovery", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.delegate("targets", "delegated");
    await repo.publish("delegated");
    for (let count = 0; count < 99; count++) await repo.publish("targets");
    await repo.publish("snapshot", "timestamp");
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("targets"), 100);
    repo.rotateKeys("snapshot");
    repo.restart("targets");
    delete repo.at("snapshot", "meta")["delegated.json"];
    await repo.publish("root", ...online);
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("targets"), 1);
  });

  test("new_snapshot_fast_forward_recovery", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    for (let count = 0; count < 99; count++) await repo.publish("snapshot");
    await repo.publish("timestamp");
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("snapshot"), 100);
    repo.rotateKeys("snapshot");
    repo.rotateKeys("timestamp");
    repo.restart("snapshot");
    await repo.publish("root", ...online);
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("snapshot"), 1);
  });

  test("new_timestamp_fast_forward_recovery", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    for (let count = 0; count < 99; count++) await repo.publish("timestamp");
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("timestamp"), 100);
    repo.rotateKeys("timestamp");
    repo.restart("timestamp");
    await repo.publish("root", "timestamp");
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("timestamp"), 1);
  });
});

describe("tuf-conformance: quoting", () => {
  for (const [role, encoded] of [
    ["?", "%3F"],
    ["#", "%23"],
    ["/delegatedrole", "%2Fdelegatedrole"],
    ["../delegatedrole", "..%2Fdelegatedrole"],
  ] as const) {
    test(`unusual_role_name[${role}]`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      repo.delegate("targets", role);
      await repo.publish(role, ...online);
      assert.equal(await client.download("nonexistent target"), "TUF_TARGET_UNKNOWN");
      assert.equal(repo.requests.at(-1), `1.${encoded}`);
      assert.equal(client.stored.size, 5);
    });
  }
});
