// Mounting, removing, and remembering accounts.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MemoryRegistry, type RegistryQuirks, registryAccount } from "../testing/index.ts";
import {
  copyBlob,
  deleteManifest,
  dockerCredentials,
  emptyConfig,
  encodeManifest,
  fixedCredentials,
  listReferrers,
  type Manifest,
  mediaTypes,
  ociDigestOf,
  parseReference,
  pushBlobStream,
  pushReferrer,
  RegistryClient,
  type Repository,
  referrersTag,
  removeReferrer,
  storeCredentials,
} from "./index.ts";

const manifest: Manifest = {
  mediaType: mediaTypes.manifest,
  config: emptyConfig.descriptor,
  layers: [],
  manifests: [],
  annotations: {},
};

async function withRegistry(
  quirks: RegistryQuirks,
  use: (p: { registry: MemoryRegistry; client: RegistryClient; repository: Repository }) => Promise<void>,
): Promise<void> {
  const registry = await new MemoryRegistry(quirks).start();
  try {
    const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
    await use({ registry, client, repository: parseReference(`${registry.host}/app`) });
  } finally {
    await registry.stop();
  }
}

describe("copyBlob", () => {
  it("mounts within a registry, and streams where that is refused", async () => {
    for (const refuseMount of [false, true]) {
      await withRegistry({ refuseMount }, async ({ registry, client, repository }) => {
        registry.blobs.set(emptyConfig.descriptor.digest, emptyConfig.bytes);
        const target = { client, repository: { ...repository, name: "other" } };
        await copyBlob({ client, repository }, target, emptyConfig.descriptor);
        await copyBlob({ client, repository }, { client, repository }, emptyConfig.descriptor);
        const posts = registry.requests.filter((line) => line.startsWith("POST"));
        assert.deepEqual(posts, ["POST /v2/other/blobs/uploads/"]);
        assert.equal(
          registry.requests.some((line) => line.startsWith("HEAD")),
          refuseMount,
        );
      });
    }
  });
});

describe("pushBlobStream", () => {
  const content = new Uint8Array(1000).map((_, index) => index % 251);
  const blob = { digest: ociDigestOf(content), size: content.length };
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < content.length; start += 70) yield content.subarray(start, start + 70);
  }
  const push = async (quirks: RegistryQuirks): Promise<readonly string[]> => {
    let requests: readonly string[] = [];
    await withRegistry(quirks, async ({ registry, repository }) => {
      const client = new RegistryClient({ credentials: () => Promise.resolve({ type: "password", ...registryAccount }) });
      await pushBlobStream(client, repository, blob, pieces, 300);
      assert.deepEqual(registry.blobs.get(blob.digest), content);
      requests = registry.requests.map((line) => line.split(" ")[0] ?? "").filter((method) => !["HEAD", "POST"].includes(method));
    });
    return requests;
  };

  it("sends what is long in chunks, of the length that the registry wants", async () => {
    assert.deepEqual(await push({}), ["GET", "PATCH", "PATCH", "PATCH", "PATCH", "PUT"]);
    assert.deepEqual(await push({ chunkMinLength: 600, relativeLocation: true }), ["GET", "PATCH", "PATCH", "PUT"]);
  });

  it("goes on where it broke off, with a new token if the old one has expired", async () => {
    assert.deepEqual(await push({ cutChunks: 2 }), [
      ...["GET", "PATCH", "GET", "PATCH", "GET", "PATCH", "PATCH", "PATCH", "PATCH", "PUT"],
    ]);
    const asked = await push({ auth: "bearer", expiredTokens: 1 });
    assert.equal(asked.filter((method) => method === "PATCH").length, 5);
  });

  it("sends it whole where a registry takes no chunks, and gives up on one that loses every chunk", async () => {
    assert.deepEqual(await push({ noChunks: true }), ["GET", "PATCH", "PUT"]);
    await assert.rejects(push({ fault: (method) => (method === "PATCH" ? { status: 500 } : undefined) }), {
      code: "OCI_UNAVAILABLE",
    });
    await assert.rejects(push({ fault: (method) => (method === "PATCH" ? { status: 403 } : undefined) }), {
      code: "OCI_UNAUTHORIZED",
    });
  });
});

describe("deleteManifest and removeReferrer", () => {
  it("remove what is there, take what is missing for done, and say what a registry does not do", async () => {
    await withRegistry({ noReferrersApi: true }, async ({ registry, client, repository }) => {
      const bytes = encodeManifest(manifest);
      registry.putManifest(bytes, manifest.mediaType, "v1");
      const digest = ociDigestOf(bytes);
      const subject = { mediaType: manifest.mediaType, digest, size: bytes.length };
      const pushed = await pushReferrer(client, repository, { ...manifest, artifactType: "text/x", subject });
      assert.equal((await listReferrers(client, repository, digest)).length, 1);
      await removeReferrer(client, repository, digest, pushed.digest);
      assert.equal((await listReferrers(client, repository, digest)).length, 0);
      assert.ok(registry.tags.has(referrersTag(digest)));
      assert.equal(await deleteManifest(client, repository, pushed.digest), true);
      assert.equal(await deleteManifest(client, repository, pushed.digest), false);
      registry.quirks.noDelete = true;
      await assert.rejects(deleteManifest(client, repository, digest), { code: "OCI_DELETE_UNSUPPORTED", kind: "state" });
    });
  });

  it("write the referrers tag where a registry promises to list and does not", async () => {
    await withRegistry({ subjectLie: true }, async ({ registry, client, repository }) => {
      const bytes = encodeManifest(manifest);
      registry.putManifest(bytes, manifest.mediaType, "v1");
      const subject = { mediaType: manifest.mediaType, digest: ociDigestOf(bytes), size: bytes.length };
      await pushReferrer(client, repository, { ...manifest, artifactType: "text/x", subject });
      assert.ok(registry.tags.has(referrersTag(subject.digest)));
    });
  });
});

describe("storeCredentials", () => {
  it("keeps what stands in the file, for its owner alone, and is read back", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-oci-"));
    try {
      const env = { DOCKER_CONFIG: join(directory, "docker") };
      await mkdir(env.DOCKER_CONFIG);
      await writeFile(join(env.DOCKER_CONFIG, "config.json"), '{"psFormat":"x","auths":{"a.example":{"auth":"eDp5"}}}');
      const path = await storeCredentials("r.example:5000", { username: "ada", password: "s:3" }, env);
      const stored: { psFormat: string } = JSON.parse(await readFile(path, "utf8"));
      assert.equal(stored.psFormat, "x");
      assert.equal((await stat(path)).mode & 0o077, 0);
      const source = dockerCredentials(env);
      assert.deepEqual(await source({ registry: "r.example:5000", name: "app" }), {
        type: "password",
        username: "ada",
        password: "s:3",
      });
      assert.deepEqual(await source({ registry: "a.example", name: "app" }), { type: "password", username: "x", password: "y" });
      await writeFile(path, "{");
      await assert.rejects(storeCredentials("r", { username: "a", password: "b" }, env), { code: "OCI_CREDENTIALS_UNREADABLE" });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it("is passed over by credentials that were given", async () => {
    const given = { type: "registry-token", token: "t" } as const;
    assert.deepEqual(await fixedCredentials(given)({ registry: "r", name: "n" }), given);
  });
});
