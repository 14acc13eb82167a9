import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cosignerKey, noteKey, parseSignedNote, verifyCheckpoint, verifyCosignature } from "@sigillum/library/checkpoint";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger } from "../host/index.ts";
import { bodyEntry } from "../log-engine/index.ts";
import { openRekorV2Shard } from "./index.ts";

const newSigner = (type: "ed25519" | "ml-dsa-44"): Signer => {
  const { privateKey } = type === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ml-dsa-44");
  return createSigner(new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" })));
};

test("openRekorV2Shard with a further ML-DSA-44 key publishes checkpoints that both keys vouch for", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-further-"));
  const [signer, further] = [newSigner("ed25519"), newSigner("ml-dsa-44")];
  const origin = "log.example";
  const shard = await openRekorV2Shard({
    directory,
    origin,
    signer,
    furtherSigners: [further],
    clock: { nowMs: () => 1_767_225_600_999 },
    logger: silentLogger,
  });
  await shard.add(bodyEntry(encodeUtf8("entry"), []));
  const { text } = shard.checkpoint();
  assert.equal(parseSignedNote(text).signatures.length, 2);
  assert.equal(verifyCheckpoint(text, noteKey(origin, signer.publicKey)).treeSize, 1);
  const { checkpoint, timestampS } = verifyCosignature(text, cosignerKey(origin, further.publicKey));
  assert.deepEqual([checkpoint.treeSize, timestampS], [1, 1_767_225_600]);
  await shard.close();
  await rm(directory, { recursive: true, force: true });
});
