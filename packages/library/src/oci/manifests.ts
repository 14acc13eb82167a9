import { type RegistryClient, unexpected } from "./client.ts";
import { isOciDigest, type OciDigest, ociDigestOf, parseOciDigest, verifyOciDigest } from "./digest.ts";
import { ociError } from "./errors.ts";
import { type Descriptor, isIndex, type Manifest, maxManifestBytes, mediaTypes, parseManifest } from "./manifest.ts";
import { encodeReference, type Reference, type Repository } from "./reference.ts";

/** A manifest as the registry handed it out: its bytes have the descriptor's digest. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  /** What the registry offers for a conditional update. */
  readonly etag?: string;
}

/** What the registry said when it took a manifest. */
export interface PushedManifest {
  readonly digest: OciDigest;
  /** The registry lists this manifest among its subject's referrers by itself (`OCI-Subject`). */
  readonly subjectListed: boolean;
}

const accept = [mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerIndex, mediaTypes.dockerManifest].join(", ");

/**
 * Find out which manifest or index a reference names, now: what is signed is its digest. Distribution spec end-3 (HEAD), or
 * GET where the registry's answer lacks the digest.
 */
export async function resolveReference(client: RegistryClient, reference: Reference): Promise<Descriptor> {
  const wanted = reference.digest ?? reference.tag ?? "latest";
  const answer = await client.send(reference, {
    method: "HEAD",
    path: `manifests/${wanted}`,
    access: "pull",
    headers: { accept },
  });
  const digest = answer.headers["docker-content-digest"];
  const size = answer.headers["content-length"];
  const mediaType = contentType(answer.headers);
  if (
    answer.status === 200 &&
    digest !== undefined &&
    isOciDigest(digest) &&
    size !== undefined &&
    /^[0-9]{1,15}$/.test(size) &&
    mediaType !== ""
  ) {
    if (reference.digest !== undefined && digest !== reference.digest) {
      throw ociError("OCI_DIGEST_MISMATCH", `Cannot resolve ${encodeReference(reference)}: the registry names digest ${digest}`, {
        found: digest,
        expected: reference.digest,
      });
    }
    return { mediaType, digest, size: Number(size) };
  }
  if (answer.status !== 200 && answer.status !== 405)
    throw imageNotFound(unexpected(answer, `resolve ${encodeReference(reference)}`), reference);
  return (await fetchManifest(client, reference, wanted)).descriptor;
}

/** Read a manifest or index by tag or digest. Its bytes have been hashed; what it refers to has not been looked at. */
export async function fetchManifest(
  client: RegistryClient,
  repository: Repository,
  tagOrDigest: string,
): Promise<FetchedManifest> {
  const what = `manifest ${tagOrDigest} of ${repository.registry}/${repository.name}`;
  const answer = await client.send(repository, {
    method: "GET",
    path: `manifests/${tagOrDigest}`,
    access: "pull",
    headers: { accept },
    maxBytes: maxManifestBytes,
  });
  if (answer.status !== 200) throw unexpected(answer, `read ${what}`);
  const named = answer.headers["docker-content-digest"];
  const digest = isOciDigest(tagOrDigest) ? tagOrDigest : named === undefined ? ociDigestOf(answer.body) : parseOciDigest(named);
  verifyOciDigest(answer.body, digest, what);
  const manifest = parseManifest(answer.body, contentType(answer.headers));
  const etag = answer.headers["etag"];
  return {
    descriptor: { mediaType: manifest.mediaType, digest, size: answer.body.length },
    bytes: answer.body,
    manifest,
    ...(etag === undefined ? {} : { etag }),
  };
}

/** The manifest itself, or of an index the one for a platform. Signatures are of what the reference names, not of this. */
export async function fetchPlatformManifest(
  client: RegistryClient,
  reference: Reference,
  platform: { os: string; architecture: string },
): Promise<FetchedManifest> {
  const found = await fetchManifest(client, reference, reference.digest ?? reference.tag ?? "latest");
  if (!isIndex(found.manifest.mediaType)) return found;
  const entry = found.manifest.manifests.find(
    (one) => one.platform?.os === platform.os && one.platform.architecture === platform.architecture,
  );
  if (entry === undefined) {
    throw ociError(
      "OCI_NOT_FOUND",
      `Cannot read ${encodeReference(reference)}: its index has no image for ${platform.os}/${platform.architecture}`,
      { expected: `${platform.os}/${platform.architecture}` },
    );
  }
  return await fetchManifest(client, reference, entry.digest);
}

/** Push a manifest's exact bytes, by tag or by its digest. `ifMatch` makes it conditional where the registry can do that. */
export async function pushManifest(
  client: RegistryClient,
  repository: Repository,
  manifest: { bytes: Uint8Array; mediaType: string },
  tag?: string,
  ifMatch?: string,
): Promise<PushedManifest> {
  const digest = ociDigestOf(manifest.bytes);
  const headers = { "content-type": manifest.mediaType, ...(ifMatch === undefined ? {} : { "if-match": ifMatch }) };
  const answer = await client.send(repository, {
    method: "PUT",
    path: `manifests/${tag ?? digest}`,
    access: "pull,push",
    headers,
    body: manifest.bytes,
  });
  if (answer.status !== 201 && answer.status !== 200)
    throw unexpected(answer, `push manifest ${tag ?? digest} to ${repository.registry}/${repository.name}`);
  return { digest, subjectListed: answer.headers["oci-subject"] !== undefined };
}

function contentType(headers: Readonly<Record<string, string>>): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
}

/** The error in the words of whoever asked for an image, where it says that there is none; any other as it is. */
export function imageNotFound(error: Error, reference: Reference): Error {
  if (Reflect.get(error, "code") !== "OCI_NOT_FOUND") return error;
  return ociError(
    "OCI_NOT_FOUND",
    `Cannot resolve ${encodeReference(reference)}: the registry ${reference.registry} has no such image`,
    { cause: error },
  );
}
