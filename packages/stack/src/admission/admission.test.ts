// The controller's decisions over a registry, signatures by key and by identity: each field of a ClusterImagePolicy with a case that lets
// an image in and one that does not, and the ways in which the original lets images in by mistake.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { encodeStatement } from "@sigillum/library/attestation";
import { encodePublicKeyPem, type Signer } from "@sigillum/library/crypto";
import { encodeBase64, encodePem, encodeUtf8, type JsonValue } from "@sigillum/library/encoding";
import { attachBundle, attachToTag, encodeSimpleSigning, imageStatement } from "@sigillum/library/image";
import {
  type Descriptor,
  emptyConfig,
  encodeManifest,
  fixedCredentials,
  mediaTypes,
  ociDigestOf,
  parseReference,
  RegistryClient,
} from "@sigillum/library/oci";
import { signBlob, signStatement } from "@sigillum/library/signing";
import {
  fixtureIdentity,
  generateSigner,
  MemoryRegistry,
  MemoryServices,
  MemorySigstore,
  signingTimeMs,
  unsignedToken,
} from "@sigillum/library/testing";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { silentLogger } from "../host/index.ts";
import {
  DecisionCache,
  type ImageDecision,
  loadPolicies,
  type NoMatchPolicy,
  type PolicyParts,
  PolicyThreads,
  readWorkload,
  Webhook,
} from "./index.ts";

const nobody: TrustedRoot = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const slsa = "https://slsa.dev/provenance/v0.2";
const owner: Signer = generateSigner();
const stranger: Signer = generateSigner();
const pem = encodePublicKeyPem(owner.publicKey);
const threads = new PolicyThreads({ logger: silentLogger });

let registry: MemoryRegistry;
let elsewhere: MemoryRegistry;
let services: MemoryServices;
const images: Record<string, string> = {};

type How = "tag" | "bundle" | "keyless" | "logged" | "attested" | "other-place" | "stamped";

async function push(
  name: string,
  how: How | undefined,
  signer: Signer = owner,
  predicate: JsonValue = { builder: { id: "ci" } },
): Promise<void> {
  const config = encodeUtf8(JSON.stringify({ os: "linux", architecture: "amd64", config: { User: name } }));
  const bytes = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: ociDigestOf(config), size: config.length },
    layers: [],
    manifests: [],
    annotations: { name },
  });
  registry.blobs.set(ociDigestOf(config), config);
  registry.blobs.set(emptyConfig.descriptor.digest, emptyConfig.bytes);
  registry.putManifest(bytes, mediaTypes.manifest, name);
  const image: Descriptor = { mediaType: mediaTypes.manifest, digest: ociDigestOf(bytes), size: bytes.length };
  images[name] = `${registry.host}/team/app:${name}@${image.digest}`;
  if (how === undefined) return;
  const repository = parseReference(`${how === "other-place" ? elsewhere.host : registry.host}/team/app`);
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
  const { trustedRoot } = services.sigstore;
  const logged = {
    trust: { trustedRoot, signingConfig: services.signingConfig([1]) },
    nowMs: signingTimeMs,
    services: { retries: 0 },
  };
  const own =
    how === "logged" || how === "stamped" ? { signer, ...logged } : { signer, trust: { trustedRoot: nobody }, nowMs: 0 };
  if (how === "attested") {
    const statement = encodeStatement({
      ...imageStatement({ repository: "app", digest: image.digest }),
      predicateType: slsa,
      predicate,
    });
    await attachBundle({ client, repository, subject: image, nowMs: 0, bundle: await signStatement({ ...own, statement }) });
  } else if (how === "bundle" || how === "keyless" || how === "logged" || how === "stamped") {
    const token = unsignedToken({ email: fixtureIdentity.san, email_verified: true, sub: "subject" });
    const by = how === "keyless" ? { token, ...logged } : own;
    const statement = encodeStatement(imageStatement({ repository: "app", digest: image.digest }));
    await attachBundle({ client, repository, subject: image, nowMs: 0, bundle: await signStatement({ ...by, statement }) });
  } else {
    const payload = encodeSimpleSigning({ dockerReference: "app", digest: image.digest });
    const bundle = await signBlob({ ...own, artifact: { bytes: payload } });
    await attachToTag({ client, repository, image: image.digest, bundle, payload, trustedRoot: nobody });
  }
}

