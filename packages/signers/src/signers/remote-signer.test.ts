// What the clients of Vault and AWS KMS send and how they read answers, against servers of this file: shaped like the protocols, and no
// proof of them. test/interop/kms.test.ts runs the clients against moto and against Vault's own transit engine.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { signAwsRequest } from "@sigillum/library/aws";
import { createSigner, encodePublicKeyPem, isValidSignature, rawPublicKey, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { generatePrivateKey, openSigner, signersErrors } from "./index.ts";

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, unknown>;
}

let server: Server;
let url = "";
let calls: Call[] = [];
let answer: (call: Call) => { status?: number; body: unknown } | Promise<{ status?: number; body: unknown }>;
const directory = mkdtempSync(join(tmpdir(), "sigillum-remote-"));

before(async () => {
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => {
      text += String(part);
    });
    request.on("end", async () => {
      const call = {
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: text === "" ? {} : JSON.parse(text),
      };
      calls.push(call);
      const { status = 200, body } = await answer(call);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
after(() => {
  rmSync(directory, { recursive: true, force: true });
  return new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});
beforeEach(() => {
  calls = [];
});

const message = encodeUtf8("message");
const holds = async (signer: Signer): Promise<void> =>
  assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)));

describe("keys in Vault and OpenBao", () => {
  const environment = (): Record<string, string> => ({ VAULT_ADDR: url, VAULT_TOKEN: "hvs.secret" });
  const keyOf = (signer: Signer, type: string): unknown => ({
    data: {
      type,
      latest_version: 3,
      keys: {
        "2": { public_key: "old" },
        "3": {
          public_key: type === "ed25519" ? encodeBase64(rawPublicKey(signer.publicKey)) : encodePublicKeyPem(signer.publicKey),
        },
      },
    },
  });
  const serve = (signer: Signer, type: string): void => {
    answer = async (call) => {
      if (call.method === "GET") return { body: keyOf(signer, type) };
      const signature = await signer.sign(message);
      return { body: { data: { signature: `vault:v3:${encodeBase64(signature)}` } } };
    };
  };

  it("send the digest, the version and the form of the signature", async () => {
    const own = createSigner(generatePrivateKey("ecdsa-p384"));
    serve(own, "ecdsa-p384");
    const signer = await openSigner("hashivault://release.key", { environment: { ...environment(), VAULT_NAMESPACE: "team" } });
    await holds(signer);
    assert.deepEqual(
      calls.map(({ method, path }) => `${method} ${path}`),
      ["GET /v1/transit/keys/release.key", "POST /v1/transit/sign/release.key"],
    );
    assert.equal(calls[1]?.headers["x-vault-token"], "hvs.secret");
    assert.equal(calls[1]?.headers["x-vault-namespace"], "team");
    assert.equal(calls[1]?.body["hash_algorithm"], "sha2-384");
    assert.equal(calls[1]?.body["prehashed"], true);
    assert.equal(calls[1]?.body["key_version"], 3);
    assert.equal(calls[1]?.body["marshaling_algorithm"], "asn1");
    assert.equal(Buffer.from(String(calls[1]?.body["input"]), "base64").length, 48);
  });

  it("send the whole message for Ed25519, and the padding for RSA", async () => {
    serve(createSigner(generatePrivateKey("ed25519")), "ed25519");
    const openBao = { BAO_ADDR: `${url}/`, BAO_TOKEN: "t", TRANSIT_SECRET_ENGINE_PATH: "/my/transit/" };
    await holds(await openSigner("openbao://k", { environment: openBao }));
    assert.equal(calls[1]?.path, "/v1/my/transit/sign/k");
    assert.equal(calls[1]?.body["input"], encodeBase64(message));
    assert.equal(calls[1]?.body["prehashed"], undefined);
    serve(createSigner(generatePrivateKey("rsa", 2048)), "rsa-2048");
    await holds(await openSigner("hashivault://k", { environment: environment() }));
    assert.equal(calls.at(-1)?.body["signature_algorithm"], "pkcs1v15");
  });

  it("refuse a signature by another key, of another version, and answers that are none", async () => {
    const own = createSigner(generatePrivateKey("ecdsa-p256"));
    serve(own, "ecdsa-p256");
    const signer = await openSigner("hashivault://k", { environment: environment() });
    const stranger = createSigner(generatePrivateKey("ecdsa-p256"));
    const good = encodeBase64(await own.sign(message));
    for (const [body, code] of [
      [{ data: { signature: `vault:v3:${encodeBase64(await stranger.sign(message))}` } }, "SIGNER_REMOTE_SIGNATURE"],
      [{ data: { signature: `vault:v4:${good}` } }, "SIGNER_REMOTE_ANSWER"],
      [{ data: { signature: "vault:v3:*" } }, "SIGNER_REMOTE_ANSWER"],
      [{ data: {} }, "SIGNER_REMOTE_ANSWER"],
      ["<html>", "SIGNER_REMOTE_ANSWER"],
    ] as const) {
      answer = () => ({ body });
      await assert.rejects(signer.sign(message), { code });
    }
    answer = () => ({ status: 403, body: { errors: ["permission denied"] } });
    await assert.rejects(signer.sign(message), { code: "SIGNER_REMOTE_REFUSED", message: /403: "permission denied"/u });
    answer = () => ({ status: 500, body: { errors: ["sealed"] } });
    await assert.rejects(signer.sign(message), { code: "SIGNER_REMOTE_UNAVAILABLE" });
    answer = () => ({ body: { data: { type: "aes256-gcm96", latest_version: 1, keys: { "1": 1 } } } });
    await assert.rejects(openSigner("hashivault://k", { environment: environment() }), { code: "SIGNER_REMOTE_ANSWER" });
  });

  it("need an address and a token, and say which is missing, never what it is", async () => {
    await assert.rejects(openSigner("hashivault://k", { environment: {} }), {
      code: "SIGNER_CREDENTIALS_MISSING",
      message: /VAULT_ADDR/u,
    });
    await assert.rejects(openSigner("openbao://k", { environment: { BAO_ADDR: url, BAO_TOKEN: "bad token\n" } }), {
      code: "SIGNER_CREDENTIALS_MISSING",
      message: /^(?!.*bad token).*BAO_TOKEN/u,
    });
    const nowhere = { VAULT_ADDR: "http://127.0.0.1:1", VAULT_TOKEN: "t" };
    await assert.rejects(openSigner("hashivault://k", { environment: nowhere }), { code: "SIGNER_REMOTE_UNAVAILABLE" });
    assert.ok(Object.hasOwn(signersErrors, "SIGNER_REMOTE_UNAVAILABLE"));
  });
});

