import assert from "node:assert/strict";
import { createHash, createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type HttpResponse, request } from "../http/index.ts";
import {
  ambientToken,
  browserCommand,
  developmentToken,
  discoverProvider,
  loginInBrowser,
  loginWithCode,
  outOfBandRedirect,
  parseIdentityToken,
  readIdentityToken,
  verifyIdentityToken,
} from "./index.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
const nowMs = Date.UTC(2026, 10, 24);
const keys = [
  { ...rsa.publicKey.export({ format: "jwk" }), kid: "rsa" },
  { ...ec.publicKey.export({ format: "jwk" }), kid: "ec" },
  { ...ed.publicKey.export({ format: "jwk" }), kid: "ed" },
];

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const basics = { sub: "u1", email: "ada@example.com", email_verified: true, aud: "sigstore", exp: nowMs / 1000 + 600 };

function token(claims: object, how: { alg?: string; key?: KeyObject; header?: object } = {}): string {
  const alg = how.alg ?? "RS256";
  const signed = `${part({ alg, kid: { RS256: "rsa", ES256: "ec", EdDSA: "ed" }[alg], ...how.header })}.${part(claims)}`;
  const signature =
    alg === "ES256"
      ? createSign("sha256")
          .update(signed)
          .sign({ key: how.key ?? ec.privateKey, dsaEncoding: "ieee-p1363" })
      : alg === "EdDSA"
        ? sign(null, Buffer.from(signed), how.key ?? ed.privateKey)
        : createSign("sha256")
            .update(signed)
            .sign(how.key ?? rsa.privateKey);
  return `${signed}.${signature.toString("base64url")}`;
}

interface ProviderBehaviour {
  issuer?: string;
  methods?: string[];
  authorize?: (parameters: URLSearchParams) => string;
  claims?: object;
  tokenStatus?: number;
  tokenAnswer?: string;
  development?: string;
}

