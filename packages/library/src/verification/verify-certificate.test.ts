// For each check of certificate and identity one bundle that breaks it alone.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Bundle } from "../bundle/index.ts";
import {
  assertRefused as assertRefusedBy,
  authorityOf,
  createChain,
  defaultPeriod,
  fixtureIdentity,
  flipLastBit,
  generateSigner,
  MemoryCtLog,
  MemorySigstore,
  type Recipe,
  type VerifyEdits,
  verifyRecipe,
} from "../testing/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { extendedKeyUsageExtension, keyPurposes, keyUsageExtension, subjectAltNameExtension } from "../x509/index.ts";
import type { Expectations, TextMatcher } from "./expectations.ts";
import type { Verified } from "./verified.ts";

const identity: Expectations = { identity: fixtureIdentity };

let sigstore: MemorySigstore;
let other: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
  other = await MemorySigstore.create();
});

const verify = (recipe: Recipe, edits?: VerifyEdits): Promise<Verified> => verifyRecipe(sigstore, recipe, edits);
const assertRefused = (code: string, recipe: Recipe, edits?: VerifyEdits): Promise<void> =>
  assertRefusedBy(sigstore, code, recipe, edits);

describe("verifyBundle refuses by certificate and identity", () => {
  it("CA_UNKNOWN: a root without authority", () =>
    assertRefused("CA_UNKNOWN", {}, { trustedRoot: (root) => ({ ...root, certificateAuthorities: [] }) }));
  it("X509_NO_PATH: the certificate is of an authority of another name", async () => {
    const ca = await createChain("codeSigning", "another");
    await assertRefused("X509_NO_PATH", { ca });
  });
  it("X509_SIGNATURE_INVALID: the certificate is of an authority of the same name", () =>
    assertRefused("X509_SIGNATURE_INVALID", { ca: other.ca }));
  it("X509_SIGNATURE_INVALID: another key signed the certificate", () =>
    assertRefused("X509_SIGNATURE_INVALID", { certificateSigner: generateSigner() }));
  it("X509_NO_PATH: an intermediate in the bundle is never trusted", async () => {
    const ca = await createChain("codeSigning", "another");
    await assertRefused("X509_NO_PATH", {
      ca,
      bundle: (bundle) => ({ ...bundle, version: "0.2", material: { chain: [leafOf(bundle), ca.issuing] } }),
    });
  });
  it("X509_EXTENDED_KEY_USAGE: the certificate is not for code signing", () =>
    assertRefused("X509_EXTENDED_KEY_USAGE", {
      certificate: withExtension(1, extendedKeyUsageExtension([keyPurposes.timeStamping])),
    }));
  it("X509_KEY_USAGE: the certificate's key may not sign", () =>
    assertRefused("X509_KEY_USAGE", { certificate: withExtension(0, keyUsageExtension(["keyAgreement"])) }));
  it("X509_EXTENDED_KEY_USAGE: the authority is for timestamps", async () => {
    const chain = await createChain("timeStamping", "tsa");
    await assertRefused(
      "X509_EXTENDED_KEY_USAGE",
      {},
      {
        trustedRoot: (root) => ({
          ...root,
          certificateAuthorities: [{ ...authorityOf(chain, "x"), chain: [chain.root] }, ...root.certificateAuthorities],
        }),
      },
    ).then(
      () => assert.fail("a second authority is good"),
      () => undefined,
    );
    await assertRefused(
      "X509_NOT_A_CA",
      { ca: chain },
      { trustedRoot: (root) => ({ ...root, certificateAuthorities: [authorityOf(chain, "https://tsa.test")] }) },
    );
  });
  it("CT_NO_SCT: no SCT", () => assertRefused("CT_NO_SCT", { scts: () => [] }));
  it("CT_NO_SCT is not demanded where the caller says so", async () => {
    await verify({ scts: () => [] }, { expectations: { ...identity, thresholds: { scts: 0 } } });
  });
  it("CT_UNKNOWN_LOG: an SCT of another log", () => assertRefused("CT_UNKNOWN_LOG", { ctLogs: [other.ctLog] }));
  it("CT_OUTSIDE_LOG_VALIDITY: an SCT from after the log's period", () =>
    assertRefused("CT_OUTSIDE_LOG_VALIDITY", { sctTimeMs: defaultPeriod.endMs + 1 }));
  it("CT_SCT_SIGNATURE_INVALID: an SCT whose signature is changed", () =>
    assertRefused("CT_SCT_SIGNATURE_INVALID", {
      scts: (scts) => scts.map((sct) => ({ ...sct, timestampMs: sct.timestampMs + 1 })),
    }));
  it("CT_SCT_SIGNATURE_INVALID: an SCT whose extensions are changed", () =>
    assertRefused("CT_SCT_SIGNATURE_INVALID", {
      scts: (scts) => scts.map((sct) => ({ ...sct, extensions: flipLastBit(sct.extensions) })),
    }));
  it("CT_SCT_SIGNATURE_INVALID: an SCT for another issuer", () =>
    assertRefused("CT_SCT_SIGNATURE_INVALID", { sctIssuer: generateSigner().publicKey }));
  it("CT_THRESHOLD: one log where two are demanded, and two SCTs of one log", async () => {
    const expectations: Expectations = { ...identity, thresholds: { scts: 2 } };
    await assertRefused("CT_THRESHOLD", {}, { expectations });
    await assertRefused("CT_THRESHOLD", { ctLogs: [sigstore.ctLog, sigstore.ctLog] }, { expectations });
    const second = new MemoryCtLog();
    const trustedRoot = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      ctlogs: [...root.ctlogs, second.trusted("https://ct2.test")],
    });
    await verify({ ctLogs: [sigstore.ctLog, second] }, { expectations, trustedRoot });
  });
  it("SUBJECT_ALT_NAME_MISMATCH: another subject", () =>
    assertRefused(
      "SUBJECT_ALT_NAME_MISMATCH",
      {},
      { expectations: { identity: { ...fixtureIdentity, san: "dev@sigstore.tes" } } },
    ));
  it("SUBJECT_ALT_NAME_MISMATCH: an exact text is neither prefix nor pattern", () =>
    assertRefused("SUBJECT_ALT_NAME_MISMATCH", { san: { type: "email", value: "dev@sigstore.test.evil" } }));
  it("ISSUER_MISMATCH: another issuer", () =>
    assertRefused(
      "ISSUER_MISMATCH",
      {},
      { expectations: { identity: { ...fixtureIdentity, issuer: "https://issuer.sigstore.tes" } } },
    ));
  describe("of a certificate that names no issuer", () => {
    const nameless: Recipe = {
      certificate: (fields) => ({
        ...fields,
        extensions: [...fields.extensions.slice(0, 4), subjectAltNameExtension({ type: "email", value: fixtureIdentity.san })],
      }),
    };
    const expecting = (issuer: string | TextMatcher): { expectations: Expectations } => ({
      expectations: { identity: { ...fixtureIdentity, issuer } },
    });
    for (const [what, issuer] of [
      ["an issuer", fixtureIdentity.issuer],
      ["the empty text", ""],
      ["any name at all", { description: "any name", matches: (text: string) => text !== "" }],
    ] as const)
      it(`ISSUER_MISSING: where ${what} is expected`, () => assertRefused("ISSUER_MISSING", nameless, expecting(issuer)));
    it("takes it where no name is fine too, and its subject still counts", async () => {
      const any = expecting({ description: "anything", matches: () => true });
      assert.equal((await verify(nameless, any)).identity?.issuer, "");
      const san = {
        expectations: { identity: { san: "eve@sigstore.test", issuer: { description: "anything", matches: () => true } } },
      };
      await assertRefused("SUBJECT_ALT_NAME_MISMATCH", nameless, san);
      await verify({}, any);
    });
    it("ISSUER_MISMATCH: a certificate that names one, where none is expected", () =>
      assertRefused("ISSUER_MISMATCH", {}, expecting({ description: "none", matches: (text) => text === "" })));
  });
  it("says who signed, and who was expected", async () => {
    const expectations: Expectations = { identity: { san: "eve@sigstore.test", issuer: fixtureIdentity.issuer } };
    await assert.rejects(verify({}, { expectations }), { found: '"dev@sigstore.test"', expected: '"eve@sigstore.test"' });
  });
});

function leafOf(bundle: Bundle): Extract<Bundle["material"], { certificate: unknown }>["certificate"] {
  assert.ok("certificate" in bundle.material);
  return bundle.material.certificate;
}

function withExtension(index: number, extension: Uint8Array): NonNullable<Recipe["certificate"]> {
  return (fields) => ({ ...fields, extensions: fields.extensions.map((own, i) => (i === index ? extension : own)) });
}
