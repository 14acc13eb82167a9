// The PIV application of a token (NIST SP 800-73-4 part 2), with the commands that Yubico added to it and other makers have taken over:
// attestation, metadata, reset, policies of PIN and touch.
import { type PublicKey, parsePublicKey } from "@sigillum/library/crypto";
import { concatBytes, derBitString, derOid, derSequence, encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { type Certificate, parseCertificate } from "@sigillum/library/x509";
import { signersError } from "../errors.ts";
import {
  type CardAnswer,
  type CardCommand,
  type CardTransport,
  cardAnswer,
  cardRefused,
  exchange,
  readTags,
  tagged,
  tagValue,
} from "./apdu.ts";

/** The keys of a token that sign or decrypt (SP 800-73-4 part 1 §4). */
export const pivSlots = {
  authentication: 0x9a,
  signature: 0x9c,
  "key-management": 0x9d,
  "card-authentication": 0x9e,
} as const;
/** A slot by its name. */
export type PivSlot = keyof typeof pivSlots;

/** When a token asks for its PIN before it signs. */
export const pinPolicies = { never: 1, once: 2, always: 3 } as const;
/** When a token wants to be touched before it signs. */
export const touchPolicies = { never: 1, always: 2, cached: 3 } as const;

/** PIN and PUK of a token as it comes from its maker. */
export const factoryPin = "123456";
/** The PUK of a token as it comes from its maker. */
export const factoryPuk = "12345678";

const application = Uint8Array.of(0xa0, 0, 0, 3, 8);
const attestationSlot = 0xf9;
const attestationObject = Uint8Array.of(0x5f, 0xff, 1);
const slotObjects: Readonly<Record<PivSlot, Uint8Array>> = {
  authentication: Uint8Array.of(0x5f, 0xc1, 5),
  signature: Uint8Array.of(0x5f, 0xc1, 0x0a),
  "key-management": Uint8Array.of(0x5f, 0xc1, 0x0b),
  "card-authentication": Uint8Array.of(0x5f, 0xc1, 1),
};
const [pinReference, pukReference] = [0x80, 0x81];
const eccP256 = 0x11;

/** Choose the PIV application of a card: everything after it is meant for that. SIGNER_KEY_NOT_FOUND where the card has none. */
export async function selectPiv(card: CardTransport): Promise<void> {
  const { status } = await exchange(card, { instruction: 0xa4, p1: 4, data: application });
  if (status === 0x9000) return;
  throw signersError("SIGNER_KEY_NOT_FOUND", `Cannot use the card in ${card.name}: it has no PIV application`, {
    found: `status ${status.toString(16)}`,
    expected: "a PIV token",
  });
}

/** Show the PIN, which the token takes for this session. SIGNER_PIN_REFUSED says how many tries are left. */
export async function verifyPin(card: CardTransport, pin: string): Promise<void> {
  await withPin(card, "PIN", { instruction: 0x20, p2: pinReference, data: padded(pin, "PIN") });
}

/** Change the PIN. */
export async function changePin(card: CardTransport, from: string, to: string): Promise<void> {
  const data = concatBytes(padded(from, "PIN"), padded(to, "new PIN"));
  await withPin(card, "PIN", { instruction: 0x24, p2: pinReference, data });
}

/** Change the PUK. */
export async function changePuk(card: CardTransport, from: string, to: string): Promise<void> {
  const data = concatBytes(padded(from, "PUK"), padded(to, "new PUK"));
  await withPin(card, "PUK", { instruction: 0x24, p2: pukReference, data });
}

/** Set a new PIN with the PUK, which unblocks a PIN that was tried too often. */
export async function unblockPin(card: CardTransport, puk: string, pin: string): Promise<void> {
  const data = concatBytes(padded(puk, "PUK"), padded(pin, "new PIN"));
  await withPin(card, "PUK", { instruction: 0x2c, p2: pinReference, data });
}

async function withPin(card: CardTransport, what: string, command: CardCommand): Promise<void> {
  const { status } = await exchange(card, command);
  if (status === 0x9000) return;
  const left = status === 0x6983 ? 0 : status >> 4 === 0x63c ? status & 15 : undefined;
  if (left === undefined) throw cardRefused(card, `use the ${what} of`, status);
  const tries = left === 0 ? "it is blocked" : `${left} ${left === 1 ? "try is" : "tries are"} left`;
  throw signersError("SIGNER_PIN_REFUSED", `Cannot use the ${what} of the card in ${card.name}: it is another; ${tries}`, {
    found: `another ${what}`,
    expected: left === 0 && what === "PIN" ? "the PUK, with piv-tool unblock" : `the ${what}`,
  });
}

// SP 800-73-4 part 2 §2.4.3: eight octets, padded with FF.
function padded(pin: string, what: string): Uint8Array {
  const octets = encodeUtf8(pin);
  if (octets.length < 6 || octets.length > 8)
    throw signersError("SIGNER_PIN_FORMAT", `Cannot use this ${what}: it has ${octets.length} octets`, {
      expected: "6 to 8 octets",
    });
  return concatBytes(octets, new Uint8Array(8 - octets.length).fill(0xff));
}

/** Which key a slot gets, and when it asks for PIN and touch. */
export interface PivKeyOrder {
  readonly slot: PivSlot;
  readonly pinPolicy: keyof typeof pinPolicies;
  readonly touchPolicy: keyof typeof touchPolicies;
}

/** Make a P-256 key in a slot, in place of whatever is there. The management key was shown before. */
export async function generatePivKey(card: CardTransport, { slot, pinPolicy, touchPolicy }: PivKeyOrder): Promise<PublicKey> {
  const order = concatBytes(
    tagged(0x80, Uint8Array.of(eccP256)),
    tagged(0xaa, Uint8Array.of(pinPolicies[pinPolicy])),
    tagged(0xab, Uint8Array.of(touchPolicies[touchPolicy])),
  );
  const answer = await exchange(card, { instruction: 0x47, p2: pivSlots[slot], data: tagged(0xac, order) });
  if (answer.status !== 0x9000) throw cardRefused(card, `make a key in slot ${slot} of`, answer.status);
  const point = tagValue(card, tagValue(card, answer.data, 0x7f49), 0x86);
  const algorithm = derSequence(derOid("1.2.840.10045.2.1"), derOid("1.2.840.10045.3.1.7"));
  return reading(card, "it is no public key", () => parsePublicKey(derSequence(algorithm, derBitString(point))));
}

/** What a token says of the key in a slot that it made: a certificate under its own. SIGNER_KEY_NOT_FOUND where it made none there. */
export async function attestPivKey(card: CardTransport, slot: PivSlot): Promise<Certificate> {
  const { data, status } = await exchange(card, { instruction: attestationSlot, p1: pivSlots[slot] });
  if (status === 0x6a80 || status === 0x6a82) throw noKey(card, slot, "no key that the token made");
  if (status !== 0x9000) throw cardRefused(card, `attest the key in slot ${slot} of`, status);
  return certificateFrom(card, data);
}

/** The token's own certificate, with which it attests. */
export async function pivAttestationCertificate(card: CardTransport): Promise<Certificate> {
  const answer = await readObject(card, attestationObject);
  if (answer.status === 0x9000) return certificateFrom(card, certificateOf(card, answer.data));
  throw cardRefused(card, "read the attestation certificate of", answer.status);
}

/** The public key in a slot: as the token attests it, else as the certificate has it that was stored beside the key. */
export async function pivPublicKey(card: CardTransport, slot: PivSlot): Promise<PublicKey> {
  const attested = await exchange(card, { instruction: attestationSlot, p1: pivSlots[slot] });
  if (attested.status === 0x9000) return certificateFrom(card, attested.data).publicKey;
  const stored = await readObject(card, slotObjects[slot]);
  if (stored.status === 0x9000) return certificateFrom(card, certificateOf(card, stored.data)).publicKey;
  throw noKey(card, slot, "neither a key that the token made nor a certificate");
}

function readObject(card: CardTransport, object: Uint8Array): Promise<CardAnswer> {
  return exchange(card, { instruction: 0xcb, p1: 0x3f, p2: 0xff, data: tagged(0x5c, object) });
}

// SP 800-73-4 part 1, table 10: the certificate, whether it is packed, an error code that nobody uses.
function certificateOf(card: CardTransport, object: Uint8Array): Uint8Array {
  const values = readTags(card, tagValue(card, object, 0x53));
  if ((values.find(({ tag }) => tag === 0x71)?.value[0] ?? 0) !== 0)
    throw cardAnswer(card, "its certificate is packed", "plain DER");
  const found = values.find(({ tag }) => tag === 0x70)?.value;
  if (found !== undefined) return found;
  throw cardAnswer(card, "it has no certificate", "tag 70");
}

function certificateFrom(card: CardTransport, der: Uint8Array): Certificate {
  return reading(card, "it is no certificate", () => parseCertificate(Uint8Array.from(der)));
}

function reading<T>(card: CardTransport, problem: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw cardAnswer(card, `${problem}: ${cause.message}`, "what SP 800-73-4 describes");
  }
}

