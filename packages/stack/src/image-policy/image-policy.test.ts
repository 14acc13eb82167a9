// ClusterImagePolicy and TrustRoot objects: what is wrong with one is told with path and code, one cause at a time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import { generateSigner } from "@sigillum/library/testing";
import {
  compileImagePolicy,
  decidePolicy,
  defaultsOf,
  type FieldProblem,
  type ImageName,
  imagePolicyError,
  isSelected,
  matchGlob,
  parseImagePolicy,
  parseTrustRoot,
  policyTexts,
  readImagePolicy,
  readTrustRoot,
  refusalOf,
  TextAsker,
} from "./index.ts";

const pem = encodePublicKeyPem(generateSigner().publicKey);
const pass = { static: { action: "pass" } };

function object(spec: JsonValue, edits: { readonly [name: string]: JsonValue } = {}): JsonValue {
  return { apiVersion: "policy.sigstore.dev/v1beta1", kind: "ClusterImagePolicy", metadata: { name: "p" }, spec, ...edits };
}

function problems(spec: JsonValue): string[] {
  return readImagePolicy(object(spec), { namespace: "own" }).problems.map(({ path, code }) => `${path} ${code}`);
}

const one = (authority: JsonValue): JsonValue => ({ images: [{ glob: "**" }], authorities: [authority] });
const keyless = (edits: { readonly [name: string]: JsonValue }): JsonValue =>
  one({ keyless: { url: "https://f.test", identities: [{ issuer: "i", subject: "s" }], ...edits } });
const at = "spec.authorities[0]";

