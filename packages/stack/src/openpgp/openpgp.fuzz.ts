// Keys, signatures and signed texts, armored and not.
import { encodeUtf8 } from "@sigillum/library/encoding";
import type { FuzzTarget } from "@sigillum/library/testing";
import { createCleartextMessage, createMessage, generateKey, sign } from "openpgp";
import { linesOf, parseArmor } from "./armor.ts";
import { parseClearSigned, parseDetachedSignature, parseKeyRing, verifyDetachedSignature } from "./index.ts";

/** The readers. */
export async function targets(): Promise<FuzzTarget[]> {
  const content = encodeUtf8("the content");
  const subkeys = [{ sign: true }];
  const { privateKey } = await generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: { email: "jo@example.org" },
    subkeys,
    format: "object",
  });
  const armored = encodeUtf8(privateKey.toPublic().armor());
  const binary = new Uint8Array(privateKey.toPublic().write());
  const message = await createMessage({ binary: content });
  const signature = encodeUtf8(String(await sign({ message, signingKeys: privateKey, detached: true })));
  const text = await createCleartextMessage({ text: "- a\nb" });
  const signed = encodeUtf8(String(await sign({ message: text, signingKeys: privateKey })));
  const ring = await parseKeyRing(binary);
  const detached = parseArmor(linesOf(signature))?.bytes ?? signature;
  return [
    { name: "armor", seeds: [armored, signature], run: (input) => parseArmor(linesOf(input)) },
    { name: "key ring", seeds: [armored, binary], run: parseKeyRing },
    {
      name: "detached signature",
      seeds: [signature, detached],
      run: (input) => verifyDetachedSignature(parseDetachedSignature(input), ring, content),
    },
    { name: "clear-signed text", seeds: [signed], run: parseClearSigned },
  ];
}
