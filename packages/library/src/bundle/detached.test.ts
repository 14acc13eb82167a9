import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { encodeEnvelope } from "../attestation/index.ts";
import { encodePublicKeyPem } from "../crypto/index.ts";
import { encodeBase64, encodeHex, encodePem, encodeUtf8, type JsonValue } from "../encoding/index.ts";
import { generateSigner, MemorySigstore } from "../testing/index.ts";
import { type Bundle, bundleFromDetached, parseBundles, parseCosignBundle } from "./index.ts";
import { bundleLimits } from "./limits.ts";

let sigstore: MemorySigstore;
let message: Bundle;
let leafPem: string;
before(async () => {
  sigstore = await MemorySigstore.create();
  message = (await sigstore.sign({})).bundle;
  assert.ok("certificate" in message.material);
  leafPem = encodePem("CERTIFICATE", message.material.certificate.der);
});

const signature = Uint8Array.of(0x30, 1, 2, 3);
const text = (value: JsonValue): Uint8Array => encodeUtf8(JSON.stringify(value));

function rekor(edit: { readonly [name: string]: JsonValue } = {}): JsonValue {
  const [entry] = message.tlogEntries;
  return {
    SignedEntryTimestamp: "AAAA",
    Payload: {
      body: encodeBase64(entry?.body ?? new Uint8Array(0)),
      integratedTime: 5,
      logIndex: 7,
      logID: encodeHex(entry?.logId ?? new Uint8Array(0)),
      ...edit,
    },
  };
}

describe("parseCosignBundle", () => {
  it("reads signature, certificate and promise", () => {
    const parsed = parseCosignBundle(
      JSON.stringify({ base64Signature: encodeBase64(signature), cert: encodeBase64(encodeUtf8(leafPem)), rekorBundle: rekor() }),
    );
    assert.deepEqual(parsed.content, { messageSignature: { signature } });
    assert.ok("certificate" in parsed.material);
    const [entry] = parsed.tlogEntries;
    assert.deepEqual(
      [entry?.kind, entry?.version, entry?.integratedTimeS, entry?.logIndex, entry?.promise?.length, entry?.proof],
      ["hashedrekord", "0.0.1", 5, 7, 3, undefined],
    );
  });

  it("reads one without certificate or log entry, and one with a public key", () => {
    for (const extra of [{}, { cert: "", rekorBundle: null }]) {
      const parsed = parseCosignBundle(JSON.stringify({ base64Signature: encodeBase64(signature), ...extra }));
      assert.deepEqual([parsed.material, parsed.tlogEntries], [{ publicKeyHint: "" }, []]);
    }
    const pem = encodePublicKeyPem(generateSigner().publicKey);
    const keyed = parseCosignBundle(
      JSON.stringify({ base64Signature: encodeBase64(signature), cert: encodeBase64(encodeUtf8(pem)) }),
    );
    assert.ok("publicKeyHint" in keyed.material && keyed.material.publicKeyHint.length === 44);
  });

  it("is told from Sigstore's own bundle by its field", () => {
    const [parsed] = parseBundles(JSON.stringify({ base64Signature: encodeBase64(signature) }));
    assert.equal(parsed?.version, "cosign");
  });

  const refused: Readonly<Record<string, readonly [string, () => JsonValue]>> = {
    "no JSON": ["BUNDLE_FIELD_TYPE", () => 5],
    "an empty signature": ["BUNDLE_DETACHED", () => ({ base64Signature: "" })],
    "a number for a signature": ["BUNDLE_FIELD_TYPE", () => ({ base64Signature: 5 })],
    "PEM of something else": [
      "BUNDLE_DETACHED",
      () => ({ base64Signature: "MAEC", cert: encodeBase64(encodeUtf8(encodePem("RSA PRIVATE KEY", signature))) }),
    ],
    "a certificate that does not parse": [
      "BUNDLE_CERTIFICATE",
      () => ({ base64Signature: "MAEC", cert: encodeBase64(encodeUtf8(encodePem("CERTIFICATE", signature))) }),
    ],
    "the certificate of an authority": [
      "BUNDLE_LEAF_IS_CA",
      () => ({ base64Signature: "MAEC", cert: encodeBase64(encodeUtf8(encodePem("CERTIFICATE", sigstore.ca.issuing.der))) }),
    ],
    "no text for a certificate": ["BUNDLE_CERTIFICATE", () => ({ base64Signature: "MAEC", cert: "//79" })],
    "a short log id": ["BUNDLE_LOG_ID", () => ({ base64Signature: "MAEC", rekorBundle: rekor({ logID: "00" }) })],
    "a negative index": ["BUNDLE_FIELD_VALUE", () => ({ base64Signature: "MAEC", rekorBundle: rekor({ logIndex: -1 }) })],
    "a promise without payload": [
      "BUNDLE_FIELD_MISSING",
      () => ({ base64Signature: "MAEC", rekorBundle: { SignedEntryTimestamp: "AAAA" } }),
    ],
    "an entry of no known kind": [
      "ENTRY_KIND_UNKNOWN",
      () => ({
        base64Signature: "MAEC",
        rekorBundle: rekor({ body: encodeBase64(text({ apiVersion: "1", kind: "x", spec: {} })) }),
      }),
    ],
  };
  for (const [name, [code, value]] of Object.entries(refused))
    it(`refuses ${name}`, () => assert.throws(() => parseCosignBundle(JSON.stringify(value())), { code }));
});

