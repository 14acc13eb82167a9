import { type Bundle, bundleLimits, parseBundle } from "../bundle/index.ts";
import { isSigillumError, type SigillumError } from "../encoding/index.ts";
import {
  type Descriptor,
  fetchBlob,
  fetchManifest,
  listReferrers,
  type OciDigest,
  type RegistryClient,
  type Repository,
} from "../oci/index.ts";
import { imageError } from "./errors.ts";

/** A bundle that refers to an image, or why what claims to be one could not be read. */
export type FoundBundle = { readonly manifest: OciDigest } & ({ readonly bundle: Bundle } | { readonly error: SigillumError });

const bundleTypePrefix = "application/vnd.dev.sigstore.bundle";
// What cosign puts as artifactType into the index under a fallback tag: the type of the manifest's config instead of its own.
const emptyConfigType = "application/vnd.oci.empty.v1+json";
const maxBundles = 1_000;
const parallel = 4;

/**
 * Find the bundles that refer to an image. An empty list means that the registry was asked and has none. Nothing about the
 * bundles was verified, not even that they are about this image. `listed` is what refers to it, where that was asked already.
 */
export async function findBundles(
  client: RegistryClient,
  repository: Repository,
  image: OciDigest,
  listed?: readonly Descriptor[],
): Promise<readonly FoundBundle[]> {
  const referrers = (listed ?? (await listReferrers(client, repository, image))).filter(
    ({ artifactType }) =>
      artifactType === undefined || artifactType === emptyConfigType || artifactType.startsWith(bundleTypePrefix),
  );
  if (referrers.length > maxBundles) {
    throw imageError(
      "IMAGE_TOO_MANY_BUNDLES",
      `Cannot read the signatures of ${image}: ${referrers.length} bundles refer to it`,
      { found: String(referrers.length), expected: `at most ${maxBundles}` },
    );
  }
  const found: FoundBundle[] = [];
  for (let start = 0; start < referrers.length; start += parallel) {
    const batch = referrers.slice(start, start + parallel).map((one) => read(client, repository, one));
    for (const bundle of await Promise.all(batch)) if (bundle !== undefined) found.push(bundle);
  }
  return found;
}

async function read(client: RegistryClient, repository: Repository, descriptor: Descriptor): Promise<FoundBundle | undefined> {
  try {
    const { manifest } = await fetchManifest(client, repository, descriptor.digest);
    // Some producers leave artifactType off the descriptor in a fallback index: the manifest itself says it.
    if (!(manifest.artifactType ?? manifest.config?.mediaType ?? "").startsWith(bundleTypePrefix)) return undefined;
    const [layer, second] = manifest.layers;
    if (layer === undefined || second !== undefined) {
      throw imageError(
        "IMAGE_BUNDLE_MALFORMED",
        `Cannot read bundle ${descriptor.digest}: it has ${manifest.layers.length} layers`,
        { found: String(manifest.layers.length), expected: "1" },
      );
    }
    const bundle = parseBundle(await fetchBlob(client, repository, layer, bundleLimits.bytes));
    if (bundle.version !== "0.3") {
      throw imageError("IMAGE_BUNDLE_MALFORMED", `Cannot read bundle ${descriptor.digest}: it is of version ${bundle.version}`, {
        found: bundle.version,
        expected: "0.3 or later",
      });
    }
    return { manifest: descriptor.digest, bundle };
  } catch (error) {
    // One bundle that cannot be read is no reason to leave the others unread: whoever asked weighs it.
    if (isSigillumError(error)) return { manifest: descriptor.digest, error };
    throw error;
  }
}
