// sign-blob, verify-blob, attest-blob, verify-blob-attestation, inspect, and what signing and verifying commands share.
export { runAttestBlob } from "./attest-blob.ts";
export { runBundleCreate } from "./bundle-create.ts";
export { encodeCosignBundle } from "./cosign-bundle.ts";
export { describeSignature, type SignatureDescription, signatureLines, verifiedJson, verifiedLines } from "./describe.ts";
export { blobError, blobErrors } from "./errors.ts";
export { type Demands, demandsOf, isSet, optional } from "./expectations.ts";
export { explanationLines } from "./explain.ts";
export { hashFile, readInput, readSmallFile, writeWhole } from "./files.ts";
export { runInspect } from "./inspect.ts";
export { readBundles } from "./material.ts";
export { predicateTypeOf, predicateTypesFor, type StatementOrder, statementOf } from "./predicate.ts";
export { regexpMatcher } from "./regexp.ts";
export { runSignBlob } from "./sign-blob.ts";
export { issuerOf, signIn } from "./sign-in.ts";
export { openSession, type SigningSession } from "./signer.ts";
export { loadSigningTrust, loadVerifyingTrust, requireSigningConfig, type SigningTrust } from "./trust.ts";
export { runVerifyBlob, verifyFile } from "./verify-blob.ts";
export { runVerifyBlobAttestation } from "./verify-blob-attestation.ts";
