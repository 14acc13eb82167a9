import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { encodeBase64, isSigillumError } from "../encoding/index.ts";
import { MemorySigstore } from "../testing/index.ts";
import { bundleMediaTypes, signingCertificate } from "./bundle.ts";
import { encodeBundle } from "./encode-bundle.ts";
import { bundleLimits } from "./limits.ts";
import { parseBundle } from "./parse-bundle.ts";

// A bundle as plain JSON, which the cases below edit by path.
type Json = { [name: string]: Json } & { [index: number]: Json };

let sigstore: MemorySigstore;
let message: string;
let envelope: string;
before(async () => {
  sigstore = await MemorySigstore.create();
  message = encodeBundle((await sigstore.sign({ timestamp: true })).bundle);
  envelope = encodeBundle((await sigstore.sign({ content: "envelope", log: "v2" })).bundle);
});

function edited(text: string, edit: (document: Json) => void): string {
  const document: Json = JSON.parse(text);
  edit(document);
  return JSON.stringify(document);
}

// In the form of versions 0.1 and 0.2, with the chain in place of the certificate.
function asVersion(version: string, document: Json): void {
  const material = at(document, "verificationMaterial");
  Object.assign(document, { mediaType: `application/vnd.dev.sigstore.bundle+json;version=${version}` });
  Object.assign(material, { x509CertificateChain: { certificates: [material["certificate"]] } });
  delete material["certificate"];
}

function at(document: Json, ...path: (string | number)[]): Json {
  let value = document;
  for (const step of path) {
    const next = value[step];
    assert.ok(next !== undefined, `no ${step}`);
    value = next;
  }
  return value;
}

const set = (path: (string | number)[], value: unknown) => (document: Json) => {
  Object.assign(at(document, ...path.slice(0, -1)), { [String(path.at(-1))]: value });
};
const remove =
  (...path: (string | number)[]) =>
  (document: Json) => {
    delete at(document, ...path.slice(0, -1))[String(path.at(-1))];
  };
const all =
  (...edits: ((document: Json) => void)[]) =>
  (document: Json) => {
    for (const edit of edits) edit(document);
  };

const entry = ["verificationMaterial", "tlogEntries", 0];
const proof = [...entry, "inclusionProof"];
const repeat = (path: (string | number)[], count: number) => (document: Json) => {
  set(
    path,
    Array.from({ length: count }, () => at(document, ...path, 0)),
  )(document);
};

describe("parseBundle accepts", () => {
  it("what encodeBundle wrote, and gives it back", () => {
    for (const text of [message, envelope]) assert.equal(encodeBundle(parseBundle(text)), text);
    assert.equal(encodeBundle(parseBundle(new TextEncoder().encode(message))), message);
  });
  it("each media type, in the form of its version", () => {
    for (const [mediaType, version] of bundleMediaTypes) {
      const text = edited(
        message,
        all(...(version === "0.3" ? [] : [(document: Json) => asVersion(version, document)]), set(["mediaType"], mediaType)),
      );
      const bundle = parseBundle(text);
      assert.deepEqual([bundle.mediaType, bundle.version], [mediaType, version]);
      assert.ok(signingCertificate(bundle));
      // Whatever was read, 0.3 is written.
      assert.equal(encodeBundle(bundle), message);
    }
  });
  it("names in snake_case, numbers as numbers, and URL-safe base64", () => {
    const text = message
      .replaceAll(
        /"([a-z]+[A-Z][A-Za-z]*)":/g,
        (_, name: string) => `"${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}":`,
      )
      .replaceAll(/"(\d+)"/g, "$1");
    assert.equal(encodeBundle(parseBundle(text)), message);
    const signature = /"signature":"([^"]+)"/.exec(message)?.[1] ?? "";
    assert.equal(
      encodeBundle(
        parseBundle(message.replace(signature, signature.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""))),
      ),
      message,
    );
  });
  it("timestampVerificationData without timestamps, or null", () => {
    for (const value of [{}, { rfc3161Timestamps: [] }, null]) {
      assert.deepEqual(
        parseBundle(edited(message, set(["verificationMaterial", "timestampVerificationData"], value))).timestamps,
        [],
      );
    }
  });
  it("a log's first entry, whose zeros proto3 JSON leaves out", () => {
    const text = edited(message, all(remove(...entry, "logIndex"), remove(...proof, "logIndex"), remove(...proof, "hashes")));
    const [first] = parseBundle(text).tlogEntries;
    assert.deepEqual([first?.logIndex, first?.proof?.logIndex, first?.proof?.hashes], [0, 0, []]);
  });
  it("a hint without text, and a bundle of 0.1 whose entry has a promise and no proof", () => {
    const managed = edited(
      message,
      all(remove("verificationMaterial", "certificate"), set(["verificationMaterial", "publicKey"], {})),
    );
    assert.deepEqual(parseBundle(managed).material, { publicKeyHint: "" });
    const old = parseBundle(
      edited(
        message,
        all((document) => asVersion("0.1", document), remove(...proof)),
      ),
    );
    assert.equal(old.tlogEntries[0]?.proof, undefined);
    assert.throws(() => encodeBundle(old), { code: "BUNDLE_PROOF_MISSING" });
  });
  it("each hash algorithm of a message digest", () => {
    for (const [algorithm, length] of [
      ["SHA2_256", 32],
      ["SHA2_384", 48],
      ["SHA2_512", 64],
    ] as const) {
      const bundle = parseBundle(
        edited(message, set(["messageSignature", "messageDigest"], { algorithm, digest: encodeBase64(new Uint8Array(length)) })),
      );
      assert.ok("messageSignature" in bundle.content);
      assert.equal(bundle.content.messageSignature.messageDigest?.digest.length, length);
    }
  });
});

