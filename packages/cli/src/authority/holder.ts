// Where the key of an authority is: a file that is made here, a key that is there already, or one in hardware.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { isSigillumError } from "@sigillum/library/encoding";
import type { Arguments } from "../arguments/index.ts";
import { authorityError } from "./errors.ts";

/** A key that was opened or made. */
export interface AuthorityKey {
  readonly signer: Signer;
  /** As commands and settings name it; never with a PIN. */
  readonly reference: string;
  readonly isNew: boolean;
  /** For a token: how certificates are stored beside it. */
  readonly token?: { readonly uri: string; readonly environment: Readonly<Record<string, string | undefined>> };
}

/** The label that Fulcio gives its key and certificate. */
const fulcioLabel = "PKCS11CA";

/** `--hsm`, with crypto11's configuration file or a URI: the key of that label, made there where there is none. */
export async function openTokenKey(args: Arguments, type: "ecdsa-p256" | "ecdsa-p384"): Promise<AuthorityKey> {
  const signers = await import("@sigillum/signers/signers");
  const label = args.string("hsm-key-label") ?? fulcioLabel;
  const given = args.string("key");
  let uri: string;
  let environment: Readonly<Record<string, string | undefined>> = process.env;
  if (given?.startsWith("pkcs11:") === true) {
    const { pin, ...reference } = signers.parsePkcs11Uri(given);
    uri = signers.encodePkcs11Uri({ ...reference, object: reference.object ?? label });
    if (pin !== undefined) environment = { ...process.env, SIGILLUM_PKCS11_PIN: pin };
  } else {
    const path = args.string("pkcs11-config-path") ?? "config/crypto11.conf";
    const { pin, ...reference } = signers.parseCrypto11Configuration(await readText(path));
    uri = signers.encodePkcs11Uri({ ...reference, object: label });
    if (pin !== undefined) environment = { ...process.env, SIGILLUM_PKCS11_PIN: pin };
  }
  const token = { uri, environment };
  try {
    return { signer: await signers.openSigner(uri, { environment }), reference: uri, isNew: false, token };
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "SIGNER_KEY_NOT_FOUND" || error.found !== "none") throw error;
    return { signer: await signers.generatePkcs11Key(uri, { type, environment }), reference: uri, isNew: true, token };
  }
}

/** `--key`: a reference that opens, or a file that is made, encrypted where $SIGILLUM_PASSPHRASE is set. */
export async function openOrMakeKey(reference: string, type: "ecdsa-p256" | "ecdsa-p384"): Promise<AuthorityKey> {
  const signers = await import("@sigillum/signers/signers");
  const passphrase = await signers.passphraseFromEnvironment({ ...process.env, COSIGN_PASSWORD: undefined });
  const secret = passphrase === undefined ? {} : { passphrase };
  const isFile = !/^[A-Za-z][A-Za-z0-9+.-]+:/u.test(reference) || reference.startsWith("file:");
  const path = isFile ? resolve(reference.replace(/^file:/u, "")) : reference;
  const name = isFile ? `file:${path}` : reference;
  try {
    return { signer: await signers.openSigner(name, secret), reference: name, isNew: false };
  } catch (error) {
    if (!isFile || !isSigillumError(error) || error.code !== "SIGNER_FILE_MISSING") throw error;
    await signers.writePrivateKey(path, signers.generatePrivateKey(type), secret);
    return { signer: await signers.openSigner(name, secret), reference: name, isNew: true };
  }
}

/** The text of a file. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const found = cause instanceof Error && "code" in cause ? String(cause.code) : "an unknown failure";
    throw authorityError("AUTHORITY_FILE_UNREADABLE", `Cannot read ${path}: ${found}`, { cause, found, expected: path });
  }
}