function noKey(card: CardTransport, slot: PivSlot, found: string): Error {
  return signersError("SIGNER_KEY_NOT_FOUND", `Cannot use slot ${slot} of the card in ${card.name}: it has ${found}`, {
    found,
    expected: "a key, made with piv-tool generate-key",
  });
}

/** Sign with the key in a slot: of an EC key a digest, of an RSA key an encoded message of its modulus' length. */
export async function signWithPiv(card: CardTransport, slot: PivSlot, algorithm: number, input: Uint8Array): Promise<Uint8Array> {
  const data = tagged(0x7c, concatBytes(tagged(0x82, new Uint8Array(0)), tagged(0x81, input)));
  const answer = await exchange(card, { instruction: 0x87, p1: algorithm, p2: pivSlots[slot], data });
  if (answer.status !== 0x9000) throw cardRefused(card, `sign with slot ${slot} of`, answer.status);
  return tagValue(card, tagValue(card, answer.data, 0x7c), 0x82);
}

const maxTries = 256;

/** Set a token back to what its maker delivered: PIN and PUK are blocked with wrong ones, as it demands, and everything in it is gone. */
export async function resetPiv(card: CardTransport): Promise<void> {
  // Wrong on purpose, eight octets that no keyboard types.
  const wrong = new Uint8Array(8).fill(0);
  await block(card, { instruction: 0x20, p2: pinReference, data: wrong });
  await block(card, { instruction: 0x2c, p2: pinReference, data: concatBytes(wrong, wrong) });
  const { status } = await exchange(card, { instruction: 0xfb });
  if (status !== 0x9000) throw cardRefused(card, "reset", status);
}

async function block(card: CardTransport, command: CardCommand): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    const { status } = await exchange(card, command);
    if (status === 0x6983 || status === 0x63c0) return;
    if (status >> 4 !== 0x63c) throw cardRefused(card, "block PIN and PUK of", status);
  }
  throw cardAnswer(card, `it counts no tries after ${maxTries}`, "a blocked PIN");
}
