// The whole stack with every key in a PKCS #11 token, which SoftHSM plays: two hundred requests at once, and a token that is pulled.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { makeSoftHsm, missingSoftHsm, type SoftHsm } from "@sigillum/library/testing";
import { encodeTimestampRequest } from "@sigillum/library/timestamp";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { type Stack, startStack } from "@sigillum/stack/compose";
import { silentLogger } from "@sigillum/stack/host";
import { signsAndVerifies, trustStack } from "./stack-signs.ts";

const email = "dev@example.com";
const requests = 200;

describe("a stack with its keys in SoftHSM", { skip: missingSoftHsm(), timeout: 180_000 }, () => {
  let directory = "";
  let token: SoftHsm;
  let stack: Stack;

  const certificate = async (): Promise<HttpResponse> => {
    const signer = ephemeralSigner();
    const publicKeyRequest = {
      publicKey: { algorithm: "ECDSA", content: encodePublicKeyPem(signer.publicKey) },
      proofOfPossession: encodeBase64(await signer.sign(encodeUtf8(email))),
    };
    return request({
      method: "POST",
      url: `${stack.urls.ca}/api/v2/signingCert`,
      headers: { "content-type": "application/json", authorization: `Bearer ${identityToken}` },
      body: JSON.stringify({ publicKeyRequest }),
      timeoutMs: 60_000,
    });
  };
  const timestamp = (at: number): Promise<HttpResponse> =>
    request({
      method: "POST",
      url: `${stack.urls.tsa}/api/v1/timestamp`,
      headers: { "content-type": "application/timestamp-query" },
      body: encodeTimestampRequest({ hash: "sha256", digest: new Uint8Array(32).fill(at) }),
      timeoutMs: 60_000,
    });
  const signs = (text: string): Promise<void> => signsAndVerifies(stack, join(directory, "roots"), text);
  let identityToken = "";

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-softhsm-"));
    token = makeSoftHsm(directory);
    stack = await startStack({
      dataDirectory: join(directory, "data"),
      initialise: { ports: "free", values: { keys: { holder: token.uri } } },
      logger: silentLogger,
    });
    identityToken = await stack.developmentToken();
    await trustStack(stack, join(directory, "roots"));
  });
  after(async () => {
    await stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("keeps no private key on disk", async () => {
    const { keys } = stack.keyring.document;
    assert.ok(keys.length >= 12);
    for (const key of keys) assert.match(key.reference, /^pkcs11:token=sigillum;object=/u);
    const names = await readdir(join(directory, "data"), { recursive: true });
    assert.deepEqual(
      names.filter((name) => name.startsWith("keys")),
      [],
    );
  });

  it("signs a file that verifies", () => signs("signed with keys in a token"));

  it(`answers ${requests} requests at once for certificates and for timestamps`, async () => {
    const replies = await Promise.all(
      Array.from({ length: requests }, (_, at) => (at % 2 === 0 ? certificate() : timestamp(at))),
    );
    for (const { status, body } of replies) assert.equal(status, 200, Buffer.from(body).toString("latin1"));
  });

  it("answers 503 while the token is pulled, and signs again when it is back", async () => {
    token.pull();
    try {
      const replies = await Promise.all([...Array.from({ length: 10 }, certificate), timestamp(1)]);
      for (const reply of replies) {
        assert.equal(reply.status, 503, parseUtf8(reply.body));
        assert.equal(reply.headers["retry-after"], "1");
      }
      assert.match(parseUtf8(replies[0]?.body ?? new Uint8Array()), /CA_SIGNING_FAILED|CA_CT_UNAVAILABLE/u);
    } finally {
      token.putBack();
    }
    const end = Date.now() + 30_000;
    for (;;) {
      if ((await certificate()).status === 200 && (await timestamp(2)).status === 200) break;
      assert.ok(Date.now() < end, "the stack does not recover");
    }
    await signs("signed after the token was put back");
  });
});
