// Rings of public keys as Rekor reads them (pkg/pki/pgp): armored blocks one after the other or packets, of which stay the keys whose user ids
// and subkeys are bound by valid signatures of their own. The canonical form is what is left of them, armored as one block.
import { concatBytes, isSigillumError } from "@sigillum/library/encoding";
import { encodeArmor, linesOf, parseArmor } from "./armor.ts";
import { openpgpError } from "./errors.ts";
import { encodePacket, maxOpenPgpBytes, type Packet, packetTag, readPackets } from "./packets.ts";
import { canSign, type PgpKey, parsePgpKey } from "./public-key.ts";
import { malformed } from "./refusals.ts";
import { type PgpSignature, parsePgpSignature, signatureType } from "./signature-packet.ts";
import { emailOf } from "./user-id.ts";
import { isValidPgpSignature, VerificationBudget } from "./verify.ts";

/** A user id with the signatures over it. */
export interface Identity {
  readonly userId: Uint8Array;
  /** The latest by the key itself. */
  readonly selfSignature: PgpSignature | undefined;
  readonly revocations: readonly PgpSignature[];
  /** All of them; those by other keys were not verified. */
  readonly signatures: readonly PgpSignature[];
}

/** A subkey and its latest binding. */
export interface Subkey {
  readonly key: PgpKey;
  readonly binding: PgpSignature;
  readonly revocations: readonly PgpSignature[];
}

/** A primary key with what is bound to it. */
export interface Entity {
  readonly key: PgpKey;
  readonly revocations: readonly PgpSignature[];
  readonly identities: readonly Identity[];
  readonly subkeys: readonly Subkey[];
}

/** A ring of keys whose bindings were verified. Whether any of them is to be trusted was not. */
export interface KeyRing {
  readonly entities: readonly Entity[];
  /** The canonical form that Rekor stores. */
  readonly canonical: Uint8Array;
  /** The addresses in the user ids. */
  readonly emails: readonly string[];
}

const publicKeyType = "PGP PUBLIC KEY BLOCK";
/** Verifications of one ring, with RSA of up to 4,096 bits; some keys cost more. */
const maxVerifications = 192;

/** Read a ring of keys, armored or not. */
export async function parseKeyRing(bytes: Uint8Array): Promise<KeyRing> {
  if (bytes.length > maxOpenPgpBytes) throw malformed(`the key has ${bytes.length} octets, at most ${maxOpenPgpBytes} are read`);
  const budget = new VerificationBudget(maxVerifications);
  const entities: Entity[] = [];
  for (const block of blocksOf(bytes)) entities.push(...(await readEntities(readPackets(block), budget)));
  const parts = entities.flatMap(encodeEntity);
  const emails = entities.flatMap(({ identities }) => identities.map(({ userId }) => emailOf(userId)));
  return {
    entities,
    canonical: encodeArmor(publicKeyType, concatBytes(...parts)),
    emails: emails.filter((email) => email !== undefined),
  };
}

function blocksOf(bytes: Uint8Array): Uint8Array[] {
  const lines = linesOf(bytes);
  if (lines[0]?.startsWith("-----BEGIN PGP") !== true) return [bytes];
  const blocks: Uint8Array[] = [];
  for (let block = parseArmor(lines); block !== undefined; block = parseArmor(lines, block.nextLine)) {
    if (block.type !== publicKeyType)
      throw malformed(`its armor holds a ${JSON.stringify(block.type.slice(0, 40))}, expected ${JSON.stringify(publicKeyType)}`);
    blocks.push(block.bytes);
  }
  if (blocks.length === 0) throw malformed("its armor is cut off");
  return blocks;
}

async function readEntities(packets: readonly Packet[], budget: VerificationBudget): Promise<Entity[]> {
  if (packets.some(({ tag }) => tag === packetTag.secretKey || tag === packetTag.secretSubkey))
    throw malformed("it holds a private key; send the public key alone (gpg --export)");
  const starts = packets.flatMap(({ tag }, at) => (tag === packetTag.publicKey ? [at] : []));
  if (starts[0] !== 0) throw malformed("it does not begin with a public key");
  const entities: Entity[] = [];
  let refusal: unknown;
  for (const [at, start] of starts.entries()) {
    try {
      entities.push(await readEntity(packets.slice(start, starts[at + 1]), budget));
    } catch (error) {
      // One key that cannot be used leaves the others as they are.
      if (!isSigillumError(error)) throw error;
      refusal ??= error;
    }
  }
  if (entities.length === 0) throw refusal;
  return entities;
}

