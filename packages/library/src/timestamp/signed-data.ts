// The part of CMS that a timestamp token uses. RFC 5652 §3, §5; RFC 3161 §2.4.2; RFC 5035 §3 and §5; RFC 5816.
//
//   ContentInfo ::= SEQUENCE { contentType id-signedData, content [0] EXPLICIT SignedData }
//   SignedData ::= SEQUENCE { version INTEGER, digestAlgorithms SET, encapContentInfo SEQUENCE { eContentType, eContent [0] EXPLICIT OCTET STRING },
//     certificates [0] IMPLICIT SET OPTIONAL, crls [1] IMPLICIT SET OPTIONAL, signerInfos SET OF SignerInfo }
//   SignerInfo ::= SEQUENCE { version INTEGER, sid IssuerAndSerialNumber, digestAlgorithm, signedAttrs [0] IMPLICIT SET, signatureAlgorithm,
//     signature OCTET STRING, unsignedAttrs [1] IMPLICIT SET OPTIONAL }
import type { HashAlgorithm } from "../crypto/index.ts";
import { DerReader, type DerValue, derTagged, isDerSetOfSorted, parseDer } from "../encoding/index.ts";
import { algorithmOid, hashAlgorithmOfOid, parseName } from "../x509/index.ts";
import { parsing, timestampError } from "./errors.ts";

/** Object identifiers of CMS and of timestamp tokens. */
export const cmsOids = {
  signedData: "1.2.840.113549.1.7.2",
  tstInfo: "1.2.840.113549.1.9.16.1.4",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  signingTime: "1.2.840.113549.1.9.5",
  signingCertificate: "1.2.840.113549.1.9.16.2.12",
  signingCertificateV2: "1.2.840.113549.1.9.16.2.47",
} as const;

/** What the signer says its certificate is: SigningCertificate (SHA-1) or SigningCertificateV2. */
export interface SigningCertificateId {
  readonly hash: HashAlgorithm;
  readonly certificateDigest: Uint8Array;
  /** The issuer's Name and the serial's content octets, where the attribute repeats them. */
  readonly issuerSerial: { readonly issuer: Uint8Array; readonly serial: Uint8Array } | undefined;
}

/** The one signer of a token. */
export interface TokenSigner {
  /** Name, DER. */
  readonly issuer: Uint8Array;
  /** Content octets. */
  readonly serial: Uint8Array;
  readonly digestAlgorithm: string;
  /** The signed attributes with the SET tag: the bytes that are signed (RFC 5652 §5.4). */
  readonly signedAttributes: Uint8Array;
  readonly messageDigest: Uint8Array;
  /** Every signing certificate attribute: one, or one of each version. */
  readonly signingCertificates: readonly SigningCertificateId[];
  readonly signatureAlgorithmIdentifier: Uint8Array;
  readonly signature: Uint8Array;
}

/** A parsed token: nothing of it is verified. */
export interface SignedToken {
  /** The TSTInfo, DER. */
  readonly content: Uint8Array;
  readonly signer: TokenSigner;
  /** Certificates that the token carries, DER and unparsed; they are not to be trusted. */
  readonly certificates: readonly Uint8Array[];
}

const maxCertificates = 16;
const maxAttributes = 16;
const maxAlgorithms = 16;

