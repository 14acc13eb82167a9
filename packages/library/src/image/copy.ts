// Copying an image with what hangs on it, from one repository to another (signing-client §5.5).
import {
  copyBlob,
  type Descriptor,
  type FetchedManifest,
  fetchManifest,
  isIndex,
  isNonDistributable,
  type OciDigest,
  parseManifest,
  pushManifest,
  pushReferrer,
  type Reference,
  type RegistryClient,
} from "../oci/index.ts";
import { listAttachments } from "./attachments.ts";
import type { TagKind } from "./tag-layout.ts";

/** What is copied whither. */
export interface CopyOrder {
  readonly client: RegistryClient;
  readonly source: Reference;
  readonly target: Reference;
  /** Copy these attachments alone and not the image; everything where nothing is said. */
  readonly only?: readonly (TagKind | "referrer")[];
  readonly tagPrefix?: string;
  /** Of an index this platform's image alone. */
  readonly platform?: { readonly os: string; readonly architecture: string };
  /** Told of each manifest before it is copied: the tag or digest. */
  readonly onCopy?: (what: string) => void;
}

const maxDepth = 8;

/**
 * Copy an image, the images of an index, and everything that hangs on each: attachment tags, and referrers with what refers to those.
 * Bytes are copied as they are, so that digests and signatures keep their meaning. Returns what the target names.
 */
export async function copyImage(order: CopyOrder): Promise<Descriptor> {
  const { client, source, target } = order;
  const root = await rootOf(order);
  const seen = new Set<OciDigest>();
  if (order.only === undefined) await copyManifest(order, root, target.tag, seen, 0);
  await copyAttachments(order, root, seen, 0);
  if (isIndex(root.manifest.mediaType)) {
    for (const child of root.manifest.manifests)
      await copyAttachments(order, await fetchManifest(client, source, child.digest), seen, 0);
  }
  return root.descriptor;
}

async function rootOf({ client, source, platform }: CopyOrder): Promise<FetchedManifest> {
  const found = await fetchManifest(client, source, source.digest ?? source.tag ?? "latest");
  if (platform === undefined || !isIndex(found.manifest.mediaType)) return found;
  const child = found.manifest.manifests.find(
    (one) => one.platform?.os === platform.os && one.platform.architecture === platform.architecture,
  );
  return child === undefined ? found : await fetchManifest(client, source, child.digest);
}

// Children before their index, blobs before their manifest: a registry refuses what names something it does not have.
async function copyManifest(
  order: CopyOrder,
  found: FetchedManifest,
  tag: string | undefined,
  seen: Set<OciDigest>,
  depth: number,
): Promise<void> {
  const { client, source, target } = order;
  const { digest, mediaType } = found.descriptor;
  if (seen.has(digest) && tag === undefined) return;
  seen.add(digest);
  order.onCopy?.(tag ?? digest);
  if (isIndex(mediaType)) {
    for (const child of found.manifest.manifests) {
      if (depth < maxDepth)
        await copyManifest(order, await fetchManifest(client, source, child.digest), undefined, seen, depth + 1);
    }
  } else await copyBlobs(order, found);
  await pushManifest(client, target, { bytes: found.bytes, mediaType }, tag);
}

async function copyBlobs({ client, source, target }: CopyOrder, { manifest }: FetchedManifest): Promise<void> {
  const blobs = [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers];
  for (const blob of blobs)
    if (!isNonDistributable(blob.mediaType)) await copyBlob({ client, repository: source }, { client, repository: target }, blob);
}

async function copyAttachments(order: CopyOrder, subject: FetchedManifest, seen: Set<OciDigest>, depth: number): Promise<void> {
  const { client, source, only } = order;
  const { tags, referrers } = await listAttachments(client, source, subject.descriptor.digest, order.tagPrefix);
  for (const { kind, tag, image } of tags) {
    if (only?.includes(kind) === false) continue;
    await copyManifest(order, image, tag, seen, 0);
    // A signed SBOM: what hangs on an attachment goes with it.
    if (depth === 0) await copyAttachments(order, image, seen, depth + 1);
  }
  if (only?.includes("referrer") === false) return;
  for (const { digest } of referrers) {
    if (seen.has(digest)) continue;
    const found = await fetchManifest(client, source, digest);
    await copyReferrer(order, found, seen);
    if (depth < maxDepth) await copyAttachments(order, found, seen, depth + 1);
  }
}

async function copyReferrer(order: CopyOrder, found: FetchedManifest, seen: Set<OciDigest>): Promise<void> {
  const { client, target } = order;
  seen.add(found.descriptor.digest);
  order.onCopy?.(found.descriptor.digest);
  await copyBlobs(order, found);
  await pushReferrer(client, target, parseManifest(found.bytes, found.descriptor.mediaType), found.bytes);
}