async function readEntity(packets: readonly Packet[], budget: VerificationBudget): Promise<Entity> {
  const [first, ...others] = packets;
  const key = parsePgpKey(first?.body ?? new Uint8Array(0), false);
  if (!canSign(key.algorithm)) throw malformed("its primary key is of an algorithm that cannot sign");
  const revocations: PgpSignature[] = [];
  const identities = new Map<string, Identity>();
  const subkeys: Subkey[] = [];
  for (const { head, signatures } of groupsOf(others)) {
    if (head?.tag === packetTag.userId) {
      const identity = await readIdentity(key, head.body, signatures, budget);
      if (identity !== undefined) identities.set(String(head.body), identity);
    } else if (head?.tag === packetTag.publicSubkey) {
      subkeys.push(await readSubkey(key, parsePgpKey(head.body, true), signatures, budget));
    } else {
      revocations.push(...signatures.filter(({ type }) => type === signatureType.keyRevocation));
    }
  }
  for (const revocation of revocations) {
    if (!(await isValidPgpSignature(key, revocation, { key }, budget)))
      throw unbound(key, "a revocation is not by the key itself");
  }
  if (identities.size === 0) throw unbound(key, "no user id has a valid signature by the key");
  return { key, revocations, identities: [...identities.values()], subkeys };
}

interface Group {
  readonly head: Packet | undefined;
  readonly signatures: PgpSignature[];
}

/** Each user id, subkey or other packet with the signatures that follow it; those that follow the primary key come first. */
function groupsOf(packets: readonly Packet[]): Group[] {
  const groups: Group[] = [{ head: undefined, signatures: [] }];
  for (const packet of packets) {
    const { tag } = packet;
    if (tag === packetTag.marker || tag === packetTag.trust || tag === packetTag.padding || tag >= 40) continue;
    if (tag === packetTag.signature) {
      const signature = readOrSkip(() => parsePgpSignature(packet.body));
      if (signature !== undefined) groups.at(-1)?.signatures.push(signature);
    } else if (tag === packetTag.userId || tag === packetTag.userAttribute) {
      groups.push({ head: packet, signatures: [] });
    } else if (tag === packetTag.publicSubkey) {
      // A subkey of an unknown algorithm is left out; the signatures over it are then over nothing that is known.
      if (readOrSkip(() => parsePgpKey(packet.body, true)) !== undefined) groups.push({ head: packet, signatures: [] });
      else groups.push({ head: { tag: packetTag.userAttribute, body: packet.body }, signatures: [] });
    } else throw malformed(`a packet of type ${tag} has no place in a key`);
  }
  return groups;
}

function readOrSkip<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isSigillumError(error) && error.code === "OPENPGP_UNSUPPORTED") return undefined;
    throw error;
  }
}

async function readIdentity(
  key: PgpKey,
  userId: Uint8Array,
  signatures: readonly PgpSignature[],
  budget: VerificationBudget,
): Promise<Identity | undefined> {
  const revocations: PgpSignature[] = [];
  let selfSignature: PgpSignature | undefined;
  let isBound = false;
  for (const signature of signatures) {
    const isCertification = signature.type >= signatureType.certGeneric && signature.type <= signatureType.certPositive;
    if (!isCertification && signature.type !== signatureType.certRevocation)
      throw malformed(`a user id is followed by a signature of type ${signature.type}`);
    if (!isBy(signature, key)) continue;
    if (!(await isValidPgpSignature(key, signature, { key, userId }, budget)))
      throw unbound(key, "the signature over a user id does not verify");
    isBound = true;
    if (!isCertification) revocations.push(signature);
    else if (selfSignature === undefined || signature.created > selfSignature.created) selfSignature = signature;
  }
  return isBound ? { userId, selfSignature, revocations, signatures } : undefined;
}

