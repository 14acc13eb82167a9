import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSigner, type Signer } from "../crypto/index.ts";
import { derInteger, derSequence, derTagged, encodePem, isSigillumError, parseDer } from "../encoding/index.ts";
import {
  encodeName,
  formatName,
  parseCertificationRequest,
  parseCertificationRequestPem,
  signCertificationRequest,
  verifyCertificationRequest,
} from "./index.ts";

const newSigner = (): Signer => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
};
const signer = newSigner();
const der = await signCertificationRequest(signer, encodeName({ commonName: "dev" }));

describe("certification requests", () => {
  test("are read and verified as written, in DER and in both PEM labels", () => {
    const request = parseCertificationRequest(der);
    assert.equal(formatName(request.subject), "CN=dev");
    assert.deepEqual(request.spki, signer.publicKey.spki);
    assert.deepEqual(verifyCertificationRequest(request), signer.scheme);
    for (const label of ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]) {
      assert.deepEqual(parseCertificationRequestPem(encodePem(label, der)), request);
    }
  });

  test("signed by another key are refused: X509_REQUEST_SIGNATURE_INVALID", async () => {
    const other = newSigner();
    const foreign = await signCertificationRequest({ ...signer, sign: (message) => other.sign(message) });
    assert.throws(() => verifyCertificationRequest(parseCertificationRequest(foreign)), {
      code: "X509_REQUEST_SIGNATURE_INVALID",
    });
  });

  test("signed with an algorithm of another family are refused: X509_ALGORITHM_UNSUPPORTED", async () => {
    const odd = await signCertificationRequest({ ...signer, scheme: { type: "ed25519", hash: "none" } });
    assert.throws(() => verifyCertificationRequest(parseCertificationRequest(odd)), { code: "X509_ALGORITHM_UNSUPPORTED" });
  });

  test("are refused in another version, label, number or size", () => {
    const refuses = (parse: () => unknown, code: string): void => {
      assert.throws(parse, { code });
    };
    const { contents } = parseDer(der);
    const info = parseDer(contents.subarray(0, parseInfoLength(contents)));
    const later = derSequence(derSequence(derInteger(1), info.contents.subarray(3)), contents.subarray(info.bytes.length));
    refuses(() => parseCertificationRequest(later), "X509_REQUEST_MALFORMED");
    refuses(() => parseCertificationRequest(Uint8Array.of(...der, 0)), "X509_REQUEST_MALFORMED");
    refuses(() => parseCertificationRequestPem(encodePem("CERTIFICATE", der)), "X509_REQUEST_MALFORMED");
    const pem = encodePem("CERTIFICATE REQUEST", der);
    refuses(() => parseCertificationRequestPem(pem + pem), "X509_REQUEST_MALFORMED");
    refuses(() => parseCertificationRequestPem("none"), "X509_REQUEST_MALFORMED");
    refuses(() => parseCertificationRequest(new Uint8Array(64 * 1024 + 1)), "X509_CERTIFICATE_TOO_LARGE");
  });

  test("with a key that is no key are refused: X509_PUBLIC_KEY_UNSUPPORTED", async () => {
    const spki = derSequence(derSequence(), derTagged(0x03, Uint8Array.of(0)));
    const bad = await signCertificationRequest({ ...signer, publicKey: { type: "ecdsa-p256", spki } });
    assert.throws(() => parseCertificationRequest(bad), { code: "X509_PUBLIC_KEY_UNSUPPORTED" });
  });

  test("with any byte changed do not verify and throw nothing but our errors", () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutated = der.slice();
        mutated[at] = (mutated[at] ?? 0) ^ change;
        assert.throws(() => verifyCertificationRequest(parseCertificationRequest(mutated)), isSigillumError);
      }),
      { numRuns: 300 },
    );
  });
});

function parseInfoLength(contents: Uint8Array): number {
  // The info is under 256 bytes here: 30 81 LL.
  return contents[1] === 0x81 ? 3 + (contents[2] ?? 0) : 2 + (contents[1] ?? 0);
}
