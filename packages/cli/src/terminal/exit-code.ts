import { isSigillumError } from "@sigillum/library/encoding";

/** What a command's exit code means; 10 to 13 as cosign has them, for files as for images. */
export const exitCodes = {
  success: 0,
  failure: 1,
  noSignature: 10,
  notFound: 11,
  noMatch: 12,
  noCertificate: 13,
  unavailable: 14,
  noTrustRoot: 15,
} as const;

/** The table that docs and help show. */
export const exitCodeMeanings: readonly (readonly [number, string])[] = [
  [exitCodes.success, "it worked"],
  [exitCodes.failure, "anything else, a wrong command line among it"],
  [exitCodes.noSignature, "the image has no signature"],
  [exitCodes.notFound, "there is no such image"],
  [exitCodes.noMatch, "there is a signature, and it does not prove what was asked"],
  [exitCodes.noCertificate, "the signature carries no certificate, so no identity"],
  [exitCodes.unavailable, "it could not be looked up: network, registry, service or rights"],
  [exitCodes.noTrustRoot, "there is no usable trust root"],
];

const byCode: ReadonlyMap<string, number> = new Map([
  ["IMAGE_NO_SIGNATURES", exitCodes.noSignature],
  ["IMAGE_NO_MATCHING_SIGNATURE", exitCodes.noMatch],
  ["IMAGE_NO_ATTESTATIONS", exitCodes.noSignature],
  ["IMAGE_NO_MATCHING_ATTESTATION", exitCodes.noMatch],
  ["IMAGE_NO_CERTIFICATE", exitCodes.noCertificate],
  ["OCI_NOT_FOUND", exitCodes.notFound],
  ["PUBLIC_KEY_EXPECTED", exitCodes.noCertificate],
  // as cosign: the signature proves what was asked, and a policy is not content with it
  ["POLICY_REFUSED", exitCodes.failure],
]);

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (!isSigillumError(error)) return exitCodes.failure;
  const known = byCode.get(error.code);
  if (known !== undefined) return known;
  if (error.kind === "unavailable") return exitCodes.unavailable;
  // Work on a root of trust that fails says nothing of the one that is trusted.
  if (/^TUF_(?:EVENT|REPOSITORY|PLACE|NOT_FOUNDED|KEYS_OFFLINE|KEY_(?:POSSESSION|KNOWN|ATTESTATION))/.test(error.code))
    return exitCodes.failure;
  if (/^(?:TUF|TRUST)_/.test(error.code)) return exitCodes.noTrustRoot;
  // What a service or provider refused to a signer is no verdict on a signature.
  if (/^(?:ID_TOKEN|TOKEN|OIDC|SIGNING|SERVICE|DEMO|CONTROL)_/.test(error.code)) return exitCodes.failure;
  return error.kind === "verification" ? exitCodes.noMatch : exitCodes.failure;
}
