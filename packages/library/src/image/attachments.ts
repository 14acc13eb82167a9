// What hangs on an image, in both layouts, without judging it: for showing, copying, keeping and removing.
import {
  type Descriptor,
  type FetchedManifest,
  listReferrers,
  type OciDigest,
  type RegistryClient,
  type Repository,
} from "../oci/index.ts";
import { attachmentTag, fetchTagImage, type TagKind } from "./tag-layout.ts";

/** The image under an attachment tag, with its layers. */
export interface TagAttachmentImage {
  readonly kind: TagKind;
  readonly tag: string;
  readonly image: FetchedManifest;
}

/** Everything that hangs on one manifest. */
export interface Attachments {
  readonly tags: readonly TagAttachmentImage[];
  /** Manifests that have it as subject; `artifactType` is the registry's word. */
  readonly referrers: readonly Descriptor[];
}

const kinds: readonly TagKind[] = ["sig", "att", "sbom"];

/** Find what hangs on a manifest. Empty lists mean that the registry was asked and has nothing. */
export async function listAttachments(
  client: RegistryClient,
  repository: Repository,
  image: OciDigest,
  tagPrefix = "",
): Promise<Attachments> {
  const [referrers, ...tags] = await Promise.all([
    listReferrers(client, repository, image),
    ...kinds.map(async (kind) => {
      const tag = attachmentTag(image, kind, tagPrefix);
      const found = await fetchTagImage(client, repository, tag);
      return found === undefined ? undefined : { kind, tag, image: found };
    }),
  ]);
  return { referrers, tags: tags.filter((one) => one !== undefined) };
}
