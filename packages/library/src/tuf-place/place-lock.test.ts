// One publication at a time: several at once, holders that died, holders that hang, stores that compare and stores that do not.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { openBucket, type PutCondition } from "../aws/index.ts";
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { generateSigner } from "../testing/index.ts";
import {
  copyRepository,
  defaultPeriods,
  type PublishedFile,
  planPublication,
  type RepositoryPlace,
  readPublished,
  whilePublishing,
  writePublication,
} from "../tuf-repository/index.ts";
import { lockName, openPlace, type PlaceOptions } from "./index.ts";

const startMs = Date.parse("2026-11-24T00:00:00Z");
const dayMs = 86_400_000;
const signers = {
  root: [generateSigner()],
  targets: [generateSigner()],
  snapshot: [generateSigner()],
  timestamp: [generateSigner()],
};

function hasCode(code: string, found?: string | RegExp) {
  return (error: unknown): boolean => {
    assert.ok(isSigillumError(error), String(error));
    assert.equal(error.code, code, error.message);
    if (found !== undefined) assert.match(error.found ?? "", found instanceof RegExp ? found : new RegExp(`^${found}$`, "u"));
    return true;
  };
}

const planAt = (nowMs: number): Parameters<typeof planPublication>[1] => ({
  nowMs,
  periods: defaultPeriods,
  files: new Map([["a.txt", { bytes: encodeUtf8("a") }]]),
  signers,
  thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
});

/** One tick: what it published. */
function tick(place: RepositoryPlace, nowMs: number): Promise<readonly PublishedFile[]> {
  return whilePublishing(place, async () => {
    const files = await planPublication(await readPublished(place), planAt(nowMs));
    await writePublication(place, files);
    return files;
  });
}

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sigillum-lock-"));
});
afterEach(() => rm(directory, { recursive: true }));
const lockPath = (): string => join(directory, "tuf", lockName);
const at = (options: Partial<PlaceOptions> = {}): RepositoryPlace =>
  openPlace(join(directory, "tuf"), { environment: {}, ...options });
/** For those that wait in turn: however busy the machine is, each turn comes. */
const patient: Partial<PlaceOptions> = { lockWaitMs: 300_000 };
const holder = (more: object): string => JSON.stringify({ host: hostname(), pid: process.pid, nonce: "other", ...more });

