// What the registry has about one image: asked once for a request, whoever wants it, and never more than a bound of bytes.

import { type JsonValue, parseJson } from "@sigillum/library/encoding";
import { type AttachmentPlace, type ImageSource, registrySource } from "@sigillum/library/image";
import {
  type CredentialSource,
  fetchBlob,
  fetchManifest,
  isIndex,
  type OciDigest,
  parseReference,
  type Reference,
  RegistryClient,
  type RegistryOptions,
  type Repository,
  resolveReference,
} from "@sigillum/library/oci";
import type { SignatureSource } from "../image-policy/index.ts";

/** How registries are asked during one request. */
export interface EvidenceOptions
  extends Pick<RegistryOptions, "allowHttpRegistry" | "allowInsecureRegistry" | "tls" | "onRequest"> {
  readonly signal: AbortSignal;
  /** Credentials of the workload, and of Secrets that a policy names for its signatures. */
  credentials(pullSecrets: readonly string[]): CredentialSource;
}

const maxTotalBytes = 96 * 1024 * 1024;
const maxAttachmentBytes = 32 * 1024 * 1024;
const maxConfigBytes = 8 * 1024 * 1024;
const maxPlatforms = 64;

/** Everything that is read for one request. A class because it remembers what was asked already. */
export class Evidence {
  readonly #options: EvidenceOptions;
  readonly #clients: Map<string, RegistryClient> = new Map();
  readonly #sources: Map<string, ImageSource> = new Map();
  readonly #answers: Map<string, Promise<unknown>> = new Map();

  constructor(options: EvidenceOptions) {
    this.#options = options;
  }

  /** The digest that a reference names now. */
  async resolve(reference: Reference): Promise<OciDigest> {
    if (reference.digest !== undefined) return reference.digest;
    const { registry, name, tag } = reference;
    const found = await this.#once(`resolve ${registry}/${name}:${tag}`, () => resolveReference(this.client([]), reference));
    return found.digest;
  }

  /** The client with the workload's credentials, and with those of these Secrets. */
  client(pullSecrets: readonly string[]): RegistryClient {
    const key = pullSecrets.join(",");
    let client = this.#clients.get(key);
    if (client === undefined) {
      const { credentials, ...options } = this.#options;
      client = new RegistryClient({ ...options, maxTotalBytes, credentials: credentials(pullSecrets) });
      this.#clients.set(key, client);
    }
    return client;
  }

  /** Where an authority reads the signatures of a pinned image. */
  source(reference: Reference & { readonly digest: OciDigest }, from: SignatureSource | undefined): ImageSource {
    const secrets = from?.signaturePullSecrets ?? [];
    const place = placeOf(from);
    const { registry, name, digest } = reference;
    const key = [`${registry}/${name}@${digest}`, from?.oci, from?.tagPrefix, ...secrets].join(" ");
    let source = this.#sources.get(key);
    if (source === undefined) {
      const inner = registrySource(this.client(secrets), reference, place);
      source = {
        // once, whoever asks; the digest is what decides, so that nothing can have moved
        resolve: () =>
          this.#once(`manifest ${registry}/${name}@${digest}`, () => fetchManifest(this.client([]), reference, digest)),
        confirm: () => Promise.resolve(),
        bundles: (image) => this.#once(`bundles ${key}`, () => inner.bundles(image)),
        layers: (image, kind) => this.#once(`${kind} ${key}`, () => inner.layers(image, kind)),
      };
      this.#sources.set(key, source);
    }
    return source;
  }

  /** The configuration of each platform of an image, by `os/architecture[/variant]`. */
  async configs(reference: Reference & { readonly digest: OciDigest }): Promise<JsonValue> {
    const { registry, name, digest } = reference;
    return await this.#once(`configs ${registry}/${name}@${digest}`, () => readConfigs(this.client([]), reference, digest));
  }

  #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(key);
    if (known !== undefined) return known as Promise<T>;
    const asked = ask();
    asked.catch(() => undefined); // told to each who asks
    this.#answers.set(key, asked);
    return asked;
  }
}

function placeOf(from: SignatureSource | undefined): AttachmentPlace {
  const repository: Repository | undefined = from?.oci === undefined ? undefined : parseReference(from.oci);
  return {
    maxBytes: maxAttachmentBytes,
    ...(repository === undefined ? {} : { repository: { registry: repository.registry, name: repository.name } }),
    ...(from?.tagPrefix === undefined ? {} : { tagPrefix: from.tagPrefix }),
  };
}

async function readConfigs(client: RegistryClient, repository: Repository, digest: OciDigest): Promise<JsonValue> {
  const top = await fetchManifest(client, repository, digest);
  const images = isIndex(top.manifest.mediaType)
    ? await Promise.all(
        top.manifest.manifests
          .filter((one) => one.platform !== undefined && one.platform.os !== "unknown")
          .slice(0, maxPlatforms)
          .map((one) => fetchManifest(client, repository, one.digest)),
      )
    : [top];
  const found: { [platform: string]: JsonValue } = {};
  for (const { manifest } of images) {
    if (manifest.config === undefined) continue;
    const config = parseJson(await fetchBlob(client, repository, manifest.config, maxConfigBytes), { maxBytes: maxConfigBytes });
    found[platformOf(config)] = config;
  }
  return found;
}

function platformOf(config: JsonValue): string {
  if (typeof config !== "object" || config === null || Array.isArray(config)) return "unknown";
  const { os, architecture, variant } = config;
  return [os, architecture, variant].filter((part) => typeof part === "string" && part !== "").join("/");
}
