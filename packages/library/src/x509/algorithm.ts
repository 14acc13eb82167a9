// AlgorithmIdentifier of signatures, both ways. RFC 3279 §2.2, RFC 4055, RFC 5758 §3.2, RFC 8410, RFC 9881.
//
//   AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY DEFINED BY algorithm OPTIONAL }
import {
  type HashAlgorithm,
  isMlDsa,
  type KeyType,
  type MlDsaKeyType,
  type PublicKey,
  type SignatureScheme,
} from "../crypto/index.ts";
import {
  DerReader,
  type DerValue,
  derInteger,
  derNull,
  derOid,
  derSequence,
  derTagged,
  encodeHex,
  equalBytes,
} from "../encoding/index.ts";
import { parsing, x509Error } from "./errors.ts";

const mgf1 = "1.2.840.113549.1.1.8";
const rsaPss = "1.2.840.113549.1.1.10";

const hashOids: Readonly<Record<HashAlgorithm, string>> = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
};

const hashNames: ReadonlyMap<string, HashAlgorithm> = new Map([
  [hashOids.sha1, "sha1"],
  [hashOids.sha256, "sha256"],
  [hashOids.sha384, "sha384"],
  [hashOids.sha512, "sha512"],
]);

interface SignatureAlgorithm {
  readonly family: "ecdsa" | "rsa" | "ed25519" | MlDsaKeyType;
  readonly hash: HashAlgorithm | "none";
}

// SHA-1 signatures are left out on purpose: no certificate of any Sigstore instance has one, and they can be forged.
const signatureAlgorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  ["1.2.840.10045.4.3.2", { family: "ecdsa", hash: "sha256" }],
  ["1.2.840.10045.4.3.3", { family: "ecdsa", hash: "sha384" }],
  ["1.2.840.10045.4.3.4", { family: "ecdsa", hash: "sha512" }],
  ["1.2.840.113549.1.1.11", { family: "rsa", hash: "sha256" }],
  ["1.2.840.113549.1.1.12", { family: "rsa", hash: "sha384" }],
  ["1.2.840.113549.1.1.13", { family: "rsa", hash: "sha512" }],
  ["1.3.101.112", { family: "ed25519", hash: "none" }],
  ["2.16.840.1.101.3.4.3.17", { family: "ml-dsa-44", hash: "none" }],
  ["2.16.840.1.101.3.4.3.18", { family: "ml-dsa-65", hash: "none" }],
  ["2.16.840.1.101.3.4.3.19", { family: "ml-dsa-87", hash: "none" }],
]);

/** The object identifier of a hash algorithm. */
export function hashAlgorithmOid(hash: HashAlgorithm): string {
  return hashOids[hash];
}

/** The hash algorithm that an object identifier names, or undefined. */
export function hashAlgorithmOfOid(oid: string): HashAlgorithm | undefined {
  return hashNames.get(oid);
}

/** Write the AlgorithmIdentifier of a signature scheme: what stands in a certificate, request or CMS signer info. */
export function signatureAlgorithmIdentifier(scheme: SignatureScheme): Uint8Array {
  if (scheme.type === "rsa" && scheme.padding === "pss") return pssIdentifier(scheme.hash);
  const family = familyOf(scheme.type);
  for (const [oid, algorithm] of signatureAlgorithms) {
    if (algorithm.family !== family || algorithm.hash !== scheme.hash) continue;
    // RFC 4055 §5: RSA has a NULL parameter; RFC 5758 §3.2, RFC 8410 §3 and RFC 9881 §2: the others have none.
    return family === "rsa" ? derSequence(derOid(oid), derNull()) : derSequence(derOid(oid));
  }
  const found = `${scheme.type} with ${scheme.hash}`;
  throw x509Error("X509_ALGORITHM_UNSUPPORTED", `Cannot write signature algorithm: no identifier for ${found}`, { found });
}

/**
 * The signature scheme that an AlgorithmIdentifier and the signer's key name together. Throws X509_ALGORITHM_UNSUPPORTED
 * when the algorithm is unknown, its parameters are not the ones its specification asks for, or the key is of another family.
 */