before(async () => {
  await threads.start();
  registry = await new MemoryRegistry({}).start();
  elsewhere = await new MemoryRegistry({}).start();
  services = await MemoryServices.start(await MemorySigstore.create());
  await push("unsigned", undefined);
  await push("tag", "tag");
  await push("bundle", "bundle");
  await push("stranger", "tag", stranger);
  await push("keyless", "keyless");
  await push("logged", "logged");
  await push("attested", "attested");
  await push("laptop", "attested", owner, { builder: { id: "laptop" } });
  await push("elsewhere", "other-place");
  await push("sha512", "tag", sha512Signer);
});
const sha512Signer = generateSigner("ecdsa-p256", { hash: "sha512" });
after(async () => {
  await registry.stop();
  await elsewhere.stop();
  await services.close();
  await threads.close();
});

interface Asked {
  readonly spec?: JsonValue;
  readonly image?: string;
  readonly parts?: Partial<PolicyParts>;
  readonly noMatchPolicy?: NoMatchPolicy;
  readonly object?: JsonValue;
  readonly policies?: readonly JsonValue[];
}

interface Told {
  readonly allowed: boolean;
  readonly warnings: readonly string[];
  readonly message: string;
  readonly codes: readonly string[];
}

function roots(): Map<string, TrustedRoot> {
  return new Map([["default", services.sigstore.trustedRoot]]);
}

async function ask({
  spec,
  image = images["tag"] ?? "",
  parts = {},
  noMatchPolicy = "deny",
  object,
  policies,
}: Asked): Promise<Told> {
  const decisions: ImageDecision[] = [];
  const objects = policies ?? [
    { apiVersion: "policy.sigstore.dev/v1beta1", kind: "ClusterImagePolicy", metadata: { name: "p" }, spec: spec ?? null },
  ];
  const all: PolicyParts = {
    secrets: new Map(),
    configMaps: new Map(),
    trustRoots: roots(),
    kmsKeys: new Map(),
    texts: new Map(),
    defaultTrustRoot: "default",
    ...parts,
  };
  const loaded = loadPolicies(objects, all, {});
  const webhook = new Webhook({
    view: () => ({ policies: loaded, noMatchPolicy, generation: 1 }),
    credentials: () => (secrets) =>
      secrets.includes("pull")
        ? fixedCredentials({ type: "password", username: "u", password: "p" })
        : () => Promise.resolve(undefined),
    registry: {},
    cache: new DecisionCache(0),
    threads,
    clock: { nowMs: () => signingTimeMs },
    logger: silentLogger,
    namespace: "own",
    failOnEmptyAuthorities: () => true,
    onDecision: (decision) => decisions.push(decision),
  });
  const review = {
    apiVersion: "admission.k8s.io/v1",
    uid: "u",
    operation: "CREATE",
    namespace: "ns",
    name: "",
    subResource: "",
    resource: "pods",
    dryRun: false,
    oldObject: null,
  };
  const answer = await webhook.answer("validations", { ...review, object: object ?? pod(image) }, 20_000);
  return {
    allowed: answer.allowed,
    warnings: answer.warnings ?? [],
    message: answer.message ?? "",
    codes: decisions.flatMap(({ codes }) => codes),
  };
}

function pod(image: string, more: { readonly [name: string]: JsonValue } = {}): JsonValue {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "pod", labels: { app: "web" } },
    spec: { containers: [{ name: "main", image }], ...more },
  };
}

const everything = [{ glob: "**" }];
const byKey = (more: { readonly [name: string]: JsonValue } = {}): JsonValue => ({
  images: everything,
  authorities: [{ key: { data: pem }, ...more }],
});
const keyless = (
  more: { readonly [name: string]: JsonValue } = {},
  identity: JsonValue = { issuer: fixtureIdentity.issuer, subject: fixtureIdentity.san },
  beside: { readonly [name: string]: JsonValue } = {},
): JsonValue => ({
  images: everything,
  authorities: [{ keyless: { url: "https://fulcio.test", identities: [identity], ...more }, ...beside }],
});
const result = (type: string, data: string, more: { readonly [name: string]: JsonValue } = {}): JsonValue => ({
  images: everything,
  authorities: [{ static: { action: "pass" } }],
  policy: { type, data, ...more },
});
const provenance = (policy: JsonValue): JsonValue => byKey({ attestations: [{ name: "slsa", predicateType: slsa, policy }] });
const secretOf = (text: string): JsonValue => ({ data: { "cosign.pub": encodeBase64(encodeUtf8(text)) } });
const ci = 'predicate: builder: id: "ci"';

