// The management key of a PIV token, without which no key is made in it (SP 800-73-4 part 2 §3.2.4, and Yubico's commands to change it).
import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from "node:crypto";
import { concatBytes, parseHex } from "@sigillum/library/encoding";
import { signersError } from "../errors.ts";
import { type CardTransport, cardAnswer, cardRefused, exchange, readTags, tagged, tagValue } from "./apdu.ts";

/** A cipher that management keys are of. */
interface Cipher {
  readonly name: string;
  readonly keyBytes: number;
  readonly blockBytes: number;
}

// SP 800-78-4 table 6-2.
const ciphers: ReadonlyMap<number, Cipher> = new Map([
  [0x03, { name: "des-ede3-ecb", keyBytes: 24, blockBytes: 8 }],
  [0x08, { name: "aes-128-ecb", keyBytes: 16, blockBytes: 16 }],
  [0x0a, { name: "aes-192-ecb", keyBytes: 24, blockBytes: 16 }],
  [0x0c, { name: "aes-256-ecb", keyBytes: 32, blockBytes: 16 }],
]);
const [tripleDes, keyReference] = [0x03, 0x9b];
const metadata = 0xf7;

/** The management key of a token as it comes from its maker. */
export const factoryManagementKey: Uint8Array = parseHex("010203040506070801020304050607080102030405060708");

/** The bytes of a management key from the hexadecimal digits in which it is written; the maker's where nothing is given. */
export function parseManagementKey(text: string | undefined): Uint8Array {
  if (text === undefined || text === "") return factoryManagementKey;
  const bytes = /^(?:[0-9a-f]{2})+$/iu.test(text) ? parseHex(text.toLowerCase()) : new Uint8Array(0);
  if ([16, 24, 32].includes(bytes.length)) return bytes;
  throw signersError("SIGNER_PIN_FORMAT", "Cannot use this management key: it is not of the length of one", {
    expected: "32, 48 or 64 hexadecimal digits",
  });
}

// Newer firmware says of which cipher the key is; what does not know the question has the cipher of the standard's first edition.
async function cipherOf(card: CardTransport): Promise<{ readonly algorithm: number; readonly cipher: Cipher }> {
  const { data, status } = await exchange(card, { instruction: metadata, p2: keyReference });
  const algorithm = status === 0x9000 ? (readTags(card, data).find(({ tag }) => tag === 1)?.value[0] ?? tripleDes) : tripleDes;
  const cipher = ciphers.get(algorithm);
  if (cipher !== undefined) return { algorithm, cipher };
  throw cardAnswer(card, `its management key is of algorithm ${algorithm.toString(16)}`, "3DES or AES");
}

/** Show the management key, each side proving to the other that it has it. SIGNER_MANAGEMENT_KEY where the token has another. */
export async function authenticateManagement(card: CardTransport, key: Uint8Array): Promise<void> {
  const { algorithm, cipher } = await cipherOf(card);
  if (key.length !== cipher.keyBytes)
    throw refused(card, `one of ${key.length} bytes`, `${cipher.keyBytes} bytes (${cipher.name})`);
  const send = async (data: Uint8Array): Promise<Uint8Array> => {
    const answer = await exchange(card, { instruction: 0x87, p1: algorithm, p2: keyReference, data: tagged(0x7c, data) });
    if (answer.status === 0x6982 || answer.status >> 4 === 0x63c) throw refused(card, "another", "the token's");
    if (answer.status !== 0x9000) throw cardRefused(card, "show the management key to", answer.status);
    return tagValue(card, answer.data, 0x7c);
  };
  const witness = tagValue(card, await send(tagged(0x80, new Uint8Array(0))), 0x80);
  if (witness.length !== cipher.blockBytes)
    throw cardAnswer(card, `its witness has ${witness.length} bytes`, `${cipher.blockBytes}`);
  const challenge = new Uint8Array(randomBytes(cipher.blockBytes));
  const proof = tagged(0x80, decrypt(cipher, key, witness));
  const response = tagValue(card, await send(concatBytes(proof, tagged(0x81, challenge))), 0x82);
  const expected = encrypt(cipher, key, challenge);
  // The token must have the key too: else somebody between it and us would.
  if (response.length !== expected.length || !timingSafeEqual(response, expected))
    throw cardAnswer(card, "it proves no knowledge of the management key", "the challenge, encrypted");
}

/** Set another management key of the same cipher. The old one was shown before. */
export async function setManagementKey(card: CardTransport, key: Uint8Array): Promise<void> {
  const { algorithm, cipher } = await cipherOf(card);
  if (key.length !== cipher.keyBytes)
    throw refused(card, `one of ${key.length} bytes`, `${cipher.keyBytes} bytes (${cipher.name})`);
  const data = concatBytes(Uint8Array.of(algorithm), tagged(keyReference, key));
  const { status } = await exchange(card, { instruction: 0xff, p1: 0xff, p2: 0xff, data });
  if (status !== 0x9000) throw cardRefused(card, "set the management key of", status);
}

/** A management key of random bytes, of the length that the token's is. */
export async function randomManagementKey(card: CardTransport): Promise<Uint8Array> {
  return new Uint8Array(randomBytes((await cipherOf(card)).cipher.keyBytes));
}

function encrypt({ name }: Cipher, key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv(name, key, null).setAutoPadding(false);
  return new Uint8Array(Buffer.concat([cipher.update(block), cipher.final()]));
}

function decrypt({ name }: Cipher, key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createDecipheriv(name, key, null).setAutoPadding(false);
  return new Uint8Array(Buffer.concat([cipher.update(block), cipher.final()]));
}

function refused(card: CardTransport, found: string, expected: string): Error {
  return signersError("SIGNER_MANAGEMENT_KEY", `Cannot use the management key of the card in ${card.name}: it is ${found}`, {
    found,
    expected,
  });
}
