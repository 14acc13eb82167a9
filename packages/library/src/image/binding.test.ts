// Verification proves the manifest that was asked for, and what could not be looked at is never "no signatures found".
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { encodeStatement } from "../attestation/index.ts";
import { isSigillumError, parseUtf8, type SigillumError } from "../encoding/index.ts";
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
import { generateSigner, MemoryRegistry, type RegistryFault, type RegistryQuirks } from "../testing/index.ts";
import {
  attachBundle,
  attachmentTag,
  attachToTag,
  encodeSimpleSigning,
  imageStatement,
  layerAnnotations,
  type VerifiedImage,
  verifyImage,
} from "./index.ts";

const nobody = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const signer = generateSigner();
const config = emptyConfig.descriptor;
const platform = (architecture: string): Manifest => ({
  mediaType: mediaTypes.manifest,
  config,
  layers: [],
  manifests: [],
  annotations: { architecture },
});

interface Setting {
  readonly registry: MemoryRegistry;
  readonly reference: Reference;
  /** Put a manifest there, under the tag "v1" unless told otherwise. */
  put(manifest: Manifest, tag?: string): Descriptor;
  sign(image: Descriptor, layout: "bundle" | "tag", about?: OciDigest): Promise<void>;
  verify(reference?: Reference): Promise<VerifiedImage>;
}

async function withRegistry(quirks: RegistryQuirks, use: (setting: Setting) => Promise<void>): Promise<void> {
  const registry = await new MemoryRegistry(quirks).start();
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined), timeoutMs: 2_000 });
  const reference = parseReference(`${registry.host}/app:v1`);
  const options = { signer, trust: { trustedRoot: nobody }, nowMs: 0 };
  try {
    await use({
      registry,
      reference,
      put(manifest, tag = "v1") {
        const bytes = encodeManifest(manifest);
        registry.putManifest(bytes, manifest.mediaType, tag);
        return { mediaType: manifest.mediaType, digest: ociDigestOf(bytes), size: bytes.length };
      },
      async sign(image, layout, about = image.digest) {
        if (layout === "bundle") {
          const statement = encodeStatement(imageStatement({ repository: "r", digest: about }));
          const bundle = await signStatement({ ...options, statement });
          await attachBundle({ client, repository: reference, subject: image, bundle, nowMs: 0 });
          return;
        }
        const payload = encodeSimpleSigning({ dockerReference: "r", digest: about });
        const bundle = await signBlob({ ...options, artifact: { bytes: payload } });
        await attachToTag({ client, repository: reference, image: image.digest, bundle, payload, trustedRoot: nobody });
      },
      verify: (wanted = reference) =>
        verifyImage({
          client,
          reference: wanted,
          trustedRoot: nobody,
          expectations: { publicKey: signer.publicKey, thresholds: { logEntries: 0 } },
        }),
    });
  } finally {
    await registry.stop();
  }
}

async function refusal(attempt: Promise<unknown>): Promise<SigillumError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isSigillumError(error), `refused: ${String(error)}`);
  return error;
}

async function refusedFor(code: string, cause: string | undefined, attempt: Promise<unknown>): Promise<void> {
  const error = await refusal(attempt);
  assert.deepEqual([error.code, isSigillumError(error.cause) ? error.cause.code : undefined], [code, cause], error.message);
}

