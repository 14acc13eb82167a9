// What refers to a manifest: the referrers API of the distribution spec 1.1 (end-12), and the tag that stands in for it
// where a registry does not have the API ("Referrers Tag Schema").
import { quote } from "../encoding/index.ts";
import { type RegistryClient, unexpected } from "./client.ts";
import type { OciDigest } from "./digest.ts";
import { ociError } from "./errors.ts";
import { type Descriptor, encodeManifest, type Manifest, maxManifestBytes, mediaTypes, parseManifest } from "./manifest.ts";
import { type FetchedManifest, fetchManifest, pushManifest } from "./manifests.ts";
import { encodeRepository, type Repository } from "./reference.ts";

const maxPages = 100;
const maxReferrers = 10_000;
const maxTagUpdates = 8;
// Statuses with which registries say that they have no such API; 401, 403, 429 and 5xx say that one could not look.
const noApi = [400, 404, 405, 406, 501];

/**
 * List what refers to a manifest. An empty list means that the registry was asked and has nothing; that it could not be
 * asked is always an error. Descriptors are the registry's word: annotations and artifactType are not checked.
 */
export async function listReferrers(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const listed = await fromApi(client, repository, subject, artifactType);
  // Some registries have the API and do not index everything that was pushed: an empty answer is worth a look at the tag.
  const all = listed === undefined || listed.length === 0 ? await fromTag(client, repository, subject) : listed;
  return artifactType === undefined
    ? all
    : all.filter((one) => one.artifactType === undefined || one.artifactType === artifactType);
}

/**
 * Push a manifest that has a subject, by digest, so that `listReferrers` finds it: where the registry does not list it by
 * itself, it is written into the referrers tag. `exact` are the manifest's bytes where it was made by somebody else.
 */
export async function pushReferrer(
  client: RegistryClient,
  repository: Repository,
  manifest: Manifest,
  exact?: Uint8Array,
): Promise<Descriptor> {
  const { subject } = manifest;
  if (subject === undefined) throw new TypeError("pushReferrer needs a manifest with a subject");
  const bytes = exact ?? encodeManifest(manifest);
  const { digest, subjectListed } = await pushManifest(client, repository, { bytes, mediaType: manifest.mediaType });
  const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
  const descriptor: Descriptor = {
    mediaType: manifest.mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(manifest.annotations).length === 0 ? {} : { annotations: manifest.annotations }),
  };
  // Some registries say OCI-Subject and do not list what they took (ECR): only the list itself shows it.
  const listed =
    subjectListed && (await fromApi(client, repository, subject.digest, undefined))?.some((one) => one.digest === digest);
  if (listed !== true) await addToTag(client, repository, subject.digest, descriptor);
  return descriptor;
}

/** Take a manifest out of the list under the referrers tag, where there is one; the manifest itself is left. */
export async function removeReferrer(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  manifest: OciDigest,
): Promise<void> {
  await updateTag(client, repository, subject, manifest, (entries) => entries.filter((one) => one.digest !== manifest));
}

/** The tag that lists a digest's referrers: "sha256-HEX", algorithm cut to 32 and value to 64 characters. */
export function referrersTag(subject: OciDigest): string {
  const [algorithm = "", value = ""] = subject.split(":");
  return `${algorithm.slice(0, 32)}-${value.slice(0, 64)}`;
}

async function fromApi(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  artifactType: string | undefined,
): Promise<Descriptor[] | undefined> {
  const what = `list what refers to ${subject} in ${encodeRepository(repository)}`;
  const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  const found: Descriptor[] = [];
  let path: string | undefined = `referrers/${subject}${query}`;
  for (let page = 0; path !== undefined; page += 1) {
    if (page === maxPages || found.length > maxReferrers)
      throw ociError("OCI_TOO_LARGE", `Cannot ${what}: there are more than are read`, { expected: `at most ${maxReferrers}` });
    const answer = await client.send(repository, {
      method: "GET",
      path,
      access: "pull",
      headers: { accept: mediaTypes.index },
      maxBytes: maxManifestBytes,
    });
    if (page === 0 && noApi.includes(answer.status)) return undefined;
    if (answer.status !== 200) throw unexpected(answer, what);
    requireIndex(answer.headers["content-type"] ?? "", what);
    found.push(...parseManifest(answer.body, mediaTypes.index).manifests);
    path = nextPage(answer.headers["link"], answer.url);
  }
  return found;
}

// A page that asks for a login, or that a proxy put in between, says nothing about what refers to the image.
function requireIndex(contentType: string, what: string): void {
  const type = contentType.split(";")[0]?.trim() ?? "";
  if (type === mediaTypes.index || type === "application/json") return;
  throw ociError("OCI_UNAVAILABLE", `Cannot ${what}: the registry answered with ${quote(type)} in place of an index`, {
    found: type,
    expected: mediaTypes.index,
  });
}

// Link: <URL>; rel="next" (RFC 8288). Another origin would be handed no credentials, and is not followed at all.
function nextPage(link: string | undefined, base: string): string | undefined {
  const target = link === undefined ? undefined : /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link)?.[1];
  if (target === undefined || !URL.canParse(target, base)) return undefined;
  const url = new URL(target, base);
  return url.origin === new URL(base).origin ? url.href : undefined;
}

async function fromTag(client: RegistryClient, repository: Repository, subject: OciDigest): Promise<readonly Descriptor[]> {
  const index = await fetchTag(client, repository, subject);
  return index?.manifest.manifests ?? [];
}

async function fetchTag(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
): Promise<FetchedManifest | undefined> {
  try {
    const found = await fetchManifest(client, repository, referrersTag(subject));
    return found.manifest.mediaType === mediaTypes.index ? found : undefined;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "OCI_NOT_FOUND") return undefined;
    throw error;
  }
}

// Read, add, write, and read again: whoever wrote between has overwritten us, and then it is done once more. The
// distribution spec leaves this race to clients; a conditional PUT closes it where the registry offers an ETag.
async function addToTag(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  descriptor: Descriptor,
): Promise<void> {
  const { digest } = descriptor;
  await updateTag(client, repository, subject, digest, (entries) =>
    entries.some((one) => one.digest === digest) ? entries : [...entries, descriptor],
  );
}

async function updateTag(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  manifest: OciDigest,
  change: (entries: readonly Descriptor[]) => readonly Descriptor[],
): Promise<void> {
  for (let attempt = 0; attempt < maxTagUpdates; attempt += 1) {
    const found = await fetchTag(client, repository, subject);
    const entries = found?.manifest.manifests ?? [];
    const wanted = change(entries);
    if (wanted.length === entries.length) return;
    const index: Manifest = {
      mediaType: mediaTypes.index,
      layers: [],
      manifests: wanted,
      annotations: found?.manifest.annotations ?? {},
    };
    try {
      await pushManifest(
        client,
        repository,
        { bytes: encodeManifest(index), mediaType: mediaTypes.index },
        referrersTag(subject),
        found?.etag,
      );
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error;
    }
  }
  throw ociError(
    "OCI_REFERRERS_CONFLICT",
    `Cannot list ${manifest} as referrer of ${subject}: the tag ${referrersTag(subject)} was overwritten ${maxTagUpdates} times`,
  );
}

function isPreconditionFailed(error: unknown): boolean {
  return error instanceof Error && String(Reflect.get(error, "found")).startsWith("HTTP 412");
}