const rows: readonly (readonly [spec: JsonValue, path: string, code: FieldProblem["code"]])[] = [
  [{ authorities: [pass] }, "spec.images", "IMAGE_POLICY_FIELD_MISSING"],
  [{ images: [], authorities: [pass] }, "spec.images", "IMAGE_POLICY_FIELD_MISSING"],
  [{ images: [{}], authorities: [pass] }, "spec.images[0].glob", "IMAGE_POLICY_FIELD_MISSING"],
  [{ images: [{ glob: "a b" }], authorities: [pass] }, "spec.images[0].glob", "IMAGE_POLICY_FIELD_INVALID"],
  [{ images: "**", authorities: [pass] }, "spec.images", "IMAGE_POLICY_FIELD_INVALID"],
  [{ images: [{ glob: "**", regex: "x" }], authorities: [pass] }, "spec.images[0].regex", "IMAGE_POLICY_FIELD_UNKNOWN"],
  [{ images: [{ glob: "**" }] }, "spec.authorities", "IMAGE_POLICY_FIELD_MISSING"],
  [{ images: [{ glob: "**" }], authorities: [pass], mode: "audit" }, "spec.mode", "IMAGE_POLICY_FIELD_INVALID"],
  [{ images: [{ glob: "**" }], authorities: [pass], extra: 1 }, "spec.extra", "IMAGE_POLICY_FIELD_UNKNOWN"],
  [
    { images: [{ glob: "**" }], authorities: [pass], match: [{ resource: "secrets" }] },
    "spec.match[0].resource",
    "IMAGE_POLICY_FIELD_INVALID",
  ],
  [
    {
      images: [{ glob: "**" }],
      authorities: [pass],
      match: [{ resource: "pods", selector: { matchExpressions: [{ key: "a", operator: "Is" }] } }],
    },
    "spec.match[0].selector.matchExpressions[0].operator",
    "IMAGE_POLICY_FIELD_INVALID",
  ],
  [
    {
      images: [{ glob: "**" }],
      authorities: [
        { name: "a", ...pass },
        { name: "a", ...pass },
      ],
    },
    "spec.authorities",
    "IMAGE_POLICY_FIELD_INVALID",
  ],
  [one({}), `${at}.key`, "IMAGE_POLICY_FIELD_MISSING"],
  [one({ ...pass, key: { data: pem } }), `${at}.static`, "IMAGE_POLICY_FIELDS_EXCLUSIVE"],
  [one({ static: {} }), `${at}.static.action`, "IMAGE_POLICY_FIELD_MISSING"],
  [one({ static: { action: "maybe" } }), `${at}.static.action`, "IMAGE_POLICY_FIELD_INVALID"],
  [one({ ...pass, ctlog: {} }), `${at}.ctlog`, "IMAGE_POLICY_FIELDS_EXCLUSIVE"],
  [one({ ...pass, attestations: [] }), `${at}.attestations`, "IMAGE_POLICY_FIELDS_EXCLUSIVE"],
  [one({ ...pass, source: [] }), `${at}.source`, "IMAGE_POLICY_FIELDS_EXCLUSIVE"],
  [one({ ...pass, rfc3161timestamp: {} }), `${at}.rfc3161timestamp`, "IMAGE_POLICY_FIELDS_EXCLUSIVE"],
  [one({ key: {} }), `${at}.key.data`, "IMAGE_POLICY_FIELD_MISSING"],
  [one({ key: { data: "x" } }), `${at}.key.data`, "IMAGE_POLICY_FIELD_INVALID"],
  [one({ key: { data: pem, kms: "gcpkms://projects/x" } }), `${at}.key.kms`, "IMAGE_POLICY_FIELDS_EXCLUSIVE"],
  [one({ key: { data: pem, hashAlgorithm: "md5" } }), `${at}.key.hashAlgorithm`, "IMAGE_POLICY_FIELD_INVALID"],
  [one({ key: { kms: "awskms:///arn:nonsense" } }), `${at}.key.kms`, "IMAGE_POLICY_FIELD_INVALID"],
  [one({ key: { secretRef: {} } }), `${at}.key.secretRef.name`, "IMAGE_POLICY_FIELD_MISSING"],
  [one({ key: { secretRef: { name: "k", namespace: "other" } } }), `${at}.key.secretRef.namespace`, "IMAGE_POLICY_FIELD_INVALID"],
  [keyless({ identities: [] }), `${at}.keyless.identities`, "IMAGE_POLICY_FIELD_MISSING"],
  [keyless({ "ca-cert": { data: "x" } }), `${at}.keyless.ca-cert`, "IMAGE_POLICY_FIELDS_EXCLUSIVE"],
  [keyless({ url: "fulcio" }), `${at}.keyless.url`, "IMAGE_POLICY_FIELD_INVALID"],
  [keyless({ insecureIgnoreSCT: "yes" }), `${at}.keyless.insecureIgnoreSCT`, "IMAGE_POLICY_FIELD_INVALID"],
  [keyless({ identities: [{ subject: "s" }] }), `${at}.keyless.identities[0].issuer`, "IMAGE_POLICY_FIELD_MISSING"],
  [
    keyless({ identities: [{ issuer: "i", issuerRegExp: "^i$", subject: "s" }] }),
    `${at}.keyless.identities[0].issuerRegExp`,
    "IMAGE_POLICY_FIELDS_EXCLUSIVE",
  ],
  [
    keyless({ identities: [{ issuer: "i", subjectRegExp: "(" }] }),
    `${at}.keyless.identities[0].subjectRegExp`,
    "IMAGE_POLICY_FIELD_INVALID",
  ],
  [one({ key: { data: pem }, signatureFormat: "v3" }), `${at}.signatureFormat`, "IMAGE_POLICY_FIELD_INVALID"],
  [one({ key: { data: pem }, source: [{}, {}] }), `${at}.source`, "IMAGE_POLICY_FIELD_INVALID"],
  [one({ key: { data: pem }, source: [{ oci: "not a repository" }] }), `${at}.source[0].oci`, "IMAGE_POLICY_FIELD_INVALID"],
  [
    one({ key: { data: pem }, source: [{ signaturePullSecrets: [{}] }] }),
    `${at}.source[0].signaturePullSecrets[0].name`,
    "IMAGE_POLICY_FIELD_MISSING",
  ],
  [
    one({ key: { data: pem }, attestations: [{ predicateType: "https://a.test" }] }),
    `${at}.attestations[0].name`,
    "IMAGE_POLICY_FIELD_MISSING",
  ],
  [
    one({ key: { data: pem }, attestations: [{ name: "a" }] }),
    `${at}.attestations[0].predicateType`,
    "IMAGE_POLICY_FIELD_MISSING",
  ],
  [
    one({
      key: { data: pem },
      attestations: [{ name: "a", predicateType: "https://a.test", policy: { type: "cue", data: "a: 1", includeSpec: true } }],
    }),
    `${at}.attestations[0].policy.includeSpec`,
    "IMAGE_POLICY_FIELD_UNKNOWN",
  ],
  [{ ...Object(one(pass)), policy: { type: "js", data: "1" } }, "spec.policy.type", "IMAGE_POLICY_FIELD_INVALID"],
  [{ ...Object(one(pass)), policy: { type: "cue" } }, "spec.policy.data", "IMAGE_POLICY_FIELD_MISSING"],
  [
    { ...Object(one(pass)), policy: { type: "cue", data: "a: 1", remote: {} } },
    "spec.policy.remote",
    "IMAGE_POLICY_FIELDS_EXCLUSIVE",
  ],
  [
    { ...Object(one(pass)), policy: { type: "cue", remote: { url: "http://a.test", sha256sum: "0".repeat(64) } } },
    "spec.policy.remote.url",
    "IMAGE_POLICY_FIELD_INVALID",
  ],
  [
    { ...Object(one(pass)), policy: { type: "cue", remote: { url: "https://a.test" } } },
    "spec.policy.remote.sha256sum",
    "IMAGE_POLICY_FIELD_MISSING",
  ],
  [
    { ...Object(one(pass)), policy: { type: "cue", configMapRef: { name: "a" } } },
    "spec.policy.configMapRef.key",
    "IMAGE_POLICY_FIELD_MISSING",
  ],
];

