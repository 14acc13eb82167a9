// The signature block of a JAR: a SignedData of CMS over a file that is not in it (RFC 5652 §5).
import { digest, type HashAlgorithm, isValidSignature, type PublicKey, type SignatureScheme } from "@sigillum/library/crypto";
import { DerReader, derTagged, equalBytes, isSigillumError, parseDer } from "@sigillum/library/encoding";
import { type Certificate, hashAlgorithmOfOid, parseCertificate, schemeOfSignatureAlgorithm } from "@sigillum/library/x509";
import { legacyEntryError } from "./errors.ts";
import { invalid, malformed } from "./refusals.ts";

const oids = {
  signedData: "1.2.840.113549.1.7.2",
  data: "1.2.840.113549.1.7.1",
  messageDigest: "1.2.840.113549.1.9.4",
  rsaPss: "1.2.840.113549.1.1.10",
} as const;
const maxCertificates = 16;
const maxSigners = 4;
const maxAttributes = 32;

/** Verify each signer over the content, with a certificate of the block; the block's first certificate, DER. Whose it is was not checked. */
export function verifySignatureBlock(block: Uint8Array, content: Uint8Array): Uint8Array {
  try {
    return verifyBlock(block, content);
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("LEGACY_")) throw cause;
    throw malformed("jar", `its signature block cannot be used: ${cause.message}`, cause);
  }
}

function verifyBlock(block: Uint8Array, content: Uint8Array): Uint8Array {
  const info = DerReader.sequence(parseDer(block), "content info");
  expectOid(info, oids.signedData, "content type");
  const explicit = info.tagged(0xa0, "content");
  info.end("content info");
  const data = explicit.sequence("signed data");
  explicit.end("content");
  data.smallInteger("version");
  data.set("digest algorithms");
  const encapsulated = data.sequence("encapsulated content");
  expectOid(encapsulated, oids.data, "encapsulated content type");
  if (!encapsulated.atEnd) throw malformed("jar", "its signature block has what it signs inside of it");
  const certificates = readCertificates(data.optionalTagged(0xa0));
  data.optional(0xa1);
  const signers = data.set("signer infos");
  data.end("signed data");
  let count = 0;
  for (; !signers.atEnd; count++) {
    if (count === maxSigners) throw malformed("jar", `its signature block has more than ${maxSigners} signers`);
    verifySigner(signers.sequence("signer info"), certificates, content);
  }
  const [first] = certificates;
  if (count === 0 || first === undefined) throw malformed("jar", "its signature block has no signer or no certificate");
  return first.der;
}

interface BlockCertificate {
  readonly der: Uint8Array;
  readonly certificate: Certificate;
}

function readCertificates(reader: DerReader | undefined): BlockCertificate[] {
  const found: BlockCertificate[] = [];
  while (reader !== undefined && !reader.atEnd) {
    if (found.length === maxCertificates)
      throw malformed("jar", `its signature block has more than ${maxCertificates} certificates`);
    const der = reader.next().bytes;
    found.push({ der, certificate: parseCertificate(der) });
  }
  return found;
}

function verifySigner(reader: DerReader, certificates: readonly BlockCertificate[], content: Uint8Array): void {
  reader.smallInteger("signer info version");
  const id = reader.sequence("signer identifier");
  const issuer = id.expect(0x30, "issuer").bytes;
  const serial = id.integer("serial number");
  const hash = hashAlgorithmOfOid(reader.sequence("digest algorithm").oid("digest algorithm"));
  if (hash === undefined) throw unsupported("the digest algorithm of its signature is not known here");
  const attributes = reader.optional(0xa0);
  const algorithm = reader.expect(0x30, "signature algorithm").bytes;
  const signature = reader.octetString("signature");
  reader.optional(0xa1);
  reader.end("signer info");
  const signer = certificates.find(
    ({ certificate }) => equalBytes(certificate.issuer, issuer) && equalBytes(certificate.serial, serial),
  );
  if (signer === undefined) throw malformed("jar", "its signature block does not have the signer's certificate");
  let signed = content;
  if (attributes !== undefined) {
    if (!equalBytes(messageDigestOf(DerReader.inside(attributes)), digest(hash, content)))
      throw invalid("jar", "the digest in its signature is not that of the signature file");
    signed = derTagged(0x31, attributes.contents);
  }
  const key = signer.certificate.publicKey;
  if (!isValidSignature(key, schemeOf(algorithm, hash, key), signed, signature))
    throw invalid("jar", "its signature does not verify with the certificate that it names");
}

// What the algorithm's name says of a digest is said by the digest algorithm already (RFC 5652 §5.3); PSS has parameters of its own.
function schemeOf(identifier: Uint8Array, hash: HashAlgorithm, key: PublicKey): SignatureScheme {
  if (key.type === "rsa") {
    const isPss = DerReader.sequence(identifier).oid("signature algorithm") === oids.rsaPss;
    return isPss ? schemeOfSignatureAlgorithm(identifier, key) : { type: "rsa", hash, padding: "pkcs1" };
  }
  if (key.type.startsWith("ecdsa-")) return { type: key.type, hash };
  throw unsupported(`signatures by keys of type ${key.type} are not verified in a JAR`);
}

function messageDigestOf(reader: DerReader): Uint8Array {
  let found: Uint8Array | undefined;
  for (let count = 0; !reader.atEnd; count++) {
    if (count === maxAttributes) throw malformed("jar", `its signature has more than ${maxAttributes} attributes`);
    const attribute = reader.sequence("attribute");
    if (attribute.oid("attribute type") !== oids.messageDigest) continue;
    if (found !== undefined) throw malformed("jar", "its signature has two message digests");
    const values = attribute.set("attribute values");
    found = values.octetString("message digest");
    values.end("message digest");
  }
  if (found === undefined) throw malformed("jar", "its signature has no message digest");
  return found;
}

function expectOid(reader: DerReader, expected: string, what: string): void {
  const found = reader.oid(what);
  if (found !== expected) throw malformed("jar", `the ${what} of its signature block is ${found}, expected ${expected}`);
}

function unsupported(problem: string): Error {
  return legacyEntryError("LEGACY_ENTRY_UNSUPPORTED", `Cannot accept jar entry: ${problem}`);
}
