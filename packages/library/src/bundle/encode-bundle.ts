import type { Envelope } from "../attestation/index.ts";
import { encodeBase64, type JsonValue } from "../encoding/index.ts";
import { type Bundle, bundleMediaType, type MessageSignature, signingCertificate } from "./bundle.ts";
import { bundleError } from "./errors.ts";
import { encodeTransparencyLogEntry, type LogEntry } from "./log-entry.ts";

/**
 * Write a bundle in version 0.3, whatever version it was read in: of a chain the leaf is kept.
 * An entry without a proof cannot be written in this version. Nothing was verified.
 */
export function encodeBundle(bundle: Bundle): string {
  const document: JsonValue = {
    mediaType: bundleMediaType,
    verificationMaterial: {
      ...encodeMaterial(bundle),
      tlogEntries: bundle.tlogEntries.map(encodeEntry),
      ...(bundle.timestamps.length === 0
        ? {}
        : {
            timestampVerificationData: {
              rfc3161Timestamps: bundle.timestamps.map((response) => ({ signedTimestamp: encodeBase64(response) })),
            },
          }),
    },
    ...("messageSignature" in bundle.content
      ? { messageSignature: encodeMessageSignature(bundle.content.messageSignature) }
      : { dsseEnvelope: encodeEnvelope(bundle.content.dsseEnvelope) }),
  };
  return JSON.stringify(document);
}

function encodeMaterial(bundle: Bundle): { [name: string]: JsonValue } {
  if ("publicKeyHint" in bundle.material) return { publicKey: { hint: bundle.material.publicKeyHint } };
  const certificate = signingCertificate(bundle);
  if (certificate === undefined)
    throw bundleError("BUNDLE_CHAIN_EMPTY", "Cannot write bundle: it has no certificate", { found: "0 certificates" });
  return { certificate: { rawBytes: encodeBase64(certificate.der) } };
}

function encodeEntry(entry: LogEntry): JsonValue {
  if (entry.proof === undefined) {
    throw bundleError("BUNDLE_PROOF_MISSING", `Cannot write bundle: log entry ${entry.logIndex} has no inclusion proof`, {
      found: "no inclusionProof",
      expected: "an inclusionProof, which version 0.3 demands",
    });
  }
  return encodeTransparencyLogEntry(entry);
}

const hashNames = { sha1: "SHA1", sha256: "SHA2_256", sha384: "SHA2_384", sha512: "SHA2_512" } as const;

function encodeMessageSignature(message: MessageSignature): JsonValue {
  return {
    ...(message.messageDigest === undefined
      ? {}
      : {
          messageDigest: {
            algorithm: hashNames[message.messageDigest.algorithm],
            digest: encodeBase64(message.messageDigest.digest),
          },
        }),
    signature: encodeBase64(message.signature),
  };
}

function encodeEnvelope(envelope: Envelope): JsonValue {
  return {
    payload: encodeBase64(envelope.payload),
    payloadType: envelope.payloadType,
    signatures: envelope.signatures.map(({ sig, keyid }) => ({ sig: encodeBase64(sig), ...(keyid === "" ? {} : { keyid }) })),
  };
}
