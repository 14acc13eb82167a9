import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isSigillumError } from "../encoding/index.ts";
import { selectServices } from "./select-services.ts";
import {
  encodeSigningConfig,
  parseSigningConfig,
  type SigningConfig,
  type SigningService,
  signingConfigLimits,
  signingConfigMediaType,
} from "./signing-config.ts";

const now = Date.UTC(2026, 5, 1);
const day = 86_400_000;

function service(name: string, p: { version?: number; start?: number; end?: number; operator?: string } = {}): SigningService {
  const validFor = { startMs: now + (p.start ?? -30) * day, ...(p.end === undefined ? {} : { endMs: now + p.end * day }) };
  return { url: `https://${name}.test`, majorApiVersion: p.version ?? 1, validFor, operator: p.operator ?? "sigstore.test" };
}

function config(edits: Partial<SigningConfig> = {}): SigningConfig {
  return {
    caUrls: [service("ca")],
    oidcUrls: [service("oidc")],
    rekorTlogUrls: [service("log")],
    rekorTlogConfig: { selector: "ANY" },
    tsaUrls: [service("tsa")],
    tsaConfig: { selector: "ANY" },
    ...edits,
  };
}

const names = (services: readonly SigningService[]): string[] =>
  services.map(({ url }) => url.slice("https://".length, -".test".length));
const logs = (
  rekorTlogUrls: readonly SigningService[],
  rekorTlogConfig: SigningConfig["rekorTlogConfig"] = { selector: "ALL" },
): string[] => names(selectServices(config({ rekorTlogUrls, rekorTlogConfig }), now).logs);

describe("selectServices", () => {
  it("takes one CA, one OIDC provider, and what the selectors say", () => {
    const { ca, oidc, logs: chosen, tsas } = selectServices(config(), now);
    assert.deepEqual(names([ca, ...(oidc ? [oidc] : []), ...chosen, ...tsas]), ["ca", "oidc", "log", "tsa"]);
  });
  it("drops versions we do not speak, unreleased ones, and services whose period does not hold now", () => {
    const listed = [
      service("v0", { version: 0 }),
      service("v9", { version: 9 }),
      service("over", { end: -1 }),
      service("later", { start: 1 }),
      service("good", { operator: "b" }),
    ];
    assert.deepEqual(logs(listed), ["good"]);
  });
  it("holds a period to both its ends", () => {
    assert.deepEqual(logs([service("starts", { start: 0 })]), ["starts"]);
    assert.deepEqual(logs([service("ends", { end: 0 })]), ["ends"]);
  });
  it("keeps the highest version that is left and mixes none", () => {
    const listed = [service("one", { operator: "a" }), service("two", { version: 2, operator: "b" })];
    assert.deepEqual(logs(listed), ["two"]);
    assert.deepEqual(logs([...listed.slice(0, 1), service("two", { version: 2, end: -1 })]), ["one"]);
  });
  it("takes the newest of each operator, newest first", () => {
    const listed = [
      service("old", { start: -20 }),
      service("new", { start: -10 }),
      service("other", { start: -15, operator: "b" }),
    ];
    assert.deepEqual(logs(listed), ["new", "other"]);
    assert.deepEqual(logs(listed, { selector: "ANY" }), ["new"]);
    assert.deepEqual(logs(listed, { selector: "EXACT", count: 2 }), ["new", "other"]);
  });
  it("signs with Rekor v1 though no timestamp authority is left", () => {
    assert.deepEqual(selectServices(config({ tsaUrls: [service("over", { end: -1 })] }), now).tsas, []);
    const { tsaConfig: _, ...without } = config({ tsaUrls: [] });
    assert.deepEqual(selectServices(without, now).tsas, []);
  });

  const v2 = [service("log", { version: 2 })];
  const refusals: readonly (readonly [code: string, what: string, edits: Partial<SigningConfig>])[] = [
    ["SIGNING_CONFIG_NO_CA", "no CA", { caUrls: [service("ca", { end: -1 })] }],
    ["SIGNING_CONFIG_NO_LOG", "no log", { rekorTlogUrls: [] }],
    ["SIGNING_CONFIG_NO_LOG", "a log of a version we do not speak", { rekorTlogUrls: [service("log", { version: 3 })] }],
    ["SIGNING_CONFIG_NO_TSA", "Rekor v2 without timestamp authority", { rekorTlogUrls: v2, tsaUrls: [] }],
    ["SIGNING_CONFIG_SELECTOR", "an undefined selector", { rekorTlogConfig: { selector: "SERVICE_SELECTOR_UNDEFINED" } }],
    [
      "SIGNING_CONFIG_SELECTOR",
      "an undefined selector of timestamp authorities",
      { tsaConfig: { selector: "SERVICE_SELECTOR_UNDEFINED" } },
    ],
    ["SIGNING_CONFIG_COUNT", "more than there are", { rekorTlogConfig: { selector: "EXACT", count: 2 } }],
    ["SIGNING_CONFIG_COUNT", "exactly none", { rekorTlogConfig: { selector: "EXACT", count: 0 } }],
    ["SIGNING_CONFIG_COUNT", "exactly, without a count", { rekorTlogConfig: { selector: "EXACT" } }],
    [
      "SIGNING_CONFIG_COUNT",
      "exactly one timestamp authority of none",
      { tsaUrls: [], tsaConfig: { selector: "EXACT", count: 1 } },
    ],
  ];
  for (const [code, what, edits] of refusals) {
    it(`${code}: ${what}`, () =>
      assert.throws(
        () => selectServices(config(edits), now),
        (error) => isSigillumError(error) && error.code === code,
      ));
  }
});

