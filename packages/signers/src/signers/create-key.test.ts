// What is sent to make keys where they stay, against servers of this file that refuse what the services' documentation refuses. moto, which others
// wrote, is asked in test/interop/kms.test.ts.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { isValidSignature } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { createKey } from "./index.ts";

interface Call {
  readonly method: string;
  readonly path: string;
  readonly target: string;
  readonly body: Record<string, unknown>;
}
type Answer = { readonly status?: number; readonly body: unknown };

let server: Server;
let url = "";
let calls: Call[] = [];
let answer: (call: Call) => Answer;
const message = encodeUtf8("message");
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = publicKey.export({ format: "der", type: "spki" }).toString("base64");
const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
const signature = (encoding: "der" | "ieee-p1363" = "der"): Buffer =>
  sign("sha256", message, { key: privateKey, dsaEncoding: encoding });

before(async () => {
  server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += String(part);
    const isJson = request.headers["content-type"]?.includes("json") === true;
    const call = {
      method: request.method ?? "",
      path: request.url ?? "",
      target: String(request.headers["x-amz-target"] ?? ""),
      body: isJson && text !== "" ? JSON.parse(text) : {},
    };
    calls.push(call);
    const { status = 200, body } = answer(call);
    response.writeHead(status, { "content-type": "application/json" }).end(status === 204 ? "" : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  calls = [];
});

const makes = async (reference: string, environment: Record<string, string>, isNew: boolean): Promise<void> => {
  const made = await createKey(reference, "ecdsa-p256", environment);
  assert.equal(made.isNew, isNew);
  assert.ok(isValidSignature(made.signer.publicKey, made.signer.scheme, message, await made.signer.sign(message)));
};

describe("createKey in AWS KMS", () => {
  const environment = (): Record<string, string> => ({
    ...{ AWS_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_ENDPOINT_URL_KMS: url },
  });
  const id = "00000000-0000-0000-0000-00000000000a";
  const serve = (aliases: Map<string, string>): void => {
    answer = ({ target, body }) => {
      const known = aliases.get(String(body["KeyId"]));
      switch (target) {
        case "TrentService.CreateKey":
          assert.deepEqual([body["KeySpec"], body["KeyUsage"]], ["ECC_NIST_P256", "SIGN_VERIFY"]);
          return { body: { KeyMetadata: { KeyId: id } } };
        case "TrentService.CreateAlias":
          if (aliases.has(String(body["AliasName"]))) return { status: 400, body: { __type: "AlreadyExistsException" } };
          aliases.set(String(body["AliasName"]), String(body["TargetKeyId"]));
          return { body: {} };
        case "TrentService.Sign":
          return { body: { Signature: signature().toString("base64") } };
        default:
          return known === undefined
            ? { status: 400, body: { __type: "NotFoundException" } }
            : { body: { PublicKey: spki, KeyMetadata: {} } };
      }
    };
  };

  it("makes a key and its alias, and leaves one that is there", async () => {
    const aliases = new Map<string, string>();
    serve(aliases);
    await makes("awskms:///alias/release", environment(), true);
    assert.equal(aliases.get("alias/release"), id);
    calls = [];
    await makes("awskms:///alias/release", environment(), false);
    assert.ok(calls.every(({ target }) => !target.includes("Create")));
  });

  it("makes nothing where it could not look, wants an alias, and names the key that has none", async () => {
    answer = () => ({ status: 400, body: { __type: "AccessDeniedException" } });
    await assert.rejects(createKey("awskms:///alias/release", "ecdsa-p256", environment()), { code: "SIGNER_REMOTE_REFUSED" });
    assert.deepEqual(
      calls.map(({ target }) => target),
      ["TrentService.DescribeKey"],
    );
    await assert.rejects(createKey(`awskms:///${id}`, "ecdsa-p256", environment()), { code: "SIGNER_REFERENCE_UNKNOWN" });
    await assert.rejects(createKey("awskms:///alias/x", "ed25519", environment()), { code: "SIGNER_TYPE_UNSUPPORTED" });
    serve(new Map());
    const honest = answer;
    answer = (call) =>
      call.target.endsWith("CreateAlias") ? { status: 400, body: { __type: "LimitExceededException" } } : honest(call);
    await assert.rejects(createKey("awskms:///alias/x", "ecdsa-p256", environment()), { message: new RegExp(id, "u") });
  });
});

describe("createKey in Google Cloud KMS", () => {
  const ring = "projects/p/locations/eu/keyRings/r";
  const environment = (): Record<string, string> => ({ SIGILLUM_GCP_KMS_ENDPOINT: url, GOOGLE_OAUTH_ACCESS_TOKEN: "t" });
  const serve = (made: Set<string>): void => {
    let asked = 0;
    answer = ({ method, path, body }) => {
      const [, parent, kind, id] = /^\/v1\/(.*)\/(keyRings|cryptoKeys)\?(?:keyRingId|cryptoKeyId)=([^&]+)$/u.exec(path) ?? [];
      if (method === "POST" && parent !== undefined) {
        if (kind === "cryptoKeys") {
          assert.ok(made.has(parent), "the ring is made first");
          assert.equal(body["purpose"], "ASYMMETRIC_SIGN");
          assert.deepEqual(body["versionTemplate"], { algorithm: "EC_SIGN_P256_SHA256", protectionLevel: "SOFTWARE" });
        }
        made.add(`${parent}/${kind}/${id}`);
        return { body: {} };
      }
      if (path.includes("?filter"))
        return { body: { cryptoKeyVersions: [{ name: `${ring}/cryptoKeys/k/cryptoKeyVersions/1`, state: "ENABLED" }] } };
      if (path.endsWith("/cryptoKeyVersions/1")) {
        asked += 1;
        return { body: { state: asked < 3 ? "PENDING_GENERATION" : "ENABLED" } };
      }
      if (path.endsWith("/publicKey")) return { body: { pem, algorithm: "EC_SIGN_P256_SHA256" } };
      if (path.endsWith(":asymmetricSign")) return { body: { signature: signature().toString("base64") } };
      return made.has(path.slice(4)) ? { body: {} } : { status: 404, body: { error: { status: "NOT_FOUND" } } };
    };
  };

  it("makes ring and key, waits until the key can sign, and leaves one that is there", async () => {
    const made = new Set<string>();
    serve(made);
    await makes(`gcpkms://${ring}/cryptoKeys/k`, environment(), true);
    assert.deepEqual([...made], [ring, `${ring}/cryptoKeys/k`]);
    calls = [];
    await makes(`gcpkms://${ring}/cryptoKeys/k`, environment(), false);
    assert.equal(calls.filter(({ method, path }) => method === "POST" && !path.endsWith("Sign")).length, 0);
  });

  it("makes nothing where it could not look; neither a version nor a type that is not there can be asked for", async () => {
    answer = () => ({ status: 403, body: {} });
    await assert.rejects(createKey(`gcpkms://${ring}/cryptoKeys/k`, "ecdsa-p256", environment()), {
      code: "SIGNER_REMOTE_REFUSED",
    });
    assert.equal(calls.length, 1);
    const [version, p521] = [`gcpkms://${ring}/cryptoKeys/k/versions/2`, `gcpkms://${ring}/cryptoKeys/k`];
    await assert.rejects(createKey(version, "ecdsa-p256", environment()), { code: "SIGNER_REFERENCE_UNKNOWN" });
    await assert.rejects(createKey(p521, "ecdsa-p521", environment()), { code: "SIGNER_TYPE_UNSUPPORTED" });
  });
});

describe("createKey in Azure Key Vault", () => {
  const version = "0123456789abcdef0123456789abcdef";
  const environment = (): Record<string, string> => ({
    SIGILLUM_AZURE_VAULT_ENDPOINT: url,
    AZURE_AUTHORITY_HOST: `${url}/login`,
    ...{ AZURE_TENANT_ID: "t", AZURE_CLIENT_ID: "c", AZURE_CLIENT_SECRET: "s" },
  });
  const reference = "azurekms://v.vault.azure.net/k";

  it("makes a key for signing, and leaves one that is there", async () => {
    let isMade = false;
    const key = { key: { ...publicKey.export({ format: "jwk" }), kid: `https://v.vault.azure.net/keys/k/${version}` } };
    answer = ({ method, path, body }) => {
      if (path.startsWith("/login")) return { body: { access_token: "t", expires_in: 3600 } };
      if (path.includes("/sign?")) return { body: { value: signature("ieee-p1363").toString("base64url") } };
      if (method === "POST" && path === "/keys/k/create?api-version=7.4") {
        assert.deepEqual(body, { kty: "EC", crv: "P-256", key_ops: ["sign", "verify"] });
        isMade = true;
      }
      return isMade ? { body: key } : { status: 404, body: { error: { code: "KeyNotFound" } } };
    };
    await makes(reference, environment(), true);
    calls = [];
    await makes(reference, environment(), false);
    assert.ok(calls.every(({ path }) => !path.includes("create")));
  });

  it("makes nothing where it could not look; neither a version nor a type that is not there can be asked for", async () => {
    answer = ({ path }) =>
      path.startsWith("/login") ? { body: { access_token: "t", expires_in: 1 } } : { status: 403, body: {} };
    await assert.rejects(createKey(reference, "ecdsa-p256", environment()), { code: "SIGNER_REMOTE_REFUSED" });
    assert.ok(calls.every(({ path }) => !path.includes("create")));
    await assert.rejects(createKey(`${reference}/${version}`, "rsa", environment()), { code: "SIGNER_REFERENCE_UNKNOWN" });
    await assert.rejects(createKey(reference, "ed25519", environment()), { code: "SIGNER_TYPE_UNSUPPORTED" });
  });
});

describe("createKey in Vault", () => {
  it("makes a key, whose making is answered with nothing, and leaves one that is there", async () => {
    let type: unknown;
    answer = ({ method, path, body }) => {
      if (path === "/v1/transit/sign/k") return { body: { data: { signature: `vault:v1:${signature().toString("base64")}` } } };
      if (method === "POST") {
        type = body["type"];
        return { status: 204, body: {} };
      }
      return type === undefined
        ? { status: 404, body: { errors: [] } }
        : { body: { data: { type, latest_version: 1, keys: { "1": { public_key: pem } } } } };
    };
    const environment = { VAULT_ADDR: url, VAULT_TOKEN: "t" };
    await makes("hashivault://k", environment, true);
    assert.equal(type, "ecdsa-p256");
    await makes("openbao://k", environment, false);
  });

  it("makes nothing elsewhere", () => assert.rejects(createKey("release.pem", "rsa", {}), { code: "SIGNER_REFERENCE_UNKNOWN" }));
});
