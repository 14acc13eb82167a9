// rekord 0.0.1: a detached signature over content that the log is sent and does not keep. Rekor pkg/types/rekord.
//
//   in:     {"data":{"content":base64,"hash"?:{…}},"signature":{"content":base64,"format":…,"publicKey":{"content":base64}}}
//   stored: {"data":{"hash":{…}},"signature":{"content":base64(canonical),"format":…,"publicKey":{"content":base64(canonical)}}}
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, type JsonObject, quote } from "@sigillum/library/encoding";
import {
  encodeBody,
  encodeVerifierPem,
  isValidOverMessage,
  parseSingleVerifierPem,
  publicKeyOf,
} from "@sigillum/library/log-entry";
import { parseDetachedSignature, parseKeyRing, verifyDetachedSignature } from "../openpgp/index.ts";
import { legacyEntryError } from "./errors.ts";
import { normalizedKeys, subjectsOf } from "./index-keys.ts";
import { isValidMinisign, parseMinisignKey, parseMinisignSignature } from "./minisign.ts";
import type { PreparedBody } from "./prepared.ts";
import { invalid, malformed } from "./refusals.ts";
import { isValidSshSignature, parseSshKey, parseSshSignature } from "./ssh.ts";

interface Signed {
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
  readonly valid: boolean;
  readonly subjects: readonly string[];
}

/** Key formats that are read, of rekord and of searches by key. */
export const keyFormats: readonly string[] = ["x509", "pgp", "minisign", "ssh"];

/** Read and verify a rekord 0.0.1 proposal; with a pgp key that takes until later. */
export function prepareRekord(spec: JsonObject): PreparedBody | Promise<PreparedBody> {
  spec.onlyNames(["data", "signature"]);
  const data = spec.object("data");
  data.onlyNames(["content", "hash"]);
  const signature = spec.object("signature");
  signature.onlyNames(["content", "format", "publicKey"]);
  const format = signature.string("format");
  const content = data.base64("content");
  const value = encodeHex(sha256(content));
  requireHash(data.optionalObject("hash"), value);
  const publicKey = signature.object("publicKey");
  publicKey.onlyNames(["content"]);
  const signed = verifySigned(format, publicKey.base64("content"), signature.base64("content"), content);
  return signed instanceof Promise ? signed.then((later) => bodyOf(format, value, later)) : bodyOf(format, value, signed);
}

function bodyOf(format: string, value: string, signed: Signed): PreparedBody {
  if (!signed.valid) throw invalid("rekord", "the signature does not verify over the content with the public key");
  const body = encodeBody("rekord", "0.0.1", {
    data: { hash: { algorithm: "sha256", value } },
    signature: {
      content: encodeBase64(signed.signature),
      format,
      publicKey: { content: encodeBase64(signed.key) },
    },
  });
  const keys = [encodeHex(sha256(signed.key)), ...signed.subjects, `sha256:${value}`];
  return { body, searchKeys: normalizedKeys(keys) };
}

/** The canonical bytes of a public key of one of `keyFormats`. */
export async function canonicalKey(format: string, key: Uint8Array): Promise<Uint8Array> {
  if (format === "pgp") return (await parseKeyRing(key)).canonical;
  if (format === "x509") return encodeVerifierPem(parseSingleVerifierPem(key));
  if (format === "minisign") return parseMinisignKey(key).canonical;
  if (format === "ssh") return parseSshKey(key).canonical;
  throw unsupported(format);
}

function verifySigned(
  format: string,
  keyBytes: Uint8Array,
  signatureBytes: Uint8Array,
  content: Uint8Array,
): Signed | Promise<Signed> {
  if (format === "pgp") return verifyPgp(keyBytes, signatureBytes, content);
  if (format === "x509") {
    const verifier = parseSingleVerifierPem(keyBytes);
    const valid = isValidOverMessage(publicKeyOf(verifier), content, signatureBytes);
    return { key: encodeVerifierPem(verifier), signature: signatureBytes, valid, subjects: subjectsOf(verifier) };
  }
  if (format === "minisign") {
    const key = parseMinisignKey(keyBytes);
    const signature = parseMinisignSignature(signatureBytes);
    return { key: key.canonical, signature: signature.canonical, valid: isValidMinisign(key, signature, content), subjects: [] };
  }
  if (format === "ssh") {
    const key = parseSshKey(keyBytes);
    const signature = parseSshSignature(signatureBytes);
    return {
      key: key.canonical,
      signature: signature.canonical,
      valid: isValidSshSignature(key, signature, content),
      subjects: [],
    };
  }
  throw unsupported(format);
}

async function verifyPgp(keyBytes: Uint8Array, signatureBytes: Uint8Array, content: Uint8Array): Promise<Signed> {
  const signature = parseDetachedSignature(signatureBytes);
  const ring = await parseKeyRing(keyBytes);
  await verifyDetachedSignature(signature, ring, content);
  return { key: ring.canonical, signature: signature.canonical, valid: true, subjects: ring.emails };
}

function requireHash(hash: JsonObject | undefined, expected: string): void {
  if (hash === undefined) return;
  const [algorithm, found] = [hash.string("algorithm"), hash.string("value")];
  if (algorithm === "sha256" && found.toLowerCase() === expected) return;
  throw malformed("rekord", `data.hash is ${quote(`${algorithm}:${found}`)}, the content's is sha256:${expected}`);
}

function unsupported(format: string): Error {
  return legacyEntryError("LEGACY_ENTRY_UNSUPPORTED", `Cannot read key: format ${quote(format)} is not supported`, {
    found: quote(format),
    expected: keyFormats.join(", "),
  });
}