describe("readImagePolicy", () => {
  for (const [spec, path, code] of rows) it(`${path} ${code}`, () => assert.deepEqual(problems(spec), [`${path} ${code}`]));
  it("reads both versions and refuses any other kind", () => {
    const spec = one(pass);
    for (const apiVersion of ["policy.sigstore.dev/v1alpha1", "policy.sigstore.dev/v1beta1"])
      assert.equal(parseImagePolicy(object(spec, { apiVersion })).authorities.length, 1);
    for (const edits of [{ apiVersion: "policy.sigstore.dev/v1" }, { kind: "ImagePolicy" }])
      assert.throws(() => parseImagePolicy(object(spec, edits)), { code: "IMAGE_POLICY_KIND_UNKNOWN" });
  });
  it("takes an empty list of authorities where the cluster allows it", () => {
    assert.equal(readImagePolicy(object({ images: [{ glob: "**" }] }), { failOnEmptyAuthorities: false }).problems.length, 0);
  });
  it("warns of expressions that match anywhere, and of short predicate types", () => {
    const open = keyless({ identities: [{ issuer: "i", subjectRegExp: "https://github.com/org/" }] });
    assert.match(readImagePolicy(object(open)).warnings[0]?.message ?? "", /not anchored/);
    const anchored = keyless({ identities: [{ issuer: "i", subjectRegExp: "^https://github\\.com/org/.*$" }] });
    assert.deepEqual(readImagePolicy(object(anchored)).warnings, []);
    const short = one({ key: { data: pem }, attestations: [{ name: "a", predicateType: "vuln" }] });
    assert.match(readImagePolicy(object(short)).warnings[0]?.message ?? "", /write its URI/);
  });
});

