import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createSigner } from "@sigillum/library/crypto";
import { generatePrivateKey } from "@sigillum/signers/signers";
import { silentLogger, systemClock } from "../host/index.ts";
import { createRekorV1, openRekorV1Shard, rekorV1Operations } from "./index.ts";

const id = "0".repeat(63);
const requests: Readonly<Record<(typeof rekorV1Operations)[number], readonly [string, string]>> = {
  searchIndex: ["POST", "/api/v1/index/retrieve"],
  getLogInfo: ["GET", "/api/v1/log"],
  getPublicKey: ["GET", "/api/v1/log/publicKey"],
  getLogProof: ["GET", "/api/v1/log/proof?lastSize=1"],
  createLogEntry: ["POST", "/api/v1/log/entries"],
  getLogEntryByIndex: ["GET", "/api/v1/log/entries?logIndex=0"],
  getLogEntryByUUID: ["GET", `/api/v1/log/entries/${id}1`],
  searchLogQuery: ["POST", "/api/v1/log/entries/retrieve"],
};

describe("createRekorV1 with operations switched off", () => {
  test("answers those 501 in Rekor's words, and the others as ever", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-operations-"));
    const shard = await openRekorV1Shard({
      directory,
      hostname: "localhost",
      treeId: 1n,
      signer: createSigner(generatePrivateKey("ecdsa-p256")),
      clock: systemClock,
      logger: silentLogger,
    });
    const options = { shards: [shard], logger: silentLogger, listener: { addresses: ["127.0.0.1"], port: 0 } };
    try {
      for (const off of rekorV1Operations) {
        const service = createRekorV1({ ...options, disabledOperations: [off] });
        const server = createServer(service.listeners[0]?.handler);
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const address = server.address();
        assert.ok(typeof address === "object" && address !== null);
        for (const operation of rekorV1Operations) {
          const [method, path] = requests[operation];
          const init = method === "POST" ? { method, body: "{}", headers: { "content-type": "application/json" } } : {};
          const answer = await fetch(`http://127.0.0.1:${address.port}${path}`, init);
          const text = await answer.text();
          if (operation !== off) {
            assert.notEqual(answer.status, 501, operation);
            continue;
          }
          assert.deepEqual([answer.status, answer.headers.get("x-error-code")], [501, "REKOR_V1_SWITCHED_OFF"]);
          assert.deepEqual(JSON.parse(text), { code: 501, message: `the ${off} API is not enabled on this server` });
        }
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    } finally {
      await shard.shard.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
