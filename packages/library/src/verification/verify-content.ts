// The signature and what it is about (client-conformance.md §8.9).

import type { Envelope } from "../attestation/index.ts";
import { parseStatement, preAuthenticationEncoding, type Statement, statementPayloadType } from "../attestation/index.ts";
import type { BundleContent, MessageSignature } from "../bundle/index.ts";
import {
  defaultScheme,
  type HashAlgorithm,
  isValidSignature,
  isValidSignatureOverDigest,
  type PublicKey,
  type SignatureScheme,
  schemeOfKeyDetails,
} from "../crypto/index.ts";
import { encodeHex, quote } from "../encoding/index.ts";
import type { LogEntryBody } from "../log-entry/index.ts";
import { type ArtifactDigests, requireDigest } from "./artifact.ts";
import { verificationError } from "./errors.ts";
import type { Expectations } from "./expectations.ts";

/** What of the expectations is about the content. */
type ContentDemands = Pick<Expectations, "hashAlgorithm" | "acceptPredicateTypeForPayloadType">;

/**
 * Verify the bundle's signature with `key`, and that what was signed is the artifact, or a statement about it.
 * Whether the key is to be believed was not checked.
 */
export function verifyContent(
  content: BundleContent,
  key: PublicKey,
  artifact: ArtifactDigests,
  bodies: readonly LogEntryBody[],
  asked: ContentDemands = {},
): Statement | undefined {
  if ("messageSignature" in content) {
    verifyMessage(content.messageSignature, key, artifact, bodies, asked.hashAlgorithm);
    return undefined;
  }
  return verifyEnvelope(content.dsseEnvelope, key, artifact, bodies, asked);
}

function verifyMessage(
  message: MessageSignature,
  key: PublicKey,
  artifact: ArtifactDigests,
  bodies: readonly LogEntryBody[],
  hashAlgorithm: HashAlgorithm | undefined,
): void {
  const { messageDigest, signature } = message;
  if (messageDigest !== undefined) requireDigest(artifact, messageDigest.algorithm, messageDigest.digest);
  const schemes = usableSchemes(artifact, candidateSchemes(key, bodies, messageDigest?.algorithm ?? hashAlgorithm));
  if (schemes.some((scheme) => isMessageSignature(key, scheme, artifact, signature))) return;
  throw signatureInvalid("the artifact", key, schemes);
}

// Of a digest alone only the schemes of its algorithm can be tried. Where there is none, that is told, and not that the signature is wrong:
// here for a digest of another algorithm, by the room crypto for a key that signs the message itself.
function usableSchemes(artifact: ArtifactDigests, schemes: readonly SignatureScheme[]): readonly SignatureScheme[] {
  if ("bytes" in artifact.artifact) return schemes;
  const { algorithm } = artifact.artifact;
  const usable = schemes.filter(({ hash }) => hash === algorithm);
  if (usable.length > 0) return usable;
  const [first] = schemes;
  if (first !== undefined && first.hash !== "none") artifact.by(first.hash);
  return schemes;
}

function isMessageSignature(key: PublicKey, scheme: SignatureScheme, artifact: ArtifactDigests, signature: Uint8Array): boolean {
  if ("bytes" in artifact.artifact) return isValidSignature(key, scheme, artifact.artifact.bytes, signature);
  return isValidSignatureOverDigest(key, scheme, artifact.artifact.digest, signature);
}

function verifyEnvelope(
  envelope: Envelope,
  key: PublicKey,
  artifact: ArtifactDigests,
  bodies: readonly LogEntryBody[],
  { hashAlgorithm, acceptPredicateTypeForPayloadType = false }: ContentDemands,
): Statement {
  const encoded = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  const schemes = candidateSchemes(key, bodies, hashAlgorithm);
  const signature = envelope.signatures[0]?.sig ?? new Uint8Array(0);
  if (envelope.signatures.length !== 1 || !schemes.some((scheme) => isValidSignature(key, scheme, encoded, signature))) {
    throw signatureInvalid("the envelope", key, schemes);
  }
  const isStatement = envelope.payloadType === statementPayloadType;
  if (
    !isStatement &&
    !(acceptPredicateTypeForPayloadType && parseStatement(envelope.payload).predicateType === envelope.payloadType)
  ) {
    throw verificationError(
      "PAYLOAD_TYPE_UNEXPECTED",
      `Cannot verify envelope: its payload type is ${quote(envelope.payloadType)}`,
      {
        found: envelope.payloadType,
        expected: statementPayloadType,
      },
    );
  }
  const statement = parseStatement(envelope.payload);
  requireSubject(statement, artifact);
  return statement;
}

// The algorithms that the key may have signed with: as the log entry's key details say, else with the hash of the log entry or of
// the message digest, else with the key's usual hash. P-384 keys with SHA-256 are among real bundles.
function candidateSchemes(key: PublicKey, bodies: readonly LogEntryBody[], stated: HashAlgorithm | undefined): SignatureScheme[] {
  const usual = defaultScheme(key);
  const schemes: SignatureScheme[] = [];
  // One of them may stand there twice: that costs a bad signature some time, and a good one nothing.
  const add = (scheme: SignatureScheme): void => {
    if (scheme.type === key.type) schemes.push(scheme);
  };
  for (const body of bodies) {
    if (body.kind === "hashedrekord" && body.version === "0.0.2") add(schemeOfKeyDetails(body.keyDetails) ?? usual);
  }
  const hashes = bodies.flatMap((body) => (body.kind === "hashedrekord" ? [body.hashAlgorithm] : []));
  for (const hash of stated === undefined ? hashes : [stated, ...hashes]) {
    // Ed25519 has one prehash, and ML-DSA none.
    if (key.type === "ed25519" ? hash === "sha512" : usual.hash !== "none") add({ ...usual, hash });
  }
  add(usual);
  if (key.type === "ecdsa-p384" || key.type === "ecdsa-p521") add({ ...usual, hash: "sha256" });
  return schemes;
}

function signatureInvalid(what: string, key: PublicKey, schemes: readonly SignatureScheme[]): Error {
  const names = [...new Set(schemes.map(({ hash }) => (hash === "none" ? key.type : `${key.type} with ${hash}`)))].join(" or ");
  return verificationError("SIGNATURE_INVALID", `Cannot verify signature: it is not over ${what} by the bundle's key`, {
    found: "a signature that does not verify",
    expected: `a signature over ${what}, ${names}`,
  });
}

const subjectAlgorithms: readonly HashAlgorithm[] = ["sha256", "sha384", "sha512"];

// The artifact's digest is among the subjects, by the same algorithm; a name proves nothing.
function requireSubject(statement: Statement, artifact: ArtifactDigests): void {
  for (const algorithm of subjectAlgorithms) {
    const stated = statement.subject.flatMap(({ digest }) => digest.get(algorithm) ?? []);
    if (stated.length === 0) continue;
    const digest = artifact.ifKnown(algorithm);
    if (digest === undefined) continue;
    const hex = encodeHex(digest);
    if (stated.some((text) => text.toLowerCase() === hex)) return;
  }
  const found = statement.subject.flatMap(({ digest }) => [...digest].map(([algorithm, value]) => `${algorithm}:${value}`));
  const known = "digest" in artifact.artifact ? artifact.artifact.algorithm : "sha256";
  const expected = `${known}:${encodeHex(artifact.by(known))}`;
  throw verificationError("SUBJECT_MISMATCH", `Cannot verify statement: no subject is the artifact ${expected}`, {
    found:
      found.length === 0
        ? "no digest"
        : found
            .slice(0, 5)
            .map((text) => quote(text, 140))
            .join(", "),
    expected,
  });
}
