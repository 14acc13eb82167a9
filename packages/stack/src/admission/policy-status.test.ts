// What an object says of itself: each cause alone makes it not ready, with its code.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import type { JsonValue } from "@sigillum/library/encoding";
import { generateSigner } from "@sigillum/library/testing";
import { silentLogger } from "../host/index.ts";
import { imagePolicyError } from "../image-policy/index.ts";
import { loadPolicies, PolicyThreads } from "./index.ts";
import type { KubeObject } from "./kube-client.ts";
import { hasStatus, policyStatus, trustRootStatus } from "./policy-status.ts";

const pem = encodePublicKeyPem(generateSigner().publicKey);
const threads = new PolicyThreads({ logger: silentLogger, threads: 1 });
after(() => threads.close());
const [first, second] = ["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"];

function objectOf(spec: JsonValue, status: JsonValue = {}): KubeObject {
  const [apiVersion, kind] = ["policy.sigstore.dev/v1beta1", "ClusterImagePolicy"];
  return { apiVersion, kind, metadata: { name: "p", generation: 3 }, spec, status };
}

async function statusFor(object: KubeObject, now = first): Promise<JsonValue> {
  const parts = { secrets: new Map(), configMaps: new Map(), trustRoots: new Map(), kmsKeys: new Map(), texts: new Map() };
  const [loaded] = loadPolicies([object], { ...parts, defaultTrustRoot: "default" }, {});
  assert.ok(loaded !== undefined);
  const judge = threads.judge({ signal: new AbortController().signal, endsAtMs: performance.now() + 60_000 });
  return await policyStatus(object, loaded, judge, now);
}

const conditions = (status: JsonValue): string[] =>
  JSON.parse(JSON.stringify(status)).conditions.map(
    ({ type, status: holds, reason }: Record<string, string>) => `${type} ${holds}${reason === undefined ? "" : ` ${reason}`}`,
  );
const one = (authority: JsonValue, more: { readonly [name: string]: JsonValue } = {}): JsonValue => ({
  images: [{ glob: "**" }],
  authorities: [authority],
  ...more,
});
const remote = { type: "cue", remote: { url: "https://a.test/p.cue", sha256sum: "0".repeat(64) } };

describe("policyStatus", () => {
  for (const [spec, expected] of [
    [one({ key: { data: pem } }), ["KeysInlined True", "PoliciesInlined True", "Ready True"]],
    [
      one({ key: { secretRef: { name: "absent" } } }),
      ["KeysInlined False ADMISSION_SECRET_UNUSABLE", "PoliciesInlined True", "Ready False ADMISSION_SECRET_UNUSABLE"],
    ],
    [
      one({ key: { kms: "hashivault://k" } }),
      ["KeysInlined False ADMISSION_KEY_UNAVAILABLE", "PoliciesInlined True", "Ready False ADMISSION_KEY_UNAVAILABLE"],
    ],
    [
      one({ key: { data: pem } }, { policy: { type: "cue", data: "a: {" } }),
      ["KeysInlined True", "PoliciesInlined False IMAGE_POLICY_TEXT_MALFORMED", "Ready False IMAGE_POLICY_TEXT_MALFORMED"],
    ],
    [
      one({ key: { data: pem } }, { policy: remote }),
      [
        "KeysInlined True",
        "PoliciesInlined False ADMISSION_POLICY_TEXT_UNAVAILABLE",
        "Ready False ADMISSION_POLICY_TEXT_UNAVAILABLE",
      ],
    ],
    [one({ key: { data: "x" } }), ["KeysInlined False ADMISSION_POLICY_MALFORMED", "Ready False ADMISSION_POLICY_MALFORMED"]],
  ] as const)
    it(expected.join(", "), async () => assert.deepEqual(conditions(await statusFor(objectOf(spec))), expected));

  it("keeps the time of what did not change, and is not written where it stands already", async () => {
    const spec = one({ key: { secretRef: { name: "absent" } } });
    const status = await statusFor(objectOf(spec));
    const object = objectOf(spec, status);
    const again = await statusFor(object, second);
    assert.deepEqual(again, status);
    assert.equal(hasStatus(object, again), true);
    assert.equal(hasStatus(objectOf(spec), again), false);
    assert.equal(hasStatus({ ...object, status: { ...Object(status), observedGeneration: 2 } }, again), false);
    const repaired = objectOf(one({ key: { data: pem } }), status);
    const ready: unknown = JSON.parse(JSON.stringify(await statusFor(repaired, second))).conditions[2];
    assert.deepEqual(ready, { type: "Ready", status: "True", lastTransitionTime: second });
  });
});

describe("trustRootStatus", () => {
  it("says whether its keys are there", () => {
    const object = objectOf({});
    const root = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
    assert.deepEqual(conditions(trustRootStatus(object, root, first)), ["KeysInlined True", "Ready True"]);
    const error = imagePolicyError("IMAGE_POLICY_TRUST_ROOT_MALFORMED", "no");
    assert.deepEqual(conditions(trustRootStatus(object, error, first)), [
      "KeysInlined False IMAGE_POLICY_TRUST_ROOT_MALFORMED",
      "Ready False IMAGE_POLICY_TRUST_ROOT_MALFORMED",
    ]);
  });
});
