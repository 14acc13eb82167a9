// alpine 0.0.1: a package of Alpine Linux. Rekor pkg/types/alpine.
//
//   in:     {"package":{"content":base64,"hash"?:{…}},"publicKey":{"content":base64(PEM)}}
//   stored: {"package":{"hash":{…},"pkginfo":{…}},"publicKey":{"content":base64(canonical PEM)}}
//
// A package is three gzip members: a tar with the signature, over the SHA-1 of the second member as it stands; a tar with .PKGINFO,
// which has the SHA-256 of the third; the files.
import { digest, isValidSha1RsaSignature, sha256 } from "@sigillum/library/crypto";
import {
  encodeBase64,
  encodeHex,
  isSigillumError,
  type JsonObject,
  type JsonValue,
  parsePem,
  parseUtf8,
  quote,
} from "@sigillum/library/encoding";
import { encodeBody, encodeVerifierPem, parseSingleVerifierPem, publicKeyOf } from "@sigillum/library/log-entry";
import { readGzipMember, readTar, type TarFile } from "./archive-readers.ts";
import { legacyEntryError } from "./errors.ts";
import { normalizedKeys, subjectsOf, verifierKey } from "./index-keys.ts";
import type { EntryTools, PreparedBody } from "./prepared.ts";
import { invalid, malformed, packageContent } from "./refusals.ts";

/** Neither signature nor description is longer (upstream's `max_apk_metadata_size`). */
const maxMetadataBytes = 1024 * 1024;

/** Read and verify an alpine 0.0.1 proposal. */
export function prepareAlpine(spec: JsonObject, { inflateRaw }: EntryTools): PreparedBody {
  spec.onlyNames(["package", "publicKey"]);
  const publicKey = spec.object("publicKey");
  publicKey.onlyNames(["content"]);
  const { content, value } = packageContent("alpine", spec, "package", ["pkginfo"]);
  const verifier = parseSingleVerifierPem(publicKey.base64("content"));
  const signaturePart = readGzipMember(content, 0, maxMetadataBytes, inflateRaw);
  const controlPart = readGzipMember(content, signaturePart.end, maxMetadataBytes, inflateRaw);
  const info = parsePackageInfo(controlPart.content);
  const dataHash = encodeHex(sha256(content.subarray(controlPart.end)));
  if (info.get("datahash")?.toLowerCase() !== dataHash)
    throw malformed("alpine", `its .PKGINFO has the datahash ${quote(info.get("datahash") ?? "")}, its files have ${dataHash}`);
  const signature = signatureOf(readTar(signaturePart.content));
  const key = publicKeyOf(verifier);
  if (key.type !== "rsa")
    throw legacyEntryError("LEGACY_ENTRY_UNSUPPORTED", `Cannot accept alpine entry: its key is of type ${key.type}`, {
      found: key.type,
      expected: "rsa",
    });
  const signed = digest("sha1", content.subarray(signaturePart.end, controlPart.end));
  if (!isValidSha1RsaSignature(key, signed, signature))
    throw invalid("alpine", "the signature does not verify over the package's description with the public key");
  const pkginfo: { [name: string]: JsonValue } = Object.fromEntries(info);
  const body = encodeBody("alpine", "0.0.1", {
    package: { hash: { algorithm: "sha256", value }, pkginfo },
    publicKey: { content: encodeBase64(encodeVerifierPem(verifier)) },
  });
  return { body, searchKeys: normalizedKeys([verifierKey(verifier), ...subjectsOf(verifier), `sha256:${value}`]) };
}

function signatureOf(files: readonly TarFile[]): Uint8Array {
  const file = files.find(({ name }) => name.startsWith(".SIGN"));
  if (file === undefined) throw malformed("alpine", "its first part has no signature");
  try {
    const [first] = parsePem(parseUtf8(file.content));
    if (first !== undefined) return first.bytes;
  } catch (error) {
    if (!isSigillumError(error)) throw error;
  }
  return file.content;
}

/**
 * The names and values in .PKGINFO, the last one of each name, by the rules of the INI reader that Rekor uses: `=` or `:` between them, anything
 * from `#` or `;` on is a comment, quotes around a whole value fall away.
 */
export function parsePackageInfo(control: Uint8Array): ReadonlyMap<string, string> {
  const file = readTar(control).findLast(({ name }) => name === ".PKGINFO");
  if (file === undefined) throw malformed("alpine", "its second part has no .PKGINFO");
  const values = new Map<string, string>();
  for (const raw of textOf(file.content).split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const at = line.search(/[=:]/);
    const name = line.slice(0, Math.max(at, 0)).trim();
    if (at < 1 || /^["`[]/.test(line) || name === "-")
      throw malformed("alpine", `its .PKGINFO has the line ${quote(line.slice(0, 80))}`);
    values.set(name, unquoted(line.slice(at + 1).trim()));
  }
  return values;
}

function textOf(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (cause) {
    throw malformed("alpine", "its .PKGINFO is not UTF-8", cause);
  }
}

function unquoted(text: string): string {
  if (text.startsWith('"""') || text.startsWith("`") || text.endsWith("\\"))
    throw malformed("alpine", `its .PKGINFO has a value over several lines: ${quote(text.slice(0, 80))}`);
  const comment = text.search(/[#;]/);
  const value = comment === -1 ? text : text.slice(0, comment).trim();
  const quoted = /^(['"])(.*)\1$/.exec(value);
  return quoted?.[2] !== undefined && !quoted[2].includes(quoted[1] ?? "") ? quoted[2] : value;
}
