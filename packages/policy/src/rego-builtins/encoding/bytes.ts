// Bytes as texts and back: UTF-8, hexadecimal, base64.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD, because our strings hold no other bytes. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The text of UTF-8 bytes, or nothing when they are not UTF-8. */
export function fromStrictUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined; // the only failure of a decoder is that the bytes are not UTF-8
  }
}

/** Bytes in lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Bytes from hexadecimal digits of either case, or the reason, in Go's words, why not. */
export function fromHex(text: string): Uint8Array | string {
  const bytes = new Uint8Array(text.length >> 1);
  const wrong = /[^0-9a-fA-F]/u.exec(text);
  if (wrong !== null) {
    const code = (wrong[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `encoding/hex: invalid byte: U+${code} '${wrong[0]}'`;
  }
  if (text.length % 2 === 1) return "encoding/hex: odd length hex string";
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const alphabets: Readonly<Record<Alphabet, string>> = { standard, url: `${standard.slice(0, 62)}-_` };

/** Which base64: the standard alphabet, or the one for URLs. */
export type Alphabet = "standard" | "url";

/** Bytes in base64 (RFC 4648). */
export function toBase64(bytes: Uint8Array, alphabet: Alphabet, padded = true): string {
  const letters = alphabets[alphabet];
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const group = (a << 16) | (b << 8) | c;
    text += letters.charAt(group >> 18) + letters.charAt((group >> 12) & 63);
    if (i + 1 < bytes.length) text += letters.charAt((group >> 6) & 63);
    if (i + 2 < bytes.length) text += letters.charAt(group & 63);
  }
  return padded ? text.padEnd(Math.ceil(text.length / 4) * 4, "=") : text;
}

/** Bytes from padded base64; line ends are skipped and spare bits ignored, as Go does. A number is the offset of what is wrong. */
export function fromBase64(text: string, alphabet: Alphabet): Uint8Array | number {
  const clean = text.replace(/[\r\n]/g, "");
  const body = clean.replace(/={1,2}$/, "");
  const wrong = (alphabet === "standard" ? /[^A-Za-z0-9+/]/ : /[^A-Za-z0-9_-]/).exec(body);
  if (wrong !== null) return wrong.index;
  if (clean.length % 4 !== 0 || body.length % 4 === 1) return clean.length;
  const letters = alphabets[alphabet];
  const bytes = new Uint8Array((body.length * 3) >> 2);
  let [bits, held, at] = [0, 0, 0];
  for (let i = 0; i < body.length; i++) {
    held = ((held << 6) | code(letters, body.charCodeAt(i))) & 0xfff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
  }
  return bytes;
}

function code(letters: string, unit: number): number {
  if (unit >= 0x61 && unit <= 0x7a) return unit - 0x61 + 26;
  if (unit >= 0x41 && unit <= 0x5a) return unit - 0x41;
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30 + 52;
  return letters.indexOf(String.fromCharCode(unit));
}
