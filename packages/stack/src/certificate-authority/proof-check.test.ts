// What threads say of signatures is what this thread says of them.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { signCertificationRequest } from "@sigillum/library/x509";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { silentLogger } from "../host/index.ts";
import type { KeyProof } from "./key-possession.ts";
import { ProofChecks } from "./proof-check.ts";

const email = "dev@example.com";
/** More at once than are checked in this thread. */
const many = 12;

describe("ProofChecks", () => {
  const checks = (threads: number): ProofChecks => new ProofChecks({ threads, logger: silentLogger });
  const outcome = async (work: Promise<unknown>): Promise<unknown> => {
    try {
      return await work;
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      return [error.code, error.kind, error.message, error.found, error.expected];
    }
  };
  /** `work` as many times at once, in rounds until the thread has had the time to start: an answer may come from either. */
  const crowd = async (own: ProofChecks, work: () => Promise<unknown>): Promise<unknown[]> => {
    const outcomes: unknown[] = [];
    for (let round = 0; round < 3; round += 1) {
      outcomes.push(...(await Promise.all(Array.from({ length: many }, () => own.during(() => outcome(work()))))));
    }
    return outcomes;
  };

  it("proves and refuses keys in threads as in the thread of the caller", async () => {
    const [here, there] = [checks(0), checks(1)];
    try {
      await there.ready();
      const signer = ephemeralSigner();
      const content = encodeUtf8(encodePublicKeyPem(signer.publicKey));
      const signature = await signer.sign(encodeUtf8(email));
      const request = await signCertificationRequest(signer);
      const proofs: [KeyProof, boolean][] = [
        [{ type: "publicKey", content, signature }, true],
        [{ type: "publicKey", content, signature: signature.subarray(1) }, false],
        [{ type: "publicKey", content: encodeUtf8("no key"), signature }, false],
        [{ type: "certificationRequest", content: request }, true],
        [
          { type: "certificationRequest", content: request.map((octet, at) => (at === request.length - 1 ? octet ^ 1 : octet)) },
          false,
        ],
      ];
      for (const [proof, isProven] of proofs) {
        const expected = await outcome(here.provenKey(proof, ["another", email]));
        assert.equal(expected instanceof Uint8Array, isProven);
        for (const found of await crowd(there, () => there.provenKey(proof, ["another", email])))
          assert.deepEqual(found, expected);
      }
      assert.equal(there.checkedInThreads, proofs.length * 3 * many - proofs.length * 3 * 3);
    } finally {
      await there.close();
    }
  });

  it("tells good signatures of tokens from bad ones in threads", async () => {
    const own = checks(1);
    try {
      await own.ready();
      const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
      const signed = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${Buffer.from("{}").toString("base64url")}`;
      const compact = `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
      const of = (text: string, algorithm: string) => () => own.isTokenSigned({ compact: text, algorithm, publicKey: pem });
      assert.ok((await crowd(own, of(compact, "RS256"))).every((answer) => answer === true));
      for (const wrong of [
        of(compact.replace(".", "A."), "RS256"),
        of(compact, "PS256"),
        of(compact, "RS512"),
        of(`${signed}.!`, "RS256"),
      ])
        assert.ok((await crowd(own, wrong)).every((answer) => answer === false));
    } finally {
      await own.close();
    }
  });
});
