// A private key as PEM text: PKCS #8, plain or encrypted (RFC 5208 §5 and §6, RFC 8018), or encrypted by cosign.
import { createPrivateKey } from "node:crypto";
import { DerReader, encodePem, isSigillumError, type PemBlock, parsePem, quote } from "@sigillum/library/encoding";
import { decryptCosignKey, isCosignKeyLabel } from "./cosign-key.ts";
import { signersError } from "./errors.ts";

/** Asked for only when a key turns out to be encrypted. */
export type PassphraseSource = string | (() => string | Promise<string>);

const label = "PRIVATE KEY";
const encryptedLabel = "ENCRYPTED PRIVATE KEY";
const conversions: ReadonlyMap<string, string> = new Map([
  ["EC PRIVATE KEY", 'convert it with "openssl pkcs8 -topk8"'],
  ["RSA PRIVATE KEY", 'convert it with "openssl pkcs8 -topk8"'],
]);

/** Read the one private key of a PEM text as PKCS #8 DER, decrypted. `where` names its place in messages. The key itself is not checked. */
export async function parsePrivateKeyPem(
  text: string,
  where: string,
  passphrase: PassphraseSource | undefined,
): Promise<Uint8Array> {
  const block = onlyKey(text, where);
  if (block.label === label) return block.bytes;
  if (passphrase === undefined) {
    throw signersError("SIGNER_PASSPHRASE_MISSING", `Cannot open key ${where}: it is encrypted and no passphrase was given`, {
      found: block.label,
      expected: "a passphrase",
    });
  }
  const secret = typeof passphrase === "string" ? passphrase : await passphrase();
  return isCosignKeyLabel(block.label) ? decryptCosignKey(block.bytes, where, secret) : decrypt(block.bytes, where, secret);
}

/** Write PKCS #8 DER as PEM, encrypted with AES-256 and PBKDF2 when there is a passphrase. */
export function encodePrivateKeyPem(pkcs8: Uint8Array, passphrase?: string): string {
  if (passphrase === undefined) return encodePem(label, pkcs8);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return encodePem(
    encryptedLabel,
    new Uint8Array(key.export({ format: "der", type: "pkcs8", cipher: "aes-256-cbc", passphrase })),
  );
}

function onlyKey(text: string, where: string): PemBlock {
  let blocks: PemBlock[];
  try {
    blocks = parsePem(text);
  } catch (cause) {
    // The cause quotes lines of the text, and these may be secret: only its code is kept.
    const found = isSigillumError(cause) ? cause.code : "an unreadable text";
    throw signersError("SIGNER_KEY_FORMAT", `Cannot open key ${where}: it is not PEM`, { found, expected: label });
  }
  const [block, second] = blocks;
  if (
    block === undefined ||
    second !== undefined ||
    (block.label !== label && block.label !== encryptedLabel && !isCosignKeyLabel(block.label))
  ) {
    const found = second !== undefined ? `${blocks.length} blocks` : quote(block?.label ?? "");
    const advice = second === undefined ? conversions.get(block?.label ?? "") : undefined;
    const message = `Cannot open key ${where}: it holds ${found}, not one block ${quote(label)} or ${quote(encryptedLabel)}`;
    throw signersError("SIGNER_KEY_FORMAT", advice === undefined ? message : `${message}; ${advice}`, { found, expected: label });
  }
  return block;
}

function decrypt(encrypted: Uint8Array, where: string, passphrase: string): Uint8Array {
  checkEncryptedForm(encrypted, where);
  try {
    const key = createPrivateKey({ key: Buffer.from(encrypted), format: "der", type: "pkcs8", passphrase });
    return new Uint8Array(key.export({ format: "der", type: "pkcs8" }));
  } catch {
    // OpenSSL's reason says nothing more, and nothing about a private key belongs in a log.
    throw signersError("SIGNER_PASSPHRASE_WRONG", `Cannot open key ${where}: the passphrase is wrong, or the key is damaged`, {
      expected: "its passphrase",
    });
  }
}

/** EncryptedPrivateKeyInfo ::= SEQUENCE { encryptionAlgorithm AlgorithmIdentifier, encryptedData OCTET STRING } */
function checkEncryptedForm(der: Uint8Array, where: string): void {
  try {
    const info = DerReader.sequence(der, "EncryptedPrivateKeyInfo");
    info.sequence("encryptionAlgorithm");
    info.octetString("encryptedData");
    info.end("encryptedData");
  } catch (cause) {
    throw signersError("SIGNER_KEY_FORMAT", `Cannot open key ${where}: its encrypted block is no EncryptedPrivateKeyInfo`, {
      cause,
      expected: "PKCS #8",
    });
  }
}
