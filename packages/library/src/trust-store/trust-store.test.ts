import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSigner, type Signer, sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { encodeSigningConfig, encodeTrustedRoot } from "../trusted-root/index.ts";
import type { RoleName } from "../tuf/index.ts";
import { defaultPeriods, type PublishedState, parsePublishedState, planPublication } from "../tuf-repository/index.ts";
import { httpFetcher } from "./fetcher.ts";
import { addRoot, describeRoot, exportRoot, importRoot, listRoots, loadRoot, removeRoot, trustStoreDirectory } from "./index.ts";
import { directoryStore } from "./store-directory.ts";

const nowMs = Date.parse("2026-11-24T00:00:00Z");
const dayMs = 86_400_000;

function newSigner(): Signer {
  return createSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "der", type: "pkcs8" }));
}

const signers: Record<RoleName, readonly Signer[]> = {
  root: [newSigner()],
  targets: [newSigner()],
  snapshot: [newSigner()],
  timestamp: [newSigner()],
};

const targets = new Map([
  [
    "trusted_root.json",
    encodeUtf8(encodeTrustedRoot({ tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] })),
  ],
  [
    "signing_config.v0.2.json",
    encodeUtf8(
      encodeSigningConfig({
        caUrls: [],
        oidcUrls: [],
        rekorTlogUrls: [],
        tsaUrls: [],
        rekorTlogConfig: { selector: "ANY" },
        tsaConfig: { selector: "ANY" },
      }),
    ),
  ],
]);

async function publish(files: Map<string, Uint8Array>, state: PublishedState | undefined, atMs: number): Promise<PublishedState> {
  const plan = {
    nowMs: atMs,
    periods: defaultPeriods,
    files: new Map([...targets].map(([path, bytes]) => [path, { bytes }] as const)),
    signers,
    thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
  };
  for (const file of await planPublication(state, plan)) files.set(file.path, file.bytes);
  return publishedIn(files);
}

function publishedIn(files: ReadonlyMap<string, Uint8Array>): PublishedState {
  const get = (name: string): Uint8Array => files.get(name) ?? new Uint8Array();
  return parsePublishedState({
    root: get("root.json"),
    targets: get("1.targets.json"),
    snapshot: get("1.snapshot.json"),
    timestamp: get("timestamp.json"),
  });
}

