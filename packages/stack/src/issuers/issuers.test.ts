import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { CompactSign, exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { silentLogger } from "../host/index.ts";
import { discoveryLimits, Issuers, issuersErrors } from "./index.ts";

const startMs = Date.UTC(2026, 10, 24, 2, 0, 0);
const now = startMs / 1000;
const clock = { ms: startMs, nowMs: () => clock.ms };
const embeddedUrl = "http://localhost:5556";

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
interface TokenOptions {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly without?: readonly string[];
  readonly key?: Keys["privateKey"];
}

const code =
  (expected: string, pattern?: RegExp) =>
  (error: { code?: string; message: string }): boolean => {
    assert.equal(error.code, expected, error.message);
    assert.ok(Object.hasOwn(issuersErrors, expected), expected);
    if (pattern !== undefined) assert.match(error.message, pattern);
    return true;
  };

describe("Issuers", () => {
  let keys: Keys;
  let ec: Keys;
  let issuers: Issuers;
  let jwk: JWK;
  const sign = ({ claims = {}, header = {}, without = [], key }: TokenOptions = {}): Promise<string> => {
    const all: Record<string, unknown> = {
      iss: embeddedUrl,
      aud: "sigstore",
      sub: "user-1",
      email: "dev@example.com",
      email_verified: true,
      exp: now + 60,
      ...claims,
    };
    for (const name of without) delete all[name];
    return new SignJWT(all).setProtectedHeader({ alg: "RS256", kid: "k1", ...header }).sign(key ?? keys.privateKey);
  };
  before(async () => {
    keys = await generateKeyPair("RS256", { extractable: true });
    ec = await generateKeyPair("ES256", { extractable: true });
    jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", use: "sig", alg: "RS256" };
    issuers = new Issuers({
      issuers: [],
      embedded: [
        {
          configuration: { url: embeddedUrl, clientId: "sigstore", type: "email", skipEmailVerification: false },
          keys: JSON.parse(JSON.stringify({ keys: [jwk, { ...(await exportJWK(ec.publicKey)), kid: "ec" }] })),
        },
      ],
      clock,
      logger: silentLogger,
    });
  });
  beforeEach(() => {
    clock.ms = startMs;
  });

  it("turns a token of an email issuer into its principal", async () => {
    assert.deepEqual(await issuers.verifyToken(await sign()), {
      issuer: embeddedUrl,
      subject: "user-1",
      subjectAltName: { type: "email", value: "dev@example.com" },
      challenges: ["dev@example.com", "user-1"],
      extensions: {},
    });
    for (const verified of ["true", "True"]) await issuers.verifyToken(await sign({ claims: { email_verified: verified } }));
    await issuers.verifyToken(await sign({ claims: { aud: ["sigstore"], nbf: now + 299 } }));
    await issuers.verifyToken(await sign({ header: { kid: undefined } }));
  });

  it("refuses what is no JWT", async () => {
    await assert.rejects(issuers.verifyToken("a.b"), code("TOKEN_MALFORMED", /1 dots/u));
    await assert.rejects(issuers.verifyToken("a.b.c"), code("TOKEN_MALFORMED", /its header/u));
    await assert.rejects(issuers.verifyToken(`${await sign()}.x`), code("TOKEN_MALFORMED", /3 dots/u));
    await assert.rejects(issuers.verifyToken(".".repeat(100)), code("TOKEN_MALFORMED"));
    const list = await new CompactSign(new TextEncoder().encode("[]"))
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .sign(keys.privateKey);
    await assert.rejects(issuers.verifyToken(list), code("TOKEN_MALFORMED", /its claims/u));
    await assert.rejects(
      sign({ without: ["iss"] }).then((token) => issuers.verifyToken(token)),
      code("TOKEN_MALFORMED", /no claim iss/u),
    );
  });

  it("raises nothing but its own errors for any text, however it is mangled", async () => {
    const good = await sign();
    const mangled = fc
      .tuple(fc.nat(good.length - 1), fc.string({ maxLength: 4 }))
      .map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1));
    const parts = fc.array(
      fc.string({ unit: "binary" }).map((text) => Buffer.from(text).toString("base64url")),
      { minLength: 3, maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          mangled,
          fc.string({ unit: "binary" }),
          parts.map((all) => all.join(".")),
        ),
        async (text) => {
          if (text === good) return;
          const outcome = await issuers.verifyToken(text).then(
            (principal) => ({ code: `accepted ${principal.subject}` }),
            (error: { code?: string }) => error,
          );
          assert.match(outcome.code ?? "no code", /^TOKEN_/u);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("refuses a megabyte before it reads it", async () => {
    await assert.rejects(issuers.verifyToken("a".repeat(1_048_576)), code("TOKEN_TOO_LARGE"));
  });

  it("refuses another issuer and names the trusted ones", async () => {
    await assert.rejects(
      sign({ claims: { iss: `${embeddedUrl}/` } }).then((token) => issuers.verifyToken(token)),
      code("TOKEN_ISSUER_UNKNOWN", /is not trusted here/u),
    );
  });

  it("refuses alg none, a shared secret, and algorithms that the issuer does not announce", async () => {
    const claims = { iss: embeddedUrl, aud: "sigstore", sub: "s", email: "dev@example.com", email_verified: true, exp: now + 60 };
    await assert.rejects(issuers.verifyToken(new UnsecuredJWT(claims).encode()), code("TOKEN_UNSIGNED"));
    const confused = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: "k1" })
      .sign(new TextEncoder().encode(JSON.stringify(jwk)));
    await assert.rejects(issuers.verifyToken(confused), code("TOKEN_ALGORITHM_SYMMETRIC", /HS256/u));
    await assert.rejects(
      sign({ header: { alg: "ES256", kid: "ec" }, key: ec.privateKey }).then((token) => issuers.verifyToken(token)),
      code("TOKEN_ALGORITHM", /ES256/u),
    );
  });

  it("refuses an unknown key and a wrong signature", async () => {
    await assert.rejects(
      sign({ header: { kid: "k2" } }).then((token) => issuers.verifyToken(token)),
      code("TOKEN_KEY_UNKNOWN", /"k2"/u),
    );
    const other = await generateKeyPair("RS256");
    await assert.rejects(
      sign({ key: other.privateKey }).then((token) => issuers.verifyToken(token)),
      code("TOKEN_SIGNATURE"),
    );
    const [header, , signature] = (await sign()).split(".");
    const [, payload] = (await sign({ claims: { email: "root@example.com" } })).split(".");
    await assert.rejects(issuers.verifyToken(`${header}.${payload}.${signature}`), code("TOKEN_SIGNATURE"));
  });

  it("refuses another audience, none, and more than one", async () => {
    for (const aud of ["other", ["sigstore", "other"], ["sigstore", "sigstore"], [], 5]) {
      await assert.rejects(
        sign({ claims: { aud } }).then((token) => issuers.verifyToken(token)),
        code(Array.isArray(aud) && aud.length > 1 ? "TOKEN_AUDIENCE_SEVERAL" : "TOKEN_AUDIENCE", /expected "sigstore" alone/u),
      );
    }
    await assert.rejects(
      sign({ without: ["aud"] }).then((token) => issuers.verifyToken(token)),
      code("TOKEN_AUDIENCE", /no audience/u),
    );
  });

  it("gives exp no leeway and nbf five minutes", async () => {
    const token = await sign();
    clock.ms = (now + 60) * 1000 - 1;
    await issuers.verifyToken(token);
    clock.ms = (now + 60) * 1000;
    await assert.rejects(issuers.verifyToken(token), code("TOKEN_EXPIRED", /expired at 2026-11-24T02:01:00Z/u));
    clock.ms = startMs;
    await assert.rejects(
      sign({ without: ["exp"] }).then((it) => issuers.verifyToken(it)),
      code("TOKEN_EXPIRED"),
    );
    await assert.rejects(
      sign({ claims: { nbf: now + 301 } }).then((it) => issuers.verifyToken(it)),
      code("TOKEN_NOT_YET_VALID"),
    );
    await assert.rejects(
      sign({ claims: { exp: "soon" } }).then((it) => issuers.verifyToken(it)),
      code("TOKEN_CLAIM_INVALID"),
    );
  });

  it("demands subject, a verified and well-formed email address", async () => {
    await assert.rejects(
      sign({ without: ["sub"] }).then((it) => issuers.verifyToken(it)),
      code("TOKEN_CLAIM_MISSING", /claim "sub"/u),
    );
    await assert.rejects(
      sign({ without: ["email"] }).then((it) => issuers.verifyToken(it)),
      code("TOKEN_CLAIM_MISSING", /claim "email"/u),
    );
    await assert.rejects(
      sign({ without: ["email_verified"] }).then((it) => issuers.verifyToken(it)),
      code("TOKEN_EMAIL_UNVERIFIED"),
    );
    for (const verified of [false, "false", 1])
      await assert.rejects(
        sign({ claims: { email_verified: verified } }).then((it) => issuers.verifyToken(it)),
        code("TOKEN_EMAIL_UNVERIFIED"),
      );
    for (const email of [
      "no",
      "a@b@c",
      "a b@example.com",
      "dév@example.com",
      "a@example.com\0",
      "@example.com",
      `${"a".repeat(250)}@example.com`,
    ]) {
      await assert.rejects(
        sign({ claims: { email } }).then((it) => issuers.verifyToken(it)),
        code("TOKEN_CLAIM_INVALID"),
      );
    }
    await assert.rejects(
      sign({ claims: { email: ["dev@example.com"] } }).then((it) => issuers.verifyToken(it)),
      code("TOKEN_CLAIM_INVALID"),
    );
  });
});

describe("Issuers with a remote issuer", () => {
  let server: Server;
  let url = "";
  let handler: RequestListener = (_, response) => response.end();
  let asked: string[] = [];
  let keys: Keys;
  let jwk: JWK;
  const makeIssuers = (skipEmailVerification = false): Issuers =>
    new Issuers({ issuers: [{ url, clientId: "sigstore", type: "email", skipEmailVerification }], clock, logger: silentLogger });
  const token = (kid = "k1", extra: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT({
      iss: url,
      aud: "sigstore",
      sub: "s",
      email: "dev@example.com",
      email_verified: true,
      exp: now + 86_400 * 3,
      ...extra,
    })
      .setProtectedHeader({ alg: "RS256", kid })
      .sign(keys.privateKey);
  const serve =
    (documents: Record<string, unknown>): RequestListener =>
    (request, response) => {
      const document = documents[request.url ?? ""];
      response.statusCode = document === undefined ? 404 : 200;
      response.end(JSON.stringify(document ?? {}));
    };
  const good = (more: Record<string, unknown> = {}, set: readonly unknown[] = [jwk]): RequestListener =>
    serve({ "/.well-known/openid-configuration": { issuer: url, jwks_uri: `${url}/keys`, ...more }, "/keys": { keys: set } });

  before(async () => {
    keys = await generateKeyPair("RS256", { extractable: true });
    jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1" };
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      handler(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  });
  after(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  beforeEach(() => {
    clock.ms = startMs;
    asked = [];
    handler = good();
  });

  it("fetches keys when first needed, keeps them, and fetches once for many", async () => {
    const issuers = makeIssuers();
    assert.deepEqual(asked, []);
    const one = await token();
    await Promise.all([issuers.verifyToken(one), issuers.verifyToken(one), issuers.verifyToken(one)]);
    await issuers.verifyToken(one);
    assert.deepEqual(asked, ["/.well-known/openid-configuration", "/keys"]);
    clock.ms += discoveryLimits.freshMs;
    await issuers.verifyToken(one);
    assert.equal(asked.length, 4);
  });

  it("asks again for a key it does not know, but not at every token", async () => {
    const issuers = makeIssuers();
    await issuers.verifyToken(await token());
    await assert.rejects(issuers.verifyToken(await token("k2")), code("TOKEN_KEY_UNKNOWN"));
    assert.equal(asked.length, 2);
    clock.ms += discoveryLimits.retryAfterMs;
    handler = good({}, [jwk, { ...jwk, kid: "k2" }]);
    await issuers.verifyToken(await token("k2"));
    assert.equal(asked.length, 4);
  });

  it("goes on with known keys while the issuer is down, and says so when it never was up", async () => {
    const issuers = makeIssuers();
    await issuers.verifyToken(await token());
    handler = (_, response) => response.writeHead(500).end();
    clock.ms += discoveryLimits.freshMs;
    await issuers.verifyToken(await token());
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_UNREACHABLE", /answers 500/u));
    clock.ms = startMs + discoveryLimits.staleMs;
    await assert.rejects(issuers.verifyToken(await token()), code("ISSUER_UNREACHABLE"));
  });

  it("does not hammer an issuer that fails, and asks it less and less", async () => {
    handler = (_, response) => response.writeHead(500).end();
    const issuers = makeIssuers();
    const one = await token();
    for (let i = 0; i < 3; i++) await assert.rejects(issuers.verifyToken(one), code("ISSUER_UNREACHABLE"));
    assert.equal(asked.length, 1);
    const waits: number[] = [];
    for (let waited = 0; waits.length < 7; ) {
      clock.ms += discoveryLimits.retryAfterMs;
      waited += discoveryLimits.retryAfterMs;
      const before: number = asked.length;
      await assert.rejects(issuers.verifyToken(one), code("ISSUER_UNREACHABLE"));
      if (asked.length === before) continue;
      waits.push(waited / 1000);
      waited = 0;
    }
    assert.deepEqual(waits, [10, 20, 40, 80, 160, 300, 300]);
    const [state] = issuers.states();
    assert.equal(state?.reachable, false);
    assert.match(state?.reason ?? "", /answers 500/u);
    handler = good();
    clock.ms += discoveryLimits.maxRetryAfterMs;
    await issuers.verifyToken(one);
    assert.equal(issuers.states()[0]?.reachable, true);
  });

  it("refuses a discovery document of another issuer, and keys under another scheme", async () => {
    handler = good({ issuer: `${url}/` });
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_INVALID", /for another/u));
    handler = good({ jwks_uri: "file:///etc/passwd" });
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_INVALID", /jwks_uri/u));
    handler = (_, response) => response.end("not json");
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_INVALID"));
  });

  it("follows redirects within the host alone", async () => {
    handler = (request, response) => {
      if (request.url === "/keys") response.writeHead(302, { location: "/keys2" }).end();
      else
        serve({ "/.well-known/openid-configuration": { issuer: url, jwks_uri: `${url}/keys` }, "/keys2": { keys: [jwk] } })(
          request,
          response,
        );
    };
    await makeIssuers().verifyToken(await token());
    handler = (_, response) => response.writeHead(302, { location: "http://192.0.2.1/" }).end();
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_REDIRECT", /redirects elsewhere/u));
    handler = (request, response) => response.writeHead(302, { location: request.url ?? "/" }).end();
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_REDIRECT", /redirects elsewhere/u));
  });

  it("refuses a huge key set and a huge document", async () => {
    handler = good(
      {},
      Array.from({ length: 101 }, (_, index) => ({ ...jwk, kid: `k${index}` })),
    );
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_KEY_SET_TOO_LARGE", /101 keys/u));
    handler = (_, response) => response.end(" ".repeat(discoveryLimits.maxBytes + 1));
    await assert.rejects(makeIssuers().verifyToken(await token()), code("ISSUER_KEY_SET_TOO_LARGE"));
  });

  it("takes an unverified address only where the settings say so", async () => {
    const one = await token("k1", { email_verified: undefined });
    await assert.rejects(makeIssuers().verifyToken(one), code("TOKEN_EMAIL_UNVERIFIED"));
    await makeIssuers(true).verifyToken(one);
  });

  it("fetches nothing for an issuer that is not configured", async () => {
    await assert.rejects(makeIssuers().verifyToken(await token("k1", { iss: `${url}/other` })), code("TOKEN_ISSUER_UNKNOWN"));
    assert.deepEqual(asked, []);
  });

  it("trusts what a pattern admits, and fetches its keys from the same host alone", async () => {
    const pattern = `${url}/org/*`;
    const meta = { url: pattern, clientId: "sigstore", type: "email", skipEmailVerification: false } as const;
    const issuers = new Issuers({ issuers: [], metaIssuers: [meta], clock, logger: silentLogger });
    assert.deepEqual(issuers.metaConfigurations(), [meta]);
    const below = `${url}/org/acme-1`;
    const documents = (jwksUri: string): RequestListener =>
      serve({
        "/org/acme-1/.well-known/openid-configuration": { issuer: below, jwks_uri: jwksUri },
        "/org/acme-1/keys": { keys: [jwk] },
      });
    handler = documents(`${below}/keys`);
    assert.equal((await issuers.verifyToken(await token("k1", { iss: below }))).issuer, below);
    const fresh = new Issuers({ issuers: [], metaIssuers: [meta], clock, logger: silentLogger });
    handler = documents("http://localhost:1/keys");
    asked = [];
    await assert.rejects(fresh.verifyToken(await token("k1", { iss: below })), code("ISSUER_INVALID", /on another host/u));
    assert.deepEqual(asked, ["/org/acme-1/.well-known/openid-configuration"]);
  });

  it("asks nobody for an issuer that only resembles a pattern", async () => {
    const patterns = ["https://oidc.eks.*.amazonaws.com/id/*", `${url}/id/*`, "https://*.oic.prod-aks.azure.com/*"];
    const issuers = new Issuers({
      issuers: [],
      metaIssuers: patterns.map((pattern) => ({
        url: pattern,
        clientId: "sigstore",
        type: "kubernetes",
        skipEmailVerification: false,
      })),
      clock,
      logger: silentLogger,
    });
    for (const iss of [
      `${url}?https://oidc.eks.x.amazonaws.com/id/y`,
      `${url}/?x=https://oidc.eks.x.amazonaws.com/id/y`,
      `${url}#https://oidc.eks.x.amazonaws.com/id/y`,
      "https://oidc.eks.x.amazonaws.com/id/y/",
      "https://oidc.eks.x.amazonaws.com/id/y\n",
      "https://oidc.eks.x.y.amazonaws.com/id/y",
      "https://oidc.eks..amazonaws.com/id/y",
      "https://oidcXeksXxXamazonaws.com/id/y",
      "https://oidc.eks.x.amazonaws.com/id/",
      "https://oidc.eks.x.amazonaws.com/id/y@127.0.0.1",
      "https://127.0.0.1/https://oidc.eks.x.amazonaws.com/id/y",
      "https://oidc.eks.127.0.0.1/.amazonaws.com/id/y",
      `${url}/id/y/../../admin`,
      `${url}/id/a/b`,
      `${url}/ID/y`,
      `x${url}/id/y`,
      "https://a@b.oic.prod-aks.azure.com/x",
      "file:///etc/passwd",
      "",
    ])
      await assert.rejects(
        token("k1", { iss }).then((it) => issuers.verifyToken(it)),
        code("TOKEN_ISSUER_UNKNOWN"),
        iss,
      );
    assert.deepEqual(asked, []);
  });

  it("keeps a bounded number of a pattern's issuers", async () => {
    const meta = { url: `${url}/*`, clientId: "sigstore", type: "email", skipEmailVerification: false } as const;
    const issuers = new Issuers({ issuers: [], metaIssuers: [meta], clock, logger: silentLogger });
    handler = (_, response) => response.writeHead(404).end();
    for (let i = 0; i < 120; i++)
      await assert.rejects(issuers.verifyToken(await token("k1", { iss: `${url}/t${i}` })), code("ISSUER_UNREACHABLE"));
    assert.equal(issuers.states().length, 100);
  });

  it("refuses a key that RFC 7518 does not allow, and takes every algorithm that it does", async () => {
    for (const [alg, options] of [
      ["RS384", {}],
      ["PS256", {}],
      ["PS512", {}],
      ["ES256", {}],
      ["ES384", {}],
      ["ES512", {}],
      ["EdDSA", { crv: "Ed25519" }],
      ["Ed25519", {}],
    ] as const) {
      const pair = await generateKeyPair(alg, { ...options, extractable: true });
      const key = { ...(await exportJWK(pair.publicKey)), kid: alg };
      handler = good({ id_token_signing_alg_values_supported: [alg] }, [key]);
      const claims = { iss: url, aud: "sigstore", sub: "s", email: "dev@example.com", email_verified: true, exp: now + 60 };
      const one = await new SignJWT(claims).setProtectedHeader({ alg, kid: alg }).sign(pair.privateKey);
      await makeIssuers().verifyToken(one);
      const damaged = `${one.slice(0, -8)}${one.at(-8) === "A" ? "B" : "A"}${one.slice(-7)}`;
      await assert.rejects(makeIssuers().verifyToken(damaged), code("TOKEN_SIGNATURE"), alg);
      await assert.rejects(makeIssuers().verifyToken(`${one}=`), code("TOKEN_SIGNATURE"), alg);
    }
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    handler = good({}, [{ ...publicKey.export({ format: "jwk" }), kid: "k1" }]);
    await assert.rejects(makeIssuers().verifyToken(await token()), code("TOKEN_SIGNATURE", /cannot be used/u));
  });
});
