import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSigner, isValidSignature, parsePublicKey, type Signer, sha256 } from "../crypto/index.ts";
import { concatBytes, encodeBase64, encodeHex, encodeUtf8, isSigillumError, parseBase64, parseHex } from "../encoding/index.ts";
import { generateSigner } from "../testing/index.ts";
import {
  cosignCheckpoint,
  cosignerKey,
  encodeCheckpoint,
  encodeSignatureLine,
  encodeSignedNote,
  encodeVerifierKey,
  maxNoteLength,
  noteKey,
  parseCheckpoint,
  parseSignedNote,
  parseVerifierKey,
  signCheckpoint,
  verifyCheckpoint,
  verifyCosignature,
} from "./index.ts";

// Vectors made for the project with other implementations: the log's key has the seed 32 × 0x01, the witness's 32 × 0x02.
const origin = "log2026-1.rekor.example";
const text = `${origin}\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n`;
const logLine = `— ${origin} 9KbuRho3Qz3LDew5vhFzLOjan9MmaL3tyKNY0hwksxi8hzSCbhC09qfP9enHd6iFoGRCMDNfrF9PVT9OD7T2vM/qnwY=\n`;
const witnessLine =
  "— witness.example/w1 3xwKNQAAAABpVbkAGVpneSZtP1BaGjXFJWKAL7Wc/6ftXqudW0ddX9nc5I3SMfmxyZnLCm6z4nZ6f1o0Y6+Za1ZVOq34XKrNsiEoCA==\n";
const note = `${text}\n${logLine}${witnessLine}`;
const logVkey = `${origin}+f4a6ee46+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c`;
const witnessVkey = "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";
const logKey = parseVerifierKey(logVkey);
const witnessKey = parseVerifierKey(witnessVkey);
const root = parseBase64("XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=");

// A Rekor v1 checkpoint with a throw-away P-256 key.
const v1Key = parsePublicKey(
  parseBase64(
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIBljoT4wyYuDBe5uaqO4DIeHqRbt5SXxMfAyHfktY9QlzUXJwHktYOB3ERsGs/88ancAyxFXZyi9tsn30xrsNQ==",
  ),
);
const v1Note = `rekor.example - 1193050959916656506
8
XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

— rekor.example GjQUUjBGAiEAugTyO7CAzxR4m17DVHojmyCkarZT9lINeDh2QHsItKwCIQC7wcqrrkwWLeoe+ulvyrtMn6dJBPLZ77FGD3Cwkky7Tg==
`;

function ed25519Signer(fill: number): Signer {
  return createSigner(concatBytes(parseHex("302e020100300506032b657004220420"), new Uint8Array(32).fill(fill)));
}

function generated(type: "ec" | "rsa"): Signer {
  const { privateKey } =
    type === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return createSigner(privateKey.export({ format: "der", type: "pkcs8" }));
}

const ecdsa = generated("ec");
const rsa = generated("rsa");

function lineBytes(line: string): Uint8Array {
  return parseBase64(line.trimEnd().split(" ").at(-1) ?? "");
}

