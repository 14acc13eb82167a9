// An image with what hangs on it in a directory: an OCI image layout, as `cosign save` writes it (signing-client §2.9).
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Bundle, bundleLimits, parseBundle } from "../bundle/index.ts";
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import {
  createOciHasher,
  type Descriptor,
  encodeManifest,
  fetchManifest,
  isIndex,
  isNonDistributable,
  type Manifest,
  maxManifestBytes,
  mediaTypes,
  type OciDigest,
  parseManifest,
  parseOciDigest,
  pushBlobStream,
  pushManifest,
  pushReferrer,
  type Reference,
  type RegistryClient,
  streamBlob,
  verifyOciDigest,
} from "../oci/index.ts";
import { listAttachments } from "./attachments.ts";
import { imageError } from "./errors.ts";
import type { FoundBundle } from "./find.ts";
import type { ImageSource } from "./source.ts";
import { attachmentTag, defaultMaxAttachmentBytes, type TagKind, type TagLayer } from "./tag-layout.ts";

const kindAnnotation = "kind";
const kindPrefix = "dev.cosignproject.cosign/";
const tagKinds: Readonly<Record<string, TagKind>> = { sigs: "sig", atts: "att", sboms: "sbom" };
// Attachments of something else than the whole, which cosign's reader must not take for the whole's.
const ownKindPrefix = "dev.sigillum.image/";
const subjectAnnotation = "dev.sigillum.image/subject";
const maxDepth = 8;
const bundleTypePrefix = "application/vnd.dev.sigstore.bundle";

/**
 * Write an image, an index with its images, and everything that hangs on each of them into a directory. cosign reads what hangs on the
 * whole; what hangs on an image of an index stands under a kind of our own, which cosign passes over. Returns what the reference names.
 */
export async function saveImage(client: RegistryClient, reference: Reference, directory: string): Promise<Descriptor> {
  await mkdir(join(directory, "blobs", "sha256"), { recursive: true });
  const root = await fetchManifest(client, reference, reference.digest ?? reference.tag ?? "latest");
  const entries: Descriptor[] = [];
  const kept = new Set<OciDigest>();
  const keep = async (digest: OciDigest, annotations: Readonly<Record<string, string>>): Promise<void> => {
    const descriptor = await saveManifest(client, reference, directory, digest);
    entries.push({ ...descriptor, annotations: { ...descriptor.annotations, ...annotations } });
  };
  // What refers to a referrer, and to an attachment, goes with it.
  const keepAttachments = async (subject: OciDigest, depth: number): Promise<void> => {
    if (kept.has(subject) || depth > maxDepth) return;
    kept.add(subject);
    const { tags, referrers } = await listAttachments(client, reference, subject);
    for (const { kind, image } of tags) {
      const own = subject === root.descriptor.digest ? {} : { [subjectAnnotation]: subject };
      const name = subject === root.descriptor.digest ? `${kindPrefix}${kind}s` : `${ownKindPrefix}${kind}s`;
      await keep(image.descriptor.digest, { [kindAnnotation]: name, ...own });
      await keepAttachments(image.descriptor.digest, depth + 1);
    }
    for (const { digest } of referrers) {
      if (entries.some((one) => one.digest === digest)) continue;
      await keep(digest, { [kindAnnotation]: `${kindPrefix}referrer` });
      await keepAttachments(digest, depth + 1);
    }
  };
  await keep(root.descriptor.digest, {
    [kindAnnotation]: `${kindPrefix}${isIndex(root.descriptor.mediaType) ? "imageIndex" : "image"}`,
  });
  await keepAttachments(root.descriptor.digest, 0);
  for (const digest of await childrenIn(directory, root.manifest, 0)) await keepAttachments(digest, 0);
  await writeFile(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const index: Manifest = { mediaType: mediaTypes.index, layers: [], manifests: entries, annotations: {} };
  await writeFile(join(directory, "index.json"), encodeManifest(index));
  return root.descriptor;
}

// The manifests below an index, indexes within it too, as the directory has them.
async function childrenIn(directory: string, manifest: Manifest, depth: number): Promise<OciDigest[]> {
  const found: OciDigest[] = [];
  for (const { digest, mediaType } of depth > maxDepth ? [] : manifest.manifests) {
    found.push(digest);
    if (isIndex(mediaType))
      found.push(
        ...(await childrenIn(directory, parseManifest(await readManifestBytes(directory, digest), mediaType), depth + 1)),
      );
  }
  return found;
}

async function saveManifest(
  client: RegistryClient,
  reference: Reference,
  directory: string,
  digest: OciDigest,
): Promise<Descriptor> {
  const { bytes, descriptor, manifest } = await fetchManifest(client, reference, digest);
  for (const child of manifest.manifests) await saveManifest(client, reference, directory, child.digest);
  for (const blob of blobsOf(manifest)) {
    const path = blobPath(directory, blob.digest);
    if ((await stat(path).catch(() => undefined))?.size === blob.size) continue; // missing: to be written
    await pipeline(streamBlob(client, reference, blob), createWriteStream(path));
  }
  await writeFile(blobPath(directory, digest), bytes);
  return { ...descriptor, ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }) };
}