/** Read a timestamp token: a SignedData with a TSTInfo inside and one signer. */
export function parseSignedToken(value: DerValue): SignedToken {
  return parsing("TIMESTAMP_RESPONSE_MALFORMED", "parse timestamp token", () => {
    const info = DerReader.sequence(value);
    expectOid(info, cmsOids.signedData, "content type");
    const explicit = info.tagged(0xa0, "content");
    info.end("content info");
    const data = explicit.sequence("signed data");
    explicit.end("content");
    const version = data.smallInteger("signed data version");
    // RFC 5652 §5.1: 3 because the content is not id-data; 4 and 5 tell of attribute certificates and the like, which no token has.
    if (version !== 3) throw malformed(`found signed data version ${version}, expected 3`);
    const digestAlgorithms = readDigestAlgorithms(data.set("digest algorithms"));
    const content = readContent(data.sequence("encapsulated content"));
    const certificates = readCertificates(data.optionalTagged(0xa0));
    data.optional(0xa1);
    const signers = data.set("signer infos");
    data.end("signed data");
    const signer = readSigner(signers.sequence("signer info"));
    signers.end("the one signer info");
    // RFC 5652 §5.1: a signer whose digest algorithm is not listed may be refused. Nothing signs the list, so it says this or nothing.
    if (!digestAlgorithms.includes(signer.digestAlgorithm))
      throw malformed(`its digest algorithms do not have the signer's, ${signer.digestAlgorithm}`);
    return { content, signer, certificates };
  });
}

function readDigestAlgorithms(reader: DerReader): string[] {
  const algorithms: string[] = [];
  while (!reader.atEnd) {
    algorithms.push(readDigestAlgorithm(reader));
    if (algorithms.length > maxAlgorithms) throw malformed(`expected at most ${maxAlgorithms} digest algorithms`);
  }
  return algorithms;
}

// RFC 5754 §2: parameters are absent, or NULL.
function readDigestAlgorithm(reader: DerReader): string {
  const identifier = reader.sequence("digest algorithm");
  const oid = identifier.oid("digest algorithm");
  if (!identifier.atEnd) identifier.null("digest algorithm's parameters");
  identifier.end("digest algorithm");
  return oid;
}

function readContent(reader: DerReader): Uint8Array {
  expectOid(reader, cmsOids.tstInfo, "encapsulated content type");
  const explicit = reader.tagged(0xa0, "encapsulated content");
  reader.end("encapsulated content");
  const content = explicit.octetString("encapsulated content");
  explicit.end("encapsulated content");
  return content;
}

function readCertificates(reader: DerReader | undefined): Uint8Array[] {
  const certificates: Uint8Array[] = [];
  while (reader !== undefined && !reader.atEnd) {
    certificates.push(reader.next().bytes);
    if (certificates.length > maxCertificates) throw malformed(`expected at most ${maxCertificates} certificates`);
  }
  return certificates;
}

function readSigner(reader: DerReader): TokenSigner {
  const version = reader.smallInteger("signer info version");
  if (version !== 1) throw malformed(`found signer info version ${version}, expected 1 (issuer and serial number)`);
  const sid = reader.sequence("signer identifier");
  const issuer = parseName(sid.expect(0x30, "issuer"));
  const serial = sid.integer("serial number");
  sid.end("signer identifier");
  const digestAlgorithm = readDigestAlgorithm(reader);
  const attributes = reader.expect(0xa0, "signed attributes");
  const signatureAlgorithmIdentifier = reader.expect(0x30, "signature algorithm").bytes;
  const signature = reader.octetString("signature");
  reader.optional(0xa1);
  reader.end("signer info");
  // RFC 5652 §5.3: the attributes must be DER even where the rest is not.
  if (!isDerSetOfSorted(attributes)) throw malformed("the signed attributes are not in DER's order");
  const { messageDigest, signingCertificates } = readAttributes(DerReader.inside(attributes));
  const signedAttributes = derTagged(0x31, attributes.contents);
  return {
    issuer,
    serial,
    digestAlgorithm,
    signedAttributes,
    messageDigest,
    signingCertificates,
    signatureAlgorithmIdentifier,
    signature,
  };
}

