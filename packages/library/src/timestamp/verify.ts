// Verifying a timestamp. RFC 3161 §2.4.2, RFC 5652 §5.4 and §5.6; client-conformance §8.4, whose items are cited as T1 to T7.
import { digest, type HashAlgorithm, isValidSignature, type PublicKey, type SignatureScheme } from "../crypto/index.ts";
import { encodeHex, equalBytes, formatRfc3339, isSigillumError } from "../encoding/index.ts";
import {
  algorithmOid,
  type Certificate,
  describeCertificate,
  formatName,
  hashAlgorithmOfOid,
  schemeOfSignatureAlgorithm,
  verifyPath,
} from "../x509/index.ts";
import { timestampError } from "./errors.ts";
import { parseTimestampResponse, type TimestampToken } from "./response.ts";

/** A trusted timestamp authority; the window is closed at both ends and vouches for this chain alone. */
export interface TimestampAuthority {
  /** The signing certificate first, the anchor last; at least those two. */
  readonly chain: readonly Certificate[];
  readonly validFor: { readonly startMs: number; readonly endMs?: number | undefined };
}

/** What was proved: the signature existed at this time, says this authority. */
export interface VerifiedTimestamp<A extends TimestampAuthority = TimestampAuthority> {
  readonly timeMs: number;
  readonly authority: A;
  readonly token: TimestampToken;
}

/**
 * Verify an RFC 3161 response over the raw bytes of a signature against trusted authorities. After it returns, all of
 * client-conformance §8.4 holds for the authority named. Certificates that the token carries are not looked at; the accuracy it
 * states is not applied.
 */
export function verifyTimestamp<A extends TimestampAuthority>(p: {
  readonly response: Uint8Array;
  /** What was stamped: the signature's bytes as they are, not their base64 and not the artifact. */
  readonly signature: Uint8Array;
  readonly authorities: readonly A[];
  /** The nonce that was sent, as content octets of an INTEGER; compared where given. */
  readonly nonce?: Uint8Array | undefined;
}): VerifiedTimestamp<A> {
  const response = parseTimestampResponse(p.response); // T1: content type and one signer
  const { token } = response;
  if (response.status !== 0 || token === undefined) {
    const found = token === undefined ? `status ${response.status} without a token` : `status ${response.status}`;
    const why = [...response.failures, ...response.statusText].join(", ").slice(0, 200);
    throw timestampError(
      "TIMESTAMP_NOT_GRANTED",
      `Cannot verify timestamp: found ${found}${why === "" ? "" : ` (${why})`}, expected status 0`,
      { found, expected: "status 0" },
    );
  }
  verifyImprint(token, p.signature); // T2
  if (p.nonce !== undefined && !equalBytes(p.nonce, token.info.nonce ?? new Uint8Array())) {
    throw timestampError("TIMESTAMP_NONCE_MISMATCH", "Cannot verify timestamp: the token does not echo the nonce of the request");
  }
  const named = p.authorities.filter(({ chain: [leaf] }) => leaf !== undefined && isNamed(token, leaf)); // T3
  let failure: Error = unknownAuthority(token);
  for (const [i, authority] of named.entries()) {
    try {
      verifyByAuthority(token, authority);
      return { timeMs: token.info.genTimeMs, authority, token };
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      // One authority may stand in the trusted root with several windows; the first one's reason is told.
      if (i === 0) failure = error;
    }
  }
  throw failure;
}

function verifyImprint({ info }: TimestampToken, signature: Uint8Array): void {
  const { hash, hashOid } = info.imprint;
  if (hash === undefined || hash === "sha1") {
    throw timestampError(
      "TIMESTAMP_IMPRINT_HASH_UNSUPPORTED",
      `Cannot verify timestamp: its imprint is made with ${hash ?? hashOid}, expected SHA-2`,
      { found: hash ?? hashOid, expected: "SHA-2" },
    );
  }
  const found = info.imprint.digest;
  const expected = digest(hash, signature);
  if (equalBytes(found, expected)) return;
  throw timestampError("TIMESTAMP_IMPRINT_MISMATCH", "Cannot verify timestamp: it is over other bytes than the signature", {
    found: encodeHex(found.subarray(0, 64)),
    expected: encodeHex(expected),
  });
}

function isNamed({ signer }: TimestampToken, leaf: Certificate): boolean {
  return equalBytes(signer.issuer, leaf.issuer) && equalBytes(signer.serial, leaf.serial);
}

