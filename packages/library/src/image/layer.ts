// A layer of the tag layout and the bundle that says the same (signing-client §2.2): the signature's parts stand in annotations.
import { encodeEnvelope, parseStatement } from "../attestation/index.ts";
import { type Bundle, bundleFromDetached, type LogEntry, signatureBytes, signingCertificate } from "../bundle/index.ts";
import { encodeBase64, encodeHex, encodePem, encodeUtf8 } from "../encoding/index.ts";
import type { Descriptor } from "../oci/index.ts";
import type { Certificate } from "../x509/index.ts";
import { imageError } from "./errors.ts";
import { simpleSigningMediaType } from "./simple-signing.ts";

/** Annotations of a layer in the tag layout. */
export const layerAnnotations = {
  signature: "dev.cosignproject.cosign/signature",
  certificate: "dev.sigstore.cosign/certificate",
  chain: "dev.sigstore.cosign/chain",
  bundle: "dev.sigstore.cosign/bundle",
  timestamp: "dev.sigstore.cosign/rfc3161timestamp",
  predicateType: "predicateType",
} as const;

/** Media type of a layer that holds an attestation. */
export const envelopeMediaType = "application/vnd.dsse.envelope.v1+json";

/** A layer to be written: the blob, its type and its annotations. */
export interface NewLayer {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Read a layer as a bundle. Its log entry has a promise and no proof, as the layout leaves no room for one. Nothing was verified. */
export function bundleOfLayer(descriptor: Descriptor, bytes: Uint8Array): Bundle {
  const part = (name: keyof typeof layerAnnotations): Uint8Array | undefined => {
    const text = descriptor.annotations?.[layerAnnotations[name]] ?? "";
    return text === "" || text === "null" ? undefined : encodeUtf8(text);
  };
  const signature = descriptor.mediaType === envelopeMediaType ? bytes : part("signature");
  if (signature === undefined)
    throw imageError("IMAGE_LAYER_MALFORMED", `Cannot read signature ${descriptor.digest}: the layer has no annotation with it`, {
      expected: layerAnnotations.signature,
    });
  const [certificate, rekorBundle, timestamp] = [part("certificate"), part("bundle"), part("timestamp")];
  return bundleFromDetached({
    signature,
    ...(certificate === undefined ? {} : { certificate }),
    ...(rekorBundle === undefined ? {} : { rekorBundle }),
    ...(timestamp === undefined ? {} : { timestamps: [timestamp] }),
  });
}

/** Write a signature over a payload, or an attestation, as a layer. `chain` is what stands above the certificate, in issuing order. */
export function layerOfBundle(bundle: Bundle, payload: Uint8Array | undefined, chain: readonly Certificate[]): NewLayer {
  const certificate = signingCertificate(bundle);
  const pem = (one: Certificate): string => encodePem("CERTIFICATE", one.der);
  const promised = bundle.tlogEntries.find((entry) => entry.promise !== undefined);
  const [stamp] = bundle.timestamps;
  const proofs: Record<string, string> = {
    ...(certificate === undefined ? {} : { [layerAnnotations.certificate]: pem(certificate) }),
    ...(certificate === undefined || chain.length === 0 ? {} : { [layerAnnotations.chain]: chain.map(pem).join("") }),
    ...(promised === undefined ? {} : { [layerAnnotations.bundle]: encodeRekorBundle(promised) }),
    ...(stamp === undefined
      ? {}
      : { [layerAnnotations.timestamp]: JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(stamp) }) }),
  };
  if ("dsseEnvelope" in bundle.content) {
    const { dsseEnvelope } = bundle.content;
    const { predicateType } = parseStatement(dsseEnvelope.payload);
    return {
      bytes: encodeUtf8(encodeEnvelope(dsseEnvelope)),
      mediaType: envelopeMediaType,
      annotations: { [layerAnnotations.signature]: "", [layerAnnotations.predicateType]: predicateType, ...proofs },
    };
  }
  if (payload === undefined) throw new TypeError("A message signature needs its payload");
  const signature = encodeBase64(signatureBytes(bundle));
  return {
    bytes: payload,
    mediaType: simpleSigningMediaType,
    annotations: { [layerAnnotations.signature]: signature, ...proofs },
  };
}

/** Write a log entry with a promise as cosign 1 and 2 do. */
export function encodeRekorBundle(entry: LogEntry): string {
  const { promise, body, integratedTimeS, logIndex, logId } = entry;
  if (promise === undefined || body === undefined || integratedTimeS === undefined)
    throw new TypeError("Only an entry with body, time and promise can be written so");
  return JSON.stringify({
    SignedEntryTimestamp: encodeBase64(promise),
    Payload: { body: encodeBase64(body), integratedTime: integratedTimeS, logIndex, logID: encodeHex(logId) },
  });
}
