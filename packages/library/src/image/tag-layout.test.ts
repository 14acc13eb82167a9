// Signatures and attestations in the tag layout: written, read back, refused one cause at a time; then copied and kept in directories.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Envelope, encodeEnvelope, encodeStatement, preAuthenticationEncoding } from "../attestation/index.ts";
import { type Bundle, bundleMediaType } from "../bundle/index.ts";
import { encodeUtf8, isSigillumError, parseUtf8 } from "../encoding/index.ts";
import {
  type Descriptor,
  emptyConfig,
  encodeManifest,
  type Manifest,
  mediaTypes,
  type OciDigest,
  ociDigestOf,
  parseReference,
  type Reference,
  RegistryClient,
} from "../oci/index.ts";
import { signBlob, signStatement } from "../signing/index.ts";
import {
  fixtureIdentity,
  generateSigner,
  MemoryRegistry,
  MemoryServices,
  MemorySigstore,
  type RegistryQuirks,
  signingTimeMs,
  unsignedToken,
} from "../testing/index.ts";
import {
  appendTagLayer,
  attachBundle,
  attachmentTag,
  attachToTag,
  bundleOfLayer,
  copyImage,
  directorySource,
  encodeSimpleSigning,
  envelopeMediaType,
  type ImageQuestion,
  imageStatement,
  layerAnnotations,
  listAttachments,
  loadImage,
  parseSimpleSigning,
  saveImage,
  simpleSigningMediaType,
  type VerifiedImage,
  verifyImage,
  verifyImageAttestations,
} from "./index.ts";

const manifest: Manifest = {
  mediaType: mediaTypes.manifest,
  config: emptyConfig.descriptor,
  layers: [],
  manifests: [],
  annotations: {},
};
const nobody = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const token = unsignedToken({ email: fixtureIdentity.san, email_verified: true, sub: "subject" });
const cyclonedx = "https://cyclonedx.org/bom";

let services: MemoryServices;
before(async () => {
  services = await MemoryServices.start(await MemorySigstore.create());
});
after(() => services.close());

interface Setting {
  readonly registry: MemoryRegistry;
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly image: Descriptor;
  sign(options?: { digest?: OciDigest; annotations?: Record<string, string>; log?: 1 | 2 }): Promise<void>;
  verify(edits?: Partial<ImageQuestion>): Promise<VerifiedImage>;
}

async function withImage(quirks: RegistryQuirks, use: (setting: Setting) => Promise<void>): Promise<void> {
  const registry = await new MemoryRegistry(quirks).start();
  try {
    const bytes = encodeManifest(manifest);
    registry.putManifest(bytes, manifest.mediaType, "v1");
    registry.blobs.set(emptyConfig.descriptor.digest, emptyConfig.bytes);
    const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
    const reference = parseReference(`${registry.host}/app:v1`);
    const image: Descriptor = { mediaType: manifest.mediaType, digest: ociDigestOf(bytes), size: bytes.length };
    const { trustedRoot } = services.sigstore;
    await use({
      registry,
      client,
      reference,
      image,
      sign: async ({ digest = image.digest, annotations = {}, log = 1 } = {}) => {
        const payload = encodeSimpleSigning({ dockerReference: "registry/app", digest, annotations });
        const bundle = await signBlob({ ...signing(log), artifact: { bytes: payload } });
        await attachToTag({ client, repository: reference, image: image.digest, bundle, payload, trustedRoot });
      },
      verify: (edits = {}) =>
        verifyImage({ client, reference, trustedRoot, expectations: { identity: fixtureIdentity }, ...edits }),
    });
  } finally {
    await registry.stop();
  }
}

function signing(log: 1 | 2): Parameters<typeof signStatement>[0] {
  const trust = { trustedRoot: services.sigstore.trustedRoot, signingConfig: services.signingConfig([log]) };
  return { token, trust, nowMs: signingTimeMs, services: { retries: 0 }, statement: new Uint8Array() };
}

async function attestation(digest: OciDigest, predicateType: string): Promise<Bundle> {
  const statement = encodeStatement({ ...imageStatement({ repository: "r", digest }), predicateType, predicate: { a: 1 } });
  return await signStatement({ ...signing(1), statement });
}

