// What is kept of witnesses: the size each saw last, and its last cosignature, so that a restart goes on where it was.
import { encodeCheckpoint, parseVerifierKey } from "@sigillum/library/checkpoint";
import { encodeHex, encodeUtf8, JsonObject, parseHex, parseJson } from "@sigillum/library/encoding";
import { verifyLines } from "./ask.ts";

/** A cosignature with the tree it is over. */
export interface KeptCosignature {
  readonly size: number;
  readonly root: Uint8Array;
  readonly line: string;
  readonly timestampS: number;
}

/** What is known of one witness. */
export interface KeptWitness {
  readonly verifierKey: string;
  /** The size of the last tree that it saw, as far as is known. */
  readonly size: number;
  readonly cosignature?: KeptCosignature;
}

const maxBytes = 1024 * 1024;

/** Write what is known. */
export function encodeMemory(witnesses: readonly KeptWitness[]): Uint8Array {
  const list = witnesses.map(({ verifierKey, size, cosignature }) => ({
    verifierKey,
    size,
    ...(cosignature === undefined
      ? {}
      : { cosignature: { size: cosignature.size, root: encodeHex(cosignature.root), line: cosignature.line } }),
  }));
  return encodeUtf8(`${JSON.stringify({ version: 1, witnesses: list }, undefined, 2)}\n`);
}

/** Read what was known. Every cosignature has been verified again over a checkpoint of this origin; throws what is wrong. */
export function parseMemory(bytes: Uint8Array, origin: string): KeptWitness[] {
  const fields = JsonObject.from(parseJson(bytes, { maxBytes }), "cosigners");
  if (fields.safeInteger("version") !== 1) throw new RangeError(`version ${fields.safeInteger("version")}`);
  return fields.objects("witnesses").map((one) => {
    const [verifierKey, size] = [one.string("verifierKey"), one.safeInteger("size")];
    const kept = one.optionalObject("cosignature");
    if (kept === undefined) return { verifierKey, size };
    const tree = { size: kept.safeInteger("size"), root: parseHex(kept.string("root")) };
    const text = encodeCheckpoint({ origin, treeSize: tree.size, root: tree.root, extensions: [] });
    return {
      verifierKey,
      size,
      cosignature: { ...tree, ...verifyLines(parseVerifierKey(verifierKey), text, kept.string("line")) },
    };
  });
}
