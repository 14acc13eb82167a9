// Signed notes: C2SP signed-note v1.0.0.
//
//   text, every line ending in a newline
//   <empty line>
//   — <key name> <base64(4-byte key id ‖ signature)>        one or more lines
import { concatBytes, encodeBase64, encodeUtf8, isSigillumError, parseBase64, parseUtf8, quote } from "../encoding/index.ts";
import { checkpointError } from "./errors.ts";

/** The longest note that is read, in UTF-16 code units: room for 100 post-quantum signatures of almost 5 kB. */
export const maxNoteLength: number = 1 << 20;

/** The most signature lines that are read. */
export const maxNoteSignatures: number = 100;

/** One signature line: who says to have signed, and with which key. */
export interface NoteSignature {
  readonly name: string;
  /** The first four bytes of the key id. */
  readonly keyHint: Uint8Array;
  readonly signature: Uint8Array;
}

/** A text and its signature lines. */
export interface SignedNote {
  /** The signed text: it ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

// The white space of Unicode (\p{White_Space}) is written out, because the first look into its tables takes longer than to verify a note.
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
/** What a key name must not have: white space, control characters, lone surrogates, a plus sign. */
const notInName = /[\0- \u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff+]/u;
const signatureLine =
  /^\u2014 ([^\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+) ([A-Za-z0-9+/]+={0,2})$/;
const forbidden = /[\0-\t\u000b-\u001f\ud800-\udfff]/u;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: as above

/** Read a signed note. Every line is well-formed afterwards; no signature was verified. */
export function parseSignedNote(note: string | Uint8Array): SignedNote {
  const whole = typeof note === "string" ? note : noteText(note);
  if (whole.length > maxNoteLength) {
    throw checkpointError(
      "NOTE_TOO_LARGE",
      `Cannot parse signed note: it has ${whole.length} characters, at most ${maxNoteLength} are read`,
      {
        found: String(whole.length),
        expected: `at most ${maxNoteLength}`,
      },
    );
  }
  refuseForbiddenCharacters(whole);
  // The text may have empty lines itself: the last one separates it from the signatures.
  const blank = whole.lastIndexOf("\n\n");
  if (blank < 0) throw malformed("no empty line separates text and signatures");
  const block = whole.slice(blank + 2);
  if (block === "") throw malformed("no signature line follows the empty line");
  if (!block.endsWith("\n")) throw malformed("the last signature line does not end with a newline");
  const lines = block.slice(0, -1).split("\n");
  if (lines.length > maxNoteSignatures) {
    throw checkpointError(
      "NOTE_TOO_LARGE",
      `Cannot parse signed note: it has ${lines.length} signature lines, at most ${maxNoteSignatures} are read`,
      {
        found: String(lines.length),
        expected: `at most ${maxNoteSignatures}`,
      },
    );
  }
  return { text: whole.slice(0, blank + 1), signatures: lines.map(parseSignatureLine) };
}

/** Write a signed note. */
export function encodeSignedNote(note: SignedNote): string {
  if (!note.text.endsWith("\n")) throw new TypeError("The text of a note ends with a newline");
  return `${note.text}\n${note.signatures.map(encodeSignatureLine).join("")}`;
}

/** Write one signature line with its newline, as a witness answers it. */
export function encodeSignatureLine({ name, keyHint, signature }: NoteSignature): string {
  requireKeyName(name);
  return `— ${name} ${encodeBase64(concatBytes(keyHint, signature))}\n`;
}

/** Refuse what is no key name: empty, or with white space or a plus sign. */
export function requireKeyName(name: string): void {
  if (name !== "" && !notInName.test(name)) return;
  throw checkpointError(
    "NOTE_KEY_MALFORMED",
    `Cannot use note key name ${quote(name)}: it must not be empty or have white space or a plus sign`,
    {
      found: quote(name),
    },
  );
}

function parseSignatureLine(line: string): NoteSignature {
  const match = signatureLine.exec(line);
  if (match === null) throw malformed(`${quote(line)} is no signature line`);
  const [, name = "", base64 = ""] = match;
  const bytes = lineBytes(base64);
  if (bytes.length < 5)
    throw malformed(`the signature line of ${quote(name)} has ${bytes.length} bytes, at least 5 are expected`);
  return { name, keyHint: bytes.slice(0, 4), signature: bytes.slice(4) };
}

function lineBytes(base64: string): Uint8Array {
  try {
    return parseBase64(base64);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw checkpointError(
      "NOTE_MALFORMED",
      `Cannot parse signed note: the base64 of a signature line is malformed: ${quote(base64)}`,
      { cause },
    );
  }
}

function noteText(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw checkpointError("NOTE_MALFORMED", "Cannot parse signed note: it is not valid UTF-8", { cause });
  }
}

// "valid UTF-8 […] MUST NOT contain any ASCII control characters (those below U+0020) other than newline"
function refuseForbiddenCharacters(text: string): void {
  const match = forbidden.exec(text);
  if (match === null) return;
  throw malformed(`it has the forbidden character U+${(match[0].codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
}

function malformed(reason: string): Error {
  return checkpointError("NOTE_MALFORMED", `Cannot parse signed note: ${reason}`);
}

/** The bytes that a note's signatures cover. */
export function signedBytes(note: SignedNote): Uint8Array {
  return encodeUtf8(note.text);
}
