import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseSignedNote, parseVerifierKey, verifyCheckpoint, verifyCosignature } from "@sigillum/library/checkpoint";
import { JsonObject, parseUtf8 } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { silentLogger } from "../host/index.ts";
import { parseSettings } from "../settings/index.ts";
import { callStack, type Stack, startStack } from "./index.ts";
import { mlDsaKeyFile, openMlDsaSigners } from "./ml-dsa-key.ts";

describe("log v2 with a key of ML-DSA-44", () => {
  let directory = "";
  let dataDirectory = "";
  let stack: Stack;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-ml-dsa-"));
    dataDirectory = join(directory, "data");
    const values = { transparencyLog: { mlDsaV2: true, overlapHours: 0 }, trust: { cacheWindowHours: 0 } };
    stack = await startStack({ dataDirectory, initialise: { ports: "free", values }, logger: silentLogger });
  });
  after(async () => {
    await stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const shard = async (): Promise<JsonObject> => {
    const [first] = JsonObject.from({ list: await callStack(dataDirectory, "log-v2.shards", null) }, "shards").objects("list");
    assert.ok(first !== undefined);
    return first;
  };
  const checkpoint = async (): Promise<string> => parseUtf8((await request({ url: `${stack.urls["log-v2"]}/checkpoint` })).body);

  it("signs every checkpoint with both keys, and tells both to whoever verifies", async () => {
    const note = await checkpoint();
    assert.equal(parseSignedNote(note).signatures.length, 2);
    const listed = await shard();
    const [own, further] = listed.strings("verifierKeys").map(parseVerifierKey);
    assert.ok(own !== undefined && further !== undefined);
    assert.equal(verifyCheckpoint(note, own).treeSize, 1);
    assert.equal(further.publicKey.type, "ml-dsa-44");
    assert.equal(verifyCosignature(note, further).checkpoint.treeSize, 1);
    assert.throws(() => verifyCosignature(note.replace("\n1\n", "\n2\n"), further), { code: "COSIGNATURE_INVALID" });
  });

  it("keeps the key in a file of its owner's, and goes on with it after a restart", async () => {
    const [record] = stack.keyring.shards("v2");
    assert.ok(record !== undefined);
    const path = mlDsaKeyFile({ dataDirectory }, record);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const before = (await shard()).strings("verifierKeys")[1];
    await stack.stop();
    stack = await startStack({ dataDirectory, logger: silentLogger });
    assert.equal((await shard()).strings("verifierKeys")[1], before);
    await writeFile(path, (await readFile(path, "utf8")).slice(0, 200));
    await stack.stop();
    await assert.rejects(startStack({ dataDirectory, logger: silentLogger }), { kind: "malformed" });
    await rm(path);
    stack = await startStack({ dataDirectory, logger: silentLogger });
    assert.notEqual((await shard()).strings("verifierKeys")[1], before);
  });

  it("STACK_ML_DSA_MISSING: a platform without the algorithm, whose Node is named with the one that is needed", async () => {
    const settings = { ...parseSettings("transparencyLog: {mlDsaV2: true}", join(directory, "other")) };
    const [record] = stack.keyring.shards("v2");
    assert.ok(record !== undefined);
    const lacking = (): Uint8Array => {
      throw new TypeError("The argument 'type' must be a supported key type");
    };
    await assert.rejects(openMlDsaSigners(settings, record, lacking), {
      code: "STACK_ML_DSA_MISSING",
      expected: "Node 24.7 or newer with OpenSSL 3.5, or transparencyLog.mlDsaV2: false",
    });
    assert.deepEqual(await openMlDsaSigners(settings, { ...record, state: "sealed" }, lacking), []);
    assert.deepEqual(await openMlDsaSigners(parseSettings("", dataDirectory), record, lacking), []);
  });
});
