// crypto_secretbox of NaCl: XSalsa20 and Poly1305, which cosign encrypts private keys with and node:crypto does not have.
//
//   key'        = HSalsa20(key, nonce[0..16])
//   stream      = Salsa20(key', nonce[16..24])
//   ciphertext  = Poly1305(stream[0..32], c) || c,  c = message XOR stream[32..]
//
// Bernstein, "Cryptography in NaCl" (2009) §9 and §10; "Extending the Salsa20 nonce" (2011); Poly1305 as in RFC 8439 §2.5. The sum is made
// with big integers, whose time depends on their values: this is for files of the key's own holder, never for answering strangers.
import { timingSafeEqual } from "node:crypto";

const keyBytes = 32;
const nonceBytes = 24;
const tagBytes = 16;

/** Encrypts: the tag, then as many octets as the message has. A nonce must never serve twice for one key. */
export function sealSecretbox(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const stream = keyStream(nonce, key, message.length);
  const box = new Uint8Array(tagBytes + message.length);
  for (let i = 0; i < message.length; i++) box[tagBytes + i] = (message[i] ?? 0) ^ (stream[32 + i] ?? 0);
  box.set(poly1305(box.subarray(tagBytes), stream.subarray(0, 32)));
  return box;
}

/** Decrypts; undefined where the tag does not fit, and then nothing of the message was looked at. */
export function openSecretbox(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  if (box.length < tagBytes) return undefined;
  const sealed = box.subarray(tagBytes);
  const stream = keyStream(nonce, key, sealed.length);
  if (!timingSafeEqual(poly1305(sealed, stream.subarray(0, 32)), box.subarray(0, tagBytes))) return undefined;
  return sealed.map((octet, i) => octet ^ (stream[32 + i] ?? 0));
}

/** The key that crypto_box gives to its secretbox: HSalsa20 of the shared secret, without input. */
export function hsalsa20Key(shared: Uint8Array): Uint8Array {
  const key = new Uint8Array(keyBytes);
  const view = new DataView(key.buffer);
  for (const [i, word] of hsalsa20(wordsOf(shared), new Uint32Array(4)).entries()) view.setUint32(i * 4, word, true);
  return key;
}

function keyStream(nonce: Uint8Array, key: Uint8Array, messageBytes: number): Uint8Array {
  if (key.length !== keyBytes || nonce.length !== nonceBytes)
    throw new TypeError(`secretbox: found a key of ${key.length} and a nonce of ${nonce.length} octets, expected 32 and 24`);
  const subkey = hsalsa20(wordsOf(key), wordsOf(nonce.subarray(0, 16)));
  const [n0 = 0, n1 = 0] = wordsOf(nonce.subarray(16));
  const blocks = Math.ceil((32 + messageBytes) / 64);
  const stream = new Uint8Array(blocks * 64);
  const view = new DataView(stream.buffer);
  for (let block = 0; block < blocks; block++) {
    const input = stateOf(subkey, [n0, n1, block, 0]);
    const output = rounds(input);
    for (let i = 0; i < 16; i++) view.setUint32(block * 64 + i * 4, ((output[i] ?? 0) + (input[i] ?? 0)) >>> 0, true);
  }
  return stream;
}

/** The first and last row of the state after the rounds, without the addition that Salsa20 ends with. */
function hsalsa20(key: Uint32Array, input: Uint32Array): Uint32Array {
  const state = rounds(stateOf(key, input));
  return Uint32Array.from([0, 5, 10, 15, 6, 7, 8, 9], (i) => state[i] ?? 0);
}

function stateOf(k: ArrayLike<number>, n: ArrayLike<number>): Uint32Array {
  const at = (words: ArrayLike<number>, i: number): number => words[i] ?? 0;
  // "expand 32-byte k" stands on the diagonal.
  return Uint32Array.of(
    ...[0x61707865, at(k, 0), at(k, 1), at(k, 2)],
    ...[at(k, 3), 0x3320646e, at(n, 0), at(n, 1)],
    ...[at(n, 2), at(n, 3), 0x79622d32, at(k, 4)],
    ...[at(k, 5), at(k, 6), at(k, 7), 0x6b206574],
  );
}

// The quarter rounds of a column round and a row round, as indexes into the state.
const quarters: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
];

function rounds(input: Uint32Array): Uint32Array {
  const x = Uint32Array.from(input);
  const step = (target: number, one: number, other: number, bits: number): void => {
    const sum = ((x[one] ?? 0) + (x[other] ?? 0)) | 0;
    x[target] = (x[target] ?? 0) ^ ((sum << bits) | (sum >>> (32 - bits)));
  };
  for (let double = 0; double < 10; double++) {
    for (const [a, b, c, d] of quarters) {
      step(b, a, d, 7);
      step(c, b, a, 9);
      step(d, c, b, 13);
      step(a, d, c, 18);
    }
  }
  return x;
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4, true));
}

const prime = 2n ** 130n - 5n;
const clamp = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** RFC 8439 §2.5.1. */
function poly1305(message: Uint8Array, key: Uint8Array): Uint8Array {
  const r = littleEndian(key.subarray(0, 16)) & clamp;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    sum = ((sum + littleEndian(block) + (1n << BigInt(8 * block.length))) * r) % prime;
  }
  sum += littleEndian(key.subarray(16, 32));
  return Uint8Array.from({ length: 16 }, (_, i) => Number((sum >> BigInt(8 * i)) & 0xffn));
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}
