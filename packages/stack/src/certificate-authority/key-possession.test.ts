import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSigner, encodePublicKeyPem, type KeyType } from "@sigillum/library/crypto";
import { encodePem, encodeUtf8 } from "@sigillum/library/encoding";
import { signCertificationRequest } from "@sigillum/library/x509";
import { ephemeralSigner, generatePrivateKey } from "@sigillum/signers/signers";
import fc from "fast-check";
import { requirePermitted } from "./client-algorithm.ts";
import { clientAlgorithms, verifyKeyPossession } from "./index.ts";

const email = "dev@example.com";

describe("verifyKeyPossession", () => {
  it("returns the key of a signature over any one of the challenges", async () => {
    const signer = ephemeralSigner("ecdsa-p384");
    const content = encodeUtf8(encodePublicKeyPem(signer.publicKey));
    for (const challenge of [email, "subject"]) {
      const signature = await signer.sign(encodeUtf8(challenge));
      assert.deepEqual(
        verifyKeyPossession({ type: "publicKey", content, signature }, [email, "subject"]).spki,
        signer.publicKey.spki,
      );
    }
  });

  it("holds a signature to the hash of the key's curve", async () => {
    const signer = createSigner(generatePrivateKey("ecdsa-p384"), { hash: "sha256" });
    const proof = { type: "publicKey", content: signer.publicKey.spki, signature: await signer.sign(encodeUtf8(email)) } as const;
    assert.throws(
      () => verifyKeyPossession(proof, [email]),
      (error: { code?: string }) => error.code === "CA_PROOF_OF_POSSESSION",
    );
  });

  it("reads a certification request in PEM and in DER", async () => {
    const signer = ephemeralSigner();
    const der = await signCertificationRequest(signer);
    for (const content of [
      der,
      encodeUtf8(encodePem("CERTIFICATE REQUEST", der)),
      encodeUtf8(encodePem("NEW CERTIFICATE REQUEST", der)),
    ]) {
      assert.deepEqual(verifyKeyPossession({ type: "certificationRequest", content }, []).spki, signer.publicKey.spki);
    }
  });

  it("raises nothing but coded errors for any key, request and proof", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 100 }).map((inner) => Uint8Array.of(0x30, ...inner)),
      fc.uint8Array({ maxLength: 100 }).map((inner) => encodeUtf8(encodePem("PUBLIC KEY", inner))),
      fc.uint8Array({ maxLength: 100 }).map((inner) => encodeUtf8(encodePem("CERTIFICATE REQUEST", inner))),
    );
    fc.assert(
      fc.property(bytes, fc.uint8Array({ maxLength: 80 }), (content, signature) => {
        for (const proof of [
          { type: "publicKey", content, signature } as const,
          { type: "certificationRequest", content } as const,
        ]) {
          assert.throws(
            () => verifyKeyPossession(proof, [email]),
            (error: { code?: string }) => /^CA_/u.test(error.code ?? ""),
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("requirePermitted", () => {
  it("names the keys that a shorter list leaves out, each by itself", () => {
    const keys: [KeyType, number | undefined, string][] = [
      ["ecdsa-p256", undefined, "ecdsa-sha2-256-nistp256"],
      ["ecdsa-p384", undefined, "ecdsa-sha2-384-nistp384"],
      ["ecdsa-p521", undefined, "ecdsa-sha2-512-nistp521"],
      ["ed25519", undefined, "ed25519"],
      ["rsa", 2048, "rsa-sign-pkcs1-2048-sha256"],
      ["rsa", 3072, "rsa-sign-pkcs1-3072-sha256"],
    ];
    for (const [type, bits, name] of keys) {
      const { spki } = createSigner(generatePrivateKey(type, bits)).publicKey;
      requirePermitted(spki, clientAlgorithms);
      requirePermitted(spki, [name]);
      assert.throws(
        () =>
          requirePermitted(
            spki,
            clientAlgorithms.filter((one) => one !== name),
          ),
        { code: "CA_ALGORITHM_REFUSED", message: new RegExp(`keys of ${name} are not permitted`, "u") },
      );
    }
  });
});
