import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSigner, defaultScheme } from "@sigillum/library/crypto";
import { encodeUtf8, parseBase64 } from "@sigillum/library/encoding";
import { verifySet } from "@sigillum/library/log-entry";
import { silentLogger, systemClock } from "../host/index.ts";
import { bodyEntry } from "../log-engine/index.ts";
import { addedEntryJson, entryIdOf, logEntryOf } from "./entry-answer.ts";
import { openRekorV1Shard, rekorV1LogId, ShardList } from "./shards.ts";

test("addedEntryJson writes octet for octet what JSON.stringify writes of logEntryOf, at every form of a proof", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-answer-"));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signer = createSigner(privateKey.export({ type: "pkcs8", format: "der" }));
  const owner = await openRekorV1Shard({
    directory,
    hostname: "log.example",
    treeId: 5n,
    signer,
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    const shards = new ShardList([owner]);
    for (let at = 0; at < 6; at += 1) {
      const entry = bodyEntry(encodeUtf8(`{"n":${at}}`), []);
      const { index, leaf, timeMs } = await owner.shard.add(entry);
      const known = { id: entryIdOf({ owner }, entry.leafHash), leafHash: entry.leafHash, leaf, timeMs };
      const { octets } = await addedEntryJson(shards, { owner, index }, known);
      const text = Buffer.from(octets, "latin1").toString("utf8");
      const [[id, answer] = ["", undefined]] = Object.entries<ReturnType<typeof JSON.parse>>(JSON.parse(text));
      assert.equal(JSON.stringify({ [id]: answer }), text);
      const { signedEntryTimestamp } = answer.verification;
      const { integratedTime, logIndex } = answer;
      const payload = { body: leaf, integratedTime, logId: rekorV1LogId(signer), logIndex };
      verifySet(payload, parseBase64(signedEntryTimestamp), {
        publicKey: signer.publicKey,
        scheme: defaultScheme(signer.publicKey),
      });
      // The signature is made anew, with a number drawn at random in it.
      const expected = JSON.stringify(await logEntryOf(shards, { owner, index }));
      const withoutSignature = (json: string): string => json.replace(/"signedEntryTimestamp":"[^"]*"/, "");
      assert.equal(withoutSignature(text), withoutSignature(expected));
    }
  } finally {
    await owner.shard.close();
    await rm(directory, { recursive: true, force: true });
  }
});
