import { parsePublicKeyPem } from "@sigillum/library/crypto";
import { parseUtf8 } from "@sigillum/library/encoding";
import type { Expectations } from "@sigillum/library/verification";
import type { Arguments } from "../arguments/index.ts";
import { readSmallFile } from "./files.ts";

const maxKeyBytes = 64 * 1024;

/** What the flags demand of a signature: an identity with its issuer, or a public key. */
export async function expectationsOf(args: Arguments): Promise<Expectations> {
  args.exclusive("key", "certificate-identity");
  args.exclusive("key", "certificate-oidc-issuer");
  const key = args.string("key");
  if (key !== undefined) return { publicKey: parsePublicKeyPem(parseUtf8(await readSmallFile(key, "public key", maxKeyBytes))) };
  return {
    identity: {
      san: args.required("certificate-identity", "say who must have signed (an email address or URI), or give --key FILE"),
      issuer: args.required("certificate-oidc-issuer", "say which identity provider must have vouched for the signer"),
    },
  };
}
