// A whole stack whose logs are in PostgreSQL and an S3 bucket, which is PyPI's moto: through a restart and a time without the bucket.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openBucket } from "@sigillum/library/aws";
import {
  postgresMissing,
  startTemporaryMoto,
  startTemporaryPostgres,
  type TemporaryMoto,
  type TemporaryPostgres,
} from "@sigillum/stack/storage";
import { findPeer } from "../../tools/peers-list.mjs";
import { blobSteps } from "./blob-steps.ts";
import { type Instance, startInstance } from "./instance.ts";

const peer = findPeer("moto");
const skip = peer.path === undefined ? `SKIPPED: ${peer.missing ?? "moto is not here"}` : (postgresMissing() ?? false);
describe("a stack whose logs are in PostgreSQL and S3", { skip, timeout: 400_000 }, () => {
  let moto: TemporaryMoto;
  let database: TemporaryPostgres;
  let instance: Instance;

  before(async () => {
    [moto, database] = await Promise.all([startTemporaryMoto(peer.path ?? "", "logs"), startTemporaryPostgres()]);
    const storage = { kind: "postgresql", postgresqlUrl: database.url, objects: "s3", bucket: "s3://logs/stack" };
    instance = await startInstance("signer@example.com", {}, { storage }, moto.environment);
  });
  after(async () => {
    await instance?.stop();
    await Promise.all([database?.close(), moto?.close()]);
  });

  const { succeed, verify, signAndVerify } = blobSteps(
    () => instance,
    () => moto.environment,
  );

  it("signs and verifies, also after a restart, with no tile in the data directory", async () => {
    await signAndVerify("before.txt");
    await instance.restart((text) => text.replace(/^logLevel: .*$/m, "logLevel: warn"));
    await verify("before.txt");
    await signAndVerify("after.txt");
    assert.match(await succeed("log", "fsck", "--data", "data"), /everything is as it was recorded/);
    const kept = (await readdir(join(instance.directory, "data"), { recursive: true })).filter((name) =>
      /(?:^|\/)(?:tile|checkpoint)$/.test(name),
    );
    assert.deepEqual(kept, []);
    for (const path of ["v1", "v2", "ct"]) {
      const year = new Date().getUTCFullYear();
      const checkpoint = await openBucket(`s3://logs/stack/${path}-${year}-1`, moto.environment).get("checkpoint");
      assert.match(Buffer.from(checkpoint ?? []).toString(), /^localhost/);
    }
  });

  it("keeps what it acknowledges while the bucket does not answer, and brings it there afterwards", async () => {
    await moto.pause();
    await signAndVerify("without.txt");
    moto.resume();
    await signAndVerify("with.txt");
    await instance.restart((text) => text.replace(/^logLevel: .*$/m, "logLevel: info"));
    for (const name of ["without.txt", "with.txt"]) await verify(name);
    assert.match(await succeed("log", "fsck", "--data", "data"), /everything is as it was recorded/);
  });

  it("is not backed up, since nobody copies the bucket", async () => {
    const { exit, stderr } = await instance.sigillumWith(moto.environment, "backup", "copy", "--data", "data");
    assert.notEqual(exit, 0);
    assert.match(stderr, /STACK_NOT_IN_FILES/);
  });
});
