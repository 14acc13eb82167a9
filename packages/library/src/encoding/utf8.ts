// UTF-8 that fails rather than replaces.
import { encodingError } from "./errors.ts";

const encoder = new TextEncoder();
// A byte order mark is kept as U+FEFF: dropping it would let two byte strings read as one text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Write text as UTF-8. A lone surrogate is a TypeError, because UTF-8 cannot carry one. */
export function encodeUtf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TypeError("Cannot encode UTF-8: the text holds a lone surrogate");
  return encoder.encode(text);
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
