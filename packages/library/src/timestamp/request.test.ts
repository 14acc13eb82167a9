import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { digest, type HashAlgorithm } from "../crypto/index.ts";
import {
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derTagged,
  encodeHex,
  encodeUtf8,
  parseHex,
} from "../encoding/index.ts";
import { hashAlgorithmOid } from "../x509/index.ts";
import {
  checkTimestampRequest,
  encodeTimestampRejection,
  encodeTimestampRequest,
  parseTimestampRequest,
  parseTimestampResponse,
  sigstoreTimestampPolicy,
  type TimestampRequest,
  timestampLimits,
} from "./index.ts";

const signature = encodeUtf8("the bytes of a signature");

function request(p: { hash?: HashAlgorithm; certReq?: boolean; nonce?: Uint8Array; policy?: string } = {}): TimestampRequest {
  const hash = p.hash ?? "sha256";
  return parseTimestampRequest(encodeTimestampRequest({ ...p, hash, digest: digest(hash, signature) }));
}

describe("requests", () => {
  test("are written as the published vector", () => {
    const der = encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", encodeUtf8("hello")), certReq: true });
    const expected =
      "30390201013031300d0609608648016503040201050004202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b98240101ff";
    assert.equal(encodeHex(der), expected);
  });

  test("are read as written", () => {
    const read = request({ hash: "sha512", certReq: true, nonce: Uint8Array.of(0xff, 1), policy: "1.2.3" });
    assert.deepEqual(read, {
      imprint: { hashOid: hashAlgorithmOid("sha512"), hash: "sha512", digest: digest("sha512", signature) },
      policy: "1.2.3",
      nonce: Uint8Array.of(0, 0xff, 1),
      certReq: true,
      hasExtensions: false,
    });
    assert.equal(checkTimestampRequest(read, ["1.2.3"]), "sha512");
    assert.equal(checkTimestampRequest(request(), []), "sha256");
  });

  test("that are none are refused: TIMESTAMP_REQUEST_MALFORMED, TIMESTAMP_TOO_LARGE", () => {
    const der = encodeTimestampRequest({ hash: "sha256", digest: digest("sha256", signature) });
    const code = "TIMESTAMP_REQUEST_MALFORMED";
    assert.throws(() => parseTimestampRequest(Uint8Array.of(...der, 0)), { code });
    assert.throws(() => parseTimestampRequest(Uint8Array.of(0x30, der.length - 2, 2, 1, 2, ...der.subarray(5))), {
      code,
      found: "version 2",
    });
    assert.throws(() => parseTimestampRequest(new Uint8Array()), { code });
    assert.throws(() => parseTimestampRequest(new Uint8Array(timestampLimits.maxRequestBytes + 1)), {
      code: "TIMESTAMP_TOO_LARGE",
    });
    const nonce = new Uint8Array(65).fill(1);
    assert.throws(() => request({ nonce }), { code: "TIMESTAMP_TOO_LARGE", found: "65 bytes" });
  });

  test("that an authority does not answer are refused, each under its code", () => {
    const imprinted = (oid: string, bytes: Uint8Array, ...more: Uint8Array[]): TimestampRequest => {
      const imprint = derSequence(derSequence(derOid(oid)), derOctetString(bytes));
      return parseTimestampRequest(derSequence(derInteger(1), imprint, ...more));
    };
    const check = (one: TimestampRequest, code: string): void => {
      assert.throws(() => checkTimestampRequest(one, ["1.2.3"]), { code, kind: "malformed" });
    };
    const sha256 = hashAlgorithmOid("sha256");
    check(imprinted(hashAlgorithmOid("sha1"), new Uint8Array(20)), "TIMESTAMP_HASH_WEAK");
    check(imprinted("1.2.3", new Uint8Array(32)), "TIMESTAMP_HASH_UNSUPPORTED");
    check(imprinted(sha256, new Uint8Array(31)), "TIMESTAMP_DIGEST_LENGTH");
    check(request({ policy: "1.2.4" }), "TIMESTAMP_POLICY_UNSUPPORTED");
    check(imprinted(sha256, new Uint8Array(32), derTagged(0xa0, derSequence())), "TIMESTAMP_EXTENSION_UNSUPPORTED");
    assert.doesNotThrow(() => checkTimestampRequest(imprinted(sha256, new Uint8Array(32)), []));
  });
});

test("a rejection is read as written, for every reason", () => {
  const reasons = [
    "badAlg",
    "badRequest",
    "badDataFormat",
    "timeNotAvailable",
    "unacceptedPolicy",
    "unacceptedExtension",
    "systemFailure",
  ] as const;
  for (const reason of reasons) {
    const read = parseTimestampResponse(encodeTimestampRejection(reason, "why"));
    assert.deepEqual(read, { status: 2, statusText: ["why"], failures: [reason], token: undefined });
  }
  assert.equal(encodeHex(encodeTimestampRejection("badAlg", "no")), "300f300d02010230040c026e6f03020780");
});

test("the policy of Sigstore is the published one", () => {
  assert.deepEqual(derOid(sigstoreTimestampPolicy), parseHex("06092b0601040183bf3002"));
});
