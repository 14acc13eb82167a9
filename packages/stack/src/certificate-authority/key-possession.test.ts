import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSigner, encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodePem, encodeUtf8 } from "@sigillum/library/encoding";
import { signCertificationRequest } from "@sigillum/library/x509";
import { ephemeralSigner, generatePrivateKey } from "@sigillum/signers/signers";
import fc from "fast-check";
import { verifyKeyPossession } from "./index.ts";

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