async function withProvider(behaviour: ProviderBehaviour, use: (issuer: string) => Promise<void>): Promise<void> {
  let challenge = "";
  let nonce = "";
  let issuer = "";
  const listener: RequestListener = (incoming, reply) => {
    const url = new URL(incoming.url ?? "/", issuer);
    let body = "";
    incoming.on("data", (chunk) => {
      body += chunk;
    });
    incoming.on("end", () => {
      if (url.pathname === "/.well-known/openid-configuration") {
        const development =
          behaviour.development === undefined ? {} : { sigillum_development_token_endpoint: `${issuer}/development` };
        reply.end(
          JSON.stringify({
            issuer: behaviour.issuer ?? issuer,
            authorization_endpoint: `${issuer}/auth`,
            token_endpoint: `${issuer}/token`,
            jwks_uri: `${issuer}/keys`,
            code_challenge_methods_supported: behaviour.methods ?? ["S256"],
            ...development,
          }),
        );
      } else if (url.pathname === "/keys") reply.end(JSON.stringify({ keys }));
      else if (url.pathname === "/auth") {
        challenge = url.searchParams.get("code_challenge") ?? "";
        nonce = url.searchParams.get("nonce") ?? "";
        const answer = behaviour.authorize?.(url.searchParams) ?? `code=the-code&state=${url.searchParams.get("state")}`;
        reply.writeHead(302, { location: `${url.searchParams.get("redirect_uri")}?${answer}` }).end();
      } else if (url.pathname === "/token") {
        const form = new URLSearchParams(body);
        const verified =
          createHash("sha256")
            .update(form.get("code_verifier") ?? "")
            .digest("base64url") === challenge && form.get("code") === "the-code";
        const idToken = token({
          iss: issuer,
          ...basics,
          nonce,
          at_hash: createHash("sha256").update("access").digest().subarray(0, 16).toString("base64url"),
          ...behaviour.claims,
        });
        reply
          .writeHead(verified ? (behaviour.tokenStatus ?? 200) : 400)
          .end(behaviour.tokenAnswer ?? JSON.stringify({ id_token: idToken, access_token: "access" }));
      } else if (url.pathname === "/development")
        reply
          .writeHead(behaviour.tokenStatus ?? 200)
          .end((behaviour.development ?? "").replaceAll("TOKEN", token({ iss: issuer, ...basics })));
      else reply.writeHead(404).end();
    });
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await use(issuer);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function browser(url: string): Promise<void> {
  await request({ url, redirects: 3 });
}

const login = (issuer: string, more: object = {}): ReturnType<typeof loginInBrowser> =>
  loginInBrowser({ issuer, onUrl: () => undefined, openBrowser: browser, nowMs: () => nowMs, waitMs: 10_000, ...more });

describe("loginInBrowser", () => {
  it("brings back the identity token of the person, with PKCE, state and nonce", async () => {
    await withProvider({}, async (issuer) => {
      let shown = "";
      const found = await login(issuer, { onUrl: (url: string) => (shown = url) });
      assert.deepEqual([found.identity, found.issuer, found.subject], ["ada@example.com", issuer, "u1"]);
      const parameters = new URL(shown).searchParams;
      assert.equal(parameters.get("client_id"), "sigstore");
      assert.equal(parameters.get("code_challenge_method"), "S256");
      assert.match(parameters.get("redirect_uri") ?? "", /^http:\/\/localhost:\d+\/auth\/callback$/);
      assert.equal(parameters.get("state")?.length, 64);
    });
  });

  const refusals: [string, ProviderBehaviour, string][] = [
    ["an answer to another login", { authorize: () => "code=the-code&state=other" }, "OIDC_STATE_MISMATCH"],
    ["a refusal", { authorize: (p) => `error=access_denied&state=${p.get("state")}` }, "OIDC_LOGIN_REFUSED"],
    ["neither code nor error", { authorize: (p) => `state=${p.get("state")}` }, "OIDC_LOGIN_REFUSED"],
    ["a code that is not redeemed", { authorize: (p) => `code=other&state=${p.get("state")}` }, "OIDC_TOKEN_REFUSED"],
    ["an answer without token", { tokenAnswer: "{}" }, "OIDC_TOKEN_REFUSED"],
    ["another nonce", { claims: { nonce: "other" } }, "ID_TOKEN_CLAIM_MISMATCH"],
    ["another audience", { claims: { aud: ["elsewhere"] } }, "ID_TOKEN_CLAIM_MISMATCH"],
    ["another issuer", { claims: { iss: "https://evil.example" } }, "ID_TOKEN_CLAIM_MISMATCH"],
    [
      "another access token's hash",
      { claims: { at_hash: createHash("sha256").update("x").digest().subarray(0, 16).toString("base64url") } },
      "ID_TOKEN_CLAIM_MISMATCH",
    ],
    ["an expired token", { claims: { exp: nowMs / 1000 } }, "ID_TOKEN_EXPIRED"],
    ["a provider without PKCE", { methods: ["plain"] }, "OIDC_PROVIDER_UNUSABLE"],
    ["a provider that calls itself something else", { issuer: "http://localhost:1" }, "OIDC_PROVIDER_UNUSABLE"],
  ];
  for (const [what, behaviour, code] of refusals) {
    it(`refuses ${what}`, async () => {
      await withProvider(behaviour, async (issuer) => {
        await assert.rejects(login(issuer), { code });
      });
    });
  }

  it("gives up when nobody comes back, and says where nobody is", async () => {
    await withProvider({}, async (issuer) => {
      await assert.rejects(login(issuer, { openBrowser: () => undefined, waitMs: 20 }), { code: "OIDC_LOGIN_TIMEOUT" });
    });
    await assert.rejects(login("http://127.0.0.1:1"), { code: "HTTP_UNREACHABLE" });
    await assert.rejects(login("http://provider.example"), { code: "OIDC_PROVIDER_UNUSABLE" });
  });

  it("shows whoever comes back how it went, in one page that loads nothing, and lets nobody else's words be more than words", async () => {
    const shownAfter = async (behaviour: ProviderBehaviour): Promise<{ status: number; html: string; policy: string }> => {
      const visits: Promise<HttpResponse>[] = [];
      const openBrowser = (url: string): unknown => visits.push(request({ url, redirects: 3 }));
      await withProvider(behaviour, async (issuer) => {
        await login(issuer, { openBrowser }).catch(() => undefined); // the page is what is asked for
      });
      const [{ status, body, headers } = assert.fail("nobody came back")] = await Promise.all(visits);
      return { status, html: new TextDecoder().decode(body), policy: headers["content-security-policy"] ?? "" };
    };
    const good = await shownAfter({});
    assert.equal(good.status, 200);
    assert.match(good.html, /<h1>You are signed in<\/h1>/);
    assert.ok(!good.html.includes("the-code") && !/src=|href=|<script/.test(good.html));
    assert.match(good.policy, /default-src 'none'/);
    const hostile = encodeURIComponent("<script>alert(1)</script>");
    const bad = await shownAfter({
      authorize: (p) => `error=access_denied&error_description=${hostile}&state=${p.get("state")}`,
    });
    assert.equal(bad.status, 400);
    assert.match(bad.html, /<h1>You are not signed in<\/h1>[\s\S]*access_denied: &lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  });

  it("keeps the code and the tokens out of messages", async () => {
    await withProvider({ tokenAnswer: '{"id_token": "s3cret-token' }, async (issuer) => {
      await assert.rejects(login(issuer), (error: Error) => !`${error.message}${String(error.cause)}`.includes("s3cret"));
    });
  });
});

describe("loginWithCode", () => {
  const typed = (issuer: string, code: string | undefined, onUrl: (url: string) => void = () => undefined): Promise<unknown> =>
    loginWithCode({
      issuer,
      nowMs: () => nowMs,
      onUrl: (url) => {
        onUrl(url);
      },
      readCode: async () => {
        // The person's browser: it is shown the code and comes back to nobody.
        await request({ url: visited, redirects: 0 });
        return code;
      },
    });
  let visited = "";
  const remember = (url: string): void => {
    visited = url;
  };

  it("takes the code that a person types, for the login that asked for it alone", async () => {
    await withProvider({}, async (issuer) => {
      const token = await typed(issuer, " the-code \n", remember);
      assert.equal(Reflect.get(Object(token), "identity"), "ada@example.com");
      assert.equal(new URL(visited).searchParams.get("redirect_uri"), outOfBandRedirect);
      await assert.rejects(typed(issuer, "another", remember), { code: "OIDC_TOKEN_REFUSED" });
      await assert.rejects(typed(issuer, "", remember), { code: "OIDC_LOGIN_REFUSED", found: "nothing" });
      await assert.rejects(typed(issuer, undefined, remember), { code: "OIDC_LOGIN_REFUSED" });
      await assert.rejects(typed(issuer, "x".repeat(4097), remember), { code: "OIDC_LOGIN_REFUSED" });
    });
    await withProvider({ claims: { nonce: "of another login" } }, async (issuer) => {
      await assert.rejects(typed(issuer, "the-code", remember), { code: "ID_TOKEN_CLAIM_MISMATCH" });
    });
    await withProvider({ methods: ["plain"] }, async (issuer) => {
      await assert.rejects(typed(issuer, "the-code", remember), { code: "OIDC_PROVIDER_UNUSABLE" });
    });
  });
});

describe("verifyIdentityToken", () => {
  it("takes the algorithms it knows and refuses a stranger's key, other algorithms and none", async () => {
    await withProvider({}, async (issuer) => {
      const provider = await discoverProvider(issuer);
      const claims = { iss: issuer, ...basics };
      const verify = (raw: string): Promise<unknown> => verifyIdentityToken(raw, provider, { audience: "sigstore", nowMs });
      for (const alg of ["RS256", "ES256", "EdDSA"]) await verify(token(claims, { alg }));
      await assert.rejects(verify(token(claims, { key: stranger.privateKey })), { code: "ID_TOKEN_SIGNATURE_INVALID" });
      await assert.rejects(verify(token(claims, { header: { kid: "unknown" } })), { code: "ID_TOKEN_SIGNATURE_INVALID" });
      await assert.rejects(verify(token(claims, { header: { alg: "HS256" } })), { code: "ID_TOKEN_SIGNATURE_INVALID" });
      await assert.rejects(verify(`${part({ alg: "none" })}.${part(claims)}.`), { code: "ID_TOKEN_SIGNATURE_INVALID" });
      await assert.rejects(verify(token(claims, { header: { crit: ["x"] } })), { code: "ID_TOKEN_MALFORMED" });
    });
  });
});

describe("parseIdentityToken and readIdentityToken", () => {
  it("take the verified email, else the subject, as identity", () => {
    assert.equal(parseIdentityToken(token({ iss: "i", ...basics })).identity, "ada@example.com");
    assert.equal(parseIdentityToken(token({ iss: "i", ...basics, email_verified: "true" })).identity, "ada@example.com");
    assert.equal(parseIdentityToken(token({ iss: "i", ...basics, email_verified: false })).identity, "u1");
  });

  it("refuse what is no token, without showing it", () => {
    for (const text of [
      "",
      "a.b",
      "a.b.c",
      `${part({})}.${part("s3cret")}.x`,
      `${part({})}.${part({ iss: "s3cret" })}.x`,
      "x".repeat(70_000),
    ]) {
      assert.throws(
        () => parseIdentityToken(text),
        (error: Error) =>
          Reflect.get(error, "code") === "ID_TOKEN_MALFORMED" && !`${error.message}${String(error.cause)}`.includes("s3cret"),
      );
    }
  });

  it("read a token or a file with one, and refuse one that is over", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-token-"));
    try {
      const raw = token({ iss: "i", ...basics });
      await writeFile(join(directory, "token"), `${raw}\n`);
      assert.equal((await readIdentityToken(` ${raw}\n`, nowMs)).raw, raw);
      assert.equal((await readIdentityToken(join(directory, "token"), nowMs)).raw, raw);
      await assert.rejects(readIdentityToken(raw, nowMs + 600_000), { code: "ID_TOKEN_EXPIRED", kind: "verification" });
      await assert.rejects(
        readIdentityToken("s3cret.without.form", nowMs),
        (error: Error) =>
          Reflect.get(error, "code") === "ID_TOKEN_UNREADABLE" && !`${error.message}${String(error.cause)}`.includes("s3cret"),
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe("ambientToken", () => {
  it("takes SIGSTORE_ID_TOKEN, asks GitHub Actions, and has nothing elsewhere", async () => {
    const raw = token({ iss: "i", ...basics });
    assert.equal((await ambientToken({ SIGSTORE_ID_TOKEN: raw }, nowMs))?.source, "SIGSTORE_ID_TOKEN");
    assert.equal(await ambientToken({}, nowMs), undefined);
    await assert.rejects(ambientToken({ GITHUB_ACTIONS: "true" }, nowMs), { code: "AMBIENT_TOKEN_REFUSED" });
    const server = createServer((incoming, reply) => {
      const allowed = incoming.headers.authorization === "bearer job" && incoming.url === "/?run=1&audience=sigstore";
      reply.writeHead(allowed ? 200 : 403).end(JSON.stringify({ value: raw }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const env = {
        ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/?run=1`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: "job",
      };
      assert.equal((await ambientToken(env, nowMs))?.source, "GitHub Actions");
      await assert.rejects(ambientToken({ ...env, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "other" }, nowMs), {
        code: "AMBIENT_TOKEN_REFUSED",
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("developmentToken", () => {
  it("takes the development user's token, and says so when there is none or it is not one", async () => {
    await withProvider({ development: "TOKEN" }, async (issuer) => {
      assert.equal((await developmentToken(issuer, nowMs)).identity, "ada@example.com");
    });
    await withProvider({}, async (issuer) => {
      await assert.rejects(developmentToken(issuer, nowMs), { code: "OIDC_NO_DEVELOPMENT_USER" });
    });
    await withProvider({ development: "no token" }, async (issuer) => {
      await assert.rejects(developmentToken(issuer, nowMs), { code: "ID_TOKEN_MALFORMED" });
    });
    await withProvider({ development: "TOKEN", tokenStatus: 403 }, async (issuer) => {
      await assert.rejects(developmentToken(issuer, nowMs), { code: "OIDC_TOKEN_REFUSED" });
    });
  });
});

describe("browserCommand", () => {
  it("takes $BROWSER, with its placeholder, or the system's way", () => {
    const url = "http://h/?a=1&b=2";
    assert.deepEqual(browserCommand(url, "linux", undefined), ["xdg-open", url]);
    assert.deepEqual(browserCommand(url, "linux", "firefox --new-tab:lynx"), ["firefox", "--new-tab", url]);
    assert.deepEqual(browserCommand(url, "linux", "open-it %s now"), ["open-it", url, "now"]);
    assert.deepEqual(browserCommand(url, "darwin", ""), ["open", url]);
    assert.deepEqual(browserCommand(url, "win32", undefined), ["rundll32", "url.dll,FileProtocolHandler", url]);
  });
});
