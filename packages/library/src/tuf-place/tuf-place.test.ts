import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { generateSigner } from "../testing/index.ts";
import { memoryStore, refresh } from "../tuf/index.ts";
import {
  acceptKey,
  copyRepository,
  defaultPeriods,
  type PublicationPlan,
  planPublication,
  type RepositoryPlace,
  readPublished,
  startEvent,
  submitKey,
  writePublication,
} from "../tuf-repository/index.ts";
import { openPlace, readEventFolder, writeEventFolder } from "./index.ts";

const startMs = Date.parse("2026-11-24T00:00:00Z");
const dayMs = 86_400_000;
const signers = {
  root: [generateSigner()],
  targets: [generateSigner()],
  snapshot: [generateSigner()],
  timestamp: [generateSigner()],
};

function hasCode(code: string) {
  return (error: unknown): boolean => {
    assert.ok(isSigillumError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

async function publish(place: RepositoryPlace, nowMs: number, change: Partial<PublicationPlan> = {}): Promise<void> {
  const plan = {
    nowMs,
    periods: defaultPeriods,
    files: new Map([["a/b.txt", { bytes: encodeUtf8(String(nowMs)) }]]),
    signers,
    thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
    ...change,
  };
  await writePublication(place, await planPublication(await readPublished(place), plan));
}

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sigillum-place-"));
});
afterEach(() => rm(directory, { recursive: true }));
const at = (name: string): RepositoryPlace => openPlace(join(directory, name), { environment: {} });

describe("a repository in a directory", () => {
  test("is copied whole, brought up to date, and never taken back", async () => {
    await publish(at("one"), startMs);
    assert.equal(await copyRepository(at("none"), at("two")), false, "nothing is published there");
    assert.equal(await copyRepository(at("one"), at("two")), true);
    assert.equal(await copyRepository(at("one"), at("two")), false);
    await copyRepository(at("one"), at("old"));
    await publish(at("one"), startMs + dayMs);
    assert.equal(await copyRepository(at("one"), at("two")), true);
    const root = (await at("two").read("1.root.json")) ?? assert.fail();
    const trusted = await refresh((path) => at("two").read(path), memoryStore(root), startMs + dayMs);
    assert.equal(trusted.timestamp?.version, 2);
    await assert.rejects(copyRepository(at("old"), at("two")), hasCode("TUF_REPOSITORY_ROLLBACK"));
    assert.deepEqual(
      (await readdir(join(directory, "two"))).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  test("a copy follows a recovery, whose versions begin anew under a new root", async () => {
    await publish(at("one"), startMs);
    for (let day = 1; day < 4; day++) await publish(at("one"), startMs + 2 * day * dayMs);
    await copyRepository(at("one"), at("two"));
    const renewed = { ...signers, timestamp: [generateSigner()] };
    const nowMs = startMs + 7 * dayMs;
    await publish(at("one"), nowMs, { signers: renewed, restartAt: { timestamp: 1 } });
    assert.equal(await copyRepository(at("one"), at("two")), true);
    assert.equal((await readPublished(at("two")))?.timestamp.version, 1);
  });

  test("a file that metadata names and that is missing, or is another, stops it", async () => {
    await publish(at("one"), startMs);
    const [target = ""] = await readdir(join(directory, "one/targets/a"));
    await rm(join(directory, "one/targets/a", target));
    await assert.rejects(copyRepository(at("one"), at("two")), hasCode("TUF_PUBLISHED_CORRUPT"));
    await writeFile(join(directory, "one/targets/a", target), "other");
    await copyRepository(at("one"), at("two"));
    await publish(at("three"), startMs, { signers: { ...signers } });
    await rm(join(directory, "one/1.snapshot.json"));
    await assert.rejects(readPublished(at("one")), hasCode("TUF_PUBLISHED_CORRUPT"));
    const files = await planPublication(undefined, {
      nowMs: startMs,
      periods: defaultPeriods,
      files: new Map([["a/b.txt", { bytes: encodeUtf8(String(startMs)) }]]),
      signers,
      thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
    });
    await assert.rejects(writePublication(at("two"), files), hasCode("TUF_PUBLISHED_CONFLICT"));
  });
});

describe("a repository behind a web server, or in a bucket", () => {
  const objects = new Map<string, { body: Buffer; headers: IncomingMessage["headers"] }>();
  const order: string[] = [];
  let server: Server;
  let url = "";
  let status = 0;

  beforeEach(async () => {
    objects.clear();
    order.length = 0;
    status = 0;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const key = request.url ?? "";
        if (status !== 0) return void response.writeHead(status).end(status === 404 ? "<Code>NoSuchBucket</Code>" : "no");
        if (request.method === "PUT") {
          order.push(key);
          objects.set(key, { body: Buffer.concat(chunks), headers: request.headers });
          return void response.end();
        }
        const found = objects.get(key);
        return void (found === undefined ? response.writeHead(404).end("<Code>NoSuchKey</Code>") : response.end(found.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address() as AddressInfo;
    url = `http://127.0.0.1:${address.port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const environment = (): Record<string, string> => ({
    AWS_ENDPOINT_URL_S3: url,
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
  });
  const bucket = (): RepositoryPlace => openPlace("s3://trust/tuf", { environment: environment() });

  test("a bucket is written with the timestamp last and uncached, and served as a web server", async () => {
    await publish(bucket(), startMs);
    assert.deepEqual(order.at(-1), "/trust/tuf/timestamp.json");
    assert.equal(objects.get("/trust/tuf/timestamp.json")?.headers["cache-control"], "no-store");
    assert.match(String(objects.get("/trust/tuf/1.targets.json")?.headers["cache-control"]), /immutable/);
    assert.match(String(objects.get("/trust/tuf/root.json")?.headers["authorization"]), /\/us-east-1\/s3\/aws4_request/);
    const web = openPlace(`${url}/trust/tuf/`, { environment: {} });
    assert.equal((await readPublished(web))?.root.version, 1);
    await assert.rejects(publish(web, startMs + 2 * dayMs), hasCode("TUF_PLACE_READ_ONLY"));
  });

  test("a store that refuses, is down, or has no such bucket is never taken for an empty one", async () => {
    for (const [answer, code] of [
      [403, "BUCKET_REFUSED"],
      [404, "BUCKET_REFUSED"],
      [500, "BUCKET_UNAVAILABLE"],
    ] as const) {
      status = answer;
      await assert.rejects(readPublished(bucket()), hasCode(code), String(answer));
    }
    const web = openPlace(url, { environment: {} });
    await assert.rejects(readPublished(web), hasCode("TUF_PLACE_UNAVAILABLE"));
    const nobody = openPlace("s3://trust", {
      environment: { AWS_ENDPOINT_URL: url, AWS_SHARED_CREDENTIALS_FILE: "/none", AWS_EC2_METADATA_DISABLED: "true" },
    });
    await assert.rejects(nobody.read("timestamp.json"), hasCode("AWS_CREDENTIALS_MISSING"));
    assert.throws(() => openPlace("s3://trust", { environment: {} }), hasCode("AWS_CREDENTIALS_MISSING"));
    for (const address of ["s3://", "s3://A", "s3://trust/../x", "s3://trust//x"])
      assert.throws(() => openPlace(address, { environment: environment() }), hasCode("BUCKET_ADDRESS"), address);
  });
});

describe("the folder of an event", () => {
  test("holds what the event holds, and leaves other files alone", async () => {
    const folder = join(directory, "event");
    const event = startEvent({ name: "n", nonce: "00", nowMs: startMs });
    await writeEventFolder(folder, event);
    await writeFile(join(folder, "notes.txt"), "mine");
    const signer = generateSigner();
    const grown = acceptKey(event, await submitKey(event, { owner: "ada", role: "root", signer }));
    await writeEventFolder(folder, grown);
    assert.equal((await readEventFolder(folder)).submissions.size, 1);
    await writeEventFolder(folder, event);
    assert.equal((await readEventFolder(folder)).submissions.size, 0);
    assert.equal(await readFile(join(folder, "notes.txt"), "utf8"), "mine");
    await assert.rejects(readEventFolder(directory), hasCode("TUF_EVENT_FOLDER"));
  });
});
