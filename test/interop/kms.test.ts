// Keys in AWS KMS and in Vault, against servers that others wrote: PyPI's moto and OpenBao, which `npm run peers` brings in and this starts.
// Where SIGILLUM_TEST_VAULT_URL names another Vault with the transit engine enabled (its token in SIGILLUM_TEST_VAULT_TOKEN), that one is asked.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isValidSignature, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8, JsonObject, parseJson } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { createKey, openSigner } from "@sigillum/signers/signers";
import { startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { findFreePorts } from "@sigillum/stack/settings";
import { findPeer } from "../../tools/peers-list.mjs";
import { missingOpenBao, type OpenBao, startOpenBao } from "./openbao.ts";
import { signsAndVerifies, trustStack } from "./stack-signs.ts";

const loopback = ["127.0.0.1", "::1"] as const;

const message = encodeUtf8("message");
const holds = async (signer: Signer): Promise<void> =>
  assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)));

/** A key of moto's KMS, which takes any signature for its caller's. */
async function createMotoKey(moto: string, spec: string): Promise<JsonObject> {
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
  return JsonObject.exact(parseJson(response.body), "key").object("KeyMetadata");
}

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
      const made = await createMotoKey(moto, spec);
      for (const name of ["KeyId", "Arn"]) await holds(await openSigner(`awskms:///${made.string(name)}`, { environment }));
    });

  for (const type of ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa"] as const)
    test(`makes a key of type ${type} under an alias, and finds it there the next time`, async () => {
      const reference = `awskms:///alias/made/${type}`;
      const made = await createKey(reference, type, environment);
      assert.deepEqual([made.isNew, made.signer.publicKey.type], [true, type]);
      await holds(made.signer);
      const again = await createKey(reference, type, environment);
      assert.equal(again.isNew, false);
      assert.deepEqual(again.signer.publicKey.spki, made.signer.publicKey.spki);
    });

  test("signs with credentials that STS lends for a web identity, as a pod of EKS has one", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-sts-"));
    try {
      await writeFile(join(directory, "token"), "a projected token");
      const made = await createMotoKey(moto, "ECC_NIST_P256");
      const lent = {
        AWS_REGION: "us-east-1",
        AWS_ENDPOINT_URL_KMS: moto,
        AWS_ENDPOINT_URL_STS: moto,
        AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/signer",
        AWS_WEB_IDENTITY_TOKEN_FILE: join(directory, "token"),
      };
      await holds(await openSigner(`awskms:///${made.string("KeyId")}`, { environment: lent }));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test("says that there is no such key", () =>
    assert.rejects(openSigner("awskms:///00000000-0000-0000-0000-000000000000", { environment }), {
      code: "SIGNER_REMOTE_REFUSED",
      message: /NotFoundException/u,
    }));
});

const given = process.env["SIGILLUM_TEST_VAULT_URL"];
const noVault = given === undefined ? missingOpenBao() : false;
describe("Vault's transit engine", { skip: noVault, timeout: 120_000 }, () => {
  let directory = "";
  let bao: OpenBao | undefined;
  let environment: Record<string, string> = {};
  before(async () => {
    if (noVault !== false) return;
    directory = await mkdtemp(join(tmpdir(), "sigillum-openbao-"));
    if (given === undefined) bao = await startOpenBao(directory);
    const token = process.env["SIGILLUM_TEST_VAULT_TOKEN"] ?? "root";
    environment = { VAULT_ADDR: bao?.url ?? given ?? "", VAULT_TOKEN: bao?.token ?? token };
  });
  after(async () => {
    await bao?.stop();
    if (directory !== "") await rm(directory, { recursive: true, force: true });
  });
  const post = async (path: string, body: unknown): Promise<void> => {
    const answer = await request({
      method: "POST",
      url: `${environment["VAULT_ADDR"]}/v1/${path}`,
      headers: { "x-vault-token": environment["VAULT_TOKEN"] ?? "", "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.ok(answer.status < 300, `${path}: HTTP ${answer.status}`);
  };

  for (const type of ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-4096"])
    test(`signs with ${type}, and goes on with its version after a rotation`, async () => {
      await post(`transit/keys/${type}`, { type });
      const signer = await openSigner(`hashivault://${type}`, { environment });
      await holds(signer);
      await post(`transit/keys/${type}/rotate`, {});
      await holds(signer);
      const rotated = await openSigner(`openbao://${type}`, { environment });
      await holds(rotated);
      assert.notDeepEqual(rotated.publicKey.spki, signer.publicKey.spki);
    });

  test("makes a key and leaves one that is there", async () => {
    const made = await createKey("hashivault://made", "ecdsa-p256", environment);
    assert.equal(made.isNew, true);
    await holds(made.signer);
    assert.equal((await createKey("hashivault://made", "ecdsa-p256", environment)).isNew, false);
  });

  test("finds the engine at another path", async () => {
    await post("sys/mounts/keys/signing", { type: "transit" });
    await post("keys/signing/keys/ca", { type: "ecdsa-p256" });
    await holds(
      await openSigner("hashivault://ca", { environment: { ...environment, TRANSIT_SECRET_ENGINE_PATH: "keys/signing" } }),
    );
  });

  test("says that there is no such key, no right to it, or that the key signs nothing", async () => {
    await assert.rejects(openSigner("hashivault://none", { environment }), { code: "SIGNER_REMOTE_REFUSED" });
    const stranger = { ...environment, VAULT_TOKEN: "x" };
    await assert.rejects(openSigner("hashivault://ecdsa-p256", { environment: stranger }), { code: "SIGNER_REMOTE_REFUSED" });
    await post("transit/keys/secret", { type: "aes256-gcm96" });
    await assert.rejects(openSigner("hashivault://secret", { environment }), (error: Error) =>
      /^SIGNER_/u.test(String(Reflect.get(error, "code"))),
    );
  });

  test("a whole stack signs with the keys of its authorities, logs and TUF timestamp in it", async () => {
    const roles = ["ca", "tsa", "ct", "log-v1", "log-v2", "tuf-timestamp"];
    for (const role of roles) await post(`transit/keys/stack-${role}`, { type: "ecdsa-p256" });
    const references = roles.map((name) => ({ name, reference: `hashivault://stack-${name}` }));
    // A stack reads where its Vault is from the environment of its process.
    const { env } = process;
    const saved = Object.keys(environment).map((name) => [name, env[name]] as const);
    Object.assign(env, environment);
    const stack = await startStack({
      dataDirectory: join(directory, "data"),
      initialise: { ports: "free", values: { keys: { references } } },
      logger: silentLogger,
    });
    try {
      const recorded = stack.keyring.document.keys.map(({ name, reference }) => [name.split("/", 1)[0], reference] as const);
      const inVault = recorded.filter(([, reference]) => reference.startsWith("hashivault:"));
      assert.deepEqual(inVault.sort(), references.map(({ name, reference }) => [name, reference]).sort());
      await trustStack(stack, join(directory, "roots"));
      await signsAndVerifies(stack, join(directory, "roots"), "signed with keys in a Vault");
    } finally {
      await stack.stop();
      for (const [name, value] of saved) {
        if (value === undefined) delete env[name];
        else env[name] = value;
      }
    }
  });
});
