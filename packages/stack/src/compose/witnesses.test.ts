import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { noteKey, parseSignedNote, parseVerifierKey, verifyCosignature } from "@sigillum/library/checkpoint";
import { createSigner } from "@sigillum/library/crypto";
import { concatBytes, encodeHex, JsonObject, parseBase64, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { silentLogger } from "../host/index.ts";
import { WitnessDouble } from "../witnesses/index.ts";
import { callStack, initialiseStack, type Stack, startStack } from "./index.ts";

describe("a stack with a witness", () => {
  let directory = "";
  let dataDirectory = "";
  let stack: Stack;
  let witness: WitnessDouble;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-witnessed-"));
    dataDirectory = join(directory, "data");
    const { privateKey } = generateKeyPairSync("ed25519");
    const signer = createSigner(new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" })));
    witness = new WitnessDouble("w.example/1", signer);
    const witnesses = [{ url: await witness.listen(), verifierKey: witness.verifierKey, logs: ["v1", "v2"] }];
    const values = { transparencyLog: { witnesses, witnessQuorum: 1, witnessWaitMilliseconds: 20_000 } };
    const { keyring } = await initialiseStack({ dataDirectory, initialise: { ports: "free", values } });
    for (const api of ["v1", "v2"] as const)
      for (const { origin, checkpointName, key } of keyring.shards(api))
        witness.trust(origin, noteKey(checkpointName, keyring.signer(key).publicKey));
    stack = await startStack({ dataDirectory, logger: silentLogger });
  });
  after(async () => {
    await stack?.stop();
    await witness?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const text = async (url: string): Promise<string> => parseUtf8((await request({ url })).body);
  const cosigner = () => parseVerifierKey(witness.verifierKey);
  const shardsOf = async (api: string): Promise<JsonObject | undefined> => {
    const list = await callStack(dataDirectory, `log-${api}.shards`, null);
    return JsonObject.from({ list }, "shards").objects("list")[0];
  };

  it("publishes checkpoints of log v2 with its line, and tells witnesses the key to know it by", async () => {
    const url = `${stack.urls["log-v2"]}`;
    for (const path of ["/checkpoint", "/api/v2/checkpoint"])
      assert.equal(verifyCosignature(await text(`${url}${path}`), cosigner()).checkpoint.treeSize, 1);
    const shard = await shardsOf("v2");
    const [named] = stack.keyring.shards("v2");
    assert.deepEqual(parseVerifierKey(shard?.strings("verifierKeys")[0] ?? "").keyId, named?.logId);
    assert.equal(shard?.object("witnesses").safeInteger("cosignatures"), 1);
  });

  it("adds its line to the tiles of log v1 alone: what the API answers keeps one line, which Go's clients demand", async () => {
    const url = `${stack.urls["log-v1"]}`;
    const info = JsonObject.from(parseJson(await text(`${url}/api/v1/log`)), "info");
    const tiles = `${url}/tlog/v1/${info.string("treeID")}/checkpoint`;
    while (parseSignedNote(await text(tiles)).signatures.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(verifyCosignature(await text(tiles), cosigner()).checkpoint.treeSize, 1);
    assert.equal(parseSignedNote(info.string("signedTreeHead")).signatures.length, 1);
    const entry = await text(`${url}/api/v1/log/entries?logIndex=0`);
    const [only] = JsonObject.from(parseJson(entry), "entry").names();
    const proof = JsonObject.from(parseJson(entry), "entry")
      .object(only ?? "")
      .object("verification")
      .object("inclusionProof");
    assert.equal(parseSignedNote(proof.string("checkpoint")).signatures.length, 1);
    const shard = await shardsOf("v1");
    assert.equal(shard?.object("witnesses").safeInteger("quorum"), 0);
    const [named] = stack.keyring.shards("v1");
    assert.ok(named !== undefined);
    // Its line begins with the id that the key's text has.
    const [name, id, material = ""] = shard?.strings("verifierKeys")[0]?.split(/\+(?=[0-9a-f]{8}\+)|(?<=\+[0-9a-f]{8})\+/) ?? [];
    const [line] = parseSignedNote(info.string("signedTreeHead")).signatures;
    assert.deepEqual([name, id], [line?.name, encodeHex(line?.keyHint ?? new Uint8Array())]);
    const { spki } = stack.keyring.signer(named.key).publicKey;
    assert.deepEqual(parseBase64(material), concatBytes(Uint8Array.of(2), spki));
  });

  it("refuses a witness whose key proves nothing, before anything is served", async () => {
    await stack.stop();
    const path = join(dataDirectory, "sigillum.yaml");
    const settings = await readFile(path, "utf8");
    const [v2] = stack.keyring.shards("v2");
    assert.ok(v2 !== undefined);
    const own = JSON.stringify(witness.verifierKey);
    assert.ok(settings.includes(own));
    const bad = settings.replace(own, JSON.stringify("w.example/1+00000000+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"));
    await writeFile(path, bad);
    await assert.rejects(startStack({ dataDirectory, logger: silentLogger }), { code: "NOTE_KEY_MALFORMED" });
    const ofLog = "log2026-1.rekor.example+f4a6ee46+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
    await writeFile(path, settings.replace(own, JSON.stringify(ofLog)));
    await assert.rejects(startStack({ dataDirectory, logger: silentLogger }), { code: "WITNESS_KEY_UNUSABLE" });
    await writeFile(path, settings);
    stack = await startStack({ dataDirectory, logger: silentLogger });
  });
});
