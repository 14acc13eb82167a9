// Signing and verifying on registries that behave like the well-known ones.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeStatement } from "../attestation/index.ts";
import { encodeManifest, type Manifest, mediaTypes, ociDigestOf, parseReference, RegistryClient } from "../oci/index.ts";
import { signBlob, signStatement } from "../signing/index.ts";
import { generateSigner, MemoryRegistry, registryAccount, registryKinds } from "../testing/index.ts";
import { attachBundle, attachToTag, encodeSimpleSigning, imageStatement, listAttachments, verifyImage } from "./index.ts";

const nobody = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const config = { mediaType: mediaTypes.config, digest: ociDigestOf(new Uint8Array()), size: 0 };
const manifest: Manifest = { mediaType: mediaTypes.manifest, config, layers: [], manifests: [], annotations: {} };

describe("an image on a registry like", () => {
  for (const [kind, quirks] of Object.entries(registryKinds)) {
    it(`${kind}: signed in the tag layout, and as a referrer where it takes one`, async () => {
      const registry = await new MemoryRegistry(quirks()).start();
      try {
        const bytes = encodeManifest(manifest);
        registry.putManifest(bytes, manifest.mediaType, "v1");
        const image = { mediaType: manifest.mediaType, digest: ociDigestOf(bytes), size: bytes.length };
        const reference = parseReference(`${registry.host}/app:v1`);
        const client = new RegistryClient({ credentials: () => Promise.resolve({ type: "password", ...registryAccount }) });
        const signer = generateSigner();
        const options = { signer, trust: { trustedRoot: nobody }, nowMs: 0 };
        const verify = () =>
          verifyImage({
            client,
            reference,
            trustedRoot: nobody,
            expectations: { publicKey: signer.publicKey, thresholds: { logEntries: 0 } },
          });
        const payload = encodeSimpleSigning({ dockerReference: "r", digest: image.digest });
        const signature = await signBlob({ ...options, artifact: { bytes: payload } });
        await attachToTag({
          client,
          repository: reference,
          image: image.digest,
          bundle: signature,
          payload,
          trustedRoot: nobody,
        });
        assert.equal((await verify()).signatures[0]?.layout, "tag");
        const statement = encodeStatement(imageStatement({ repository: "r", digest: image.digest }));
        const bundle = await signStatement({ ...options, statement });
        const attached = attachBundle({ client, repository: reference, subject: image, bundle, nowMs: 0 });
        if (kind === "quay36") await assert.rejects(attached, { code: "OCI_UNAVAILABLE", found: /MANIFEST_INVALID/ });
        else {
          await attached;
          assert.equal((await verify()).signatures[0]?.layout, "bundle");
        }
        const { tags, referrers } = await listAttachments(client, reference, image.digest);
        assert.deepEqual([tags.map(({ kind: one }) => one), referrers.length], [["sig"], kind === "quay36" ? 0 : 1]);
      } finally {
        await registry.stop();
      }
    });
  }
});
