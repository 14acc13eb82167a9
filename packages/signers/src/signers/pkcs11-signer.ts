// Keys in hardware by PKCS #11: a signer over a token's session pool. certificate-authority §5.4.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { defaultScheme, encodeEcdsaSignature, type PublicKey, type SignatureScheme, type Signer } from "@sigillum/library/crypto";
import { quote } from "@sigillum/library/encoding";
import type { Handle } from "pkcs11js";
import { signersError } from "./errors.ts";
import {
  findPrivateKey,
  generateKey,
  hasObject,
  type Pkcs11KeyType,
  readPublicKey,
  signInSession,
  storeCertificate,
} from "./pkcs11-key.ts";
import { openPkcs11Library } from "./pkcs11-library.ts";
import { type Pkcs11Token, pkcs11Token } from "./pkcs11-token.ts";
import { type Pkcs11Reference, parsePkcs11Uri, withoutPin } from "./pkcs11-uri.ts";
import { remoteSigner } from "./remote-signer.ts";
import type { Environment } from "./vault-signer.ts";

const rsaBits = 3072;

/** Opens `pkcs11:…`: the key was found, alone of its name, and its public half read; it has signed nothing. */
export async function openPkcs11Signer(
  uri: string,
  environment: Environment,
  scheme: Partial<SignatureScheme> | undefined,
): Promise<Signer> {
  const reference = parsePkcs11Uri(uri);
  if (reference.object === undefined && reference.id === undefined)
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot open key ${quote(withoutPin(uri), 200)}: it names no key`, {
      expected: "object=LABEL, id=%XX, or both",
    });
  return pkcs11Signer(await tokenOf(reference, environment), reference, withoutPin(uri), scheme);
}

/** What making a key in a token may be told. */
export interface Pkcs11KeyOptions {
  readonly type: Pkcs11KeyType;
  /** For RSA; 3072 where nothing is said. */
  readonly bits?: number;
  readonly environment?: Environment;
}

/**
 * Makes a key pair in the token that a URI names, with the URI's `object` for its label and its `id`, or a random one. SIGNER_KEY_EXISTS where
 * the token has a key of that label.
 */
export async function generatePkcs11Key(uri: string, options: Pkcs11KeyOptions): Promise<Signer> {
  const reference = parsePkcs11Uri(uri);
  const { object } = reference;
  const name = withoutPin(uri);
  if (object === undefined || object === "")
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot make key ${quote(name, 200)}: it has no label`, {
      expected: "object=LABEL",
    });
  const token = await tokenOf(reference, options.environment ?? process.env);
  // CloudHSM wants ids that no other key has, and crypto11 finds no key without one.
  const id = reference.id ?? new Uint8Array(randomBytes(8));
  await token.run((session) => {
    if (hasObject(session, { object }, "privateKey"))
      throw signersError("SIGNER_KEY_EXISTS", `Cannot make key ${quote(name, 200)}: the token has a key of that label`, {
        found: quote(object),
      });
    generateKey(session, options.type, object, id, options.bits ?? rsaBits);
  });
  return pkcs11Signer(token, { object, id }, name, undefined);
}

/** Stores a certificate in the token beside its key. SIGNER_KEY_EXISTS where one of that id is there. */
export async function storePkcs11Certificate(
  uri: string,
  certificate: { readonly der: Uint8Array; readonly subject: Uint8Array },
  id: Uint8Array,
  environment: Environment = process.env,
): Promise<void> {
  const reference = parsePkcs11Uri(uri);
  const token = await tokenOf(reference, environment);
  await token.run((session) => {
    if (hasObject(session, { id }, "certificate"))
      throw signersError("SIGNER_KEY_EXISTS", "Cannot store certificate: the token has one of that id", {
        found: `id ${Buffer.from(id).toString("hex")}`,
      });
    storeCertificate(session, certificate, reference.object ?? "", id);
  });
}

async function pkcs11Signer(
  token: Pkcs11Token,
  reference: Pkcs11Reference,
  name: string,
  scheme: Partial<SignatureScheme> | undefined,
): Promise<Signer> {
  let key: { readonly handle: Handle; readonly generation: number } | undefined;
  const publicKey: PublicKey = await token.run((session) => {
    const handle = findPrivateKey(session, reference, name);
    key = { handle, generation: session.generation };
    return readPublicKey(session, handle, name);
  });
  const full: SignatureScheme = { ...defaultScheme(publicKey), ...scheme };
  if (full.padding === "pss")
    throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot open key ${quote(name)}: PSS is not carried out with tokens`);
  return remoteSigner(name, publicKey, full, async (message, digest) => {
    const signature = await token.run((session) => {
      // A handle of before the library was initialised anew may name anything.
      if (key?.generation !== session.generation)
        key = { handle: findPrivateKey(session, reference, name), generation: session.generation };
      return signInSession(session, key.handle, full, message, digest);
    });
    const bytes = new Uint8Array(signature);
    const isEcdsa = full.type === "ecdsa-p256" || full.type === "ecdsa-p384" || full.type === "ecdsa-p521";
    return isEcdsa ? encodeEcdsaSignature(full.type, bytes) : bytes;
  });
}

async function tokenOf(reference: Pkcs11Reference, environment: Environment): Promise<Pkcs11Token> {
  const path = reference.modulePath ?? environment["SIGILLUM_PKCS11_MODULE"] ?? environment["COSIGN_PKCS11_MODULE_PATH"];
  if (path === undefined || path === "")
    throw signersError("SIGNER_CREDENTIALS_MISSING", "Cannot open PKCS #11 token: nothing names the module", {
      expected: "module-path=FILE in the reference, or the environment variable SIGILLUM_PKCS11_MODULE",
    });
  if (reference.token === undefined && reference.serial === undefined && reference.slotId === undefined)
    throw signersError("SIGNER_REFERENCE_UNKNOWN", "Cannot open PKCS #11 token: the reference names none", {
      expected: "token=LABEL, serial=NUMBER or slot-id=NUMBER",
    });
  return pkcs11Token(await openPkcs11Library(path), reference, await pinOf(reference, environment));
}

/** The PIN: in the reference, in a file that it names, or in the environment; none for a token without a login. */
async function pinOf(reference: Pkcs11Reference, environment: Environment): Promise<string | undefined> {
  const { pin, pinSource } = reference;
  if (pin !== undefined && pin !== "") return pin;
  if (pinSource === undefined) return environment["SIGILLUM_PKCS11_PIN"] ?? environment["COSIGN_PKCS11_PIN"];
  const path = pinSource.replace(/^file:(?:\/\/(?=\/))?/u, "");
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/u, "");
  } catch (cause) {
    throw signersError(
      "SIGNER_CREDENTIALS_MISSING",
      `Cannot open PKCS #11 token: the file of its PIN cannot be read: ${quote(path)}`,
      {
        cause,
        expected: "pin-source=file:PATH of a file with the PIN",
      },
    );
  }
}
