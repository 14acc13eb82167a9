// What an entry says in plain words: what was signed, by whom and when.
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, isSigillumError, JsonObject, type JsonValue, parseJson } from "@sigillum/library/encoding";
import { certificateOf, parseLogEntryBody, parseVerifierPem, publicKeyOf, type Verifier } from "@sigillum/library/log-entry";
import { fulcioExtensions, subjectAltNames } from "@sigillum/library/x509";
import { formatTime } from "../terminal/index.ts";
import type { CheckedEntry } from "./check.ts";

/** Who signed an entry: a certificate's names with who vouched for them, or a key. */
export type EntrySigner =
  | { readonly identities: readonly string[]; readonly issuer: string | undefined }
  | { readonly key: string };

/** An entry as people ask for it. */
export interface EntryDescription {
  readonly kind: string;
  /** What was signed, a text each: digests, or what takes their place. */
  readonly about: readonly string[];
  readonly signers: readonly EntrySigner[];
}

/** Read what an entry says. Nothing is verified: whether a certificate is to be trusted is for `verify-blob`. */
export function describeEntry(body: Uint8Array): EntryDescription {
  const document = JsonObject.exact(parseJson(body), "entry body");
  const kind = `${document.string("kind")} ${document.string("apiVersion")}`;
  try {
    return { kind, ...describeKnown(body) };
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return { kind, ...describeOther(document.object("spec")) };
  }
}

function describeKnown(body: Uint8Array): Omit<EntryDescription, "kind"> {
  const entry = parseLogEntryBody(body);
  if (entry.kind === "hashedrekord") {
    const about = [`a file of ${entry.hashAlgorithm}:${encodeHex(entry.digest)}`];
    return { about, signers: [signerOf(entry.verifier)] };
  }
  const payload = entry.payloadHash === undefined ? [] : [`a statement of sha256:${encodeHex(entry.payloadHash)}`];
  const envelope = "envelopeHash" in entry ? [`in an envelope of sha256:${encodeHex(entry.envelopeHash)}`] : [];
  const verifiers = "verifier" in entry ? [entry.verifier] : entry.signatures.map(({ verifier }) => verifier);
  return { about: [...payload, ...envelope], signers: verifiers.map(signerOf) };
}

function signerOf(verifier: Verifier): EntrySigner {
  const certificate = certificateOf(verifier);
  if (certificate === undefined) return { key: `the key sha256:${encodeHex(sha256(publicKeyOf(verifier).spki))}` };
  const identities = subjectAltNames(certificate).map((name) =>
    name.type === "unsupported" ? "a name of an unknown kind" : name.value,
  );
  return { identities, issuer: fulcioExtensions(certificate).issuer };
}

const maxFound = 20;

// The older kinds say it in places of their own, under the same few names.
function describeOther(spec: JsonObject): Omit<EntryDescription, "kind"> {
  const about: string[] = [];
  const signers: EntrySigner[] = [];
  walk(spec.value("data") ?? spec.value("package") ?? spec.value("archive") ?? spec.value("chart") ?? null, (name, item) => {
    const { algorithm, value } = item;
    if (typeof algorithm === "string" && typeof value === "string")
      about.push(`${name === "hash" ? "a file" : name} of ${algorithm}:${value}`);
  });
  const signature = spec.value("signature");
  const format = isObject(signature) && typeof signature["format"] === "string" ? signature["format"] : "x509";
  walk({ signature: signature ?? null, publicKey: spec.value("publicKey") ?? null }, (name, item) => {
    if (name === "publicKey" && typeof item["content"] === "string") signers.push(signerOfText(item["content"], format));
  });
  const key = spec.value("publicKey");
  if (typeof key === "string") signers.push(signerOfText(key, format));
  return { about: about.slice(0, maxFound), signers: signers.slice(0, maxFound) };
}

function signerOfText(base64: string, format: string): EntrySigner {
  const bytes = new Uint8Array(Buffer.from(base64, "base64"));
  try {
    if (format === "x509") return signerOf(parseVerifierPem(bytes));
  } catch (error) {
    if (!isSigillumError(error)) throw error;
  }
  return { key: `a ${format} key of sha256:${encodeHex(sha256(bytes))}` };
}

type Members = { readonly [name: string]: JsonValue };

function walk(value: JsonValue, visit: (name: string, item: Members) => void, name = ""): void {
  if (!isObject(value)) return;
  visit(name, value);
  for (const [key, item] of Object.entries(value)) walk(item, visit, key);
}

function isObject(value: JsonValue | undefined): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A signer in one line. */
export function signerText(signer: EntrySigner): string {
  if ("key" in signer) return signer.key;
  const vouched = signer.issuer === undefined ? "" : `, vouched for by ${signer.issuer}`;
  return `${signer.identities.join(", ") || "nobody named"}${vouched}`;
}

/** The lines that come before any JSON: what, who, when, and what proves it. */
export function entryLines(checked: CheckedEntry, logUrl: string, vouchedBy: string): string[] {
  const { entry, body, checkpoint, treeId } = checked;
  const { kind, about, signers } = describeEntry(body);
  return [
    `Entry ${entry.logIndex} of ${logUrl}`,
    ...(about.length === 0 ? [`  what    ${kind}`] : about.map((line, at) => `  what    ${at === 0 ? `${kind}: ` : ""}${line}`)),
    ...(signers.length === 0 ? ["  signer  nobody named"] : signers.map((signer) => `  signer  ${signerText(signer)}`)),
    ...(entry.integratedTimeS === undefined
      ? []
      : [`  when    ${formatTime(entry.integratedTimeS * 1000)}, by the log's signed promise`]),
    `  proof   it is in tree ${treeId} of ${checkpoint.treeSize} entries, under a key that has the word of ${vouchedBy}`,
  ];
}

const wrappers: Readonly<Record<string, string>> = {
  hashedrekord: "HashedRekordObj",
  rekord: "RekordObj",
  dsse: "DSSEObj",
  intoto: "IntotoObj",
  cose: "CoseObj",
  rfc3161: "Rfc3161Obj",
  tuf: "TufObj",
  alpine: "AlpineModel",
  helm: "HelmObj",
  jar: "JARModel",
  rpm: "RPMModel",
};

/** The body in the wrapper of its kind, as rekor-cli prints it. */
export function wrappedBody(body: Uint8Array): JsonValue {
  const document = JsonObject.exact(parseJson(body), "entry body");
  return { [wrappers[document.string("kind")] ?? document.string("kind")]: document.value("spec") ?? null };
}
