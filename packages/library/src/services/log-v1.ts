// Rekor v1: POST /api/v1/log/entries (transparency-log.md §1.3).
import { type Envelope, encodeEnvelope } from "../attestation/index.ts";
import type { InclusionProof, LogEntry } from "../bundle/index.ts";
import { JsonObject, parseHex, parseJson } from "../encoding/index.ts";
import type { HttpResponse } from "../http/index.ts";
import { type EntryHash, encodeProposedDsse, encodeProposedHashedRekord } from "../log-entry/index.ts";
import { below, callService, readingAnswer, type ServiceCall, type ServiceOptions } from "./call.ts";
import { serviceError } from "./errors.ts";
import { type LogVerifier, logVerifier } from "./log-verifier.ts";

/** A signature to be logged by Rekor v1: over an artifact (hashedrekord 0.0.1), or in an envelope (dsse 0.0.1). */
export type LogOrderV1 =
  | {
      readonly digest: Uint8Array;
      /** SHA-256 where nothing is said. */
      readonly hashAlgorithm?: EntryHash;
      readonly signature: Uint8Array;
      readonly verifier: LogVerifier;
    }
  | { readonly envelope: Envelope; readonly verifier: LogVerifier };

/** The longest answer about an entry. */
export const maxAnswerBytes: number = 4 * 1024 * 1024;
const service = "transparency log";

/**
 * Log a signature. If the log has the same entry already, that one is returned.
 * The entry comes back with promise and proof; nothing in it was verified.
 */
export async function submitLogEntryV1(logUrl: string, order: LogOrderV1, options: ServiceOptions = {}): Promise<LogEntry> {
  const call: ServiceCall = {
    service,
    method: "POST",
    url: below(logUrl, "/api/v1/log/entries"),
    headers: { "content-type": "application/json", accept: "application/json" },
    body: proposedEntry(order),
    maxBytes: maxAnswerBytes,
    statuses: [201, 409],
  };
  const response = await callService(call, options);
  if (response.status === 201) return readLogEntryV1(call, response);
  return fetchExisting(logUrl, call, response, options);
}

function proposedEntry(order: LogOrderV1): string {
  const verifier = logVerifier(order.verifier);
  if ("envelope" in order) return encodeProposedDsse({ envelopeText: encodeEnvelope(order.envelope), verifiers: [verifier] });
  return encodeProposedHashedRekord({
    hashAlgorithm: order.hashAlgorithm ?? "sha256",
    digest: order.digest,
    signature: order.signature,
    verifier,
  });
}

/**
 * Look for a signature's entry in the log: POST /api/v1/log/entries/retrieve with the entry as it would be proposed. Undefined means
 * that the log was asked and has none; what comes back was not verified.
 */
export async function findLogEntryV1(
  logUrl: string,
  order: LogOrderV1,
  options: ServiceOptions = {},
): Promise<LogEntry | undefined> {
  const call: ServiceCall = {
    service,
    method: "POST",
    url: below(logUrl, "/api/v1/log/entries/retrieve"),
    headers: { "content-type": "application/json", accept: "application/json" },
    body: `{"entries":[${proposedEntry(order)}]}`,
    maxBytes: maxAnswerBytes,
    statuses: [200, 404],
  };
  const response = await callService(call, options);
  if (response.status === 404) return undefined;
  return readingAnswer(call, () => {
    const list = parseJson(response.body, { maxBytes: maxAnswerBytes });
    if (!Array.isArray(list))
      throw serviceError("SERVICE_ANSWER", `Cannot read the answer of ${service} ${call.url}: it is no list`);
    const [first] = list;
    if (first === undefined) return undefined;
    const answer = JsonObject.exact(first, "answer");
    const [id = ""] = answer.names();
    return readEntry(answer.object(id));
  });
}

/** 64 hexadecimal digits of the leaf hash, after 16 of the tree's id or none. */
export const entryId: RegExp = /^(?:[0-9a-f]{16})?[0-9a-f]{64}$/;

async function fetchExisting(
  logUrl: string,
  call: ServiceCall,
  conflict: HttpResponse,
  options: ServiceOptions,
): Promise<LogEntry> {
  const location = conflict.headers["location"] ?? "";
  const id = location.split(/[?#]/)[0]?.split("/").at(-1) ?? "";
  if (!entryId.test(id)) {
    throw serviceError("SERVICE_ANSWER", `Cannot use ${service} ${call.url}: it has the entry already and does not say where`, {
      found: location === "" ? "no Location header" : location,
      expected: "a Location that ends in an entry id",
    });
  }
  const existing: ServiceCall = {
    service,
    method: "GET",
    url: below(logUrl, `/api/v1/log/entries/${id}`),
    headers: { accept: "application/json" },
    maxBytes: maxAnswerBytes,
    statuses: [200],
  };
  return readLogEntryV1(existing, await callService(existing, options));
}

function readLogEntryV1(call: ServiceCall, response: HttpResponse): LogEntry {
  return readingAnswer(call, () => {
    const answer = JsonObject.exact(parseJson(response.body, { maxBytes: maxAnswerBytes }), "answer");
    const names = answer.names();
    const [id] = names;
    if (id === undefined || names.length !== 1 || !entryId.test(id)) {
      throw serviceError("SERVICE_ANSWER", `Cannot read the answer of ${service} ${call.url}: it must name one entry`, {
        found: `${names.length} names`,
        expected: "one entry id",
      });
    }
    return readEntry(answer.object(id));
  });
}

/** Read an entry as Rekor v1 answers it. Nothing in it was verified. */
export function readEntry(entry: JsonObject): LogEntry {
  const body = entry.base64("body");
  const { kind, version } = readKindVersion(body);
  const verification = entry.object("verification");
  return {
    logIndex: entry.uint64("logIndex"),
    logId: parseHex(entry.string("logID")),
    kind,
    version,
    integratedTimeS: entry.uint64("integratedTime"),
    promise: verification.base64("signedEntryTimestamp"),
    proof: readProof(verification.object("inclusionProof")),
    body,
  };
}

function readKindVersion(body: Uint8Array): { readonly kind: string; readonly version: string } {
  const document = JsonObject.exact(parseJson(body), "answer.body");
  return { kind: document.string("kind"), version: document.string("apiVersion") };
}

function readProof(proof: JsonObject): InclusionProof {
  return {
    logIndex: proof.uint64("logIndex"),
    rootHash: parseHex(proof.string("rootHash")),
    treeSize: proof.uint64("treeSize"),
    hashes: proof.optionalStrings("hashes").map(parseHex),
    checkpoint: proof.string("checkpoint"),
  };
}
