// The two refusals that every kind has, and the one part that every package has.
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, type JsonObject, quote } from "@sigillum/library/encoding";
import { legacyEntryError } from "./errors.ts";

/** A proposal that is not as its kind says. */
export function malformed(what: string, problem: string, cause?: unknown): Error {
  return legacyEntryError(
    "LEGACY_ENTRY_MALFORMED",
    `Cannot accept ${what} entry: ${problem}`,
    cause === undefined ? {} : { cause },
  );
}

/** A signature that does not verify. */
export function invalid(what: string, problem: string): Error {
  return legacyEntryError("LEGACY_SIGNATURE_INVALID", `Cannot accept ${what} entry: ${problem}`);
}

/** The octets of a package and their SHA-256, which a hash that is sent along must be. `ignored` may be sent too: the log computes it. */
export function packageContent(
  kind: string,
  spec: JsonObject,
  name: string,
  ignored: readonly string[],
): { readonly content: Uint8Array; readonly value: string } {
  const part = spec.object(name);
  part.onlyNames(["content", "hash", ...ignored]);
  const content = part.base64("content");
  const value = encodeHex(sha256(content));
  const hash = part.optionalObject("hash");
  if (hash === undefined) return { content, value };
  const [algorithm, found] = [hash.string("algorithm"), hash.string("value")];
  if (algorithm !== "sha256" || found !== value)
    throw malformed(kind, `${name}.hash is ${quote(`${algorithm}:${found}`)}, the content's is sha256:${value}`);
  return { content, value };
}
