// The public surface of the room `certificate-authority`.
export { clientAlgorithms } from "./client-algorithm.ts";
export { certificateAuthorityError, certificateAuthorityErrors } from "./errors.ts";
export { type IssuingOptions, issueCertificate, type SubmitPrecertificate, type TrustedCtLog } from "./issue.ts";
export { type KeyProof, verifyKeyPossession } from "./key-possession.ts";
export { type CertificateAuthorityOptions, createCertificateAuthority } from "./service.ts";
