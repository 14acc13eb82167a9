// The two kinds that are logged most, in the spelling that clients send: one pass over the text in place of parsers for JSON, base64 and PEM,
// and everything taken over that is already as Rekor stores it. What differs in any way, down to a space, is left to `prepareEntry`, and
// so is whatever is refused, for its words. Signatures, certificates, keys and statements are read by the same code on both ways.
import { hash } from "node:crypto";
import { statementPayloadType } from "@sigillum/library/attestation";
import { isSigillumError } from "@sigillum/library/encoding";
import { isValidOverMessage, publicKeyOf, type Verifier, verifyEntrySignature } from "@sigillum/library/log-entry";
import { normalizedKeys, statementKeys, subjectsOf } from "../legacy-entries/index.ts";
import { maxLeafBytes } from "../log-engine/index.ts";

/** An entry before its hashes are taken: the body and the texts under which it is found, all ASCII. */
export interface QuickEntry {
  readonly body: string;
  readonly searchKeys: readonly string[];
}

/** Longer requests are rare, and spend their time elsewhere. */
const maxQuickBytes = 48 * 1024;

const base64 = "[A-Za-z0-9+/]+={0,2}";
// Within the envelope, which is a text itself, quotes are escaped. Clients in Go write the signatures that the log computes as null.
const q = String.raw`\\"`;
const payloadType = `${q}payloadType${q}:${q}([A-Za-z0-9.+/;=_-]+)${q}`;
const keyid = `${q}keyid${q}:${q}[A-Za-z0-9+/=:_-]*${q}`;
const signature = String.raw`\{(${keyid},)?${q}sig${q}:${q}(${base64})${q}(,${keyid})?\}`;
const envelope = String.raw`\{(?:${payloadType},)?${q}payload${q}:${q}(${base64})${q}(?:,${payloadType})?,${q}signatures${q}:\[${signature}\]\}`;
const dsseSpec = String.raw`"spec":\{"proposedContent":\{"envelope":"(${envelope})","verifiers":\["(${base64})"\]\}(?:,"signatures":null)?\}`;
const data = String.raw`"data":\{"hash":\{"algorithm":"sha256","value":"([0-9a-f]{64})"\}\}`;
const keyAndSignature = String.raw`"signature":\{"content":"(${base64})","publicKey":\{"content":"(${base64})"\}\}`;
const hashedRekordSpec = String.raw`"spec":\{(?:${data},)?${keyAndSignature}(?:,${data})?\}`;

/** A proposal: kind and version stand before the spec or after it. That each stands once follows from their lengths. */
function proposal(kind: string, spec: string): { readonly pattern: RegExp; readonly outside: number } {
  const [version, name] = ['"apiVersion":"0.0.1"', `"kind":"${kind}"`];
  const either = `(?:${version.replaceAll(".", "\\.")}|${name})`;
  return {
    pattern: new RegExp(`^\\{((?:${either},)*)${spec}((?:,${either})*)\\}\\n?$`),
    outside: version.length + name.length + 2,
  };
}

const dsse = proposal("dsse", dsseSpec);
const hashedRekord = proposal("hashedrekord", hashedRekordSpec);

/** The entry of a posted proposal as `prepareEntry` gives it; undefined for what that is to look at. Its signature was verified. */
export function quickEntry(requestBody: Uint8Array, accepted: ReadonlySet<string>): QuickEntry | undefined {
  if (requestBody.length > maxQuickBytes) return undefined;
  // Octets beyond ASCII become characters that no pattern takes.
  const text = Buffer.from(requestBody.buffer, requestBody.byteOffset, requestBody.length).toString("latin1");
  try {
    const entry = accepted.has("dsse") ? quickDsse(text) : undefined;
    const found = entry ?? (accepted.has("hashedrekord") ? quickHashedRekord(text) : undefined);
    return found === undefined || found.body.length > maxLeafBytes ? undefined : found;
  } catch (error) {
    if (isSigillumError(error)) return undefined;
    throw error;
  }
}

