import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { encodeStatement, statementTypeV1 } from "../attestation/index.ts";
import { type Bundle, encodeBundle, parseBundle } from "../bundle/index.ts";
import { sha256 } from "../crypto/index.ts";
import { encodeHex, isSigillumError } from "../encoding/index.ts";
import {
  fixtureArtifact,
  fixtureIdentity,
  generateSigner,
  MemoryServices,
  MemorySigstore,
  signingTimeMs,
  unsignedToken,
} from "../testing/index.ts";
import { verifyBundle } from "../verification/index.ts";
import { type SigningOptions, signBlob, signStatement } from "./sign.ts";

const token = unsignedToken({ email: fixtureIdentity.san, email_verified: true, sub: "subject" });
const bytes = { bytes: fixtureArtifact };
const digest = { digest: sha256(fixtureArtifact), algorithm: "sha256" } as const;
const statement = encodeStatement({
  type: statementTypeV1,
  subject: [{ name: "artifact", digest: new Map([["sha256", encodeHex(sha256(fixtureArtifact))]]) }],
  predicateType: "https://sigstore.test/predicate",
  predicate: {},
});

let services: MemoryServices;
before(async () => {
  services = await MemoryServices.start(await MemorySigstore.create());
});
after(() => services.close());
beforeEach(() => {
  for (const name of ["answer", "edit", "recipe", "conflict"] as const) delete services.quirks[name];
  services.requests.length = 0;
});

function options(logs: readonly (1 | 2)[], tsa?: boolean): SigningOptions {
  const trust = { trustedRoot: services.sigstore.trustedRoot, signingConfig: services.signingConfig(logs, tsa) };
  return { token, trust, nowMs: signingTimeMs, services: { retries: 0 } };
}

function verify(bundle: Bundle): void {
  const read = parseBundle(encodeBundle(bundle));
  verifyBundle({
    bundle: read,
    artifact: bytes,
    trustedRoot: services.sigstore.trustedRoot,
    expectations: { identity: fixtureIdentity },
  });
}

function assertCode(code: string, cause?: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isSigillumError(error), `not one of our errors: ${error instanceof Error ? error.stack : error}`);
    assert.equal(error.code, code, error.message);
    if (cause !== undefined) assert.ok(isSigillumError(error.cause) && error.cause.code === cause, `caused by ${error.cause}`);
    assert.ok(!error.message.includes(token), "the token stands in the message");
    return true;
  };
}

