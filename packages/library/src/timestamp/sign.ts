// Issuing a timestamp token. certificate-authority §8.3; RFC 3161 §2.4.2; RFC 5652 §5; RFC 5816.
import { digest, type HashAlgorithm, type SignatureScheme, type Signer } from "../crypto/index.ts";
import { derInteger, derNull, derOctetString, derOid, derSequence, derSetOf, derTagged, derX509Time } from "../encoding/index.ts";
import { type Certificate, hashAlgorithmOid, signatureAlgorithmIdentifier } from "../x509/index.ts";
import { checkTimestampRequest, type TimestampRequest } from "./request.ts";
import { cmsOids } from "./signed-data.ts";
import { encodeTstInfo } from "./tst-info.ts";

/** The policy of Sigstore's timestamp authorities, 1.3.6.1.4.1.57264.2. */
export const sigstoreTimestampPolicy: string = "1.3.6.1.4.1.57264.2";

/** What `signTimestampToken` needs. */
export interface TokenFields {
  readonly request: TimestampRequest;
  /** Unsigned, big-endian; unique among the authority's tokens. */
  readonly serial: Uint8Array;
  readonly genTimeMs: number;
  /** The policy where the request names none; it must be among `acceptedPolicies`. */
  readonly policy?: string | undefined;
  readonly acceptedPolicies?: readonly string[] | undefined;
  readonly signer: Signer;
  /** The authority's certificate first, then its issuers. */
  readonly chain: readonly Certificate[];
  /** Whether a request for certificates is answered with the whole chain and not the authority's certificate alone. */
  readonly includeChain?: boolean | undefined;
}

const version1 = derInteger(1);
const version3 = derInteger(3);
const signedDataOid = derOid(cmsOids.signedData);
const tstInfoOid = derOid(cmsOids.tstInfo);
const contentTypeAttribute = attribute(cmsOids.contentType, tstInfoOid);

/**
 * Check a request and sign a token for it: a ContentInfo, which `encodeTimestampResponse` wraps. Throws the codes of
 * `checkTimestampRequest`. That the authority's certificate is valid at the time and has the signer's key is for the caller to see to.
 */
export async function signTimestampToken(p: TokenFields): Promise<Uint8Array> {
  const [leaf] = p.chain;
  if (leaf === undefined) throw new TypeError("Cannot sign timestamp token: the chain is empty");
  const policy = p.policy ?? sigstoreTimestampPolicy;
  const hash = checkTimestampRequest(p.request, p.acceptedPolicies ?? [policy]);
  const { imprint, nonce, certReq } = p.request;
  const content = encodeTstInfo({
    policy: p.request.policy ?? policy,
    hash,
    digest: imprint.digest,
    serial: p.serial,
    genTimeMs: p.genTimeMs,
    nonce,
    tsa: leaf.subject,
  });
  const digestHash = digestOf(p.signer.scheme);
  const digestAlgorithm = derSequence(derOid(hashAlgorithmOid(digestHash)));
  const signerInfo = await signSigner(p, leaf, hash, digestHash, digestAlgorithm, content);
  const certificates = certReq ? [derTagged(0xa0, ...sortedCertificates(p, leaf))] : [];
  const signedData = derSequence(
    version3,
    derSetOf(digestAlgorithm),
    derSequence(tstInfoOid, derTagged(0xa0, derOctetString(content))),
    ...certificates,
    derSetOf(signerInfo),
  );
  return derSequence(signedDataOid, derTagged(0xa0, signedData));
}

async function signSigner(
  p: TokenFields,
  leaf: Certificate,
  requestHash: HashAlgorithm,
  digestHash: HashAlgorithm,
  digestAlgorithm: Uint8Array,
  content: Uint8Array,
): Promise<Uint8Array> {
  const signedAttributes = derSetOf(
    contentTypeAttribute,
    attribute(cmsOids.signingTime, derX509Time(p.genTimeMs)),
    attribute(cmsOids.messageDigest, derOctetString(digest(digestHash, content))),
    attribute(cmsOids.signingCertificateV2, encodeSigningCertificate(leaf, requestHash)),
  );
  const signature = await p.signer.sign(signedAttributes);
  // RFC 5652 §5.4: signed with the SET OF tag, stored as [0] IMPLICIT.
  const stored = signedAttributes.slice();
  stored[0] = 0xa0;
  return derSequence(
    version1,
    derSequence(leaf.issuer, derTagged(0x02, leaf.serial)),
    digestAlgorithm,
    stored,
    signatureAlgorithmIdentifier(p.signer.scheme),
    derOctetString(signature),
  );
}

// RFC 5035 §3: hashAlgorithm defaults to SHA-256 and is then left out.
function encodeSigningCertificate(leaf: Certificate, hash: HashAlgorithm): Uint8Array {
  const algorithm = hash === "sha256" ? [] : [derSequence(derOid(hashAlgorithmOid(hash)), derNull())];
  const issuerSerial = derSequence(derSequence(derTagged(0xa4, leaf.issuer)), derTagged(0x02, leaf.serial));
  return derSequence(derSequence(derSequence(...algorithm, derOctetString(digest(hash, leaf.der)), issuerSerial)));
}

// A DER SET OF: sorted by the members' bytes, here without the tag and length that the sorting writer puts around them.
function sortedCertificates(p: TokenFields, leaf: Certificate): Uint8Array[] {
  if (p.includeChain !== true) return [leaf.der];
  const set = derSetOf(...p.chain.map((certificate) => certificate.der));
  return [set.subarray(set.length - p.chain.reduce((sum, certificate) => sum + certificate.der.length, 0))];
}

// RFC 8419 §3: Ed25519 over signed attributes goes with SHA-512.
function digestOf(scheme: SignatureScheme): HashAlgorithm {
  return scheme.hash === "none" ? "sha512" : scheme.hash;
}

function attribute(oid: string, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), derSetOf(value));
}
