// helm 0.0.1: a chart's provenance file, signed in place by an OpenPGP key. Rekor pkg/types/helm.
//
//   in:     {"chart":{"provenance":{"content":base64}},"publicKey":{"content":base64}}
//   stored: {"chart":{"hash":{…of the chart, as the file says},"provenance":{"signature":{"content":base64(armor)}}},"publicKey":{…}}
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, isSigillumError, type JsonObject, parseUtf8, quote } from "@sigillum/library/encoding";
import { encodeBody } from "@sigillum/library/log-entry";
import { parseDocument } from "yaml";
import { parseClearSigned, parseKeyRing, verifyDetachedSignature } from "../openpgp/index.ts";
import { normalizedKeys } from "./index-keys.ts";
import type { PreparedBody } from "./prepared.ts";
import { malformed } from "./refusals.ts";

/** Longer provenance files are not read: they hold a chart's own description. */
const maxProvenanceBytes = 128 * 1024;
/** Nor longer lists of files. */
const maxFilesCharacters = 4096;

/** Read and verify a helm 0.0.1 proposal. The chart itself is not sent: its hash is what the signer says it is. */
export async function prepareHelm(spec: JsonObject): Promise<PreparedBody> {
  spec.onlyNames(["chart", "publicKey"]);
  const chart = spec.object("chart");
  chart.onlyNames(["hash", "provenance"]);
  const provenance = chart.object("provenance");
  provenance.onlyNames(["content", "signature"]);
  const publicKey = spec.object("publicKey");
  publicKey.onlyNames(["content"]);
  const content = provenance.base64("content");
  if (content.length > maxProvenanceBytes)
    throw malformed("helm", `the provenance file has ${content.length} bytes, at most ${maxProvenanceBytes} are read`);
  const signed = parseClearSigned(content);
  const value = chartHashOf(signed.text);
  const ring = await parseKeyRing(publicKey.base64("content"));
  await verifyDetachedSignature(signed.signature, ring, signed.content);
  const body = encodeBody("helm", "0.0.1", {
    chart: {
      hash: { algorithm: "sha256", value },
      provenance: { signature: { content: encodeBase64(signed.signature.canonical) } },
    },
    publicKey: { content: encodeBase64(ring.canonical) },
  });
  return { body, searchKeys: normalizedKeys([encodeHex(sha256(ring.canonical)), ...ring.emails, `sha256:${value}`]) };
}

/** The hash of the first file that a provenance file names: `...` ends the chart's description, `files:` follows. */
export function chartHashOf(text: Uint8Array): string {
  const files = readFiles(text);
  const [first] = typeof files === "object" && files !== null && !Array.isArray(files) ? Object.values(files) : [];
  if (first === undefined) throw malformed("helm", "the provenance file names no file");
  const [, value] = /^sha256:([0-9a-f]{64})$/.exec(String(first)) ?? [];
  if (value === undefined)
    throw malformed(
      "helm",
      `the provenance file has the hash ${quote(String(first).slice(0, 80))}, expected sha256: and 64 digits`,
    );
  return value;
}

function readFiles(text: Uint8Array): unknown {
  try {
    const part = parseUtf8(text).split("\n...\n")[1];
    if (part === undefined) throw malformed("helm", 'the provenance file has no line "..." between the chart and its files');
    if (part.length > maxFilesCharacters)
      throw malformed("helm", `the list of files has ${part.length} characters, at most ${maxFilesCharacters} are read`);
    const document = parseDocument(part, { schema: "core" });
    if (document.errors[0] !== undefined) throw document.errors[0];
    const read: unknown = document.toJS({ maxAliasCount: 0 });
    return typeof read === "object" && read !== null ? Reflect.get(read, "files") : undefined;
  } catch (cause) {
    if (isSigillumError(cause) && cause.code.startsWith("LEGACY_")) throw cause;
    throw malformed("helm", "the list of files in the provenance file is no YAML", cause);
  }
}
