// Names of hash algorithms and key details in entry bodies, and which belong together.
import { isPkcs1KeyDetails, type PublicKey, type SignatureScheme, schemeOfKeyDetails } from "../crypto/index.ts";
import { quote } from "../encoding/index.ts";
import { logEntryError } from "./errors.ts";

/** A hash algorithm that an entry may name. */
export type EntryHash = "sha256" | "sha384" | "sha512";

/** The length of a digest in bytes, by algorithm. */
export const digestLengths: Readonly<Record<EntryHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

const protoNames: Readonly<Record<EntryHash, string>> = { sha256: "SHA2_256", sha384: "SHA2_384", sha512: "SHA2_512" };

/** The name of a hash algorithm in sigstore's protobuf formats. */
export function protoHashName(algorithm: EntryHash): string {
  return protoNames[algorithm];
}

/** The hash algorithm with this name in sigstore's protobuf formats, if entries may have it. */
export function hashOfProtoName(name: string): EntryHash | undefined {
  return entryHashes.find((algorithm) => protoNames[algorithm] === name);
}

/** The hash algorithm with this plain name, if entries may have it. */
export function entryHash(name: string): EntryHash | undefined {
  return entryHashes.find((algorithm) => algorithm === name);
}

const entryHashes: readonly EntryHash[] = ["sha256", "sha384", "sha512"];

/** The scheme that key details name; they must fit the key and have a hash that a log can verify over a digest. */
export function entryScheme(keyDetails: string, key: PublicKey): { readonly scheme: SignatureScheme; readonly hash: EntryHash } {
  // The deprecated names of PKCS #1 keys go with another encoding of the key.
  const scheme = isPkcs1KeyDetails(keyDetails) ? undefined : schemeOfKeyDetails(keyDetails);
  const hash = scheme === undefined ? undefined : entryHash(scheme.hash);
  if (scheme === undefined || hash === undefined) {
    throw logEntryError(
      "ENTRY_KEY_UNSUPPORTED",
      `Cannot use key details ${quote(keyDetails)}: no signature over a digest has them`,
      {
        found: quote(keyDetails),
      },
    );
  }
  const bits = /_RSA_\w+?_(\d{4})_/.exec(keyDetails)?.[1];
  if (scheme.type !== key.type || (bits !== undefined && key.bits !== Number(bits))) {
    const found = key.bits === undefined ? key.type : `${key.type} of ${key.bits} bits`;
    throw logEntryError("ENTRY_KEY_DETAILS_MISMATCH", `Cannot use key details ${keyDetails}: the key is ${found}`, {
      found,
      expected: keyDetails,
    });
  }
  return { scheme, hash };
}
