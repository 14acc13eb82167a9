import { rm } from "node:fs/promises";
import { encodeUtf8, isSigillumError, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import {
  createOciHasher,
  type Descriptor,
  isIndex,
  isNonDistributable,
  isOciDigest,
  type Manifest,
  mediaTypes,
  type OciDigest,
  ociDigestOf,
  parseDescriptor,
  parseManifest,
  parseOciDigest,
} from "@sigillum/library/oci";
import { type Acceptance, checkAcceptance } from "./acceptance.ts";
import { type BlobStore, writeDurably } from "./blob-store.ts";
import { registryError } from "./errors.ts";
import { namesIn, readIfThere, removeIfThere } from "./files.ts";
import { type Layout, parseTagName, type RepositoryName } from "./layout.ts";

/** A manifest as it was pushed. */
export interface StoredManifest {
  readonly digest: OciDigest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

const known: readonly string[] = [mediaTypes.manifest, mediaTypes.index, mediaTypes.dockerManifest, mediaTypes.dockerIndex];

/** Manifests, tags and what refers to what. */
export class ManifestStore {
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #acceptance: Acceptance;

  constructor(layout: Layout, blobs: BlobStore, acceptance: Acceptance = "oci-1.1") {
    this.#layout = layout;
    this.#blobs = blobs;
    this.#acceptance = acceptance;
  }

  /** Whether it lists what refers to a manifest. */
  get hasReferrers(): boolean {
    return this.#acceptance === "oci-1.1";
  }

  /** Read a manifest by tag or digest. */
  async get(name: RepositoryName, reference: string): Promise<StoredManifest> {
    const digest = reference.includes(":") ? checkedDigest(reference) : await this.#tagged(name, reference);
    const mediaType = digest === undefined ? undefined : await readIfThere(this.#layout.manifest(name, digest));
    const bytes = digest === undefined || mediaType === undefined ? undefined : await readIfThere(this.#layout.content(digest));
    if (digest === undefined || mediaType === undefined || bytes === undefined) {
      throw registryError(
        "REGISTRY_MANIFEST_UNKNOWN",
        `Cannot find manifest: ${name} has no ${JSON.stringify(reference.slice(0, 150))}`,
        { expected: reference.slice(0, 150) },
      );
    }
    return { digest, mediaType: parseUtf8(mediaType), bytes };
  }

  /**
   * Take a manifest under a tag or its digest. After it returns it is durable, everything it is made of is in the
   * repository, and its subject's list of referrers has it. That the subject exists is not demanded.
   */
  async put(
    name: RepositoryName,
    reference: string,
    bytes: Uint8Array,
    contentType: string,
  ): Promise<{ digest: OciDigest; subject?: OciDigest }> {
    const manifest = readManifest(bytes, contentType);
    const tag = reference.includes(":") ? undefined : parseTagName(reference);
    const digest = tag === undefined ? checkedDigest(reference) : ociDigestOf(bytes);
    verify(bytes, digest);
    checkAcceptance(this.#acceptance, manifest);
    await this.#demandParts(name, manifest);
    // Content first, then what names it: a crash between leaves content that nothing names.
    await writeDurably(this.#layout.content(digest), bytes);
    await writeDurably(this.#layout.manifest(name, digest), encodeUtf8(manifest.mediaType));
    const subject = this.hasReferrers ? manifest.subject?.digest : undefined;
    if (subject !== undefined)
      await writeDurably(
        this.#layout.referrer(name, subject, digest),
        encodeUtf8(JSON.stringify(referrerOf(manifest, digest, bytes.length))),
      );
    if (tag !== undefined) await writeDurably(this.#layout.tag(name, tag), encodeUtf8(digest));
    return { digest, ...(subject === undefined ? {} : { subject }) };
  }

  /** Delete a tag, or by digest a manifest with its tags and its entry among its subject's referrers. */
  async delete(name: RepositoryName, reference: string): Promise<void> {
    if (!reference.includes(":")) {
      if (await removeIfThere(this.#layout.tag(name, parseTagName(reference)))) return;
      throw registryError("REGISTRY_MANIFEST_UNKNOWN", `Cannot delete tag: ${name} has no ${JSON.stringify(reference)}`, {
        expected: reference,
      });
    }
    const { digest, bytes, mediaType } = await this.get(name, reference);
    for (const tag of await this.tags(name))
      if ((await this.#tagged(name, tag)) === digest) await rm(this.#layout.tag(name, parseTagName(tag)), { force: true });
    const subject = readManifest(bytes, mediaType).subject?.digest;
    if (subject !== undefined) await removeIfThere(this.#layout.referrer(name, subject, digest));
    await removeIfThere(this.#layout.manifest(name, digest));
  }

  /** The repository's tags in order. */
  async tags(name: RepositoryName): Promise<string[]> {
    return await namesIn(this.#layout.tags(name));
  }

  /** Whether anything was ever pushed under this name. */
  async hasRepository(name: RepositoryName): Promise<boolean> {
    return (await namesIn(this.#layout.repository(name))).some((one) => one.startsWith("_"));
  }

  /** Descriptors of what refers to a digest, which need not exist itself. */
  async referrers(name: RepositoryName, subject: OciDigest): Promise<Descriptor[]> {
    const directory = this.#layout.referrers(name, subject);
    const found: Descriptor[] = [];
    for (const file of await namesIn(directory)) {
      const digest = file.replace("-", ":");
      const bytes = isOciDigest(digest) ? await readIfThere(this.#layout.referrer(name, subject, digest)) : undefined;
      if (bytes !== undefined) found.push(parseDescriptor(parseJson(bytes)));
    }
    return found;
  }

  async #tagged(name: RepositoryName, tag: string): Promise<OciDigest | undefined> {
    const bytes = await readIfThere(this.#layout.tag(name, parseTagName(tag)));
    return bytes === undefined ? undefined : parseOciDigest(parseUtf8(bytes));
  }

  async #demandParts(name: RepositoryName, manifest: Manifest): Promise<void> {
    for (const part of [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers]) {
      if (isNonDistributable(part.mediaType)) continue; // OCI image spec, "Non-Distributable Layers": fetched from elsewhere
      if ((await this.#blobs.length(name, part.digest)) === undefined) incomplete(name, part.digest, "blob");
    }
    for (const part of manifest.manifests) {
      if ((await readIfThere(this.#layout.manifest(name, part.digest))) === undefined) incomplete(name, part.digest, "manifest");
    }
  }
}

// Distribution spec, "Listing Referrers": artifactType, or else the config's media type; annotations copied.
function referrerOf(manifest: Manifest, digest: OciDigest, size: number): Descriptor {
  const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
  return {
    mediaType: manifest.mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(manifest.annotations).length === 0 ? {} : { annotations: manifest.annotations }),
  };
}

function readManifest(bytes: Uint8Array, contentType: string): Manifest {
  const type = contentType.split(";")[0]?.trim() ?? "";
  if (!known.includes(type)) {
    throw registryError(
      "REGISTRY_MANIFEST_INVALID",
      `Cannot take manifest: its content type is ${JSON.stringify(type.slice(0, 100))}`,
      { found: type.slice(0, 100), expected: known.join(" or ") },
    );
  }
  const manifest = parse(bytes, type);
  // Distribution spec, "Pushing Manifests": a mediaType in the document must be the Content-Type.
  if (manifest.mediaType !== type) {
    throw registryError(
      "REGISTRY_MANIFEST_INVALID",
      `Cannot take manifest: its mediaType is ${JSON.stringify(manifest.mediaType.slice(0, 100))}, its content type ${type}`,
      { found: manifest.mediaType.slice(0, 100), expected: type },
    );
  }
  if (!isIndex(type) && manifest.config === undefined)
    throw registryError("REGISTRY_MANIFEST_INVALID", "Cannot take manifest: it has no config", {
      expected: "a config descriptor",
    });
  return manifest;
}

function parse(bytes: Uint8Array, contentType: string): Manifest {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    throw registryError("REGISTRY_MANIFEST_INVALID", error.message, { cause: error });
  }
}

function checkedDigest(text: string): OciDigest {
  if (!isOciDigest(text))
    throw registryError("REGISTRY_DIGEST_INVALID", `Cannot read digest: found ${JSON.stringify(text.slice(0, 150))}`, {
      found: text.slice(0, 150),
      expected: "sha256: and 64 hexadecimal digits",
    });
  return text;
}

function verify(bytes: Uint8Array, digest: OciDigest): void {
  try {
    const hasher = createOciHasher(digest);
    hasher.update(bytes);
    hasher.verify("manifest");
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    throw registryError("REGISTRY_DIGEST_INVALID", `Cannot take manifest: what was sent does not have digest ${digest}`, {
      cause: error,
      expected: digest,
    });
  }
}

function incomplete(name: RepositoryName, digest: OciDigest, what: string): never {
  throw registryError(
    "REGISTRY_MANIFEST_INCOMPLETE",
    `Cannot take manifest: ${name} does not have the ${what} ${digest} that it names`,
    { expected: digest },
  );
}
