import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LoadedRoot } from "@sigillum/library/trust-store";
import { requireSigningConfig } from "./trust.ts";

describe("requireSigningConfig", () => {
  it("refuses a trust root that names no services", () => {
    const record = { name: "work", url: "https://tuf.example", rootSha256: "", addedMs: 0, refreshedMs: 0 };
    const trustedRoot = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
    const root: LoadedRoot = { record, rootVersion: 1, trustedRoot, signingConfig: undefined, refreshed: true };
    assert.throws(() => requireSigningConfig(root), { code: "SIGNING_CONFIG_MISSING", kind: "state" });
  });
});
