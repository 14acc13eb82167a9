import { parseStatement } from "../attestation/index.ts";
import { type Bundle, bundleMediaType, encodeBundle, signingCertificate } from "../bundle/index.ts";
import { defaultScheme, isValidSignature, type PublicKey } from "../crypto/index.ts";
import { encodeUtf8, formatRfc3339, isSigillumError, parseBase64 } from "../encoding/index.ts";
import {
  type Descriptor,
  emptyConfig,
  mediaTypes,
  type OciDigest,
  pushBlob,
  pushReferrer,
  type RegistryClient,
  type Repository,
} from "../oci/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { verifyCertificate } from "../verification/index.ts";
import type { Certificate } from "../x509/index.ts";
import { imageError } from "./errors.ts";
import { layerAnnotations, layerOfBundle, type NewLayer } from "./layer.ts";
import { appendTagLayer, attachmentTag } from "./tag-layout.ts";

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

/** A signature or attestation that goes into the tag layout. */
export interface TagAttachment {
  readonly client: RegistryClient;
  readonly repository: Repository;
  readonly image: OciDigest;
  readonly bundle: Bundle;
  /** Of a signature: the exact bytes that were signed. */
  readonly payload?: Uint8Array;
  readonly trustedRoot: TrustedRoot;
  /** Of a signature by a managed key: where this key has signed the payload already, as cosign does, nothing is added. */
  readonly publicKey?: PublicKey;
  readonly tagPrefix?: string;
  /** Replace attestations of the same predicate type. */
  readonly replace?: boolean;
  readonly dockerMediaTypes?: boolean;
  readonly createdMs?: number;
}

/**
 * Attach a signature or attestation in the layout of cosign 1 and 2. That it verifies is not checked here; one whose log entry has
 * no promise is refused, because a reader of this layout could not believe it.
 */
export async function attachToTag(attachment: TagAttachment): Promise<Descriptor> {
  const { bundle, image, payload } = attachment;
  if (bundle.tlogEntries.length > 0 && bundle.tlogEntries.every(({ promise }) => promise === undefined)) {
    throw imageError(
      "IMAGE_LAYOUT_NEEDS_PROMISE",
      "Cannot attach in the tag layout: the log gave no promise (Rekor v2); sign with a Rekor v1 log, or as an OCI referrer",
      { found: "an entry of Rekor v2", expected: "an entry of Rekor v1" },
    );
  }
  const layer = layerOfBundle(bundle, payload, chainOf(bundle, attachment.trustedRoot));
  const isAttestation = "dsseEnvelope" in bundle.content;
  const predicateType = layer.annotations[layerAnnotations.predicateType];
  return await appendTagLayer({
    client: attachment.client,
    repository: attachment.repository,
    tag: attachmentTag(image, isAttestation ? "att" : "sig", attachment.tagPrefix),
    layer,
    ...(attachment.replace === true
      ? { replaces: (earlier) => earlier.annotations?.[layerAnnotations.predicateType] === predicateType }
      : {}),
    ...(attachment.publicKey === undefined || payload === undefined
      ? {}
      : { isSame: (earlier: Descriptor) => isSignedBy(attachment.publicKey, payload, earlier, layer) }),
    ...(attachment.dockerMediaTypes === undefined ? {} : { dockerMediaTypes: attachment.dockerMediaTypes }),
    ...(attachment.createdMs === undefined ? {} : { createdMs: attachment.createdMs }),
  });
}

// As cosign: the same payload, the same annotations but for the signature, and that too by this key. What is logged anew is another one.
function isSignedBy(key: PublicKey | undefined, payload: Uint8Array, earlier: Descriptor, added: NewLayer): boolean {
  const { [layerAnnotations.signature]: signature = "", ...rest } = earlier.annotations ?? {};
  const names = Object.keys(added.annotations).filter((name) => name !== layerAnnotations.signature);
  if (key === undefined || names.some((name) => rest[name] !== added.annotations[name])) return false;
  try {
    return isValidSignature(key, defaultScheme(key), payload, parseBase64(signature));
  } catch (error) {
    if (isSigillumError(error)) return false; // an unreadable signature says nothing
    throw error;
  }
}

function chainOf(bundle: Bundle, trustedRoot: TrustedRoot): readonly Certificate[] {
  const certificate = signingCertificate(bundle);
  if (certificate === undefined) return [];
  try {
    return verifyCertificate(certificate, trustedRoot, [certificate.notBeforeMs], 0).path.slice(1);
  } catch (error) {
    // The chain is a convenience to readers without a root of their own: a certificate from elsewhere goes without.
    if (isSigillumError(error)) return [];
    throw error;
  }
}
