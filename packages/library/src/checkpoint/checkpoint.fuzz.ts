import { encodeUtf8 } from "../encoding/index.ts";
import { type FuzzTarget, generateSigner } from "../testing/index.ts";
import {
  cosignCheckpoint,
  cosignerKey,
  encodeCheckpoint,
  encodeSignatureLine,
  encodeVerifierKey,
  noteKey,
  parseCheckpoint,
  parseSignedNote,
  parseVerifierKey,
  signCheckpoint,
  verifyCheckpoint,
  verifyCosignature,
} from "./index.ts";

/** Every reader of notes, checkpoints and verifier keys. */
export async function targets(): Promise<FuzzTarget[]> {
  const [signer, witness] = [generateSigner("ed25519"), generateSigner("ed25519")];
  const checkpoint = {
    origin: "log.test",
    treeSize: 9_007_199_254_740_991,
    root: new Uint8Array(32),
    extensions: ["Timestamp: 1"],
  };
  const text = encodeCheckpoint(checkpoint);
  const line = encodeSignatureLine(await cosignCheckpoint(text, 5, "w.test", witness));
  const note = encodeUtf8((await signCheckpoint(checkpoint, "log.test", signer)) + line);
  const key = noteKey("log.test", signer.publicKey);
  const cosigner = cosignerKey("w.test", witness.publicKey);
  return [
    { name: "parseSignedNote", seeds: [note], run: (input) => void parseSignedNote(input) },
    { name: "verifyCheckpoint", seeds: [note], run: (input) => void verifyCheckpoint(input, key) },
    { name: "verifyCosignature", seeds: [note], run: (input) => void verifyCosignature(input, cosigner) },
    { name: "parseCheckpoint", seeds: [encodeUtf8(text)], run: (input) => void parseCheckpoint(new TextDecoder().decode(input)) },
    {
      name: "parseVerifierKey",
      seeds: [encodeUtf8(encodeVerifierKey(key)), encodeUtf8(encodeVerifierKey(cosigner))],
      run: (input) => void parseVerifierKey(new TextDecoder().decode(input)),
    },
  ];
}
