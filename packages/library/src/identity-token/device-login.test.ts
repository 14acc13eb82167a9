import assert from "node:assert/strict";
import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { type DeviceCode, loginOnDevice } from "./index.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const keys = [{ ...rsa.publicKey.export({ format: "jwk" }), kid: "k" }];
const startMs = Date.UTC(2026, 10, 24);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(claims: object): string {
  const signed = `${part({ alg: "RS256", kid: "k" })}.${part(claims)}`;
  return `${signed}.${createSign("sha256").update(signed).sign(rsa.privateKey).toString("base64url")}`;
}

interface Behaviour {
  /** What each poll is answered, in turn; the last again and again. "token" is the token. */
  readonly polls?: readonly string[];
  readonly device?: object;
  readonly deviceStatus?: number;
  readonly endpoint?: boolean;
  readonly methods?: readonly string[];
  readonly audience?: string;
}

interface Outcome {
  readonly shown: DeviceCode[];
  readonly waits: number[];
  readonly forms: URLSearchParams[];
  readonly identity: string;
}

/** A login at a provider that behaves so; time passes only while it waits. */
async function login(behaviour: Behaviour = {}): Promise<Outcome> {
  let issuer = "";
  let challenge = "";
  const forms: URLSearchParams[] = [];
  const polls = [...(behaviour.polls ?? ["authorization_pending", "token"])];
  const server = createServer((incoming, reply) => {
    let body = "";
    incoming.on("data", (chunk) => {
      body += chunk;
    });
    incoming.on("end", () => {
      const json = (status: number, value: unknown): unknown => reply.writeHead(status).end(JSON.stringify(value));
      const form = new URLSearchParams(body);
      if (incoming.url === "/.well-known/openid-configuration")
        json(200, {
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          code_challenge_methods_supported: behaviour.methods ?? ["S256"],
          ...(behaviour.endpoint === false ? {} : { device_authorization_endpoint: `${issuer}/device` }),
        });
      else if (incoming.url === "/keys") json(200, { keys });
      else if (incoming.url === "/device") {
        challenge = form.get("code_challenge") ?? "";
        assert.deepEqual([form.get("client_id"), form.get("scope")], ["sigstore", "openid email"]);
        const usual = {
          device_code: "secret",
          user_code: "ABCD-EFGH",
          verification_uri: `${issuer}/go`,
          expires_in: 60,
          interval: 7,
        };
        json(behaviour.deviceStatus ?? 200, behaviour.device ?? usual);
      } else {
        forms.push(form);
        const outcome = (polls.length > 1 ? polls.shift() : polls[0]) ?? "";
        const isRight =
          createHash("sha256")
            .update(form.get("code_verifier") ?? "")
            .digest("base64url") === challenge;
        const claims = {
          iss: issuer,
          sub: "u",
          email: "ada@example.com",
          email_verified: true,
          aud: behaviour.audience ?? "sigstore",
        };
        if (outcome === "garbage") reply.writeHead(500).end("secret");
        else if (outcome === "token" && isRight) json(200, { id_token: token({ ...claims, exp: startMs / 1000 + 900 }) });
        else json(400, { error: outcome });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let nowMs = startMs;
  const shown: DeviceCode[] = [];
  const waits: number[] = [];
  try {
    const { identity } = await loginOnDevice({
      issuer,
      onCode: (code) => shown.push(code),
      nowMs: () => nowMs,
      sleep: (ms) => {
        waits.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
    });
    return { shown, waits, forms, identity };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe("loginOnDevice", () => {
  it("shows the code, waits as long as it is told, and returns the token", async () => {
    const { shown, waits, forms, identity } = await login();
    assert.equal(identity, "ada@example.com");
    assert.deepEqual(waits, [7000, 7000]);
    assert.equal(shown[0]?.userCode, "ABCD-EFGH");
    assert.equal(shown[0]?.completeUrl, shown[0]?.url);
    assert.deepEqual([forms[0]?.get("client_id"), forms[0]?.get("device_code")], ["sigstore", "secret"]);
    assert.equal(forms[0]?.get("grant_type"), "urn:ietf:params:oauth:grant-type:device_code");
  });

  it("waits five seconds longer each time it is asked to slow down, and five where nothing is said", async () => {
    const device = { device_code: "secret", user_code: "A", verification_uri: "http://localhost/go" };
    assert.deepEqual((await login({ device, polls: ["slow_down", "slow_down", "token"] })).waits, [5000, 10_000, 15_000]);
  });

  it("gives up when the code has expired, by the provider's word or by the clock", async () => {
    await assert.rejects(login({ polls: ["expired_token"] }), { code: "OIDC_LOGIN_TIMEOUT", found: "expired_token" });
    await assert.rejects(login({ polls: ["authorization_pending"] }), { code: "OIDC_LOGIN_TIMEOUT", message: /within 60 s/u });
  });

  it("says that the person refused", () => assert.rejects(login({ polls: ["access_denied"] }), { code: "OIDC_LOGIN_REFUSED" }));

  it("refuses a token for another client", () =>
    assert.rejects(login({ audience: "other" }), { code: "ID_TOKEN_CLAIM_MISMATCH" }));

  for (const [name, behaviour, code] of [
    ["without a device endpoint", { endpoint: false }, "OIDC_PROVIDER_UNUSABLE"],
    ["without PKCE", { methods: ["plain"] }, "OIDC_PROVIDER_UNUSABLE"],
    ["whose device answer lacks the code", { device: { user_code: "A" } }, "OIDC_PROVIDER_UNUSABLE"],
    ["that refuses the client", { deviceStatus: 401 }, "OIDC_TOKEN_REFUSED"],
    ["with another error", { polls: ["invalid_grant"] }, "OIDC_TOKEN_REFUSED"],
  ] as const)
    it(`does not go on with a provider ${name}`, () => assert.rejects(login(behaviour), { code }));

  it("shows nothing of an answer that it cannot read", () =>
    assert.rejects(login({ polls: ["garbage"] }), (error: Error) => {
      assert.equal(Reflect.get(error, "code"), "OIDC_TOKEN_REFUSED");
      assert.doesNotMatch(error.message, /secret/u);
      return true;
    }));
});
