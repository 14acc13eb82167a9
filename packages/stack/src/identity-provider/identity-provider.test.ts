import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request as nodeRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { createLocalJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose";
import { Host, silentLogger, systemClock } from "../host/index.ts";
import { Keyring } from "../keyring/index.ts";
import { findFreePorts } from "../settings/index.ts";
import { createIdentityProvider, type IdentityProviderOptions, identityKeySet, identityProviderErrors } from "./index.ts";
import { maxStoredSessions, sessionStore } from "./session-store.ts";

const email = "dev@example.com";

describe("identity provider", () => {
  let directory = "";
  let keyring: Keyring;
  let host: Host;
  let url = "";
  let port = 0;
  const options = (more: Partial<IdentityProviderOptions> = {}): IdentityProviderOptions => ({
    keyring,
    publicUrl: url,
    clientId: "sigstore",
    tokenLifetimeSeconds: 600,
    developmentUser: { email },
    clock: systemClock,
    logger: silentLogger,
    listener: { name: "identity", addresses: ["127.0.0.1"], port },
    ...more,
  });
  const verify = async (token: string): Promise<JWTPayload> => {
    assert.equal(decodeProtectedHeader(token).alg, "RS256");
    const keys = createLocalJWKSet(JSON.parse(JSON.stringify(identityKeySet(keyring))));
    return (await jwtVerify(token, keys, { issuer: url, audience: "sigstore" })).payload;
  };
  const json = (response: HttpResponse): Record<string, string> => parseJson(response.body) as Record<string, string>;

  /** A browser: keeps cookies, follows redirects within the provider, presses the button; returns where it is sent away to. */
  const browse = async (start: string): Promise<{ readonly location: string; readonly page: string; readonly pages: number }> => {
    const cookies = new Map<string, string>();
    let next = start;
    let method = "GET";
    let pages = 0;
    for (let hops = 0; hops < 10; hops++) {
      const response = await request({
        method,
        url: next,
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      });
      for (const cookie of response.setCookies) {
        const [name = "", value = ""] = (cookie.split(";")[0] ?? "").split("=");
        cookies.set(name, value);
      }
      const location = response.headers["location"];
      const text = parseUtf8(response.body);
      if (location === undefined) {
        const action = /<form method="post" action="([^"]+)">/u.exec(text)?.[1];
        if (action === undefined) return { location: "", page: text, pages };
        assert.match(text, /Development sign-in/u);
        assert.match(text, /Continue as dev@example\.com/u);
        pages++;
        [next, method] = [new URL(action, next).href, "POST"];
      } else if (new URL(location, next).origin === new URL(url).origin) [next, method] = [new URL(location, next).href, "GET"];
      else return { location, page: "", pages };
    }
    throw new Error("too many redirects");
  };
  const authorizeUrl = (verifier: string, redirectUri: string, more: Record<string, string> = {}): string => {
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const parameters = {
      response_type: "code",
      client_id: "sigstore",
      redirect_uri: redirectUri,
      scope: "openid email",
      state: "s1",
      nonce: "n1",
      code_challenge: challenge,
      code_challenge_method: "S256",
      ...more,
    };
    return `${url}/auth?${new URLSearchParams(parameters)}`;
  };
  const exchange = (form: Record<string, string>, authorization?: string): Promise<HttpResponse> =>
    request({
      method: "POST",
      url: `${url}/token`,
      headers: { "content-type": "application/x-www-form-urlencoded", ...(authorization === undefined ? {} : { authorization }) },
      body: new URLSearchParams({ grant_type: "authorization_code", ...form }).toString(),
    });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-identity-"));
    [port = 0] = await findFreePorts(1, ["127.0.0.1"]);
    url = `http://localhost:${port}`;
    const publicUrls = {
      logV1: "http://localhost:1",
      logV2: "http://localhost:2",
      ca: "http://localhost:3",
      ct: "http://localhost:4",
      tsa: "http://localhost:5",
      identity: url,
    };
    keyring = await Keyring.create(
      directory,
      { organization: "Example", operator: "localhost", publicUrls },
      systemClock.nowMs(),
    );
    host = new Host({ logger: silentLogger, clock: systemClock });
    await host.start([await createIdentityProvider(options())]);
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("publishes discovery and keys under the issuer's name, whatever the request says", async () => {
    for (const headers of [{}, { host: "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" }]) {
      const document = json(await request({ url: `http://127.0.0.1:${port}/.well-known/openid-configuration`, headers }));
      assert.equal(document["issuer"], url);
      for (const name of ["authorization_endpoint", "token_endpoint", "jwks_uri", "sigillum_development_token_endpoint"])
        assert.ok(document[name]?.startsWith(`${url}/`), `${name} ${document[name]}`);
      assert.deepEqual(document["code_challenge_methods_supported"], ["S256"]);
      assert.deepEqual(document["id_token_signing_alg_values_supported"], ["RS256"]);
      const keys = parseJson((await request({ url: document["jwks_uri"] ?? "" })).body) as { keys: Record<string, string>[] };
      assert.equal(keys.keys.length, 1);
      const [ours] = (identityKeySet(keyring) as { keys: Record<string, string>[] }).keys;
      for (const name of ["kid", "n", "e", "alg", "kty", "use"]) assert.equal(keys.keys[0]?.[name], ours?.[name], name);
      assert.equal(keys.keys[0]?.["d"], undefined);
    }
  });

  for (const [name, authorization] of [
    ["the client in the form", undefined],
    ["HTTP Basic with an empty secret", `Basic ${Buffer.from("sigstore:").toString("base64")}`],
  ] as const) {
    it(`signs in with code and PKCE, ${name}: the ID token has the address, and is the access token`, async () => {
      const verifier = randomBytes(32).toString("base64url");
      const redirectUri = "http://localhost:54321/auth/callback";
      const { location, pages } = await browse(authorizeUrl(verifier, redirectUri));
      assert.equal(pages, 1);
      const back = new URL(location);
      assert.equal(`${back.origin}${back.pathname}`, redirectUri);
      assert.equal(back.searchParams.get("state"), "s1");
      const form = { code: back.searchParams.get("code") ?? "", redirect_uri: redirectUri, code_verifier: verifier };
      const response = await exchange(authorization === undefined ? { ...form, client_id: "sigstore" } : form, authorization);
      assert.equal(response.status, 200, parseUtf8(response.body));
      const tokens = json(response);
      assert.equal(tokens["access_token"], tokens["id_token"]);
      const claims = await verify(tokens["id_token"] ?? "");
      assert.equal(claims["email"], email);
      assert.equal(claims["email_verified"], true);
      assert.equal(claims["nonce"], "n1");
      assert.equal(claims.aud, "sigstore");
      assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 600);
      // RFC 6749 §4.1.2: a code is used once.
      const again = await exchange({ ...form, client_id: "sigstore" });
      assert.equal(again.status, 400);
      assert.equal(json(again)["error"], "invalid_grant");
    });
  }

  it("takes any loopback port and path as redirect, and no other address", async () => {
    const verifier = randomBytes(32).toString("base64url");
    for (const redirectUri of ["http://127.0.0.1:1234/", "http://[::1]:80/x/y", "http://localhost:9"]) {
      assert.ok(
        (await browse(authorizeUrl(verifier, redirectUri))).location.startsWith(redirectUri.replace(":80/", "/")),
        redirectUri,
      );
    }
    for (const redirectUri of [
      "http://evil.example/",
      "https://localhost.evil.example/",
      "http://localhost@evil.example/",
      "javascript:alert(1)",
      "urn:other",
    ]) {
      const { location, page } = await browse(authorizeUrl(verifier, redirectUri));
      assert.equal(location, "", redirectUri);
      assert.match(page, /cannot go on/u);
    }
  });

  it("shows the code for the out-of-band redirect", async () => {
    const verifier = randomBytes(32).toString("base64url");
    const redirectUri = "urn:ietf:wg:oauth:2.0:oob";
    const { page } = await browse(authorizeUrl(verifier, redirectUri));
    const code = /<code id="code">([^<]+)<\/code>/u.exec(page)?.[1] ?? "";
    const response = await exchange({ code, redirect_uri: redirectUri, code_verifier: verifier, client_id: "sigstore" });
    assert.equal(response.status, 200, parseUtf8(response.body));
    assert.equal((await verify(json(response)["id_token"] ?? ""))["email"], email);
  });

  it("demands PKCE, the right verifier, and the known client", async () => {
    const verifier = randomBytes(32).toString("base64url");
    const redirectUri = "http://localhost:54321/auth/callback";
    const without = new URL(authorizeUrl(verifier, redirectUri));
    without.searchParams.delete("code_challenge");
    without.searchParams.delete("code_challenge_method");
    assert.equal(new URL((await browse(without.href)).location).searchParams.get("error"), "invalid_request");
    const { location } = await browse(authorizeUrl(verifier, redirectUri));
    const code = new URL(location).searchParams.get("code") ?? "";
    assert.equal(
      (await exchange({ code, redirect_uri: redirectUri, code_verifier: `${verifier.slice(1)}x`, client_id: "sigstore" })).status,
      400,
    );
    assert.equal((await exchange({ code, redirect_uri: redirectUri, code_verifier: verifier, client_id: "other" })).status, 401);
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
    for (const text of ["other:", "sigstore:secret", "sigstore"]) {
      const { status } = await exchange({ code, redirect_uri: redirectUri, code_verifier: verifier }, basic(text));
      assert.ok(status === 400 || status === 401, text);
    }
    const huge = await exchange({ code, redirect_uri: redirectUri, code_verifier: "x".repeat(100_000) }, basic("sigstore:"));
    assert.equal(huge.status, 400);
  });

  it("refuses a sign-in page of another browser", async () => {
    const response = await request({ url: authorizeUrl("v".repeat(43), "http://localhost:1/") });
    const page = new URL(response.headers["location"] ?? "", url).href;
    for (const method of ["GET", "POST"]) {
      const refused = await request({ method, url: page });
      assert.equal(refused.status, 400);
      assert.match(parseUtf8(refused.body), /expired or belongs to another browser/u);
      assert.ok(parseUtf8(refused.body).includes("IDENTITY_SIGN_IN_EXPIRED"));
    }
    const cookie = response.setCookies.map((one) => one.split(";")[0]).join("; ");
    const other = await request({ url: `${page}x`, headers: { cookie } });
    assert.equal(other.status, 400);
  });

  it("gives a token without a login to programs of this machine", async () => {
    const response = await request({ url: `${url}/development-token?aud=sigstore` });
    assert.equal(response.status, 200);
    assert.equal(response.headers["cache-control"], "no-store");
    assert.equal((await verify(parseUtf8(response.body)))["email"], email);
    assert.equal((await request({ url: `http://127.0.0.1:${port}/development-token` })).status, 200);
  });

  it("gives no such token to web pages", async () => {
    const status = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        nodeRequest({ host: "127.0.0.1", port, path: "/development-token", headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on("error", reject)
          .end();
      });
    assert.equal(await status({}), 200);
    assert.equal(await status({ host: "rebound.example" }), 403);
    assert.equal(await status({ origin: "http://localhost:8000" }), 403);
    assert.equal(await status({ "sec-fetch-site": "cross-site" }), 403);
    const foreign = await request({ url: `${url}/development-token`, headers: { origin: "http://localhost:8000" } });
    assert.equal(json(foreign)["code"], "IDENTITY_HOST_REFUSED");
    const bad = await request({ url: `${url}/development-token?aud=a%20b` });
    assert.equal(json(bad)["code"], "IDENTITY_REQUEST_MALFORMED");
  });

  it("has no development user when told so, and refuses one beyond loopback", async () => {
    const { developmentUser: _, ...rest } = options();
    const without = await createIdentityProvider({
      ...rest,
      listener: { name: "identity", addresses: ["0.0.0.0"], port: 0, behindProxy: true },
    });
    await assert.rejects(without.developmentToken(), (error: { code?: string }) => error.code === "IDENTITY_SIGN_IN_UNAVAILABLE");
    for (const listener of [
      { name: "identity", addresses: ["0.0.0.0"], port: 0 },
      { name: "identity", addresses: ["127.0.0.1"], port: 0, behindProxy: true },
    ]) {
      await assert.rejects(
        createIdentityProvider(options({ listener })),
        (error: { code?: string }) => error.code === "IDENTITY_SIGN_IN_UNAVAILABLE",
      );
    }
  });

  it("shows what it is at its own address", async () => {
    const response = await request({ url });
    assert.match(parseUtf8(response.body), /Sigillum/u);
    assert.match(response.headers["content-security-policy"] ?? "", /default-src 'none'/u);
    assert.equal((await request({ url: `${url}/nothing` })).status, 404);
    assert.ok(Object.values(identityProviderErrors).every((entry) => entry.means.endsWith(".")));
  });
});

