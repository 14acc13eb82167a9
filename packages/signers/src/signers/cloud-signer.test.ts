// What the clients of Google Cloud KMS and Azure Key Vault send and how they read answers, against servers of this file: shaped like the
// protocols' documentation, and no proof of them. No server of others speaks these two and can be had from a package registry.
import assert from "node:assert/strict";
import { type createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { isValidSignature, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { openSigner } from "./index.ts";

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

let server: Server;
let url = "";
let calls: Call[] = [];
let answer: (call: Call) => { status?: number; body: unknown };
const directory = mkdtempSync(join(tmpdir(), "sigillum-cloud-"));
const message = encodeUtf8("message");
const holds = async (signer: Signer): Promise<void> =>
  assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)));
const pem = (key: ReturnType<typeof createPublicKey>): string => key.export({ type: "spki", format: "pem" }).toString();

before(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += String(part);
    });
    request.on("end", () => {
      const call = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
      calls.push(call);
      const { status = 200, body: value } = answer(call);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
after(() => {
  rmSync(directory, { recursive: true, force: true });
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  calls = [];
});

describe("keys in Google Cloud KMS", () => {
  const key = "projects/p/locations/eu/keyRings/r/cryptoKeys/k";
  const keys = {
    EC_SIGN_P256_SHA256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    EC_SIGN_P384_SHA384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
    EC_SIGN_ED25519: generateKeyPairSync("ed25519"),
    RSA_SIGN_PKCS1_2048_SHA256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  } as const;
  const environment = (): Record<string, string> => ({ SIGILLUM_GCP_KMS_ENDPOINT: url, GOOGLE_OAUTH_ACCESS_TOKEN: "token" });
  const serve = (algorithm: keyof typeof keys): void => {
    const { privateKey, publicKey } = keys[algorithm];
    answer = ({ path }) => {
      if (path.includes("?filter"))
        return {
          body: {
            cryptoKeyVersions: [
              { name: `${key}/cryptoKeyVersions/2`, state: "ENABLED" },
              { name: `${key}/cryptoKeyVersions/10`, state: "ENABLED" },
              { name: `${key}/cryptoKeyVersions/11`, state: "DISABLED" },
            ],
          },
        };
      if (path.endsWith("/publicKey")) return { body: { pem: pem(publicKey), algorithm } };
      // The service signs the digest; the double signs the message whose digest it is.
      const hash = algorithm === "EC_SIGN_ED25519" ? null : algorithm.endsWith("384") ? "sha384" : "sha256";
      return { body: { signature: sign(hash, message, privateKey).toString("base64") } };
    };
  };

  for (const algorithm of Object.keys(keys) as (keyof typeof keys)[])
    it(`${algorithm}: the newest enabled version signs`, async () => {
      serve(algorithm);
      await holds(await openSigner(`gcpkms://${key}`, { environment: environment() }));
      assert.deepEqual(
        calls.map(({ method, path }) => `${method} ${path}`),
        [
          `GET /v1/${key}/cryptoKeyVersions?filter=state%3DENABLED&pageSize=100`,
          `GET /v1/${key}/cryptoKeyVersions/10/publicKey`,
          `POST /v1/${key}/cryptoKeyVersions/10:asymmetricSign`,
        ],
      );
      assert.equal(calls[0]?.headers["authorization"], "Bearer token");
      const sent = JSON.parse(calls[2]?.body ?? "");
      if (algorithm === "EC_SIGN_ED25519") assert.equal(Buffer.from(sent.data, "base64").toString(), "message");
      else assert.equal(Buffer.from(Object.values(sent.digest).join(""), "base64").length, algorithm.endsWith("384") ? 48 : 32);
    });

  it("a version that is named is used, in both spellings", async () => {
    serve("EC_SIGN_P256_SHA256");
    for (const name of ["cryptoKeyVersions", "versions"]) {
      calls = [];
      await openSigner(`gcpkms://${key}/${name}/2`, { environment: environment() });
      assert.equal(calls[0]?.path, `/v1/${key}/cryptoKeyVersions/2/publicKey`);
    }
  });

  it("a service account signs for its access token, which is kept", async () => {
    const account = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const path = join(directory, "account.json");
    writeFileSync(
      path,
      JSON.stringify({
        type: "service_account",
        client_email: "signer@p.iam.gserviceaccount.com",
        private_key: account.privateKey.export({ type: "pkcs8", format: "pem" }),
        token_uri: `${url}/token`,
      }),
    );
    serve("EC_SIGN_P256_SHA256");
    const kms = answer;
    answer = (call) => (call.path === "/token" ? { body: { access_token: "fresh", expires_in: 3600 } } : kms(call));
    const signer = await openSigner(`gcpkms://${key}/versions/2`, {
      environment: { SIGILLUM_GCP_KMS_ENDPOINT: url, GOOGLE_APPLICATION_CREDENTIALS: path },
    });
    await holds(signer);
    assert.equal(calls.filter((call) => call.path === "/token").length, 1);
    assert.equal(calls.at(-1)?.headers["authorization"], "Bearer fresh");
    const assertion = new URLSearchParams(calls[0]?.body).get("assertion") ?? "";
    const [header = "", claims = "", signature = ""] = assertion.split(".");
    assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), account.publicKey, Buffer.from(signature, "base64url")));
    const { iss, aud, scope, exp, iat } = JSON.parse(Buffer.from(claims, "base64url").toString());
    assert.deepEqual(
      [iss, aud, scope, exp - iat],
      ["signer@p.iam.gserviceaccount.com", `${url}/token`, "https://www.googleapis.com/auth/cloudkms", 3600],
    );
  });

  it("refuses other names, a key without versions, credentials that are missing, and errors of the service", async () => {
    for (const name of ["projects/p/locations/l/keyRings/r", `${key}/versions/x`, `${key}?x`])
      await assert.rejects(openSigner(`gcpkms://${name}`, { environment: environment() }), { code: "SIGNER_REFERENCE_UNKNOWN" });
    answer = () => ({ body: {} });
    await assert.rejects(openSigner(`gcpkms://${key}`, { environment: environment() }), { code: "SIGNER_REMOTE_REFUSED" });
    await assert.rejects(openSigner(`gcpkms://${key}/versions/1`, { environment: environment() }), {
      code: "SIGNER_REMOTE_ANSWER",
    });
    answer = () => ({ status: 403, body: { error: { message: "denied" } } });
    await assert.rejects(openSigner(`gcpkms://${key}`, { environment: environment() }), {
      code: "SIGNER_REMOTE_REFUSED",
      found: "HTTP 403",
    });
    for (const text of ["{", '{"type":"other"}']) {
      writeFileSync(join(directory, "bad.json"), text);
      const bad = { SIGILLUM_GCP_KMS_ENDPOINT: url, GOOGLE_APPLICATION_CREDENTIALS: join(directory, "bad.json") };
      await assert.rejects(openSigner(`gcpkms://${key}`, { environment: bad }), { code: "SIGNER_CREDENTIALS_MISSING" });
    }
  });
});

