export {
  algorithmOid,
  hashAlgorithmOfOid,
  hashAlgorithmOid,
  schemeOfSignatureAlgorithm,
  signatureAlgorithmIdentifier,
} from "./algorithm.ts";
export {
  type Certificate,
  certificateLimits,
  describeCertificate,
  parseCertificate,
  parseCertificatePem,
  parseCertificatesPem,
  tbsWithoutExtension,
} from "./certificate.ts";
export { type CertificateFields, encodeCertificate, encodeTbsCertificate, signCertificate } from "./certificate-writer.ts";
export { type X509ErrorCode, x509Error, x509Errors } from "./errors.ts";
export { type Extension, encodeExtension, extensionOids, findExtension } from "./extension.ts";
export {
  encodeFulcioExtensions,
  type FulcioClaimName,
  type FulcioClaims,
  type FulcioExtension,
  fulcioExtension,
  fulcioExtensions,
  fulcioExtensionTable,
  fulcioOid,
} from "./fulcio.ts";
export {
  encodeGeneralName,
  type GeneralName,
  type GeneralNameType,
  parseGeneralName,
  parseGeneralNames,
  usernameOid,
} from "./general-name.ts";
export { emptyName, encodeName, formatName, type NameFields, parseName } from "./name.ts";
export { type PathQuestion, pathLimits, verifyIssuedBy, verifyPath } from "./path.ts";
export {
  fulcioLeafExtensions,
  intermediateExtensions,
  type Purpose,
  rootExtensions,
  timestampLeafExtensions,
} from "./profile.ts";
export {
  type CertificationRequest,
  maxRequestBytes,
  parseCertificationRequest,
  parseCertificationRequestPem,
  signCertificationRequest,
  verifyCertificationRequest,
} from "./request.ts";
export {
  authorityKeyId,
  authorityKeyIdExtension,
  type BasicConstraints,
  basicConstraints,
  basicConstraintsExtension,
  ctPoisonExtension,
  extendedKeyUsage,
  extendedKeyUsageExtension,
  type HasExtensions,
  isCertificateAuthority,
  type KeyUsage,
  keyIdentifier,
  keyPurposes,
  keyUsage,
  keyUsageExtension,
  sctListExtension,
  subjectAltName,
  subjectAltNameExtension,
  subjectAltNames,
  subjectKeyId,
  subjectKeyIdExtension,
} from "./standard-extensions.ts";
export { describeTime } from "./text.ts";
