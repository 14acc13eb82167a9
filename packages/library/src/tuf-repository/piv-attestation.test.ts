import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Signer } from "../crypto/index.ts";
import { derInteger, isSigillumError } from "../encoding/index.ts";
import { createPivMaker, generateSigner, type MemoryPivMaker, type MemoryPivToken, pivFacts } from "../testing/index.ts";
import type { Certificate } from "../x509/index.ts";
import {
  acceptKey,
  encodeKeySubmission,
  parseKeySubmission,
  reportEvent,
  startEvent,
  submitKey,
  verifyPivAttestation,
} from "./index.ts";

const startMs = Date.parse("2026-01-01T00:00:00Z");

function hasCode(code: string) {
  return (error: unknown): boolean => isSigillumError(error) && error.code === code;
}

describe("verifyPivAttestation", () => {
  const key = generateSigner();
  let maker: MemoryPivMaker;
  let token: MemoryPivToken;
  let attested: Certificate;

  before(async () => {
    maker = await createPivMaker();
    token = await maker.token(13078778);
    attested = await token.attest(key);
  });

  test("says which token made the key and how it guards it", () => {
    const found = verifyPivAttestation(key.publicKey, { key: attested, device: token.device }, [maker.root]);
    assert.deepEqual(found, {
      serial: "13078778",
      firmware: "5.2.6",
      pinPolicy: "always",
      touchPolicy: "always",
      formFactor: "unknown",
    });
  });

  test("refuses another key, another token, another maker, and an attestation that says nothing", async () => {
    const foreign = await (await maker.token(1)).attest(key);
    const silent = await token.attest(key, pivFacts(derInteger(1)).slice(0, 1));
    const odd = await token.attest(key, pivFacts(Uint8Array.of(4, 1, 1)));
    const stranger = (await createPivMaker()).root;
    const cases: [Signer, Certificate, Certificate[]][] = [
      [generateSigner(), attested, [maker.root]],
      [key, foreign, [maker.root]],
      [key, attested, [stranger]],
      [key, attested, []],
      [key, silent, [maker.root]],
      [key, odd, [maker.root]],
    ];
    for (const [signer, attestation, roots] of cases)
      assert.throws(
        () => verifyPivAttestation(signer.publicKey, { key: attestation, device: token.device }, roots),
        hasCode("TUF_KEY_ATTESTATION"),
      );
  });

  test("one token gives one key to a role", async () => {
    const event = startEvent({ name: "e", nonce: "00", nowMs: startMs });
    const claim = { owner: "ada", role: "root", signer: key, attestation: { key: attested, device: token.device } };
    const first = parseKeySubmission(encodeKeySubmission(await submitKey(event, claim)));
    assert.deepEqual(first.attestation?.key.der, attested.der);
    const second = generateSigner();
    const attestation = { key: await token.attest(second), device: token.device };
    const offer = await submitKey(event, { ...claim, owner: "bea", signer: second, attestation });
    assert.throws(() => acceptKey(acceptKey(event, first), offer), hasCode("TUF_KEY_KNOWN"));
  });

  test("reportEvent tells the token, and one token under two certificates of its own is a problem", async () => {
    const event = startEvent({ name: "e", nonce: "00", nowMs: startMs });
    const other = await maker.token(13078778);
    const second = generateSigner();
    const offer = async (owner: string, signer: Signer, from: MemoryPivToken) =>
      submitKey(event, { owner, role: "root", signer, attestation: { key: await from.attest(signer), device: from.device } });
    const one = acceptKey(event, await offer("ada", key, token));
    assert.equal(reportEvent(one, { makers: [maker.root] }).keys[0]?.token?.serial, "13078778");
    assert.deepEqual(reportEvent(one, { makers: [maker.root] }).problems, []);
    const both = acceptKey(one, await offer("bea", second, other));
    assert.deepEqual(reportEvent(both, { makers: [maker.root] }).problems, [
      "key of bea for root: token 13078778 holds the key of ada for root as well",
    ]);
    const stranger = (await createPivMaker()).root;
    assert.match(reportEvent(one, { makers: [stranger] }).problems[0] ?? "", /chains to none of the trusted makers/);
  });
});