/** The process id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["--eval", ""]);
  await new Promise((resolve) => child.once("exit", resolve));
  return child.pid ?? 0;
}

async function writeLock(content: string, ageMs = 0): Promise<void> {
  await mkdir(join(directory, "tuf"), { recursive: true });
  await writeFile(lockPath(), content);
  const written = new Date(Date.now() - ageMs);
  await utimes(lockPath(), written, written);
}

describe("a directory that several publish to", () => {
  test("gets one timestamp of each version, whoever comes first, and keeps no lock", async () => {
    for (let day = 0; day < 4; day += 1) {
      const published = await Promise.all(Array.from({ length: 8 }, () => tick(at(patient), startMs + 2 * day * dayMs)));
      assert.equal(published.filter((files) => files.length > 0).length, 1, `day ${2 * day}`);
      assert.equal((await readPublished(at()))?.timestamp.version, day + 1);
    }
    assert.deepEqual(
      (await readdir(join(directory, "tuf"))).filter((name) => name.startsWith(".")),
      [],
    );
  });

  test("without the lock the same ticks publish different files of one version", async () => {
    const unlocked = (): RepositoryPlace => {
      const { name, read, write } = at();
      return { name, read, write };
    };
    await tick(at(), startMs);
    const published = await Promise.all([tick(unlocked(), startMs + 2 * dayMs), tick(unlocked(), startMs + 2 * dayMs)]);
    const timestamps = published.flatMap((files) => files.filter(({ path }) => path === "timestamp.json"));
    assert.equal(timestamps.length, 2);
    assert.notDeepEqual(timestamps[0]?.bytes, timestamps[1]?.bytes);
  });

  test("is taken over from a holder that died, by one of many", async () => {
    await writeLock(holder({ pid: await deadPid() }));
    const published = await Promise.all(Array.from({ length: 8 }, () => tick(at(patient), startMs)));
    assert.equal(published.filter((files) => files.length > 0).length, 1);
    await assert.rejects(readFile(lockPath()), { code: "ENOENT" });
  });

  test("is taken over from another machine, or from somebody who did not finish writing, when a quarter of an hour has gone", async () => {
    for (const content of [holder({ host: "elsewhere", pid: 1 }), "{"]) {
      await writeLock(content, 14 * 60_000);
      await assert.rejects(
        tick(at({ lockWaitMs: 0 }), startMs),
        hasCode("TUF_PLACE_BUSY", /^(?:process 1 on elsewhere|somebody)$/u),
      );
      await writeLock(content, 16 * 60_000);
      await tick(at({ lockWaitMs: 0 }), startMs);
    }
  });

  test("is not taken from a holder that lives, who is named", async () => {
    await writeLock(holder({}));
    await assert.rejects(tick(at({ lockWaitMs: 300 }), startMs), hasCode("TUF_PLACE_BUSY", `process ${process.pid} on .*`));
    assert.equal(await readFile(lockPath(), "utf8"), holder({}));
    assert.equal(await readPublished(at()), undefined);
  });

  test("is not taken while somebody else is taking it", async () => {
    await writeLock(holder({ pid: await deadPid() }));
    await writeFile(`${lockPath()}.takeover`, "1");
    await assert.rejects(tick(at({ lockWaitMs: 0 }), startMs), hasCode("TUF_PLACE_BUSY"));
    // Who died within that moment hinders nobody for ever.
    const written = new Date(Date.now() - 16 * 60_000);
    await utimes(`${lockPath()}.takeover`, written, written);
    await tick(at({ lockWaitMs: 5000 }), startMs);
  });

  test("leaves no directory where nothing was published", async () => {
    await whilePublishing(at(), () => Promise.resolve());
    assert.deepEqual(await readdir(directory), []);
    await mkdir(join(directory, "tuf"));
    await whilePublishing(at(), () => Promise.resolve());
    assert.deepEqual(await readdir(directory), ["tuf"]);
  });

  test("is given up after a failure, and a lock that others hold by now stays theirs", async () => {
    await assert.rejects(
      whilePublishing(at(), () => Promise.reject(new Error("no key"))),
      /no key/u,
    );
    await assert.rejects(readFile(lockPath()), { code: "ENOENT" });
    await whilePublishing(at(), () => writeLock(holder({})));
    assert.equal(await readFile(lockPath(), "utf8"), holder({}));
  });

  test("is written no more by a holder for whom ten minutes have gone", async (context) => {
    context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    const place = at();
    const file = { path: "x.json", bytes: encodeUtf8("{}"), overwrite: true };
    await whilePublishing(place, async () => {
      await place.write(file);
      context.mock.timers.tick(10 * 60_000);
      await assert.rejects(place.write(file), hasCode("TUF_PLACE_BUSY"));
    });
  });
});

describe("a bucket that several publish to", () => {
  const objects = new Map<string, { readonly body: Buffer; readonly storedMs: number }>();
  let server: Server;
  let url = "";
  let isComparing = true;
  let nowMs = Date.now();

  beforeEach(async () => {
    objects.clear();
    isComparing = true;
    nowMs = Date.now();
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const key = request.url ?? "";
        const found = objects.get(key);
        const tagOf = (body: Buffer): string => `"${createHash("md5").update(body).digest("hex")}"`;
        if (request.method === "GET") {
          if (found === undefined) return void response.writeHead(404).end("<Code>NoSuchKey</Code>");
          const [date, stored] = [nowMs, found.storedMs].map((ms) => new Date(ms).toUTCString());
          return void response.writeHead(200, { etag: tagOf(found.body), date, "last-modified": stored }).end(found.body);
        }
        const { "if-none-match": none, "if-match": match } = request.headers;
        if (isComparing && none === "*" && found !== undefined) return void response.writeHead(412).end();
        if (isComparing && match !== undefined && (found === undefined || tagOf(found.body) !== match))
          return void response.writeHead(found === undefined ? 404 : 412).end("<Code>NoSuchKey</Code>");
        objects.set(key, { body: Buffer.concat(chunks), storedMs: nowMs });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const bucket = (options: Partial<PlaceOptions> = {}): RepositoryPlace =>
    openPlace("s3://trust/tuf", {
      environment: { AWS_ENDPOINT_URL_S3: url, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" },
      ...options,
    });
  const lockKey = `/trust/tuf/${lockName}`;
  const setLock = (content: string, ageMs: number): void =>
    void objects.set(lockKey, { body: Buffer.from(content), storedMs: nowMs - ageMs });

  test("gets one timestamp of each version, and its lock is free afterwards", async () => {
    for (let day = 0; day < 3; day += 1) {
      const published = await Promise.all(Array.from({ length: 4 }, () => tick(bucket(patient), startMs + 2 * day * dayMs)));
      assert.equal(published.filter((files) => files.length > 0).length, 1, `day ${2 * day}`);
      assert.equal((await readPublished(bucket()))?.timestamp.version, day + 1);
    }
    assert.equal(objects.get(lockKey)?.body.toString(), '{"free":true}\n');
  });

  test("is taken over from somebody else when a quarter of an hour has gone by its own clock, and not before", async () => {
    setLock(holder({ host: "elsewhere", pid: 7 }), 14 * 60_000);
    await assert.rejects(tick(bucket({ lockWaitMs: 0 }), startMs), hasCode("TUF_PLACE_BUSY", "process 7 on elsewhere"));
    setLock(holder({ host: "elsewhere", pid: 7 }), 16 * 60_000);
    await tick(bucket({ lockWaitMs: 0 }), startMs);
  });

  test("takes no second timestamp over one that somebody else published, even without a lock", async () => {
    await tick(bucket(), startMs);
    const [one, two] = [bucket(), bucket()];
    const plan = async (place: RepositoryPlace): Promise<readonly PublishedFile[]> =>
      planPublication(await readPublished(place), planAt(startMs + 2 * dayMs));
    const [first, second] = [await plan(one), await plan(two)];
    await writePublication(one, first);
    const timestamp = objects.get("/trust/tuf/timestamp.json")?.body;
    await assert.rejects(writePublication(two, second), hasCode("TUF_PLACE_CHANGED", "timestamp.json"));
    assert.deepEqual(objects.get("/trust/tuf/timestamp.json")?.body, timestamp);
    // The same bytes again are no conflict: an answer was lost and the request repeated.
    const three = bucket();
    await readPublished(three);
    objects.set("/trust/tuf/timestamp.json", { body: Buffer.from(second.at(-1)?.bytes ?? []), storedMs: nowMs });
    await writePublication(three, second);
  });

  test("that passes conditions over is refused, unless somebody vouches that nobody else publishes", async () => {
    isComparing = false;
    await assert.rejects(tick(bucket(), startMs), hasCode("TUF_PLACE_UNGUARDED"));
    assert.equal(await readPublished(bucket()), undefined);
    await tick(bucket({ acceptUnguarded: true }), startMs);
    assert.equal((await readPublished(bucket()))?.timestamp.version, 1);
  });

  test("stores an object on a condition, and says when that does not hold", async () => {
    const store = openBucket("s3://trust/tuf", { AWS_ENDPOINT_URL_S3: url, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" });
    const headers = { contentType: "text/plain", cacheControl: "no-store" };
    const put = (text: string, condition: PutCondition): Promise<void> => store.put("x", encodeUtf8(text), headers, condition);
    await assert.rejects(put("one", { ifMatch: '"0"' }), hasCode("BUCKET_CONDITION_FAILED", "HTTP 404"));
    await put("one", "ifNoneMatch");
    await assert.rejects(put("two", "ifNoneMatch"), hasCode("BUCKET_CONDITION_FAILED", "HTTP 412"));
    const { tag = "" } = (await store.getVersion("x")) ?? {};
    await put("two", { ifMatch: tag });
    await assert.rejects(put("three", { ifMatch: tag }), hasCode("BUCKET_CONDITION_FAILED", "HTTP 412"));
    assert.deepEqual(await store.get("x"), encodeUtf8("two"));
  });

  test("takes a copy under the same lock", async () => {
    await tick(at(), startMs);
    setLock(holder({ host: "elsewhere" }), 0);
    await assert.rejects(copyRepository(at(), bucket({ lockWaitMs: 0 })), hasCode("TUF_PLACE_BUSY"));
    setLock('{"free":true}\n', 0);
    const copies = await Promise.all([1, 2].map(() => copyRepository(at(), bucket(patient))));
    assert.deepEqual(copies.sort(), [false, true]);
  });
});
