// Where a check of this room is needed though the next one refuses most of what it refuses.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeUtf8 } from "../encoding/index.ts";
import { generateSigner } from "../testing/index.ts";
import {
  cosignCheckpoint,
  cosignerKey,
  encodeCheckpoint,
  encodeSignatureLine,
  encodeVerifierKey,
  maxNoteLength,
  noteKey,
  parseCheckpoint,
  parseSignedNote,
  signCheckpoint,
  verifyCheckpoint,
  verifyCosignature,
} from "./index.ts";

const signer = generateSigner("ed25519");
const root = new Uint8Array(32);
const line = encodeSignatureLine({ name: "log.test", keyHint: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(5) });

// All white space of Unicode stands below U+3001; what follows are surrogates, a private character and the byte order mark.
const characters = [
  ...Array.from({ length: 0x3100 }, (_, code) => code),
  0xd7ff,
  0xd800,
  0xdfff,
  0xe000,
  0xfeff,
  0xffff,
  0x10ffff,
];

function isTaken(use: () => unknown, code: string): boolean {
  try {
    use();
    return true;
  } catch (error) {
    assert.equal(Reflect.get(Object(error), "code"), code);
    return false;
  }
}

describe("a note's key name", () => {
  it("has no white space, control character, lone surrogate or plus sign, as Unicode has them", () => {
    const [keyHint, signature] = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5)];
    for (const code of characters) {
      const name = String.fromCodePoint(0x61, code, 0x62);
      const expected = !/[\p{White_Space}\p{Cc}\p{Cs}+]/u.test(name);
      const taken = isTaken(() => encodeSignatureLine({ name, keyHint, signature }), "NOTE_KEY_MALFORMED");
      assert.equal(taken, expected, code.toString(16));
    }
  });
  it("is read where it has no white space or plus sign, and the note no control character or lone surrogate", () => {
    for (const code of characters) {
      const name = String.fromCodePoint(0x61, code, 0x62);
      const expected = code >= 0x20 && !/[\p{White_Space}\p{Cs}+]/u.test(name);
      const read = isTaken(() => parseSignedNote(`text\n\n${line.replace("log.test", () => name)}`), "NOTE_MALFORMED");
      assert.equal(read, expected, code.toString(16));
    }
  });
});

describe("parseSignedNote", () => {
  it("refuses a note without empty line, though all but its first character is a signature line", () => {
    assert.throws(() => parseSignedNote(`x${line}`), { code: "NOTE_MALFORMED" });
    assert.throws(() => parseSignedNote(line), { code: "NOTE_MALFORMED" });
  });
  it("takes the longest note, and refuses one character more", () => {
    const note = (length: number): string => `${"x".repeat(length - line.length - 2)}\n\n${line}`;
    assert.equal(parseSignedNote(note(maxNoteLength)).signatures.length, 1);
    assert.throws(() => parseSignedNote(note(maxNoteLength + 1)), { code: "NOTE_TOO_LARGE" });
  });
});

describe("parseCheckpoint", () => {
  it("refuses a last line without newline, an extension too", () => {
    const text = encodeCheckpoint({ origin: "log.test", treeSize: 1, root, extensions: ["abc"] });
    assert.deepEqual(parseCheckpoint(text).extensions, ["abc"]);
    assert.throws(() => parseCheckpoint(text.slice(0, -1)), { code: "CHECKPOINT_MALFORMED" });
  });
  it("takes the empty tree", () => {
    assert.equal(parseCheckpoint(encodeCheckpoint({ origin: "log.test", treeSize: 0, root, extensions: [] })).treeSize, 0);
  });
});

describe("verifyCheckpoint", () => {
  it("refuses another log's origin of the same length, with a tree id", async () => {
    for (const origin of ["xyz.test - 123", "log.test - 12a", "log.test - ", "log.tes - 123", "123", "log.test 123"]) {
      const note = await signCheckpoint({ origin, treeSize: 1, root, extensions: [] }, "log.test", signer);
      assert.throws(() => verifyCheckpoint(note, noteKey("log.test", signer.publicKey)), { code: "CHECKPOINT_ORIGIN_MISMATCH" });
    }
    const own = await signCheckpoint({ origin: "log.test - 123", treeSize: 1, root, extensions: [] }, "log.test", signer);
    verifyCheckpoint(own, noteKey("log.test", signer.publicKey));
  });
});

describe("cosignatures", () => {
  it("have a key with a name that a line can carry", () => {
    assert.throws(() => cosignerKey("a b", signer.publicKey), { code: "NOTE_KEY_MALFORMED" });
    assert.throws(() => encodeVerifierKey(noteKey("a", generateSigner().publicKey)), { code: "NOTE_KEY_UNSUPPORTED" });
  });
  it("are 72 bytes and no more", async () => {
    const text = encodeCheckpoint({ origin: "log.test", treeSize: 1, root, extensions: [] });
    const key = cosignerKey("w.test", signer.publicKey);
    const cosigned = await cosignCheckpoint(text, 5, "w.test", signer);
    assert.equal(verifyCosignature(`${text}\n${encodeSignatureLine(cosigned)}`, key).timestampS, 5);
    const longer = { ...cosigned, signature: Uint8Array.of(...cosigned.signature, 0) };
    assert.throws(() => verifyCosignature(encodeUtf8(`${text}\n${encodeSignatureLine(longer)}`), key), {
      code: "COSIGNATURE_INVALID",
    });
  });
});
