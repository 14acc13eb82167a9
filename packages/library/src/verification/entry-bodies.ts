// What each log entry says, and that it says it of this bundle (client-conformance.md §8.8).

import { preAuthenticationEncoding } from "../attestation/index.ts";
import type { Bundle, LogEntry } from "../bundle/index.ts";
import { defaultScheme, digest, keyDetailsOf, type PublicKey, type SignatureScheme } from "../crypto/index.ts";
import {
  type EntryHash,
  type EntryMaterial,
  encodeHashedRekordV002,
  type LogEntryBody,
  parseLogEntryBody,
  requireCanonicalBody,
  type Verifier,
  verifyBodyMatches,
} from "../log-entry/index.ts";
import type { ArtifactDigests } from "./artifact.ts";
import { verificationError } from "./errors.ts";
import type { EntryWithBody } from "./verify-log-entry.ts";

/** What signed the bundle: its key, and the certificate or key as a log entry names it. */
export interface BundleSigner {
  readonly key: PublicKey;
  readonly verifier: Verifier;
}

/** Read the body of an entry, or rebuild it where the bundle leaves it out. Nothing was compared. */
export function readEntry(entry: LogEntry, bundle: Bundle, signer: BundleSigner, artifact: ArtifactDigests): EntryWithBody {
  const bytes = entry.body ?? rebuildBody(entry, bundle, signer, artifact);
  return { entry, bytes, body: parseLogEntryBody(bytes, entry) };
}

/** Require that an entry is about this bundle's signature, signer, and artifact or envelope, and is so in the one encoding it has. */
export function requireEntryMatches(item: EntryWithBody, bundle: Bundle, signer: BundleSigner, artifact: ArtifactDigests): void {
  verifyBodyMatches(item.body, { verifier: signer.verifier, content: entryContent(item.body, bundle, artifact) });
  requireCanonicalBody(item.body, item.bytes);
}

function entryContent(body: LogEntryBody, bundle: Bundle, artifact: ArtifactDigests): EntryMaterial["content"] {
  if ("dsseEnvelope" in bundle.content) {
    const { dsseEnvelope, envelopeText } = bundle.content;
    return { type: "envelope", envelope: dsseEnvelope, ...(envelopeText === undefined ? {} : { text: envelopeText }) };
  }
  const { messageDigest, signature } = bundle.content.messageSignature;
  const hashAlgorithm = body.kind === "hashedrekord" ? body.hashAlgorithm : (messageDigest?.algorithm ?? "sha256");
  return { type: "message", hashAlgorithm, digest: artifact.by(hashAlgorithm), signature };
}

// Only Rekor v2 has one body for a signature: everything in it stands in the bundle too.
function rebuildBody(entry: LogEntry, bundle: Bundle, signer: BundleSigner, artifact: ArtifactDigests): Uint8Array {
  const scheme = entryScheme(signer.key);
  const hashAlgorithm = entryHashes.find((hash) => hash === scheme.hash);
  if (entry.kind !== "hashedrekord" || entry.version !== "0.0.2" || hashAlgorithm === undefined) {
    throw verificationError("ENTRY_BODY_MISSING", `Cannot verify log entry ${entry.logIndex}: it has no body`, {
      found: `no canonicalizedBody for ${entry.kind} ${entry.version}`,
      expected: "a canonicalizedBody",
    });
  }
  const { content } = bundle;
  const fields = { hashAlgorithm, keyDetails: keyDetailsOf(scheme, signer.key), verifier: signer.verifier };
  if ("messageSignature" in content) {
    return encodeHashedRekordV002({
      ...fields,
      digest: artifact.by(hashAlgorithm),
      signature: content.messageSignature.signature,
    });
  }
  const { payloadType, payload, signatures } = content.dsseEnvelope;
  const encoded = preAuthenticationEncoding(payloadType, payload);
  return encodeHashedRekordV002({
    ...fields,
    digest: digest(hashAlgorithm, encoded),
    signature: signatures[0]?.sig ?? new Uint8Array(0),
  });
}

// A log verifies over a digest, so Ed25519 is Ed25519ph there.
function entryScheme(key: PublicKey): SignatureScheme {
  return key.type === "ed25519" ? { type: "ed25519", hash: "sha512" } : defaultScheme(key);
}

const entryHashes: readonly EntryHash[] = ["sha256", "sha384", "sha512"];
