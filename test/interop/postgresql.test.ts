// A whole stack whose logs are kept in PostgreSQL: Debian's server, our command line, and a crash of the database in between.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { postgresMissing, startTemporaryPostgres, type TemporaryPostgres } from "@sigillum/stack/storage";
import { blobSteps } from "./blob-steps.ts";
import { type Instance, startInstance } from "./instance.ts";

const program = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");

describe("a stack whose logs are in PostgreSQL", { timeout: 400_000 }, () => {
  const skip = postgresMissing() ?? false;
  let database: TemporaryPostgres;
  let instance: Instance;
  let data = "";

  before(async () => {
    if (skip !== false) return;
    database = await startTemporaryPostgres();
    const storage = { kind: "postgresql", postgresqlUrl: database.url };
    instance = await startInstance("signer@example.com", {}, { storage });
    data = join(instance.directory, "data");
  });
  after(async () => {
    await instance?.stop();
    await database?.close();
  });

  const { succeed, verify, signAndVerify } = blobSteps(() => instance);
  const entry = async (index: number): Promise<unknown> => {
    const reply = await fetch(`${instance.logUrl}/api/v1/log/entries?logIndex=${index}`);
    assert.equal(reply.status, 200, `entry ${index}`);
    const [found] = Object.values(
      (await reply.json()) as Record<string, { body: string; integratedTime: number; logID: string }>,
    );
    return [found?.body, found?.integratedTime, found?.logID];
  };

  it("signs and verifies, also after the database crashed and after a restart, and loses nothing", { skip }, async () => {
    await signAndVerify("before.txt");
    const first = await entry(1);
    await database.crashAndRestart();
    await signAndVerify("after.txt");
    const second = await entry(2);
    await instance.restart((text) => text.replace(/^logLevel: .*$/m, "logLevel: warn"));
    assert.deepEqual([await entry(1), await entry(2)], [first, second]);
    await verify("before.txt");
    await signAndVerify("restarted.txt");
    const checked = await succeed("log", "fsck", "--data", data);
    assert.doesNotMatch(checked, /differ(?!ences? *:? *(?:0|none))/i, checked);
  });

  it("is backed up while it runs, and not restored over its own logs", { skip }, async () => {
    const copy = join(instance.directory, "copy");
    assert.match(await succeed("backup", copy, "--data", data), /log +localhost\S* - \d+, \d+ entries/);
    const { exit, stderr } = await instance.sigillum("restore", copy, "--data", join(instance.directory, "restored"));
    assert.notEqual(exit, 0);
    assert.match(stderr, /STACK_TARGET_NOT_EMPTY/);
    await signAndVerify("after-backup.txt");
  });

  it("does not begin its logs anew when it is told to use files", { skip }, async () => {
    await assert.rejects(instance.restart((text) => text.replace("kind: postgresql", "kind: files")));
    const path = join(data, "sigillum.yaml");
    const said = await new Promise<string>((resolve) => {
      const child = spawn(process.execPath, [program, "serve", "--data", data], { stdio: ["ignore", "pipe", "pipe"] });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part: string) => (text += part));
      child.once("close", (code) => resolve(`${code}: ${text}`));
    });
    assert.match(said, /LOG_STATE_BEHIND_CHECKPOINT/);
    await writeFile(path, (await readFile(path, "utf8")).replace("kind: files", "kind: postgresql"));
    await instance.restart((text) => text.replace(/^logLevel: .*$/m, "logLevel: info"));
    await signAndVerify("again.txt");
  });
});
