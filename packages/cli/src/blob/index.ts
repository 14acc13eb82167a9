// sign-blob, verify-blob, and what signing and verifying commands share.
export { describeSignature, type SignatureDescription, signatureLines, verifiedJson, verifiedLines } from "./describe.ts";
export { blobError, blobErrors } from "./errors.ts";
export { expectationsOf } from "./expectations.ts";
export { hashFile, readSmallFile, writeWhole } from "./files.ts";
export { runSignBlob } from "./sign-blob.ts";
export { issuerOf, signIn } from "./sign-in.ts";
export { loadSigningTrust, loadVerifyingTrust, requireSigningConfig, type SigningTrust } from "./trust.ts";
export { runVerifyBlob, verifyFile } from "./verify-blob.ts";
