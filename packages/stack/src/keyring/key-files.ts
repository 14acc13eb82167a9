// Private keys of the stack: by default files of PKCS#8 PEM, readable by their owner alone, named by references `file:keys/NAME.pem`
// below the data directory. Any other reference that the room `signers` serves works as well.
import { isAbsolute, join } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { encodePem, encodeUtf8, equalBytes } from "@sigillum/library/encoding";
import { openSigner } from "@sigillum/signers/signers";
import { writeFileDurably } from "../storage/index.ts";
import type { KeyRecord } from "./document.ts";
import { keyringError } from "./errors.ts";

/** The folder of key files below the data directory. */
export const keysFolder = "keys";

/** The reference that a new key of this name gets. */
export function fileReference(name: string): string {
  return `file:${keysFolder}/${name.replaceAll("/", "-")}.pem`;
}

/** Writes a private key durably with mode 0600. An existing file is replaced: only a keyring that was never completed has one. */
export async function writeKeyFile(directory: string, reference: string, pkcs8: Uint8Array): Promise<void> {
  await writeFileDurably(below(directory, reference).slice("file:".length), encodeUtf8(encodePem("PRIVATE KEY", pkcs8)));
}

/** Opens a recorded key, which must be the private half of the recorded public key. */
export async function openRecordedKey(directory: string, record: KeyRecord): Promise<Signer> {
  const signer = await openSigner(below(directory, record.reference));
  if (equalBytes(signer.publicKey.spki, record.spki)) return signer;
  throw keyringError(
    "KEY_MISMATCH",
    `Cannot open key ${record.name}: ${record.reference} holds another private key than the one whose public key the keyring records`,
    {
      found: `a key of type ${signer.publicKey.type}`,
      expected: `the recorded key of type ${record.type}`,
    },
  );
}

/** A relative file reference stands below the data directory. */
function below(directory: string, reference: string): string {
  if (!reference.startsWith("file:")) return reference;
  const path = reference.slice("file:".length);
  return isAbsolute(path) ? reference : `file:${join(directory, path)}`;
}