const refused = async (code: string, cause: string, attempt: Promise<unknown>): Promise<void> => {
  await assert.rejects(attempt, (error) => {
    assert.ok(isSigillumError(error), String(error));
    assert.equal(error.code, code, error.message);
    if (cause !== "") assert.equal(Reflect.get(Object(error.cause), "code"), cause, String(error.cause));
    return true;
  });
};

describe("simple signing", () => {
  it("writes the bytes that Go writes, and reads them whatever the case of names", () => {
    const digest = ociDigestOf(new Uint8Array());
    const bytes = encodeSimpleSigning({ dockerReference: "r/app", digest, annotations: { z: "<&>", a: "1" } });
    assert.equal(
      parseUtf8(bytes),
      `{"critical":{"identity":{"docker-reference":"r/app"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},"optional":{"a":"1","z":"\\u003c\\u0026\\u003e"}}`,
    );
    assert.deepEqual(parseSimpleSigning(bytes).optional, { a: "1", z: "<&>" });
    const old = `{"Critical":{"Identity":{"docker-reference":""},"Image":{"Docker-manifest-digest":"${digest}"},"Type":"x"},"Optional":null}`;
    assert.equal(parseSimpleSigning(encodeUtf8(old)).digest, digest);
    for (const bad of ["", "[]", '{"critical":{}}', '{"critical":{"image":{"docker-manifest-digest":1}}}'])
      assert.throws(() => parseSimpleSigning(encodeUtf8(bad)), { code: "IMAGE_PAYLOAD_MALFORMED" });
  });
});

describe("verifyImage in the tag layout", () => {
  it("proves who signed, with annotations; a second signature is appended, the same one is not", async () => {
    await withImage({ noReferrersApi: true }, async ({ sign, verify, registry, image }) => {
      await sign({ annotations: { release: "1" } });
      await sign({ annotations: { release: "2" } });
      const found = await verify({ annotations: { release: "2" } });
      assert.deepEqual([found.signatures.length, found.rejected.length], [1, 1]);
      assert.equal(found.signatures[0]?.layout, "tag");
      assert.equal(found.signatures[0]?.verified.identity?.san, fixtureIdentity.san);
      const stored = registry.manifests.get(registry.tags.get(attachmentTag(image.digest, "sig")) ?? "");
      assert.equal(JSON.parse(parseUtf8(stored?.bytes ?? new Uint8Array())).layers.length, 2);
    });
  });

  it("refuses what is for another image, by another signer, or without a demanded annotation", async () => {
    await withImage({}, async ({ sign, verify }) => {
      await sign({ digest: ociDigestOf(new Uint8Array(1)) });
      await refused("IMAGE_NO_MATCHING_SIGNATURE", "IMAGE_DIGEST_UNEXPECTED", verify());
      assert.equal((await verify({ checkClaims: false })).signatures.length, 1);
    });
    await withImage({}, async ({ sign, verify }) => {
      await sign();
      const eve = { identity: { ...fixtureIdentity, san: "eve@sigstore.test" } };
      await refused("IMAGE_NO_MATCHING_SIGNATURE", "SUBJECT_ALT_NAME_MISMATCH", verify({ expectations: eve }));
      await refused("IMAGE_NO_MATCHING_SIGNATURE", "IMAGE_ANNOTATION_MISSING", verify({ annotations: { release: "1" } }));
      const key = { publicKey: generateSigner().publicKey };
      await refused("IMAGE_NO_MATCHING_SIGNATURE", "IDENTITY_EXPECTED", verify({ expectations: key }));
    });
  });

  it("says IMAGE_NO_CERTIFICATE for a key's signature where an identity is expected", async () => {
    await withImage({}, async ({ verify, client, reference, image }) => {
      const signer = generateSigner();
      const payload = encodeSimpleSigning({ dockerReference: "r", digest: image.digest });
      const bundle = await signBlob({ signer, trust: { trustedRoot: nobody }, nowMs: 0, artifact: { bytes: payload } });
      await attachToTag({ client, repository: reference, image: image.digest, bundle, payload, trustedRoot: nobody });
      await refused("IMAGE_NO_CERTIFICATE", "PUBLIC_KEY_EXPECTED", verify());
      const expectations = { publicKey: signer.publicKey, thresholds: { logEntries: 0 } };
      assert.equal((await verify({ expectations, trustedRoot: nobody })).signatures.length, 1);
    });
  });

  it("refuses a layer without signature, or whose payload is none", async () => {
    await withImage({}, async ({ verify, client, reference, image, sign, registry }) => {
      const tag = attachmentTag(image.digest, "sig");
      const layer = { bytes: encodeUtf8("{}"), mediaType: simpleSigningMediaType, annotations: {} };
      await appendTagLayer({ client, repository: reference, tag, layer });
      await refused("IMAGE_NO_MATCHING_SIGNATURE", "IMAGE_LAYER_MALFORMED", verify());
      await sign();
      assert.equal((await verify()).signatures.length, 1);
      registry.quirks.referrersStatus = 429;
      await refused("OCI_RATE_LIMITED", "", verify());
    });
  });

  it("does not write a signature whose log gave no promise", async () => {
    await withImage({}, async ({ sign }) => {
      await refused("IMAGE_LAYOUT_NEEDS_PROMISE", "", sign({ log: 2 }));
    });
  });

  it("gives up when others keep overwriting the tag, and above a thousand layers", async () => {
    const quirks: RegistryQuirks = {};
    await withImage(quirks, async ({ registry, sign, client, reference, image }) => {
      const tag = attachmentTag(image.digest, "sig");
      quirks.conditional = true;
      let count = 0;
      quirks.beforeTag = (name) => {
        count += 1;
        registry.putManifest(encodeManifest({ ...manifest, annotations: { count: String(count) } }), manifest.mediaType, name);
      };
      await sign().then(
        () => undefined,
        () => undefined,
      );
      await refused("IMAGE_TAG_CONFLICT", "", sign());
      delete quirks.beforeTag;
      const layers = Array.from({ length: 1_001 }, () => ({ ...emptyConfig.descriptor, mediaType: simpleSigningMediaType }));
      registry.putManifest(encodeManifest({ ...manifest, layers }), manifest.mediaType, tag);
      await refused("IMAGE_TOO_MANY_BUNDLES", "", sign());
      await refused(
        "IMAGE_TOO_MANY_BUNDLES",
        "",
        verifyImage({ client, reference, trustedRoot: nobody, expectations: { identity: fixtureIdentity } }),
      );
    });
  });
});