export function schemeOfSignatureAlgorithm(identifier: DerValue | Uint8Array, key: PublicKey): SignatureScheme {
  return parsing("X509_ALGORITHM_UNSUPPORTED", "use signature algorithm", () => readScheme(DerReader.sequence(identifier), key));
}

/** The object identifier at the head of an AlgorithmIdentifier; its parameters are not looked at. */
export function algorithmOid(identifier: DerValue | Uint8Array): string {
  return DerReader.sequence(identifier).oid("algorithm");
}

function readScheme(reader: DerReader, key: PublicKey): SignatureScheme {
  const oid = reader.oid("signature algorithm");
  if (oid === rsaPss && key.type === "rsa") return { type: "rsa", hash: pssHash(reader), padding: "pss" };
  const algorithm = signatureAlgorithms.get(oid);
  const expected = `an algorithm for a key of type ${key.type}`;
  if (algorithm === undefined || algorithm.family !== familyOf(key.type)) {
    throw x509Error("X509_ALGORITHM_UNSUPPORTED", `Cannot use signature algorithm: found ${oid}, expected ${expected}`, {
      found: oid,
      expected,
    });
  }
  // RFC 4055 §5: implementations MUST accept RSA with NULL and with absent parameters.
  if (algorithm.family === "rsa" && !reader.atEnd) reader.null("RSA parameters");
  if (!reader.atEnd) throw wrongParameters(oid);
  if (algorithm.family === "rsa") return { type: "rsa", hash: algorithm.hash, padding: "pkcs1" };
  return { type: key.type, hash: algorithm.hash };
}

function familyOf(type: KeyType): SignatureAlgorithm["family"] {
  if (type === "rsa" || type === "ed25519" || isMlDsa(type)) return type;
  return "ecdsa";
}

function wrongParameters(oid: string): Error {
  return x509Error("X509_ALGORITHM_UNSUPPORTED", `Cannot use signature algorithm: ${oid} has parameters it must not have`, {
    found: oid,
  });
}

// RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] DEFAULT sha1, maskGenAlgorithm [1] DEFAULT mgf1SHA1, saltLength [2] INTEGER
// DEFAULT 20, trailerField [3] INTEGER DEFAULT 1 }. RFC 4055 §3.1
function pssIdentifier(hash: HashAlgorithm | "none"): Uint8Array {
  if (hash === "none" || hash === "sha1") {
    throw x509Error("X509_ALGORITHM_UNSUPPORTED", `Cannot write signature algorithm: no identifier for RSA-PSS with ${hash}`, {
      found: hash,
    });
  }
  const hashIdentifier = derSequence(derOid(hashOids[hash]), derNull());
  const parameters = derSequence(
    derTagged(0xa0, hashIdentifier),
    derTagged(0xa1, derSequence(derOid(mgf1), hashIdentifier)),
    derTagged(0xa2, derInteger(pssSaltLength(hash))),
  );
  return derSequence(derOid(rsaPss), parameters);
}

// Only the parameters that X.509 software writes are accepted: one hash throughout and a salt of its length.
function pssHash(reader: DerReader): HashAlgorithm {
  const parameters = reader.expect(0x30, "RSA-PSS parameters").bytes;
  reader.end("RSA-PSS algorithm");
  for (const hash of ["sha256", "sha384", "sha512"] as const) {
    const withNull = DerReader.sequence(pssIdentifier(hash));
    withNull.oid("algorithm");
    if (equalBytes(withNull.next().bytes, parameters)) return hash;
  }
  const found = encodeHex(parameters.subarray(0, 64));
  throw x509Error(
    "X509_ALGORITHM_UNSUPPORTED",
    "Cannot use signature algorithm: RSA-PSS parameters other than one SHA-2 hash and a salt of its length",
    { found },
  );
}

function pssSaltLength(hash: "sha256" | "sha384" | "sha512"): number {
  return hash === "sha256" ? 32 : hash === "sha384" ? 48 : 64;
}