describe("signBlob", () => {
  for (const logs of [[1], [2], [2, 1]] as const) {
    for (const [mode, artifact] of Object.entries({ bytes, digest })) {
      it(`signs an artifact given by ${mode} with logs ${logs.join(" and ")}`, async () => {
        const bundle = await signBlob({ ...options(logs), artifact });
        verify(bundle);
        assert.equal(bundle.version, "0.3");
        assert.equal(bundle.timestamps.length, 1);
        assert.equal(bundle.tlogEntries[0]?.version, logs[0] === 1 ? "0.0.1" : "0.0.2");
      });
    }
  }
  it("signs with Rekor v1 and no timestamp authority", async () =>
    verify(await signBlob({ ...options([1], false), artifact: bytes })));
  it("sends the certificate to be certified, stamped and logged, in that order", async () => {
    await signBlob({ ...options([2]), artifact: bytes });
    assert.deepEqual(services.requests, ["POST /ca/api/v2/signingCert", "POST /tsa", "POST /log2/api/v2/log/entries"]);
  });
  it("signs for the subject of a token without e-mail address", async () => {
    const bundle = await signBlob({ ...options([1]), token: unsignedToken({ sub: "https://workload.test/1" }), artifact: bytes });
    const identity = { san: "https://workload.test/1", issuer: fixtureIdentity.issuer };
    verifyBundle({ bundle, artifact: bytes, trustedRoot: services.sigstore.trustedRoot, expectations: { identity } });
  });
  it("SIGNING_HASH_UNSUPPORTED: a digest by another algorithm", () =>
    assert.rejects(
      signBlob({ ...options([1]), artifact: { digest: new Uint8Array(64), algorithm: "sha512" } }),
      assertCode("SIGNING_HASH_UNSUPPORTED"),
    ));
  it("SIGNING_CERTIFICATE_UNTRUSTED: a certificate of another authority, before anything is signed", async () => {
    services.quirks.recipe = { ca: (await MemorySigstore.create()).ca };
    await assert.rejects(
      signBlob({ ...options([1]), artifact: bytes }),
      assertCode("SIGNING_CERTIFICATE_UNTRUSTED", "X509_SIGNATURE_INVALID"),
    );
    assert.deepEqual(services.requests, ["POST /ca/api/v2/signingCert"]);
  });
  it("SIGNING_CERTIFICATE_UNTRUSTED: a certificate without SCT", async () => {
    services.quirks.recipe = { scts: () => [] };
    await assert.rejects(
      signBlob({ ...options([1]), artifact: bytes }),
      assertCode("SIGNING_CERTIFICATE_UNTRUSTED", "CT_NO_SCT"),
    );
  });
  it("SIGNING_IDENTITY_MISMATCH: a certificate for another address", async () => {
    services.quirks.recipe = { san: { type: "email", value: "eve@sigstore.test" } };
    await assert.rejects(signBlob({ ...options([1]), artifact: bytes }), assertCode("SIGNING_IDENTITY_MISMATCH"));
  });
  it("SIGNING_RESULT_UNVERIFIED: a log whose promise does not verify", async () => {
    services.quirks.edit = (path, answer) =>
      path.startsWith("/log1")
        ? { ...answer, body: String(answer.body).replace(/"integratedTime":\d+/, '"integratedTime":1780315201') }
        : answer;
    await assert.rejects(signBlob({ ...options([1]), artifact: bytes }), assertCode("SIGNING_RESULT_UNVERIFIED", "SET_INVALID"));
  });
  it("SIGNING_RESULT_UNVERIFIED: a timestamp of an authority that is not trusted", async () => {
    const trusted = options([2]);
    const trustedRoot = { ...services.sigstore.trustedRoot, timestampAuthorities: [] };
    await assert.rejects(
      signBlob({ ...trusted, trust: { ...trusted.trust, trustedRoot }, artifact: bytes }),
      assertCode("SIGNING_RESULT_UNVERIFIED", "TIMESTAMP_UNKNOWN_AUTHORITY"),
    );
  });
  it("SERVICE_UNAVAILABLE: a service that is down leaves nothing behind", async () => {
    services.quirks.answer = (_, path) => (path === "/tsa" ? { status: 503, body: "" } : undefined);
    await assert.rejects(signBlob({ ...options([1]), artifact: bytes }), assertCode("SERVICE_UNAVAILABLE"));
    assert.deepEqual(services.requests, ["POST /ca/api/v2/signingCert", "POST /tsa"]);
  });
});

describe("signing with a managed key", () => {
  for (const type of ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa"] as const) {
    for (const log of [1, 2] as const) {
      it(`signs and logs with ${type} in log v${log}, without asking for a certificate`, async () => {
        const signer = generateSigner(type);
        const { trust, nowMs, services: calls } = options([log]);
        const bundle = await signBlob({
          signer,
          trust,
          nowMs,
          ...(calls === undefined ? {} : { services: calls }),
          artifact: bytes,
        });
        assert.ok("publicKeyHint" in bundle.material && bundle.material.publicKeyHint.length === 44);
        assert.ok(!services.requests.some((line) => line.includes("/ca/")));
        verifyBundle({ bundle, artifact: bytes, trustedRoot: trust.trustedRoot, expectations: { publicKey: signer.publicKey } });
      });
    }
  }
  const nobody = { trustedRoot: { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] } };
  it("needs no service and no root where no signing config is given", async () => {
    const signer = generateSigner("ed25519");
    const bundle = await signBlob({ signer, trust: nobody, nowMs: signingTimeMs, artifact: bytes });
    assert.deepEqual([bundle.tlogEntries, bundle.timestamps, services.requests], [[], [], []]);
  });
  it("asks for a certificate for the key when there is a token too", async () => {
    const signer = generateSigner();
    const bundle = await signBlob({ ...options([1]), signer, artifact: bytes });
    verify(bundle);
    assert.ok("certificate" in bundle.material);
    assert.deepEqual(bundle.material.certificate.spki, signer.publicKey.spki);
  });
  it("SIGNING_BYTES_NEEDED: a key that signs messages, given a digest", () =>
    assert.rejects(
      signBlob({ signer: generateSigner(), trust: nobody, nowMs: signingTimeMs, artifact: digest }),
      assertCode("SIGNING_BYTES_NEEDED"),
    ));
  it("SIGNING_KEY_NOT_LOGGABLE: pure Ed25519 over an artifact, and in Rekor v2 over anything", async () => {
    const { trust, nowMs } = options([1]);
    const signer = generateSigner("ed25519");
    await assert.rejects(signBlob({ signer, trust, nowMs, artifact: bytes }), assertCode("SIGNING_KEY_NOT_LOGGABLE"));
    await assert.rejects(
      signStatement({ signer, trust: options([2]).trust, nowMs, statement }),
      assertCode("SIGNING_KEY_NOT_LOGGABLE"),
    );
    assert.deepEqual(services.requests, []);
  });
});

