// UTF-8 that fails rather than replaces.
import { encodingError } from "./errors.ts";

const encoder = new TextEncoder();
// A byte order mark is kept as U+FEFF: dropping it would let two byte strings read as one text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to this many characters a text that is ASCII is written here, which beats the way into the encoder. */
const shortText = 64;

/** Write text as UTF-8. A lone surrogate is a TypeError, because UTF-8 cannot carry one. */
export function encodeUtf8(text: string): Uint8Array {
  const short = text.length <= shortText ? encodeShortAscii(text) : undefined;
  if (short !== undefined) return short;
  if (!text.isWellFormed()) throw new TypeError("Cannot encode UTF-8: the text holds a lone surrogate");
  return encoder.encode(text);
}

/** Write text that is ASCII, one octet a character; undefined where a character is not. */
export function encodeAscii(text: string): Uint8Array | undefined {
  if (text.length <= shortText) return encodeShortAscii(text);
  const bytes = encoder.encode(text);
  return bytes.length === text.length ? bytes : undefined; // what is not ASCII takes two octets and more a character
}

function encodeShortAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  let all = 0;
  for (let i = 0; i < bytes.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code;
    all |= code;
  }
  return all < 0x80 ? bytes : undefined;
}

/** Read UTF-8; throws UTF8_MALFORMED for anything that is not. A byte order mark stays in the text. */
export function parseUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw encodingError("UTF8_MALFORMED", `Cannot parse UTF-8: ${bytes.length} bytes are not well-formed`, {
      cause,
      expected: "UTF-8",
    });
  }
}
