import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeBase64, encodeHex, JsonObject, parseJson } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { ctPoisonExtension, emptyName, fulcioLeafExtensions, signCertificate, subjectKeyId } from "@sigillum/library/x509";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { Host, silentLogger } from "../host/index.ts";
import { Keyring, randomSerial } from "../keyring/index.ts";
import { type CtLogService, createCtLogService } from "./index.ts";

const startMs = Date.UTC(2026, 10, 24, 2, 0, 0);
const dayMs = 86_400_000;
const clock = { ms: startMs, nowMs: () => clock.ms };

describe("the rotation of a CT log", () => {
  let directory = "";
  let keyring: Keyring;
  let service: CtLogService;
  let host: Host;
  let url = "";
  let isPublished = false;

  const open = async (): Promise<void> => {
    service = await createCtLogService({
      keyring,
      directory: join(directory, "logs"),
      leafIndexExtension: false,
      clock,
      logger: silentLogger,
      listener: { name: "ct", addresses: ["127.0.0.1"], port: 0 },
      rotation: {
        cacheWindowMs: 7 * dayMs,
        publish: () => (isPublished ? Promise.resolve() : Promise.reject(new Error("keyholders have not met"))),
      },
    });
    host = new Host({ logger: silentLogger, clock });
    await host.start([service]);
    url = `http://127.0.0.1:${host.addresses()[0]?.port}`;
  };
  const rotate = async (): Promise<unknown> => service.actions.get("ct.rotate")?.(null);
  const logId = (): string => encodeHex(service.log.record.logId);

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-ct-"));
    const http = (port: number): string => `http://localhost:${port}`;
    const publicUrls = { logV1: http(1), logV2: http(2), ca: http(3), ct: http(6962), tsa: http(5), identity: http(6) };
    keyring = await Keyring.create(directory, { organization: "Example", operator: "localhost", publicUrls }, startMs);
    await open();
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const precertificate = async (email: string): Promise<Uint8Array[]> => {
    const [issuer, ...above] = keyring.activeChain("ca").certificates;
    assert.ok(issuer);
    const subject = ephemeralSigner();
    const extensions = fulcioLeafExtensions({
      spki: subject.publicKey.spki,
      issuerKeyId: subjectKeyId(issuer),
      subjectAltName: { type: "email", value: email },
      claims: { issuer: "http://i" },
    });
    const fields = {
      serial: randomSerial(),
      issuer: issuer.subject,
      subject: emptyName,
      notBeforeMs: clock.ms,
      notAfterMs: clock.ms + 600_000,
      spki: subject.publicKey.spki,
      extensions: [...extensions, ctPoisonExtension()],
    };
    return [await signCertificate(fields, keyring.signer("ca")), ...[issuer, ...above].map(({ der }) => der)];
  };
  const submit = async (path: string, email: string): Promise<HttpResponse> =>
    request({
      method: "POST",
      url: `${url}${path}/ct/v1/add-pre-chain`,
      body: JSON.stringify({ chain: (await precertificate(email)).map(encodeBase64) }),
    });
  const sizeAt = async (path: string): Promise<number> =>
    JsonObject.exact(parseJson((await request({ url: `${url}${path}/ct/v1/get-sth` })).body), "sth").safeInteger("tree_size");

  it("waits until the new key is published, and for clients' caches; only then certificates go to the new shard", async () => {
    const first = logId();
    assert.equal((await submit("", "one@example.com")).status, 200);
    await assert.rejects(rotate() ?? Promise.resolve(), /keyholders have not met/);
    assert.equal(keyring.trustedRoot().ctlogs.length, 2, "it is in the trusted root that is to be published");
    clock.ms += 20 * dayMs;
    isPublished = true;
    await rotate();
    clock.ms += 6 * dayMs;
    await rotate();
    assert.equal(logId(), first);
    clock.ms += dayMs + 1000;
    await rotate();
    assert.notEqual(logId(), first);
    const [older, newer] = keyring.shards("ct");
    assert.deepEqual([older?.state, newer?.state, newer?.publicUrl], ["sealed", "active", `http://localhost:6962/${newer?.id}`]);
    assert.ok(older?.validFor.endMs !== undefined && older.validFor.endMs >= clock.ms);
  });

  it("the older shard stays readable at the log's address and takes no more; the new one stands below it", async () => {
    const path = `/${service.log.record.id}`;
    assert.deepEqual([await sizeAt(""), await sizeAt(path)], [1, 0]);
    const refused = await submit("", "two@example.com");
    assert.equal(refused.status, 403);
    assert.ok(new TextDecoder().decode(refused.body).includes("CT_LOG_SEALED"));
    assert.equal((await submit(path, "three@example.com")).status, 200);
    assert.deepEqual([await sizeAt(""), await sizeAt(path)], [1, 1]);
  });

  it("goes on after a restart", async () => {
    const active = logId();
    await host.stop();
    keyring = await Keyring.open(directory);
    await open();
    assert.equal(logId(), active);
    assert.deepEqual([await sizeAt(""), await sizeAt(`/${service.log.record.id}`)], [1, 1]);
  });
});
