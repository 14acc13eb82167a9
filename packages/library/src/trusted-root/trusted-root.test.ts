import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { rawPublicKey } from "../crypto/index.ts";
import { encodeBase64, isSigillumError, JsonObject, parseJson } from "../encoding/index.ts";
import { generateSigner, MemorySigstore } from "../testing/index.ts";
import { encodeTrustedRoot } from "./encode-trusted-root.ts";
import { describeTimeRange, isWithin } from "./time-range.ts";
import { parseTrustedRoot, trustedRootLimits, trustedRootMediaTypes } from "./trusted-root.ts";

type Json = { [name: string]: Json } & { [index: number]: Json };

let sigstore: MemorySigstore;
let text: string;
before(async () => {
  sigstore = await MemorySigstore.create();
  text = encodeTrustedRoot(sigstore.trustedRoot);
});

function edited(...edits: (readonly [path: readonly (string | number)[], value: unknown])[]): string {
  const document: Json = JSON.parse(text);
  for (const [path, value] of edits) {
    const owner = path.slice(0, -1).reduce<Json>((object, step) => object[step] ?? assert.fail(`no ${step}`), document);
    const name = String(path.at(-1));
    if (value === undefined) delete owner[name];
    else Object.assign(owner, { [name]: value });
  }
  return JSON.stringify(document);
}

