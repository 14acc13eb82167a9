// A stack whose settings name a key that is there already.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8, JsonObject, parseJson } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { encodePrivateKeyPem, ephemeralSigner, generatePrivateKey, openSigner } from "@sigillum/signers/signers";
import { silentLogger } from "../host/index.ts";
import { type Stack, startStack } from "./index.ts";

/** A certificate of the development user, its issuers after it. */
async function certificatesOf(stack: Stack): Promise<X509Certificate[]> {
  const signer = ephemeralSigner();
  const proofOfPossession = encodeBase64(await signer.sign(encodeUtf8("dev@example.com")));
  const publicKeyRequest = { publicKey: { content: encodePublicKeyPem(signer.publicKey) }, proofOfPossession };
  const answer = await request({
    method: "POST",
    url: `${stack.urls.ca}/api/v2/signingCert`,
    headers: { "content-type": "application/json", authorization: `Bearer ${await stack.developmentToken()}` },
    body: JSON.stringify({ publicKeyRequest }),
  });
  assert.equal(answer.status, 200, Buffer.from(answer.body).toString());
  const chain = JsonObject.from(parseJson(answer.body), "answer").object("signedCertificateEmbeddedSct").object("chain");
  return chain.strings("certificates").map((pem) => new X509Certificate(pem));
}

it("a stack issues with the key that the settings name, and goes on with it after a stop", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-given-key-"));
  try {
    const reference = `file:${join(directory, "ca.pem")}`;
    await writeFile(join(directory, "ca.pem"), encodePrivateKeyPem(generatePrivateKey("ecdsa-p384")), { mode: 0o600 });
    const { publicKey } = await openSigner(reference);
    const values = { keys: { references: [{ name: "ca", reference }] } };
    for (const initialise of [{ ports: "free", values }, undefined] as const) {
      const stack = await startStack({
        dataDirectory: join(directory, "data"),
        only: ["ca", "identity"],
        logger: silentLogger,
        ...(initialise === undefined ? {} : { initialise }),
      });
      try {
        const [leaf, issuer] = await certificatesOf(stack);
        assert.deepEqual(new Uint8Array(issuer?.publicKey.export({ type: "spki", format: "der" }) ?? []), publicKey.spki);
        assert.ok(issuer !== undefined && leaf?.verify(issuer.publicKey));
      } finally {
        await stack.stop();
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
