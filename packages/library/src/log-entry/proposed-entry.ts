// What a client posts to Rekor v1: {"apiVersion":…,"kind":…,"spec":{…}}, model ProposedEntry of its OpenAPI document.
//
//   hashedrekord 0.0.1: the spec of the stored body
//   dsse 0.0.1: {"proposedContent":{"envelope":string of JSON,"verifiers":[base64(PEM)]}}

import { type Envelope, parseEnvelope, preAuthenticationEncoding } from "../attestation/index.ts";
import { sha256 } from "../crypto/index.ts";
import {
  encodeBase64,
  encodeHex,
  encodeUtf8,
  isSigillumError,
  type JsonObject,
  type JsonValue,
  parseBase64,
  quote,
} from "../encoding/index.ts";
import { readExact } from "./body-json.ts";
import type { DsseV001, DsseV001Signature } from "./dsse-v001.ts";
import { isValidOverMessage, verifyEntrySignature } from "./entry-signature.ts";
import { logEntryError } from "./errors.ts";
import { type HashedRekordV001, hashedRekordV001Spec, readHashedRekordV001 } from "./hashedrekord-v001.ts";
import { encodeVerifierPem, parseSingleVerifierPem, publicKeyOf, type Verifier } from "./verifier.ts";

/** An envelope to be logged, with the keys that are said to verify its signatures. */
export interface DsseProposal {
  readonly kind: "dsse";
  readonly version: "0.0.1";
  /** The JSON text of the envelope: its hash is logged. */
  readonly envelopeText: string;
  readonly envelope: Envelope;
  readonly verifiers: readonly Verifier[];
}

/** An entry that a client asks Rekor v1 to log. */
export type ProposedEntry = HashedRekordV001 | DsseProposal;

const maxVerifiers = 64;

/** Read what a client posts. The signature was not verified: verifyProposedEntry does. */
export function parseProposedEntry(json: Uint8Array | string): ProposedEntry {
  return readProposedEntry(parseProposal(json));
}

/** The outer object of what a client posts, of any kind: its `spec` was not looked at. */
export function parseProposal(json: Uint8Array | string): JsonObject {
  const object = readExact(json, "ENTRY_REQUEST_MALFORMED", "proposed entry");
  object.onlyNames(["apiVersion", "kind", "spec"]);
  return object;
}

/** As parseProposedEntry, for a proposal that stands inside other JSON (the search by entries). */
export function readProposedEntry(object: JsonObject): ProposedEntry {
  const kind = object.string("kind");
  const version = object.string("apiVersion");
  const spec = object.object("spec");
  switch (`${kind} ${version}`) {
    case "hashedrekord 0.0.1":
      return readHashedRekordV001(spec, "ENTRY_REQUEST_MALFORMED");
    case "dsse 0.0.1":
      return readDsseProposal(spec);
    default:
      throw logEntryError(
        "ENTRY_KIND_UNKNOWN",
        `Cannot accept entry: kind ${quote(kind)} version ${quote(version)} is not known`,
        { found: quote(`${kind} ${version}`) },
      );
  }
}

/** Verify the signatures of a proposed entry; gives the entry to be stored. Whether a certificate is to be trusted was not checked. */
export function verifyProposedEntry(proposed: ProposedEntry): HashedRekordV001 | DsseV001 {
  if (proposed.kind === "dsse") return verifyDsseProposal(proposed);
  verifyEntrySignature(proposed);
  return proposed;
}

/** The request for a hashedrekord 0.0.1 entry. */
export function encodeProposedHashedRekord(entry: Omit<HashedRekordV001, "kind" | "version">): string {
  return encodeProposed("hashedrekord", hashedRekordV001Spec(entry));
}

/** The request for a dsse 0.0.1 entry. The envelope goes as text, because its hash is logged. */
export function encodeProposedDsse(entry: Pick<DsseProposal, "envelopeText" | "verifiers">): string {
  const verifiers = entry.verifiers.map((verifier) => encodeBase64(encodeVerifierPem(verifier)));
  return encodeProposed("dsse", { proposedContent: { envelope: entry.envelopeText, verifiers } });
}

function encodeProposed(kind: string, spec: JsonValue): string {
  return JSON.stringify({ apiVersion: "0.0.1", kind, spec });
}

function readDsseProposal(spec: JsonObject): DsseProposal {
  // Rekor refuses the fields that it computes itself. Go clients write them as null, which is as good as absent.
  const computed = ["envelopeHash", "payloadHash", "signatures"].find((name) => spec.has(name));
  if (computed !== undefined)
    throw logEntryError("ENTRY_REQUEST_MALFORMED", `Cannot accept entry: the log computes ${computed} itself`);
  const content = spec.object("proposedContent");
  const envelopeText = content.string("envelope");
  const verifiers = content.strings("verifiers");
  if (verifiers.length === 0 || verifiers.length > maxVerifiers) {
    throw logEntryError(
      "ENTRY_REQUEST_MALFORMED",
      `Cannot accept entry: it has ${verifiers.length} verifiers, 1 to ${maxVerifiers} are read`,
      {
        found: `${verifiers.length}`,
        expected: `1 to ${maxVerifiers}`,
      },
    );
  }
  const envelope = inRequest("the envelope", () => parseEnvelope(envelopeText));
  return { kind: "dsse", version: "0.0.1", envelopeText, envelope, verifiers: verifiers.map(readVerifier) };
}

function readVerifier(base64: string): Verifier {
  return parseSingleVerifierPem(inRequest("a verifier", () => parseBase64(base64)));
}

function inRequest<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw logEntryError("ENTRY_REQUEST_MALFORMED", `Cannot accept entry: ${what} cannot be read: ${cause.message}`, { cause });
  }
}

function verifyDsseProposal({ envelope, envelopeText, verifiers }: DsseProposal): DsseV001 {
  return {
    kind: "dsse",
    version: "0.0.1",
    envelopeHash: sha256(encodeUtf8(envelopeText)),
    payloadHash: sha256(envelope.payload),
    signatures: verifyEnvelopeSignatures(envelope, verifiers, { every: true }),
  };
}

/**
 * Verify the signatures of an envelope as Rekor does: every verifier must verify some signature and, where `every` is set, every
 * signature must be verified. Returns each verified signature with its verifier; of several verifiers of one signature the last, and a
 * signature that stands twice once. Whether a certificate is to be trusted was not checked.
 */
export function verifyEnvelopeSignatures(
  envelope: Envelope,
  verifiers: readonly Verifier[],
  options: { readonly every: boolean },
): DsseV001Signature[] {
  const message = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  const verified = new Map<string, DsseV001Signature>();
  for (const [index, verifier] of verifiers.entries()) {
    const key = publicKeyOf(verifier);
    const own = envelope.signatures.filter(({ sig }) => isValidOverMessage(key, message, sig));
    if (own.length === 0)
      throw invalid(`verifier ${index} verifies none of the envelope's ${envelope.signatures.length} signatures`);
    for (const { sig } of own) verified.set(encodeHex(sig), { signature: sig, verifier });
  }
  const open = envelope.signatures.findIndex(({ sig }) => !verified.has(encodeHex(sig)));
  if (options.every && open !== -1)
    throw invalid(`signature ${open} of the envelope does not verify with any of its ${verifiers.length} verifiers`);
  return [...verified.values()];
}

function invalid(reason: string): Error {
  return logEntryError("ENTRY_SIGNATURE_INVALID", `Cannot accept entry: ${reason}`);
}