describe("the vectors", () => {
  test("verifyCheckpoint takes the Ed25519 checkpoint of Rekor v2", () => {
    assert.deepEqual(verifyCheckpoint(note, logKey), { origin, treeSize: 8, root, extensions: [] });
    assert.equal(encodeBase64(logKey.keyId), "9KbuRmv7ZacDZtqbU7RiEP6R+790qIBA/GCDYl/+a6s=");
  });

  test("signCheckpoint writes the same note", async () => {
    const signed = await signCheckpoint({ origin, treeSize: 8, root, extensions: [] }, origin, ed25519Signer(1));
    assert.equal(signed, `${text}\n${logLine}`);
  });

  test("verifyCosignature and cosignCheckpoint agree with the witness's line", async () => {
    assert.deepEqual(verifyCosignature(note, witnessKey), { checkpoint: parseCheckpoint(text), timestampS: 1767225600 });
    assert.equal(
      encodeSignatureLine(await cosignCheckpoint(text, 1767225600, "witness.example/w1", ed25519Signer(2))),
      witnessLine,
    );
  });

  test("verifyCheckpoint takes the ECDSA checkpoint of Rekor v1, whose name is not its origin", () => {
    const key = noteKey("rekor.example", v1Key);
    assert.equal(encodeHex(key.keyId), "1a34145224db654a64bb9ab9a2147fc51f914dcaacc9199138747ab300693af3");
    assert.equal(verifyCheckpoint(v1Note, key).origin, "rekor.example - 1193050959916656506");
    assert.equal(verifyCheckpoint(v1Note, key, { origin: "rekor.example - 1193050959916656506" }).treeSize, 8);
  });

  test("verifier key texts are read and written", () => {
    assert.equal(encodeVerifierKey(logKey), logVkey);
    assert.equal(encodeVerifierKey(witnessKey), witnessVkey);
    assert.equal(encodeVerifierKey(noteKey(origin, ed25519Signer(1).publicKey)), logVkey);
    assert.equal(encodeVerifierKey(cosignerKey("witness.example/w1", ed25519Signer(2).publicKey)), witnessVkey);
  });
});

describe("ML-DSA-44 cosignatures", () => {
  const signer = generateSigner("ml-dsa-44");
  const name = "witness.example/pq";
  const key = cosignerKey(name, signer.publicKey);

  test("a line over name, time, origin, size and root verifies, and so does the checkpoint beside the log's Ed25519 line", async () => {
    const line = encodeSignatureLine(await cosignCheckpoint(text, 1767225600, name, signer));
    const both = `${text}\n${logLine}${line}`;
    const { checkpoint, timestampS } = verifyCosignature(both, key);
    assert.deepEqual([checkpoint.treeSize, timestampS], [8, 1767225600]);
    assert.equal(verifyCheckpoint(both, logKey).treeSize, 8);
    // The message as C2SP tlog-cosignature writes it, put together here by hand.
    const message = concatBytes(
      encodeUtf8("subtree/v1\n\0"),
      Uint8Array.of(name.length),
      encodeUtf8(name),
      parseHex("000000006955b900"),
      Uint8Array.of(origin.length),
      encodeUtf8(origin),
      parseHex("0000000000000000"),
      parseHex("0000000000000008"),
      root,
    );
    const { signature } = parseSignedNote(both).signatures[1] ?? assert.fail();
    assert.equal(signature.length, 8 + 2420);
    assert.ok(isValidSignature(signer.publicKey, key.scheme, message, signature.subarray(8)));
  });

  test("an origin of 255 bytes is cosigned, and one more has no length to be written with", async () => {
    const withOrigin = (length: number): string => text.replace(origin, "o".repeat(length));
    const line = encodeSignatureLine(await cosignCheckpoint(withOrigin(255), 5, name, signer));
    assert.equal(verifyCosignature(`${withOrigin(255)}\n${line}`, key).checkpoint.treeSize, 8);
    await assert.rejects(async () => cosignCheckpoint(withOrigin(256), 5, name, signer), { code: "COSIGNATURE_INVALID" });
  });

  test("another name, time, origin, size or root does not verify; extension lines are not covered", async () => {
    const cosigned = await cosignCheckpoint(text, 5, name, signer);
    const invalid = { code: "COSIGNATURE_INVALID" };
    for (const other of [text.replace("log2026", "log2027"), text.replace("\n8\n", "\n9\n"), text.replace("Xcna", "Xdna")])
      assert.throws(() => verifyCosignature(`${other}\n${encodeSignatureLine(cosigned)}`, key), invalid);
    const later = { ...cosigned, signature: cosigned.signature.with(7, 6) };
    assert.throws(() => verifyCosignature(`${text}\n${encodeSignatureLine(later)}`, key), invalid);
    const short = { ...cosigned, signature: cosigned.signature.subarray(0, -1) };
    assert.throws(() => verifyCosignature(`${text}\n${encodeSignatureLine(short)}`, key), invalid);
    const otherName = cosignerKey("w.example", signer.publicKey);
    const renamed = { name: "w.example", keyHint: otherName.keyId.slice(0, 4), signature: cosigned.signature };
    assert.throws(() => verifyCosignature(`${text}\n${encodeSignatureLine(renamed)}`, otherName), invalid);
    verifyCosignature(`${text}more\n\n${encodeSignatureLine(cosigned)}`, key);
  });

  test("its verifier key is read back, and a key of another length is refused", () => {
    const vkey = encodeVerifierKey(key);
    assert.deepEqual(parseVerifierKey(vkey).keyId, key.keyId);
    const start = vkey.indexOf("+", vkey.indexOf("+") + 1) + 1;
    const short = vkey.slice(0, start) + encodeBase64(parseBase64(vkey.slice(start)).subarray(0, -1));
    assert.throws(() => parseVerifierKey(short), { code: "NOTE_KEY_MALFORMED", message: /1311 bytes, expected 1312/ });
    assert.throws(() => cosignerKey("w", generateSigner("ml-dsa-65").publicKey), { code: "NOTE_KEY_UNSUPPORTED" });
  });
});