/** Push what a directory holds: the image under the reference, attachments under their tags, referrers by digest. */
export async function loadImage(client: RegistryClient, reference: Reference, directory: string): Promise<Descriptor> {
  const layout = await readLayout(directory);
  await pushFrom(client, reference, directory, layout.image.digest, reference.tag);
  for (const { descriptor, kind, subject } of layout.tags)
    await pushFrom(client, reference, directory, descriptor.digest, attachmentTag(subject, kind));
  for (const { digest } of layout.referrers) {
    const bytes = await readManifestBytes(directory, digest);
    const manifest = parseManifest(bytes, mediaTypes.manifest);
    await pushBlobs(client, reference, directory, manifest);
    await pushReferrer(client, reference, manifest, bytes);
  }
  return layout.image;
}

async function pushFrom(
  client: RegistryClient,
  reference: Reference,
  directory: string,
  digest: OciDigest,
  tag: string | undefined,
): Promise<void> {
  const bytes = await readManifestBytes(directory, digest);
  const manifest = parseManifest(bytes, mediaTypes.manifest);
  for (const child of manifest.manifests) await pushFrom(client, reference, directory, child.digest, undefined);
  await pushBlobs(client, reference, directory, manifest);
  await pushManifest(client, reference, { bytes, mediaType: manifest.mediaType }, tag);
}

async function pushBlobs(client: RegistryClient, reference: Reference, directory: string, manifest: Manifest): Promise<void> {
  for (const blob of blobsOf(manifest)) await pushBlobStream(client, reference, blob, () => readBlobStream(directory, blob));
}

function blobsOf({ config, layers }: Manifest): Descriptor[] {
  return [...(config === undefined ? [] : [config]), ...layers].filter((one) => !isNonDistributable(one.mediaType));
}

/**
 * An image in a directory and its attachments, to be verified as those in a registry are; with `digest` an image of the index that the
 * directory holds.
 */
export function directorySource(directory: string, digest?: OciDigest): ImageSource {
  return {
    resolve: async () => {
      const { image } = await readLayout(directory);
      const bytes = await readManifestBytes(directory, digest ?? image.digest);
      const manifest = parseManifest(bytes, digest === undefined ? image.mediaType : mediaTypes.manifest);
      const { mediaType } = digest === undefined ? image : manifest;
      return { descriptor: { mediaType, digest: digest ?? image.digest, size: bytes.length }, bytes, manifest };
    },
    confirm: () => Promise.resolve(), // a directory has no tags
    bundles: async (image) => {
      const { referrers } = await readLayout(directory);
      const found = await Promise.all(referrers.map((one) => readReferrer(directory, one.digest, image)));
      return found.filter((one) => one !== undefined);
    },
    layers: async (image, kind) => {
      const { tags } = await readLayout(directory);
      const own = tags.find((one) => one.kind === kind && one.subject === image);
      if (own === undefined) return [];
      const { layers } = parseManifest(await readManifestBytes(directory, own.descriptor.digest), mediaTypes.manifest);
      return await Promise.all(
        layers.map(async (descriptor): Promise<TagLayer> => ({ descriptor, bytes: await readBlob(directory, descriptor) })),
      );
    },
  };
}