describe("parseBundle refuses", () => {
  const certificates = ["verificationMaterial", "x509CertificateChain", "certificates"];
  const v2 = (document: Json): void => asVersion("0.2", document);
  const cases: readonly (readonly [code: string, what: string, edit: (document: Json) => void])[] = [
    ["BUNDLE_FIELD_MISSING", "no media type", remove("mediaType")],
    ["BUNDLE_FIELD_MISSING", "an entry without log id", remove(...entry, "logId")],
    ["BUNDLE_FIELD_UNKNOWN", "a field of no version", set(["comment"], "hello")],
    ["BUNDLE_FIELD_UNKNOWN", "a field deep inside", set([...proof, "extra"], 1)],
    ["BUNDLE_FIELD_TYPE", "a list in place of an object", set(["verificationMaterial"], [])],
    ["BUNDLE_FIELD_VALUE", "a signature that is not base64", set(["messageSignature", "signature"], "AAAA!!!!")],
    ["BUNDLE_FIELD_VALUE", "base64 with line breaks", set(["messageSignature", "signature"], "AAAA\nAAAA")],
    ["BUNDLE_FIELD_VALUE", "a negative index", set([...entry, "logIndex"], "-1")],
    ["BUNDLE_FIELD_VALUE", "an index beyond 2^53", set([...entry, "logIndex"], "9007199254740993")],
    ["BUNDLE_FIELD_VALUE", "an index with a fraction", set([...entry, "logIndex"], 1.5)],
    ["BUNDLE_JSON", "a field in both spellings", set(["media_type"], "x")],
    ["BUNDLE_MEDIA_TYPE", "a version that is not", set(["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.4")],
    [
      "BUNDLE_MEDIA_TYPE",
      "a version that begins like one",
      set(["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json; charset=utf-8"),
    ],
    ["BUNDLE_MATERIAL", "neither key nor certificate", remove("verificationMaterial", "certificate")],
    ["BUNDLE_MATERIAL", "key and certificate", set(["verificationMaterial", "publicKey"], { hint: "x" })],
    [
      "BUNDLE_CHAIN_IN_V03",
      "a chain in version 0.3",
      all(v2, set(["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json")),
    ],
    [
      "BUNDLE_CERTIFICATE_BEFORE_V03",
      "a single certificate in version 0.2",
      set(["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.2"),
    ],
    ["BUNDLE_CHAIN_EMPTY", "a chain of none", all(v2, set(certificates, []))],
    ["BUNDLE_CHAIN_TOO_LONG", "a chain of eleven", all(v2, repeat(certificates, bundleLimits.chain + 1))],
    ["BUNDLE_CERTIFICATE", "a certificate that does not parse", set(["verificationMaterial", "certificate", "rawBytes"], "AAAA")],
    ["BUNDLE_CONTENT", "neither message nor envelope", remove("messageSignature")],
    ["BUNDLE_CONTENT", "message and envelope", set(["dsseEnvelope"], { payload: "", payloadType: "", signatures: [] })],
    ["BUNDLE_SIGNATURE_EMPTY", "a signature of no bytes", set(["messageSignature", "signature"], "")],
    ["BUNDLE_HASH_ALGORITHM", "an unknown hash algorithm", set(["messageSignature", "messageDigest", "algorithm"], "SHA3_256")],
    [
      "BUNDLE_HASH_ALGORITHM",
      "no hash algorithm",
      set(["messageSignature", "messageDigest", "algorithm"], "HASH_ALGORITHM_UNSPECIFIED"),
    ],
    ["BUNDLE_DIGEST_LENGTH", "a digest that is too short", set(["messageSignature", "messageDigest", "digest"], "AAAA")],
    ["BUNDLE_TOO_MANY_ENTRIES", "33 entries", repeat(["verificationMaterial", "tlogEntries"], bundleLimits.tlogEntries + 1)],
    [
      "BUNDLE_TOO_MANY_TIMESTAMPS",
      "33 timestamps",
      repeat(["verificationMaterial", "timestampVerificationData", "rfc3161Timestamps"], bundleLimits.timestamps + 1),
    ],
    [
      "BUNDLE_PROMISE_MISSING",
      "version 0.1 without promise",
      all((document) => asVersion("0.1", document), remove(...entry, "inclusionPromise")),
    ],
    ["BUNDLE_PROOF_MISSING", "version 0.2 without proof", all(v2, remove(...proof))],
    ["BUNDLE_PROOF_MISSING", "version 0.3 without proof", remove(...proof)],
    ["BUNDLE_CHECKPOINT_MISSING", "version 0.3 with a proof without checkpoint", remove(...proof, "checkpoint")],
    [
      "BUNDLE_CHECKPOINT_MISSING",
      "version 0.1 with a proof without checkpoint",
      all((document) => asVersion("0.1", document), remove(...proof, "checkpoint")),
    ],
    ["BUNDLE_LOG_ID", "a log id of three bytes", set([...entry, "logId", "keyId"], "AAAA")],
    ["BUNDLE_PROOF_HASH", "a hash of three bytes", set([...proof, "hashes", 0], "AAAA")],
    ["BUNDLE_PROOF_HASH", "a hash that is not base64", set([...proof, "hashes", 0], "!")],
    ["BUNDLE_PROOF_HASH", "a root of three bytes", set([...proof, "rootHash"], "AAAA")],
    ["BUNDLE_PROOF_TOO_LONG", "a proof of 65 hashes", repeat([...proof, "hashes"], bundleLimits.proofHashes + 1)],
  ];
  for (const [code, what, edit] of cases) {
    it(`${code}: ${what}`, () => {
      assert.throws(
        () => parseBundle(edited(message, edit)),
        (error) => isSigillumError(error) && error.code === code && error.kind === "malformed",
      );
    });
  }
  it("BUNDLE_LEAF_IS_CA and BUNDLE_ROOT_CERTIFICATE: certificates of authorities", () => {
    const { issuing, root } = sigstore.ca;
    const raw = ({ der }: { der: Uint8Array }): { rawBytes: string } => ({ rawBytes: encodeBase64(der) });
    assert.throws(() => parseBundle(edited(message, set(["verificationMaterial", "certificate"], raw(issuing)))), {
      code: "BUNDLE_LEAF_IS_CA",
    });
    const withRoot = all(v2, (document) => Object.assign(at(document, ...certificates), { 1: raw(root) }));
    assert.throws(() => parseBundle(edited(message, withRoot)), { code: "BUNDLE_ROOT_CERTIFICATE" });
    const withIntermediate = all(v2, (document) => Object.assign(at(document, ...certificates), { 1: raw(issuing) }));
    assert.equal(encodeBundle(parseBundle(edited(message, withIntermediate))), message);
  });
  it("BUNDLE_DSSE_SIGNATURES: none and two", () => {
    const signatures = ["dsseEnvelope", "signatures"];
    assert.throws(() => parseBundle(edited(envelope, set(signatures, []))), { code: "BUNDLE_DSSE_SIGNATURES", found: "0" });
    assert.throws(() => parseBundle(edited(envelope, repeat(signatures, 2))), { code: "BUNDLE_DSSE_SIGNATURES", found: "2" });
  });
  it("BUNDLE_JSON and BUNDLE_TOO_LARGE: what is no JSON, or too much of it", () => {
    for (const text of ["", "{", `${message} x`, message.replace("{", '{"mediaType":"x",'), "[".repeat(100_000)]) {
      assert.throws(() => parseBundle(text), { code: "BUNDLE_JSON" });
    }
    assert.throws(() => parseBundle(new Uint8Array(bundleLimits.bytes + 1)), { code: "BUNDLE_TOO_LARGE" });
  });
  it("a changed character with one of our errors, or reads it", () => {
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.string({ unit: "binary-ascii", minLength: 0, maxLength: 2 }), (index, text) => {
        try {
          parseBundle(message.slice(0, index) + text + message.slice(index + 1));
        } catch (error) {
          assert.ok(isSigillumError(error), `${error}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});