describe("noteKey", () => {
  test("gives RSA keys an id of the long type, ECDSA keys that of the SPKI alone", () => {
    const long = concatBytes(
      encodeUtf8("log.example\n"),
      Uint8Array.of(0xff),
      encodeUtf8("PKIX-RSA-PKCS#1v1.5"),
      rsa.publicKey.spki,
    );
    assert.deepEqual(noteKey("log.example", rsa.publicKey).keyId, sha256(long));
    assert.deepEqual(noteKey("log.example", ecdsa.publicKey).keyId, sha256(ecdsa.publicKey.spki));
  });

  test("refuses names with white space or a plus sign, and empty ones", () => {
    for (const name of ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u0085b", "\ud800"]) {
      assert.throws(() => noteKey(name, v1Key), { code: "NOTE_KEY_MALFORMED" }, JSON.stringify(name));
    }
  });

  test("cosignerKey and encodeVerifierKey refuse keys that are neither Ed25519 nor ML-DSA-44", () => {
    assert.throws(() => cosignerKey("w", v1Key), { code: "NOTE_KEY_UNSUPPORTED" });
    assert.throws(() => encodeVerifierKey(noteKey("w", v1Key)), { code: "NOTE_KEY_UNSUPPORTED" });
    assert.throws(() => encodeVerifierKey({ ...logKey, name: "other" }), { code: "NOTE_KEY_UNSUPPORTED" });
  });

  test("parseVerifierKey refuses what is not one, a wrong id and other types", () => {
    const bytes = (type: number, length: number): string =>
      encodeBase64(concatBytes(Uint8Array.of(type), new Uint8Array(length)));
    for (const malformed of [
      "",
      "a+b",
      logVkey.replace("f4a6ee46", "f4a6ee47"),
      logVkey.replace("f4a6ee46", "F4A6EE46"),
      `a+00000000+${bytes(1, 31)}`,
      "a+00000000+A",
      "a b+00000000+AAAA",
    ]) {
      assert.throws(() => parseVerifierKey(malformed), { code: "NOTE_KEY_MALFORMED" }, malformed);
    }
    assert.throws(() => parseVerifierKey(`a+00000000+${bytes(2, 32)}`), { code: "NOTE_KEY_UNSUPPORTED" });
  });
});

