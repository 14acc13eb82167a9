// The extension lists of the four kinds of certificate in a Sigstore. certificate-authority §3.1, §3.2 and §8.4.

import { encodeFulcioExtensions, type FulcioClaims } from "./fulcio.ts";
import type { GeneralNameType } from "./general-name.ts";
import {
  authorityKeyIdExtension,
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  keyIdentifier,
  keyPurposes,
  keyUsageExtension,
  subjectAltNameExtension,
  subjectKeyIdExtension,
} from "./standard-extensions.ts";

/** What a path is validated for, and what an intermediate is made for. */
export type Purpose = "codeSigning" | "timeStamping";

const leafKeyUsage = keyUsageExtension(["digitalSignature"]);
const authorityKeyUsage = keyUsageExtension(["keyCertSign", "cRLSign"]);
const codeSigning = extendedKeyUsageExtension([keyPurposes.codeSigning]);
const timeStamping = extendedKeyUsageExtension([keyPurposes.timeStamping]);
const onlyTimeStamping = extendedKeyUsageExtension([keyPurposes.timeStamping], true);

/** Extensions of a self-signed root: critical key usage and basic constraints, subject key identifier, no extended key usage. */
export function rootExtensions(p: { readonly spki: Uint8Array; readonly pathLength?: number | undefined }): Uint8Array[] {
  return [authorityKeyUsage, basicConstraintsExtension(p.pathLength), subjectKeyIdExtension(keyIdentifier(p.spki))];
}

/** Extensions of an intermediate that issues leaves for one purpose; `issuerSpki` is its parent's key. */
export function intermediateExtensions(p: {
  readonly spki: Uint8Array;
  readonly issuerSpki: Uint8Array;
  readonly purpose: Purpose;
  readonly pathLength?: number | undefined;
}): Uint8Array[] {
  return [
    authorityKeyUsage,
    p.purpose === "codeSigning" ? codeSigning : timeStamping,
    basicConstraintsExtension(p.pathLength ?? 0),
    subjectKeyIdExtension(keyIdentifier(p.spki)),
    authorityKeyIdExtension(keyIdentifier(p.issuerSpki)),
  ];
}

/**
 * Extensions of a Fulcio leaf, in the order of every real one, without the last: `ctPoisonExtension()` for the precertificate,
 * `sctListExtension(…)` for the certificate. `issuerKeyId` is the issuer's subject key identifier.
 */
export function fulcioLeafExtensions(p: {
  readonly spki: Uint8Array;
  readonly issuerKeyId: Uint8Array | undefined;
  readonly subjectAltName: { readonly type: Exclude<GeneralNameType, "ip">; readonly value: string };
  readonly claims: FulcioClaims;
}): Uint8Array[] {
  return [
    leafKeyUsage,
    codeSigning,
    subjectKeyIdExtension(keyIdentifier(p.spki)),
    ...(p.issuerKeyId === undefined ? [] : [authorityKeyIdExtension(p.issuerKeyId)]),
    subjectAltNameExtension(p.subjectAltName),
    ...encodeFulcioExtensions(p.claims),
  ];
}

/** Extensions of a timestamp authority's leaf: the extended key usage is critical and timeStamping alone (RFC 3161 §2.3). */
export function timestampLeafExtensions(p: { readonly spki: Uint8Array; readonly issuerSpki: Uint8Array }): Uint8Array[] {
  return [
    leafKeyUsage,
    onlyTimeStamping,
    subjectKeyIdExtension(keyIdentifier(p.spki)),
    authorityKeyIdExtension(keyIdentifier(p.issuerSpki)),
  ];
}
