import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { encodeStatement, statementTypeV1 } from "../attestation/index.ts";
import type { Signer } from "../crypto/index.ts";
import { sha256 } from "../crypto/index.ts";
import { encodeHex, isSigillumError } from "../encoding/index.ts";
import {
  authorityOf,
  createChain,
  fixtureArtifact,
  generateSigner,
  issueLeaf,
  type LeafOrder,
  type MemoryChain,
  MemoryCtLog,
  MemoryServices,
  MemorySigstore,
  signingTimeMs,
} from "../testing/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { type Expectations, verifyBundle } from "../verification/index.ts";
import { type Certificate, subjectAltNameExtension } from "../x509/index.ts";
import { type SigningOptions, signBlob, signStatement } from "./sign.ts";

const bytes = { bytes: fixtureArtifact };
const san = { type: "email", value: "release@company.test" } as const;

describe("signing with a certificate of one's own", () => {
  let services: MemoryServices;
  let company: MemoryChain;
  let root: TrustedRoot;
  const signer = generateSigner();

  const certificateOf = (key: Signer, edit: Partial<LeafOrder> = {}): Promise<Certificate> =>
    issueLeaf({
      publicKey: key.publicKey,
      san,
      claims: { issuer: "left out below" },
      notBeforeMs: signingTimeMs - 60_000,
      ctLogs: [],
      chain: company,
      editFields: (fields) => ({ ...fields, extensions: [...fields.extensions.slice(0, 4), subjectAltNameExtension(san)] }),
      ...edit,
    });
  const options = (certificate: Certificate, edit: Partial<SigningOptions> = {}): SigningOptions => ({
    signer,
    certificate,
    trust: { trustedRoot: root, signingConfig: services.signingConfig([1]) },
    nowMs: signingTimeMs,
    services: { retries: 0 },
    ...edit,
  });
  const anyIssuer = { description: "any", matches: () => true };
  const expectations: Expectations = { identity: { san: san.value, issuer: anyIssuer }, thresholds: { scts: 0 } };
  const refused = async (given: SigningOptions, code: string, cause?: string): Promise<void> => {
    services.requests.length = 0;
    await assert.rejects(signBlob({ ...given, artifact: bytes }), (error) => {
      assert.ok(isSigillumError(error), `${error}`);
      assert.equal(error.code, code, error.message);
      if (cause !== undefined) assert.ok(isSigillumError(error.cause) && error.cause.code === cause, `caused by ${error.cause}`);
      return true;
    });
    assert.deepEqual(services.requests, [], "nothing was made public");
  };

  before(async () => {
    services = await MemoryServices.start(await MemorySigstore.create());
    company = await createChain("codeSigning", "company");
    root = { ...services.sigstore.trustedRoot, certificateAuthorities: [authorityOf(company, "the company's")] };
  });
  after(() => services.close());

  it("puts it into the bundle of an artifact and of a statement, logged and stamped", async () => {
    const certificate = await certificateOf(signer);
    const statement = encodeStatement({
      type: statementTypeV1,
      subject: [{ name: "artifact", digest: new Map([["sha256", encodeHex(sha256(fixtureArtifact))]]) }],
      predicateType: "https://sigstore.test/predicate",
      predicate: {},
    });
    for (const bundle of [
      await signBlob({ ...options(certificate), artifact: bytes }),
      await signStatement({ ...options(certificate), statement }),
    ]) {
      assert.ok("certificate" in bundle.material);
      assert.deepEqual(bundle.material.certificate.der, certificate.der);
      assert.equal(bundle.tlogEntries.length + bundle.timestamps.length, 2);
      const { identity } = verifyBundle({ bundle, artifact: bytes, trustedRoot: root, expectations });
      assert.deepEqual([identity?.san, identity?.issuer], [san.value, ""]);
    }
  });

  it("ISSUER_MISSING: only whoever takes any issuer takes none", async () => {
    const bundle = await signBlob({ ...options(await certificateOf(signer)), artifact: bytes });
    for (const issuer of ["", "https://issuer.test", { description: "one with a name", matches: (text: string) => text !== "" }])
      assert.throws(
        () =>
          verifyBundle({
            bundle,
            artifact: bytes,
            trustedRoot: root,
            expectations: { identity: { san: san.value, issuer }, thresholds: { scts: 0 } },
          }),
        { code: "ISSUER_MISSING" },
      );
  });

  it("demands an SCT where the certificate has one", async () => {
    const known = await certificateOf(signer, { ctLogs: [services.sigstore.ctLog] });
    await signBlob({ ...options(known), artifact: bytes });
    const unknown = await certificateOf(signer, { ctLogs: [new MemoryCtLog()] });
    await refused(options(unknown), "SIGNING_CERTIFICATE_UNTRUSTED", "CT_UNKNOWN_LOG");
  });

  it("SIGNING_CERTIFICATE_KEY_MISMATCH: the certificate of another key", async () =>
    refused(options(await certificateOf(generateSigner())), "SIGNING_CERTIFICATE_KEY_MISMATCH"));

  it("SIGNING_CERTIFICATE_NAMELESS: a certificate of nobody", async () => {
    const nameless = await certificateOf(signer, {
      editFields: (fields) => ({ ...fields, extensions: fields.extensions.slice(0, 4) }),
    });
    await refused(options(nameless), "SIGNING_CERTIFICATE_NAMELESS");
  });

  it("SIGNING_CERTIFICATE_UNTRUSTED: another authority's, and one that has expired", async () => {
    const stranger = await createChain("codeSigning", "company");
    await refused(
      options(await certificateOf(signer, { chain: stranger })),
      "SIGNING_CERTIFICATE_UNTRUSTED",
      "X509_SIGNATURE_INVALID",
    );
    const old = await certificateOf(signer, { notBeforeMs: signingTimeMs - 86_400_000 });
    await refused(options(old), "SIGNING_CERTIFICATE_UNTRUSTED", "X509_EXPIRED");
  });

  it("SIGNING_RESULT_UNVERIFIED: without a log or timestamp nothing shows that it held", async () => {
    const { rekorTlogUrls: _logs, tsaUrls: _tsas, ...rest } = services.signingConfig([1]);
    const signingConfig = { ...rest, rekorTlogUrls: [], tsaUrls: [] };
    await refused(
      options(await certificateOf(signer), { trust: { trustedRoot: root, signingConfig } }),
      "SIGNING_RESULT_UNVERIFIED",
      "THRESHOLD_OBSERVED_TIMES",
    );
  });

  it("is misuse beside a token, and without its key", async () => {
    const certificate = await certificateOf(signer);
    const { signer: _, ...keyless } = options(certificate);
    for (const given of [{ ...options(certificate), token: "a.b.c" }, keyless])
      await assert.rejects(signBlob({ ...given, artifact: bytes }), TypeError);
  });
});
