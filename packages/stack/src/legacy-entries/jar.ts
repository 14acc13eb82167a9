// jar 0.0.1: a signed Java archive. Rekor pkg/types/jar.
//
//   in:     {"archive":{"content":base64,"hash"?:{…}}}
//   stored: {"archive":{"hash":{…}},"signature":{"content":base64(PEM of the signature block),"publicKey":{"content":base64(PEM of its first certificate)}}}
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, encodePem, encodeUtf8, type JsonObject, quote } from "@sigillum/library/encoding";
import { encodeBody } from "@sigillum/library/log-entry";
import { normalizedKeys } from "./index-keys.ts";
import { type Manifest, parseManifest, verifyDigests } from "./jar-manifest.ts";
import { verifySignatureBlock } from "./jar-signature.ts";
import type { EntryTools, PreparedBody } from "./prepared.ts";
import { malformed, packageContent } from "./refusals.ts";
import { latin1, ZipArchive, type ZipEntry } from "./zip.ts";

/** No file of META-INF is longer (upstream's `max_jar_metadata_size`). */
const maxMetadataBytes = 1024 * 1024;
/** Nor all files that are read together. */
const maxBytes = 32 * 1024 * 1024;

interface SignatureFiles {
  readonly manifest: Uint8Array;
  readonly signatureFile: Uint8Array;
  readonly block: Uint8Array;
}

/** Read and verify a jar 0.0.1 proposal: one signature, and every digest of the manifest. A timestamp in the signature is not looked at. */
export function prepareJar(spec: JsonObject, { inflateRaw }: EntryTools): PreparedBody {
  spec.onlyNames(["archive", "signature"]);
  const { content, value } = packageContent("jar", spec, "archive", []);
  const archive = new ZipArchive(content, maxBytes, inflateRaw);
  const { manifest, signatureFile, block } = signatureFilesOf(archive);
  const certificate = verifySignatureBlock(block, signatureFile);
  const parsed = parseManifest(latin1(manifest));
  verifySignatureFile(parseManifest(latin1(signatureFile)), parsed, manifest);
  verifyFiles(archive, parsed);
  const signature = encodeUtf8(encodePem("PKCS7", block));
  const body = encodeBody("jar", "0.0.1", {
    archive: { hash: { algorithm: "sha256", value } },
    signature: {
      content: encodeBase64(signature),
      publicKey: { content: encodeBase64(encodeUtf8(encodePem("CERTIFICATE", certificate))) },
    },
  });
  // Rekor indexes the signature where other kinds have the key.
  return { body, searchKeys: normalizedKeys([encodeHex(sha256(signature)), `sha256:${value}`]) };
}

function signatureFilesOf(archive: ZipArchive): SignatureFiles {
  let manifest: Uint8Array | undefined;
  const signatureFiles = new Map<string, Uint8Array>();
  const blocks = new Map<string, Uint8Array>();
  for (const entry of archive.entries) {
    const [, base = "", extension = ""] = /^META-INF\/([^/]*)(\.[^./]*)$/.exec(upper(entry.name)) ?? [];
    if (extension === "") continue;
    if (entry.size > maxMetadataBytes)
      throw malformed("jar", `${quote(entry.name)} has ${entry.size} bytes, at most ${maxMetadataBytes} are read`);
    if (base === "MANIFEST" && extension === ".MF") manifest = archive.read(entry);
    else if (extension === ".SF") signatureFiles.set(base, archive.read(entry));
    else if ([".RSA", ".DSA", ".EC"].includes(extension) || base.startsWith("SIG-")) blocks.set(base, archive.read(entry));
  }
  if (manifest === undefined) throw malformed("jar", "it has no META-INF/MANIFEST.MF");
  if (signatureFiles.size !== 1 || blocks.size !== 1)
    throw malformed("jar", `it has ${signatureFiles.size} signature files and ${blocks.size} signatures, expected one of each`);
  const [[base, signatureFile] = ["", new Uint8Array(0)]] = signatureFiles;
  const block = blocks.get(base);
  if (block === undefined) throw malformed("jar", `it has no signature for META-INF/${base}.SF`);
  return { manifest, signatureFile, block };
}

// Names are octets: only ASCII has cases here.
function upper(name: string): string {
  return name.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

function verifySignatureFile(signatureFile: Manifest, manifest: Manifest, bytes: Uint8Array): void {
  if (verifyDigests(signatureFile.main, "-manifest", bytes, "the manifest")) return;
  const hasMain = verifyDigests(
    signatureFile.main,
    "-manifest-main-attributes",
    octets(manifest.mainText),
    "the manifest's main section",
  );
  if (!hasMain) throw malformed("jar", "its signature file has no digest of the manifest");
  for (const [name, section] of signatureFile.files) {
    const text = manifest.texts.get(name);
    if (text === undefined) throw malformed("jar", `its manifest has no section ${quote(name)}, which is signed`);
    requireDigest(verifyDigests(section, "", octets(text), `the manifest's section ${quote(name)}`), name);
  }
}

function verifyFiles(archive: ZipArchive, manifest: Manifest): void {
  const entries = new Map<string, ZipEntry>(archive.entries.map((entry) => [entry.name, entry]));
  for (const [name, section] of manifest.files) {
    if ((section.get("magic") ?? "") !== "") continue;
    const entry = entries.get(name);
    if (entry === undefined) throw malformed("jar", `the file ${quote(name)} is in the manifest and not in the archive`);
    requireDigest(verifyDigests(section, "", archive.read(entry), `the file ${quote(name)}`), name);
  }
}

function requireDigest(has: boolean, name: string): void {
  if (!has) throw malformed("jar", `its manifest has no digest for ${quote(name)}`);
}

function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
