// Signing in elsewhere: one provider of ours in front, another behind it, and a browser that keeps each one's cookies apart.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { JsonObject, parseBase64Url, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { Host, silentLogger, systemClock } from "../host/index.ts";
import { Issuers } from "../issuers/index.ts";
import { Keyring } from "../keyring/index.ts";
import { findFreePorts } from "../settings/index.ts";
import { createIdentityProvider, hashPassword, identityKeySet } from "./index.ts";
import { type UpstreamEntry, Upstreams } from "./upstream.ts";

const ada = { email: "ada@example.com", password: "a long password" };
const verifier = "v".repeat(43);

describe("signing in at another provider", () => {
  let directory = "";
  let keyring: Keyring;
  let host: Host;
  let url = "";
  let behind = "";
  let entry: UpstreamEntry;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-upstream-"));
    const [port = 0, other = 0] = await findFreePorts(2, ["127.0.0.1"]);
    // Two names of this machine, so that cookies stay apart as between two hosts.
    url = `http://localhost:${port}`;
    behind = `http://127.0.0.1:${other}`;
    const any = "http://localhost:1";
    const publicUrls = { logV1: any, logV2: any, ca: any, ct: any, tsa: any, identity: url };
    keyring = await Keyring.create(directory, { organization: "E", operator: "localhost", publicUrls }, systemClock.nowMs());
    const common = { keyring, tokenLifetimeSeconds: 600, clock: systemClock, logger: silentLogger };
    entry = {
      name: "The Office",
      issuer: behind,
      clientId: "front",
      connectorId: "https://office.example.com",
      skipEmailVerification: false,
    };
    host = new Host({ logger: silentLogger, clock: systemClock });
    await host.start([
      await createIdentityProvider({
        ...common,
        publicUrl: url,
        clientId: "sigstore",
        upstreams: [entry, { ...entry, name: "Gone", issuer: "http://127.0.0.1:1" }],
        listener: { name: "identity", addresses: ["127.0.0.1"], port },
      }),
      await createIdentityProvider({
        ...common,
        publicUrl: behind,
        clientId: "front",
        users: [{ email: ada.email, passwordHash: await hashPassword(ada.password) }],
        listener: { name: "identity-behind", addresses: ["127.0.0.1"], port: other },
      }),
    ]);
  });
  after(async () => {
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  });

  class Browser {
    readonly #cookies: Map<string, { readonly path: string; readonly value: string }> = new Map();
    at = "";
    page = "";
    status = 0;
    readonly visited: string[] = [];

    async open(start: string, form?: Record<string, string>): Promise<string> {
      let body = form;
      this.at = start;
      for (let hops = 0; hops < 16; hops++) {
        this.visited.push(this.at);
        const { host: here, pathname } = new URL(this.at);
        const sent = [...this.#cookies].filter(([name, { path }]) => name.startsWith(`${here} `) && pathname.startsWith(path));
        const response = await request({
          method: body === undefined ? "GET" : "POST",
          url: this.at,
          headers: {
            cookie: sent.map(([name, { value }]) => `${name.split(" ")[1]}=${value}`).join("; "),
            ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          },
          ...(body === undefined ? {} : { body: new URLSearchParams(body).toString() }),
        });
        for (const cookie of response.setCookies) {
          const [pair = "", ...attributes] = cookie.split(";").map((part) => part.trim());
          const path = attributes.find((one) => one.toLowerCase().startsWith("path="))?.slice(5) ?? "/";
          this.#cookies.set(`${here} ${pair.split("=")[0]}`, { path, value: pair.slice(pair.indexOf("=") + 1) });
        }
        const location = response.headers["location"];
        [this.status, this.page] = [response.status, parseUtf8(response.body)];
        if (location === undefined) return "";
        this.at = new URL(location, this.at).href;
        if (this.at.startsWith("http://localhost:9/")) return this.at;
        body = undefined;
      }
      throw new Error("too many redirects");
    }

    /** Presses the button of the form that has these hidden fields or inputs. */
    press(fields: Record<string, string>): Promise<string> {
      const forms = [...this.page.matchAll(/<form[^>]* action="([^"]+)"[\s\S]*?<\/form>/gu)];
      const form = forms.find(([text]) => Object.keys(fields).every((name) => text.includes(`name="${name}"`)));
      return this.open(new URL(form?.[1] ?? "", this.at).href, fields);
    }
  }
  const start = `/auth?${new URLSearchParams({
    response_type: "code",
    client_id: "sigstore",
    redirect_uri: "http://localhost:9/auth/callback",
    scope: "openid email",
    state: "s",
    nonce: "n",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  })}`;

  it("brings back a token of ours that says where, which the certificate authority can name as issuer", async () => {
    const browser = new Browser();
    await browser.open(`${url}${start}`);
    assert.match(browser.page, /Continue with The Office/u);
    await browser.press({ upstream: "The Office" });
    assert.ok(browser.at.startsWith(behind), browser.at);
    const back = await browser.press({ ...ada });
    const code = new URL(back).searchParams.get("code");
    assert.ok(code !== null, browser.page);
    const reply = await request({
      method: "POST",
      url: `${url}/token`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: "sigstore",
        code,
        redirect_uri: "http://localhost:9/auth/callback",
        code_verifier: verifier,
      }).toString(),
    });
    const token = JsonObject.from(parseJson(reply.body), "tokens").string("id_token");
    const claims = JsonObject.from(parseJson(parseBase64Url(token.split(".")[1] ?? "")), "claims");
    assert.deepEqual([claims.string("email"), claims.boolean("email_verified")], [ada.email, true]);
    assert.equal(claims.object("federated_claims").string("connector_id"), "https://office.example.com");
    const configuration = { url, clientId: "sigstore", type: "email", skipEmailVerification: false } as const;
    const issuers = new Issuers({
      issuers: [],
      embedded: [
        { configuration: { ...configuration, issuerClaim: "$.federated_claims.connector_id" }, keys: identityKeySet(keyring) },
      ],
      clock: systemClock,
      logger: silentLogger,
    });
    const principal = await issuers.verifyToken(token);
    assert.deepEqual([principal.issuer, principal.subjectAltName.value], ["https://office.example.com", ada.email]);
  });

  it("an answer is good in the browser that began, for its own sign-in, once", async () => {
    const browser = new Browser();
    await browser.open(`${url}${start}`);
    await browser.press({ upstream: "The Office" });
    const begun = browser.visited.find((one) => one.startsWith(`${behind}/auth?`)) ?? "";
    const state = new URL(begun).searchParams.get("state") ?? "";
    assert.ok(state.length > 30);
    const stranger = new Browser();
    await stranger.open(`${url}/upstream/callback?code=x&state=${state}`);
    assert.equal(stranger.status, 400);
    assert.match(stranger.at, /\/interaction\/[^/]+\/upstream\?/u);
    assert.match(stranger.page, /expired or belongs to another browser/u);
    await stranger.open(`${url}/upstream/callback?code=x&state=never`);
    assert.equal(stranger.status, 400);
    assert.match(stranger.page, /belongs to another sign-in/u);
    // The stranger's attempt has not used it up.
    assert.match(await browser.press({ ...ada }), /code=/u);
  });

  it("a provider that does not answer is said on the page, and so is one that is not there", async () => {
    const browser = new Browser();
    await browser.open(`${url}${start}`);
    await browser.press({ upstream: "Gone" });
    assert.equal(browser.status, 503);
    assert.match(browser.page, /Gone does not answer/u);
    await browser.press({ upstream: "Nobody" });
    assert.equal(browser.status, 400);
    assert.match(browser.page, /there is no provider/u);
  });

  it("finish takes a token alone that is signed, for this sign-in, and says that the address is verified", async () => {
    const { exportJWK, generateKeyPair, SignJWT } = await import("jose");
    const { createServer } = await import("node:http");
    const pair = await generateKeyPair("RS256", { extractable: true });
    const stranger = await generateKeyPair("RS256", { extractable: true });
    const keys = [{ ...(await exportJWK(pair.publicKey)), kid: "k" }];
    let issuer = "";
    let nonce = "";
    let make: (claims: Record<string, unknown>) => Promise<string>;
    let claims: Record<string, unknown> = {};
    const seen: (string | undefined)[] = [];
    const server = createServer((incoming, reply) => {
      const json = (value: unknown): unknown => reply.end(JSON.stringify(value));
      if (incoming.url === "/keys") json({ keys });
      else if (incoming.url === "/token") {
        seen.push(incoming.headers.authorization);
        void make(claims).then((token) => json({ id_token: token }));
      } else
        json({
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          code_challenge_methods_supported: ["S256"],
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    issuer = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
    const signedWith =
      (key: typeof pair.privateKey) =>
      (more: Record<string, unknown>): Promise<string> =>
        new SignJWT({ iss: issuer, aud: "front", sub: "u", nonce, email: ada.email, email_verified: true, ...more })
          .setProtectedHeader({ alg: "RS256", kid: "k" })
          .setExpirationTime("1m")
          .sign(key);
    const finish = async (more: Record<string, unknown>, changes: Partial<UpstreamEntry> = {}): Promise<unknown> => {
      claims = more;
      const upstreams = new Upstreams([{ ...entry, issuer, ...changes }], url, systemClock);
      const begun = new URL(await upstreams.begin("The Office", "i")).searchParams;
      nonce = begun.get("nonce") ?? "";
      return upstreams.finish("i", new URLSearchParams({ state: begun.get("state") ?? "", code: "c" }));
    };
    try {
      make = signedWith(pair.privateKey);
      const good = (await finish({})) as { email: string; federated: { userId: string } };
      assert.deepEqual([good.email, good.federated.userId], [ada.email, "u"]);
      assert.deepEqual(seen, [undefined]);
      await finish({}, { clientSecret: "s:1" });
      assert.equal(seen.at(-1), `Basic ${Buffer.from("front:s%3A1").toString("base64")}`);
      await finish({ email_verified: undefined }, { skipEmailVerification: true });
      for (const [more, pattern] of [
        [{ email_verified: undefined }, /does not say that .* is verified/u],
        [{ email_verified: false }, /does not say that .* is verified/u],
        [{ email: undefined }, /no email address/u],
        [{ email: "no address" }, /no email address/u],
        [{ nonce: "another" }, /nonce/u],
        [{ aud: "other" }, /audience/u],
        [{ iss: "https://other.example.com" }, /issuer/u],
      ] as const)
        await assert.rejects(finish(more), { code: "IDENTITY_UPSTREAM_REFUSED", message: pattern });
      make = signedWith(stranger.privateKey);
      await assert.rejects(finish({}), { code: "IDENTITY_UPSTREAM_REFUSED", message: /signature/u });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("finish refuses what it did not begin, what the provider refused, and codes that it refuses", async () => {
    const upstreams = new Upstreams([entry], url, systemClock);
    const begin = async (): Promise<string> => new URL(await upstreams.begin("The Office", "i1")).searchParams.get("state") ?? "";
    const finish = (interaction: string, fields: Record<string, string>): Promise<unknown> =>
      upstreams.finish(interaction, new URLSearchParams(fields));
    await assert.rejects(finish("i1", { state: "never", code: "x" }), { code: "IDENTITY_SIGN_IN_EXPIRED" });
    await assert.rejects(finish("i2", { state: await begin(), code: "x" }), { code: "IDENTITY_SIGN_IN_EXPIRED" });
    const denied = await begin();
    await assert.rejects(finish("i1", { state: denied, error: "access_denied" }), {
      code: "IDENTITY_UPSTREAM_REFUSED",
      found: /access_denied/u,
    });
    await assert.rejects(finish("i1", { state: denied, code: "x" }), { code: "IDENTITY_SIGN_IN_EXPIRED" });
    await assert.rejects(finish("i1", { state: await begin(), code: "x" }), {
      code: "IDENTITY_UPSTREAM_REFUSED",
      found: /answers 400/u,
    });
    const gone = new Upstreams([{ ...entry, issuer: "http://127.0.0.1:1" }], url, systemClock);
    await assert.rejects(gone.begin("The Office", "i1"), { code: "IDENTITY_UPSTREAM_UNAVAILABLE" });
    const late = new Upstreams([entry], url, { nowMs: () => systemClock.nowMs() + 11 * 60_000 });
    assert.equal(late.interactionOf("x"), undefined);
  });
});
