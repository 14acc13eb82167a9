// Keys that people bring to a ceremony: the public half, a proof that they hold the private one, and where there is one the attestation of
// the token that made it.
import { isValidSignature, type PublicKey, parsePublicKey, type Signer } from "../crypto/index.ts";
import {
  encodeBase64,
  encodeHex,
  encodeUtf8,
  JsonObject,
  type JsonValue,
  parseHex,
  parseJson,
  quote,
} from "../encoding/index.ts";
import { encodeCanonicalJson, encodeTufKey, parseTufKey, type TufKey, tufKeyId } from "../tuf/index.ts";
import { type Certificate, parseCertificate } from "../x509/index.ts";
import { tufRepositoryError } from "./errors.ts";

/** What an event is told apart by; key submissions are made for it and no other. */
export interface EventHead {
  readonly name: string;
  /** Hex SHA-256 of the first root of the repository, or `new` for the event that makes it. */
  readonly repository: string;
  /** Random, in hex: proofs of possession sign it. */
  readonly nonce: string;
  readonly createdMs: number;
}

/** A key on offer for a role of one event. */
export interface KeySubmission {
  /** Whose key it is, as people call them. */
  readonly owner: string;
  /** The role it is for: a top-level one or the name of a delegated one. */
  readonly role: string;
  readonly publicKey: PublicKey;
  /** By the key itself, over `possessionStatement`. */
  readonly proof: Uint8Array;
  /** Certificate of the key by its token, and that token's own, where the key was made in one. */
  readonly attestation?: { readonly key: Certificate; readonly device: Certificate };
}

/** What a keyholder signs to show possession: purpose, repository, event, role, owner and key, so that it says nothing anywhere else. */
export function possessionStatement(
  event: Pick<EventHead, "repository" | "name" | "nonce">,
  claim: Pick<KeySubmission, "owner" | "role" | "publicKey">,
): Uint8Array {
  return encodeCanonicalJson({
    purpose: "sigillum-tuf-key-submission",
    repository: event.repository,
    event: event.name,
    nonce: event.nonce,
    role: claim.role,
    owner: claim.owner,
    key: encodeTufKey(claim.publicKey),
  });
}

/** Offer one's key for a role of an event. */
export async function submitKey(
  event: Pick<EventHead, "repository" | "name" | "nonce">,
  claim: {
    readonly owner: string;
    readonly role: string;
    readonly signer: Signer;
    readonly attestation?: KeySubmission["attestation"];
  },
): Promise<KeySubmission> {
  const { owner, role, signer, attestation } = claim;
  const proof = await signer.sign(possessionStatement(event, { owner, role, publicKey: signer.publicKey }));
  return { owner, role, publicKey: signer.publicKey, proof, ...(attestation === undefined ? {} : { attestation }) };
}

/** Verify the proof of possession; throws TUF_KEY_POSSESSION. An attestation is `verifyPivAttestation`'s to check. */
export function verifyPossession(event: Pick<EventHead, "repository" | "name" | "nonce">, submission: KeySubmission): void {
  const { scheme } = tufKeyOf(submission.publicKey);
  if (isValidSignature(submission.publicKey, scheme, possessionStatement(event, submission), submission.proof)) return;
  throw tufRepositoryError(
    "TUF_KEY_POSSESSION",
    `Cannot accept the key of ${quote(submission.owner)}: the proof is not by that key, for role ${quote(submission.role)} of event ${quote(event.name)}`,
    { found: tufKeyId(submission.publicKey), expected: "a proof made for this event" },
  );
}

/** The name of a submission within its event: one key may be on offer for several roles. */
export function submissionName({ publicKey, role }: Pick<KeySubmission, "publicKey" | "role">): string {
  return `${tufKeyId(publicKey)}.${role}`;
}

/** A public key as metadata lists it, under the id that is its hash. */
export function tufKeyOf(publicKey: PublicKey): TufKey {
  return parseTufKey(tufKeyId(publicKey), encodeTufKey(publicKey));
}

/** The file of a submission. */
export function encodeKeySubmission(submission: KeySubmission): Uint8Array {
  const { attestation } = submission;
  const value: JsonValue = {
    owner: submission.owner,
    role: submission.role,
    publicKey: encodeBase64(submission.publicKey.spki),
    proof: encodeHex(submission.proof),
    ...(attestation === undefined
      ? {}
      : { attestation: { key: encodeBase64(attestation.key.der), device: encodeBase64(attestation.device.der) } }),
  };
  return encodeUtf8(`${JSON.stringify(value, null, 1)}\n`);
}

/** Read the file of a submission; verifies nothing. */
export function parseKeySubmission(bytes: Uint8Array): KeySubmission {
  const value = JsonObject.exact(parseJson(bytes, { maxBytes: 65_536, maxDepth: 8 }), "key submission");
  const attestation = value.optionalObject("attestation");
  return {
    owner: value.string("owner"),
    role: value.string("role"),
    publicKey: parsePublicKey(value.base64("publicKey")),
    proof: parseHex(value.string("proof")),
    ...(attestation === undefined
      ? {}
      : {
          attestation: {
            key: parseCertificate(attestation.base64("key")),
            device: parseCertificate(attestation.base64("device")),
          },
        }),
  };
}
