// Under which texts an entry is found: those of Rekor v1's index, computed from the body alone, so that the index can be rebuilt.
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex } from "@sigillum/library/encoding";
import { certificateOf, encodeVerifierPem, type HashedRekordV002 } from "@sigillum/library/log-entry";
import { subjectAltNames } from "@sigillum/library/x509";

/** Digest, key (SHA-256 of its PEM) and the names in its certificate, all lower case. */
export function searchKeysOf(entry: HashedRekordV002): string[] {
  const keys = [`${entry.hashAlgorithm}:${encodeHex(entry.digest)}`, encodeHex(sha256(encodeVerifierPem(entry.verifier)))];
  const certificate = certificateOf(entry.verifier);
  if (certificate === undefined) return keys;
  for (const name of subjectAltNames(certificate)) if (name.type !== "unsupported") keys.push(name.value.toLowerCase());
  return keys;
}
