// The layout of cosign 1 and 2: an image under a tag made of the signed digest, one layer for each signature (signing-client §2.2).
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import {
  type Descriptor,
  encodeManifest,
  type FetchedManifest,
  fetchBlob,
  fetchManifest,
  type Manifest,
  mediaTypes,
  type OciDigest,
  ociDigestOf,
  pushBlob,
  pushManifest,
  type RegistryClient,
  type Repository,
} from "../oci/index.ts";
import { imageError } from "./errors.ts";
import type { NewLayer } from "./layer.ts";

/** What hangs on an image under a tag: signatures, attestations, an SBOM. */
export type TagKind = "sig" | "att" | "sbom";

/** A layer of such an image, as read. */
export interface TagLayer {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Most layers of one image that are read or written, as in cosign. */
export const maxTagLayers = 1_000;
/** Longest layer that is read where nothing is said: cosign's 128 MiB. */
export const defaultMaxAttachmentBytes: number = 128 * 1024 * 1024;
const parallel = 4;
const maxUpdates = 8;

/** The tag for what hangs on a digest: "sha256-HEX.sig". */
export function attachmentTag(image: OciDigest, kind: TagKind, prefix = ""): string {
  return `${prefix}${image.replace(":", "-")}.${kind}`;
}

/** The image under an attachment tag; undefined means that the registry was asked and has none. */
export async function fetchTagImage(
  client: RegistryClient,
  repository: Repository,
  tag: string,
): Promise<FetchedManifest | undefined> {
  try {
    return await fetchManifest(client, repository, tag);
  } catch (error) {
    if (isSigillumError(error) && error.code === "OCI_NOT_FOUND") return undefined;
    throw error;
  }
}

/** Read the layers of an attachment image. Each one's length and digest were checked, and nothing else. */
export async function fetchTagLayers(
  client: RegistryClient,
  repository: Repository,
  image: FetchedManifest,
  maxBytes: number = defaultMaxAttachmentBytes,
): Promise<readonly TagLayer[]> {
  const { layers } = image.manifest;
  if (layers.length > maxTagLayers) {
    throw imageError("IMAGE_TOO_MANY_BUNDLES", `Cannot read ${image.descriptor.digest}: it has ${layers.length} layers`, {
      found: String(layers.length),
      expected: `at most ${maxTagLayers}`,
    });
  }
  const found: TagLayer[] = [];
  for (let start = 0; start < layers.length; start += parallel) {
    const batch = layers
      .slice(start, start + parallel)
      .map(async (descriptor) => ({ descriptor, bytes: await fetchBlob(client, repository, descriptor, maxBytes) }));
    found.push(...(await Promise.all(batch)));
  }
  return found;
}

/** What is appended where, and how it is written. */
export interface TagAppendix {
  readonly client: RegistryClient;
  readonly repository: Repository;
  readonly tag: string;
  readonly layer: NewLayer;
  /** Leave out earlier layers for which this holds. */
  readonly replaces?: (earlier: Descriptor) => boolean;
  /** Whether an earlier layer with the same content says the same, so that nothing is added. */
  readonly isSame?: (earlier: Descriptor) => boolean;
  /** Write Docker's media types instead of OCI's ($COSIGN_DOCKER_MEDIA_TYPES). */
  readonly dockerMediaTypes?: boolean;
  /** When the image says it was made; the year 1 where nothing is said, so that the same signature makes the same image. */
  readonly createdMs?: number;
}

/**
 * Append a layer to the image under a tag, which is made if it is missing. The registry leaves the race with others who append to the
 * writer: after the write the tag is read again, and if the layer is not there it is written once more.
 */
export async function appendTagLayer(appendix: TagAppendix): Promise<Descriptor> {
  const { client, repository, tag, layer } = appendix;
  const blob = await pushBlob(client, repository, layer.bytes, layer.mediaType);
  const descriptor: Descriptor = { ...blob, annotations: layer.annotations };
  for (let attempt = 0; attempt < maxUpdates; attempt += 1) {
    const found = await fetchTagImage(client, repository, tag);
    const same = (one: Descriptor): boolean =>
      sameLayer(one, descriptor) || (one.digest === descriptor.digest && appendix.isSame?.(one) === true);
    if (found?.manifest.layers.some(same) === true) return found.descriptor;
    const image = await nextImage(appendix, found, descriptor);
    try {
      await pushManifest(client, repository, { bytes: encodeManifest(image), mediaType: image.mediaType }, tag, found?.etag);
    } catch (error) {
      if (!isSigillumError(error) || error.found?.startsWith("HTTP 412") !== true) throw error;
    }
  }
  throw imageError(
    "IMAGE_TAG_CONFLICT",
    `Cannot add to ${repository.registry}/${repository.name}:${tag}: others kept overwriting it`,
    { found: `${maxUpdates} times overwritten` },
  );
}

function sameLayer(a: Descriptor, b: Descriptor): boolean {
  return a.digest === b.digest && JSON.stringify(sorted(a.annotations)) === JSON.stringify(sorted(b.annotations));
}

function sorted(annotations: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function nextImage(appendix: TagAppendix, found: FetchedManifest | undefined, added: Descriptor): Promise<Manifest> {
  const { client, repository, replaces, dockerMediaTypes = false } = appendix;
  const kept = (found?.manifest.layers ?? []).filter((one) => replaces?.(one) !== true);
  if (kept.length >= maxTagLayers) {
    throw imageError("IMAGE_TOO_MANY_BUNDLES", `Cannot add to ${repository.name}:${appendix.tag}: it has ${kept.length} layers`, {
      found: String(kept.length),
      expected: `fewer than ${maxTagLayers}`,
    });
  }
  const layers = [...kept, added];
  const config = await pushBlob(
    client,
    repository,
    imageConfig(layers, appendix.createdMs),
    dockerMediaTypes ? "application/vnd.docker.container.image.v1+json" : mediaTypes.config,
  );
  return {
    mediaType: dockerMediaTypes ? mediaTypes.dockerManifest : mediaTypes.manifest,
    config,
    layers,
    manifests: [],
    annotations: found?.manifest.annotations ?? {},
  };
}

// A real image config: Quay 3.6 takes nothing else.
function imageConfig(layers: readonly Descriptor[], createdMs: number | undefined): Uint8Array {
  const created = createdMs === undefined ? "0001-01-01T00:00:00Z" : new Date(createdMs).toISOString();
  return encodeUtf8(
    JSON.stringify({
      architecture: "",
      created,
      history: layers.map(() => ({ created: "0001-01-01T00:00:00Z" })),
      os: "",
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      config: {},
    }),
  );
}

/** An image of one layer, for what is attached once and replaced whole: an SBOM. */
export async function pushTagImage(p: Omit<TagAppendix, "replaces">): Promise<Descriptor> {
  const blob = await pushBlob(p.client, p.repository, p.layer.bytes, p.layer.mediaType);
  const annotations = Object.keys(p.layer.annotations).length === 0 ? {} : { annotations: p.layer.annotations };
  const image = await nextImage({ ...p, replaces: () => true }, undefined, { ...blob, ...annotations });
  const bytes = encodeManifest(image);
  await pushManifest(p.client, p.repository, { bytes, mediaType: image.mediaType }, p.tag);
  return { mediaType: image.mediaType, digest: ociDigestOf(bytes), size: bytes.length };
}
