import { parseStatement } from "../attestation/index.ts";
import { type Bundle, bundleMediaType, encodeBundle } from "../bundle/index.ts";
import { encodeUtf8, formatRfc3339 } from "../encoding/index.ts";
import {
  type Descriptor,
  emptyConfig,
  mediaTypes,
  pushBlob,
  pushReferrer,
  type RegistryClient,
  type Repository,
} from "../oci/index.ts";

/** What is attached to what. */
export interface Attachment {
  readonly client: RegistryClient;
  readonly repository: Repository;
  /** The signed manifest or index. */
  readonly subject: Descriptor;
  readonly bundle: Bundle;
  readonly nowMs: number;
}

/** Annotations of the manifest that carries a bundle (signing-client §2.6). */
export const bundleAnnotations = {
  created: "org.opencontainers.image.created",
  content: "dev.sigstore.bundle.content",
  predicateType: "dev.sigstore.bundle.predicateType",
} as const;

/**
 * Attach a bundle to an image in the registry: an OCI 1.1 manifest of artifact type "…bundle.v0.3+json" with the image as subject
 * and the bundle as its one layer, pushed by digest. That the bundle verifies, or is about the image, is not checked here.
 */
export async function attachBundle(attachment: Attachment): Promise<Descriptor> {
  const { client, repository, subject, bundle } = attachment;
  await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
  const layer = await pushBlob(client, repository, encodeUtf8(encodeBundle(bundle)), bundleMediaType);
  return await pushReferrer(client, repository, {
    mediaType: mediaTypes.manifest,
    artifactType: bundleMediaType,
    config: emptyConfig.descriptor,
    layers: [layer],
    manifests: [],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: {
      [bundleAnnotations.created]: formatRfc3339(Math.floor(attachment.nowMs / 1000) * 1000),
      ...contentAnnotations(bundle),
    },
  });
}

function contentAnnotations(bundle: Bundle): Record<string, string> {
  if ("messageSignature" in bundle.content) return { [bundleAnnotations.content]: "message-signature" };
  const { predicateType } = parseStatement(bundle.content.dsseEnvelope.payload);
  return { [bundleAnnotations.content]: "dsse-envelope", [bundleAnnotations.predicateType]: predicateType };
}