describe("parseTrustedRoot", () => {
  it("reads what encodeTrustedRoot wrote", () => {
    const root = parseTrustedRoot(text);
    assert.equal(encodeTrustedRoot(root), text);
    assert.deepEqual(root.tlogs, sigstore.trustedRoot.tlogs);
    assert.deepEqual(root.ctlogs, sigstore.trustedRoot.ctlogs);
    assert.deepEqual(root.certificateAuthorities, sigstore.trustedRoot.certificateAuthorities);
    assert.deepEqual(root.timestampAuthorities, sigstore.trustedRoot.timestampAuthorities);
    assert.deepEqual(root.ignored, []);
  });
  it("reads each media type, nulls, and the fields of version 0.2", () => {
    for (const mediaType of trustedRootMediaTypes) {
      const root = parseTrustedRoot(
        edited(
          [["mediaType"], mediaType],
          [["tlogs", 0, "publicKey", "validFor", "end"], null],
          [["tlogs", 0, "operator"], "sigstore.test"],
          [["tlogs", 0, "checkpointKeyId"], { keyId: "AAECAw==" }],
          [["ctlogs", 0, "operator"], null],
        ),
      );
      assert.equal(root.tlogs[0]?.operator, "sigstore.test");
      assert.deepEqual(root.tlogs[0]?.checkpointKeyId, Uint8Array.of(0, 1, 2, 3));
      assert.equal(root.tlogs[0]?.validFor.endMs, undefined);
      // Strict readers of version 0.1 refuse fields that it lacks.
      const written = JsonObject.from(parseJson(encodeTrustedRoot(root)), "written");
      assert.equal(written.string("mediaType"), trustedRootMediaTypes[0]);
      assert.deepEqual(written.objects("tlogs")[0]?.names(), ["baseUrl", "hashAlgorithm", "publicKey", "logId"]);
    }
  });
  it("reads an RSA key as PKCS #1", () => {
    const { publicKey } = generateSigner("rsa");
    const root = parseTrustedRoot(
      edited(
        [["ctlogs", 0, "publicKey", "rawBytes"], encodeBase64(rawPublicKey(publicKey))],
        [["ctlogs", 0, "publicKey", "keyDetails"], "PKCS1_RSA_PKCS1V5"],
      ),
    );
    assert.deepEqual(root.ctlogs[0]?.publicKey.spki, publicKey.spki);
    assert.match(encodeTrustedRoot(root), /PKIX_RSA_PKCS1V15_2048_SHA256/);
  });
  for (const [path, value] of [
    [["tlogs", 0, "publicKey", "keyDetails"], "LMS_SHA256"],
    [["tlogs", 0, "publicKey", "keyDetails"], "PKIX_ED25519_PH"],
    [["tlogs", 0, "publicKey", "keyDetails"], "A_KEY_OF_2030"],
    [["tlogs", 0, "hashAlgorithm"], "SHA3_256"],
  ] as const) {
    it(`leaves out a log with ${value}, and names it`, () => {
      const root = parseTrustedRoot(edited([path, value]));
      assert.equal(root.tlogs.length, 1);
      assert.equal(root.ignored?.[0]?.path, "tlogs[0]");
      assert.ok(root.ignored?.[0]?.reason.includes(value));
    });
  }
  it("reads a root without any list, and a log's sub-second period", () => {
    const empty = parseTrustedRoot(JSON.stringify({ mediaType: trustedRootMediaTypes[0] }));
    assert.deepEqual([empty.tlogs, empty.ctlogs, empty.certificateAuthorities, empty.timestampAuthorities], [[], [], [], []]);
    const root = parseTrustedRoot(
      edited([["tlogs", 0, "publicKey", "validFor"], { start: "2021-01-12T11:53:27.000Z", end: "2022-12-31T23:59:59.999000Z" }]),
    );
    assert.deepEqual(root.tlogs[0]?.validFor, {
      startMs: Date.UTC(2021, 0, 12, 11, 53, 27),
      endMs: Date.UTC(2022, 11, 31, 23, 59, 59, 999),
    });
  });

  const window = ["tlogs", 0, "publicKey", "validFor"];
  const chain = ["certificateAuthorities", 0, "certChain", "certificates"];
  const refusals: readonly (readonly [code: string, what: string, edit: Parameters<typeof edited>[0]])[] = [
    ["TRUSTED_ROOT_MEDIA_TYPE", "an unknown version", [["mediaType"], "application/vnd.dev.sigstore.trustedroot.v9+json"]],
    ["TRUSTED_ROOT_FIELD", "an unknown field", [["extra"], 1]],
    ["TRUSTED_ROOT_FIELD", "an unknown field of a log", [["tlogs", 0, "extra"], 1]],
    ["TRUSTED_ROOT_FIELD", "no media type", [["mediaType"], undefined]],
    ["TRUSTED_ROOT_FIELD", "a time that is none", [[...window, "start"], "yesterday"]],
    ["TRUSTED_ROOT_WINDOW", "a log without start", [window, {}]],
    ["TRUSTED_ROOT_WINDOW", "a log without period", [window, undefined]],
    [
      "TRUSTED_ROOT_WINDOW",
      "a log whose period ends before it starts",
      [window, { start: "2026-01-02T00:00:00Z", end: "2026-01-01T00:00:00Z" }],
    ],
    [
      "TRUSTED_ROOT_WINDOW",
      "an authority without start",
      [["certificateAuthorities", 0, "validFor"], { end: "2026-01-01T00:00:00Z" }],
    ],
    ["TRUSTED_ROOT_WINDOW", "a timestamp authority without start", [["timestampAuthorities", 0, "validFor"], {}]],
    ["TRUSTED_ROOT_KEY", "a key that does not parse", [["tlogs", 0, "publicKey", "rawBytes"], "AAAA"]],
    ["TRUSTED_ROOT_KEY", "a key of another type than it names", [["tlogs", 0, "publicKey", "keyDetails"], "PKIX_ED25519"]],
    ["TRUSTED_ROOT_CERTIFICATE", "a certificate that does not parse", [[...chain, 0, "rawBytes"], "AAAA"]],
    ["TRUSTED_ROOT_CHAIN_EMPTY", "an authority without certificate", [chain, []]],
    [
      "TRUSTED_ROOT_TOO_LARGE",
      "a chain that is too long",
      [chain, Array.from({ length: trustedRootLimits.chain + 1 }, () => ({ rawBytes: "" }))],
    ],
    ["TRUSTED_ROOT_TOO_LARGE", "too many logs", [["tlogs"], Array.from({ length: trustedRootLimits.instances + 1 }, () => ({}))]],
  ];
  for (const [code, what, edit] of refusals) {
    it(`${code}: ${what}`, () =>
      assert.throws(
        () => parseTrustedRoot(edited(edit)),
        (error) => isSigillumError(error) && error.code === code,
      ));
  }
  it("TRUSTED_ROOT_JSON: what is no JSON", () => assert.throws(() => parseTrustedRoot("{"), { code: "TRUSTED_ROOT_JSON" }));
});

describe("isWithin", () => {
  it("counts both ends in, and knows open periods", () => {
    const range = { startMs: 1000, endMs: 2000 };
    assert.deepEqual(
      [999, 1000, 2000, 2001].map((timeMs) => isWithin(range, timeMs)),
      [false, true, true, false],
    );
    assert.deepEqual(
      [999, 1e15].map((timeMs) => isWithin({ startMs: 1000 }, timeMs)),
      [false, true],
    );
    assert.equal(describeTimeRange(range), "1970-01-01T00:00:01Z to 1970-01-01T00:00:02Z");
    assert.equal(describeTimeRange({ startMs: 1000 }), "1970-01-01T00:00:01Z on");
  });
});
