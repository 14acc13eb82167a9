// Descriptors, manifests and indexes of the OCI image specification 1.1 (and Docker's schema 2, which has the same shape).
import { encodeUtf8, JsonObject, type JsonValue, parseJson } from "../encoding/index.ts";
import { type OciDigest, parseOciDigest } from "./digest.ts";
import { ociError } from "./errors.ts";

/** Media types of manifests and indexes, and of the empty config. */
export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  config: "application/vnd.oci.image.config.v1+json",
  empty: "application/vnd.oci.empty.v1+json",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

/** What names content: its type, digest and length. OCI image spec, "Content Descriptors". */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: OciDigest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

/** A manifest or index: of the former `layers`, of the latter `manifests` has entries. */
export interface Manifest {
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Largest manifest that is read: what the distribution spec obliges registries to accept. */
export const maxManifestBytes: number = 4 * 1024 * 1024;
const maxDescriptors = 20_000;
const maxAnnotations = 1_000;

/** The empty config of an artifact: the two bytes `{}`. */
export const emptyConfig: { readonly bytes: Uint8Array; readonly descriptor: Descriptor } = {
  bytes: encodeUtf8("{}"),
  descriptor: {
    mediaType: mediaTypes.empty,
    digest: parseOciDigest("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    size: 2,
  },
};

/** Whether a media type is that of an index, OCI's or Docker's. */
export function isIndex(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerIndex;
}

/** Whether a layer's media type says that registries need not have it: it is fetched from elsewhere, if at all. */
export function isNonDistributable(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.oci.image.layer.nondistributable.") || mediaType.includes(".rootfs.foreign.");
}

/** Read a manifest or index; `contentType` counts where the document has no `mediaType`. Digests inside are not looked up. */
export function parseManifest(bytes: Uint8Array, contentType: string): Manifest {
  return readOci("manifest", () => {
    const value = JsonObject.exact(parseJson(bytes, { maxBytes: maxManifestBytes, maxDepth: 32 }), "manifest");
    const artifactType = nonEmpty(value.optionalString("artifactType"));
    const config = value.optionalObject("config");
    const subject = value.optionalObject("subject");
    return {
      mediaType: value.optionalString("mediaType") ?? contentType,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(config === undefined ? {} : { config: descriptorOf(config) }),
      ...(subject === undefined ? {} : { subject: descriptorOf(subject) }),
      layers: descriptors(value, "layers"),
      manifests: descriptors(value, "manifests"),
      annotations: annotationsOf(value),
    };
  });
}

/** Write a manifest or index as bytes, members in the order the specification shows them. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifest.mediaType,
      artifactType: manifest.artifactType,
      config: manifest.config,
      ...(isIndex(manifest.mediaType) ? { manifests: manifest.manifests } : { layers: manifest.layers }),
      subject: manifest.subject,
      annotations: Object.keys(manifest.annotations).length === 0 ? undefined : manifest.annotations,
    }),
  );
}

/** Read one descriptor from JSON. */
export function parseDescriptor(value: JsonValue): Descriptor {
  return readOci("descriptor", () => descriptorOf(JsonObject.exact(value, "descriptor")));
}

function descriptorOf(value: JsonObject): Descriptor {
  const size = value.safeInteger("size");
  if (size < 0)
    throw ociError("OCI_MANIFEST_INVALID", `Cannot parse descriptor: its size is ${size}`, {
      found: String(size),
      expected: "0 or more",
    });
  const artifactType = nonEmpty(value.optionalString("artifactType"));
  const platform = value.optionalObject("platform");
  const annotations = annotationsOf(value);
  return {
    mediaType: value.string("mediaType"),
    digest: parseOciDigest(value.string("digest")),
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform: platformOf(platform) }),
  };
}

function platformOf(value: JsonObject): NonNullable<Descriptor["platform"]> {
  const variant = nonEmpty(value.optionalString("variant"));
  return { os: value.string("os"), architecture: value.string("architecture"), ...(variant === undefined ? {} : { variant }) };
}

function descriptors(value: JsonObject, name: string): Descriptor[] {
  const found = value.optionalObjects(name);
  if (found.length > maxDescriptors) {
    throw ociError("OCI_TOO_LARGE", `Cannot parse manifest: ${name} has ${found.length} entries`, {
      found: String(found.length),
      expected: `at most ${maxDescriptors}`,
    });
  }
  return found.map(descriptorOf);
}

function annotationsOf(value: JsonObject): Readonly<Record<string, string>> {
  const found = value.optionalObject("annotations");
  if (found === undefined) return {};
  const names = found.names();
  if (names.length > maxAnnotations)
    throw ociError("OCI_TOO_LARGE", `Cannot parse manifest: it has ${names.length} annotations`, {
      expected: `at most ${maxAnnotations}`,
    });
  return Object.fromEntries(names.map((name) => [name, found.string(name)]));
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function readOci<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && String(Reflect.get(error, "code")).startsWith("OCI_")) throw error;
    throw ociError("OCI_MANIFEST_INVALID", `Cannot parse ${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