function quickDsse(text: string): QuickEntry | undefined {
  const match = dsse.pattern.exec(text);
  if (match === null) return undefined;
  const [, before = "", escaped = "", typeBefore, payload64 = "", typeAfter, keyidBefore, sig64 = "", keyidAfter] = match;
  const [verifier64 = "", after = ""] = match.slice(9);
  const type = typeBefore ?? typeAfter;
  if (before.length + after.length !== dsse.outside || type === undefined) return undefined;
  if ((typeBefore !== undefined && typeAfter !== undefined) || (keyidBefore !== undefined && keyidAfter !== undefined))
    return undefined;
  const verifier = readVerifier(verifier64);
  const [payload, sig] = [readBase64(payload64), readBase64(sig64)];
  if (verifier === undefined || payload === undefined || sig === undefined) return undefined;
  // DSSE v1: lengths in octets, and all of this is one octet a character.
  const message = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `, "latin1"), payload]);
  if (!isValidOverMessage(publicKeyOf(verifier), message, sig)) return undefined;
  const envelopeHash = hash("sha256", escaped.replaceAll('\\"', '"'));
  const payloadHash = hash("sha256", payload);
  const keys = [`sha256:${verifier.hash}`, ...subjectsOf(verifier), `sha256:${payloadHash}`, `sha256:${envelopeHash}`];
  if (type === statementPayloadType) keys.push(...statementKeys(payload));
  return {
    body: `{"apiVersion":"0.0.1","kind":"dsse","spec":{"envelopeHash":{"algorithm":"sha256","value":"${envelopeHash}"},"payloadHash":{"algorithm":"sha256","value":"${payloadHash}"},"signatures":[{"signature":"${sig64}","verifier":"${verifier64}"}]}}`,
    searchKeys: normalizedKeys(keys),
  };
}

function quickHashedRekord(text: string): QuickEntry | undefined {
  const match = hashedRekord.pattern.exec(text);
  if (match === null) return undefined;
  const [, before = "", digestBefore, signature64 = "", verifier64 = "", digestAfter, after = ""] = match;
  const digestHex = digestBefore ?? digestAfter;
  if (before.length + after.length !== hashedRekord.outside || digestHex === undefined) return undefined;
  if (digestBefore !== undefined && digestAfter !== undefined) return undefined;
  const verifier = readVerifier(verifier64);
  const content = readBase64(signature64);
  if (verifier === undefined || content === undefined) return undefined;
  verifyEntrySignature({
    kind: "hashedrekord",
    version: "0.0.1",
    hashAlgorithm: "sha256",
    digest: Buffer.from(digestHex, "hex"),
    signature: content,
    verifier,
  });
  return {
    body: `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"${digestHex}"}},"signature":{"content":"${signature64}","publicKey":{"content":"${verifier64}"}}}}`,
    searchKeys: normalizedKeys([verifier.hash, ...subjectsOf(verifier), `sha256:${digestHex}`]),
  };
}

/** Base64 that is the one text of its octets. */
function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}

/** A verifier with the hash of its PEM, which stands as Rekor stores it: 64 columns, LF, a final line end. */
function readVerifier(verifier64: string): (Verifier & { readonly hash: string }) | undefined {
  const pem = readBase64(verifier64);
  if (pem === undefined) return undefined;
  const text = pem.toString("latin1");
  const der = bodyOfPem(text, "CERTIFICATE");
  if (der !== undefined) return { type: "certificate", der, hash: hash("sha256", pem) };
  const spki = bodyOfPem(text, "PUBLIC KEY");
  return spki === undefined ? undefined : { type: "publicKey", der: spki, hash: hash("sha256", pem) };
}

const lineLength = 64;

function bodyOfPem(pem: string, label: string): Buffer | undefined {
  const [begin, end] = [`-----BEGIN ${label}-----\n`, `-----END ${label}-----\n`];
  if (!pem.startsWith(begin) || !pem.endsWith(end)) return undefined;
  let body = "";
  const last = pem.length - end.length;
  for (let at = begin.length; at < last; at += lineLength + 1) {
    const lineEnd = Math.min(at + lineLength, last - 1);
    if (lineEnd <= at || pem.charCodeAt(lineEnd) !== 0x0a) return undefined;
    body += pem.slice(at, lineEnd);
  }
  return body === "" ? undefined : readBase64(body);
}
