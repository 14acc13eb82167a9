// Bundle of sigstore_bundle.proto: a signature with all that is needed to verify it, given a trusted root and an expectation.
import type { Envelope } from "../attestation/index.ts";
import type { HashAlgorithm } from "../crypto/index.ts";
import type { Certificate } from "../x509/index.ts";
import type { LogEntry } from "./log-entry.ts";

/** The versions of the format; "cosign" is what was put together from cosign 1.x's JSON bundle, or from detached files. */
export type BundleVersion = "0.1" | "0.2" | "0.3" | "cosign";

/** A signature over an artifact. The digest is a hint by the signer: it never takes the artifact's place. */
export interface MessageSignature {
  readonly messageDigest?: { readonly algorithm: HashAlgorithm; readonly digest: Uint8Array };
  readonly signature: Uint8Array;
}

/** What names the signing key: a certificate (0.3), a chain of them with the leaf first (0.1, 0.2), or the hint of a managed key. */
export type VerificationMaterial =
  | { readonly certificate: Certificate }
  | { readonly chain: readonly Certificate[] }
  | { readonly publicKeyHint: string };

/** What was signed: an artifact, or a DSSE envelope. */
export type BundleContent =
  | { readonly messageSignature: MessageSignature }
  /** The text is there where the envelope came as a text of its own: old log entries have its hash. */
  | { readonly dsseEnvelope: Envelope; readonly envelopeText?: Uint8Array };

/** A bundle, of any version. */
export interface Bundle {
  readonly mediaType: string;
  readonly version: BundleVersion;
  readonly material: VerificationMaterial;
  readonly tlogEntries: readonly LogEntry[];
  /** RFC 3161 responses (DER) over the signature. */
  readonly timestamps: readonly Uint8Array[];
  readonly content: BundleContent;
}

/** The media types that are read, and the version that each means. They match exactly or not at all. */
export const bundleMediaTypes: ReadonlyMap<string, BundleVersion> = new Map([
  ["application/vnd.dev.sigstore.bundle+json;version=0.1", "0.1"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.2", "0.2"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.3", "0.3"],
  ["application/vnd.dev.sigstore.bundle.v0.3+json", "0.3"],
]);

/** The media type that is written. */
export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** The certificate that signed, if the bundle holds one. */
export function signingCertificate(bundle: Bundle): Certificate | undefined {
  if ("certificate" in bundle.material) return bundle.material.certificate;
  return "chain" in bundle.material ? bundle.material.chain[0] : undefined;
}

/** The bytes of the bundle's signature: of the message signature, or of the envelope's one signature. */
export function signatureBytes(bundle: Bundle): Uint8Array {
  if ("messageSignature" in bundle.content) return bundle.content.messageSignature.signature;
  return bundle.content.dsseEnvelope.signatures[0]?.sig ?? new Uint8Array(0);
}
