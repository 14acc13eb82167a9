// Texts signed in place (RFC 4880 §7): the signed octets, the text, and the signature.
import { linesOf, parseArmor } from "./armor.ts";
import { armoredSignatureType, type DetachedSignature, parseDetachedSignature } from "./detached.ts";
import { maxOpenPgpBytes } from "./packets.ts";
import { malformed } from "./refusals.ts";

/** A text and its signature. */
export interface ClearSigned {
  /** With LF as line ends and without the dashes' escapes. */
  readonly text: Uint8Array;
  /** What is signed: the same with CR LF. */
  readonly content: Uint8Array;
  readonly signature: DetachedSignature;
}

const begin = "-----BEGIN PGP SIGNED MESSAGE-----";
const beginSignature = `-----BEGIN ${armoredSignatureType}-----`;
const endSignature = `-----END ${armoredSignatureType}-----`;
const hashNames: ReadonlySet<string> = new Set([
  "MD5",
  "SHA1",
  "RIPEMD160",
  "SHA224",
  "SHA256",
  "SHA384",
  "SHA512",
  "SHA3-256",
  "SHA3-512",
]);

/** Read the first signed text; what stands before it is not of it. */
export function parseClearSigned(bytes: Uint8Array): ClearSigned {
  if (bytes.length > maxOpenPgpBytes)
    throw malformed(`the signed text has ${bytes.length} octets, at most ${maxOpenPgpBytes} are read`);
  const lines = linesOf(bytes).map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  const start = lines.indexOf(begin);
  if (start === -1) throw malformed(`it has no line ${JSON.stringify(begin)}`);
  const first = afterHeaders(lines, start + 1);
  const last = lines.indexOf(beginSignature, first);
  const end = lines.findIndex((line, at) => at > last && line.startsWith(endSignature));
  if (last === -1 || last === first || end === -1) throw malformed("its signed text has no signature after it");
  const text = lines.slice(first, last).map((line) => line.replace(/^- /, "").replace(/[ \t]+$/, ""));
  const block = parseArmor(lines.slice(0, end + 1), last);
  if (block === undefined) throw malformed("its signature has no empty line before it");
  return {
    text: octets(text.join("\n")),
    content: octets(text.join("\r\n")),
    signature: parseDetachedSignature(block.bytes),
  };
}

function afterHeaders(lines: readonly string[], from: number): number {
  for (let at = from; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.trim() === "") return at + 1;
    const [, values] = /^\s*Hash\s*:([ -~]*)$/.exec(line) ?? [];
    if (values === undefined || !values.split(",").every((value) => hashNames.has(value.trim().toUpperCase())))
      throw malformed(`its signed text has the header ${JSON.stringify(line.slice(0, 60))}`);
  }
  throw malformed("its signed text is cut off");
}

function octets(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}
