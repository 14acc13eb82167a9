import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { createLocalJWKSet, type JWTPayload, jwtVerify } from "jose";
import { Host, silentLogger, systemClock } from "../host/index.ts";
import { Issuers } from "../issuers/index.ts";
import { Keyring } from "../keyring/index.ts";
import { findFreePorts } from "../settings/index.ts";
import { AttemptLimit, attemptLimits } from "./attempt-limit.ts";
import {
  createIdentityProvider,
  hashPassword,
  type IdentityProviderOptions,
  identityKeySet,
  identityProviderErrors,
  workflowIssuer,
} from "./index.ts";
import { isPassword, parsePasswordHash } from "./password.ts";
import { Users } from "./users.ts";

const email = "ada@example.com";
const password = "correct horse battery staple";
// The provider's cookies and tokens run on the system's clock; the attempts on this one.
const clock = { offsetMs: 0, nowMs: () => systemClock.nowMs() + clock.offsetMs };

describe("identity provider with passwords", () => {
  let directory = "";
  let keyring: Keyring;
  let host: Host;
  let url = "";
  let port = 0;
  let passwordHash = "";
  const options = (more: Partial<IdentityProviderOptions> = {}): IdentityProviderOptions => ({
    keyring,
    publicUrl: url,
    clientId: "sigstore",
    tokenLifetimeSeconds: 600,
    users: [{ email, passwordHash }],
    workflowTokens: true,
    clock,
    logger: silentLogger,
    listener: { name: "identity", addresses: ["127.0.0.1"], port },
    ...more,
  });
  const claimsOf = async (token: string, issuer = url): Promise<JWTPayload> => {
    const keys = createLocalJWKSet(JSON.parse(JSON.stringify(identityKeySet(keyring))));
    return (await jwtVerify(token, keys, { issuer, audience: "sigstore" })).payload;
  };
  const json = (response: HttpResponse): Record<string, string> => parseJson(response.body) as Record<string, string>;

  const pollDevice = (deviceCode: string, verifier?: string): Promise<HttpResponse> =>
    post("/token", {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      client_id: "sigstore",
      device_code: deviceCode,
      ...(verifier === undefined ? {} : { code_verifier: verifier }),
    });

  /** One browser: keeps cookies and follows redirects within the provider. */
  class Browser {
    readonly #cookies: Map<string, string> = new Map();

    async open(start: string, form?: Record<string, string>): Promise<{ status: number; page: string; location: string }> {
      let next = start;
      let body = form;
      for (let hops = 0; hops < 12; hops++) {
        const response = await request({
          method: body === undefined ? "GET" : "POST",
          url: next,
          headers: {
            cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "),
            ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          },
          ...(body === undefined ? {} : { body: new URLSearchParams(body).toString() }),
        });
        for (const cookie of response.setCookies) {
          const [name = "", value = ""] = (cookie.split(";")[0] ?? "").split("=");
          this.#cookies.set(name, value);
        }
        const location = response.headers["location"];
        if (location === undefined) return { status: response.status, page: parseUtf8(response.body), location: "" };
        const target = new URL(location, next);
        if (target.origin !== new URL(url).origin) return { status: response.status, page: "", location };
        [next, body] = [target.href, undefined];
      }
      throw new Error("too many redirects");
    }

    /** Sends a page's only form, or the named one, with its hidden fields. */
    submit(page: string, fields: Record<string, string>): ReturnType<Browser["open"]> {
      const action = /<form[^>]* action="([^"]+)"/u.exec(page)?.[1] ?? "";
      const hidden = [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/gu)].map(([, name, value]) => [
        name,
        value,
      ]);
      return this.open(new URL(action, url).href, { ...Object.fromEntries(hidden), ...fields });
    }
  }
  const authorizeUrl = (verifier: string): string =>
    `${url}/auth?${new URLSearchParams({
      response_type: "code",
      client_id: "sigstore",
      redirect_uri: "http://localhost:54321/auth/callback",
      scope: "openid email",
      state: "s1",
      nonce: "n1",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    })}`;
  const post = (path: string, form: Record<string, string>): Promise<HttpResponse> =>
    request({
      method: "POST",
      url: `${url}${path}`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(form).toString(),
    });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-sign-in-"));
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
    passwordHash = await hashPassword(password);
    host = new Host({ logger: silentLogger, clock: systemClock });
    await host.start([await createIdentityProvider(options())]);
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });
  it("signs a person in, in the browser, by address and password", async () => {
    const browser = new Browser();
    const verifier = randomBytes(32).toString("base64url");
    const { page } = await browser.open(authorizeUrl(verifier));
    assert.match(page, /<h1>Sign in<\/h1>/u);
    assert.match(page, /type="password"/u);
    assert.doesNotMatch(page, /Continue as/u);
    const { location } = await browser.submit(page, { email: " Ada@Example.com", password });
    const code = new URL(location).searchParams.get("code") ?? "";
    const redirectUri = "http://localhost:54321/auth/callback";
    const tokens = json(
      await post("/token", {
        grant_type: "authorization_code",
        client_id: "sigstore",
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
      }),
    );
    const claims = await claimsOf(tokens["id_token"] ?? "");
    assert.equal(claims["email"], email);
    assert.equal(claims["email_verified"], true);
    // The session goes on: the next sign-in of this browser asks nothing.
    assert.match((await browser.open(authorizeUrl(verifier))).location, /code=/u);
  });

  it("shows the page again for a wrong password, the same for an unknown address", async () => {
    const browser = new Browser();
    const { page } = await browser.open(authorizeUrl("v".repeat(43)));
    for (const form of [
      { email, password: "wrong" },
      { email: "nobody@example.com", password },
      { email: '"><script>', password: "x".repeat(2000) },
    ]) {
      const refused = await browser.submit(page, form);
      assert.equal(refused.status, 401);
      assert.match(refused.page, /role="alert">Cannot sign in: address or password are not right</u);
      assert.doesNotMatch(refused.page, /<script>/u);
    }
  });

  it("stops guessing: a few failures an account, forgotten one a minute, and the right password waits too", async () => {
    clock.offsetMs = 60 * attemptLimits.forgetMs;
    const browser = new Browser();
    const { page } = await browser.open(authorizeUrl("v".repeat(43)));
    for (let i = 0; i < attemptLimits.account; i++)
      assert.equal((await browser.submit(page, { email, password: "no" })).status, 401);
    const refused = await browser.submit(page, { email, password });
    assert.equal(refused.status, 429);
    assert.match(refused.page, /too many attempts/u);
    clock.offsetMs += attemptLimits.forgetMs;
    assert.match((await browser.submit(page, { email, password })).location, /code=/u);
    clock.offsetMs = 0;
  });

  it("signs a device in: discovery, code, comparison, password, token", async () => {
    const document = json(await request({ url: `${url}/.well-known/openid-configuration` }));
    assert.match(JSON.stringify(document["grant_types_supported"]), /urn:ietf:params:oauth:grant-type:device_code/u);
    const verifier = "v".repeat(43);
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const asked = { client_id: "sigstore", scope: "openid email", code_challenge: challenge, code_challenge_method: "S256" };
    const endpoint = new URL(document["device_authorization_endpoint"] ?? "").pathname;
    const device = parseJson((await post(endpoint, asked)).body) as Record<string, string | number>;
    assert.equal(device["interval"], 5);
    assert.equal(device["expires_in"], 600);
    assert.match(String(device["user_code"]), /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/u);
    assert.ok(String(device["verification_uri"]).startsWith(`${url}/`));
    const poll = (): Promise<HttpResponse> => {
      // A device that waits as it was told.
      clock.offsetMs += 5000;
      return pollDevice(String(device["device_code"]), verifier);
    };
    assert.equal(json(await poll())["error"], "authorization_pending");
    const browser = new Browser();
    const start = await browser.open(String(device["verification_uri"]));
    assert.match(start.page, /Enter the code that the program/u);
    const wrong = await browser.submit(start.page, { user_code: "BBBB-BBBB" });
    assert.match(wrong.page, /That code is not right/u);
    const confirm = await browser.submit(wrong.page, { user_code: String(device["user_code"]) });
    assert.match(confirm.page, new RegExp(`<code class="big">${String(device["user_code"])}</code>`, "u"));
    const login = await browser.submit(confirm.page, {});
    assert.match(login.page, /<h1>Sign in<\/h1>/u);
    const done = await browser.submit(login.page, { email, password });
    assert.match(done.page, /You are signed in/u);
    const tokens = json(await poll());
    assert.equal((await claimsOf(tokens["id_token"] ?? ""))["email"], email);
    assert.equal(tokens["access_token"], tokens["id_token"]);
    assert.equal(json(await poll())["error"], "invalid_grant");
    clock.offsetMs = 0;
  });

  it("tells a device that polls too soon to slow down, five seconds more each time", async () => {
    const device = json(await post("/device/auth", { client_id: "sigstore", scope: "openid email" }));
    const poll = async (afterMs: number): Promise<string | undefined> => {
      clock.offsetMs += afterMs;
      return json(await pollDevice(device["device_code"] ?? ""))["error"];
    };
    assert.equal(await poll(0), "authorization_pending");
    assert.equal(await poll(2000), "slow_down");
    // Ten seconds now, whatever came between.
    assert.equal(await poll(5000), "slow_down");
    assert.equal(await poll(15_000), "authorization_pending");
    clock.offsetMs = 0;
  });

  it("gives a token to the device alone that holds the verifier of its challenge", async () => {
    const verifier = randomBytes(32).toString("base64url");
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const asked = { client_id: "sigstore", scope: "openid email" };
    const bound = json(await post("/device/auth", { ...asked, code_challenge: challenge, code_challenge_method: "S256" }));
    const unbound = json(await post("/device/auth", asked));
    const errors: (string | undefined)[] = [];
    for (const [device, given] of [
      [bound, undefined],
      [bound, randomBytes(32).toString("base64url")],
      [unbound, verifier],
      [{ device_code: "nobody's" }, undefined],
      [bound, verifier],
    ] as const)
      errors.push(json(await pollDevice(device["device_code"] ?? "", given))["error"]);
    assert.deepEqual(errors, ["invalid_grant", "invalid_grant", "invalid_grant", "invalid_grant", "authorization_pending"]);
    for (const wrong of [
      { code_challenge: challenge },
      { code_challenge: challenge, code_challenge_method: "plain" },
      { code_challenge: "short", code_challenge_method: "S256" },
      { code_challenge_method: "S256" },
    ])
      assert.equal(json(await post("/device/auth", { ...asked, ...wrong }))["error"], "invalid_request");
  });

  it("tells a device that its person said no", async () => {
    const device = json(await post("/device/auth", { client_id: "sigstore", scope: "openid email" }));
    const browser = new Browser();
    const start = await browser.open(device["verification_uri"] ?? "");
    const confirm = await browser.submit(start.page, { user_code: device["user_code"] ?? "" });
    assert.match((await browser.submit(confirm.page, { abort: "yes" })).page, /nobody was signed in/u);
    assert.equal(json(await pollDevice(device["device_code"] ?? ""))["error"], "access_denied");
  });

  it("gives workflow tokens that an issuer of type GitHub accepts, with discovery and keys of their own", async () => {
    const issuer = workflowIssuer(url);
    const parameters = "repository=octo/app&ref=refs/tags/v1&environment=prod&audience=sigstore&api-version=2.0";
    const answer = json(
      await request({ url: `${url}/workflows/token?${parameters}`, headers: { authorization: "bearer anything" } }),
    );
    const claims = await claimsOf(answer["value"] ?? "", issuer);
    assert.equal(claims["job_workflow_ref"], "octo/app/.github/workflows/release.yml@refs/tags/v1");
    assert.equal(claims.sub, "repo:octo/app:environment:prod");
    const configuration = {
      url: issuer,
      clientId: "sigstore",
      type: "ci-provider",
      ciProvider: "github-workflow",
      skipEmailVerification: false,
    } as const;
    // Over the network, as a foreign certificate authority would.
    const issuers = new Issuers({ issuers: [configuration], clock: systemClock, logger: silentLogger });
    assert.equal(issuers.states()[0]?.reachable, undefined);
    const principal = await issuers.verifyToken(answer["value"] ?? "");
    assert.equal(principal.subjectAltName.value, "https://github.com/octo/app/.github/workflows/release.yml@refs/tags/v1");
    assert.equal(principal.extensions.deploymentEnvironment, "prod");
    assert.equal(issuers.states()[0]?.reachable, true);
    const refused = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
      json(await request({ url: `${url}${path}`, headers }))["code"] ?? "";
    assert.equal(await refused("/workflows/token?repository=octo"), "IDENTITY_REQUEST_MALFORMED");
    assert.equal(await refused("/workflows/token?repo=octo/app"), "IDENTITY_REQUEST_MALFORMED");
    assert.equal(await refused("/workflows/token?audience=a%20b"), "IDENTITY_REQUEST_MALFORMED");
    assert.equal(await refused("/workflows/token", { origin: "https://evil.example" }), "IDENTITY_HOST_REFUSED");
  });

  it("gives no workflow tokens unless they are enabled, and never beyond loopback", async () => {
    const [other = 0] = await findFreePorts(1, ["127.0.0.1"]);
    const closed = new Host({ logger: silentLogger, clock: systemClock });
    const listener = { name: "identity", addresses: ["127.0.0.1"], port: other };
    await closed.start([await createIdentityProvider(options({ workflowTokens: false, listener }))]);
    try {
      assert.equal((await request({ url: `http://localhost:${other}/workflows/token` })).status, 404);
      assert.equal((await request({ url: `http://localhost:${other}/development-token` })).status, 403);
    } finally {
      await closed.stop();
    }
    await assert.rejects(createIdentityProvider(options({ listener: { ...listener, addresses: ["192.0.2.1"] } })), {
      code: "IDENTITY_SIGN_IN_UNAVAILABLE",
    });
    await assert.rejects(createIdentityProvider(options({ users: [{ email, passwordHash: "$scrypt$x" }] })), {
      code: "IDENTITY_PASSWORD_HASH",
    });
  });
});