describe("matchGlob", () => {
  const digest = `sha256:${"ab".repeat(32)}`;
  const named = (written: string, normalised = written, pinned = written.includes("@")): ImageName => ({
    written,
    normalised,
    pinned,
  });
  it("matches the whole reference, stars as they are meant", () => {
    const image = named(`ghcr.io/org/app:v1@${digest}`);
    for (const glob of ["**", "ghcr.io/**", "ghcr.io/org/*", "ghcr.io/*/app:v1@*", `ghcr.io/org/app:v1@${digest}`, "*.io/**"])
      assert.equal(matchGlob(glob, image), "yes", glob);
    for (const glob of ["ghcr.io/*", "ghcr.io/org/app", "hcr.io/**", "ghcr.io/org/app:v2**", "*", "*/*", "ghcrxio/**"])
      assert.equal(matchGlob(glob, image), "no", glob);
  });
  it("takes bare stars for Docker Hub", () => {
    const nginx = named("nginx", "index.docker.io/library/nginx:latest", false);
    assert.equal(matchGlob("*", nginx), "yes");
    assert.equal(matchGlob("*/*", nginx), "yes");
    assert.equal(matchGlob("*/*", named("team/app", "index.docker.io/team/app:latest", false)), "yes");
  });
  it("says maybe where it depends on a digest that is not known", () => {
    const tag = named("ghcr.io/org/app:v1");
    assert.equal(matchGlob(`ghcr.io/org/app:v1@${digest}`, tag), "maybe");
    assert.equal(matchGlob("ghcr.io/org/app:v1@*", tag), "yes");
    assert.equal(matchGlob("ghcr.io/org/app:v1", tag), "no");
    assert.equal(matchGlob(`ghcr.io/org/app:v1@${digest.replace("ab", "xy")}`, tag), "no");
  });
  it("is quick on patterns that backtrack elsewhere", () => {
    const begun = performance.now();
    assert.equal(matchGlob(`${"a*".repeat(300)}z`, named(`${"a".repeat(2000)}@${digest}`)), "no");
    assert.ok(performance.now() - begun < 5000);
  });
});

describe("isSelected", () => {
  it("is what Kubernetes means", () => {
    const labels = { app: "web", tier: "front" };
    const expression = (operator: "In" | "NotIn" | "Exists" | "DoesNotExist", key: string, ...values: string[]): boolean =>
      isSelected({ matchLabels: {}, matchExpressions: [{ key, operator, values }] }, labels);
    assert.equal(isSelected({ matchLabels: {}, matchExpressions: [] }, labels), true);
    assert.equal(isSelected({ matchLabels: { app: "web" }, matchExpressions: [] }, labels), true);
    assert.equal(isSelected({ matchLabels: { app: "db" }, matchExpressions: [] }, labels), false);
    assert.deepEqual(
      [expression("In", "app", "web"), expression("In", "app", "db"), expression("In", "none", "web")],
      [true, false, false],
    );
    assert.deepEqual(
      [expression("NotIn", "app", "db"), expression("NotIn", "app", "web"), expression("NotIn", "none", "x")],
      [true, false, true],
    );
    assert.deepEqual([expression("Exists", "app"), expression("Exists", "toString")], [true, false]);
    assert.deepEqual([expression("DoesNotExist", "none"), expression("DoesNotExist", "app")], [true, false]);
  });
});

describe("TrustRoot", () => {
  const root = (spec: JsonValue): JsonValue => ({
    apiVersion: "policy.sigstore.dev/v1alpha1",
    kind: "TrustRoot",
    metadata: { name: "r" },
    spec,
  });
  const told = (spec: JsonValue): string[] => readTrustRoot(root(spec)).problems.map(({ path, code }) => `${path} ${code}`);
  it("is exactly one of four", () => {
    assert.deepEqual(told({}), ["spec.remote IMAGE_POLICY_FIELD_MISSING"]);
    assert.deepEqual(told({ remote: {}, sigstoreKeys: {} }), ["spec.sigstoreKeys IMAGE_POLICY_FIELDS_EXCLUSIVE"]);
    assert.deepEqual(told({ remote: { root: "YQ==", mirror: "ftp://x" } }), ["spec.remote.mirror IMAGE_POLICY_FIELD_INVALID"]);
    assert.deepEqual(told({ repository: { root: "YQ==" } }), ["spec.repository.mirrorFS IMAGE_POLICY_FIELD_MISSING"]);
    assert.deepEqual(told({ trustedRoot: "{}" }), ["spec.trustedRoot IMAGE_POLICY_TRUST_ROOT_MALFORMED"]);
    assert.throws(() => parseTrustRoot(root({})), { code: "IMAGE_POLICY_FIELD_MISSING" });
  });
  it("fills in where targets are", () => {
    const found = parseTrustRoot(root({ remote: { root: "YQ==", mirror: "https://tuf.test" } }));
    assert.deepEqual(found.from, {
      type: "remote",
      root: Uint8Array.of(97),
      mirror: "https://tuf.test",
      targets: "targets",
      target: "trusted_root.json",
    });
  });
});