function verifyByAuthority(token: TimestampToken, { chain, validFor }: TimestampAuthority): void {
  const [leaf] = chain;
  const anchor = chain.length > 1 ? chain.at(-1) : undefined;
  if (leaf === undefined) return;
  verifySigner(token, leaf); // T4
  verifySigningCertificate(token, leaf); // T5
  const timeMs = token.info.genTimeMs;
  // T6: end entity, critical timeStamping alone, and the path to the anchor, all at the token's time.
  verifyPath({
    leaf,
    intermediates: chain.slice(1, -1),
    anchors: anchor === undefined ? [] : [anchor],
    timeMs,
    purpose: "timeStamping",
  });
  const isTrusted = timeMs >= validFor.startMs && timeMs <= (validFor.endMs ?? Number.MAX_SAFE_INTEGER); // T7
  if (!isTrusted) {
    const found = formatRfc3339(timeMs);
    throw timestampError(
      "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY",
      `Cannot verify timestamp: ${found} is outside the time in which the authority ${describeCertificate(leaf)} is trusted`,
      { found },
    );
  }
}

function verifySigner({ content, signer }: TimestampToken, leaf: Certificate): void {
  const hash = hashAlgorithmOfOid(signer.digestAlgorithm);
  if (hash === undefined || hash === "sha1") throw unsupported(`digest algorithm ${hash ?? signer.digestAlgorithm}`, "SHA-2");
  if (!equalBytes(signer.messageDigest, digest(hash, content))) {
    throw timestampError(
      "TIMESTAMP_MESSAGE_DIGEST_MISMATCH",
      "Cannot verify timestamp: the digest in its signed attributes is not that of its content",
    );
  }
  const scheme = signatureScheme(signer.signatureAlgorithmIdentifier, hash, leaf.publicKey);
  if (!isValidSignature(leaf.publicKey, scheme, signer.signedAttributes, signer.signature)) {
    throw timestampError(
      "TIMESTAMP_SIGNATURE_INVALID",
      `Cannot verify timestamp: the signature does not verify with the key of ${describeCertificate(leaf)}`,
    );
  }
}

// RFC 5754 §3: the algorithm may be named with its hash, which then is the signer's digest algorithm, or as rsaEncryption alone.
function signatureScheme(identifier: Uint8Array, hash: HashAlgorithm, key: PublicKey): SignatureScheme {
  if (key.type === "rsa" && algorithmOid(identifier) === "1.2.840.113549.1.1.1") return { type: "rsa", hash, padding: "pkcs1" };
  let scheme: SignatureScheme;
  try {
    scheme = schemeOfSignatureAlgorithm(identifier, key);
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    throw timestampError("TIMESTAMP_ALGORITHM_UNSUPPORTED", `Cannot verify timestamp: ${error.message}`, { cause: error });
  }
  const fits = scheme.hash === "none" ? hash === "sha512" : scheme.hash === hash; // RFC 8419 §3 for Ed25519
  if (!fits) throw unsupported(`signature with ${scheme.hash} and digest with ${hash}`, "one hash algorithm");
  return scheme;
}

function verifySigningCertificate({ signer }: TimestampToken, leaf: Certificate): void {
  for (const { hash, certificateDigest, issuerSerial } of signer.signingCertificates) {
    const sameDigest = equalBytes(certificateDigest, digest(hash, leaf.der));
    const sameName =
      issuerSerial === undefined ||
      (equalBytes(issuerSerial.issuer, leaf.issuer) && equalBytes(issuerSerial.serial, leaf.serial));
    if (sameDigest && sameName) continue;
    throw timestampError(
      "TIMESTAMP_CERTIFICATE_MISMATCH",
      `Cannot verify timestamp: its signing certificate attribute names another certificate than ${describeCertificate(leaf)}`,
      {
        found: encodeHex(certificateDigest.subarray(0, 64)),
        expected: encodeHex(digest(hash, leaf.der)),
      },
    );
  }
}

function unknownAuthority({ signer }: TimestampToken): Error {
  const found = `issuer "${formatName(signer.issuer)}" serial ${encodeHex(signer.serial.subarray(0, 32))}`;
  return timestampError("TIMESTAMP_UNKNOWN_AUTHORITY", `Cannot verify timestamp: no trusted authority has its signer, ${found}`, {
    found,
    expected: "a trusted timestamp authority",
  });
}

function unsupported(found: string, expected: string): Error {
  return timestampError("TIMESTAMP_ALGORITHM_UNSUPPORTED", `Cannot verify timestamp: found ${found}, expected ${expected}`, {
    found,
    expected,
  });
}
