// From a key reference, as settings and command lines hold it, to a signer.
import { createSigner, type KeyType, type SignatureScheme, type Signer } from "@sigillum/library/crypto";
import { quote } from "@sigillum/library/encoding";
import { openAwsSigner } from "./aws-signer.ts";
import { openAzureSigner } from "./azure-signer.ts";
import { signersError } from "./errors.ts";
import { openGcpSigner } from "./gcp-signer.ts";
import { ephemeralSigner } from "./generate.ts";
import { openPivSigner, parsePivSlot } from "./piv/piv-signer.ts";
import { openPkcs11Signer } from "./pkcs11-signer.ts";
import { readPrivateKeyText } from "./private-key-file.ts";
import { type PassphraseSource, parsePrivateKeyPem } from "./private-key-pem.ts";
import { openVaultSigner } from "./vault-signer.ts";

/** What opening a signer may need. */
export interface OpenSignerOptions {
  /** For an encrypted key; a function is called only if the key is encrypted. */
  readonly passphrase?: PassphraseSource;
  /** The environment that `env://` and the services' clients read; the process's own when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The PIN of a PIV token; called once, before the first signature. $SIGILLUM_PIV_PIN when absent. */
  readonly pin?: () => Promise<string>;
  /** What to sign with instead of the key's default scheme. */
  readonly scheme?: Partial<SignatureScheme>;
}

const forms =
  'a path, "file:PATH", "env://NAME", "ephemeral:[KEYTYPE]", "awskms://…", "gcpkms://…", "azurekms://…", "hashivault://KEY", "openbao://KEY", "pkcs11:…" or "piv:SLOT"';
const keyTypes: readonly KeyType[] = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"];

/**
 * Open the signer that a reference names: a path or `file:PATH` (PKCS #8 PEM, plain or encrypted, mode 0600), `env://NAME` (the same text in
 * an environment variable), `ephemeral:` (a key made now, of the type after the colon), or a key in AWS KMS, Google Cloud KMS, Azure Key Vault, Vault, OpenBao, a PKCS #11 token or a slot of a PIV token. The key was
 * imported, or its public half fetched; it has signed nothing.
 */
export async function openSigner(reference: string, options: OpenSignerOptions = {}): Promise<Signer> {
  // One letter before the colon is a drive of Windows, not a scheme.
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(reference)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return openFile(reference, options);
    case "file":
      return openFile(reference.slice("file:".length).replace(/^\/\/(?=\/)/, ""), options);
    case "env":
      return openVariable(reference, options);
    case "hashivault":
    case "openbao":
      return openVaultSigner(reference, options.environment ?? process.env, options.scheme);
    case "awskms":
      return openAwsSigner(reference, options.environment ?? process.env, options.scheme);
    case "gcpkms":
      return openGcpSigner(reference, options.environment ?? process.env, options.scheme);
    case "azurekms":
      return openAzureSigner(reference, options.environment ?? process.env, options.scheme);
    case "pkcs11":
      return openPkcs11Signer(reference, options.environment ?? process.env, options.scheme);
    case "piv":
      return openPiv(reference, options);
    case "ephemeral":
      return openEphemeral(reference.slice("ephemeral:".length));
    default:
      throw signersError(
        "SIGNER_REFERENCE_UNKNOWN",
        `Cannot open key ${quote(reference)}: no signer serves ${quote(`${scheme}:`)}, only ${forms}`,
        { found: `${scheme}:`, expected: forms },
      );
  }
}

async function openFile(path: string, options: OpenSignerOptions): Promise<Signer> {
  if (path === "" || path.startsWith("//"))
    throw badReference(`file:${path}`, "a file is named by its path alone, without a host");
  return fromPem(await readPrivateKeyText(path), quote(path), options);
}

async function openVariable(reference: string, options: OpenSignerOptions): Promise<Signer> {
  const name = /^env:\/\/([A-Za-z_][A-Za-z0-9_]*)$/i.exec(reference)?.[1];
  if (name === undefined) throw badReference(reference, "an environment variable is named as env://NAME");
  const text = (options.environment ?? process.env)[name];
  if (text === undefined || text === "") {
    throw signersError(
      "SIGNER_ENVIRONMENT_MISSING",
      `Cannot open key ${quote(reference)}: the environment variable ${name} is not set`,
      { found: "nothing", expected: name },
    );
  }
  return fromPem(text, quote(reference), options);
}

function openPiv(reference: string, { environment = process.env, pin }: OpenSignerOptions): Promise<Signer> {
  const fromEnvironment = (): Promise<string> => {
    const given = environment["SIGILLUM_PIV_PIN"];
    if (given !== undefined && given !== "") return Promise.resolve(given);
    throw signersError("SIGNER_CREDENTIALS_MISSING", `Cannot sign with ${quote(reference)}: nothing tells the token's PIN`, {
      expected: "the environment variable SIGILLUM_PIV_PIN",
    });
  };
  return openPivSigner(parsePivSlot(reference.slice("piv:".length)), { pin: pin ?? fromEnvironment, environment });
}

function openEphemeral(type: string): Signer {
  const known = keyTypes.find((one) => one === (type === "" ? "ecdsa-p256" : type));
  if (known === undefined) throw badReference(`ephemeral:${type}`, `the key type is none of ${keyTypes.join(", ")}`);
  return ephemeralSigner(known);
}

async function fromPem(text: string, where: string, options: OpenSignerOptions): Promise<Signer> {
  return createSigner(await parsePrivateKeyPem(text, where, options.passphrase), options.scheme);
}

function badReference(reference: string, problem: string): Error {
  return signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot open key ${quote(reference)}: ${problem}`, {
    found: quote(reference),
    expected: forms,
  });
}
