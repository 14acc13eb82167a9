import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { digest, type HashAlgorithm } from "@sigillum/library/crypto";
import {
  derInteger,
  derSequence,
  derTagged,
  encodeBase64,
  encodeUtf8,
  parseDer,
  parseJson,
  parseUtf8,
} from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import {
  encodeTimestampRequest,
  parseTimestampRequest,
  parseTimestampResponse,
  verifyTimestamp,
} from "@sigillum/library/timestamp";
import { parseCertificatesPem } from "@sigillum/library/x509";
import fc from "fast-check";
import { Host, silentLogger } from "../host/index.ts";
import { Keyring } from "../keyring/index.ts";
import { createTimestamp, createTimestampAuthority, parseJsonRequest, timestampAuthorityErrors } from "./index.ts";

const startMs = Date.UTC(2026, 10, 24, 2, 0, 0, 500);
const clock = { ms: startMs, nowMs: () => clock.ms };
const signature = encodeUtf8("the bytes of a signature");
const policy = "1.3.6.1.4.1.57264.2";

describe("timestamp authority", () => {
  let directory = "";
  let keyring: Keyring;
  let host: Host;
  let url = "";
  const post = (body: Uint8Array | string, type = "application/timestamp-query"): Promise<HttpResponse> =>
    request({ method: "POST", url: `${url}/api/v1/timestamp`, headers: type === "" ? {} : { "content-type": type }, body });
  const problem = (response: HttpResponse): Record<string, unknown> => parseJson(response.body) as Record<string, unknown>;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-tsa-"));
    const publicUrls = {
      logV1: "http://localhost:1",
      logV2: "http://localhost:2",
      ca: "http://localhost:3",
      ct: "http://localhost:4",
      tsa: "http://localhost:5",
      identity: "http://localhost:6",
    };
    keyring = await Keyring.create(directory, { organization: "Example", operator: "localhost", publicUrls }, startMs);
    const listener = { name: "tsa", addresses: ["127.0.0.1"], port: 0 };
    host = new Host({ logger: silentLogger, clock });
    await host.start([createTimestampAuthority({ keyring, policy, clock, logger: silentLogger, listener })]);
    url = `http://127.0.0.1:${host.addresses()[0]?.port}`;
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("stamps a DER request for every accepted hash, and the trusted root verifies it", async () => {
    for (const hash of ["sha256", "sha384", "sha512"] satisfies HashAlgorithm[]) {
      const nonce = Uint8Array.of(0x7f, 1, 2, 3, 4, 5, 6, 7, 8);
      const response = await post(encodeTimestampRequest({ hash, digest: digest(hash, signature), nonce, certReq: true }));
      assert.equal(response.status, 200);
      assert.equal(response.headers["content-type"], "application/timestamp-reply");
      const verified = verifyTimestamp({
        response: response.body,
        signature,
        authorities: keyring.trustedRoot().timestampAuthorities,
        nonce,
      });
      assert.equal(verified.timeMs, Date.UTC(2026, 10, 24, 2, 0, 0));
      assert.equal(parseTimestampResponse(response.body).token?.info.policy, policy);
    }
  });

  it("stamps a JSON request as sigstore-js sends it", async () => {
    const body = JSON.stringify({ artifactHash: encodeBase64(digest("sha256", signature)), hashAlgorithm: "SHA256" });
    const response = await post(body, "application/json; charset=utf-8");
    assert.equal(response.status, 200);
    verifyTimestamp({ response: response.body, signature, authorities: keyring.trustedRoot().timestampAuthorities });
  });

  it("echoes a JSON nonce of twenty digits to the digit", async () => {
    const artifactHash = encodeBase64(digest("sha256", signature));
    const response = await post(
      `{"nonce" : 98765432109876543210, "artifactHash":"${artifactHash}","hashAlgorithm":"sha256"}`,
      "application/json",
    );
    const nonce = parseTimestampResponse(response.body).token?.info.nonce;
    assert.deepEqual(nonce, parseDer(derInteger(98765432109876543210n)).contents);
  });

  it("puts an accepted policy that a request names into the token, its own where none is named, and the chain where it is to", async () => {
    const options = { keyring, policy, acceptedPolicies: ["1.2.3.4"], clock };
    const ask = async (
      asked: string | undefined,
      includeChain: boolean,
    ): Promise<readonly [string | undefined, number | undefined]> => {
      const query = { hash: "sha256", digest: digest("sha256", signature), certReq: true, policy: asked } as const;
      const request = parseTimestampRequest(encodeTimestampRequest(query));
      const response = await createTimestamp({ ...options, includeChain }, request);
      verifyTimestamp({ response, signature, authorities: keyring.trustedRoot().timestampAuthorities });
      const { token } = parseTimestampResponse(response);
      return [token?.info.policy, token?.certificates.length];
    };
    assert.deepEqual(await ask("1.2.3.4", false), ["1.2.3.4", 1]);
    assert.deepEqual(await ask(undefined, false), [policy, 1]);
    assert.deepEqual(await ask(policy, true), [policy, keyring.activeChain("tsa").certificates.length]);
    await assert.rejects(ask("1.2.3.5", false), { code: "TIMESTAMP_POLICY_UNSUPPORTED", found: "1.2.3.5" });
  });

  it("stamps nothing after its clock jumped, and says so in its readiness", async () => {
    const time = { wall: startMs, steady: 0 };
    const jumping = new Host({ logger: silentLogger, clock });
    const service = createTimestampAuthority({
      keyring,
      policy,
      clock: { nowMs: () => time.wall },
      clockGuard: { steadyMs: () => time.steady, toleranceMs: 1000, ntpServers: [] },
      logger: silentLogger,
      listener: { name: "tsa", addresses: ["127.0.0.1"], port: 0 },
    });
    await jumping.start([service]);
    try {
      const target = `http://127.0.0.1:${jumping.addresses()[0]?.port}/api/v1/timestamp`;
      const ask = (): Promise<HttpResponse> =>
        request({
          method: "POST",
          url: target,
          headers: { "content-type": "application/timestamp-query" },
          body: encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) }),
        });
      assert.equal((await ask()).status, 200);
      time.wall += 5000;
      const refused = await ask();
      assert.equal(refused.status, 503);
      assert.equal(problem(refused)["reason"], "TSA_CLOCK_UNSTEADY");
      assert.equal((await jumping.readiness()).get("tsa")?.ready, false);
      time.wall += 60_000;
      time.steady += 60_000;
      assert.equal((await ask()).status, 200);
    } finally {
      await jumping.stop();
    }
  });

  it("never gives a serial twice", async () => {
    const query = encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) });
    const serials = await Promise.all(
      Array.from({ length: 20 }, async () => parseTimestampResponse((await post(query)).body).token?.info.serial),
    );
    assert.equal(new Set(serials.map((serial) => String(serial))).size, 20);
  });

  it("serves its chain, signing certificate first", async () => {
    const response = await request({ url: `${url}/api/v1/timestamp/certchain` });
    assert.equal(response.status, 200);
    assert.equal(response.headers["content-type"], "application/pem-certificate-chain");
    const chain = parseCertificatesPem(parseUtf8(response.body));
    assert.deepEqual(
      chain.map((certificate) => certificate.der),
      keyring.activeChain("tsa").certificates.map((certificate) => certificate.der),
    );
    assert.equal((await request({ url: `${url}/ping` })).status, 200);
  });

  it("refuses weak hashes, wrong lengths, other policies and extensions with the upstream messages", async () => {
    const sha1 = encodeTimestampRequest({ hash: "sha1", digest: digest("sha1", signature) });
    assert.deepEqual(
      { ...problem(await post(sha1)), detail: "" },
      { code: 400, message: "Weak hash algorithm in timestamp request", reason: "TIMESTAMP_HASH_WEAK", detail: "" },
    );
    const good = encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature), policy: "1.2.3.4" });
    assert.match(String(problem(await post(good))["message"]), /^unaccepted policy: /u);
    const parts = parseDer(encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) })).contents;
    const extended = derSequence(parts, derTagged(0xa0, derSequence()));
    assert.match(String(problem(await post(extended))["message"]), /^unaccepted extension: /u);
    const short = JSON.stringify({ artifactHash: encodeBase64(new Uint8Array(20)), hashAlgorithm: "sha256" });
    assert.equal(
      problem(await post(short, "application/json"))["message"],
      "Message digest has incorrect length for specified algorithm",
    );
  });

  it("raises nothing but its own errors for any JSON", () => {
    const fields = fc
      .record({
        artifactHash: fc.jsonValue(),
        hashAlgorithm: fc.oneof(fc.constant("sha256"), fc.jsonValue()),
        nonce: fc.jsonValue(),
      })
      .map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), fields), (text) => {
        try {
          parseJsonRequest(new Uint8Array(Buffer.from(text)));
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /^TSA_JSON_/u, text);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("refuses what it cannot read", async () => {
    const query = encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) });
    assert.equal((await post(Uint8Array.of(...query, 0))).status, 400);
    assert.equal((await post(new Uint8Array())).status, 400);
    assert.equal((await post(new Uint8Array(20_000))).status, 400);
    assert.equal((await post(query, "text/plain")).status, 415);
    assert.equal((await post(query, "")).status, 415);
    assert.equal(
      problem(await post(`{"a":"${"x".repeat(1020)}"}`, "application/json"))["message"],
      "timestamp request is too large",
    );
    for (const body of [
      "{}",
      "[]",
      "{",
      '{"artifactHash":"AAAA","hashAlgorithm":"md5"}',
      '{"artifactHash":5,"hashAlgorithm":"sha256"}',
      '{"artifactHash":"AAAA","hashAlgorithm":"sha256","nonce":-5}',
    ]) {
      const response = await post(body, "application/json");
      assert.equal(response.status, 400, body);
      assert.equal(problem(response)["reason"], "TSA_JSON_MALFORMED", body);
    }
    assert.throws(
      () => parseJsonRequest(new Uint8Array(1025)),
      (error: { code?: string }) => error.code === "TSA_JSON_TOO_LARGE",
    );
    assert.equal((await request({ url: `${url}/api/v1/nothing` })).status, 404);
    assert.equal((await request({ url: `${url}/api/v1/timestamp` })).status, 405);
  });

  it("stops when its certificate is not valid, and says so when asked whether it is ready", async () => {
    clock.ms = startMs + 10 * 365 * 86_400_000;
    try {
      const response = await post(encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) }));
      assert.equal(response.status, 503);
      assert.equal(problem(response)["reason"], "TSA_CERTIFICATE_OUTSIDE_VALIDITY");
      assert.equal((await host.readiness()).get("tsa")?.ready, false);
    } finally {
      clock.ms = startMs;
    }
    assert.equal((await host.readiness()).get("tsa")?.ready, true);
  });

  it("answers 503 when its key does not sign", async () => {
    const broken = {
      activeChain: () => keyring.activeChain("tsa"),
      signer: () => ({ ...keyring.signer("tsa"), sign: () => Promise.reject(new Error("token pulled")) }),
    };
    const query = parseTimestampRequest(encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) }));
    await assert.rejects(
      createTimestamp({ keyring: broken as unknown as Keyring, policy, clock }, query),
      (error: { code?: string }) => error.code === "TSA_SIGNING_FAILED",
    );
    assert.ok(Object.values(timestampAuthorityErrors).every((entry) => entry.means.endsWith(".")));
  });
});