describe("verifyImageAttestations", () => {
  it("takes the wanted predicate type in either layout, and no signature for one", async () => {
    await withImage({}, async ({ client, reference, image, sign }) => {
      const { trustedRoot } = services.sigstore;
      const verify = (...types: string[]): Promise<VerifiedImage> =>
        verifyImageAttestations({ client, reference, trustedRoot, expectations: { identity: fixtureIdentity } }, types);
      await sign();
      await refused("IMAGE_NO_ATTESTATIONS", "", verify(cyclonedx));
      const bundle = await attestation(image.digest, cyclonedx);
      await attachToTag({ client, repository: reference, image: image.digest, bundle, trustedRoot });
      await attachBundle({ client, repository: reference, subject: image, bundle, nowMs: signingTimeMs });
      assert.deepEqual(
        (await verify(cyclonedx)).signatures.map(({ layout }) => layout),
        ["bundle", "tag"],
      );
      await refused("IMAGE_NO_MATCHING_ATTESTATION", "", verify("https://slsa.dev/provenance/v1"));
      const other = await attestation(ociDigestOf(new Uint8Array(2)), "https://spdx.dev/Document");
      await attachToTag({ client, repository: reference, image: image.digest, bundle: other, trustedRoot, replace: true });
      await refused("IMAGE_NO_MATCHING_ATTESTATION", "SUBJECT_MISMATCH", verify("https://spdx.dev/Document"));
    });
  });
});

