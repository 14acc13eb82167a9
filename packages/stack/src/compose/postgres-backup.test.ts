import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Bundle } from "@sigillum/library/bundle";
import { encodeUtf8, JsonObject } from "@sigillum/library/encoding";
import { signBlob } from "@sigillum/library/signing";
import { addRoot, loadRoot } from "@sigillum/library/trust-store";
import { verifyBundle } from "@sigillum/library/verification";
import { silentLogger } from "../host/index.ts";
import { postgresMissing, startTemporaryPostgres, type TemporaryPostgres } from "../storage/index.ts";
import { backupStack, callStack, restoreStack, type Stack, startStack } from "./index.ts";

const skip = postgresMissing() ?? false;

describe("backup and restore of logs in PostgreSQL", { skip }, () => {
  let directory = "";
  let store = "";
  let data = "";
  let backup = "";
  let database: TemporaryPostgres;
  let lost: Bundle;
  const bundles: { text: string; bundle: Bundle }[] = [];

  const at = (name: string): string => join(directory, name);
  const start = (dataDirectory: string): Promise<Stack> => startStack({ dataDirectory, logger: silentLogger });
  const sign = async (stack: Stack, which: "v1" | "v2", text: string, home = store): Promise<Bundle> => {
    const signingConfigTarget = which === "v1" ? "signing_config.v0.2.json" : "signing_config_rekor_v2.v0.2.json";
    const { trustedRoot, signingConfig } = await loadRoot({ name: "here", store: home, nowMs: Date.now(), signingConfigTarget });
    assert.ok(signingConfig !== undefined);
    const token = await stack.developmentToken();
    return signBlob({ token, trust: { trustedRoot, signingConfig }, nowMs: Date.now(), artifact: { bytes: encodeUtf8(text) } });
  };
  /** What was signed before verifies, the logs are clean and take entries in shards of their own. */
  const requireWhole = async (dataDirectory: string): Promise<void> => {
    // Each restored stack has next keys of its own: a client follows one of them.
    const home = `${dataDirectory}-client`;
    await cp(store, home, { recursive: true });
    const stack = await start(dataDirectory);
    try {
      const { trustedRoot } = await loadRoot({ name: "here", store: home, nowMs: Date.now() });
      const expectations = { identity: { san: "dev@example.com", issuer: stack.urls.identity ?? "" } };
      for (const { text, bundle } of bundles)
        assert.equal(
          verifyBundle({ bundle, artifact: { bytes: encodeUtf8(text) }, trustedRoot, expectations }).logEntries.length,
          1,
        );
      for (const log of ["log-v1", "log-v2"]) {
        const reports = await callStack(dataDirectory, `${log}.fsck`, null);
        assert.ok(Array.isArray(reports) && reports.length === 2);
        for (const report of reports) assert.equal(JsonObject.from(report, "report").safeInteger("differenceCount"), 0);
      }
      const next = await sign(stack, "v1", "after the restore", home);
      assert.ok((next.tlogEntries[0]?.logIndex ?? 0) > (lost.tlogEntries[0]?.logIndex ?? 0));
    } finally {
      await stack.stop();
    }
  };
  /** A copy of the backup whose settings are edited, as a person does it. */
  const edited = async (name: string, edit: (text: string) => string): Promise<string> => {
    await cp(backup, at(name), { recursive: true });
    const path = join(at(name), "sigillum.yaml");
    const text = await readFile(path, "utf8");
    assert.notEqual(edit(text), text);
    await writeFile(path, edit(text));
    return at(name);
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-postgres-backup-"));
    [store, data, backup] = [at("store"), at("data"), at("backup")];
    database = await startTemporaryPostgres();
    const storage = { kind: "postgresql", postgresqlUrl: database.url };
    const stack = await startStack({
      dataDirectory: data,
      logger: silentLogger,
      initialise: { ports: "free", values: { storage } },
    });
    try {
      await addRoot({ url: stack.urls.tuf ?? "", name: "here", store, nowMs: Date.now() });
      for (const which of ["v1", "v2"] as const) bundles.push({ text: which, bundle: await sign(stack, which, which) });
      let loading = true;
      const load = (async (): Promise<void> => {
        for (let count = 0; loading; count += 1) await sign(stack, "v1", `load ${count}`);
      })();
      const { trees } = await backupStack({ dataDirectory: data, to: backup, nowMs: Date.now() });
      loading = false;
      await load;
      assert.deepEqual(
        trees.map(({ path }) => path).sort(),
        ["logs/ct-2026-1/tree", "logs/v1-2026-1", "logs/v2-2026-1"].map((path) =>
          path.replace("2026", String(new Date().getUTCFullYear())),
        ),
      );
      assert.ok(trees.every(({ size, origin }) => size >= 1 && origin !== ""));
      lost = await sign(stack, "v1", "after the backup");
    } finally {
      await stack.stop();
    }
  });
  after(async () => {
    await database?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const restore = (from: string, name: string, published = [lost.tlogEntries[0]?.proof?.checkpoint ?? ""]) =>
    restoreStack({ backup: from, dataDirectory: at(name), nowMs: Date.now(), published });

  it("stand in files in the backup, whatever they were kept in", async () => {
    const [folder = ""] = (await readdir(join(backup, "logs"))).filter((name) => name.startsWith("v1-"));
    const names = await readdir(join(backup, "logs", folder));
    for (const name of ["checkpoint", "state", "wal"]) assert.ok(names.includes(name), names.join(", "));
  });

  it("are refused into a database that has logs, which stay as they are", async () => {
    await assert.rejects(restore(backup, "same"), (error: { code?: string; message: string }) => {
      assert.equal(error.code, "STACK_TARGET_NOT_EMPTY");
      assert.match(error.message, /sigillum_v1_.*drop these schemas/s);
      return true;
    });
    await assert.rejects(start(at("same")), { code: "STACK_IS_BACKUP" });
    const stack = await start(data);
    assert.ok((await sign(stack, "v1", "the first goes on")).tlogEntries.length === 1);
    await stack.stop();
  });

  it("are restored into another database, also after an attempt that failed half way, and go on in new shards", async () => {
    const url = await database.createDatabase("restored");
    const from = await edited("for-another", (text) => text.replace(database.url, url));
    await assert.rejects(restore(from, "failed", ["no checkpoint"]), { code: "STACK_CHECKPOINT_UNREADABLE" });
    await assert.rejects(start(at("failed")), { code: "STACK_IS_BACKUP" });
    const { shards } = await restore(from, "restored");
    assert.deepEqual(
      shards.map(({ api, next }) => [api, /-2$/.test(next)]),
      [
        ["v1", true],
        ["v2", true],
        ["ct", true],
      ],
    );
    assert.ok((shards[0]?.lost ?? 0) > 0);
    // Nothing of a journal is left in files, where somebody could take it for the log.
    const [folder = ""] = (await readdir(join(at("restored"), "logs"))).filter((name) => /^v1-.*-1$/.test(name));
    const names = await readdir(join(at("restored"), "logs", folder));
    assert.ok(!names.includes("wal") && !names.includes("state"), names.join(", "));
    await requireWhole(at("restored"));
    // Once it is whole, it is as any other stack.
    await assert.rejects(restore(from, "again"), { code: "STACK_TARGET_NOT_EMPTY" });
  });

  it("are restored into files, when the settings in the backup say so", async () => {
    const from = await edited("for-files", (text) => text.replace("kind: postgresql", "kind: files"));
    await restore(from, "files");
    await requireWhole(at("files"));
  });

  it("are not backed up, nor restored, where the database does not answer: nothing that looks finished is left", async () => {
    const unreachable = (text: string): string => text.replace(database.url, "postgresql://nobody@127.0.0.1:1/none");
    const from = await edited("for-nobody", unreachable);
    await assert.rejects(restore(from, "nobody"), { code: "STORAGE_READ_FAILED" });
    await assert.rejects(start(at("nobody")), { code: "STACK_IS_BACKUP" });
    const path = join(data, "sigillum.yaml");
    await writeFile(path, unreachable(await readFile(path, "utf8")));
    await assert.rejects(backupStack({ dataDirectory: data, to: at("unfinished"), nowMs: Date.now() }), {
      code: "STORAGE_READ_FAILED",
    });
    await assert.rejects(restore(at("unfinished"), "x"), { code: "STACK_BACKUP_UNUSABLE" });
  });
});