function hasCode(code: string) {
  return (error: unknown): boolean => {
    assert.ok(isSigillumError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

/** Root may write anywhere, so it becomes somebody else for the while; elsewhere than on POSIX there is no such mode. */
const isRoot = process.getuid?.() === 0;
const readOnlySkip = process.getuid === undefined ? "file modes mean nothing here" : false;

async function asNobody(run: () => Promise<void>): Promise<void> {
  if (isRoot) process.seteuid?.(65_534);
  try {
    await run();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe("named roots", () => {
  const files = new Map<string, Uint8Array>();
  let server: Server;
  let url = "";
  let store = "";
  let failing = false;
  let requests = 0;

  before(async () => {
    await publish(files, undefined, nowMs);
    store = await mkdtemp(join(tmpdir(), "sigillum-trust-"));
    server = createServer((request, response) => {
      requests++;
      const bytes = files.get(decodeURIComponent((request.url ?? "/").slice(1)));
      response.statusCode = failing ? 500 : bytes === undefined ? 404 : 200;
      response.end(failing ? "" : bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    url = `http://127.0.0.1:${address.port}`;
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(store, { recursive: true });
  });

  test("addRoot pins, refreshes and is repeatable; loadRoot finds the only root without a name", async () => {
    const rootSha256 = encodeHex(sha256(files.get("1.root.json") ?? new Uint8Array()));
    const added = await addRoot({ url: `${url}/`, name: "local", rootSha256, store, nowMs });
    assert.equal(added.rootVersion, 1);
    assert.equal(added.record.rootSha256, rootSha256);
    await addRoot({ url, name: "local", store, nowMs });
    const loaded = await loadRoot({ store, nowMs });
    assert.equal(loaded.record.name, "local");
    assert.equal(loaded.signingConfig?.rekorTlogConfig?.selector, "ANY");
    assert.deepEqual(
      (await listRoots(store)).map((root) => root.name),
      ["local"],
    );
  });

  test("a cold start from a root at hand makes six requests, with the targets", async () => {
    const cold = await mkdtemp(join(tmpdir(), "sigillum-cold-"));
    try {
      requests = 0;
      await addRoot({ url, name: "cold", root: files.get("1.root.json") ?? new Uint8Array(), store: cold, nowMs });
      assert.equal(requests, 6, "the next root, timestamp, snapshot, targets, trusted root, signing config");
    } finally {
      await rm(cold, { recursive: true });
    }
  });

  test("an unchanged refresh makes two requests", async () => {
    requests = 0;
    await loadRoot({ name: "local", store, nowMs });
    assert.equal(requests, 2);
  });

  test("offline makes none, long after the metadata expired, and says when it was verified", async () => {
    requests = 0;
    const loaded = await loadRoot({ name: "local", store, nowMs: nowMs + 400 * dayMs, offline: true });
    assert.equal(requests, 0);
    assert.equal(loaded.refreshed, false);
    assert.equal(loaded.record.refreshedMs, nowMs);
  });

  test("online, expired metadata is refused", async () => {
    await assert.rejects(loadRoot({ name: "local", store, nowMs: nowMs + 400 * dayMs }), hasCode("TUF_EXPIRED"));
  });

  test("a wrong checksum and an address without a repository store nothing", async () => {
    await assert.rejects(
      addRoot({ url, name: "other", rootSha256: "00".repeat(32), store, nowMs }),
      hasCode("TRUST_ROOT_CHECKSUM"),
    );
    await assert.rejects(addRoot({ url: `${url}/nowhere`, name: "other", store, nowMs }), hasCode("TRUST_ROOT_MISSING"));
    assert.deepEqual(await readdir(store), ["local"]);
  });

  test("a server error is never taken for a missing file", async () => {
    failing = true;
    await assert.rejects(loadRoot({ name: "local", store, nowMs }), hasCode("TRUST_SERVER"));
    failing = false;
  });

  test("a name that is taken, invalid or unknown is refused", async () => {
    const other = new Map<string, Uint8Array>();
    const kept = new Map(files);
    await publish(other, undefined, nowMs + 1000);
    files.set("1.root.json", other.get("1.root.json") ?? new Uint8Array());
    await assert.rejects(addRoot({ url, name: "local", store, nowMs }), hasCode("TRUST_NAME_TAKEN"));
    files.set("1.root.json", kept.get("1.root.json") ?? new Uint8Array());
    await assert.rejects(loadRoot({ name: "../local", store, nowMs }), hasCode("TRUST_NAME_INVALID"));
    await assert.rejects(loadRoot({ name: "nobody", store, nowMs }), hasCode("TRUST_NOT_FOUND"));
  });

  test("a target that was changed on disk is fetched again", async () => {
    const folder = join(store, "local", "targets");
    const [name = ""] = (await readdir(folder)).filter((file) => file.endsWith(".trusted_root.json"));
    const good = await readFile(join(folder, name));
    await writeFile(join(folder, name), "{}");
    await loadRoot({ name: "local", store, nowMs });
    assert.deepEqual(await readFile(join(folder, name)), good);
  });

  test("what was verified is verified again offline: a changed byte, a missing file and another root are refused", async () => {
    const path = join(store, "local", "verified.json");
    const good = await readFile(path, "utf8");
    const offline = () => loadRoot({ name: "local", store, nowMs, offline: true });
    const changed = (
      change: (archive: { metadata: Record<string, string>; targets: Record<string, string>; roots: string[] }) => void,
    ) => {
      const archive = JSON.parse(good);
      change(archive);
      return JSON.stringify(archive);
    };
    const other = new Map<string, Uint8Array>();
    await publish(other, undefined, nowMs + 1000);
    const otherRoot = Buffer.from(other.get("1.root.json") ?? "").toString("base64");
    for (const [text, code] of [
      [changed(({ targets }) => (targets["trusted_root.json"] = btoa("{}"))), "TUF_LENGTH"],
      [changed(({ targets }) => delete targets["trusted_root.json"]), "TRUST_OFFLINE_MISSING"],
      [changed(({ metadata }) => (metadata["snapshot"] = metadata["timestamp"] ?? "")), "TUF_FILE_MISSING"],
      [changed((archive) => (archive.roots = [otherRoot])), "TRUST_ROOT_CHECKSUM"],
      [changed((archive) => (archive.roots = [])), "TRUST_ARCHIVE_MALFORMED"],
      ["{}", "TRUST_ARCHIVE_MALFORMED"],
      [good.replace(/"mediaType": "[^"]*"/, '"mediaType": "other"'), "TRUST_ARCHIVE_MALFORMED"],
    ] as const) {
      await writeFile(path, text);
      await assert.rejects(offline(), hasCode(code));
    }
    await rm(path);
    await assert.rejects(offline(), hasCode("TRUST_OFFLINE_MISSING"));
    await loadRoot({ name: "local", store, nowMs });
    await offline();
  });

  test("exportRoot and importRoot carry a root over an air gap", async () => {
    const far = await mkdtemp(join(tmpdir(), "sigillum-trust-far-"));
    try {
      const archive = await exportRoot({ name: "local", store });
      const rootSha256 = encodeHex(sha256(files.get("1.root.json") ?? new Uint8Array()));
      requests = 0;
      const soon = { archive, name: "local", store: far, nowMs: nowMs + dayMs, rootSha256 };
      const imported = await importRoot(soon);
      assert.equal(imported.refreshed, false);
      assert.equal(imported.record.refreshedMs, nowMs);
      assert.equal((await loadRoot({ store: far, nowMs: nowMs + 400 * dayMs, offline: true })).rootVersion, 1);
      assert.equal(requests, 0);
      await importRoot(soon);
      await assert.rejects(importRoot({ ...soon, nowMs: nowMs + 31 * dayMs }), hasCode("TRUST_ARCHIVE_OLD"));
      await assert.rejects(importRoot({ ...soon, nowMs: nowMs - dayMs }), hasCode("TRUST_ARCHIVE_OLD"));
      await assert.rejects(importRoot({ ...soon, rootSha256: "00".repeat(32) }), hasCode("TRUST_ROOT_CHECKSUM"));
      // What names a later moment is judged there: its timestamp has expired by then.
      const late = new TextDecoder().decode(archive).replace(/"verified": "[^"]*"/, '"verified": "2027-01-01T00:00:00Z"');
      await assert.rejects(importRoot({ ...soon, archive: encodeUtf8(late), nowMs: nowMs + 40 * dayMs }), hasCode("TUF_EXPIRED"));
    } finally {
      await rm(far, { recursive: true });
    }
  });

  test("an archive never takes a store back to what it was before", async () => {
    const far = await mkdtemp(join(tmpdir(), "sigillum-trust-far-"));
    const kept = new Map(files);
    try {
      const before = await exportRoot({ name: "local", store });
      await publish(files, publishedIn(files), nowMs + 2 * dayMs);
      await addRoot({ url, name: "local", store: far, nowMs: nowMs + 2 * dayMs });
      const options = { archive: before, name: "local", store: far, nowMs: nowMs + 2 * dayMs };
      await assert.rejects(importRoot(options), hasCode("TRUST_ARCHIVE_OLD"));
    } finally {
      files.clear();
      for (const [path, bytes] of kept) files.set(path, bytes);
      await rm(far, { recursive: true });
    }
  });

  test("describeRoot tells the chain, the roles and what was fetched", async () => {
    const { chain, roles, targets: listed } = await describeRoot({ name: "local", store });
    assert.deepEqual(
      chain.map(({ version, threshold, signedBy, keyids }) => [version, threshold, signedBy.length, keyids.length]),
      [[1, 1, 1, 1]],
    );
    assert.deepEqual(
      roles.map(({ role }) => role),
      ["root", "targets", "snapshot", "timestamp"],
    );
    assert.ok(listed.every(({ fetched }) => fetched));
  });

  test("fifty loads at once on one cold cache all succeed, and leave the newest version", async () => {
    const cold = await mkdtemp(join(tmpdir(), "sigillum-trust-cold-"));
    try {
      const adds = Array.from({ length: 25 }, () => addRoot({ url, name: "busy", store: cold, nowMs }));
      const added = await Promise.all(adds);
      const loads = Array.from({ length: 25 }, () => loadRoot({ name: "busy", store: cold, nowMs }));
      for (const { rootVersion, stored } of [...added, ...(await Promise.all(loads))])
        assert.deepEqual([rootVersion, stored], [1, undefined]);
      const left = await readdir(join(cold, "busy"), { recursive: true });
      assert.deepEqual(
        left.filter((name) => /\.tmp$|\.lock$/.test(name)),
        [],
      );
    } finally {
      await rm(cold, { recursive: true });
    }
  });

  test("a lock that a killed process left is broken, and a lower version never replaces a higher one", async () => {
    const lock = join(store, "local", ".lock");
    await writeFile(lock, "");
    await utimes(lock, 0, 0);
    await loadRoot({ name: "local", store, nowMs });
    await assert.rejects(readFile(lock), /ENOENT/);
    const newest = directoryStore(join(store, "order"));
    const later = new Map(files);
    await publish(later, publishedIn(files), nowMs + 2 * dayMs);
    const [low, high] = [files.get("timestamp.json"), later.get("timestamp.json")];
    assert.ok(low && high);
    await newest.write("timestamp", high);
    await newest.write("timestamp", low);
    assert.deepEqual(new Uint8Array((await newest.read("timestamp")) ?? []), new Uint8Array(high));
    await rm(join(store, "order"), { recursive: true });
  });

  test("a server that sends slowly, or without end, is refused", async () => {
    const endless = createServer((_, response) => {
      const timer = setInterval(() => response.write(" "), 5);
      response.once("close", () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
    const address = endless.address();
    assert.ok(address !== null && typeof address === "object");
    const base = `http://127.0.0.1:${address.port}`;
    await assert.rejects(httpFetcher(base, 200)("timestamp.json", 16_384), hasCode("HTTP_TIMEOUT"));
    await assert.rejects(httpFetcher(base, 20_000)("timestamp.json", 10), hasCode("HTTP_TOO_LARGE"));
    endless.closeAllConnections();
    await new Promise((resolve) => endless.close(resolve));
  });

  test("removeRoot forgets one root and leaves the others", async () => {
    await addRoot({ url, name: "second", store, nowMs });
    assert.equal((await removeRoot({ name: "second", store })).name, "second");
    await assert.rejects(removeRoot({ name: "second", store }), hasCode("TRUST_NOT_FOUND"));
    assert.deepEqual(
      (await listRoots(store)).map(({ name }) => name),
      ["local"],
    );
  });

  test("a read-only home: loads go on in memory, changes are refused by name", { skip: readOnlySkip }, async () => {
    let home = "";
    try {
      await asNobody(async () => {
        home = await mkdtemp(join(tmpdir(), "sigillum-trust-readonly-"));
        await addRoot({ url, name: "local", store: home, nowMs });
        for (const folder of ["targets", "metadata", "roots", "."]) await chmod(join(home, "local", folder), 0o555);
        await chmod(home, 0o555);
        const loaded = await loadRoot({ name: "local", store: home, nowMs: nowMs + 1000 });
        assert.equal(loaded.stored, false);
        await assert.rejects(addRoot({ url, name: "other", store: home, nowMs }), hasCode("TRUST_STORE_READ_ONLY"));
        await assert.rejects(removeRoot({ name: "local", store: home }), hasCode("TRUST_STORE_READ_ONLY"));
      });
    } finally {
      for (const folder of [".", "local"]) await chmod(join(home, folder), 0o755);
      for (const folder of ["targets", "metadata", "roots"]) await chmod(join(home, "local", folder), 0o755);
      await rm(home, { recursive: true });
    }
  });

  test("a broken record is named", async () => {
    await writeFile(join(store, "local", "root-record.json"), "{");
    await assert.rejects(loadRoot({ name: "local", store, nowMs }), hasCode("TRUST_STORE_CORRUPT"));
  });
});

test("trustStoreDirectory follows SIGILLUM_HOME", () => {
  assert.equal(trustStoreDirectory({ SIGILLUM_HOME: "/x" }), join("/x", "roots"));
});