describe("verifyImage proves the manifest that was asked for", () => {
  for (const layout of ["bundle", "tag"] as const) {
    const mismatch = layout === "bundle" ? "SUBJECT_MISMATCH" : "IMAGE_DIGEST_UNEXPECTED";

    it(`${layout}: not by a signature that is for another digest`, async () => {
      await withRegistry({}, async ({ put, sign, verify }) => {
        const image = put(platform("amd64"));
        await sign(image, layout, ociDigestOf(new Uint8Array(1)));
        await refusedFor("IMAGE_NO_MATCHING_SIGNATURE", mismatch, verify());
        await sign(image, layout);
        assert.equal((await verify()).image.digest, image.digest);
      });
    });

    it(`${layout}: not an index with another child, though the signature of the signed one hangs on it`, async () => {
      await withRegistry({}, async ({ put, sign, verify }) => {
        const [child, other] = [put(platform("amd64"), "child"), put(platform("evil"), "other")];
        const index = (one: Descriptor): Manifest => ({
          mediaType: mediaTypes.index,
          layers: [],
          manifests: [one],
          annotations: {},
        });
        const signed = put(index(child));
        await sign(signed, layout);
        assert.deepEqual((await verify()).manifest.manifests, [child]);
        const swapped = put(index(other));
        await refusedFor("IMAGE_NO_SIGNATURES", undefined, verify());
        await sign(swapped, layout, signed.digest);
        await refusedFor("IMAGE_NO_MATCHING_SIGNATURE", mismatch, verify());
      });
    });

    it(`${layout}: not a tag that was moved between resolving and verifying`, async () => {
      const quirks: RegistryQuirks = {};
      await withRegistry(quirks, async ({ put, sign, verify, registry }) => {
        const image = put(platform("amd64"));
        await sign(image, layout);
        const other = put(platform("evil"), "other");
        let moves = 0;
        quirks.onRequest = (_, path) => {
          if (!path.includes("/referrers/") && !path.endsWith(".sig")) return;
          moves += 1;
          registry.tags.set("v1", other.digest);
        };
        const error = await refusal(verify());
        assert.deepEqual([error.code, error.found, error.expected], ["IMAGE_TAG_MOVED", other.digest, image.digest]);
        assert.ok(moves > 0);
        const byDigest = parseReference(`${registry.host}/app@${image.digest}`);
        assert.equal((await verify(byDigest)).image.digest, image.digest);
      });
    });

    it(`${layout}: not a manifest whose bytes do not have its digest`, async () => {
      const quirks: RegistryQuirks = {};
      await withRegistry(quirks, async ({ put, sign, verify, registry, reference }) => {
        const image = put(platform("amd64"));
        await sign(image, layout);
        quirks.wrongBody = encodeManifest(platform("evil"));
        await refusedFor("OCI_DIGEST_MISMATCH", undefined, verify());
        const byDigest = parseReference(`${registry.host}/${reference.name}@${image.digest}`);
        await refusedFor("OCI_DIGEST_MISMATCH", undefined, verify(byDigest));
      });
    });
  }

  it("not by a layer with a wrong annotation", async () => {
    const edits: readonly (readonly [string, string, string])[] = [
      [layerAnnotations.signature, btoa("something else"), "SIGNATURE_INVALID"],
      [layerAnnotations.signature, "", "IMAGE_LAYER_MALFORMED"],
      [layerAnnotations.signature, "no base64!", "SIGNATURE_INVALID"],
      [layerAnnotations.certificate, "no certificate", "BUNDLE_CERTIFICATE"],
      [layerAnnotations.bundle, "{", "BUNDLE_JSON"],
      [layerAnnotations.timestamp, '{"SignedRFC3161Timestamp":1}', "BUNDLE_FIELD_TYPE"],
    ];
    for (const [name, value, cause] of edits)
      await withRegistry({}, async ({ put, sign, verify, registry }) => {
        const image = put(platform("amd64"));
        await sign(image, "tag");
        const tag = attachmentTag(image.digest, "sig");
        const stored = registry.manifests.get(registry.tags.get(tag) ?? "");
        const document = JSON.parse(parseUtf8(stored?.bytes ?? new Uint8Array()));
        document.layers[0].annotations[name] = value;
        registry.putManifest(new TextEncoder().encode(JSON.stringify(document)), document.mediaType, tag);
        await refusedFor("IMAGE_NO_MATCHING_SIGNATURE", cause, verify());
      });
  });
});

// What goes wrong, and where: the code for each, for an image that has a signature. "none" stands where the answer is the specification's
// way of saying that there is nothing, so that the registry was asked and answered.
const places: Readonly<
  Record<string, { readonly layout: "bundle" | "tag"; readonly path: RegExp; readonly quirks?: RegistryQuirks }>
