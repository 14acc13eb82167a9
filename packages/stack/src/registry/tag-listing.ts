// GET /api/v1/repository/NAME/tag/: a repository's tags in the shape of Quay's API, each with what is known of its signatures. That a
// signature is there is told, not that it verifies.
import { isSigillumError } from "@sigillum/library/encoding";
import { isIndex, type OciDigest, parseManifest } from "@sigillum/library/oci";
import type { RepositoryName } from "./layout.ts";
import type { ManifestStore, StoredManifest } from "./manifest-store.ts";

/** A tag as Quay's API shows it; `cosign_signature_…` as Quay's own page finds them, and what stands in referrers besides. */
export interface ListedTag {
  readonly name: string;
  readonly manifest_digest: OciDigest;
  readonly is_manifest_list: boolean;
  readonly size: number;
  readonly signed: boolean;
  readonly cosign_signature_tag?: string;
  readonly cosign_signature_manifest_digest?: OciDigest;
  /** How many signatures: layers under the signature's tag, and bundles that refer to the manifest. */
  readonly signatures: { readonly tag: number; readonly referrers: number };
  readonly attestations: { readonly tag: number; readonly referrers: number };
}

/** What is asked of the listing. */
export interface TagQuestion {
  readonly page: number;
  readonly limit: number;
  readonly tag?: string;
}

const predicateType = "dev.sigstore.bundle.predicateType";
const signType = "https://sigstore.dev/cosign/sign/v1";
const bundleType = "application/vnd.dev.sigstore.bundle";
const attachmentTag = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

/** List a page of tags; attachments of other manifests are left out, as they say nothing by themselves. */
export async function listTagsWithSignatures(
  manifests: ManifestStore,
  name: RepositoryName,
  { page, limit, tag }: TagQuestion,
): Promise<{ readonly tags: readonly ListedTag[]; readonly page: number; readonly has_additional: boolean }> {
  const all = (await manifests.tags(name)).filter((one) => !attachmentTag.test(one) && (tag === undefined || one === tag));
  const start = (page - 1) * limit;
  const tags: ListedTag[] = [];
  for (const one of all.slice(start, start + limit)) {
    const found = await find(manifests, name, one);
    if (found !== undefined) tags.push(await describe(manifests, name, one, found));
  }
  return { tags, page, has_additional: all.length > start + limit };
}

async function describe(
  manifests: ManifestStore,
  name: RepositoryName,
  tag: string,
  { digest, mediaType, bytes }: StoredManifest,
): Promise<ListedTag> {
  const { config, layers } = parseManifest(bytes, mediaType);
  const attached = async (suffix: string): Promise<{ tag: string; digest: OciDigest; count: number } | undefined> => {
    const wanted = `${digest.replace(":", "-")}.${suffix}`;
    const found = await find(manifests, name, wanted);
    if (found === undefined) return undefined;
    return { tag: wanted, digest: found.digest, count: parseManifest(found.bytes, found.mediaType).layers.length };
  };
  const [signature, attestation] = [await attached("sig"), await attached("att")];
  const bundles = (await manifests.referrers(name, digest)).filter((one) => one.artifactType?.startsWith(bundleType) === true);
  const signed = bundles.filter((one) => one.annotations?.[predicateType] === signType).length;
  return {
    name: tag,
    manifest_digest: digest,
    is_manifest_list: isIndex(mediaType),
    size: [...(config === undefined ? [] : [config]), ...layers].reduce((sum, { size }) => sum + size, 0),
    signed: signature !== undefined || signed > 0,
    ...(signature === undefined
      ? {}
      : { cosign_signature_tag: signature.tag, cosign_signature_manifest_digest: signature.digest }),
    signatures: { tag: signature?.count ?? 0, referrers: signed },
    attestations: { tag: attestation?.count ?? 0, referrers: bundles.length - signed },
  };
}

async function find(manifests: ManifestStore, name: RepositoryName, tag: string): Promise<StoredManifest | undefined> {
  try {
    return await manifests.get(name, tag);
  } catch (error) {
    if (isSigillumError(error) && error.code === "REGISTRY_MANIFEST_UNKNOWN") return undefined;
    throw error;
  }
}
