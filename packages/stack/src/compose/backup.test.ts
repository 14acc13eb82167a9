import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Bundle } from "@sigillum/library/bundle";
import { encodeUtf8, JsonObject, parseJson } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { signBlob } from "@sigillum/library/signing";
import { addRoot, loadRoot } from "@sigillum/library/trust-store";
import { lockName } from "@sigillum/library/tuf-place";
import { verifyBundle } from "@sigillum/library/verification";
import { silentLogger } from "../host/index.ts";
import { copyTree } from "./backup.ts";
import { backupStack, callStack, restoreStack, type Stack, startStack } from "./index.ts";

const made: string[] = [];
const scratch = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-backup-"));
  made.push(directory);
  return directory;
};
after(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

const start = (dataDirectory: string, values = {}): Promise<Stack> =>
  startStack({ dataDirectory, logger: silentLogger, initialise: { ports: "free", values } });

/** Sign as a client does that knows nothing but its trust root, refreshed now. */
async function signWith(stack: Stack, store: string, which: "v1" | "v2", text: string): Promise<Bundle> {
  const target = which === "v1" ? "signing_config.v0.2.json" : "signing_config_rekor_v2.v0.2.json";
  const { trustedRoot, signingConfig } = await loadRoot({
    name: "here",
    store,
    nowMs: Date.now(),
    signingConfigTarget: target,
  });
  assert.ok(signingConfig !== undefined);
  const token = await stack.developmentToken();
  return signBlob({ token, trust: { trustedRoot, signingConfig }, nowMs: Date.now(), artifact: { bytes: encodeUtf8(text) } });
}

async function verifyWith(stack: Stack, store: string, bundle: Bundle, text: string): Promise<void> {
  const { trustedRoot } = await loadRoot({ name: "here", store, nowMs: Date.now() });
  const expectations = { identity: { san: "dev@example.com", issuer: stack.urls.identity ?? "" } };
  assert.equal(verifyBundle({ bundle, artifact: { bytes: encodeUtf8(text) }, trustedRoot, expectations }).logEntries.length, 1);
}

async function differences(dataDirectory: string, log: string): Promise<number[]> {
  const reports = await callStack(dataDirectory, `${log}.fsck`, null);
  return (Array.isArray(reports) ? reports : []).map((report) =>
    JsonObject.from(report, "report").safeInteger("differenceCount"),
  );
}

const indexOf = (bundle: Bundle): number => bundle.tlogEntries[0]?.logIndex ?? -1;

describe("backup and restore", () => {
  it("are made under load, refuse to be served, and go on in new shards with nothing forked and no index given twice", async () => {
    const [directory, store] = [await scratch(), await scratch()];
    const [data, backup, restored] = [join(directory, "data"), join(directory, "backup"), join(directory, "restored")];
    let stack = await start(data);
    let bundles: { text: string; bundle: Bundle }[] = [];
    let lost: Bundle;
    try {
      await addRoot({ url: stack.urls.tuf ?? "", name: "here", store, nowMs: Date.now() });
      for (const which of ["v1", "v2"] as const)
        bundles.push({ text: which, bundle: await signWith(stack, store, which, which) });
      let loading = true;
      const load = (async (): Promise<void> => {
        for (let count = 0; loading; count += 1) await signWith(stack, store, "v1", `load ${count}`);
      })();
      const { trees } = await backupStack({ dataDirectory: data, to: backup, nowMs: Date.now() });
      loading = false;
      await load;
      assert.equal(trees.length, 3);
      assert.ok(trees.every(({ size, origin }) => size >= 1 && origin !== ""));
      for (const name of await readdir(backup)) assert.equal((await stat(join(backup, name))).mode & 0o077, 0, name);
      lost = await signWith(stack, store, "v1", "after the backup");
      // A rotation that began after the backup: the published root has a version that the backup does not know of.
      await callStack(data, "log-v1.rotate", null);
    } finally {
      await stack.stop();
    }
    const notServed = (error: { code?: string; message: string }): boolean => {
      assert.equal(error.code, "STACK_IS_BACKUP", error.message);
      assert.match(error.message, /"sigillum restore \S+ --data DIR" makes a data directory of it/);
      return true;
    };
    await assert.rejects(start(backup), notServed);
    await assert.rejects(backupStack({ dataDirectory: backup, to: join(directory, "x"), nowMs: Date.now() }), notServed);
    const code = (expected: string) => ({ code: expected });
    await assert.rejects(backupStack({ dataDirectory: data, to: backup, nowMs: Date.now() }), code("STACK_TARGET_NOT_EMPTY"));
    await assert.rejects(
      restoreStack({ backup: data, dataDirectory: restored, nowMs: Date.now() }),
      code("STACK_BACKUP_UNUSABLE"),
    );
    await assert.rejects(restoreStack({ backup, dataDirectory: data, nowMs: Date.now() }), code("STACK_TARGET_NOT_EMPTY"));
    const failed = join(directory, "failed");
    await assert.rejects(
      restoreStack({ backup, dataDirectory: failed, nowMs: Date.now(), published: ["no checkpoint"] }),
      code("STACK_CHECKPOINT_UNREADABLE"),
    );
    // What is half restored is no more served than the backup.
    await assert.rejects(start(failed), code("STACK_IS_BACKUP"));

    const published = [lost.tlogEntries[0]?.proof?.checkpoint ?? ""];
    const report = await restoreStack({ backup, dataDirectory: restored, nowMs: Date.now(), published });
    const v1 = report.shards.find(({ api }) => api === "v1");
    assert.ok(v1 !== undefined && v1.lost > 0);
    assert.deepEqual(
      report.shards.map(({ api, next }) => [api, /-2$/.test(next)]),
      [
        ["v1", true],
        ["v2", true],
        ["ct", true],
      ],
    );
    stack = await start(restored);
    try {
      // The client saw newer metadata than the backup has, and takes what is published now all the same.
      for (const { text, bundle } of bundles) await verifyWith(stack, store, bundle, text);
      await verifyWith(stack, store, lost, "after the backup");
      const found = async (index: number): Promise<number> =>
        (await request({ url: `${stack.urls["log-v1"]}/api/v1/log/entries?logIndex=${index}` })).status;
      assert.deepEqual([await found(v1.size - 1), await found(indexOf(lost)), await found(v1.size + v1.lost)], [200, 404, 200]);
      bundles = [];
      for (const which of ["v1", "v2"] as const) {
        const bundle = await signWith(stack, store, which, `${which} again`);
        await verifyWith(stack, store, bundle, `${which} again`);
        bundles.push({ text: which, bundle });
      }
      assert.ok(indexOf(bundles[0]?.bundle ?? lost) > indexOf(lost));
      assert.deepEqual(
        [await differences(restored, "log-v1"), await differences(restored, "log-v2")],
        [
          [0, 0],
          [0, 0],
        ],
      );
      const info = JsonObject.from(parseJson((await request({ url: `${stack.urls["log-v1"]}/api/v1/log` })).body), "info");
      assert.equal(info.objects("inactiveShards")[0]?.safeInteger("treeSize"), v1.size);
    } finally {
      await stack.stop();
    }
    // The new data directory is served again like any other.
    stack = await start(restored);
    await stack.stop();
  });

  it("leave the lock of a publication behind, which would hold up whoever restores them", async () => {
    const directory = await scratch();
    const [from, to] = [join(directory, "tuf"), join(directory, "copy")];
    await mkdir(from);
    for (const name of [lockName, `${lockName}.takeover`, "timestamp.json"]) await writeFile(join(from, name), "{}");
    await copyTree(from, to);
    assert.deepEqual(await readdir(to), ["timestamp.json"]);
  });

  it("an old copy of the data directory is refused by the checkpoints that were kept elsewhere", async () => {
    const directory = await scratch();
    const [data, store] = [join(directory, "data"), await scratch()];
    const values = { transparencyLog: { checkpointDirectory: join(directory, "elsewhere") } };
    let stack = await start(data, values);
    await addRoot({ url: stack.urls.tuf ?? "", name: "here", store, nowMs: Date.now() });
    await stack.stop();
    await cp(data, join(directory, "old"), { recursive: true });
    stack = await start(data, values);
    await signWith(stack, store, "v1", "newer");
    await stack.stop();
    assert.deepEqual((await readdir(join(directory, "elsewhere"))).length, 3);
    await rm(data, { recursive: true });
    await cp(join(directory, "old"), data, { recursive: true });
    await assert.rejects(start(data, values), (error: { code?: string; message: string }) => {
      assert.equal(error.code, "LOG_STATE_BEHIND_CHECKPOINT", error.message);
      assert.match(error.message, /would fork the log: put the newest data directory back, or .*sigillum restore BACKUP/);
      return true;
    });
    // A log with another history is refused as well.
    const [name = ""] = (await readdir(join(directory, "elsewhere"))).filter((file) => file.startsWith("v1-"));
    const path = join(directory, "elsewhere", name);
    const text = await readFile(path, "utf8");
    const [origin = "", , root = "", ...rest] = text.split("\n");
    await writeFile(path, [origin, "1", root, ...rest].join("\n"));
    await assert.rejects(start(data, values), { code: "LOG_ROOT_MISMATCH" });
  });
});