// RFC 5652 §5.3 and §11: content type and message digest must be there, each attribute once, each of those with one value.
function readAttributes(reader: DerReader): { messageDigest: Uint8Array; signingCertificates: SigningCertificateId[] } {
  const values = new Map<string, DerReader>();
  while (!reader.atEnd) {
    const attribute = reader.sequence("attribute");
    const oid = attribute.oid("attribute type");
    if (values.has(oid)) throw malformed(`attribute ${oid} stands twice`);
    values.set(oid, attribute.set("attribute values"));
    attribute.end("attribute");
    if (values.size > maxAttributes) throw malformed(`expected at most ${maxAttributes} signed attributes`);
  }
  const contentType = required(values, cmsOids.contentType, "content type");
  expectOid(contentType, cmsOids.tstInfo, "content type attribute");
  contentType.end("content type attribute");
  const digests = required(values, cmsOids.messageDigest, "message digest");
  const messageDigest = digests.octetString("message digest");
  digests.end("message digest attribute");
  const signingCertificates: SigningCertificateId[] = [];
  const v1 = values.get(cmsOids.signingCertificate);
  const v2 = values.get(cmsOids.signingCertificateV2);
  if (v1 !== undefined) signingCertificates.push(readSigningCertificate(v1, false));
  if (v2 !== undefined) signingCertificates.push(readSigningCertificate(v2, true));
  if (signingCertificates.length === 0) throw malformed("there is no signing certificate attribute");
  return { messageDigest, signingCertificates };
}

//   SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies SEQUENCE OPTIONAL }
//   ESSCertIDv2 ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier DEFAULT sha256, certHash OCTET STRING, issuerSerial OPTIONAL }
//   IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber INTEGER }
// SigningCertificate and ESSCertID are the same without hashAlgorithm. The first one identifies the signer (RFC 5035 §3).
function readSigningCertificate(values: DerReader, isV2: boolean): SigningCertificateId {
  const attribute = values.sequence("signing certificate");
  values.end("signing certificate attribute");
  const ids = attribute.sequence("certificate ids");
  attribute.optional(0x30);
  attribute.end("signing certificate");
  const id = ids.sequence("certificate id");
  const algorithm = isV2 ? id.optional(0x30) : undefined;
  const certificateDigest = id.octetString("certificate hash");
  const issuerSerial = id.optional(0x30);
  id.end("certificate id");
  const oid = algorithm === undefined ? undefined : algorithmOid(algorithm);
  const hash = isV2 ? (oid === undefined ? "sha256" : hashAlgorithmOfOid(oid)) : "sha1";
  if (hash === undefined || (isV2 && hash === "sha1"))
    throw malformed(`certificate id has hash algorithm ${oid ?? ""}, expected SHA-2`);
  return {
    hash,
    certificateDigest,
    issuerSerial: issuerSerial === undefined ? undefined : readIssuerSerial(DerReader.sequence(issuerSerial)),
  };
}

function readIssuerSerial(reader: DerReader): { issuer: Uint8Array; serial: Uint8Array } {
  const names = reader.sequence("issuer names");
  const directoryName = names.tagged(0xa4, "issuer name"); // directoryName [4] EXPLICIT Name
  names.end("issuer names");
  const issuer = parseName(directoryName.expect(0x30, "issuer name"));
  directoryName.end("issuer name");
  const serial = reader.integer("issuer serial");
  reader.end("issuer and serial");
  return { issuer, serial };
}

function required(values: ReadonlyMap<string, DerReader>, oid: string, what: string): DerReader {
  const reader = values.get(oid);
  if (reader === undefined) throw malformed(`there is no ${what} attribute`);
  return reader;
}

function expectOid(reader: DerReader, expected: string, what: string): void {
  const found = reader.oid(what);
  if (found !== expected)
    throw timestampError(
      "TIMESTAMP_RESPONSE_MALFORMED",
      `Cannot parse timestamp token: ${what} is ${found}, expected ${expected}`,
      { found, expected },
    );
}

function malformed(why: string): Error {
  return timestampError("TIMESTAMP_RESPONSE_MALFORMED", `Cannot parse timestamp token: ${why}`);
}

/** The value of one DER structure that must be a whole token. */
export function parseTokenBytes(der: Uint8Array): SignedToken {
  return parsing("TIMESTAMP_RESPONSE_MALFORMED", "parse timestamp token", () => parseSignedToken(parseDer(der)));
}