describe("verifyCheckpoint", () => {
  const checkpoint = { origin: "log.example", treeSize: 2 ** 40, root, extensions: ["Timestamp: 1675209600000000000"] };

  test("verifies what signCheckpoint wrote, for each type of key", async () => {
    for (const signer of [ed25519Signer(3), ecdsa, rsa]) {
      assert.deepEqual(
        verifyCheckpoint(await signCheckpoint(checkpoint, "log.example", signer), noteKey("log.example", signer.publicKey)),
        checkpoint,
      );
    }
  });

  test("ignores lines of others, in any order, also with only the name or only the id of the key", () => {
    const sameName = encodeSignatureLine({ name: origin, keyHint: Uint8Array.of(1, 2, 3, 4), signature: new Uint8Array(64) });
    const sameId = encodeSignatureLine({
      name: "other.example",
      keyHint: logKey.keyId.slice(0, 4),
      signature: new Uint8Array(64),
    });
    const others = Array.from({ length: 16 }, (_, i) =>
      encodeSignatureLine({ name: `witness-${i}`, keyHint: new Uint8Array(4), signature: new Uint8Array(2428) }),
    );
    assert.equal(verifyCheckpoint(`${text}\n${sameName}${sameId}${others.join("")}${logLine}${witnessLine}`, logKey).treeSize, 8);
  });

  test("refuses a note that no line of the key signs", () => {
    const renamed = note.replace(`— ${origin}`, "— other.example");
    const otherHint = encodeSignatureLine({
      name: origin,
      keyHint: Uint8Array.of(1, 2, 3, 4),
      signature: lineBytes(logLine).slice(4),
    });
    for (const unsigned of [renamed, `${text}\n${otherHint}`, `${text}\n${witnessLine}`]) {
      assert.throws(() => verifyCheckpoint(unsigned, logKey), { code: "CHECKPOINT_NOT_SIGNED_BY_KEY" });
    }
  });

  test("refuses a line of the key that does not verify, even beside one that does", () => {
    const bad = encodeSignatureLine({
      name: origin,
      keyHint: logKey.keyId.slice(0, 4),
      signature: lineBytes(logLine).slice(4).reverse(),
    });
    assert.throws(() => verifyCheckpoint(`${text}\n${bad}`, logKey), { code: "CHECKPOINT_SIGNATURE_INVALID" });
    assert.throws(() => verifyCheckpoint(`${text}\n${logLine}${bad}`, logKey), { code: "CHECKPOINT_SIGNATURE_INVALID" });
    assert.throws(() => verifyCheckpoint(note.replace("\n8\n", "\n9\n"), logKey), { code: "CHECKPOINT_SIGNATURE_INVALID" });
    assert.throws(() => verifyCheckpoint(note, { ...logKey, publicKey: ed25519Signer(9).publicKey }), {
      code: "CHECKPOINT_SIGNATURE_INVALID",
    });
  });

  test("refuses another origin than expected, and by default one that is not of the key's name", async () => {
    const wrong = await signCheckpoint({ ...checkpoint, origin: "other.example" }, "log.example", ecdsa);
    const key = noteKey("log.example", ecdsa.publicKey);
    assert.throws(() => verifyCheckpoint(wrong, key), { code: "CHECKPOINT_ORIGIN_MISMATCH" });
    assert.equal(verifyCheckpoint(wrong, key, { origin: "other.example" }).origin, "other.example");
    assert.throws(() => verifyCheckpoint(note, logKey, { origin: `${origin} - 1` }), { code: "CHECKPOINT_ORIGIN_MISMATCH" });
    for (const other of ["log.example - x", "log.example - ", "log.example2", "log.example  - 1"]) {
      const signed = await signCheckpoint({ ...checkpoint, origin: other }, "log.example", ecdsa);
      assert.throws(() => verifyCheckpoint(signed, key), { code: "CHECKPOINT_ORIGIN_MISMATCH" }, other);
    }
  });

  test("a mutated note never verifies and throws only our errors", () => {
    const valid = `${text}\n${logLine}`;
    fc.assert(
      fc.property(
        fc.nat(valid.length - 1),
        fc.constantFrom("", "\n", "A", "=", " ", "+", "0", "\u0000", "—"),
        fc.boolean(),
        (at, insert, replace) => {
          const mutated = valid.slice(0, at) + insert + valid.slice(replace ? at + 1 : at);
          if (mutated === valid) return;
          assert.throws(() => verifyCheckpoint(mutated, logKey), isSigillumError);
        },
      ),
      { numRuns: 1000, seed: 5 },
    );
  });
});

