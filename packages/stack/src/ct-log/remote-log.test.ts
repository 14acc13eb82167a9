import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { sha256 } from "@sigillum/library/crypto";
import { encodeDigitallySigned, leafIndexExtension, signSct } from "@sigillum/library/ct";
import { encodeBase64, parseBase64 } from "@sigillum/library/encoding";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { ctLogErrors, remoteCtLog } from "./index.ts";

describe("remoteCtLog", () => {
  let server: Server;
  let url = "";
  let answers: { status: number; headers?: Record<string, string>; body: unknown }[] = [];
  let bodies: string[] = [];
  let good: Record<string, unknown>;
  before(async () => {
    server = createServer((request, response) => {
      assert.equal(`${request.method} ${request.url}`, "POST /2026/ct/v1/add-pre-chain");
      let text = "";
      request.on("data", (part) => {
        text += String(part);
      });
      request.on("end", () => {
        bodies.push(text);
        const { status, headers = {}, body } = answers.shift() ?? { status: 500, body: {} };
        response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/2026/`;
    const signer = ephemeralSigner();
    const entry = { type: "x509", certificate: Uint8Array.of(1) } as const;
    const timestamped = { timestampMs: 1_800_000_000_123, entry, extensions: leafIndexExtension(7) };
    const sct = await signSct({ timestamped, logId: sha256(signer.publicKey.spki), signer });
    good = {
      sct_version: 0,
      id: encodeBase64(sct.logId),
      timestamp: sct.timestampMs,
      extensions: encodeBase64(sct.extensions),
      signature: encodeBase64(encodeDigitallySigned(sct)),
    };
  });
  after(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  beforeEach(() => {
    bodies = [];
  });

  it("sends the chain, waits as the log asks, and reads the SCT", async () => {
    answers = [
      { status: 429, headers: { "retry-after": "0" }, body: {} },
      { status: 503, headers: { "retry-after": "0" }, body: {} },
      { status: 200, body: good },
    ];
    const sct = await remoteCtLog(url).submitPrecertificate([Uint8Array.of(1, 2), Uint8Array.of(3)]);
    assert.equal(sct.timestampMs, 1_800_000_000_123);
    assert.deepEqual(sct.extensions, leafIndexExtension(7));
    assert.equal(bodies.length, 3);
    assert.deepEqual(JSON.parse(bodies[2] ?? "").chain.map(parseBase64), [Uint8Array.of(1, 2), Uint8Array.of(3)]);
  });

  it("refuses every other answer", async () => {
    for (const [answer, code] of [
      [{ status: 400, body: {} }, "CT_LOG_REMOTE_UNAVAILABLE"],
      [{ status: 404, body: "no such log" }, "CT_LOG_REMOTE_UNAVAILABLE"],
      [{ status: 200, body: "<html>" }, "CT_LOG_REMOTE_ANSWER"],
      [{ status: 200, body: { ...good, sct_version: 1 } }, "CT_LOG_REMOTE_ANSWER"],
      [{ status: 200, body: { ...good, id: "AAAA" } }, "CT_LOG_REMOTE_ANSWER"],
      [{ status: 200, body: { ...good, timestamp: -1 } }, "CT_LOG_REMOTE_ANSWER"],
      [{ status: 200, body: { ...good, signature: "AAAA" } }, "CT_LOG_REMOTE_ANSWER"],
      [{ status: 200, body: { ...good, extensions: "*" } }, "CT_LOG_REMOTE_ANSWER"],
    ] as const) {
      answers = [answer];
      await assert.rejects(remoteCtLog(url).submitPrecertificate([]), { code });
      assert.ok(Object.hasOwn(ctLogErrors, code));
    }
  });
});