describe("keys in AWS KMS", () => {
  const keyId = "1234abcd-12ab-34cd-56ef-1234567890ab";
  const environment = (): Record<string, string> => ({
    AWS_ENDPOINT_URL_KMS: url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_SESSION_TOKEN: "session",
  });
  const serve = (signer: Signer): void => {
    answer = async (call) =>
      call.headers["x-amz-target"] === "TrentService.GetPublicKey"
        ? { body: { PublicKey: encodeBase64(signer.publicKey.spki) } }
        : { body: { Signature: encodeBase64(await signer.sign(message)) } };
  };

  it("send a signed call for each signature", async () => {
    serve(createSigner(generatePrivateKey("ecdsa-p384")));
    const arn = `arn:aws:kms:us-east-2:123456789012:key/${keyId}`;
    await holds(await openSigner(`awskms:///${arn}`, { environment: environment() }));
    assert.equal(calls[1]?.headers["x-amz-target"], "TrentService.Sign");
    assert.deepEqual(
      { ...calls[1]?.body, Message: undefined },
      { KeyId: arn, MessageType: "RAW", SigningAlgorithm: "ECDSA_SHA_384", Message: undefined },
    );
    assert.equal(calls[1]?.headers["x-amz-security-token"], "session");
    assert.match(
      String(calls[1]?.headers["authorization"]),
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-2\/kms\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=[0-9a-f]{64}$/u,
    );
    for (const [type, bits, algorithm] of [
      ["rsa", 2048, "RSASSA_PKCS1_V1_5_SHA_256"],
      ["ed25519", undefined, "ED25519_SHA_512"],
    ] as const) {
      serve(createSigner(generatePrivateKey(type, bits)));
      await holds(await openSigner("awskms:///alias/release", { environment: environment() }));
      assert.equal(calls.at(-1)?.body["SigningAlgorithm"], algorithm);
      assert.equal(calls.at(-1)?.body["KeyId"], "alias/release");
    }
  });

  it("send the digest of what is longer than AWS hashes", async () => {
    const own = createSigner(generatePrivateKey("ecdsa-p256"));
    const long = new Uint8Array(4097);
    answer = async (call) =>
      call.headers["x-amz-target"] === "TrentService.GetPublicKey"
        ? { body: { PublicKey: encodeBase64(own.publicKey.spki) } }
        : { body: { Signature: encodeBase64(await own.sign(long)) } };
    await (await openSigner("awskms:///alias/release", { environment: environment() })).sign(long);
    assert.equal(calls.at(-1)?.body["MessageType"], "DIGEST");
    assert.equal(Buffer.from(String(calls.at(-1)?.body["Message"]), "base64").length, 32);
  });

  it("name the signed headers and the time", () => {
    const headers = signAwsRequest({
      method: "POST",
      path: "/",
      host: "kms.us-east-1.amazonaws.com",
      region: "us-east-1",
      service: "kms",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.Sign" },
      body: "{}",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
      nowMs: Date.UTC(2015, 7, 30, 12, 36, 0),
    });
    assert.equal(headers["x-amz-date"], "20150830T123600Z");
    assert.equal(headers["host"], undefined);
    assert.match(headers["authorization"] ?? "", /SignedHeaders=content-type;host;x-amz-date;x-amz-target, /u);
  });

  it("take credentials from the shared file, by profile", async () => {
    serve(createSigner(generatePrivateKey("ecdsa-p256")));
    const path = join(directory, "credentials");
    writeFileSync(path, "[default]\naws_access_key_id = A\n[ release ]\naws_access_key_id = B\naws_secret_access_key = C\n");
    const files = {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: "eu-central-1",
      AWS_SHARED_CREDENTIALS_FILE: path,
      AWS_EC2_METADATA_DISABLED: "true",
    };
    await openSigner(`awskms:///${keyId}`, { environment: { ...files, AWS_PROFILE: "release" } });
    assert.match(String(calls[0]?.headers["authorization"]), /Credential=B\//u);
    await assert.rejects(openSigner(`awskms:///${keyId}`, { environment: files }), { code: "SIGNER_CREDENTIALS_MISSING" });
    await assert.rejects(openSigner(`awskms:///${keyId}`, { environment: { ...files, AWS_REGION: "" } }), {
      code: "SIGNER_CREDENTIALS_MISSING",
      message: /AWS_REGION/u,
    });
  });

  it("refuse what is no answer", async () => {
    const own = createSigner(generatePrivateKey("ecdsa-p256"));
    serve(own);
    const signer = await openSigner(`awskms:///${keyId}`, { environment: environment() });
    answer = () => ({ status: 400, body: { __type: "NotFoundException", message: "no such key" } });
    await assert.rejects(signer.sign(message), { code: "SIGNER_REMOTE_REFUSED", message: /NotFoundException no such key/u });
    answer = () => ({ body: { Signature: "*" } });
    await assert.rejects(signer.sign(message), { code: "SIGNER_REMOTE_ANSWER" });
    answer = () => ({ body: { Signature: encodeBase64(encodeUtf8("x")) } });
    await assert.rejects(signer.sign(message), { code: "SIGNER_REMOTE_SIGNATURE" });
    answer = () => ({ body: { PublicKey: encodeBase64(encodeUtf8("x")) } });
    await assert.rejects(openSigner(`awskms:///${keyId}`, { environment: environment() }), { code: "SIGNER_REMOTE_ANSWER" });
  });
});
