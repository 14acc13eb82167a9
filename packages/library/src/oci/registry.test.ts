import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryRegistry, type RegistryQuirks, registryAccount } from "../testing/index.ts";
import {
  type Descriptor,
  emptyConfig,
  encodeManifest,
  fetchBlob,
  fetchManifest,
  fetchPlatformManifest,
  hasBlob,
  listReferrers,
  type Manifest,
  mediaTypes,
  ociDigestOf,
  parseReference,
  pushBlob,
  pushManifest,
  pushReferrer,
  type Reference,
  RegistryClient,
  referrersTag,
  resolveReference,
} from "./index.ts";

const account = { type: "password", ...registryAccount } as const;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const image: Manifest = {
  mediaType: mediaTypes.manifest,
  config: emptyConfig.descriptor,
  layers: [],
  manifests: [],
  annotations: {},
};
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

interface Setting {
  readonly registry: MemoryRegistry;
  readonly client: RegistryClient;
  readonly repository: Reference;
  readonly subject: Descriptor;
  readonly warnings: string[];
}

async function withRegistry(quirks: RegistryQuirks, use: (setting: Setting) => Promise<void>): Promise<void> {
  const registry = await new MemoryRegistry(quirks).start();
  const warnings: string[] = [];
  try {
    const client = new RegistryClient({
      credentials: () => Promise.resolve(quirks.auth === undefined ? undefined : account),
      onWarning: (text) => warnings.push(text),
    });
    const subjectBytes = encodeManifest(image);
    registry.putManifest(subjectBytes, image.mediaType, "v1");
    const subject = { mediaType: image.mediaType, digest: ociDigestOf(subjectBytes), size: subjectBytes.length };
    await use({ registry, client, repository: parseReference(`${registry.host}/app:v1`), subject, warnings });
  } finally {
    await registry.stop();
  }
}

function referrer(subject: Descriptor, name: string, artifactType: string = bundleType): Manifest {
  return { ...image, artifactType, subject, annotations: { name } };
}

describe("resolveReference", () => {
  it("takes the digest from the HEAD answer, or hashes the body where there is none", async () => {
    for (const quirks of [
      {},
      { noDigestHeader: true },
      { auth: "basic" },
      { auth: "bearer" },
      { throttled: 1 },
    ] satisfies RegistryQuirks[]) {
      await withRegistry(quirks, async ({ client, repository, subject }) => {
        assert.deepEqual(await resolveReference(client, repository), subject);
      });
    }
  });

  it("says OCI_NOT_FOUND for a missing tag and something else for a registry that cannot answer", async () => {
    await withRegistry({}, async ({ client, registry }) => {
      await assert.rejects(resolveReference(client, parseReference(`${registry.host}/app:v2`)), { code: "OCI_NOT_FOUND" });
    });
    await withRegistry({ throttled: 99 }, async ({ client, repository }) => {
      await assert.rejects(resolveReference(client, repository), { code: "OCI_RATE_LIMITED", kind: "unavailable" });
    });
    await withRegistry({ auth: "basic" }, async ({ repository }) => {
      const anonymous = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
      await assert.rejects(resolveReference(anonymous, repository), { code: "OCI_UNAUTHORIZED", kind: "unavailable" });
    });
    await withRegistry({ auth: "bearer" }, async ({ repository }) => {
      const anonymous = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
      await assert.rejects(resolveReference(anonymous, repository), { code: "OCI_UNAUTHORIZED" });
    });
    await assert.rejects(
      resolveReference(new RegistryClient({ credentials: () => Promise.resolve(undefined) }), parseReference("127.0.0.1:1/app")),
      { code: "HTTP_UNREACHABLE" },
    );
  });

  it("refuses another digest than was asked for", async () => {
    await withRegistry({}, async ({ client, registry, subject }) => {
      const other = registry.putManifest(bytes('{"schemaVersion":2}'), image.mediaType);
      registry.manifests.set(subject.digest, { mediaType: image.mediaType, bytes: bytes('{"schemaVersion":2}') });
      await assert.rejects(fetchManifest(client, parseReference(`${registry.host}/app`), subject.digest), {
        code: "OCI_DIGEST_MISMATCH",
        found: other,
        expected: subject.digest,
      });
    });
  });

  it("tells a registry's warning once", async () => {
    await withRegistry({ warning: '299 - "closing on Friday"' }, async ({ client, repository, warnings }) => {
      await resolveReference(client, repository);
      await resolveReference(client, repository);
      assert.deepEqual(warnings, ["closing on Friday"]);
    });
  });
});

