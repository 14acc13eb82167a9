// The keys of the published root of trust: `tuf-root`, then `tuf-root-2` and so on, a line of successors for each role.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { generatePrivateKey } from "@sigillum/signers/signers";
import type { KeyName, KeyRecord, KeyringDocument } from "./document.ts";
import { fileReference, keysFolder, writeKeyFile } from "./key-files.ts";

/** The names of a role's keys, oldest first. */
export function tufKeyNames(document: KeyringDocument, role: string): readonly KeyName[] {
  const number = (name: string): number => Number(name.slice(`tuf-${role}-`.length) || "1");
  const form = new RegExp(`^tuf-${role}(?:-[1-9][0-9]{0,5})?$`, "u");
  const names = document.keys.map(({ name }) => name).filter((name) => form.test(name));
  return names.sort((a, b) => number(a) - number(b));
}

/** Makes the next key of a role; its file is durable when this returns, and the key is not recorded. */
export async function makeTufKey(
  directory: string,
  document: KeyringDocument,
  role: string,
): Promise<{ readonly record: KeyRecord; readonly signer: Signer }> {
  const names = tufKeyNames(document, role);
  const newest = names.at(-1)?.slice(`tuf-${role}-`.length);
  const name = newest === undefined ? `tuf-${role}` : `tuf-${role}-${Number(newest || "1") + 1}`;
  const pkcs8 = generatePrivateKey("ecdsa-p256");
  const signer = createSigner(pkcs8);
  const record = { name, type: signer.publicKey.type, reference: fileReference(name), spki: signer.publicKey.spki };
  await mkdir(join(directory, keysFolder), { recursive: true, mode: 0o700 });
  // A crash after this line leaves a key file that nothing names, and the next attempt replaces it.
  await writeKeyFile(directory, record.reference, pkcs8);
  return { record, signer };
}