> = {
  "its version": { layout: "bundle", path: /^\/v2\/$/ },
  "the manifest": { layout: "bundle", path: /\/manifests\/v1$/ },
  "the referrers": { layout: "bundle", path: /\/referrers\// },
  "the referrers tag": { layout: "bundle", path: /\/manifests\/sha256-[0-9a-f]{64}$/, quirks: { noReferrersApi: true } },
  "the bundle's manifest": { layout: "bundle", path: /\/manifests\/sha256:/ },
  "the bundle": { layout: "bundle", path: /\/blobs\/sha256:/ },
  "the signature's tag": { layout: "tag", path: /\.sig$/ },
  "the signature": { layout: "tag", path: /\/blobs\/sha256:/ },
};
const faults: Readonly<Record<string, RegistryFault>> = {
  "401": { status: 401 },
  "403": { status: 403 },
  "404": { status: 404 },
  "429": { status: 429 },
  "500": { status: 500 },
  truncated: "truncate",
  slow: "hang",
  "redirected to a login page elsewhere": "redirect",
};
const verifies = "it verifies";
const none = "IMAGE_NO_SIGNATURES";
const unmatched = "IMAGE_NO_MATCHING_SIGNATURE";
const usual = [
  "OCI_UNAUTHORIZED",
  "OCI_UNAUTHORIZED",
  "",
  "OCI_RATE_LIMITED",
  "OCI_UNAVAILABLE",
  "HTTP_INTERRUPTED",
  "HTTP_TIMEOUT",
];
const row = (notFound: string, page: string): string[] => [...usual.map((code) => (code === "" ? notFound : code)), page];
const codes: Readonly<Record<string, readonly string[]>> = {
  // 401 there is how registries ask for credentials, and a page in its place promises nothing: what counts is asked afterwards.
  "its version": [verifies, ...row("OCI_NOT_FOUND", verifies).slice(1)],
  "the manifest": row("OCI_NOT_FOUND", "OCI_MANIFEST_INVALID"),
  "the referrers": row(none, "OCI_UNAVAILABLE"),
  "the referrers tag": row(none, "OCI_MANIFEST_INVALID"),
  "the bundle's manifest": row(unmatched, unmatched),
  "the bundle": row(unmatched, unmatched),
  "the signature's tag": row(none, "OCI_MANIFEST_INVALID"),
  "the signature": row("OCI_NOT_FOUND", "OCI_DIGEST_MISMATCH"),
};

describe("a signed image on a registry where", { concurrency: 8 }, () => {
  for (const [place, { layout, path, quirks = {} }] of Object.entries(places))
    for (const [index, [name, fault]] of Object.entries(faults).entries())
      it(`${place} cannot be read (${name}) is never said to have no signature unless the registry says so`, async () => {
        const own: RegistryQuirks = { ...quirks };
        await withRegistry(own, async ({ put, sign, reference }) => {
          await sign(put(platform("amd64")), layout);
          let hits = 0;
          own.fault = (_, asked) => {
            if (!path.test(asked)) return undefined;
            hits += 1;
            return fault;
          };
          const client = new RegistryClient({
            credentials: () => Promise.resolve(undefined),
            timeoutMs: fault === "hang" ? 1_500 : 20_000,
          });
          const expectations = { publicKey: signer.publicKey, thresholds: { logEntries: 0 } };
          const attempt = verifyImage({ client, reference, trustedRoot: nobody, expectations });
          const code = codes[place]?.[index];
          if (code === verifies) await attempt;
          else {
            const error = await refusal(attempt);
            assert.equal(error.code, code, error.message);
          }
          assert.ok(hits > 0);
        });
      });

  it("its token service is on plain http gets no credentials", async () => {
    const asked: string[] = [];
    const pem = (file: string): string => readFileSync(new URL(`../http/testdata/${file}.pem`, import.meta.url), "utf8");
    const server = createServer({ key: pem("localhost-key"), cert: pem("localhost") }, (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`);
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://127.0.0.1:1/token",service="r"' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const client = new RegistryClient({
        credentials: () => Promise.resolve({ type: "password", username: "ada", password: "s3cret" }),
        tls: { ca: pem("localhost") },
        timeoutMs: 2_000,
      });
      const reference = parseReference(`localhost:${port}/app:v1`);
      const error = await refusal(
        verifyImage({ client, reference, trustedRoot: nobody, expectations: { publicKey: signer.publicKey } }),
      );
      assert.equal(error.code, "OCI_REALM_REFUSED");
      assert.ok(asked.length > 0 && asked.every((line) => line.endsWith(" ")), asked.join("\n"));
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
