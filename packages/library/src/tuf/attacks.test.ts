// The attacks that TUF is made against, each refused with a code of its own, and the faults found in other clients (tuf-root.md §5).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeUtf8, isSigillumError, parseUtf8 } from "../encoding/index.ts";
import { generateSigner, SimulatedTufClient, TufSimulator, tufNowMs } from "../testing/index.ts";
import { encodeTufKey, findTarget, memoryStore, parseTargets, refresh } from "./index.ts";

const dayMs = 86_400_000;
const online = ["targets", "snapshot", "timestamp"];

describe("attacks", () => {
  const attacks: Readonly<Record<string, (repo: TufSimulator, client: SimulatedTufClient) => Promise<string>>> = {
    "rollback TUF_ROLLBACK": async (repo, client) => {
      await repo.publish(...online);
      assert.equal(await client.refresh(), "ok");
      for (const role of online) repo.restart(role);
      await repo.publish(...online);
      return client.refresh();
    },
    "freeze TUF_EXPIRED": async (_, client) => {
      assert.equal(await client.refresh(), "ok");
      return client.refresh(tufNowMs + 31 * dayMs);
    },
    "mix and match TUF_VERSION": async (repo, client) => {
      await repo.publish(...online);
      const [old, newer] = repo.published.get("targets") ?? [];
      assert.ok(old && newer);
      repo.published.set("targets", [newer, old]);
      return client.refresh();
    },
    "mix and match, with hashes TUF_HASH": async (repo, client) => {
      repo.hashesInMeta = true;
      await repo.publish(...online);
      repo.tamper("targets", (file) => {
        file.signatures.reverse();
        file.signed = Object.fromEntries(Object.entries(file.signed).reverse());
      });
      return client.refresh();
    },
    "endless data TUF_ENDLESS_DATA": async (repo, client) => {
      repo.published.set("timestamp", [encodeUtf8(`${parseUtf8(repo.newest("timestamp"))}${" ".repeat(20_000)}`)]);
      return client.refresh();
    },
    "endless target TUF_ENDLESS_DATA": async (repo, client) => {
      repo.addTarget("targets", "file", "text");
      await repo.publish(...online);
      repo.artifacts.set("file", encodeUtf8("text and more"));
      return client.download("file");
    },
    "a target cut short TUF_LENGTH": async (repo, client) => {
      repo.addTarget("targets", "file", "text");
      await repo.publish(...online);
      repo.artifacts.set("file", encodeUtf8("tex"));
      return client.download("file");
    },
    "an empty target is a target, of no more than nothing TUF_ENDLESS_DATA": async (repo, client) => {
      repo.addTarget("targets", "empty", "");
      await repo.publish(...online);
      assert.equal(await client.download("empty"), "ok");
      client.downloads.clear();
      repo.artifacts.set("empty", encodeUtf8("x"));
      return client.download("empty");
    },
    "too few signatures TUF_THRESHOLD": async (repo, client) => {
      repo.setKeys("targets", [generateSigner(), generateSigner()], 2);
      repo.signersOf("targets").pop();
      await repo.publish("root", ...online);
      return client.refresh();
    },
    "a key listed twice TUF_KEY_REPEATED": async (repo, client) => {
      const { keyids } = repo.at("root", "roles", "targets");
      assert.ok(Array.isArray(keyids));
      keyids.push(keyids[0] ?? "");
      await repo.publish("root");
      return client.refresh();
    },
    "a key that signs twice TUF_SIGNATURE_REPEATED": async (repo, client) => {
      repo.tamper("targets", ({ signatures }) => signatures.push(...signatures));
      return client.refresh();
    },
    "one key under two ids TUF_THRESHOLD": async (repo, client) => {
      const [signer] = repo.signersOf("targets");
      assert.ok(signer);
      const alias = repo.addKey("targets", signer, { ...encodeTufKey(signer.publicKey), alias: 1 });
      repo.at("root", "roles", "targets")["threshold"] = 2;
      repo.signersOf("targets").pop();
      await repo.publish("root", ...online);
      repo.tamper("targets", ({ signatures, signed }) => {
        assert.ok(signed);
        signatures.push({ keyid: alias, sig: signatures[0]?.sig ?? "" });
      });
      return client.refresh();
    },
    "a stolen key after its revocation TUF_THRESHOLD": async (repo, client) => {
      const stolen = [...repo.signersOf("timestamp")];
      repo.rotateKeys("timestamp");
      await repo.publish("root", "timestamp");
      assert.equal(await client.refresh(), "ok");
      repo.signers.set("timestamp", stolen);
      await repo.publish("timestamp");
      return client.refresh();
    },
    "another role's metadata TUF_WRONG_ROLE": async (repo, client) => {
      repo.published.set("timestamp", [repo.newest("snapshot")]);
      return client.refresh();
    },
    "a missing file TUF_FILE_MISSING": async (repo, client) => {
      repo.published.delete("snapshot");
      return client.refresh();
    },
  };
  for (const [name, attack] of Object.entries(attacks)) {
    const code = name.slice(name.lastIndexOf(" ") + 1);
    test(`${name.slice(0, -code.length - 1)} is ${code}`, async () => {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      const before = client.stored.get("root");
      assert.equal(await attack(repo, client), code);
      assert.ok(before && (client.version("root") ?? 0) >= 1, "what was trusted stays");
    });
  }

  test("an endless next root is refused, and the one that was trusted stays", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    await repo.publish("root");
    repo.published.get("root")?.splice(1, 1, new Uint8Array(600_000).fill(0x20));
    assert.equal(await client.refresh(), "TUF_ENDLESS_DATA");
    assert.equal(client.version("root"), 1);
  });

  test("compromise and recovery: versions raised without bound are forgotten with the stolen keys, though one key stays", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.doc("timestamp")["version"] = 2 ** 52;
    await repo.publish("timestamp");
    assert.equal(await client.refresh(), "ok");
    // A second key joins the first: the old timestamp still verifies, and is forgotten all the same (§5.3.11).
    repo.addKey("timestamp");
    repo.restart("timestamp");
    await repo.publish("root", "timestamp");
    assert.equal(await client.refresh(), "ok");
    assert.equal(client.version("timestamp"), 1);
  });

  test("a raised threshold forgets a local file that does not meet it", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    const other = generateSigner();
    repo.setKeys("timestamp", [...repo.signersOf("timestamp"), other], 1);
    repo.signersOf("timestamp").pop();
    await repo.publish("root", "timestamp");
    assert.equal(await client.refresh(), "ok");
    repo.at("root", "roles", "timestamp")["threshold"] = 2;
    await repo.publish("root");
    // The same timestamp again: under the new root it is signed by too few.
    assert.equal(await client.refresh(), "TUF_THRESHOLD");
    repo.signersOf("timestamp").push(other);
    await repo.publish("timestamp");
    assert.equal(await client.refresh(), "ok");
  });
});