describe("signStatement", () => {
  for (const logs of [[1], [2]] as const) {
    it(`signs exactly the statement's bytes with log ${logs[0]}`, async () => {
      const bundle = await signStatement({ ...options(logs), statement });
      verify(bundle);
      assert.ok("dsseEnvelope" in bundle.content);
      assert.deepEqual(bundle.content.dsseEnvelope.payload, statement);
      assert.equal(bundle.tlogEntries[0]?.kind, logs[0] === 1 ? "dsse" : "hashedrekord");
    });
  }
  it("SIGNING_STATEMENT_TOO_LARGE: a log of Rekor v1 that does not take the whole of it; any other refusal is the log's own", async () => {
    const refusing = (status: number): void => {
      services.quirks.answer = (method, path) =>
        method === "POST" && path.startsWith("/log1") ? { status, body: '{"message":"no"}' } : undefined;
    };
    refusing(413);
    await assert.rejects(
      signStatement({ ...options([1]), statement }),
      assertCode("SIGNING_STATEMENT_TOO_LARGE", "SERVICE_REFUSED"),
    );
    await signStatement({ ...options([2]), statement });
    refusing(400);
    await assert.rejects(signStatement({ ...options([1]), statement }), assertCode("SERVICE_REFUSED"));
  });
  it("SIGNING_STATEMENT_WITHOUT_DIGEST: a statement that nothing can be verified against", async () => {
    const vague = encodeStatement({
      type: statementTypeV1,
      subject: [{ digest: new Map([["md5", "00"]]) }],
      predicateType: "x",
      predicate: {},
    });
    await assert.rejects(signStatement({ ...options([1]), statement: vague }), assertCode("SIGNING_STATEMENT_WITHOUT_DIGEST"));
  });
});

describe("readToken, through signBlob", () => {
  const refused = async (code: string, bad: string): Promise<void> => {
    await assert.rejects(signBlob({ ...options([1]), token: bad, artifact: bytes }), (error) => {
      assert.ok(isSigillumError(error) && error.code === code, `${error}`);
      assert.ok(!JSON.stringify([error.message, error.found]).includes(bad.slice(4, 40)), "the token stands in the message");
      return true;
    });
    assert.deepEqual(services.requests, [], "nothing was sent");
  };
  it("SIGNING_TOKEN_MALFORMED: too few parts", () => refused("SIGNING_TOKEN_MALFORMED", "one.two"));
  it("SIGNING_TOKEN_MALFORMED: no base64", () => refused("SIGNING_TOKEN_MALFORMED", "one.t!wothreefourfivesixseven.three"));
  it("SIGNING_TOKEN_MALFORMED: neither address nor subject", () => refused("SIGNING_TOKEN_MALFORMED", unsignedToken({})));
  it("SIGNING_TOKEN_EXPIRED: a token whose time is over", () =>
    refused("SIGNING_TOKEN_EXPIRED", unsignedToken({ sub: "x", exp: signingTimeMs / 1000 })));
  it("SIGNING_TOKEN_EXPIRED: a token that never expires", () =>
    refused("SIGNING_TOKEN_EXPIRED", unsignedToken({ sub: "x", exp: null })));
  it("SIGNING_TOKEN_EMAIL_UNVERIFIED: an address that nobody verified", () =>
    refused("SIGNING_TOKEN_EMAIL_UNVERIFIED", unsignedToken({ email: "a@b.c", sub: "x" })));
  it("accepts email_verified as text", async () => {
    await signBlob({
      ...options([1]),
      token: unsignedToken({ email: fixtureIdentity.san, email_verified: "true" }),
      artifact: bytes,
    });
  });
});

describe("a signer of another key", () => {
  it("SERVICE_ANSWER_MISMATCH: a certificate for another key", async () => {
    const other = await services.sigstore.certify(generateSigner().publicKey);
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(other.der).toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
    services.quirks.answer = (_, path) =>
      path.startsWith("/ca")
        ? { status: 200, body: JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates: [pem] } } }) }
        : undefined;
    await assert.rejects(signBlob({ ...options([1]), artifact: bytes }), assertCode("SERVICE_ANSWER_MISMATCH"));
  });
});