describe("passwords", () => {
  it("are known by their hash alone, each with a salt of its own, in any form of Unicode", async () => {
    const [one, two] = await Promise.all([hashPassword("Käse"), hashPassword("Käse")]);
    assert.notEqual(one, two);
    assert.match(one, /^\$scrypt\$ln=15,r=8,p=3\$/u);
    const hash = parsePasswordHash(one, "x");
    assert.equal(await isPassword("Ka\u0308se", hash), true);
    assert.equal(await isPassword("Kase", hash), false);
    assert.equal(await isPassword("", hash), false);
  });

  it("are refused in hashes that are too cheap or too dear, or of another kind", () => {
    const rest = `$${"A".repeat(22)}$${"A".repeat(43)}`;
    for (const text of [
      "",
      "secret",
      `$scrypt$ln=4,r=8,p=1${rest}`,
      `$scrypt$ln=20,r=8,p=1${rest}`,
      `$scrypt$ln=15,r=8,p=0${rest}`,
      `$2b$10${rest}`,
    ])
      assert.throws(() => parsePasswordHash(text, "x"), { code: "IDENTITY_PASSWORD_HASH" }, text);
  });

  it("are not hashed without end: those who wait too long in line are told", async () => {
    const hash = parsePasswordHash(`$scrypt$ln=14,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`, "x");
    const outcomes = await Promise.allSettled(Array.from({ length: 24 }, () => isPassword("y", hash)));
    const busy = outcomes.filter((one) => one.status === "rejected");
    assert.equal(busy.length, 6);
    for (const one of busy) assert.equal((one.reason as { code?: string }).code, "IDENTITY_BUSY");
    assert.ok(Object.hasOwn(identityProviderErrors, "IDENTITY_BUSY"));
  });
});

describe("AttemptLimit", () => {
  it("tells users apart by nothing but a right password", async () => {
    const users = new Users([{ email, passwordHash: await hashPassword(password) }], undefined, systemClock);
    await assert.rejects(users.signIn(email, "no", "x"), { code: "IDENTITY_PASSWORD_WRONG" });
    await assert.rejects(users.signIn("x@y.z", password, "x"), { code: "IDENTITY_PASSWORD_WRONG" });
    assert.equal((await users.signIn(email, password, "x")).email, email);
    assert.equal(users.bySubject("user-unknown"), undefined);
  });

  it("counts addresses beside accounts, and forgets the oldest", () => {
    const still = { nowMs: () => 0 };
    const limit = new AttemptLimit(still);
    for (let i = 0; i < attemptLimits.address; i++) limit.count([`account a${i}`, "address x"]);
    assert.throws(() => limit.check(["account fresh", "address x"]), { code: "IDENTITY_TOO_MANY_ATTEMPTS" });
    limit.check(["account fresh", "address y"]);
    for (let i = 0; i < attemptLimits.entries; i++) limit.count([`account b${i}`]);
    limit.check(["account a1", "address x"]);
  });
});