describe("parseCheckpoint", () => {
  test("gives back what encodeCheckpoint wrote", () => {
    const line = fc.string({ minLength: 1, unit: fc.constantFrom(..."abc.-/ 0—") });
    const any = fc.record(
      {
        origin: line,
        treeSize: fc.maxSafeNat(),
        root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        extensions: fc.array(line),
      },
      { noNullPrototype: true },
    );
    fc.assert(fc.property(any, (checkpoint) => assert.deepEqual(parseCheckpoint(encodeCheckpoint(checkpoint)), checkpoint)));
  });

  test("refuses everything that is not origin, size and root", () => {
    const base64Root = encodeBase64(root);
    const malformed = [
      "",
      "\n",
      "o\n8\n",
      `o\n8\n${base64Root}`,
      `\n8\n${base64Root}\n`,
      `o\n08\n${base64Root}\n`,
      `o\n+8\n${base64Root}\n`,
      `o\n-1\n${base64Root}\n`,
      `o\n8 \n${base64Root}\n`,
      `o\n1e3\n${base64Root}\n`,
      `o\n\n${base64Root}\n`,
      `o\n9007199254740992\n${base64Root}\n`,
      `o\n99999999999999999999\n${base64Root}\n`,
      "o\n8\nAAAA\n",
      "o\n8\n\n",
      `o\n8\n${base64Root.slice(0, -1)}\n`,
      `o\n8\n${base64Root}\n\n`,
      `o\n8\n${base64Root}\n\nx\n`,
    ];
    for (const text of malformed)
      assert.throws(() => parseCheckpoint(text), { code: "CHECKPOINT_MALFORMED" }, JSON.stringify(text));
    assert.equal(parseCheckpoint(`o\n9007199254740991\n${base64Root}\n`).treeSize, Number.MAX_SAFE_INTEGER);
    assert.equal(parseCheckpoint(`o\n0\n${base64Root}\n`).treeSize, 0);
  });

  test("encodeCheckpoint takes a programmer's mistake as one", () => {
    assert.throws(() => encodeCheckpoint({ origin: "", treeSize: 1, root, extensions: [] }), TypeError);
    assert.throws(() => encodeCheckpoint({ origin: "a\nb", treeSize: 1, root, extensions: [] }), TypeError);
    assert.throws(() => encodeCheckpoint({ origin: "a", treeSize: -1, root, extensions: [] }), TypeError);
    assert.throws(() => encodeCheckpoint({ origin: "a", treeSize: 1, root: root.slice(1), extensions: [] }), TypeError);
  });
});

