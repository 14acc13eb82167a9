// The table of tokens that must not get a certificate, over HTTP and each with a code of its own: none reaches the signing key, none is logged, and
// none makes the authority fetch an address that its configuration does not name.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { encodePublicKeyPem, type Signer } from "@sigillum/library/crypto";
import { leafIndexExtension, precertificateEntry, signSct } from "@sigillum/library/ct";
import { encodeBase64, encodeUtf8, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { parseCertificate } from "@sigillum/library/x509";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { Host, silentLogger } from "../host/index.ts";
import { Issuers } from "../issuers/index.ts";
import { Keyring } from "../keyring/index.ts";
import { createCertificateAuthority } from "./index.ts";

const startMs = Date.UTC(2026, 10, 24, 2, 0, 0);
const clock = { nowMs: () => startMs };
const now = startMs / 1000;
const email = "dev@example.com";
type Claims = Record<string, unknown>;

/** A server on loopback that counts what it is asked. */
class Site {
  readonly #server: Server;
  asked: string[] = [];
  handler: RequestListener = (_, response) => response.writeHead(404).end();

  constructor() {
    this.#server = createServer((incoming, response) => {
      this.asked.push(incoming.url ?? "");
      this.handler(incoming, response);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  open(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

describe("tokens that get no certificate", () => {
  const issuer = new Site();
  const elsewhere = new Site();
  let directory = "";
  let host: Host;
  let url = "";
  let jwt: Awaited<ReturnType<typeof generateKeyPair>>;
  let stranger: Awaited<ReturnType<typeof generateKeyPair>>;
  let jwk: JWK;
  const count = { signed: 0, logged: 0 };

  const publish = (keys: readonly unknown[] = [jwk], more: Claims = {}): RequestListener => {
    const documents: Record<string, unknown> = {
      "/.well-known/openid-configuration": { issuer: issuer.url, jwks_uri: `${issuer.url}/keys`, ...more },
      "/keys": { keys },
    };
    return (incoming, response) => response.end(JSON.stringify(documents[incoming.url ?? ""] ?? {}));
  };
  const claimsOf = (claims: Claims = {}): Claims => {
    const all: Claims = {
      iss: issuer.url,
      aud: "sigstore",
      sub: "user-1",
      email,
      email_verified: true,
      iat: now,
      exp: now + 60,
      ...claims,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  };
  const token = (claims: Claims = {}, header: Claims = {}, key = jwt.privateKey): Promise<string> =>
    new SignJWT(claimsOf(claims)).setProtectedHeader({ alg: "RS256", kid: "k1", ...header }).sign(key);
  const unsigned = (header: object, claims: Claims = {}): string =>
    [header, claimsOf(claims)].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const keyRequest = async (signer: Signer, challenge = email): Promise<Claims> => ({
    publicKey: { content: encodePublicKeyPem(signer.publicKey) },
    proofOfPossession: encodeBase64(await signer.sign(encodeUtf8(challenge))),
  });
  const ask = async (bearer: string, publicKeyRequest?: Claims): Promise<HttpResponse> =>
    request({
      method: "POST",
      url: `${url}/api/v2/signingCert`,
      headers: { "content-type": "application/json" },
      // In the body: a header of a megabyte would not get past the listener.
      body: JSON.stringify({
        credentials: { oidcIdentityToken: bearer },
        publicKeyRequest: publicKeyRequest ?? (await keyRequest(ephemeralSigner())),
      }),
    });

  /** A new authority: what an issuer answered before must not help the next case. */
  const start = async (): Promise<void> => {
    const keyring = await Keyring.open(directory);
    const counting = new Proxy(keyring, {
      get: (target, name) => {
        if (name === "signer")
          return (key: string): Signer => {
            const signer = target.signer(key);
            const sign = (message: Uint8Array): Promise<Uint8Array> => {
              count.signed += 1;
              return signer.sign(message);
            };
            return { publicKey: signer.publicKey, scheme: signer.scheme, sign };
          };
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const issuers = new Issuers({
      issuers: [{ url: issuer.url, clientId: "sigstore", type: "email", skipEmailVerification: false }],
      metaIssuers: [
        { url: "https://oidc.eks.*.example.com/id/*", clientId: "sigstore", type: "email", skipEmailVerification: false },
      ],
      clock,
      logger: silentLogger,
    });
    host = new Host({ logger: silentLogger, clock });
    await host.start([
      createCertificateAuthority({
        keyring: counting,
        issuers,
        submitPrecertificate: (chain) => {
          count.logged += 1;
          const [precertificate, parent] = chain.map((der) => parseCertificate(der));
          const [shard] = keyring.shards("ct");
          assert.ok(precertificate !== undefined && parent !== undefined && shard !== undefined);
          const entry = precertificateEntry(precertificate, parent.spki);
          const timestamped = { timestampMs: startMs, entry, extensions: leafIndexExtension(0) };
          return signSct({ timestamped, logId: shard.logId, signer: keyring.signer(shard.key) });
        },
        certificateLifetimeMs: 600_000,
        clock,
        logger: silentLogger,
        listeners: [{ name: "ca", addresses: ["127.0.0.1"], port: 0 }],
      }),
    ]);
    url = `http://127.0.0.1:${host.addresses()[0]?.port}`;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-token-table-"));
    const [logV1, logV2, ca, ct, tsa] = [1, 2, 3, 4, 5].map((port) => `http://localhost:${port}`);
    const publicUrls = { logV1, logV2, ca, ct, tsa, identity: "http://localhost:6" } as Record<
      "logV1" | "logV2" | "ca" | "ct" | "tsa" | "identity",
      string
    >;
    await Keyring.create(directory, { organization: "Example", operator: "localhost", publicUrls }, startMs);
    await Promise.all([issuer.open(), elsewhere.open()]);
    jwt = await generateKeyPair("RS256", { extractable: true });
    stranger = await generateKeyPair("RS256", { extractable: true });
    jwk = { ...(await exportJWK(jwt.publicKey)), kid: "k1" };
  });
  after(async () => {
    await Promise.all([issuer.close(), elsewhere.close()]);
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    issuer.handler = publish();
    issuer.asked = [];
    elsewhere.asked = [];
    await start();
  });

  const refusedWith = async (answer: HttpResponse, code: string): Promise<string> => {
    try {
      const body = parseJson(answer.body) as { details: { reason: string; metadata: { message: string } }[] };
      assert.equal(body.details[0]?.reason, code, parseUtf8(answer.body));
      assert.equal(answer.status, code.startsWith("ISSUER_") ? 503 : 400);
      assert.doesNotMatch(parseUtf8(answer.body), /BEGIN CERTIFICATE/u);
      const message = body.details[0]?.metadata.message ?? "";
      assert.match(message, /^Cannot [a-z].*: .{10,}/u);
      return message;
    } finally {
      await host.stop();
    }
  };

  const cases: readonly (readonly [string, () => Promise<string> | string, code: string, RegExp])[] = [
    [
      "from a wrong issuer",
      () => token({ iss: "https://evil.example" }),
      "TOKEN_ISSUER_UNKNOWN",
      /"https:\/\/evil\.example" is not trusted/u,
    ],
    ["for a wrong audience", () => token({ aud: "other" }), "TOKEN_AUDIENCE", /its audience is .*other.*, expected "sigstore"/u],
    ["for no audience", () => token({ aud: undefined }), "TOKEN_AUDIENCE", /no audience/u],
    ["for two audiences", () => token({ aud: ["sigstore", "other"] }), "TOKEN_AUDIENCE_SEVERAL", /sigstore.*other/u],
    ["that has expired", () => token({ exp: now }), "TOKEN_EXPIRED", /it expired at 2026-11-24T02:00:00Z/u],
    ["that never expires", () => token({ exp: undefined }), "TOKEN_EXPIRED", /names no time at which it expires/u],
    ["that is not valid yet", () => token({ nbf: now + 301 }), "TOKEN_NOT_YET_VALID", /valid from 2026-11-24T02:05:01Z/u],
    ["with an unknown kid", () => token({}, { kid: "k2" }), "TOKEN_KEY_UNKNOWN", /publishes no RS256 key for "k2"/u],
    [
      "by a stranger's key under a known kid",
      () => token({}, {}, stranger.privateKey),
      "TOKEN_SIGNATURE",
      /not by the key of its issuer/u,
    ],
    ["with alg none", () => `${unsigned({ alg: "none" })}.`, "TOKEN_UNSIGNED", /its algorithm is none/u],
    ["with alg None and the kid", () => `${unsigned({ alg: "None", kid: "k1" })}.`, "TOKEN_UNSIGNED", /its algorithm is none/u],
    [
      "with HS256 over the public key",
      async () =>
        new SignJWT(claimsOf())
          .setProtectedHeader({ alg: "HS256", kid: "k1" })
          .sign(new TextEncoder().encode(await exportSPKI(jwt.publicKey))),
      "TOKEN_ALGORITHM_SYMMETRIC",
      /HS256 needs a secret/u,
    ],
    ["with an algorithm that is not announced", () => token({}, { alg: "RS512" }).catch(() => ""), "TOKEN_ALGORITHM", /RS512/u],
    ["without email_verified", () => token({ email_verified: undefined }), "TOKEN_EMAIL_UNVERIFIED", /email_verified/u],
    ["with email_verified false", () => token({ email_verified: false }), "TOKEN_EMAIL_UNVERIFIED", /email_verified/u],
    ["without the claim email", () => token({ email: undefined }), "TOKEN_CLAIM_MISSING", /email/u],
    ["with an email that is none", () => token({ email: "dev" }), "TOKEN_CLAIM_INVALID", /email/u],
    ["of one mebibyte", () => token({ more: "x".repeat(1024 * 1024) }), "TOKEN_TOO_LARGE", /it has 1[\d,]+ characters/u],
    ["of a mebibyte of dots", () => ".".repeat(1024 * 1024), "TOKEN_TOO_LARGE", /it has 1048576 characters/u],
    ["that is no JWT", () => "rubbish", "TOKEN_MALFORMED", /it has 0 dots/u],
    [
      "with critical extensions",
      () => `${unsigned({ alg: "RS256", kid: "k1", crit: ["b64"] })}.AA`,
      "TOKEN_MALFORMED",
      /critical/u,
    ],
  ];
  for (const [what, make, code, sentence] of cases)
    it(`a token ${what}: ${code}`, async () => {
      const before = { ...count };
      const bearer = code === "TOKEN_ALGORITHM" ? `${unsigned({ alg: "RS512", kid: "k1" })}.AAAA` : await make();
      assert.match(await refusedWith(await ask(bearer), code), sentence);
      assert.deepEqual(count, before);
      assert.deepEqual(elsewhere.asked, []);
      // An issuer that is not configured, or an algorithm that nobody may use, is no reason to ask anybody.
      if (/^TOKEN_(?:ISSUER|UNSIGNED|TOO_LARGE|MALFORMED|ALGORITHM_SYMMETRIC)/u.test(code)) assert.deepEqual(issuer.asked, []);
    });

  const issuerCases: readonly (readonly [string, () => RequestListener, code: string])[] = [
    ["redirects to another host", () => (_, reply) => reply.writeHead(302, { location: elsewhere.url }).end(), "ISSUER_REDIRECT"],
    [
      "has a key set of 101 keys",
      () => publish(Array.from({ length: 101 }, (_, at) => ({ ...jwk, kid: `k${at}` }))),
      "ISSUER_KEY_SET_TOO_LARGE",
    ],
    ["answers without end", () => (_, reply) => reply.end(" ".repeat(8 * 1024 * 1024)), "ISSUER_KEY_SET_TOO_LARGE"],
    ["is down", () => (_, reply) => reply.writeHead(500).end(), "ISSUER_UNREACHABLE"],
    ["calls itself another", () => publish([jwk], { issuer: elsewhere.url }), "ISSUER_INVALID"],
  ];
  for (const [what, handler, code] of issuerCases)
    it(`a token of an issuer that ${what}: ${code}`, async () => {
      const before = { ...count };
      issuer.handler = handler();
      await refusedWith(await ask(await token()), code);
      assert.deepEqual(count, before);
      assert.deepEqual(elsewhere.asked, []);
    });

  it("a good token with a wrong proof of possession: CA_PROOF_OF_POSSESSION", async () => {
    const before = { ...count };
    const signer = ephemeralSigner();
    await refusedWith(await ask(await token(), await keyRequest(signer, "somebody@example.com")), "CA_PROOF_OF_POSSESSION");
    assert.deepEqual(count, before);
  });

  it("a good token with another's proof, replayed: CA_PROOF_REPLAYED", async () => {
    const proof = await keyRequest(ephemeralSigner());
    const first = await ask(await token(), proof);
    assert.equal(first.status, 200, parseUtf8(first.body));
    const before = { ...count };
    const thief = await token({ sub: "thief", email: "thief@example.com" });
    await refusedWith(await ask(thief, proof), "CA_PROOF_REPLAYED");
    assert.deepEqual(count, before);
  });

  it("the counters count: a good token is signed twice, logged once, and its issuer alone is asked", async () => {
    const before = { ...count };
    const answer = await ask(await token());
    await host.stop();
    assert.equal(answer.status, 200, parseUtf8(answer.body));
    assert.deepEqual(count, { signed: before.signed + 2, logged: before.logged + 1 });
    assert.deepEqual(issuer.asked, ["/.well-known/openid-configuration", "/keys"]);
    assert.deepEqual(elsewhere.asked, []);
  });

  it("issuers that only look like configured ones are never asked", async () => {
    const before = { ...count };
    const port = new URL(elsewhere.url).port;
    const lookalikes = [
      elsewhere.url,
      `${issuer.url}/`,
      `${issuer.url}@127.0.0.1:${port}`,
      `${elsewhere.url}?https://oidc.eks.a.example.com/id/b`,
      `${elsewhere.url}#https://oidc.eks.a.example.com/id/b`,
      `https://oidc.eks.127.0.0.1:${port}/x.example.com/id/b`,
      `https://oidc.eks.a@127.0.0.1:${port}.example.com/id/b`,
      "https://oidc.eks.a.b.example.com/id/c",
      "https://oidc.eks.a.example.com/id/b/../c",
      "file:///etc/passwd",
    ];
    try {
      for (const iss of lookalikes) {
        const answer = await ask(await token({ iss }));
        const body = parseJson(answer.body) as { details: { reason: string }[] };
        assert.equal(body.details[0]?.reason, "TOKEN_ISSUER_UNKNOWN", iss);
      }
    } finally {
      await host.stop();
    }
    assert.deepEqual(count, before);
    assert.deepEqual([issuer.asked, elsewhere.asked], [[], []]);
  });
});
