// Keys that are made where they stay: in a key service or a token.
import type { Signer } from "@sigillum/library/crypto";
import { quote } from "@sigillum/library/encoding";
import { createAwsKey } from "./aws-signer.ts";
import { createAzureKey } from "./azure-signer.ts";
import { signersError } from "./errors.ts";
import { createGcpKey } from "./gcp-signer.ts";
import { openSigner } from "./open-signer.ts";
import { generatePkcs11Key } from "./pkcs11-signer.ts";
import type { Created, MadeKeyType } from "./remote-signer.ts";
import { createVaultKey, type Environment } from "./vault-signer.ts";

const forms =
  '"awskms:///alias/NAME", "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K", "azurekms://VAULT.vault.azure.net/KEY", "hashivault://KEY", "openbao://KEY" or "pkcs11:token=…;object=KEY"';

/** A key that stands where it was asked for. */
export interface CreatedKey {
  readonly signer: Signer;
  /** False: there was a key of that name, and it was left as it is. */
  readonly isNew: boolean;
}

/**
 * Make a key where a reference names its place: in AWS KMS, Google Cloud KMS, Azure Key Vault, Vault, OpenBao or a PKCS #11 token. A key
 * service that has a key of that name keeps it, whatever its type, as cosign has it; a token refuses. The key has signed nothing.
 */
export async function createKey(
  reference: string,
  type: MadeKeyType,
  environment: Environment = process.env,
): Promise<CreatedKey> {
  const made = await make(reference, type, environment);
  return typeof made === "string"
    ? { signer: await openSigner(reference, { environment }), isNew: made === "made" }
    : { signer: made, isNew: true };
}

async function make(reference: string, type: MadeKeyType, environment: Environment): Promise<Created | Signer> {
  switch (/^([A-Za-z][A-Za-z0-9+.-]+):/.exec(reference)?.[1]?.toLowerCase()) {
    case "awskms":
      return createAwsKey(reference, type, environment);
    case "gcpkms":
      return createGcpKey(reference, type, environment);
    case "azurekms":
      return createAzureKey(reference, type, environment);
    case "hashivault":
    case "openbao":
      return createVaultKey(reference, type, environment);
    case "pkcs11":
      return generatePkcs11Key(reference, { type, environment });
    default:
      throw signersError("SIGNER_REFERENCE_UNKNOWN", `Cannot make a key in ${quote(reference)}: it is no key service`, {
        found: quote(reference),
        expected: forms,
      });
  }
}
