// Private keys of the stack: by default files of PKCS#8 PEM, readable by their owner alone, named by references `file:keys/NAME.pem`
// below the data directory. Any other reference that the room `signers` serves works as well.
import { mkdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { createSigner, type KeyType, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8, equalBytes, isSigillumError } from "@sigillum/library/encoding";
import {
  encodePrivateKeyPem,
  generatePkcs11Key,
  generatePrivateKey,
  openSigner,
  passphraseFromEnvironment,
  withObject,
} from "@sigillum/signers/signers";
import { writeFileDurably } from "../storage/index.ts";
import type { KeyName, KeyRecord } from "./document.ts";
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

/** Where new keys go. */
export interface KeyHolders {
  /** A PKCS #11 token, as a URI without an object: keys are made there, each with its name for a label. Files where nothing is said. */
  readonly keyHolder?: string;
  /** Keys that are there already, in a KMS, say: by name, and those of first shards by the name of their log. */
  readonly keyReferences?: Readonly<Record<KeyName, string>>;
}

/** A key and its record. */
export interface MadeKey {
  readonly record: KeyRecord;
  readonly signer: Signer;
}

/**
 * Makes a key where new keys go, or takes over the one that is named; a key file is durable when this returns. `types` are tried in turn,
 * because a token may lack the first.
 */
export async function makeRecordedKey(
  directory: string,
  name: KeyName,
  types: readonly [KeyType, ...KeyType[]],
  { keyHolder, keyReferences }: KeyHolders,
  bits?: number,
): Promise<MadeKey> {
  const role = name.split("/", 1)[0] ?? name;
  const given = keyReferences?.[name] ?? keyReferences?.[role];
  const recorded = (reference: string, signer: Signer): MadeKey => ({
    record: { name, type: signer.publicKey.type, reference, spki: signer.publicKey.spki },
    signer,
  });
  if (given !== undefined) {
    const signer = await openSigner(below(directory, given));
    requireSuitable(role, given, signer);
    return recorded(given, signer);
  }
  if (keyHolder !== undefined)
    return recorded(withObject(keyHolder, name), await makeTokenKey(withObject(keyHolder, name), types, bits));
  const pkcs8 = generatePrivateKey(types[0], bits);
  const reference = fileReference(name);
  await mkdir(join(directory, keysFolder), { recursive: true, mode: 0o700 });
  // A crash after this line leaves a key file that nothing names, and the next attempt replaces it.
  await writeKeyFile(directory, reference, pkcs8);
  return recorded(reference, createSigner(pkcs8));
}

/** What every client can verify: sigstore-python wants a CA of EC or RSA, sigstore-js timestamps of EC, all SCTs and promises of P-256. */
const suitableTypes: Readonly<Record<string, readonly KeyType[]>> = {
  ca: ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa"],
  "ca-root": ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa"],
  tsa: ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"],
  "tsa-root": ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"],
  ct: ["ecdsa-p256"],
  "log-v1": ["ecdsa-p256"],
  "log-v2": ["ed25519", "ecdsa-p256"],
  oidc: ["rsa"],
};
const suitableTufTypes: readonly KeyType[] = ["ecdsa-p256", "ed25519"];

function requireSuitable(role: string, reference: string, { publicKey, scheme }: Signer): void {
  const types = suitableTypes[role] ?? suitableTufTypes;
  const isRs256 = scheme.hash === "sha256" && scheme.padding !== "pss";
  if (types.includes(publicKey.type) && (role !== "oidc" || isRs256)) return;
  throw keyringError("KEY_UNSUITABLE", `Cannot take over key ${reference}: clients cannot verify what it would sign as ${role}`, {
    found: `a key of type ${publicKey.type}${scheme.padding === "pss" ? " for RSA-PSS" : ""}`,
    expected: types.join(" or "),
  });
}

async function makeTokenKey(uri: string, types: readonly KeyType[], bits: number | undefined): Promise<Signer> {
  for (const [index, type] of types.entries()) {
    if (type === "ml-dsa-44" || type === "ml-dsa-65" || type === "ml-dsa-87") continue;
    try {
      return await generatePkcs11Key(uri, { type, ...(bits === undefined ? {} : { bits }) });
    } catch (error) {
      // What an interrupted attempt made there is used: its private half never left the token.
      if (isSigillumError(error) && error.code === "SIGNER_KEY_EXISTS") return openSigner(uri);
      const isLacking =
        isSigillumError(error) &&
        /^CKR_(?:MECHANISM_INVALID|CURVE_NOT_SUPPORTED|ATTRIBUTE_VALUE_INVALID)$/u.test(error.found ?? "");
      if (!isLacking || index === types.length - 1) throw error;
    }
  }
  throw new TypeError("makeTokenKey: no type that a token can make");
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
    const isAway = isSigillumError(error) && (error.code === "SIGNER_FILE_MISSING" || error.code === "SIGNER_KEY_NOT_FOUND");
    if (isAway && offlineKeys.test(record.name)) return undefined;
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
