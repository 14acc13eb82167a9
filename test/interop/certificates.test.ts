// What our certificate authority issues, for keys of every algorithm, as openssl and @sigstore/verify judge it; with SCTs of both forms: as RFC 6962
// has them, and with the leaf index of static-ct.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem, type KeyType } from "@sigillum/library/crypto";
import { embeddedScts } from "@sigillum/library/ct";
import { encodeBase64, encodeUtf8, JsonObject, parseJson } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { parseCertificatePem } from "@sigillum/library/x509";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { findPeer } from "../../tools/peers-list.mjs";
import { hasOpenssl } from "./clients/openssl.ts";
import { expectSuccess } from "./clients/program.ts";
import { sigstoreJs } from "./clients/sigstore-js.ts";
import { type Instance, startInstance } from "./instance.ts";

const peer = findPeer("sigstore-js");
const keyTypes: readonly KeyType[] = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"];

for (const leafIndexExtension of [true, false])
  describe(`certificates with ${leafIndexExtension ? "static-ct" : "RFC 6962"} SCTs`, { timeout: 120_000 }, () => {
    let instance: Instance;
    before(async () => {
      instance = await startInstance("signer@example.com", {}, { ctLog: { leafIndexExtension } });
    });
    after(() => instance?.stop());

    it("openssl accepts the certificate of a key of every algorithm", {
      skip: hasOpenssl() ? false : "openssl is not here",
    }, async () => {
      const token = await instance.token();
      for (const type of keyTypes) {
        const signer = ephemeralSigner(type);
        const publicKeyRequest = {
          publicKey: { content: encodePublicKeyPem(signer.publicKey) },
          proofOfPossession: encodeBase64(await signer.sign(encodeUtf8(instance.identity))),
        };
        const reply = await request({
          method: "POST",
          url: `${instance.caUrl}/api/v2/signingCert`,
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ credentials: { oidcIdentityToken: token }, publicKeyRequest }),
        });
        assert.equal(reply.status, 200, `${type}: ${new TextDecoder().decode(reply.body)}`);
        const chain = JsonObject.from(parseJson(reply.body), "answer").object("signedCertificateEmbeddedSct").object("chain");
        const [leaf = "", intermediate = "", root = ""] = chain.strings("certificates");
        const file = async (name: string, pem: string): Promise<string> => {
          await writeFile(join(instance.directory, name), `${pem}\n`);
          return join(instance.directory, name);
        };
        const [path, under, anchor] = [
          await file("leaf.pem", leaf),
          await file("ca.pem", intermediate),
          await file("root.pem", root),
        ];
        const text = await expectSuccess("openssl", ["x509", "-in", path, "-noout", "-text"]);
        assert.match(text, /CT Precertificate SCTs[\s\S]*Code Signing|Code Signing[\s\S]*CT Precertificate SCTs/u);
        await expectSuccess("openssl", [
          "verify",
          "-x509_strict",
          "-purpose",
          "any",
          "-CAfile",
          anchor,
          "-untrusted",
          under,
          path,
        ]);
        assert.equal(embeddedScts(parseCertificatePem(leaf))[0]?.extensions.length, leafIndexExtension ? 8 : 0);
      }
    });

    it("@sigstore/verify accepts the SCT", { skip: peer.path === undefined ? peer.missing : false }, async () => {
      const home = join(instance.directory, "js");
      const [artifact, bundle] = [join(instance.directory, "a.txt"), join(instance.directory, "a.sigstore.json")];
      await mkdir(home);
      await writeFile(artifact, "a file\n");
      const client = sigstoreJs(instance, peer.path ?? "", home);
      await client.bootstrap();
      await client.sign(artifact, bundle);
      await client.verify(artifact, bundle);
    });
  });
