import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeStatement } from "../attestation/index.ts";
import { type Bundle, bundleMediaType } from "../bundle/index.ts";
import {
  type Descriptor,
  emptyConfig,
  encodeManifest,
  fetchManifest,
  listReferrers,
  type Manifest,
  mediaTypes,
  type OciDigest,
  ociDigestOf,
  parseReference,
  pushBlob,
  pushReferrer,
  type Reference,
  RegistryClient,
} from "../oci/index.ts";
import {
  fixtureIdentity,
  MemoryRegistry,
  MemorySigstore,
  type Recipe,
  type RegistryQuirks,
  signingTimeMs,
} from "../testing/index.ts";
import { attachBundle, findBundles, imageStatement, type VerifiedImage, verifyImage } from "./index.ts";

const manifest: Manifest = {
  mediaType: mediaTypes.manifest,
  config: emptyConfig.descriptor,
  layers: [],
  manifests: [],
  annotations: {},
};
const sigstore = await MemorySigstore.create();

interface Setting {
  readonly registry: MemoryRegistry;
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly subject: Descriptor;
  /** Sign the image as the recipe says. */
  sign(recipe?: Recipe): Promise<Bundle>;
  attach(bundle: Bundle): Promise<Descriptor>;
  verify(identity?: { san: string; issuer: string }): Promise<VerifiedImage>;
}

async function withImage(quirks: RegistryQuirks, use: (setting: Setting) => Promise<void>): Promise<void> {
  const registry = await new MemoryRegistry(quirks).start();
  try {
    const bytes = encodeManifest(manifest);
    registry.putManifest(bytes, manifest.mediaType, "v1");
    const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
    const reference = parseReference(`${registry.host}/app:v1`);
    const subject: Descriptor = { mediaType: manifest.mediaType, digest: ociDigestOf(bytes), size: bytes.length };
    await use({
      registry,
      client,
      reference,
      subject,
      sign: async (recipe = {}) =>
        (await sigstore.sign({ content: "envelope", payload: () => payload(subject.digest), ...recipe })).bundle,
      attach: (bundle) => attachBundle({ client, repository: reference, subject, bundle, nowMs: signingTimeMs }),
      verify: (identity = fixtureIdentity) =>
        verifyImage({ client, reference, trustedRoot: sigstore.trustedRoot, expectations: { identity } }),
    });
  } finally {
    await registry.stop();
  }
}

function payload(digest: OciDigest): Uint8Array {
  return encodeStatement(imageStatement({ repository: "registry/app", digest, annotations: { release: "1" } }));
}

describe("attachBundle", () => {
  it("pushes the manifest that cosign 3 pushes", async () => {
    await withImage({}, async ({ attach, sign, client, reference, subject }) => {
      const attached = await attach(await sign());
      const { manifest: found } = await fetchManifest(client, reference, attached.digest);
      assert.equal(found.mediaType, mediaTypes.manifest);
      assert.equal(found.artifactType, bundleMediaType);
      assert.deepEqual(found.config, emptyConfig.descriptor);
      assert.deepEqual(
        found.layers.map((layer) => layer.mediaType),
        [bundleMediaType],
      );
      assert.deepEqual(found.subject, subject);
      assert.deepEqual(found.annotations, {
        "org.opencontainers.image.created": new Date(signingTimeMs).toISOString().replace(".000", ""),
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
      });
      const [listed] = await listReferrers(client, reference, subject.digest, bundleMediaType);
      assert.deepEqual(listed, { ...attached, annotations: found.annotations });
    });
  });
});