describe("parseSignedNote", () => {
  test("gives back what encodeSignedNote wrote, also with empty lines in the text", () => {
    const signature = fc.record(
      {
        name: fc.constantFrom("a", "log.example/x", "ünï"),
        keyHint: fc.uint8Array({ minLength: 4, maxLength: 4 }),
        signature: fc.uint8Array({ minLength: 1, maxLength: 100 }),
      },
      { noNullPrototype: true },
    );
    const any = fc.record(
      {
        text: fc.string({ unit: fc.constantFrom("a", "\n", "—", " ") }).map((body) => `${body}\n`),
        signatures: fc.array(signature, { minLength: 1, maxLength: 20 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(fc.property(any, (signed) => assert.deepEqual(parseSignedNote(encodeSignedNote(signed)), signed)));
    assert.deepEqual(parseSignedNote(encodeUtf8(note)), parseSignedNote(note));
  });

  test("refuses notes without blank line or signature, bad lines and forbidden characters", () => {
    const line = "— a AAAAAAA=\n";
    assert.equal(parseSignedNote(`t\n\n${line}`).signatures.length, 1);
    const malformed = [
      "",
      "t\n",
      "t\n\n",
      "t\n\n\n",
      `t\n${line}`,
      `t\n\n${line.trimEnd()}`,
      `t\n\n${line}\n`,
      "t\n\n- a AAAAAAA=\n",
      "t\n\n—a AAAAAAA=\n",
      "t\n\n—  AAAAAAA=\n",
      "t\n\n— a  AAAAAAA=\n",
      "t\n\n— a+b AAAAAAA=\n",
      "t\n\n— a AAAAAA==\n",
      "t\n\n— a AAAAAAA\n",
      "t\n\n— a AAAAAAB=\n",
      "t\n\n— a AAAAA-A=\n",
      "t\n\n— a AAAAAAA= x\n",
      `t\r\n\n${line}`,
      `t\u0000\n\n${line}`,
      `t\ud800\n\n${line}`,
      `t\n\n${line}garbage\n`,
    ];
    for (const text of malformed) assert.throws(() => parseSignedNote(text), { code: "NOTE_MALFORMED" }, JSON.stringify(text));
    assert.throws(() => parseSignedNote(Uint8Array.of(0xff, 0x0a)), { code: "NOTE_MALFORMED" });
  });

  test("refuses notes above the limits", () => {
    const line = "— a AAAAAAA=\n";
    assert.equal(parseSignedNote(`t\n\n${line.repeat(100)}`).signatures.length, 100);
    assert.throws(() => parseSignedNote(`t\n\n${line.repeat(101)}`), { code: "NOTE_TOO_LARGE" });
    assert.throws(() => parseSignedNote(`${"t".repeat(maxNoteLength)}\n\n${line}`), { code: "NOTE_TOO_LARGE" });
  });

  test("encodeSignedNote takes a programmer's mistake as one", () => {
    assert.throws(() => encodeSignedNote({ text: "t", signatures: [] }), TypeError);
    assert.throws(() => encodeSignatureLine({ name: "a b", keyHint: new Uint8Array(4), signature: new Uint8Array(1) }), {
      code: "NOTE_KEY_MALFORMED",
    });
  });
});

describe("verifyCosignature", () => {
  test("refuses a note without the cosigner's line", () => {
    assert.throws(() => verifyCosignature(`${text}\n${logLine}`, witnessKey), { code: "COSIGNATURE_MISSING" });
    assert.throws(() => verifyCosignature(note, cosignerKey("witness.example/w1", ed25519Signer(7).publicKey)), {
      code: "COSIGNATURE_MISSING",
    });
  });

  test("refuses another text, another time and a line that is no time and signature", () => {
    assert.throws(() => verifyCosignature(note.replace("\n8\n", "\n9\n"), witnessKey), { code: "COSIGNATURE_INVALID" });
    const line = parseSignedNote(note).signatures[1] ?? assert.fail();
    const later = { ...line, signature: line.signature.with(7, 1) };
    const cut = { ...line, signature: line.signature.slice(0, -1) };
    const endless = { ...line, signature: line.signature.with(0, 0xff) };
    for (const bad of [later, cut, endless]) {
      assert.throws(() => verifyCosignature(encodeSignedNote({ text, signatures: [bad] }), witnessKey), {
        code: "COSIGNATURE_INVALID",
      });
    }
  });

  test("a log's line with the same key is no cosignature, because the type is part of the key id", () => {
    const key = ed25519Signer(1).publicKey;
    assert.throws(() => verifyCosignature(`${text}\n${logLine}`, cosignerKey(origin, key)), { code: "COSIGNATURE_MISSING" });
  });
});
