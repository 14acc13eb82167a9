import { keyDetailsOf } from "../crypto/index.ts";
import { encodeBase64, type JsonValue } from "../encoding/index.ts";
import { encodeValidFor } from "./time-range.ts";
import { type CertificateAuthority, type TransparencyLog, type TrustedRoot, trustedRootMediaTypes } from "./trusted-root.ts";

/**
 * Write a trusted root in version 0.1, with the media type that every client reads.
 * `operator` and `checkpointKeyId` are left out: strict readers of 0.1 refuse fields that it lacks. Keys are written as SPKI.
 */
export function encodeTrustedRoot(root: TrustedRoot): string {
  const document: JsonValue = {
    mediaType: trustedRootMediaTypes[0] ?? "",
    tlogs: oldestFirst(root.tlogs).map(encodeLog),
    certificateAuthorities: oldestFirst(root.certificateAuthorities).map(encodeAuthority),
    ctlogs: oldestFirst(root.ctlogs).map(encodeLog),
    timestampAuthorities: oldestFirst(root.timestampAuthorities).map(encodeAuthority),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function oldestFirst<T extends { readonly validFor: { readonly startMs: number } }>(instances: readonly T[]): T[] {
  return [...instances].sort((a, b) => a.validFor.startMs - b.validFor.startMs);
}

function encodeLog(log: TransparencyLog): JsonValue {
  return {
    baseUrl: log.baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: encodeBase64(log.publicKey.spki),
      keyDetails: keyDetailsOf(log.scheme, log.publicKey),
      validFor: encodeValidFor(log.validFor),
    },
    logId: { keyId: encodeBase64(log.logId) },
  };
}

function encodeAuthority(authority: CertificateAuthority): JsonValue {
  const { organization, commonName } = authority.subject ?? {};
  return {
    subject: { ...(organization === undefined ? {} : { organization }), ...(commonName === undefined ? {} : { commonName }) },
    uri: authority.uri,
    certChain: { certificates: authority.chain.map((certificate) => ({ rawBytes: encodeBase64(certificate.der) })) },
    validFor: encodeValidFor(authority.validFor),
  };
}