describe("defaultsOf", () => {
  it("fills in mode, names and Fulcio's address, and nothing that is there", () => {
    const spec = { authorities: [{ keyless: {} }, { name: "b", static: {} }] };
    assert.deepEqual(defaultsOf(object(spec)), [
      { op: "add", path: "/spec/mode", value: "enforce" },
      { op: "add", path: "/spec/authorities/0/name", value: "authority-0" },
      { op: "add", path: "/spec/authorities/0/keyless/url", value: "https://fulcio.sigstore.dev" },
    ]);
    for (const other of [null, [], "x", { kind: "Pod" }, object("x")]) assert.deepEqual(defaultsOf(other), []);
  });
});

describe("decidePolicy", () => {
  const policy = parseImagePolicy(object({ images: [{ glob: "**" }] }), { failOnEmptyAuthorities: false });
  const resources = { secret: none, kms: none, configMap: none, remote: none, trustRoot: none, defaultTrustRoot: none };
  function none(): never {
    throw imagePolicyError("IMAGE_POLICY_UNUSABLE", "nothing is here");
  }
  const judge = (): Promise<never> => Promise.reject(new TypeError("nothing is to be asked"));
  it("refuses by a policy without authorities", async () => {
    const { pass: passes, reasons } = await decidePolicy(compileImagePolicy(policy, resources), [], {}, judge);
    assert.deepEqual([passes, reasons[0]?.code], [false, "IMAGE_POLICY_UNUSABLE"]);
  });
  it("refuses a KMS in the place of a chain of certificates", () => {
    const own = { "ca-cert": { kms: "hashivault://ca" }, identities: [{ issuer: "i", subject: "s" }] };
    const ready = compileImagePolicy(parseImagePolicy(object(one({ keyless: own }))), resources).authorities[0]?.ready;
    assert.equal(isSigillumError(ready) && ready.code, "IMAGE_POLICY_KMS_UNSUPPORTED");
  });
  it("keeps what cannot be looked up as the authority's reason", () => {
    const compiled = compileImagePolicy(parseImagePolicy(object(one({ key: { secretRef: { name: "k" } } }))), resources);
    const ready = compiled.authorities[0]?.ready;
    assert.equal(isSigillumError(ready) && ready.code, "IMAGE_POLICY_UNUSABLE");
  });
});

describe("policyTexts and TextAsker", () => {
  const about = { type: "compile" } as const;
  it("finds the texts that stand in a policy, with their paths", () => {
    const attested = {
      key: { data: pem },
      attestations: [{ name: "a", predicateType: "https://a.test", policy: text("rego", "x") }],
    };
    const policy = parseImagePolicy(
      object({ images: [{ glob: "**" }], authorities: [pass, attested], policy: text("cue", "a: 1") }),
    );
    assert.deepEqual(
      policyTexts(policy).map(({ path, language, source }) => [path, language, source]),
      [
        ["spec.authorities[1].attestations[0].policy.data", "rego", "x"],
        ["spec.policy.data", "cue", "a: 1"],
      ],
    );
  });
  it("tells why a text does not compile, and answers nothing by it", () => {
    for (const [language, source] of [
      ["cue", "a: {"],
      ["rego", "allow {"],
    ] as const) {
      const asker = new TextAsker();
      const policy = { language, file: "p", source };
      assert.ok(asker.answer({ policy, about, nowMs: 0 }).problem);
      const told = asker.answer({ policy, about: { type: "result", text: "{}" }, nowMs: 0 });
      assert.equal(refusalOf(told, "it", "IMAGE_POLICY_RESULT_REFUSED")?.code, "IMAGE_POLICY_TEXT_MALFORMED");
    }
  });
  it("refuses a document that is no JSON, or none of the wanted type", () => {
    const policy = { language: "cue", file: "p", source: "a: 1" } as const;
    const ask = (document: Parameters<TextAsker["answer"]>[0]["about"]): number =>
      new TextAsker().answer({ policy, about: document, nowMs: 0 }).messages.length;
    assert.equal(ask({ type: "result", text: '{"a": 1}' }), 0);
    assert.equal(ask({ type: "result", text: "{" }), 1);
    assert.equal(ask({ type: "statement", predicateType: "https://a.test", payload: new TextEncoder().encode("{}") }), 1);
  });
  function text(type: string, data: string): JsonValue {
    return { type, data };
  }
});