describe("keys in Azure Key Vault", () => {
  const version = "0123456789abcdef0123456789abcdef";
  const environment = (): Record<string, string> => ({
    SIGILLUM_AZURE_VAULT_ENDPOINT: url,
    AZURE_AUTHORITY_HOST: `${url}/login`,
    AZURE_TENANT_ID: "tenant",
    AZURE_CLIENT_ID: "client",
    AZURE_CLIENT_SECRET: "secret",
  });
  const keys = {
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
    RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  } as const;
  const serve = (algorithm: keyof typeof keys): void => {
    const { privateKey, publicKey } = keys[algorithm];
    answer = ({ path }) => {
      if (path.startsWith("/login")) return { body: { access_token: "fresh", expires_in: 3600 } };
      if (!path.includes("/sign?"))
        return { body: { key: { ...publicKey.export({ format: "jwk" }), kid: `https://v.vault.azure.net/keys/k/${version}` } } };
      const hash = algorithm === "ES384" ? "sha384" : "sha256";
      const value = sign(hash, message, { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
      return { body: { kid: "", value } };
    };
  };

  for (const algorithm of Object.keys(keys) as (keyof typeof keys)[])
    it(`${algorithm}: r and s become DER, and the newest version stays`, async () => {
      serve(algorithm);
      await holds(await openSigner("azurekms://v.vault.azure.net/k", { environment: environment() }));
      assert.deepEqual(
        calls.map(({ method, path }) => `${method} ${path}`),
        ["POST /login/tenant/oauth2/v2.0/token", "GET /keys/k?api-version=7.4", `POST /keys/k/${version}/sign?api-version=7.4`],
      );
      assert.equal(new URLSearchParams(calls[0]?.body).get("scope"), "https://vault.azure.net/.default");
      assert.equal(calls[2]?.headers["authorization"], "Bearer fresh");
      assert.equal(JSON.parse(calls[2]?.body ?? "").alg, algorithm);
    });

  it("a federated token and a managed identity are credentials too, each cloud with its own resource", async () => {
    serve("ES256");
    writeFileSync(join(directory, "federated"), "the-token\n");
    const { AZURE_CLIENT_SECRET: _, ...rest } = environment();
    await openSigner("azurekms://v.managedhsm.azure.net/k", {
      environment: { ...rest, AZURE_FEDERATED_TOKEN_FILE: join(directory, "federated") },
    });
    const form = new URLSearchParams(calls[0]?.body);
    assert.deepEqual([form.get("client_assertion"), form.get("scope")], ["the-token", "https://managedhsm.azure.net/.default"]);
    calls = [];
    await openSigner("azurekms://v.vault.azure.cn/k", {
      environment: {
        SIGILLUM_AZURE_VAULT_ENDPOINT: url,
        AZURE_ENVIRONMENT: "AzureChinaCloud",
        IDENTITY_ENDPOINT: `${url}/login`,
        IDENTITY_HEADER: "h",
      },
    });
    assert.match(calls[0]?.path ?? "", /resource=https%3A%2F%2Fvault.azure.cn/u);
    assert.equal(calls[0]?.headers["x-identity-header"], "h");
  });

  it("refuses other names, unknown clouds and curves, and errors of the service", async () => {
    for (const name of ["azurekms://v.vault.azure.net", "azurekms://v.vault.azure.net/k/1", "azurekms://V/k"])
      await assert.rejects(openSigner(name, { environment: environment() }), { code: "SIGNER_REFERENCE_UNKNOWN" });
    const elsewhere = { ...environment(), AZURE_ENVIRONMENT: "mars" };
    await assert.rejects(openSigner("azurekms://v.vault.azure.net/k", { environment: elsewhere }), {
      code: "SIGNER_CREDENTIALS_MISSING",
    });
    answer = ({ path }) =>
      path.startsWith("/login")
        ? { body: { access_token: "t", expires_in: "60" } }
        : { body: { key: { kty: "EC", crv: "P-256K", kid: `x/${version}`, x: "AA", y: "AA" } } };
    await assert.rejects(openSigner("azurekms://v.vault.azure.net/k", { environment: environment() }), {
      code: "SIGNER_REMOTE_ANSWER",
    });
    answer = () => ({ status: 401, body: { error: "invalid_client" } });
    await assert.rejects(openSigner("azurekms://v.vault.azure.net/k", { environment: environment() }), {
      code: "SIGNER_REMOTE_REFUSED",
    });
  });
});