describe("parseSigningConfig", () => {
  it("reads what encodeSigningConfig wrote", () => {
    const full = config({ rekorTlogConfig: { selector: "EXACT", count: 1 }, caUrls: [service("ca", { end: 5 })] });
    assert.deepEqual(parseSigningConfig(encodeSigningConfig(full)), full);
  });
  it("reads one without lists, with undefined selectors", () => {
    const empty = parseSigningConfig(JSON.stringify({ mediaType: signingConfigMediaType, tsaConfig: {} }));
    assert.equal(empty.rekorTlogConfig, undefined);
    assert.equal(empty.tsaConfig?.selector, "SERVICE_SELECTOR_UNDEFINED");
    assert.match(encodeSigningConfig(empty), /"rekorTlogConfig": \{\s+"selector": "ANY"/);
  });
  const written = { url: "https://ca.test", majorApiVersion: 1, validFor: { start: "2026-01-01T00:00:00Z" }, operator: "x" };
  const refusals: readonly (readonly [code: string, what: string, edits: object])[] = [
    ["SIGNING_CONFIG_MEDIA_TYPE", "an unknown version", { mediaType: "application/vnd.dev.sigstore.signingconfig.v0.1+json" }],
    ["SIGNING_CONFIG_FIELD", "an unknown field", { caUrl: "x" }],
    ["SIGNING_CONFIG_FIELD", "an unknown selector", { tsaConfig: { selector: "SOME" } }],
    ["SIGNING_CONFIG_FIELD", "no operator", { caUrls: [{ ...written, operator: undefined }] }],
    ["SIGNING_CONFIG_FIELD", "a negative version", { caUrls: [{ ...written, majorApiVersion: -1 }] }],
    ["SIGNING_CONFIG_WINDOW", "no start", { caUrls: [{ ...written, validFor: {} }] }],
    ["SIGNING_CONFIG_URL", "no scheme", { caUrls: [{ ...written, url: "ca.test" }] }],
    ["SIGNING_CONFIG_URL", "another scheme", { caUrls: [{ ...written, url: "file:///etc/passwd" }] }],
    ["SIGNING_CONFIG_URL", "a user in the URL", { caUrls: [{ ...written, url: "https://user@ca.test" }] }],
    [
      "SIGNING_CONFIG_TOO_LARGE",
      "too many services",
      { caUrls: Array.from({ length: signingConfigLimits.services + 1 }, () => written) },
    ],
  ];
  for (const [code, what, edits] of refusals) {
    it(`${code}: ${what}`, () => {
      const text = JSON.stringify({ mediaType: signingConfigMediaType, ...edits });
      assert.throws(
        () => parseSigningConfig(text),
        (error) => isSigillumError(error) && error.code === code,
      );
    });
  }
  it("SIGNING_CONFIG_JSON: what is no JSON", () =>
    assert.throws(() => parseSigningConfig("nonsense"), { code: "SIGNING_CONFIG_JSON" }));
});
