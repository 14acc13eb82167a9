// Timestamp requests. RFC 3161 §2.4.1.
//
//   TimeStampReq ::= SEQUENCE { version INTEGER { v1(1) }, messageImprint MessageImprint, reqPolicy OBJECT IDENTIFIER OPTIONAL,
//     nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE, extensions [0] IMPLICIT Extensions OPTIONAL }
//   MessageImprint ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING }
import type { HashAlgorithm } from "../crypto/index.ts";
import {
  DerReader,
  derBoolean,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derTagged,
  parseDer,
} from "../encoding/index.ts";
import { hashAlgorithmOfOid, hashAlgorithmOid } from "../x509/index.ts";
import { parsing, timestampError } from "./errors.ts";

/** What a timestamp is over: a digest and the algorithm that made it. */
export interface MessageImprint {
  /** Object identifier of the hash algorithm, as it was named. */
  readonly hashOid: string;
  /** The algorithm, where it is one we know. */
  readonly hash: HashAlgorithm | undefined;
  readonly digest: Uint8Array;
}

/** A parsed request. */
export interface TimestampRequest {
  readonly imprint: MessageImprint;
  readonly policy: string | undefined;
  /** Content octets of the nonce's INTEGER; a token echoes them. */
  readonly nonce: Uint8Array | undefined;
  readonly certReq: boolean;
  /** Whether the request has extensions; none is understood. */
  readonly hasExtensions: boolean;
}

/** Limits on requests and responses. */
export const timestampLimits: {
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  readonly maxNonceBytes: number;
} = {
  maxRequestBytes: 16 * 1024,
  maxResponseBytes: 64 * 1024,
  maxNonceBytes: 64,
};

const version1 = derInteger(1);
const digestLengths: Readonly<Record<HashAlgorithm, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/** Read one DER request. Whether its hash, policy and extensions are acceptable is for `checkTimestampRequest`. */
export function parseTimestampRequest(der: Uint8Array): TimestampRequest {
  if (der.length > timestampLimits.maxRequestBytes) {
    const found = `${der.length} bytes`;
    throw timestampError(
      "TIMESTAMP_TOO_LARGE",
      `Cannot parse timestamp request: found ${found}, expected at most ${timestampLimits.maxRequestBytes}`,
      { found },
    );
  }
  return parsing("TIMESTAMP_REQUEST_MALFORMED", "parse timestamp request", () => {
    const reader = DerReader.sequence(parseDer(der));
    const version = reader.smallInteger("version");
    if (version !== 1) {
      const found = `version ${version}`;
      throw timestampError("TIMESTAMP_REQUEST_MALFORMED", `Cannot parse timestamp request: found ${found}, expected version 1`, {
        found,
        expected: "version 1",
      });
    }
    const imprint = readMessageImprint(reader.sequence("message imprint"));
    const policy = reader.peekTag() === 0x06 ? reader.oid("policy") : undefined;
    const nonce = reader.peekTag() === 0x02 ? readNonce(reader) : undefined;
    const certReq = reader.peekTag() === 0x01 && reader.boolean("certReq");
    const hasExtensions = reader.optional(0xa0) !== undefined;
    reader.end("timestamp request");
    return { imprint, policy, nonce, certReq, hasExtensions };
  });
}

/** Write a request over a digest. */
export function encodeTimestampRequest(p: {
  readonly hash: HashAlgorithm;
  readonly digest: Uint8Array;
  readonly policy?: string | undefined;
  /** The nonce as unsigned, big-endian bytes. */
  readonly nonce?: Uint8Array | undefined;
  readonly certReq?: boolean | undefined;
}): Uint8Array {
  if (p.digest.length !== digestLengths[p.hash])
    throw new TypeError(`Cannot write timestamp request: ${p.digest.length} bytes are no ${p.hash} digest`);
  return derSequence(
    version1,
    encodeMessageImprint(p.hash, p.digest),
    ...(p.policy === undefined ? [] : [derOid(p.policy)]),
    ...(p.nonce === undefined ? [] : [derInteger(p.nonce)]),
    ...(p.certReq === true ? [derBoolean(true)] : []),
  );
}

/**
 * Check that an authority may answer a request: SHA-256, -384 or -512 with a digest of the right length, one of the accepted
 * policies (or none named), no extensions. Returns the hash algorithm.
 */
export function checkTimestampRequest(request: TimestampRequest, acceptedPolicies: readonly string[]): HashAlgorithm {
  const { hash, hashOid, digest } = request.imprint;
  if (hash === "sha1")
    throw timestampError("TIMESTAMP_HASH_WEAK", "Cannot answer timestamp request: SHA-1 is not accepted", {
      found: "sha1",
      expected: "sha256, sha384 or sha512",
    });
  if (hash === undefined) {
    throw timestampError(
      "TIMESTAMP_HASH_UNSUPPORTED",
      `Cannot answer timestamp request: hash algorithm ${hashOid} is not accepted`,
      { found: hashOid, expected: "sha256, sha384 or sha512" },
    );
  }
  if (digest.length !== digestLengths[hash]) {
    const found = `${digest.length} bytes`;
    const expected = `${digestLengths[hash]} bytes`;
    throw timestampError(
      "TIMESTAMP_DIGEST_LENGTH",
      `Cannot answer timestamp request: found a digest of ${found}, expected ${expected} for ${hash}`,
      { found, expected },
    );
  }
  if (request.policy !== undefined && !acceptedPolicies.includes(request.policy)) {
    throw timestampError(
      "TIMESTAMP_POLICY_UNSUPPORTED",
      `Cannot answer timestamp request: policy ${request.policy} is not offered`,
      {
        found: request.policy,
        expected: acceptedPolicies.join(" "),
      },
    );
  }
  if (request.hasExtensions)
    throw timestampError(
      "TIMESTAMP_EXTENSION_UNSUPPORTED",
      "Cannot answer timestamp request: it has extensions, none is understood",
    );
  return hash;
}

/** Read the fields of a MessageImprint; parameters of the algorithm are absent or NULL. */
export function readMessageImprint(reader: DerReader): MessageImprint {
  const algorithm = reader.sequence("hash algorithm");
  const hashOid = algorithm.oid("hash algorithm");
  if (!algorithm.atEnd) algorithm.null("hash algorithm parameters");
  algorithm.end("hash algorithm");
  const digest = reader.octetString("hashed message");
  reader.end("message imprint");
  return { hashOid, hash: hashAlgorithmOfOid(hashOid), digest };
}

/** Read the INTEGER of a nonce as its content octets. */
export function readNonce(reader: DerReader): Uint8Array {
  const nonce = reader.integer("nonce");
  if (nonce.length <= timestampLimits.maxNonceBytes) return nonce;
  const found = `${nonce.length} bytes`;
  throw timestampError(
    "TIMESTAMP_TOO_LARGE",
    `Cannot parse nonce: found ${found}, expected at most ${timestampLimits.maxNonceBytes}`,
    { found },
  );
}

/** Write a nonce from its content octets. */
export function encodeNonce(octets: Uint8Array): Uint8Array {
  return derTagged(0x02, octets);
}

/** Write a MessageImprint, the algorithm with NULL parameters as every authority echoes it. */
export function encodeMessageImprint(hash: HashAlgorithm, digest: Uint8Array): Uint8Array {
  return derSequence(derSequence(derOid(hashAlgorithmOid(hash)), derNull()), derOctetString(digest));
}