describe("verifyImage", () => {
  it("asks for what it needs once: the manifest, who refers to it, the bundle; and of a tag whether it moved", async () => {
    await withImage({}, async ({ attach, sign, verify, registry, client, reference, subject }) => {
      const attached = await attach(await sign());
      const [blob] = (await fetchManifest(client, reference, attached.digest)).manifest.layers;
      const read = [`referrers/${subject.digest}`, `manifests/${attached.digest}`, `blobs/${blob?.digest}`].map(
        (path) => `GET /v2/app/${path}`,
      );
      registry.requests.length = 0;
      await verify();
      assert.deepEqual(registry.requests, ["GET /v2/app/manifests/v1", ...read, "HEAD /v2/app/manifests/v1"]);
      registry.requests.length = 0;
      const expectations = { identity: fixtureIdentity };
      const byDigest = { registry: reference.registry, name: reference.name, digest: subject.digest };
      await verifyImage({ client, reference: byDigest, trustedRoot: sigstore.trustedRoot, expectations });
      assert.deepEqual(registry.requests, [`GET /v2/app/manifests/${subject.digest}`, ...read]);
    });
  });
  for (const quirks of [{}, { noReferrersApi: true }] satisfies RegistryQuirks[]) {
    it(`proves who signed the digest the tag names, on a registry with ${JSON.stringify(quirks)}`, async () => {
      await withImage(quirks, async ({ attach, sign, verify, subject }) => {
        for (const log of ["v1", "v2"] as const) await attach(await sign({ log }));
        const found = await verify();
        assert.equal(found.image.digest, subject.digest);
        assert.equal(found.signatures.length, 2);
        assert.equal(found.signatures[0]?.verified.identity?.san, fixtureIdentity.san);
        assert.deepEqual(found.rejected, []);
      });
    });
  }

  it("says IMAGE_NO_SIGNATURES only when the registry was asked", async () => {
    await withImage({}, async ({ verify }) => {
      await assert.rejects(verify(), { code: "IMAGE_NO_SIGNATURES", kind: "verification" });
    });
    for (const referrersStatus of [429, 500, 403]) {
      await withImage({ referrersStatus }, async ({ verify }) => {
        await assert.rejects(verify(), { kind: "unavailable" }, String(referrersStatus));
      });
    }
  });

  it("refuses a signature by another identity or issuer, about another image, or of another kind", async () => {
    await withImage({}, async ({ attach, sign, verify }) => {
      await attach(await sign());
      await assert.rejects(verify({ ...fixtureIdentity, san: "eve@sigstore.test" }), {
        code: "IMAGE_NO_MATCHING_SIGNATURE",
        found: `"${fixtureIdentity.san}"`,
      });
      await assert.rejects(verify({ ...fixtureIdentity, issuer: "https://other.test" }), { code: "IMAGE_NO_MATCHING_SIGNATURE" });
    });
    await withImage({}, async ({ attach, sign, verify }) => {
      await attach(await sign({ payload: () => payload(ociDigestOf(new Uint8Array(1))) }));
      await assert.rejects(
        verify(),
        (error: Error) =>
          Reflect.get(error, "code") === "IMAGE_NO_MATCHING_SIGNATURE" &&
          Reflect.get(Object(error.cause), "code") === "SUBJECT_MISMATCH",
      );
    });
    await withImage({}, async ({ attach, sign, verify, subject }) => {
      const statement = {
        ...imageStatement({ repository: "r", digest: subject.digest }),
        predicateType: "https://spdx.dev/Document",
      };
      await attach(await sign({ payload: () => encodeStatement(statement) }));
      await assert.rejects(verify(), { code: "IMAGE_NO_SIGNATURES", message: /1 other attestation refers to it/ });
      await attach(await sign());
      const found = await verify();
      assert.deepEqual(
        found.rejected.map(({ error }) => error.code),
        ["IMAGE_PREDICATE_UNEXPECTED"],
      );
    });
  });

  it("passes over what calls itself a bundle and is none, and does not pass it off as a signature", async () => {
    await withImage({}, async ({ attach, sign, verify, client, reference, subject }) => {
      const layer = await pushBlob(client, reference, new TextEncoder().encode("{}"), bundleMediaType);
      await pushBlob(client, reference, emptyConfig.bytes, mediaTypes.empty);
      await pushReferrer(client, reference, { ...manifest, artifactType: bundleMediaType, layers: [layer], subject });
      await pushReferrer(client, reference, { ...manifest, artifactType: bundleMediaType, layers: [layer, layer], subject });
      await pushReferrer(client, reference, { ...manifest, artifactType: "text/spdx", layers: [layer], subject });
      await assert.rejects(verify(), { code: "IMAGE_NO_MATCHING_SIGNATURE" });
      const found = await findBundles(client, reference, subject.digest);
      assert.ok(found.some((one) => "error" in one && one.error.code === "IMAGE_BUNDLE_MALFORMED"));
      await attach(await sign());
      assert.equal((await verify()).rejected.length, 2);
    });
  });

  it("calls the answer unavailable when a bundle that may be the signature cannot be read", async () => {
    const quirks: RegistryQuirks = {};
    await withImage(quirks, async ({ attach, sign, verify, registry, reference, client, subject }) => {
      await attach(await sign());
      const [found] = await findBundles(client, reference, subject.digest);
      assert.ok(found !== undefined && "bundle" in found);
      for (const [digest, bytes] of [...registry.blobs]) if (bytes.length > 2) registry.blobs.set(digest, bytes.subarray(0, 100));
      await assert.rejects(verify(), { code: "IMAGE_NO_MATCHING_SIGNATURE" });
      quirks.auth = "basic";
      await assert.rejects(verify(), { code: "OCI_UNAUTHORIZED", kind: "unavailable" });
    });
  });

  it("reads at most a thousand bundles", async () => {
    await withImage({ noReferrersApi: true }, async ({ verify, registry, subject }) => {
      const entry = { ...subject, artifactType: bundleMediaType };
      const index: Manifest = {
        mediaType: mediaTypes.index,
        layers: [],
        manifests: Array.from({ length: 1_001 }, () => entry),
        annotations: {},
      };
      registry.putManifest(encodeManifest(index), mediaTypes.index, subject.digest.replace(":", "-"));
      await assert.rejects(verify(), { code: "IMAGE_TOO_MANY_BUNDLES", kind: "unavailable" });
    });
  });
});