describe("fetchManifest", () => {
  it("refuses a body that has not the named digest, is no manifest, or is too large", async () => {
    await withRegistry({ wrongBody: bytes('{"layers":[]}') }, async ({ client, repository, subject }) => {
      await assert.rejects(fetchManifest(client, repository, "v1"), { code: "OCI_DIGEST_MISMATCH", expected: subject.digest });
    });
    await withRegistry({ noDigestHeader: true, wrongBody: bytes('{"layers":3}') }, async ({ client, repository }) => {
      await assert.rejects(fetchManifest(client, repository, "v1"), { code: "OCI_MANIFEST_INVALID" });
    });
    await withRegistry(
      { noDigestHeader: true, wrongBody: new Uint8Array(4 * 1024 * 1024 + 1) },
      async ({ client, repository }) => {
        await assert.rejects(fetchManifest(client, repository, "v1"), { code: "HTTP_TOO_LARGE" });
      },
    );
  });

  it("refuses a list longer than is read", async () => {
    const entry = { mediaType: "a/b", digest: emptyConfig.descriptor.digest, size: 2 };
    const list = bytes(JSON.stringify({ schemaVersion: 2, layers: Array.from({ length: 20_001 }, () => entry) }));
    await withRegistry({ noDigestHeader: true, wrongBody: list }, async ({ client, repository }) => {
      await assert.rejects(fetchManifest(client, repository, "v1"), { code: "OCI_TOO_LARGE" });
    });
  });

  it("finds the image for a platform in an index", async () => {
    await withRegistry({}, async ({ client, registry, subject }) => {
      const index: Manifest = {
        mediaType: mediaTypes.index,
        layers: [],
        manifests: [{ ...subject, platform: { os: "linux", architecture: "amd64" } }],
        annotations: {},
      };
      registry.putManifest(encodeManifest(index), index.mediaType, "multi");
      const reference = parseReference(`${registry.host}/app:multi`);
      assert.equal(
        (await fetchPlatformManifest(client, reference, { os: "linux", architecture: "amd64" })).descriptor.digest,
        subject.digest,
      );
      await assert.rejects(fetchPlatformManifest(client, reference, { os: "plan9", architecture: "amd64" }), {
        code: "OCI_NOT_FOUND",
      });
    });
  });
});

describe("pushBlob and fetchBlob", () => {
  it("carry bytes there and back over absolute and relative locations, authentication and redirects", async () => {
    for (const quirks of [
      {},
      { relativeLocation: true },
      { auth: "basic", redirectBlobs: true },
      { auth: "bearer" },
    ] satisfies RegistryQuirks[]) {
      await withRegistry(quirks, async ({ client, repository, registry }) => {
        const blob = await pushBlob(client, repository, bytes("content"), "text/plain");
        assert.equal(await hasBlob(client, repository, blob.digest), true);
        assert.deepEqual(new Uint8Array(await fetchBlob(client, repository, blob, 100)), bytes("content"));
        const posts = registry.requests.filter((line) => line.startsWith("POST")).length;
        await pushBlob(client, repository, bytes("content"), "text/plain");
        assert.equal(
          registry.requests.filter((line) => line.startsWith("POST")).length,
          posts,
          "a blob that is there is not pushed again",
        );
      });
    }
  });

  it("refuse what has another digest or length, and what is larger than wanted", async () => {
    await withRegistry({}, async ({ client, repository, registry }) => {
      const blob = await pushBlob(client, repository, bytes("content"), "text/plain");
      await assert.rejects(fetchBlob(client, repository, blob, 3), { code: "OCI_TOO_LARGE" });
      registry.blobs.set(blob.digest, bytes("CONTENT"));
      await assert.rejects(fetchBlob(client, repository, blob, 100), { code: "OCI_DIGEST_MISMATCH" });
      registry.blobs.set(blob.digest, bytes("short"));
      await assert.rejects(fetchBlob(client, repository, blob, 100), { code: "OCI_DIGEST_MISMATCH", found: "5", expected: "7" });
      registry.blobs.set(blob.digest, bytes("much too long"));
      await assert.rejects(fetchBlob(client, repository, blob, 100), { code: "OCI_DIGEST_MISMATCH" });
      registry.blobs.clear();
      await assert.rejects(fetchBlob(client, repository, blob, 100), { code: "OCI_NOT_FOUND" });
    });
  });
});

