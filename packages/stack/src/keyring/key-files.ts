// Private keys of the stack: by default files of PKCS#8 PEM, readable by their owner alone, named by references `file:keys/NAME.pem`
// below the data directory. Any other reference that the room `signers` serves works as well.
import { isAbsolute, join } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { encodeUtf8, equalBytes, isSigillumError } from "@sigillum/library/encoding";
import { encodePrivateKeyPem, openSigner, passphraseFromEnvironment } from "@sigillum/signers/signers";
import { writeFileDurably } from "../storage/index.ts";
import type { KeyRecord } from "./document.ts";
import { keyringError } from "./errors.ts";

/** The folder of key files below the data directory. */
export const keysFolder = "keys";

/** The reference that a new key of this name gets. */
export function fileReference(name: string): string {
  return `file:${keysFolder}/${name.replaceAll("/", "-")}.pem`;
}

/**
 * Writes a private key durably with mode 0600, encrypted where there is a passphrase: the given one, or the environment's. An existing file is replaced: only a key that nothing names yet has one.
 */
export async function writeKeyFile(directory: string, reference: string, pkcs8: Uint8Array, passphrase?: string): Promise<void> {
  const secret = passphrase ?? (await passphraseFromEnvironment(keyEnvironment()));
  await writeFileDurably(below(directory, reference).slice("file:".length), encodeUtf8(encodePrivateKeyPem(pkcs8, secret)));
}

/** The passphrase of the stack is its own: cosign's variable, which stands in many shells, must not encrypt its keys unawares. */
function keyEnvironment(): Readonly<Record<string, string | undefined>> {
  return { ...process.env, COSIGN_PASSWORD: undefined };
}

/** A root's key may be kept elsewhere: nothing that runs needs it. So may the keys of TUF roles that were replaced, and those that people sign with. */
const offlineKeys = /^(?:(?:ca|tsa)(?:-\d+)?-root|tuf-(?:root|targets|snapshot|timestamp)(?:-\d+)?)$/u;

/**
 * Opens a recorded key, which must be the private half of the recorded public key; undefined for the key of a chain's root, or of a TUF role,
 * whose file was taken away.
 */
export async function openRecordedKey(directory: string, record: KeyRecord, passphrase?: string): Promise<Signer | undefined> {
  const secret = passphrase ?? (await passphraseFromEnvironment(keyEnvironment()));
  let signer: Signer;
  try {
    signer = await openSigner(below(directory, record.reference), secret === undefined ? {} : { passphrase: secret });
  } catch (error) {
    if (isSigillumError(error) && error.code === "SIGNER_FILE_MISSING" && offlineKeys.test(record.name)) return undefined;
    throw error;
  }
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
