// PEM (RFC 7468): the strict writer, and a reader that allows explanatory text around blocks and either line end, nothing more.
import { encodeBase64, parseBase64 } from "./base64.ts";
import { encodingError } from "./errors.ts";
import { quote } from "./sigillum-error.ts";

/** One PEM block: the label between the dashes and the bytes of its body. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
}

/** What `parsePem` reads at most. */
export interface PemLimits {
  readonly maxCharacters?: number;
  readonly maxBlocks?: number;
}

const defaultMaxCharacters = 1 << 20;
const defaultMaxBlocks = 64;
const lineLength = 64;
const label = "[A-Z0-9]+(?:[ -][A-Z0-9]+)*";
const beginLine = new RegExp(`^-----BEGIN (${label})-----$`);

/** Read every PEM block of a text, at least one; throws PEM_MALFORMED or PEM_TOO_LARGE. Labels are handed on unchecked. */
export function parsePem(text: string, limits: PemLimits = {}): PemBlock[] {
  const { maxCharacters = defaultMaxCharacters, maxBlocks = defaultMaxBlocks } = limits;
  if (text.length > maxCharacters) throw tooLarge(`${text.length} characters`, `at most ${maxCharacters}`);
  const blocks: PemBlock[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] ?? "").trimEnd();
    if (!line.startsWith("-----")) continue;
    const name = beginLine.exec(line)?.[1];
    if (name === undefined) throw malformed(`${quote(line)} begins no block`);
    if (blocks.length === maxBlocks) throw tooLarge(`over ${maxBlocks} blocks`, `at most ${maxBlocks}`);
    const end = lines.findIndex((other, at) => at > i && other.startsWith("-----"));
    if (end === -1 || (lines[end] ?? "").trimEnd() !== `-----END ${name}-----`)
      throw malformed(`the block ${quote(name)} has no end line`);
    blocks.push({ label: name, bytes: parseBody(name, lines.slice(i + 1, end)) });
    i = end;
  }
  if (blocks.length === 0) throw malformed("no line begins a block");
  return blocks;
}

/** Write one PEM block: 64 columns, LF, a final line end. */
export function encodePem(label: string, bytes: Uint8Array): string {
  const body = encodeBase64(bytes);
  let text = `-----BEGIN ${label}-----\n`;
  for (let i = 0; i < body.length; i += lineLength) text += `${body.slice(i, i + lineLength)}\n`;
  return `${text}-----END ${label}-----\n`;
}

function parseBody(name: string, lines: readonly string[]): Uint8Array {
  const header = lines.find((line) => line.includes(":"));
  if (header !== undefined) throw malformed(`the block ${quote(name)} has a header line, which RFC 7468 does not allow`);
  try {
    return parseBase64(lines.map((line) => line.trim()).join(""));
  } catch (cause) {
    throw malformed(`the body of the block ${quote(name)} is not base64`, cause);
  }
}

function malformed(problem: string, cause?: unknown): Error {
  return encodingError(
    "PEM_MALFORMED",
    `Cannot parse PEM: ${problem}`,
    cause === undefined ? { found: problem } : { found: problem, cause },
  );
}

function tooLarge(found: string, expected: string): Error {
  return encodingError("PEM_TOO_LARGE", `Cannot parse PEM: it has ${found}, and ${expected} are read`, { found, expected });
}