describe("referrers", () => {
  const both: RegistryQuirks[] = [
    {},
    { noReferrersApi: true },
    { noFilter: true },
    { pagedReferrers: true },
    { noReferrersApi: true, conditional: true },
    { auth: "bearer" },
  ];
  for (const quirks of both) {
    it(`are listed with type and annotations after they were pushed, on a registry with ${JSON.stringify(quirks)}`, async () => {
      await withRegistry(quirks, async ({ client, repository, subject }) => {
        assert.deepEqual(await listReferrers(client, repository, subject.digest, bundleType), []);
        const first = await pushReferrer(client, repository, referrer(subject, "first"));
        const second = await pushReferrer(client, repository, referrer(subject, "second"));
        await pushReferrer(client, repository, referrer(subject, "other", "text/spdx"));
        const found = await listReferrers(client, repository, subject.digest, bundleType);
        assert.deepEqual(
          [...found].sort((a, b) => a.digest.localeCompare(b.digest)),
          [first, second].sort((a, b) => a.digest.localeCompare(b.digest)),
        );
        assert.deepEqual(found.map((one) => one.annotations?.["name"]).sort(), ["first", "second"]);
        assert.equal((await listReferrers(client, repository, subject.digest)).length, 3);
      });
    });
  }

  it("are looked for under the tag when the API lists nothing", async () => {
    await withRegistry({ subjectLie: true }, async ({ client, repository, registry, subject }) => {
      const entry = { ...subject, artifactType: bundleType };
      const index: Manifest = { mediaType: mediaTypes.index, layers: [], manifests: [entry], annotations: {} };
      registry.putManifest(encodeManifest(index), mediaTypes.index, referrersTag(subject.digest));
      assert.deepEqual(await listReferrers(client, repository, subject.digest), [entry]);
    });
  });

  it("that cannot be listed are an error, never an empty list", async () => {
    for (const [status, code] of [
      [429, "OCI_RATE_LIMITED"],
      [500, "OCI_UNAVAILABLE"],
      [403, "OCI_UNAUTHORIZED"],
      [401, "OCI_UNAUTHORIZED"],
      [503, "OCI_UNAVAILABLE"],
    ] as const) {
      await withRegistry({ referrersStatus: status }, async ({ client, repository, subject }) => {
        await assert.rejects(listReferrers(client, repository, subject.digest), { code, kind: "unavailable" }, String(status));
      });
    }
  });

  it("survive another signer that writes the tag between our read and our write", async () => {
    for (const conditional of [false, true]) {
      const quirks: RegistryQuirks = { noReferrersApi: true, conditional };
      await withRegistry(quirks, async ({ client, repository, registry, subject }) => {
        await pushReferrer(client, repository, referrer(subject, "before"));
        const theirs = { ...subject, digest: ociDigestOf(bytes("theirs")), artifactType: bundleType };
        let races = 1;
        quirks.beforeTag = (tag) => {
          if (races === 0) return;
          races -= 1;
          const index: Manifest = { mediaType: mediaTypes.index, layers: [], manifests: [theirs], annotations: {} };
          queueMicrotask(() => registry.putManifest(encodeManifest(index), mediaTypes.index, tag));
        };
        const ours = await pushReferrer(client, repository, referrer(subject, "ours"));
        const found = (await listReferrers(client, repository, subject.digest)).map((one) => one.digest);
        assert.ok(found.includes(ours.digest) && found.includes(theirs.digest), `conditional: ${conditional}`);
      });
    }
  });

  it("end with OCI_REFERRERS_CONFLICT when others never stop overwriting", async () => {
    const quirks: RegistryQuirks = { noReferrersApi: true };
    await withRegistry(quirks, async ({ client, repository, registry, subject }) => {
      let count = 0;
      quirks.beforeTag = (tag) => {
        count += 1;
        const index: Manifest = { mediaType: mediaTypes.index, layers: [], manifests: [], annotations: { count: String(count) } };
        queueMicrotask(() => registry.putManifest(encodeManifest(index), mediaTypes.index, tag));
      };
      await assert.rejects(pushReferrer(client, repository, referrer(subject, "ours")), {
        code: "OCI_REFERRERS_CONFLICT",
        kind: "unavailable",
      });
    });
  });
});

describe("RegistryClient", () => {
  it("asks the token service once for each scope", async () => {
    await withRegistry({ auth: "bearer" }, async ({ client, repository, registry }) => {
      for (let round = 0; round < 3; round += 1) await resolveReference(client, repository);
      await pushManifest(client, repository, { bytes: encodeManifest(image), mediaType: image.mediaType }, "v3");
      await pushManifest(client, repository, { bytes: encodeManifest(image), mediaType: image.mediaType }, "v4");
      assert.equal(registry.requests.filter((line) => line === "GET /token").length, 2);
    });
  });

  it("refuses a token service on plain http for a registry on https", async () => {
    const { TokenCache } = await import("./token.ts");
    const challenge = { scheme: "bearer", parameters: new Map([["realm", "http://127.0.0.1:1/token"]]) };
    await assert.rejects(
      new TokenCache(undefined).token({
        registry: "https://r.example",
        scope: "repository:a:pull",
        challenge,
        credentials: undefined,
        fresh: false,
      }),
      { code: "OCI_REALM_REFUSED" },
    );
  });
});
