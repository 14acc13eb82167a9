// Which keys clients may have, by the names that Fulcio's client-signing-algorithms has for a key with its hash. certificate-authority §1.5.
import { defaultScheme, type PublicKey, parsePublicKey } from "@sigillum/library/crypto";
import { certificateAuthorityError } from "./errors.ts";

/** Fulcio's default list: every key that is accepted at all. */
export const clientAlgorithms: readonly string[] = [
  "ecdsa-sha2-256-nistp256",
  "ecdsa-sha2-384-nistp384",
  "ecdsa-sha2-512-nistp521",
  "rsa-sign-pkcs1-2048-sha256",
  "rsa-sign-pkcs1-3072-sha256",
  "rsa-sign-pkcs1-4096-sha256",
  "ed25519",
];

const names: Readonly<Partial<Record<PublicKey["type"], string>>> = {
  "ecdsa-p256": "ecdsa-sha2-256-nistp256",
  "ecdsa-p384": "ecdsa-sha2-384-nistp384",
  "ecdsa-p521": "ecdsa-sha2-512-nistp521",
  ed25519: "ed25519",
};

/** Throws CA_ALGORITHM_REFUSED for a proven key whose algorithm is not in the list. */
export function requirePermitted(spki: Uint8Array, permitted: readonly string[]): void {
  // The whole list permits what was proven: nothing is parsed for it.
  if (clientAlgorithms.every((name) => permitted.includes(name))) return;
  const key = parsePublicKey(spki);
  const name = names[key.type] ?? `rsa-sign-pkcs1-${key.bits ?? 0}-sha256`;
  if (permitted.includes(name)) return;
  const found = `${key.type}${key.bits === undefined ? "" : `-${key.bits}`}, ${defaultScheme(key).hash}`;
  throw certificateAuthorityError("CA_ALGORITHM_REFUSED", `Cannot issue certificate: keys of ${name} are not permitted here`, {
    found,
    expected: permitted.join(", "),
  });
}
