import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, describe, test } from "node:test";
import { concatBytes, encodeUtf8 } from "../encoding/index.ts";
import { fetchCheckpointV2, fetchLeafV2, tileReaderV2 } from "./log-v2-reads.ts";

const entry = (text: string): Uint8Array => concatBytes(Uint8Array.of(0, text.length), encodeUtf8(text));
const bundle = concatBytes(...["zero", "one", "two", "three"].map(entry));
const hashes = new Uint8Array(256 * 32).map((_, at) => at >> 5);

describe("reads of a log v2", () => {
  let server: Server;
  let url = "";
  const asked: string[] = [];
  const files = new Map<string, Uint8Array>();
  before(async () => {
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      const body = files.get(request.url ?? "");
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  });
  after(() => server.close());
  const once = { retries: 0 };

  test("fetchLeafV2 and tileReaderV2 take the partial tile, or the full one where the partial one is gone", async () => {
    files.set("/api/v2/tile/entries/000.p/3", bundle);
    assert.deepEqual(Buffer.from(await fetchLeafV2(url, { index: 2, treeSize: 3 }, once)).toString(), "two");
    files.clear();
    files.set("/api/v2/tile/entries/000", bundle).set("/api/v2/tile/0/000", hashes);
    asked.length = 0;
    assert.deepEqual(Buffer.from(await fetchLeafV2(url, { index: 1, treeSize: 2 }, once)).toString(), "one");
    assert.deepEqual(asked, ["/api/v2/tile/entries/000.p/2", "/api/v2/tile/entries/000"]);
    assert.deepEqual(await tileReaderV2(url, once)(0, 0, 5), hashes.subarray(0, 160));
    assert.deepEqual(await tileReaderV2(url, once)(0, 0, 256), hashes);
  });

  test("what is cut off, missing or no text is refused", async () => {
    files.clear();
    files.set("/api/v2/tile/entries/000", bundle.subarray(0, 12)).set("/api/v2/tile/0/000", hashes.subarray(0, 100));
    files.set("/api/v2/checkpoint", Uint8Array.of(0xff));
    await assert.rejects(fetchLeafV2(url, { index: 3, treeSize: 4 }, once), { code: "SERVICE_ANSWER_MISMATCH" });
    await assert.rejects(async () => tileReaderV2(url, once)(0, 0, 5), { code: "SERVICE_ANSWER_MISMATCH" });
    await assert.rejects(fetchCheckpointV2(url, once), { code: "SERVICE_ANSWER" });
    files.clear();
    await assert.rejects(fetchLeafV2(url, { index: 3, treeSize: 4 }, once), { code: "SERVICE_REFUSED" });
    await assert.rejects(fetchCheckpointV2(url, once), { code: "SERVICE_REFUSED" });
  });
});
