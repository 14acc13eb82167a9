// Keys in AWS KMS and in Vault, against servers that others wrote: PyPI's moto, which `npm run peers` brings in and this starts, and a Vault
// with the transit engine enabled, where SIGILLUM_TEST_VAULT_URL (with the token in SIGILLUM_TEST_VAULT_TOKEN) says that one runs.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { isValidSignature, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8, JsonObject, parseJson } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { openSigner } from "@sigillum/signers/signers";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";

const loopback = ["127.0.0.1", "::1"] as const;

const message = encodeUtf8("message");
const holds = async (signer: Signer): Promise<void> =>
  assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)));

const peer = findPeer("moto");
const skip = peer.path === undefined ? (peer.missing ?? "moto is not here") : false;
describe("AWS KMS as moto has it", { skip, timeout: 120_000 }, () => {
  let moto = "";
  let process_: ChildProcess | undefined;
  const environment: Record<string, string> = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
  };
  before(async () => {
    if (skip !== false) return;
    const port = (await findFreePorts(1, loopback))[0];
    moto = `http://127.0.0.1:${port}`;
    environment["AWS_ENDPOINT_URL_KMS"] = moto;
    process_ = spawn(peer.path ?? "", ["-H", "127.0.0.1", "-p", String(port)], {
      env: { PATH: process.env["PATH"] ?? "" },
      stdio: "ignore",
    });
    const end = Date.now() + 60_000;
    while (
      !(await request({ url: `${moto}/moto-api/` }).then(
        () => true,
        () => false,
      ))
    ) {
      assert.ok(Date.now() < end && process_.exitCode === null, "moto does not start");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  after(() => process_?.kill("SIGKILL"));
  for (const spec of ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_2048", "RSA_4096"])
    test(`signs with ${spec}, by key id and by ARN`, async () => {
      const response = await request({
        method: "POST",
        url: moto,
        headers: {
          "content-type": "application/x-amz-json-1.1",
          "x-amz-target": "TrentService.CreateKey",
          authorization: "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0",
        },
        body: JSON.stringify({ KeySpec: spec, KeyUsage: "SIGN_VERIFY" }),
      });
      const made = JsonObject.exact(parseJson(response.body), "key").object("KeyMetadata");
      for (const name of ["KeyId", "Arn"]) await holds(await openSigner(`awskms:///${made.string(name)}`, { environment }));
    });

  test("says that there is no such key", () =>
    assert.rejects(openSigner("awskms:///00000000-0000-0000-0000-000000000000", { environment }), {
      code: "SIGNER_REMOTE_REFUSED",
      message: /NotFoundException/u,
    }));
});

const vault = process.env["SIGILLUM_TEST_VAULT_URL"];
describe("Vault", { skip: vault === undefined ? "SIGILLUM_TEST_VAULT_URL names no Vault" : false }, () => {
  const token = process.env["SIGILLUM_TEST_VAULT_TOKEN"] ?? "root";
  const environment = { VAULT_ADDR: vault, VAULT_TOKEN: token };
  const post = (path: string, body: unknown): Promise<HttpResponse> =>
    request({
      method: "POST",
      url: `${vault}/v1/transit/${path}`,
      headers: { "x-vault-token": token, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  for (const type of ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-4096"])
    test(`signs with ${type}, and goes on with its version after a rotation`, async () => {
      await post(`keys/${type}`, { type });
      const signer = await openSigner(`hashivault://${type}`, { environment });
      await holds(signer);
      await post(`keys/${type}/rotate`, {});
      await holds(signer);
      await holds(await openSigner(`openbao://${type}`, { environment }));
    });

  test("says that there is no such key, or no right to it", async () => {
    await assert.rejects(openSigner("hashivault://none", { environment }), { code: "SIGNER_REMOTE_REFUSED" });
    const stranger = { ...environment, VAULT_TOKEN: "x" };
    await assert.rejects(openSigner("hashivault://ecdsa-p256", { environment: stranger }), { code: "SIGNER_REMOTE_REFUSED" });
  });
});