describe("attestations of cosign 1.3", () => {
  it("are read though their payload type is their predicate type, in the tag layout alone", async () => {
    const signer = generateSigner();
    const old = "cosign.sigstore.dev/attestation/v1";
    const envelopeOf = async (image: OciDigest, payloadType: string): Promise<Envelope> => {
      const payload = encodeStatement({
        ...imageStatement({ repository: "r", digest: image }),
        predicateType: old,
        predicate: {},
      });
      return {
        payload,
        payloadType,
        signatures: [{ keyid: "", sig: await signer.sign(preAuthenticationEncoding(payloadType, payload)) }],
      };
    };
    const expectations = { publicKey: signer.publicKey, thresholds: { logEntries: 0 } };
    const attempt = (payloadType: string, layout: "bundle" | "tag"): Promise<VerifiedImage> =>
      new Promise((resolve, reject) => {
        withImage({}, async ({ client, reference, image }) => {
          const dsseEnvelope = await envelopeOf(image.digest, payloadType);
          const bytes = encodeUtf8(encodeEnvelope(dsseEnvelope));
          const layer = { bytes, mediaType: envelopeMediaType, annotations: { [layerAnnotations.signature]: "" } };
          const bundle = { ...bundleOfLayer({ ...image, mediaType: envelopeMediaType }, bytes), mediaType: bundleMediaType };
          if (layout === "tag")
            await appendTagLayer({ client, repository: reference, tag: attachmentTag(image.digest, "att"), layer });
          else
            await attachBundle({
              client,
              repository: reference,
              subject: image,
              bundle: { ...bundle, version: "0.3" },
              nowMs: 0,
            });
          await verifyImageAttestations({ client, reference, trustedRoot: nobody, expectations }, [old]).then(resolve, reject);
        }).catch(reject);
      });
    assert.equal((await attempt(old, "tag")).signatures[0]?.verified.statement?.predicateType, old);
    assert.equal((await attempt("application/vnd.in-toto+json", "tag")).signatures.length, 1);
    await refused("IMAGE_NO_MATCHING_ATTESTATION", "PAYLOAD_TYPE_UNEXPECTED", attempt("https://spdx.dev/Document", "tag"));
    await refused("IMAGE_NO_MATCHING_ATTESTATION", "PAYLOAD_TYPE_UNEXPECTED", attempt(old, "bundle"));
  });
});

describe("copyImage, saveImage, loadImage", () => {
  it("carry signatures in both layouts to another repository and through a directory", async () => {
    await withImage({}, async ({ client, reference, image, sign, verify, registry }) => {
      await sign();
      const bundle = await attestation(image.digest, "https://sigstore.dev/cosign/sign/v1");
      await attachBundle({ client, repository: reference, subject: image, bundle, nowMs: signingTimeMs });
      const copied = parseReference(`${registry.host}/copied:v1`);
      await copyImage({ client, source: reference, target: copied });
      assert.equal((await verify({ reference: copied })).image.digest, image.digest);
      const directory = await mkdtemp(join(tmpdir(), "sigillum-image-"));
      try {
        await saveImage(client, reference, directory);
        const source = directorySource(directory);
        assert.deepEqual(
          (await verify({ source })).signatures.map(({ layout }) => layout),
          ["bundle"],
        );
        assert.equal((await source.layers(image.digest, "sig")).length, 1);
        const elsewhere = await new MemoryRegistry().start();
        try {
          const loaded = parseReference(`${elsewhere.host}/loaded:v2`);
          await loadImage(client, loaded, directory);
          assert.equal((await verify({ reference: loaded })).signatures.length, 1);
          const { tags, referrers } = await listAttachments(client, loaded, image.digest);
          assert.deepEqual([tags.length, referrers.length], [1, 1]);
        } finally {
          await elsewhere.stop();
        }
        const path = join(directory, "blobs", "sha256", image.digest.slice(7));
        await writeFile(path, `${await readFile(path, "utf8")} `);
        await refused("OCI_DIGEST_MISMATCH", "", loadImage(client, copied, directory));
        await writeFile(join(directory, "index.json"), '{"manifests":[]}');
        await refused("IMAGE_DIRECTORY_MALFORMED", "", verify({ source }));
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  });

  it("copies the chosen attachments alone", async () => {
    await withImage({}, async ({ client, reference, sign, registry }) => {
      await sign();
      const copied: string[] = [];
      const target = parseReference(`${registry.host}/copied:v1`);
      await copyImage({ client, source: reference, target, only: ["sig"], onCopy: (what) => copied.push(what) });
      assert.equal(copied.length, 1);
      assert.match(copied[0] ?? "", /\.sig$/);
    });
  });
});

describe("bundleOfLayer", () => {
  it("reads what an annotation holds, and nothing where it is empty", () => {
    const annotations = {
      [layerAnnotations.signature]: "AAAA",
      [layerAnnotations.bundle]: "null",
      [layerAnnotations.certificate]: "",
    };
    const bundle = bundleOfLayer({ ...emptyConfig.descriptor, mediaType: simpleSigningMediaType, annotations }, new Uint8Array());
    assert.deepEqual([bundle.tlogEntries, bundle.timestamps], [[], []]);
    assert.ok("publicKeyHint" in bundle.material);
  });
});