const kmsKey = "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k";
const byKms: JsonValue = { images: everything, authorities: [{ key: { kms: kmsKey } }] };

/** Field, a case that is admitted, and one that is not with the code that is told. */
type Row = readonly [field: string, allow: () => Asked, deny: () => Asked, code: string];

const table: readonly Row[] = [
  [
    "images[].glob",
    () => ({ spec: byKey() }),
    () => ({ spec: { images: [{ glob: "other/**" }], authorities: [{ key: { data: pem } }] } }),
    "IMAGE_POLICY_NO_MATCH",
  ],
  [
    "mode",
    () => ({ spec: { ...Object(byKey()), mode: "warn" }, image: images["unsigned"] ?? "" }),
    () => ({ spec: { ...Object(byKey()), mode: "enforce" }, image: images["unsigned"] ?? "" }),
    "IMAGE_NO_SIGNATURES",
  ],
  [
    "match[].resource",
    () => ({
      spec: { ...Object(byKey()), match: [{ group: "apps", version: "v1", resource: "deployments" }] },
      image: images["unsigned"] ?? "",
      noMatchPolicy: "allow",
    }),
    () => ({
      spec: { ...Object(byKey()), match: [{ version: "*", resource: "pods" }] },
      image: images["unsigned"] ?? "",
      noMatchPolicy: "allow",
    }),
    "IMAGE_NO_SIGNATURES",
  ],
  [
    "match[].selector",
    () => ({
      spec: { ...Object(byKey()), match: [{ version: "v1", resource: "pods", selector: { matchLabels: { app: "db" } } }] },
      image: images["unsigned"] ?? "",
      noMatchPolicy: "allow",
    }),
    () => ({
      spec: {
        ...Object(byKey()),
        match: [
          { version: "v1", resource: "pods", selector: { matchExpressions: [{ key: "app", operator: "In", values: ["web"] }] } },
        ],
      },
      image: images["unsigned"] ?? "",
      noMatchPolicy: "allow",
    }),
    "IMAGE_NO_SIGNATURES",
  ],
  [
    "key.data",
    () => ({ spec: byKey() }),
    () => ({ spec: byKey(), image: images["stranger"] ?? "" }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "key.secretRef",
    () => ({
      spec: { images: everything, authorities: [{ key: { secretRef: { name: "key" } } }] },
      parts: { secrets: new Map([["key", secretOf(pem)]]) },
    }),
    () => ({ spec: { images: everything, authorities: [{ key: { secretRef: { name: "key" } } }] } }),
    "ADMISSION_SECRET_UNUSABLE",
  ],
  [
    "key.kms",
    () => ({ spec: byKms, parts: { kmsKeys: new Map([[kmsKey, owner.publicKey]]) } }),
    () => ({ spec: byKms }),
    "ADMISSION_KEY_UNAVAILABLE",
  ],
  [
    "key.kms, another key",
    () => ({ spec: byKms, parts: { kmsKeys: new Map([[kmsKey, owner.publicKey]]) } }),
    () => ({ spec: byKms, parts: { kmsKeys: new Map([[kmsKey, stranger.publicKey]]) } }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "key.hashAlgorithm",
    () => ({
      spec: {
        images: everything,
        authorities: [{ key: { data: encodePublicKeyPem(sha512Signer.publicKey), hashAlgorithm: "sha512" } }],
      },
      image: images["sha512"] ?? "",
    }),
    () => ({
      spec: { images: everything, authorities: [{ key: { data: encodePublicKeyPem(sha512Signer.publicKey) } }] },
      image: images["sha512"] ?? "",
    }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "keyless.identities[].subject",
    () => ({ spec: keyless(), image: images["keyless"] ?? "" }),
    () => ({
      spec: keyless({}, { issuer: fixtureIdentity.issuer, subject: "eve@sigstore.test" }),
      image: images["keyless"] ?? "",
    }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "keyless.identities[].issuer",
    () => ({ spec: keyless(), image: images["keyless"] ?? "" }),
    () => ({ spec: keyless({}, { issuer: "https://other.test", subject: fixtureIdentity.san }), image: images["keyless"] ?? "" }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "keyless.identities[].subjectRegExp, issuerRegExp",
    () => ({ spec: keyless({}, { issuerRegExp: "issuer", subjectRegExp: "^dev@.*$" }), image: images["keyless"] ?? "" }),
    () => ({ spec: keyless({}, { issuerRegExp: "issuer", subjectRegExp: "^eve@.*$" }), image: images["keyless"] ?? "" }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "keyless.trustRootRef",
    () => ({ spec: keyless({ trustRootRef: "default" }), image: images["keyless"] ?? "" }),
    () => ({ spec: keyless({ trustRootRef: "absent" }), image: images["keyless"] ?? "" }),
    "ADMISSION_TRUST_ROOT_UNAVAILABLE",
  ],
  [
    "keyless.insecureIgnoreSCT",
    () => ({
      spec: keyless({ insecureIgnoreSCT: true, trustRootRef: "bare" }, undefined, { ctlog: { trustRootRef: "bare" } }),
      image: images["keyless"] ?? "",
      parts: { trustRoots: bare() },
    }),
    () => ({
      spec: keyless({ trustRootRef: "bare" }, undefined, { ctlog: { trustRootRef: "bare" } }),
      image: images["keyless"] ?? "",
      parts: { trustRoots: bare() },
    }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "keyless.ca-cert",
    () => ({ spec: caCert(services.sigstore.trustedRoot), image: images["keyless"] ?? "" }),
    () => ({
      spec: caCert({
        ...services.sigstore.trustedRoot,
        certificateAuthorities: services.sigstore.trustedRoot.timestampAuthorities,
      }),
      image: images["keyless"] ?? "",
    }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "ctlog",
    () => ({ spec: byKey({ ctlog: { url: "https://rekor.test" } }), image: images["logged"] ?? "" }),
    () => ({ spec: byKey({ ctlog: { url: "https://rekor.test" } }), image: images["bundle"] ?? "" }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "ctlog.trustRootRef",
    () => ({ spec: byKey({ ctlog: { trustRootRef: "default" } }), image: images["logged"] ?? "" }),
    () => ({
      spec: byKey({ ctlog: { trustRootRef: "none" } }),
      image: images["logged"] ?? "",
      parts: { trustRoots: new Map([["none", nobody]]) },
    }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "rfc3161timestamp.trustRootRef",
    () => ({ spec: keyless({}, undefined, { rfc3161timestamp: { trustRootRef: "default" } }), image: images["keyless"] ?? "" }),
    () => ({ spec: byKey({ rfc3161timestamp: { trustRootRef: "default" } }), image: images["bundle"] ?? "" }),
    "IMAGE_NO_MATCHING_SIGNATURE",
  ],
  [
    "source[].oci",
    () => ({ spec: byKey({ source: [{ oci: `${elsewhere.host}/team/app` }] }), image: images["elsewhere"] ?? "" }),
    () => ({ spec: byKey(), image: images["elsewhere"] ?? "" }),
    "IMAGE_NO_SIGNATURES",
  ],
  [
    "source[].tagPrefix",
    () => ({ spec: byKey({ source: [{ tagPrefix: "" }] }) }),
    () => ({ spec: byKey({ source: [{ tagPrefix: "other-" }] }) }),
    "IMAGE_NO_SIGNATURES",
  ],
  [
    "attestations[].predicateType",
    () => ({ spec: byKey({ attestations: [{ name: "slsa", predicateType: slsa }] }), image: images["attested"] ?? "" }),
    () => ({
      spec: byKey({ attestations: [{ name: "sbom", predicateType: "https://spdx.dev/Document" }] }),
      image: images["attested"] ?? "",
    }),
    "IMAGE_POLICY_ATTESTATION_REFUSED",
  ],
  [
    "attestations[].policy.data",
    () => ({ spec: provenance({ type: "cue", data: ci }), image: images["attested"] ?? "" }),
    () => ({ spec: provenance({ type: "cue", data: ci }), image: images["laptop"] ?? "" }),
    "IMAGE_POLICY_ATTESTATION_REFUSED",
  ],
  [
    "attestations[].policy.configMapRef",
    () => ({
      spec: provenance({ type: "cue", configMapRef: { name: "c", key: "k" } }),
      image: images["attested"] ?? "",
      parts: { configMaps: new Map([["c", { data: { k: ci } }]]) },
    }),
    () => ({ spec: provenance({ type: "cue", configMapRef: { name: "c", key: "k" } }), image: images["attested"] ?? "" }),
    "ADMISSION_SECRET_UNUSABLE",
  ],
  [
    "attestations[].policy.remote",
    () => ({
      spec: provenance({ type: "cue", remote: { url: "https://p.test/p", sha256sum: "0".repeat(64) } }),
      image: images["attested"] ?? "",
      parts: { texts: new Map([[`${"0".repeat(64)} https://p.test/p`, ci]]) },
    }),
    () => ({
      spec: provenance({ type: "cue", remote: { url: "https://p.test/p", sha256sum: "0".repeat(64) } }),
      image: images["attested"] ?? "",
    }),
    "ADMISSION_POLICY_TEXT_UNAVAILABLE",
  ],
  [
    "static",
    () => ({ spec: { images: everything, authorities: [{ static: { action: "pass" } }] }, image: images["unsigned"] ?? "" }),
    () => ({ spec: { images: everything, authorities: [{ static: { action: "fail", message: "closed" } }] } }),
    "IMAGE_POLICY_STATIC_FAIL",
  ],
  [
    "signatureFormat: legacy",
    () => ({ spec: byKey({ signatureFormat: "legacy" }) }),
    () => ({ spec: byKey({ signatureFormat: "legacy" }), image: images["bundle"] ?? "" }),
    "IMAGE_NO_SIGNATURES",
  ],
  [
    "signatureFormat: bundle",
    () => ({ spec: byKey({ signatureFormat: "bundle" }), image: images["bundle"] ?? "" }),
    () => ({ spec: byKey({ signatureFormat: "bundle" }) }),
    "IMAGE_NO_SIGNATURES",
  ],
  [
    "policy",
    () => ({ spec: result("cue", 'authorityMatches: "authority-0": static: true') }),
    () => ({ spec: result("rego", "package sigstore\nisCompliant { input.authorityMatches.other }") }),
    "IMAGE_POLICY_RESULT_REFUSED",
  ],
  [
    "policy.fetchConfigFile",
    () => ({ spec: result("cue", 'config: "linux/amd64": config: User: "tag"', { fetchConfigFile: true }) }),
    () => ({ spec: result("cue", 'config: "linux/amd64": config: User: "root"', { fetchConfigFile: true }) }),
    "IMAGE_POLICY_RESULT_REFUSED",
  ],
  [
    "policy.includeSpec",
    () => ({
      spec: result("rego", 'package sigstore\nisCompliant { input.spec.containers[0].name == "main" }', { includeSpec: true }),
    }),
    () => ({ spec: result("rego", 'package sigstore\nisCompliant { input.spec.containers[0].name == "main" }') }),
    "IMAGE_POLICY_RESULT_REFUSED",
  ],
  [
    "policy.includeObjectMeta",
    () => ({ spec: result("cue", 'metadata: labels: app: "web"', { includeObjectMeta: true }) }),
    () => ({ spec: result("cue", 'metadata: labels: app: "db"', { includeObjectMeta: true }) }),
    "IMAGE_POLICY_RESULT_REFUSED",
  ],
  [
    "policy.includeTypeMeta",
    () => ({ spec: result("cue", 'typemeta: kind: "Pod"', { includeTypeMeta: true }) }),
    () => ({ spec: result("cue", 'typemeta: kind: "Job"', { includeTypeMeta: true }) }),
    "IMAGE_POLICY_RESULT_REFUSED",
  ],
];

function bare(): Map<string, TrustedRoot> {
  return new Map([["bare", { ...services.sigstore.trustedRoot, ctlogs: [] }]]);
}

function caCert(root: TrustedRoot): JsonValue {
  const chain = (root.certificateAuthorities[0]?.chain ?? []).map(({ der }) => encodePem("CERTIFICATE", der)).join("");
  return {
    images: everything,
    authorities: [
      { keyless: { "ca-cert": { data: chain }, identities: [{ issuer: fixtureIdentity.issuer, subject: fixtureIdentity.san }] } },
    ],
  };
}

describe("each field of a ClusterImagePolicy", () => {
  for (const [field, allow, deny, code] of table)
    it(`${field}: admits, and refuses with ${code}`, async () => {
      const admitted = await ask(allow());
      assert.equal(admitted.allowed, true, admitted.message);
      const refused = await ask(deny());
      assert.equal(refused.allowed, false);
      assert.deepEqual(refused.codes.slice(-1), [code], refused.message);
    });

  it("signaturePullSecrets: used for the signatures' registry, and refused where it is missing", async () => {
    const locked = await new MemoryRegistry({ auth: "basic" }).start();
    try {
      const spec = byKey({ source: [{ oci: `${locked.host}/signatures`, signaturePullSecrets: [{ name: "none" }] }] });
      const refused = await ask({ spec });
      assert.deepEqual(refused.codes, ["OCI_UNAUTHORIZED"]);
    } finally {
      await locked.stop();
    }
  });

  it("an authority is enough, all policies are needed, and the sentence names everything", async () => {
    const two = [{ key: { data: encodePublicKeyPem(stranger.publicKey) } }, { name: "ours", key: { data: pem } }];
    assert.equal((await ask({ spec: { images: everything, authorities: two } })).allowed, true);
    const policies = ["a", "b"].map((name) => ({
      apiVersion: "policy.sigstore.dev/v1alpha1",
      kind: "ClusterImagePolicy",
      metadata: { name },
      spec: {
        images: everything,
        authorities: [{ name: `of-${name}`, key: { data: name === "a" ? pem : encodePublicKeyPem(stranger.publicKey) } }],
      },
    }));
    const { allowed, message } = await ask({ policies });
    assert.equal(allowed, false);
    assert.match(
      message,
      /^validation failed: spec\.containers\[0\]\.image: failed policy: b: image \S+: authority of-b: Cannot verify \S+: /,
    );
    assert.doesNotMatch(message, /failed policy: a/);
  });

  it("names the identity that signed and the one that was wanted", async () => {
    const spec = keyless({}, { issuer: fixtureIdentity.issuer, subject: "eve@sigstore.test" });
    const { message } = await ask({ spec, image: images["keyless"] ?? "" });
    assert.match(message, /it is by dev@sigstore\.test of https:\/\/issuer\.sigstore\.test, expected eve@sigstore\.test of /);
    assert.ok(message.includes("IMAGE_POLICY_IDENTITY_MISMATCH"));
  });

  it("init, ephemeral and volume images are judged as well", async () => {
    const unsigned = images["unsigned"] ?? "";
    for (const more of [
      { initContainers: [{ name: "i", image: unsigned }] },
      { ephemeralContainers: [{ name: "e", image: unsigned }] },
      { volumes: [{ name: "v", image: { reference: unsigned } }] },
    ]) {
      const { allowed, message } = await ask({ spec: byKey(), object: pod(images["tag"] ?? "", more) });
      assert.equal(allowed, false, JSON.stringify(more));
      assert.ok(message.includes(Object.keys(more)[0] ?? "?"));
    }
    assert.equal(readWorkload({ kind: "ConfigMap" }), undefined);
  });
});

describe("ways in which the original lets images in", () => {
  it("(a) a fault that is none of its own errors ends in no error: here it refuses", async () => {
    const webhook = new Webhook({
      view: () => {
        throw new TypeError("a defect");
      },
      credentials: () => () => () => Promise.resolve(undefined),
      registry: {},
      cache: new DecisionCache(0),
      threads,
      clock: { nowMs: () => 0 },
      logger: silentLogger,
      namespace: "own",
      failOnEmptyAuthorities: () => true,
    });
    const review = {
      apiVersion: "admission.k8s.io/v1",
      uid: "u",
      operation: "CREATE",
      namespace: "ns",
      name: "",
      subResource: "",
      resource: "pods",
      dryRun: false,
      oldObject: null,
    };
    const answer = await webhook.answer("validations", { ...review, object: pod("x") }, 1000);
    assert.equal(answer.allowed, false);
  });
  it("(b) attestations found through referrers count without a signature check: here they are verified", async () => {
    const spec = {
      images: everything,
      authorities: [
        { key: { data: encodePublicKeyPem(stranger.publicKey) }, attestations: [{ name: "slsa", predicateType: slsa }] },
      ],
    };
    const { allowed, codes } = await ask({ spec, image: images["attested"] ?? "" });
    assert.deepEqual([allowed, codes], [false, ["IMAGE_NO_MATCHING_ATTESTATION"]]);
  });
  it("(c) a policy that does not compile is dropped: here it refuses what it is for, and everything where that cannot be told", async () => {
    const broken = { images: [{ glob: "**/team/**" }], authorities: [{ key: { data: "x" } }] };
    for (const spec of [broken, { images: [{ glob: "[" }] }, null]) {
      const { allowed, codes } = await ask({ spec, noMatchPolicy: "allow" });
      assert.deepEqual([allowed, codes], [false, ["ADMISSION_POLICY_MALFORMED"]]);
    }
    const elsewhere = { ...broken, images: [{ glob: "other/**" }] };
    assert.equal((await ask({ spec: elsewhere, noMatchPolicy: "allow" })).allowed, true);
  });
  it("(d) of a TrustRoot's wrong keys only the last is told: here each is, and none of it is used", async () => {
    const { readTrustRoot } = await import("../image-policy/index.ts");
    const wrong = { baseURL: "https://log.test", hashAlgorithm: "sha-256", publicKey: encodeBase64(encodeUtf8("x")) };
    const right = { ...wrong, publicKey: encodeBase64(encodeUtf8(pem)) };
    const object = {
      apiVersion: "policy.sigstore.dev/v1alpha1",
      kind: "TrustRoot",
      metadata: { name: "r" },
      spec: { sigstoreKeys: { tLogs: [wrong, right], ctLogs: [wrong, right] } },
    };
    const { trustRoot, problems } = readTrustRoot(object);
    assert.equal(trustRoot, undefined);
    assert.deepEqual(
      problems.map(({ path, code }) => [path, code]),
      [
        ["spec.sigstoreKeys.tLogs[0].publicKey", "IMAGE_POLICY_TRUST_ROOT_MALFORMED"],
        ["spec.sigstoreKeys.ctLogs[0].publicKey", "IMAGE_POLICY_TRUST_ROOT_MALFORMED"],
      ],
    );
  });
  it("(e) with a key and no ctlog the log is not looked at: here an entry of a known log must verify", async () => {
    assert.equal((await ask({ spec: byKey(), image: images["logged"] ?? "" })).allowed, true);
    const { trustedRoot } = services.sigstore;
    // the same logs by name, with other keys behind them: what is there and known must be right
    const forged = { ...trustedRoot, tlogs: trustedRoot.tlogs.map((log) => ({ ...log, publicKey: stranger.publicKey })) };
    const { allowed, codes } = await ask({
      spec: byKey(),
      image: images["logged"] ?? "",
      parts: { trustRoots: new Map([["default", forged]]) },
    });
    assert.deepEqual([allowed, codes], [false, ["IMAGE_NO_MATCHING_SIGNATURE"]]);
    assert.equal((await ask({ spec: byKey(), image: images["logged"] ?? "", parts: { trustRoots: new Map() } })).allowed, true);
  });
  it("a scale-down with a new image passes: here only one with the same images does", async () => {
    const deployment = (replicas: number, image: string): JsonValue => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d" },
      spec: { replicas, template: { spec: { containers: [{ name: "m", image }] } } },
    });
    const { isScaleDown } = await import("./workload.ts");
    assert.equal(isScaleDown(deployment(1, "a"), deployment(2, "a")), true);
    assert.equal(isScaleDown(deployment(1, "b"), deployment(2, "a")), false);
    assert.equal(isScaleDown(deployment(2, "a"), deployment(1, "a")), false);
  });
  it("warn mode does not loosen a policy that cannot be read", async () => {
    const { allowed } = await ask({ spec: { mode: "warn", images: everything, authorities: [] } });
    assert.equal(allowed, false);
  });
});