describe("faults of other clients", () => {
  const names = ["constructor", "__proto__", "toString", "hasOwnProperty", "10"];

  test("1: names of JavaScript's objects are names like others", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    for (const name of names) assert.equal(await client.download(name), "TUF_TARGET_UNKNOWN", name);
    for (const name of names) if (name !== "__proto__") repo.addTarget("targets", name, `the file ${name}`);
    await repo.publish(...online);
    for (const name of names) if (name !== "__proto__") assert.equal(await client.download(name), "ok", name);
  });

  test("2 and 3: what is signed is what was received, integer-like and prototype-like names included", async () => {
    const repo = await TufSimulator.create();
    repo.doc("targets")["x"] = { "10": 1, "9": 2, constructor: 3, b: [], a: { toString: null } };
    await repo.publish(...online);
    const client = new SimulatedTufClient(repo);
    assert.equal(await client.refresh(), "ok");
    repo.tamper("targets", (file) => (file.signed["x"] = { "10": 1, "9": 3 }));
    assert.equal(await new SimulatedTufClient(repo).refresh(), "TUF_THRESHOLD");
  });

  test("5: versions, lengths and thresholds that are no whole numbers in their range are refused", async () => {
    for (const version of [0, -1, 1.5, 2 ** 53, "1", null, true]) {
      const repo = await TufSimulator.create();
      repo.tamper("timestamp", (file) => (file.signed["version"] = version));
      assert.equal(await new SimulatedTufClient(repo).refresh(), "TUF_MALFORMED", String(version));
    }
    const huge = encodeUtf8('{"signatures":[],"signed":{"_type":"targets","spec_version":"1.0","version":1e400}}');
    assert.throws(
      () => parseTargets(huge),
      (error) => isSigillumError(error) && error.code === "TUF_MALFORMED",
    );
  });

  test("7: a local file that was cut is no error, and no protection is lost by it", async () => {
    for (const role of ["timestamp", "snapshot", "targets"]) {
      const repo = await TufSimulator.create();
      const client = new SimulatedTufClient(repo);
      await client.refresh();
      client.stored.set(role, (client.stored.get(role) ?? new Uint8Array()).subarray(0, 40));
      assert.equal(await client.refresh(), "ok", role);
      assert.deepEqual(client.stored.get(role), repo.newest(role));
    }
  });

  test("8: what is stored of a role with signs in its name is found again", async () => {
    const repo = await TufSimulator.create();
    const client = new SimulatedTufClient(repo);
    repo.delegate("targets", "../team (a)");
    repo.addTarget("../team (a)", "file", "text");
    await repo.publish("../team (a)", ...online);
    assert.equal(await client.download("file"), "ok");
    repo.requests.length = 0;
    assert.equal(await client.download("file"), "ok");
    assert.deepEqual(repo.requests, ["2.root", "timestamp"]);
  });

  test("9: an expiry that is no time is refused, not taken for never", async () => {
    const repo = await TufSimulator.create();
    repo.doc("timestamp")["expires"] = "never";
    await repo.publish("timestamp");
    assert.equal(await new SimulatedTufClient(repo).refresh(), "TUF_MALFORMED");
  });

  test("10: a delegated role without a line in the snapshot is a refusal with its name", async () => {
    const repo = await TufSimulator.create();
    repo.delegate("targets", "unlisted");
    await repo.publish(...online);
    const store = memoryStore(repo.newest("root"));
    const trusted = await refresh(repo.fetch, store, tufNowMs);
    await assert.rejects(
      findTarget(trusted, "file", repo.fetch, store),
      (error) => isSigillumError(error) && error.code === "TUF_ROLE_UNLISTED" && error.message.includes('"unlisted"'),
    );
  });
});