async function readSubkey(
  primary: PgpKey,
  key: PgpKey,
  signatures: readonly PgpSignature[],
  budget: VerificationBudget,
): Promise<Subkey> {
  const revocations: PgpSignature[] = [];
  let binding: PgpSignature | undefined;
  for (const signature of signatures) {
    const { type } = signature;
    if (type !== signatureType.subkeyBinding && type !== signatureType.subkeyRevocation)
      throw malformed(`a subkey is followed by a signature of type ${type}`);
    if (!(await isBinding(primary, key, signature, budget)))
      throw unbound(primary, "the signature over a subkey does not verify");
    if (type === signatureType.subkeyRevocation) revocations.push(signature);
    else if (binding === undefined || signature.created > binding.created) binding = signature;
  }
  if (binding === undefined) throw unbound(primary, "a subkey is not bound by a signature");
  return { key, binding, revocations };
}

/** The key flag for signing (§5.2.3.21). */
const maySign = 2;

async function isBinding(primary: PgpKey, key: PgpKey, signature: PgpSignature, budget: VerificationBudget): Promise<boolean> {
  const signed = { key: primary, subkey: key };
  if (!(await isValidPgpSignature(primary, signature, signed, budget))) return false;
  if (((signature.keyFlags ?? 0) & maySign) === 0) return true;
  // A subkey that signs must say itself that it belongs to the primary key.
  return signature.embedded !== undefined && isValidPgpSignature(key, signature.embedded, signed, budget);
}

/** Whether a signature says that it is by a key. */
export function isBy({ issuerFingerprint, issuerKeyId }: PgpSignature, { fingerprint, keyId }: PgpKey): boolean {
  return issuerFingerprint === undefined ? issuerKeyId === keyId : issuerFingerprint === fingerprint;
}

function unbound({ keyId }: PgpKey, problem: string): Error {
  return openpgpError("OPENPGP_KEY_INVALID", `Cannot use OpenPGP key ${keyId}: ${problem}`, { found: keyId });
}

function encodeEntity({ key, revocations, identities, subkeys }: Entity): Uint8Array[] {
  const signatures = (list: readonly PgpSignature[]): Uint8Array[] =>
    list.flatMap(({ body }) => encodePacket(packetTag.signature, body));
  return [
    ...encodePacket(packetTag.publicKey, key.body),
    ...signatures(revocations),
    ...identities.flatMap(({ userId, signatures: all }) => [...encodePacket(packetTag.userId, userId), ...signatures(all)]),
    ...subkeys.flatMap(({ key: subkey, binding, revocations: all }) => [
      ...encodePacket(packetTag.publicSubkey, subkey.body),
      ...signatures(all),
      ...signatures([binding]),
    ]),
  ];
}

/** A key that may sign, with the signature that says so. */
export interface SigningKey {
  readonly key: PgpKey;
  readonly entity: Entity;
  readonly primaryIdentity: Identity | undefined;
  readonly selfSignature: PgpSignature;
  /** Where the key is a subkey. */
  readonly subkey: Subkey | undefined;
}

/** The keys with an id that may sign. */
export function signingKeys({ entities }: KeyRing, keyId: string): SigningKey[] {
  return entities.flatMap((entity) => {
    const primaryIdentity = primaryIdentityOf(entity);
    const self = primaryIdentity?.selfSignature;
    const found: SigningKey[] = [];
    if (self === undefined) return found;
    const common = { entity, primaryIdentity, selfSignature: self };
    if (entity.key.keyId === keyId && hasFlag(self)) found.push({ ...common, key: entity.key, subkey: undefined });
    for (const subkey of entity.subkeys)
      if (subkey.key.keyId === keyId && hasFlag(subkey.binding)) found.push({ ...common, key: subkey.key, subkey });
    return found;
  });
}

function hasFlag({ keyFlags }: PgpSignature): boolean {
  return keyFlags !== undefined && (keyFlags & maySign) !== 0;
}

/** Not revoked before revoked, marked as primary before others, later before earlier. */
function primaryIdentityOf({ identities }: Entity): Identity | undefined {
  let best: Identity | undefined;
  for (const candidate of identities) if (best === undefined || isPreferred(candidate, best)) best = candidate;
  return best;
}

function isPreferred(candidate: Identity, to: Identity): boolean {
  if (candidate.revocations.length !== to.revocations.length) return candidate.revocations.length < to.revocations.length;
  if (to.selfSignature === undefined || candidate.selfSignature === undefined) return to.selfSignature === undefined;
  const [ours, theirs] = [candidate.selfSignature.isPrimaryUserId === true, to.selfSignature.isPrimaryUserId === true];
  return ours === theirs ? candidate.selfSignature.created > to.selfSignature.created : ours;
}
