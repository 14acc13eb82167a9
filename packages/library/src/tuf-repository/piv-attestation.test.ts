import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Signer } from "../crypto/index.ts";
import { derInteger, isSigillumError } from "../encoding/index.ts";
import { generateSigner } from "../testing/index.ts";
import { type Certificate, encodeExtension, encodeName, parseCertificate, signCertificate } from "../x509/index.ts";
import { acceptKey, encodeKeySubmission, parseKeySubmission, startEvent, submitKey, verifyPivAttestation } from "./index.ts";

const arc = "1.3.6.1.4.1.41482.3";
const startMs = Date.parse("2026-01-01T00:00:00Z");

function hasCode(code: string) {
  return (error: unknown): boolean => isSigillumError(error) && error.code === code;
}

interface Maker {
  readonly name: string;
  readonly signer: Signer;
}

async function certificate(
  subject: string,
  key: Signer,
  issuer: Maker,
  extensions: Uint8Array[] = [encodeExtension(`${arc}.9`, false, Uint8Array.of(1))],
): Promise<Certificate> {
  const fields = {
    serial: Uint8Array.of(1),
    issuer: encodeName({ commonName: issuer.name }),
    subject: encodeName({ commonName: subject }),
    notBeforeMs: startMs,
    notAfterMs: startMs + 1000,
    spki: key.publicKey.spki,
    extensions,
  };
  return parseCertificate(await signCertificate(fields, issuer.signer));
}

const facts = (serial: Uint8Array): Uint8Array[] => [
  encodeExtension(`${arc}.3`, false, Uint8Array.of(5, 2, 6)),
  encodeExtension(`${arc}.7`, false, serial),
  encodeExtension(`${arc}.8`, false, Uint8Array.of(3, 2)),
];

describe("verifyPivAttestation", () => {
  const root: Maker = { name: "PIV Root CA", signer: generateSigner("rsa") };
  const token: Maker = { name: "PIV Attestation", signer: generateSigner("rsa") };
  const key = generateSigner();
  let rootCertificate: Certificate;
  let device: Certificate;
  let attested: Certificate;

  before(async () => {
    rootCertificate = await certificate(root.name, root.signer, root);
    device = await certificate(token.name, token.signer, root);
    attested = await certificate("Attestation 9c", key, token, facts(derInteger(13078778)));
  });

  test("says which token made the key and how it guards it", () => {
    const found = verifyPivAttestation(key.publicKey, { key: attested, device }, [rootCertificate]);
    assert.deepEqual(found, { serial: "13078778", firmware: "5.2.6", pinPolicy: "always", touchPolicy: "always" });
  });

  test("refuses another key, another token, another maker, and an attestation that says nothing", async () => {
    const other: Maker = { name: token.name, signer: generateSigner("rsa") };
    const foreign = await certificate("Attestation 9c", key, other, facts(derInteger(1)));
    const silent = await certificate("Attestation 9c", key, token);
    const odd = await certificate("Attestation 9c", key, token, facts(Uint8Array.of(4, 1, 1)));
    const stranger = await certificate(root.name, other.signer, { name: root.name, signer: other.signer });
    const cases: [Signer, Certificate, Certificate[]][] = [
      [generateSigner(), attested, [rootCertificate]],
      [key, foreign, [rootCertificate]],
      [key, attested, [stranger]],
      [key, attested, []],
      [key, silent, [rootCertificate]],
      [key, odd, [rootCertificate]],
    ];
    for (const [signer, attestation, roots] of cases)
      assert.throws(
        () => verifyPivAttestation(signer.publicKey, { key: attestation, device }, roots),
        hasCode("TUF_KEY_ATTESTATION"),
      );
  });

  test("one token gives one key to a role", async () => {
    const event = startEvent({ name: "e", nonce: "00", nowMs: startMs });
    const claim = { owner: "ada", role: "root", signer: key, attestation: { key: attested, device } };
    const first = parseKeySubmission(encodeKeySubmission(await submitKey(event, claim)));
    assert.deepEqual(first.attestation?.key.der, attested.der);
    const second = generateSigner();
    const again = await certificate("Attestation 9a", second, token, facts(derInteger(13078778)));
    const offer = await submitKey(event, { ...claim, owner: "bea", signer: second, attestation: { key: again, device } });
    assert.throws(() => acceptKey(acceptKey(event, first), offer), hasCode("TUF_KEY_KNOWN"));
  });
});
