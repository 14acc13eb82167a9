// A whole stack whose logs are in PostgreSQL and an S3 bucket, which is PyPI's moto: through a restart and a time without the bucket.
import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
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

  const succeed = async (...args: string[]): Promise<string> => {
    const { exit, stdout, stderr } = await instance.sigillumWith(moto.environment, ...args);
    assert.equal(exit, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
    return stdout;
  };
  const verify = (name: string): Promise<string> =>
    succeed(
      ...["verify-blob", name, "--bundle", `${name}.json`, "--certificate-identity", instance.identity],
      ...["--certificate-oidc-issuer", instance.issuer],
    );
  const signAndVerify = async (name: string): Promise<void> => {
    await writeFile(join(instance.directory, name), `the contents of ${name}\n`);
    await succeed("sign-blob", name, "--bundle", `${name}.json`, "--identity-token", await instance.token(), "--yes");
    await verify(name);
  };

  it("signs and verifies, also after a restart, with no tile in the data directory", async () => {
    await signAndVerify("before.txt");
    await instance.restart((text) => text.replace(/^logLevel: .*$/m, "logLevel: warn"));
    await verify("before.txt");
    await signAndVerify("after.txt");
    assert.doesNotMatch(await succeed("log", "fsck", "--data", "data"), /differ(?!ences? *:? *(?:0|none))/i);
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
    assert.doesNotMatch(await succeed("log", "fsck", "--data", "data"), /differ(?!ences? *:? *(?:0|none))/i);
  });

  it("is not backed up, since nobody copies the bucket", async () => {
    const { exit, stderr } = await instance.sigillumWith(moto.environment, "backup", "copy", "--data", "data");
    assert.notEqual(exit, 0);
    assert.match(stderr, /STACK_NOT_IN_FILES/);
  });
});