describe("bundleFromDetached", () => {
  it("tells an envelope from a raw signature that begins with a brace", async () => {
    const { bundle } = await sigstore.sign({ content: "envelope" });
    assert.ok("dsseEnvelope" in bundle.content);
    const json = encodeUtf8(encodeEnvelope(bundle.content.dsseEnvelope));
    for (const file of [json, encodeUtf8(encodeBase64(json))]) {
      const { content } = bundleFromDetached({ signature: file });
      assert.ok("dsseEnvelope" in content);
      assert.deepEqual(content.envelopeText, json);
    }
    const brace = Uint8Array.of(0x7b, 0xff, 1);
    assert.deepEqual(bundleFromDetached({ signature: brace }).content, { messageSignature: { signature: brace } });
  });

  it("keeps intermediates and leaves roots out", () => {
    const chain = encodeUtf8([sigstore.ca.issuing, sigstore.ca.root].map(({ der }) => encodePem("CERTIFICATE", der)).join(""));
    const { material } = bundleFromDetached({ signature, certificate: encodeUtf8(leafPem), chain });
    assert.ok("chain" in material);
    assert.deepEqual(material.chain.map(({ der }) => der).slice(1), [sigstore.ca.issuing.der]);
    const alone = bundleFromDetached({ signature, chain });
    assert.deepEqual(alone.material, { publicKeyHint: "" });
  });

  it("refuses an envelope of two signatures, a bad chain, a bad timestamp and too many of them", () => {
    const envelope = text({ payload: "AAAA", payloadType: "t", signatures: [{ sig: "AAAA" }, { sig: "AAAA" }] });
    assert.throws(() => bundleFromDetached({ signature: envelope }), { code: "BUNDLE_DSSE_SIGNATURES" });
    assert.throws(() => bundleFromDetached({ signature, chain: encodeUtf8("none") }), { code: "BUNDLE_CERTIFICATE" });
    assert.throws(() => bundleFromDetached({ signature, timestamps: [encodeUtf8("{}")] }), { code: "BUNDLE_FIELD_MISSING" });
    const timestamps = Array.from({ length: bundleLimits.timestamps + 1 }, () => signature);
    assert.throws(() => bundleFromDetached({ signature, timestamps }), { code: "BUNDLE_TOO_MANY_TIMESTAMPS" });
    assert.equal(bundleFromDetached({ signature, timestamps: timestamps.slice(1) }).timestamps.length, bundleLimits.timestamps);
    assert.throws(() => bundleFromDetached({ signature: new Uint8Array(0) }), { code: "BUNDLE_DETACHED" });
    assert.throws(
      () => bundleFromDetached({ signature: encodeUtf8(" \n") }).content && bundleFromDetached({ signature: new Uint8Array() }),
      {
        code: "BUNDLE_DETACHED",
      },
    );
  });
});

describe("parseBundles", () => {
  it("refuses what is no list of bundles, each cause under its code", () => {
    for (const [value, code] of [
      ["[]", "BUNDLE_LIST"],
      ["{}", "BUNDLE_LIST"],
      ['{"attestations":[]}', "BUNDLE_LIST"],
      ['{"a":1}', "BUNDLE_LIST"],
      ["5", "BUNDLE_FIELD_TYPE"],
      ["[5]", "BUNDLE_FIELD_TYPE"],
      ["{", "BUNDLE_JSON"],
      ["{}\n{", "BUNDLE_JSON"],
      ["", "BUNDLE_JSON"],
      ['{"mediaType":"x"}\n{"mediaType":"x"}', "BUNDLE_MEDIA_TYPE"],
      ["{}\n".repeat(bundleLimits.list + 1), "BUNDLE_LIST_TOO_LONG"],
      [`[${'{"base64Signature":"MAEC"},'.repeat(bundleLimits.list)}{"base64Signature":"MAEC"}]`, "BUNDLE_LIST_TOO_LONG"],
      ['{"version":2,"envelope":{},"verification_material":{}}', "BUNDLE_PEP740"],
      [
        '{"version":1,"envelope":{},"verification_material":{"transparency_entries":[],"certificate":"MAEC"}}',
        "BUNDLE_CERTIFICATE",
      ],
      [
        `{"version":1,"envelope":{},"verification_material":{"transparency_entries":[${"{},".repeat(32)}{}]}}`,
        "BUNDLE_TOO_MANY_ENTRIES",
      ],
    ] as const)
      assert.throws(() => parseBundles(value), { code }, value.slice(0, 60));
    assert.throws(() => parseBundles(Uint8Array.of(0xff, 0x0a, 0xff)), { code: "BUNDLE_JSON" });
  });

  it("takes as many bundles as the limit says", () => {
    assert.equal(parseBundles('{"base64Signature":"MAEC"}\n'.repeat(bundleLimits.list)).length, bundleLimits.list);
  });
});
