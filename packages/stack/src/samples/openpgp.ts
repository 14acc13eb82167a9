// OpenPGP keys and signatures made afresh, as proposals of the sample hold them. The service does not use it.
import { createCleartextMessage, createMessage, generateKey, type PrivateKey, sign } from "openpgp";

/** Make a key; armored, the public part alone. */
export async function samplePgpKey(): Promise<{ readonly privateKey: PrivateKey; readonly armored: string }> {
  const { privateKey } = await generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name: "Jo", email: "jo@example.org" }],
    format: "object",
  });
  return { privateKey, armored: privateKey.toPublic().armor() };
}

/** An armored detached signature. */
export async function samplePgpSignature(privateKey: PrivateKey, content: Uint8Array): Promise<string> {
  const message = await createMessage({ binary: new Uint8Array(content) });
  return String(await sign({ message, signingKeys: privateKey, detached: true, format: "armored" }));
}

/** A text signed in place. */
export async function sampleClearSigned(privateKey: PrivateKey, text: string): Promise<string> {
  return String(await sign({ message: await createCleartextMessage({ text }), signingKeys: privateKey, format: "armored" }));
}

/** A detached signature as octets. */
export async function samplePgpBinarySignature(privateKey: PrivateKey, content: Uint8Array): Promise<Uint8Array> {
  const message = await createMessage({ binary: new Uint8Array(content) });
  const signature = await sign({ message, signingKeys: privateKey, detached: true, format: "binary" });
  return signature instanceof Uint8Array ? new Uint8Array(signature) : new Uint8Array(0);
}
