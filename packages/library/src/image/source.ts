// Where an image's signatures are read from: a registry, or a directory that `save` wrote.
import { isSigillumError } from "../encoding/index.ts";
import {
  type Descriptor,
  encodeReference,
  type FetchedManifest,
  fetchManifest,
  imageNotFound,
  listReferrers,
  type OciDigest,
  type Reference,
  type RegistryClient,
  type Repository,
  resolveReference,
} from "../oci/index.ts";
import { imageError } from "./errors.ts";
import { type FoundBundle, findBundles } from "./find.ts";
import {
  attachmentTag,
  defaultMaxAttachmentBytes,
  fetchTagImage,
  fetchTagLayers,
  type TagKind,
  type TagLayer,
} from "./tag-layout.ts";

/** What can be asked about an image and what hangs on it. */
export interface ImageSource {
  /** The manifest or index that is meant, now: its bytes have the digest that it is verified by. */
  resolve(): Promise<FetchedManifest>;
  /** Fail with IMAGE_TAG_MOVED if what was asked for names another manifest by now. */
  confirm(image: OciDigest): Promise<void>;
  /** The bundles that refer to it. */
  bundles(image: OciDigest): Promise<readonly FoundBundle[]>;
  /**
   * The layers under its attachment tag, and those that cosign 2 wrote as referrers with COSIGN_EXPERIMENTAL and `--registry-referrers-mode
   * oci-1-1`; empty where there are none.
   */
  layers(image: OciDigest, kind: TagKind): Promise<readonly TagLayer[]>;
}

/** Where attachments are kept, if not beside the image, and how they are read. */
export interface AttachmentPlace {
  /** $COSIGN_REPOSITORY: the one repository for the attachments of any image. */
  readonly repository?: Repository;
  readonly tagPrefix?: string;
  readonly maxBytes?: number;
}

/** The image and its attachments in a registry. */
export function registrySource(client: RegistryClient, reference: Reference, place: AttachmentPlace = {}): ImageSource {
  const repository = place.repository ?? reference;
  const maxBytes = place.maxBytes ?? defaultMaxAttachmentBytes;
  // Asked once, for bundles and for the layers of cosign's experiment.
  const lists = new Map<OciDigest, Promise<readonly Descriptor[]>>();
  const list = (image: OciDigest): Promise<readonly Descriptor[]> => {
    const found = lists.get(image) ?? whereThereIsOne(() => listReferrers(client, repository, image));
    lists.set(image, found);
    return found;
  };
  return {
    // GET and not HEAD: the digest of a header proves nothing about the bytes that whoever pulls the image is given.
    resolve: () => fetchReference(client, reference),
    confirm: async (image) => {
      if (reference.digest !== undefined) return;
      const { digest } = await resolveReference(client, reference);
      if (digest === image) return;
      throw imageError(
        "IMAGE_TAG_MOVED",
        `Cannot verify ${encodeReference(reference)}: while it was verified the tag came to name another image`,
        { found: digest, expected: image },
      );
    },
    bundles: async (image) => await findBundles(client, repository, image, await list(image)),
    layers: async (image, kind) => {
      const tagged = await fetchTagImage(client, repository, attachmentTag(image, kind, place.tagPrefix));
      const layers = tagged === undefined ? [] : [...(await fetchTagLayers(client, repository, tagged, maxBytes))];
      for (const { artifactType, digest } of await list(image)) {
        if (artifactType !== `application/vnd.dev.cosign.artifact.${kind}.v1+json`) continue;
        layers.push(...(await fetchTagLayers(client, repository, await fetchManifest(client, repository, digest), maxBytes)));
      }
      return layers;
    },
  };
}

async function fetchReference(client: RegistryClient, reference: Reference): Promise<FetchedManifest> {
  try {
    return await fetchManifest(client, reference, reference.digest ?? reference.tag ?? "latest");
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "OCI_NOT_FOUND") throw error;
    throw imageNotFound(error, reference);
  }
}

// A repository for signatures to which nobody has pushed yet does not exist: it was asked, and has nothing.
async function whereThereIsOne<T>(find: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await find();
  } catch (error) {
    if (isSigillumError(error) && error.code === "OCI_NOT_FOUND") return [];
    throw error;
  }
}