async function readReferrer(directory: string, digest: OciDigest, image: OciDigest): Promise<FoundBundle | undefined> {
  const manifest = parseManifest(await readManifestBytes(directory, digest), mediaTypes.manifest);
  if (manifest.subject?.digest !== image || manifest.artifactType?.startsWith(bundleTypePrefix) !== true) return undefined;
  try {
    const [layer] = manifest.layers;
    if (layer === undefined || layer.size > bundleLimits.bytes) throw malformed(directory, `referrer ${digest} holds no bundle`);
    const bundle: Bundle = parseBundle(await readBlob(directory, layer));
    return { manifest: digest, bundle };
  } catch (error) {
    if (isSigillumError(error)) return { manifest: digest, error };
    throw error;
  }
}

interface Layout {
  readonly image: Descriptor;
  readonly tags: readonly { readonly descriptor: Descriptor; readonly kind: TagKind; readonly subject: OciDigest }[];
  readonly referrers: readonly Descriptor[];
}

async function readLayout(directory: string): Promise<Layout> {
  const bytes = await readFile(join(directory, "index.json")).catch((cause: unknown) => {
    throw imageError("IMAGE_DIRECTORY_MALFORMED", `Cannot read image directory ${directory}: it has no index.json`, { cause });
  });
  const { manifests } = parseManifest(bytes, mediaTypes.index);
  const kindOf = (one: Descriptor): string => (one.annotations?.[kindAnnotation] ?? "").replace(kindPrefix, "");
  const images = manifests.filter((one) => ["image", "imageIndex", ""].includes(kindOf(one)));
  const [image] = images;
  if (image === undefined || images.length > 1) throw malformed(directory, `its index names ${images.length} images, not one`);
  return {
    image: { mediaType: image.mediaType, digest: image.digest, size: image.size },
    tags: manifests.flatMap((descriptor) => {
      const name = kindOf(descriptor);
      const kind = tagKinds[name.replace(ownKindPrefix, "")];
      const subject = name.startsWith(ownKindPrefix) ? descriptor.annotations?.[subjectAnnotation] : image.digest;
      return kind === undefined || subject === undefined ? [] : [{ descriptor, kind, subject: parseOciDigest(subject) }];
    }),
    referrers: manifests.filter((one) => ["referrer", "referrers"].includes(kindOf(one))),
  };
}

function blobPath(directory: string, digest: OciDigest): string {
  return join(directory, "blobs", ...digest.split(":"));
}

async function readManifestBytes(directory: string, digest: OciDigest): Promise<Uint8Array> {
  const path = blobPath(directory, digest);
  const found = await stat(path).catch(() => undefined); // missing is told below
  if (found === undefined || found.size > maxManifestBytes) throw malformed(directory, `it lacks ${digest}`);
  const bytes = new Uint8Array(await readFile(path));
  verifyOciDigest(bytes, digest, path);
  return bytes;
}

async function readBlob(directory: string, { digest, size }: Descriptor): Promise<Uint8Array> {
  if (size > defaultMaxAttachmentBytes) throw malformed(directory, `${digest} has ${size} bytes`);
  const path = blobPath(directory, digest);
  const bytes = await readFile(path).catch(() => {
    throw malformed(directory, `it lacks ${digest}`);
  });
  verifyOciDigest(new Uint8Array(bytes), digest, path);
  return new Uint8Array(bytes);
}

async function* readBlobStream(directory: string, { digest }: Pick<Descriptor, "digest">): AsyncGenerator<Uint8Array> {
  const path = blobPath(directory, digest);
  const hasher = createOciHasher(digest);
  for await (const chunk of createReadStream(path)) {
    const bytes = typeof chunk === "string" ? encodeUtf8(chunk) : new Uint8Array(chunk);
    hasher.update(bytes);
    yield bytes;
  }
  hasher.verify(path);
}

function malformed(directory: string, reason: string): Error {
  return imageError("IMAGE_DIRECTORY_MALFORMED", `Cannot read image directory ${directory}: ${reason}`);
}
