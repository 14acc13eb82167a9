// The roots of the public Sigstore instance, each as it was published: every change of key format that was ever made stands in this chain.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, isSigillumError } from "@sigillum/library/encoding";
import { knownRoots } from "@sigillum/library/trust-store";
import { parseRoot, TrustedMetadata } from "@sigillum/library/tuf";
import { hasData, missingData, readData } from "./shared-data.ts";

// A day on which the newest of them is valid; the first expired five years before.
const nowMs = Date.parse("2026-08-25T00:00:00Z");

describe("the public instance's TUF roots", { skip: missingData }, () => {
  if (missingData !== undefined) {
    it("has its data", { skip: missingData }, () => {});
    return;
  }
  const root = (version: number): Uint8Array => readData("tuf-root", `${version}.root.json`);
  let newest = 1;
  while (hasData("tuf-root", `${newest + 1}.root.json`)) newest++;

  it(`are walked from version 1 to ${newest} with a fixed clock`, () => {
    assert.ok(newest >= 15);
    const trusted = new TrustedMetadata(root(1), nowMs);
    for (let version = 2; version <= newest; version++) assert.equal(trusted.updateRoot(root(version)).version, version);
    trusted.finishRoots();
  });

  it("hold the root that the name sigstore pins", () => {
    const [known] = knownRoots;
    assert.ok(known);
    assert.equal(encodeHex(sha256(root(known.rootVersion))), known.rootSha256);
    assert.equal(parseRoot(root(known.rootVersion)).version, known.rootVersion);
  });

  it("are walked from each of them", () => {
    for (let first = 1; first <= newest; first++) {
      const trusted = new TrustedMetadata(root(first), nowMs);
      for (let version = first + 1; version <= newest; version++) trusted.updateRoot(root(version));
      assert.equal(trusted.root.version, newest);
    }
  });

  it("do not let one be left out, and end by their expiry", () => {
    const trusted = new TrustedMetadata(root(1), nowMs);
    assert.throws(
      () => trusted.updateRoot(root(3)),
      (error) => isSigillumError(error) && /^TUF_(?:VERSION|THRESHOLD)$/.test(error.code),
    );
    const late = new TrustedMetadata(root(newest), parseRoot(root(newest)).expiresMs);
    assert.throws(
      () => late.finishRoots(),
      (error) => isSigillumError(error) && error.code === "TUF_EXPIRED",
    );
  });
});
