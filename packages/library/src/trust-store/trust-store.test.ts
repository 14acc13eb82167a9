import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSigner, type Signer, sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { encodeSigningConfig, encodeTrustedRoot } from "../trusted-root/index.ts";
import type { RoleName } from "../tuf/index.ts";
import { defaultPeriods, type PublishedState, parsePublishedState, planPublication } from "../tuf-repository/index.ts";
import { addRoot, listRoots, loadRoot, trustStoreDirectory } from "./index.ts";

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
    files: targets,
    signers,
    thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
  };
  for (const file of await planPublication(state, plan)) files.set(file.path, file.bytes);
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

  test("a target that was changed on disk is fetched again, and offline it is refused", async () => {
    const path = join(store, "local", "targets", "trusted_root.json");
    const good = await readFile(path);
    await writeFile(path, "{}");
    await assert.rejects(loadRoot({ name: "local", store, nowMs, offline: true }), hasCode("TRUST_OFFLINE_MISSING"));
    await loadRoot({ name: "local", store, nowMs });
    assert.deepEqual(await readFile(path), good);
  });

  test("a broken record is named", async () => {
    await writeFile(join(store, "local", "root-record.json"), "{");
    await assert.rejects(loadRoot({ name: "local", store, nowMs }), hasCode("TRUST_STORE_CORRUPT"));
  });
});

test("trustStoreDirectory follows SIGILLUM_HOME", () => {
  assert.equal(trustStoreDirectory({ SIGILLUM_HOME: "/x" }), join("/x", "roots"));
});
