// Detached signatures, and whether one is by a key of a ring, as Rekor decides it (pkg/pki/pgp, CheckDetachedSignature of its library): at the time
// at which the signature says it was made.
import { encodeArmor, linesOf, parseArmor } from "./armor.ts";
import { openpgpError } from "./errors.ts";
import { isBy, type KeyRing, type SigningKey, signingKeys } from "./key-ring.ts";
import { maxOpenPgpBytes, packetTag, readPackets } from "./packets.ts";
import { malformed } from "./refusals.ts";
import { type PgpSignature, parsePgpSignature, signatureType } from "./signature-packet.ts";
import { isValidPgpSignature, VerificationBudget } from "./verify.ts";

/** A signature file. */
export interface DetachedSignature {
  readonly signatures: readonly PgpSignature[];
  /** As it came where it was armored, else armored. */
  readonly canonical: Uint8Array;
}

/** The type of an armored signature. */
export const armoredSignatureType = "PGP SIGNATURE";
const maxSignatures = 16;
const keyCompromised = 2;

/** Read a signature file, armored or not. */
export function parseDetachedSignature(bytes: Uint8Array): DetachedSignature {
  if (bytes.length > maxOpenPgpBytes)
    throw malformed(`the signature has ${bytes.length} octets, at most ${maxOpenPgpBytes} are read`);
  const block = (bytes[0] ?? 0) >= 0x80 ? undefined : parseArmor(linesOf(bytes));
  if (block !== undefined && block.type !== armoredSignatureType)
    throw malformed(
      `its armor holds a ${JSON.stringify(block.type.slice(0, 40))}, expected ${JSON.stringify(armoredSignatureType)}`,
    );
  const packets = readPackets(block?.bytes ?? bytes);
  if (packets.length === 0 || packets.length > maxSignatures)
    throw malformed(`a signature file has ${packets.length} packets, 1 to ${maxSignatures} are read`);
  const signatures = packets.map(({ tag, body }) => {
    if (tag !== packetTag.signature) throw malformed(`a signature file holds a packet of type ${tag}`);
    return parsePgpSignature(body);
  });
  return { signatures, canonical: block === undefined ? encodeArmor(armoredSignatureType, bytes) : bytes };
}

/**
 * Verify that the first signature by a key of the ring that may sign is over the content, and was made while that key was neither expired nor
 * revoked. Whether the key is to be trusted was not checked.
 */
export async function verifyDetachedSignature(signature: DetachedSignature, ring: KeyRing, content: Uint8Array): Promise<void> {
  for (const candidate of signature.signatures) {
    if (candidate.issuerKeyId === undefined) throw malformed("a signature does not say whose it is");
    const keys = signingKeys(ring, candidate.issuerKeyId);
    if (keys.length === 0) continue;
    await verifyBy(keys, candidate, content, signature.signatures[0]?.created ?? candidate.created);
    return;
  }
  throw unknownSigner(signature.signatures, ring, "no key of that id in the ring may sign");
}

function unknownSigner(signatures: readonly PgpSignature[], ring: KeyRing, problem: string): Error {
  const found = signatures.map(({ issuerKeyId }) => issuerKeyId ?? "nobody").join(", ");
  const expected = ring.entities
    .flatMap(({ key, subkeys }) => [key.keyId, ...subkeys.map((subkey) => subkey.key.keyId)])
    .join(", ");
  return openpgpError("OPENPGP_SIGNER_UNKNOWN", `Cannot verify OpenPGP signature by ${found}: ${problem}`, { found, expected });
}

function invalidSignature({ issuerKeyId = "?" }: PgpSignature): Error {
  const problem = "it does not verify over the content with the public key";
  return openpgpError("OPENPGP_SIGNATURE_INVALID", `Cannot verify OpenPGP signature by ${issuerKeyId}: ${problem}`, {
    found: issuerKeyId,
  });
}

/**
 * Verify that octets are one signature packet, over the content, by a key of the ring. As in the packages of RPM, whose format this is, neither the
 * key's flags nor its times are looked at. Whether the key is to be trusted was not checked.
 */
export async function verifyPackageSignature(bytes: Uint8Array, ring: KeyRing, content: Uint8Array): Promise<void> {
  const [packet, second] = readPackets(bytes);
  if (packet?.tag !== packetTag.signature || second !== undefined)
    throw malformed("a signature in the package is not one packet");
  const signature = parsePgpSignature(packet.body);
  if (signature.type !== signatureType.binary) throw malformed(`a signature over a package has type ${signature.type}`);
  const key = ring.entities
    .flatMap((entity) => [entity.key, ...entity.subkeys.map((subkey) => subkey.key)])
    .find((candidate) => isBy(signature, candidate));
  if (key === undefined) throw unknownSigner([signature], ring, "no such key is in the ring");
  if (!(await isValidPgpSignature(key, signature, { content }, new VerificationBudget(8)))) throw invalidSignature(signature);
}

async function verifyBy(keys: readonly SigningKey[], signature: PgpSignature, content: Uint8Array, now: number): Promise<void> {
  if (signature.type !== signatureType.binary && signature.type !== signatureType.text)
    throw malformed(`a signature over a document has type ${signature.type}`);
  const budget = new VerificationBudget(64);
  for (const key of keys) {
    if (!(await isValidPgpSignature(key.key, signature, { content }, budget))) continue;
    requireUsable(key, signature, now);
    return;
  }
  throw invalidSignature(signature);
}

function requireUsable(
  { key, entity, primaryIdentity, selfSignature, subkey }: SigningKey,
  signature: PgpSignature,
  now: number,
): void {
  const unusable = (problem: string): Error =>
    openpgpError("OPENPGP_KEY_UNUSABLE", `Cannot verify OpenPGP signature by ${key.keyId}: ${problem}`, { found: key.keyId });
  const binding = subkey === undefined ? [] : [subkey.binding, subkey.binding.embedded];
  const involved = [signature, selfSignature, ...binding].filter((other) => other !== undefined);
  const notation = involved.flatMap(({ criticalNotations }) => criticalNotations)[0];
  if (notation !== undefined) throw unusable(`the critical notation ${JSON.stringify(notation)} is not known`);
  const revocations = [...entity.revocations, ...(subkey?.revocations ?? []), ...(primaryIdentity?.revocations ?? [])];
  if (revocations.some((other) => other.revocationReason === keyCompromised || !isExpired(other, now)))
    throw unusable("the key was revoked");
  if (isKeyExpired(entity.key.created, selfSignature, now)) throw unusable("the key was expired");
  if (subkey !== undefined && isKeyExpired(subkey.key.created, subkey.binding, now)) throw unusable("the subkey was expired");
  if (involved.some((other) => isExpired(other, now)))
    throw unusable("a signature was expired, or made before the one that binds its key");
}

function isExpired({ created, lifetime }: PgpSignature, now: number): boolean {
  return created > now || (lifetime !== 0 && now > created + lifetime);
}

function isKeyExpired(created: number, { keyLifetime }: PgpSignature, now: number): boolean {
  return created > now || (keyLifetime !== 0 && now > created + keyLifetime);
}
