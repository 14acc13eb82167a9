import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { openBucket } from "@sigillum/library/aws";
import { findPeer } from "../../../../tools/peers-list.mjs";
import { objectStoreContract } from "./contract.ts";
import { BucketObjectStore, startTemporaryMoto, type TemporaryMoto } from "./index.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const stringOf = (found: Uint8Array | undefined): string => Buffer.from(found ?? []).toString();

/** What the server does with the next request of a method: carry it out and give no answer, or answer with a status. */
type Fault = { readonly method: string; readonly how: "no answer" | number };

// Shaped like S3, and no proof of it: below, moto is asked, which others wrote.
describe("BucketObjectStore", () => {
  let server: Server;
  let endpoint = "";
  let heedsConditions = true;
  let faults: Fault[] = [];
  const objects = new Map<string, Buffer>();
  const seen: string[] = [];

  before(async () => {
    server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const { method = "", url = "" } = request;
        seen.push(`${method} ${url}${request.headers["if-none-match"] === undefined ? "" : " if none"}`);
        const at = faults.findIndex((fault) => fault.method === method);
        const [fault] = at < 0 ? [] : faults.splice(at, 1);
        if (typeof fault?.how === "number") return void response.writeHead(fault.how).end("<Error/>");
        let status = 200;
        let body: Buffer = Buffer.alloc(0);
        if (method === "GET")
          [status, body] = objects.has(url) ? [200, objects.get(url) ?? body] : [404, Buffer.from("NoSuchKey")];
        else if (method === "DELETE") status = objects.delete(url) ? 204 : 404;
        else if (heedsConditions && request.headers["if-none-match"] === "*" && objects.has(url)) status = 412;
        else objects.set(url, Buffer.concat(parts));
        if (fault === undefined) response.writeHead(status).end(body);
        else request.socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  const open = (place: string): BucketObjectStore =>
    new BucketObjectStore(
      openBucket(`s3://logs/${place}`, { AWS_ENDPOINT_URL_S3: endpoint, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" }),
    );

  for (const [position, rule] of objectStoreContract.entries()) {
    test(`BucketObjectStore: ${rule.name}`, () => rule.run(open(`contract-${position}`)));
  }

  test("BucketObjectStore stores what never changes where nothing stands, and the rest over what stands there", async () => {
    const store = open("conditions");
    seen.length = 0;
    for (const path of ["tile/0/000", "meta/times/000", "meta/keys/000.p/3", "meta/identities/0.p/3", "checkpoint"])
      await store.write(path, bytes("1"));
    assert.deepEqual(seen, [
      "PUT /logs/conditions/tile/0/000 if none",
      "PUT /logs/conditions/meta/times/000 if none",
      "PUT /logs/conditions/meta/keys/000.p/3 if none",
      "PUT /logs/conditions/meta/identities/0.p/3",
      "PUT /logs/conditions/checkpoint",
    ]);
    await store.write("tile/0/000", bytes("1"));
    await assert.rejects(store.write("tile/0/000", bytes("2")), (error: { code?: string; message: string }) => {
      assert.equal(error.code, "STORAGE_WRITE_FAILED");
      assert.match(error.message, /tile\/0\/000 in s3:\/\/logs\/conditions: another object stands there/);
      return true;
    });
    assert.equal(stringOf(await store.read("tile/0/000")), "1");
    await store.write("checkpoint", bytes("2"));
    assert.equal(stringOf(await store.read("checkpoint")), "2");
  });

  test("BucketObjectStore finds its own write when the answer was lost, on servers that heed conditions and on those that do not", async () => {
    for (const heeds of [true, false]) {
      heedsConditions = heeds;
      const store = open(`lost-${heeds}`);
      faults = [{ method: "PUT", how: "no answer" }];
      // The request is repeated, or the log does it.
      await store.write("tile/0/001", bytes("whole")).catch(() => store.write("tile/0/001", bytes("whole")));
      assert.deepEqual(faults, []);
      assert.equal(stringOf(await store.read("tile/0/001")), "whole");
      faults = [{ method: "DELETE", how: "no answer" }];
      await store.remove("tile/0/001").catch(() => store.remove("tile/0/001"));
      assert.equal(await store.read("tile/0/001"), undefined);
    }
    heedsConditions = true;
  });

  test("BucketObjectStore passes over what a server that is busy refuses, and names what one refuses for good", async () => {
    const store = open("refusals");
    faults = [
      { method: "PUT", how: 503 },
      { method: "GET", how: 503 },
    ];
    await store.write("tile/0/000", bytes("1"));
    assert.equal(stringOf(await store.read("tile/0/000")), "1");
    for (const [method, run, code] of [
      ["PUT", () => store.write("checkpoint", bytes("1")), "STORAGE_WRITE_FAILED"],
      ["GET", () => store.read("checkpoint"), "STORAGE_READ_FAILED"],
      ["DELETE", () => store.remove("checkpoint"), "STORAGE_WRITE_FAILED"],
    ] as const) {
      faults = [{ method, how: 403 }];
      await assert.rejects(run, { code });
      assert.deepEqual(faults, []);
    }
  });
});

const peer = findPeer("moto");
const skip = peer.path === undefined ? `SKIPPED: ${peer.missing ?? "moto is not here"}` : false;
describe("BucketObjectStore in S3 as moto has it", { skip, timeout: 120_000 }, () => {
  let moto: TemporaryMoto;
  before(async () => {
    moto = await startTemporaryMoto(peer.path ?? "", "logs");
  });
  after(() => moto?.close());
  const open = (place: string): BucketObjectStore => new BucketObjectStore(openBucket(`s3://logs/${place}`, moto.environment));

  for (const [position, rule] of objectStoreContract.entries())
    test(`BucketObjectStore: ${rule.name}`, () => rule.run(open(`contract/${position}`)));

  test("BucketObjectStore keeps a tile that is there, finds its own again, and refuses another in its place", async () => {
    const store = open("conditions");
    await store.write("tile/0/000", bytes("one"));
    await store.write("tile/0/000", bytes("one"));
    await assert.rejects(store.write("tile/0/000", bytes("two")), /another object stands there/);
    assert.equal(stringOf(await store.read("tile/0/000")), "one");
  });

  test("BucketObjectStore tells a bucket that is not there from an object that is not", async () => {
    const store = new BucketObjectStore(openBucket("s3://nothing/here", moto.environment));
    await assert.rejects(store.read("tile/0/000"), { code: "STORAGE_READ_FAILED" });
    await assert.rejects(store.write("tile/0/000", bytes("one")), { code: "STORAGE_WRITE_FAILED" });
    await assert.rejects(store.remove("tile/0/000"), { code: "STORAGE_WRITE_FAILED" });
  });
});
