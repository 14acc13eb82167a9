// Whether a logged entry is about what a bundle holds. Each field has a code of its own, because another artifact's genuine
// entry is what an attacker would put into a bundle.

import { type Envelope, preAuthenticationEncoding } from "../attestation/index.ts";
import { digest, sha256 } from "../crypto/index.ts";
import { encodeBase64, encodeHex, encodeUtf8, equalBytes, quote } from "../encoding/index.ts";
import { type EntryHash, entryScheme } from "./algorithm.ts";
import { encodeLogEntryBody, type KindVersion, type LogEntryBody, parseLogEntryBody } from "./body.ts";
import type { DsseV001 } from "./dsse-v001.ts";
import { logEntryError } from "./errors.ts";
import type { HashedRekordV002 } from "./hashedrekord-v002.ts";
import type { IntotoV001 } from "./intoto-v001.ts";
import type { IntotoV002 } from "./intoto-v002.ts";
import { isSameVerifier, publicKeyOf, type Verifier } from "./verifier.ts";

/** A signature over an artifact, of which the digest is known. */
export interface MessageContent {
  readonly type: "message";
  readonly hashAlgorithm: string;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

/** A signed envelope. */
export interface EnvelopeContent {
  readonly type: "envelope";
  readonly envelope: Envelope;
  /** The JSON text that the envelope came as, where it is known: an intoto 0.0.1 entry has the hash of that. */
  readonly text?: Uint8Array;
}

/** What a bundle holds, or a caller gave: the entry must be about exactly this. */
export interface EntryMaterial {
  readonly verifier: Verifier;
  readonly content: MessageContent | EnvelopeContent;
}

/**
 * Verify that an entry is about this signature, by this key or certificate, of this artifact or envelope. When it returns, every
 * field of the body that a verifier can know has been compared. That the body is in a log was not checked, nor the signature.
 */
export function verifyBodyMatches(body: LogEntryBody, material: EntryMaterial): void {
  const { content, verifier } = material;
  if (body.kind === "hashedrekord") {
    if (body.version === "0.0.1" && content.type === "envelope") throw wrongContent(body, "a DSSE envelope");
    const expected = content.type === "message" ? content : envelopeAsMessage(content.envelope, body.hashAlgorithm);
    if (body.hashAlgorithm !== expected.hashAlgorithm || !equalBytes(body.digest, expected.digest)) {
      throw mismatch(
        "ENTRY_DIGEST_MISMATCH",
        "digest",
        `${body.hashAlgorithm}:${encodeHex(body.digest)}`,
        `${expected.hashAlgorithm}:${encodeHex(expected.digest)}`,
      );
    }
    requireSignature(body.signature, expected.signature);
    requireVerifier(body.verifier, verifier);
    if (body.version === "0.0.2") requireKeyDetails(body);
    return;
  }
  if (content.type === "message") throw wrongContent(body, "a message signature");
  if (body.kind === "intoto" && body.version === "0.0.1") requireEnvelopeText(body, content, verifier);
  else requireEnvelope(body, content.envelope, verifier);
}

/**
 * Read the body of an entry and verify that it is about the material, as verifyBodyMatches. For hashedrekord 0.0.2 the body has also
 * been rebuilt and is the same to the byte, as other clients demand.
 */
export function verifyEntryBody(body: Uint8Array, announced: KindVersion, material: EntryMaterial): LogEntryBody {
  const entry = parseLogEntryBody(body, announced);
  verifyBodyMatches(entry, material);
  requireCanonicalBody(entry, body);
  return entry;
}

/**
 * Require that the stored bytes of a hashedrekord 0.0.2 are the one encoding of what was read from them: so a verifier that rebuilds
 * the body comes to the same leaf. Other kinds store PEM texts as they came, which nobody can rebuild, and are not looked at.
 */
export function requireCanonicalBody(entry: LogEntryBody, body: Uint8Array): void {
  if (entry.kind !== "hashedrekord" || entry.version !== "0.0.2" || equalBytes(encodeLogEntryBody(entry), body)) return;
  throw logEntryError(
    "ENTRY_BODY_NOT_CANONICAL",
    "Cannot accept entry: its body has fields or a spelling that rebuilding it does not give",
  );
}

function requireEnvelope(body: DsseV001 | IntotoV002, envelope: Envelope, verifier: Verifier): void {
  if (body.kind === "intoto" && body.payloadType !== envelope.payloadType) {
    throw mismatch("ENTRY_PAYLOAD_TYPE_MISMATCH", "payload type", quote(body.payloadType), quote(envelope.payloadType));
  }
  const payloadHash = sha256(envelope.payload);
  if (!equalBytes(body.payloadHash, payloadHash)) {
    throw mismatch("ENTRY_PAYLOAD_HASH_MISMATCH", "payload hash", encodeHex(body.payloadHash), encodeHex(payloadHash));
  }
  const logged = only(body.signatures, "entry");
  requireSignature(logged.signature, only(envelope.signatures, "envelope").sig);
  requireVerifier(logged.verifier, verifier);
}

// The entry has no signature of its own: the hash of the envelope's text covers it. Where the text is not known, it is taken to be that of
// the clients that wrote such entries, which is Go's encoding of the envelope's structure.
function requireEnvelopeText(body: IntotoV001, { envelope, text }: EnvelopeContent, verifier: Verifier): void {
  const found = sha256(text ?? encodeUtf8(goEnvelopeText(envelope)));
  if (!equalBytes(body.envelopeHash, found)) {
    throw mismatch("ENTRY_ENVELOPE_HASH_MISMATCH", "envelope hash", encodeHex(body.envelopeHash), encodeHex(found));
  }
  const payloadHash = sha256(envelope.payload);
  if (body.payloadHash !== undefined && !equalBytes(body.payloadHash, payloadHash)) {
    throw mismatch("ENTRY_PAYLOAD_HASH_MISMATCH", "payload hash", encodeHex(body.payloadHash), encodeHex(payloadHash));
  }
  requireVerifier(body.verifier, verifier);
}

function goEnvelopeText({ payload, payloadType, signatures }: Envelope): string {
  return JSON.stringify({
    payloadType,
    payload: encodeBase64(payload),
    signatures: signatures.map(({ sig, keyid }) => ({ keyid, sig: encodeBase64(sig) })),
  });
}

function envelopeAsMessage(envelope: Envelope, hashAlgorithm: EntryHash): MessageContent {
  const encoded = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  return {
    type: "message",
    hashAlgorithm,
    digest: digest(hashAlgorithm, encoded),
    signature: only(envelope.signatures, "envelope").sig,
  };
}

function only<T>(signatures: readonly T[], what: string): T {
  const [first] = signatures;
  if (first !== undefined && signatures.length === 1) return first;
  throw logEntryError(
    "ENTRY_SIGNATURE_COUNT",
    `Cannot compare entry: the ${what} has ${signatures.length} signatures, expected 1`,
    {
      found: `${signatures.length}`,
      expected: "1",
    },
  );
}

function requireSignature(found: Uint8Array, expected: Uint8Array): void {
  if (!equalBytes(found, expected))
    throw mismatch("ENTRY_SIGNATURE_MISMATCH", "signature", encodeHex(found), encodeHex(expected));
}

function requireVerifier(found: Verifier, expected: Verifier): void {
  if (isSameVerifier(found, expected)) return;
  throw mismatch("ENTRY_VERIFIER_MISMATCH", "key or certificate", describe(found), describe(expected));
}

function requireKeyDetails(body: HashedRekordV002): void {
  const { hash } = entryScheme(body.keyDetails, publicKeyOf(body.verifier));
  if (hash !== body.hashAlgorithm)
    throw mismatch("ENTRY_KEY_DETAILS_MISMATCH", "hash algorithm", body.hashAlgorithm, `${hash} of ${body.keyDetails}`);
}

function describe({ type, der }: Verifier): string {
  return `${type} with SHA-256 ${encodeHex(sha256(der))}`;
}

function wrongContent(body: LogEntryBody, expected: string): Error {
  const found = `${body.kind} ${body.version}`;
  return logEntryError("ENTRY_CONTENT_MISMATCH", `Cannot accept entry: a ${found} entry does not hold ${expected}`, {
    found,
    expected,
  });
}

type MismatchCode =
  | "ENTRY_DIGEST_MISMATCH"
  | "ENTRY_ENVELOPE_HASH_MISMATCH"
  | "ENTRY_KEY_DETAILS_MISMATCH"
  | "ENTRY_PAYLOAD_HASH_MISMATCH"
  | "ENTRY_PAYLOAD_TYPE_MISMATCH"
  | "ENTRY_SIGNATURE_MISMATCH"
  | "ENTRY_VERIFIER_MISMATCH";

function mismatch(code: MismatchCode, what: string, found: string, expected: string): Error {
  return logEntryError(code, `Cannot accept entry: its ${what} is ${quote(found)}, expected ${quote(expected)}`, {
    found,
    expected,
  });
}
