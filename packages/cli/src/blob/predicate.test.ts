import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { parseStatement } from "@sigillum/library/attestation";
import { bundleFromDetached } from "@sigillum/library/bundle";
import { parsePublicKeyPem } from "@sigillum/library/crypto";
import { encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";
import { predicateTypeOf, predicateTypesFor, statementOf } from "./index.ts";
import { withLogEntry } from "./log-search.ts";
import { emptyRoot } from "./trust.ts";
import { requirePredicateType } from "./verify-blob-attestation.ts";

const order = { name: "file", digest: { algorithm: "sha256", hex: "00".repeat(32) }, nowMs: Date.UTC(2026, 10, 24) };

describe("statementOf", () => {
  it("keeps a JSON predicate to the byte", () => {
    assert.throws(() => statementOf({ ...order, type: "cyclonedx", predicate: encodeUtf8("{") }), { code: "PREDICATE_INVALID" });
    const exact = encodeUtf8('{"z":1,  "a":1.0}');
    const text = parseUtf8(statementOf({ ...order, type: "cyclonedx", predicate: exact }));
    assert.ok(text.endsWith(`"predicate":${parseUtf8(exact)}}`));
    assert.equal(parseStatement(encodeUtf8(text)).predicateType, "https://cyclonedx.org/bom");
  });
  it("writes custom with data and time, and spdx as text", () => {
    const read = (type: string, text: string): unknown =>
      parseStatement(statementOf({ ...order, type, predicate: encodeUtf8(text) })).predicate;
    assert.deepEqual({ ...Object(read("custom", "x\n")) }, { Data: "x\n", Timestamp: "2026-11-24T00:00:00Z" });
    assert.throws(() => statementOf({ ...order, type: "custom", predicate: Uint8Array.of(0xff) }), { code: "PREDICATE_INVALID" });
    assert.equal(
      JSON.parse(parseUtf8(statementOf({ ...order, type: "spdx", predicate: encodeUtf8("SPDXVersion: x") }))).predicate,
      "SPDXVersion: x",
    );
  });
  it("refuses what cosign refuses", () => {
    for (const [type, text] of [
      ["link", "{}"],
      ["vuln", "{}"],
      ["https://example.com/x", "[]"],
      ["unknown", "{}"],
    ] as const)
      assert.throws(() => statementOf({ ...order, type, predicate: encodeUtf8(text) }), { code: "PREDICATE_INVALID" }, type);
  });
});

describe("predicateTypeOf", () => {
  it("knows short names and URIs, and readers take cosign 1's spelling too", () => {
    assert.equal(predicateTypeOf("slsaprovenance"), "https://slsa.dev/provenance/v0.2");
    assert.equal(predicateTypeOf("https://example.com/x"), "https://example.com/x");
    assert.deepEqual(predicateTypesFor("custom"), [
      "https://cosign.sigstore.dev/attestation/v1",
      "cosign.sigstore.dev/attestation/v1",
    ]);
  });
});

describe("requirePredicateType", () => {
  it("takes the wanted type alone", () => {
    const statement = { type: "t", subject: [], predicateType: "https://spdx.dev/Document" };
    requirePredicateType({ statement }, ["https://spdx.dev/Document"]);
    assert.throws(() => requirePredicateType({ statement }, ["https://cyclonedx.org/bom"]), { code: "PREDICATE_TYPE_MISMATCH" });
    assert.throws(() => requirePredicateType({}, ["https://cyclonedx.org/bom"]), { code: "PREDICATE_TYPE_MISMATCH" });
  });
});

describe("withLogEntry", () => {
  it("says that no log has an entry only when every log was asked", async () => {
    const bundle = bundleFromDetached({ signature: encodeUtf8("AAAA") });
    const key = parsePublicKeyPem(generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString());
    const artifact = { bytes: new Uint8Array() };
    await assert.rejects(withLogEntry(bundle, artifact, key, emptyRoot, undefined), { code: "LOG_ENTRY_NOT_FOUND" });
    await assert.rejects(withLogEntry(bundle, artifact, key, emptyRoot, "http://127.0.0.1:1"), { code: "SERVICE_UNAVAILABLE" });
    assert.equal(await withLogEntry(bundle, artifact, undefined, emptyRoot, undefined), bundle);
  });
});
