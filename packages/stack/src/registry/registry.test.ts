import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { request } from "@sigillum/library/http";
import {
  emptyConfig,
  encodeManifest,
  fetchBlob,
  fetchManifest,
  listReferrers,
  type Manifest,
  mediaTypes,
  ociDigestOf,
  parseOciDigest,
  parseReference,
  pushBlob,
  pushManifest,
  pushReferrer,
  type Reference,
  RegistryClient,
  resolveReference,
} from "@sigillum/library/oci";
import { type Clock, type Service, silentLogger } from "../host/index.ts";
import { createRegistry, type UploadLimits } from "./index.ts";

interface Setting {
  readonly url: string;
  readonly directory: string;
  readonly client: RegistryClient;
  readonly repository: Reference;
  readonly service: Service;
  readonly clock: { now: number };
}

async function withRegistry(
  use: (setting: Setting) => Promise<void>,
  limits: Partial<UploadLimits> = {},
  accepts: "oci-1.1" | "quay-3.6" = "oci-1.1",
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-registry-"));
  const time = { now: 1_000_000 };
  const clock: Clock = { nowMs: () => time.now };
  const service = createRegistry({
    directory,
    logger: silentLogger,
    clock,
    limits,
    accepts,
    listener: { addresses: ["127.0.0.1"], port: 0 },
  });
  const server = createServer(service.listeners[0]?.handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
    await use({
      url: `http://127.0.0.1:${port}/v2`,
      directory,
      client,
      repository: parseReference(`127.0.0.1:${port}/team/app`),
      service,
      clock: time,
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await service.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const image: Manifest = {
  mediaType: mediaTypes.manifest,
  config: emptyConfig.descriptor,
  layers: [],
  manifests: [],
  annotations: {},
};
const ordered = (answer: { body: Uint8Array }): unknown => JSON.parse(new TextDecoder().decode(answer.body));

async function refused(answer: { status: number; body: Uint8Array }, status: number, code: string, ours?: string): Promise<void> {
  const value = JSON.parse(new TextDecoder().decode(answer.body));
  assert.equal(answer.status, status);
  assert.equal(value.errors[0].code, code);
  if (ours !== undefined) assert.equal(value.errors[0].detail.code, ours);
}

describe("createRegistry", () => {
  it("keeps an image that was pushed and hands it out by tag and digest", async () => {
    await withRegistry(async ({ client, repository }) => {
      await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      const layer = await pushBlob(client, repository, bytes("layer"), mediaTypes.layerGzip);
      const manifest = { ...image, layers: [layer] };
      const pushed = await pushManifest(
        client,
        repository,
        { bytes: encodeManifest(manifest), mediaType: manifest.mediaType },
        "v1",
      );
      const resolved = await resolveReference(client, { ...repository, tag: "v1" });
      assert.equal(resolved.digest, pushed.digest);
      assert.equal((await fetchManifest(client, repository, pushed.digest)).manifest.layers[0]?.digest, layer.digest);
      assert.deepEqual(new Uint8Array(await fetchBlob(client, repository, layer, 100)), bytes("layer"));
    });
  });

  it("lists referrers with type and annotations, filtered, empty for what it never saw", async () => {
    await withRegistry(async ({ client, repository, url }) => {
      await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      const subject = {
        mediaType: mediaTypes.manifest,
        digest: ociDigestOf(encodeManifest(image)),
        size: encodeManifest(image).length,
      };
      assert.deepEqual(await listReferrers(client, repository, subject.digest), []);
      const first = await pushReferrer(client, repository, { ...image, artifactType: "a/b", subject, annotations: { x: "1" } });
      const second = await pushReferrer(client, repository, { ...image, subject });
      assert.equal(first.annotations?.["x"], "1");
      const filtered = await request({ url: `${url}/team/app/referrers/${subject.digest}?artifactType=a%2Fb` });
      assert.equal(filtered.headers["oci-filters-applied"], "artifactType");
      assert.deepEqual(
        (await listReferrers(client, repository, subject.digest, "a/b")).map((one) => one.digest),
        [first.digest],
      );
      assert.deepEqual(
        (await listReferrers(client, repository, subject.digest)).map((one) => one.digest).sort(),
        [first.digest, second.digest].sort(),
      );
      assert.equal(
        (await listReferrers(client, repository, subject.digest)).find((one) => one.digest === second.digest)?.artifactType,
        mediaTypes.empty,
      );
      await request({ method: "DELETE", url: `${url}/team/app/manifests/${first.digest}` });
      assert.deepEqual(
        (await listReferrers(client, repository, subject.digest)).map((one) => one.digest),
        [second.digest],
      );
    });
  });

  it("takes a blob in chunks, tells its progress, and refuses a chunk out of order", async () => {
    await withRegistry(async ({ url, client, repository }) => {
      const started = await request({ method: "POST", url: `${url}/team/app/blobs/uploads/` });
      assert.equal(started.status, 202);
      const upload = new URL(started.headers["location"] ?? "", url).href;
      const patch = (range: string, body: string): ReturnType<typeof request> =>
        request({ method: "PATCH", url: upload, headers: { "content-range": range }, body });
      assert.equal((await patch("0-2", "abc")).headers["range"], "0-2");
      await refused(await patch("7-9", "xyz"), 416, "BLOB_UPLOAD_INVALID", "REGISTRY_UPLOAD_RANGE");
      const status = await request({ url: upload });
      assert.deepEqual([status.status, status.headers["range"]], [204, "0-2"]);
      assert.equal((await patch("3-5", "def")).status, 202);
      const digest = ociDigestOf(bytes("abcdefghi"));
      const done = await request({
        method: "PUT",
        url: `${upload}?digest=${digest}`,
        headers: { "content-range": "6-8" },
        body: "ghi",
      });
      assert.deepEqual([done.status, done.headers["docker-content-digest"]], [201, digest]);
      assert.deepEqual(new Uint8Array(await fetchBlob(client, repository, { digest, size: 9 }, 100)), bytes("abcdefghi"));
      await refused(await request({ url: upload }), 404, "BLOB_UPLOAD_UNKNOWN", "REGISTRY_UPLOAD_UNKNOWN");
    });
  });

  it("takes a blob in one POST, under SHA-512, and by mount", async () => {
    await withRegistry(async ({ url }) => {
      const digest = ociDigestOf(bytes("x"));
      assert.equal((await request({ method: "POST", url: `${url}/a/blobs/uploads/?digest=${digest}`, body: "x" })).status, 201);
      const { createHash } = await import("node:crypto");
      const sha512 = parseOciDigest(`sha512:${createHash("sha512").update("y").digest("hex")}`);
      assert.equal((await request({ method: "POST", url: `${url}/a/blobs/uploads/?digest=${sha512}`, body: "y" })).status, 201);
      assert.equal((await request({ method: "HEAD", url: `${url}/b/blobs/${digest}` })).status, 404);
      assert.equal((await request({ method: "POST", url: `${url}/b/blobs/uploads/?mount=${digest}&from=a` })).status, 201);
      assert.equal((await request({ method: "HEAD", url: `${url}/b/blobs/${digest}` })).status, 200);
      assert.equal(
        (await request({ method: "POST", url: `${url}/b/blobs/uploads/?mount=${ociDigestOf(bytes("none"))}&from=a` })).status,
        202,
      );
    });
  });

  it("serves ranges of a blob and refuses those outside", async () => {
    await withRegistry(async ({ url, client, repository }) => {
      const { digest } = await pushBlob(client, repository, bytes("0123456789"), "text/plain");
      const at = (range: string): ReturnType<typeof request> =>
        request({ url: `${url}/team/app/blobs/${digest}`, headers: { range } });
      const part = await at("bytes=2-4");
      assert.deepEqual(
        [part.status, part.headers["content-range"], new TextDecoder().decode(part.body)],
        [206, "bytes 2-4/10", "234"],
      );
      assert.equal(new TextDecoder().decode((await at("bytes=7-")).body), "789");
      await refused(await at("bytes=10-"), 416, "SIZE_INVALID", "REGISTRY_RANGE_INVALID");
      assert.equal((await request({ method: "DELETE", url: `${url}/team/app/blobs/${digest}` })).status, 202);
      await refused(await at("bytes=0-1"), 404, "BLOB_UNKNOWN", "REGISTRY_BLOB_UNKNOWN");
      await refused(await request({ method: "DELETE", url: `${url}/team/app/blobs/${digest}` }), 404, "BLOB_UNKNOWN");
      const empty = await pushBlob(client, repository, new Uint8Array(), "text/plain");
      assert.equal((await fetchBlob(client, repository, empty, 10)).length, 0);
    });
  });

  it("keeps nothing of a blob whose digest is wrong or that is too large", async () => {
    await withRegistry(
      async ({ url, directory }) => {
        const digest = ociDigestOf(bytes("x"));
        await refused(
          await request({ method: "POST", url: `${url}/a/blobs/uploads/?digest=${digest}`, body: "y" }),
          400,
          "DIGEST_INVALID",
          "REGISTRY_DIGEST_INVALID",
        );
        await refused(
          await request({ method: "POST", url: `${url}/a/blobs/uploads/?digest=nonsense`, body: "y" }),
          400,
          "DIGEST_INVALID",
        );
        await refused(
          await request({ method: "POST", url: `${url}/a/blobs/uploads/?digest=${digest}`, body: "x".repeat(101) }),
          413,
          "SIZE_INVALID",
          "REGISTRY_TOO_LARGE",
        );
        await refused(await request({ url: `${url}/a/blobs/${digest}` }), 404, "BLOB_UNKNOWN");
        assert.deepEqual((await readdir(directory)).sort(), ["uploads"]);
      },
      { maxBlobBytes: 100 },
    );
  });

  it("bounds open uploads, drops idle ones and leftovers, and lets one be cancelled", async () => {
    await withRegistry(
      async ({ url, directory, service, clock }) => {
        const start = (): ReturnType<typeof request> => request({ method: "POST", url: `${url}/a/blobs/uploads/` });
        const first = await start();
        const location = new URL(first.headers["location"] ?? "", url).href;
        await start();
        await refused(await start(), 429, "TOOMANYREQUESTS", "REGISTRY_TOO_MANY_UPLOADS");
        assert.equal((await request({ method: "DELETE", url: location })).status, 204);
        await refused(await request({ method: "DELETE", url: location.replace("/a/", "/b/") }), 404, "BLOB_UPLOAD_UNKNOWN");
        clock.now += 10_000;
        await service.jobs[0]?.run(new AbortController().signal);
        assert.deepEqual(await readdir(join(directory, "uploads")), []);
        assert.equal((await start()).status, 202);
      },
      { maxUploads: 2, idleMs: 5_000 },
    );
  });

  it("refuses a second request that writes to the same upload", async () => {
    await withRegistry(async ({ url }) => {
      const started = await request({ method: "POST", url: `${url}/a/blobs/uploads/` });
      const upload = new URL(started.headers["location"] ?? "", url).href;
      const { requestStream } = await import("@sigillum/library/http");
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      let sent = (): void => undefined;
      const begun = new Promise<void>((resolve) => {
        sent = resolve;
      });
      async function* slowly(): AsyncGenerator<Uint8Array> {
        yield bytes("a");
        sent();
        await held;
        yield bytes("b");
      }
      const slow = requestStream({ method: "PATCH", url: upload, body: slowly() });
      await begun;
      let answer = await request({ method: "PATCH", url: upload, headers: { "content-range": "5-6" }, body: "c" });
      // The slow request may still be on its way: until it has arrived the other is refused for its range.
      for (let tries = 0; answer.status === 416 && tries < 1000; tries += 1)
        answer = await request({ method: "PATCH", url: upload, headers: { "content-range": "5-6" }, body: "c" });
      await refused(answer, 409, "BLOB_UPLOAD_INVALID", "REGISTRY_UPLOAD_BUSY");
      release();
      const done = await slow;
      done.cancel();
      assert.equal(done.status, 202);
    });
  });

  it("refuses manifests that are none, contradict their type, or lack parts; and bad names, tags and digests", async () => {
    await withRegistry(async ({ url, client, repository }) => {
      const put = (
        reference: string,
        body: string | Uint8Array,
        type: string = mediaTypes.manifest,
        name = "team/app",
      ): ReturnType<typeof request> =>
        request({ method: "PUT", url: `${url}/${name}/manifests/${reference}`, headers: { "content-type": type }, body });
      const plain = encodeManifest(image);
      await refused(await put("v1", plain), 404, "MANIFEST_BLOB_UNKNOWN", "REGISTRY_MANIFEST_INCOMPLETE");
      await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      assert.equal((await put("v1", plain)).status, 201);
      await refused(await put("v1", "{"), 400, "MANIFEST_INVALID", "REGISTRY_MANIFEST_INVALID");
      await refused(await put("v1", plain, "text/html"), 400, "MANIFEST_INVALID");
      await refused(await put("v1", plain, mediaTypes.index), 400, "MANIFEST_INVALID");
      await refused(await put("v1", '{"schemaVersion":2}'), 400, "MANIFEST_INVALID");
      await refused(await put(ociDigestOf(bytes("x")), plain), 400, "DIGEST_INVALID", "REGISTRY_DIGEST_INVALID");
      await refused(await put("v1", new Uint8Array(4 * 1024 * 1024 + 1)), 413, "SIZE_INVALID");
      await refused(await put("-v", plain), 400, "MANIFEST_INVALID", "REGISTRY_TAG_INVALID");
      await refused(await put("v1", plain, mediaTypes.manifest, "Team"), 400, "NAME_INVALID", "REGISTRY_NAME_INVALID");
      await refused(await request({ url: `${url}/a%2f..%2f..%2fb/manifests/v1` }), 400, "NAME_INVALID");
      const child = { mediaType: mediaTypes.manifest, digest: ociDigestOf(bytes("no")), size: 2 };
      await refused(
        await put(
          "v1",
          encodeManifest({ mediaType: mediaTypes.index, layers: [], manifests: [child], annotations: {} }),
          mediaTypes.index,
        ),
        404,
        "MANIFEST_BLOB_UNKNOWN",
      );
      await refused(await request({ url: `${url}/team/app/manifests/v9` }), 404, "MANIFEST_UNKNOWN", "REGISTRY_MANIFEST_UNKNOWN");
      await refused(await request({ url: `${url}/team/app/nothing` }), 404, "UNSUPPORTED");
      await refused(await request({ method: "POST", url: `${url}/team/app/manifests/v1` }), 405, "UNSUPPORTED");
    });
  });

  it("lists tags in pages and deletes a manifest with its tags, or a tag alone", async () => {
    await withRegistry(async ({ url, client, repository }) => {
      await refused(await request({ url: `${url}/team/app/tags/list` }), 404, "NAME_UNKNOWN", "REGISTRY_NAME_UNKNOWN");
      await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      const manifest = { bytes: encodeManifest(image), mediaType: image.mediaType };
      for (const tag of ["b", "a", "c"]) await pushManifest(client, repository, manifest, tag);
      const page = await request({ url: `${url}/team/app/tags/list?n=2` });
      assert.deepEqual(ordered(page), { name: "team/app", tags: ["a", "b"] });
      const next = /<([^>]+)>/.exec(page.headers["link"] ?? "")?.[1] ?? "";
      assert.deepEqual(ordered(await request({ url: new URL(next, url).href })), { name: "team/app", tags: ["c"] });
      assert.equal((await request({ method: "DELETE", url: `${url}/team/app/manifests/b` })).status, 202);
      await refused(await request({ method: "DELETE", url: `${url}/team/app/manifests/b` }), 404, "MANIFEST_UNKNOWN");
      assert.equal(
        (await request({ method: "DELETE", url: `${url}/team/app/manifests/${ociDigestOf(manifest.bytes)}` })).status,
        202,
      );
      assert.deepEqual(ordered(await request({ url: `${url}/team/app/tags/list` })), { name: "team/app", tags: [] });
      await refused(await request({ url: `${url}/team/app/manifests/${ociDigestOf(manifest.bytes)}` }), 404, "MANIFEST_UNKNOWN");
    });
  });

  it("answers HEAD with the headers of GET and no body", async () => {
    await withRegistry(async ({ url, client, repository }) => {
      const { digest } = await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      await pushManifest(client, repository, { bytes: encodeManifest(image), mediaType: image.mediaType }, "v1");
      const blob = await request({ method: "HEAD", url: `${url}/team/app/blobs/${digest}` });
      assert.deepEqual([blob.status, blob.headers["content-length"], blob.body.length], [200, "2", 0]);
      const manifest = await request({ method: "HEAD", url: `${url}/team/app/manifests/v1` });
      assert.deepEqual(
        [manifest.status, manifest.headers["content-length"], manifest.headers["docker-content-digest"]],
        [200, String(encodeManifest(image).length), ociDigestOf(encodeManifest(image))],
      );
      assert.equal((await request({ url: `${url}/` })).status, 200);
    });
  });

  it("takes a manifest whose non-distributable layers it does not have", async () => {
    await withRegistry(async ({ client, repository, url }) => {
      await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      const foreign = { digest: ociDigestOf(bytes("elsewhere")), size: 9 };
      const mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
      const push = (type: string): ReturnType<typeof request> =>
        request({
          method: "PUT",
          url: `${url}/team/app/manifests/v1`,
          headers: { "content-type": image.mediaType },
          body: encodeManifest({ ...image, layers: [{ ...foreign, mediaType: type }] }),
        });
      assert.equal((await push(mediaType)).status, 201);
      await refused(await push(mediaTypes.layerGzip), 404, "MANIFEST_BLOB_UNKNOWN", "REGISTRY_MANIFEST_INCOMPLETE");
    });
  });

  it("lists tags with their signatures in the shape of Quay's API, in pages", async () => {
    await withRegistry(async ({ client, repository, url }) => {
      const api = url.replace("/v2", "/api/v1/repository");
      const listing = async (query = ""): Promise<Record<string, unknown>> =>
        JSON.parse(new TextDecoder().decode((await request({ url: `${api}/team/app/tag/${query}` })).body));
      await refused(await request({ url: `${api}/team/app/tag/` }), 404, "NAME_UNKNOWN", "REGISTRY_NAME_UNKNOWN");
      await refused(await request({ url: `${api}/team/app` }), 404, "UNSUPPORTED");
      await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
      const manifest = { bytes: encodeManifest(image), mediaType: image.mediaType };
      const other = { ...image, annotations: { other: "image" } };
      const { digest } = await pushManifest(client, repository, manifest, "a");
      await pushManifest(client, repository, { bytes: encodeManifest(other), mediaType: other.mediaType }, "b");
      const subject = { mediaType: image.mediaType, digest, size: manifest.bytes.length };
      const bundle = { ...image, artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json", subject };
      const bundleOf = (type: string): Manifest => ({ ...bundle, annotations: { "dev.sigstore.bundle.predicateType": type } });
      await pushReferrer(client, repository, bundleOf("https://cyclonedx.org/bom"));
      const [attested] = Object(await listing())["tags"];
      assert.deepEqual([attested.signed, attested.attestations], [false, { tag: 0, referrers: 1 }]);
      await pushReferrer(client, repository, bundleOf("https://sigstore.dev/cosign/sign/v1"));
      const sig = `${digest.replace(":", "-")}.sig`;
      await pushManifest(client, repository, { bytes: encodeManifest(other), mediaType: other.mediaType }, sig);
      const { tags, has_additional } = Object(await listing());
      assert.equal(has_additional, false);
      assert.deepEqual(
        tags.map((one: { name: string; signed: boolean }) => [one.name, one.signed]),
        [
          ["a", true],
          ["b", false],
        ],
      );
      assert.deepEqual(
        [tags[0].cosign_signature_tag, tags[0].cosign_signature_manifest_digest, tags[0].signatures],
        [sig, ociDigestOf(encodeManifest(other)), { tag: 0, referrers: 1 }],
      );
      assert.equal(Object(await listing("?limit=1"))["has_additional"], true);
      assert.equal(Object(await listing("?limit=1&page=2"))["tags"][0].name, "b");
      assert.equal(Object(await listing("?specificTag=b"))["tags"].length, 1);
    });
  });

  it("like Quay 3.6 takes the types of an allow list alone, and lists no referrers", async () => {
    await withRegistry(
      async ({ client, repository, url }) => {
        await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.config);
        const put = (manifest: Manifest): ReturnType<typeof request> =>
          request({
            method: "PUT",
            url: `${url}/team/app/manifests/v1`,
            headers: { "content-type": manifest.mediaType },
            body: encodeManifest(manifest),
          });
        const config = { ...emptyConfig.descriptor, mediaType: mediaTypes.config };
        const layer = (mediaType: string): Manifest => ({ ...image, config, layers: [{ ...emptyConfig.descriptor, mediaType }] });
        const signature = layer("application/vnd.dev.cosign.simplesigning.v1+json");
        assert.equal((await put(signature)).status, 201);
        await refused(
          await put(layer("application/vnd.dsse.envelope.v1+json")),
          400,
          "MANIFEST_INVALID",
          "REGISTRY_TYPE_REFUSED",
        );
        await refused(await put(image), 400, "MANIFEST_INVALID", "REGISTRY_TYPE_REFUSED");
        const { digest } = await resolveReference(client, { ...repository, tag: "v1" });
        const answer = await put({ ...signature, subject: { ...emptyConfig.descriptor, digest, mediaType: image.mediaType } });
        assert.deepEqual([answer.status, answer.headers["oci-subject"]], [201, undefined]);
        await refused(await request({ url: `${url}/team/app/referrers/${digest}` }), 404, "UNSUPPORTED");
      },
      {},
      "quay-3.6",
    );
  });
});