describe("sessionStore", () => {
  it("keeps entries until their end, by id, uid and grant, and never more than its bound", async () => {
    let nowMs = 0;
    const adapter = sessionStore(() => nowMs);
    const [sessions, codes] = [adapter("Session"), adapter("AuthorizationCode")];
    await sessions.upsert("a", { uid: "u" }, 10);
    await codes.upsert("a", { grantId: "g", userCode: "c" }, 10);
    assert.deepEqual(await sessions.findByUid("u"), { uid: "u" });
    assert.equal(await codes.findByUid("u"), undefined);
    assert.deepEqual(await codes.findByUserCode("c"), { grantId: "g", userCode: "c" });
    await codes.consume("a");
    assert.equal((await codes.find("a"))?.consumed, 0);
    await codes.revokeByGrantId("g");
    assert.equal(await codes.find("a"), undefined);
    nowMs = 10_000;
    assert.equal(await sessions.find("a"), undefined);
    for (let i = 0; i <= maxStoredSessions; i++) await sessions.upsert(`n${i}`, {}, 10);
    assert.equal(await sessions.find("n0"), undefined);
    assert.ok(await sessions.find(`n${maxStoredSessions}`));
    await sessions.destroy(`n${maxStoredSessions}`);
    assert.equal(await sessions.find(`n${maxStoredSessions}`), undefined);
  });
});
