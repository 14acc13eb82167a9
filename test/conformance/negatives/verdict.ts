// What a client does with a case, as `verify-bundle` of the conformance protocol. Nothing here is of Node: a browser runs it too.
import { parseBundle } from "@sigillum/library/bundle";
import { parsePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { isSigillumError } from "@sigillum/library/encoding";
import { parseTrustedRoot } from "@sigillum/library/trusted-root";
import { type Expectations, type Verified, verifyBundle } from "@sigillum/library/verification";

/** A case as the files of its folder: what a client is given. */
export interface Made {
  readonly bundle: string;
  readonly trustedRoot: string;
  readonly artifact: Uint8Array;
  readonly signer: { readonly san: string; readonly issuer: string } | { readonly key: string };
}

/** Verify a case by the file, or by its digest. */
export function verifyCase(made: Made, mode: "path" | "digest"): Verified {
  const expectations: Expectations =
    "key" in made.signer ? { publicKey: parsePublicKeyPem(made.signer.key) } : { identity: made.signer };
  return verifyBundle({
    bundle: parseBundle(made.bundle),
    artifact: mode === "path" ? { bytes: made.artifact } : { digest: sha256(made.artifact), algorithm: "sha256" },
    trustedRoot: parseTrustedRoot(made.trustedRoot),
    expectations,
  });
}

/** The code that a case is refused with, "" where it verifies; anything but our errors is thrown on. */
export function codeOf(made: Made, mode: "path" | "digest" = "path"): string {
  try {
    verifyCase(made, mode);
    return "";
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return error.code;
  }
}
