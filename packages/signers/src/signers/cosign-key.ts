// Private keys as cosign encrypts them: PEM around a JSON object with scrypt and NaCl's secretbox. signing-client §2.8.
import { randomBytes, scrypt } from "node:crypto";
import {
  encodeBase64,
  encodePem,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  parseBase64,
  parseJson,
} from "@sigillum/library/encoding";
import { signersError } from "./errors.ts";
import { openSecretbox, sealSecretbox } from "./secretbox.ts";

/** What cosign writes since 2.0, and what 1.x wrote; both are read. */
export const cosignKeyLabels = { sigstore: "ENCRYPTED SIGSTORE PRIVATE KEY", cosign: "ENCRYPTED COSIGN PRIVATE KEY" } as const;

/** Whether a PEM label is one of cosign's. */
export function isCosignKeyLabel(label: string): boolean {
  return label === cosignKeyLabels.sigstore || label === cosignKeyLabels.cosign;
}

// Anything else is refused: scrypt would take as much memory and time as a file tells it to.
const costs: readonly number[] = [32_768, 65_536, 131_072];
// What each line of cosign writes; 1.x refuses every other.
const writtenCosts = { sigstore: 65_536, cosign: 32_768 } as const;
const blockSize = 8;
const parallelism = 1;

/** Decrypts the contents of cosign's PEM block to PKCS #8 DER; the key itself is not checked. The empty passphrase is a passphrase. */
export async function decryptCosignKey(contents: Uint8Array, where: string, passphrase: string): Promise<Uint8Array> {
  const { cost, salt, nonce, box } = readBox(contents, where);
  const key = openSecretbox(box, nonce, await derive(passphrase, salt, cost));
  if (key !== undefined) return key;
  throw signersError("SIGNER_PASSPHRASE_WRONG", `Cannot open key ${where}: the passphrase is wrong, or the key is damaged`, {
    expected: "its passphrase",
  });
}

/** Encrypts PKCS #8 DER as cosign does; `label` is for cosign 1.x, which reads its own alone, with its own cost of scrypt. */
export async function encryptCosignKey(
  pkcs8: Uint8Array,
  passphrase: string,
  label: keyof typeof cosignKeyLabels = "sigstore",
): Promise<string> {
  const salt = new Uint8Array(randomBytes(32));
  const nonce = new Uint8Array(randomBytes(24));
  const cost = writtenCosts[label];
  const box = sealSecretbox(pkcs8, nonce, await derive(passphrase, salt, cost));
  const file = {
    kdf: { name: "scrypt", params: { N: cost, r: blockSize, p: parallelism }, salt: encodeBase64(salt) },
    cipher: { name: "nacl/secretbox", nonce: encodeBase64(nonce) },
    ciphertext: encodeBase64(box),
  };
  return encodePem(cosignKeyLabels[label], encodeUtf8(JSON.stringify(file)));
}

interface Box {
  readonly cost: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
}

function readBox(contents: Uint8Array, where: string): Box {
  try {
    const file = JsonObject.exact(parseJson(contents, { maxBytes: 64 * 1024, maxDepth: 4 }), "key");
    const kdf = file.object("kdf");
    const parameters = kdf.object("params");
    const cipher = file.object("cipher");
    const [cost, r, p] = [parameters.safeInteger("N"), parameters.safeInteger("r"), parameters.safeInteger("p")];
    if (kdf.string("name") !== "scrypt" || !costs.includes(cost) || r !== blockSize || p !== parallelism)
      throw unreadable(
        where,
        `${kdf.string("name")} with N ${cost}, r ${r}, p ${p}`,
        `scrypt with N ${costs.join(", ")}, r 8, p 1`,
      );
    if (cipher.string("name") !== "nacl/secretbox") throw unreadable(where, cipher.string("name"), "nacl/secretbox");
    const salt = parseBase64(kdf.string("salt"));
    const nonce = parseBase64(cipher.string("nonce"));
    if (salt.length !== 32 || nonce.length !== 24)
      throw unreadable(where, `a salt of ${salt.length} and a nonce of ${nonce.length} octets`, "32 and 24");
    return { cost, salt, nonce, box: parseBase64(file.string("ciphertext")) };
  } catch (cause) {
    if (isSigillumError(cause) && !cause.code.startsWith("SIGNER_")) throw unreadable(where, cause.code, "cosign's JSON");
    throw cause;
  }
}

function unreadable(where: string, found: string, expected: string): Error {
  return signersError("SIGNER_KEY_FORMAT", `Cannot open key ${where}: it is no key that cosign encrypted: found ${found}`, {
    found,
    expected,
  });
}

function derive(passphrase: string, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  // Node's own limit of 32 MiB is below what even cosign 1.x takes.
  const options = { N: cost, r: blockSize, p: parallelism, maxmem: 160 * cost * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, options, (error, key) => (error === null ? resolve(new Uint8Array(key)) : reject(error)));
  });
}