describe("mutations", () => {
  test("no change of a byte of any file makes a client trust something else, and nothing but our errors is thrown", async () => {
    const repo = await TufSimulator.create();
    repo.delegate("targets", "team", { paths: ["team/*"] });
    repo.addTarget("team", "team/file", "text");
    await repo.publish("team", ...online);
    const honest = await trustedBytes(repo);
    const roles = fc.constantFrom("timestamp", "snapshot", "targets", "team");
    await fc.assert(
      fc.asyncProperty(roles, fc.nat(), fc.integer({ min: 1, max: 255 }), async (role, at, flip) => {
        const files = repo.published.get(role) ?? [];
        const original = repo.newest(role);
        const index = at % original.length;
        files[files.length - 1] = original.with(index, (original[index] ?? 0) ^ flip);
        try {
          assert.deepEqual(await trustedBytes(repo), honest);
        } catch (error) {
          assert.ok(isSigillumError(error), String(error));
        } finally {
          files[files.length - 1] = original;
        }
      }),
      { numRuns: 300 },
    );
  });
});

async function trustedBytes(repo: TufSimulator): Promise<unknown> {
  const store = memoryStore(repo.published.get("root")?.[0] ?? new Uint8Array());
  const trusted = await refresh(repo.fetch, store, tufNowMs);
  const found = await findTarget(trusted, "team/file", repo.fetch, store);
  return [trusted.timestamp, trusted.snapshot, trusted.targets]
    .map((file) => file?.signedBytes)
    .concat(trusted.delegated(found.role)?.signedBytes);
}
