// Rekor v2: POST /api/v2/log/entries (transparency-log.md §3.2, §3.3).
import { type LogEntry, parseTransparencyLogEntry } from "../bundle/index.ts";
import { keyDetailsOf, type SignatureScheme } from "../crypto/index.ts";
import { type EntryHash, encodeCreateEntryRequestV2 } from "../log-entry/index.ts";
import { below, callService, readAnswer, type ServiceCall, type ServiceOptions } from "./call.ts";
import { type LogVerifier, logVerifier, verifierKey } from "./log-verifier.ts";

/** A signature to be logged by Rekor v2, which takes hashedrekord 0.0.2 alone: for DSSE the digest of the pre-authentication encoding. */
export interface LogOrderV2 {
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  readonly scheme: SignatureScheme;
  readonly verifier: LogVerifier;
}

const maxAnswerBytes = 4 * 1024 * 1024;

/** Log a signature. The entry comes back with its proof, once a checkpoint covers it; nothing in it was verified. */
export async function submitLogEntryV2(logUrl: string, order: LogOrderV2, options: ServiceOptions = {}): Promise<LogEntry> {
  const hashAlgorithm = entryHash(order.scheme);
  const call: ServiceCall = {
    service: "transparency log",
    method: "POST",
    url: below(logUrl, "/api/v2/log/entries"),
    headers: { "content-type": "application/json", accept: "application/json" },
    body: encodeCreateEntryRequestV2({
      hashAlgorithm,
      digest: order.digest,
      signature: order.signature,
      keyDetails: keyDetailsOf(order.scheme, verifierKey(order.verifier)),
      verifier: logVerifier(order.verifier),
    }),
    maxBytes: maxAnswerBytes,
    statuses: [200, 201],
  };
  return readAnswer(call, await callService(call, options), parseTransparencyLogEntry);
}

// Pure Ed25519 signs the message itself; an entry with a digest alone cannot carry it.
function entryHash({ hash }: SignatureScheme): EntryHash {
  if (hash === "sha256" || hash === "sha384" || hash === "sha512") return hash;
  throw new TypeError(`A Rekor v2 log cannot hold a signature with hash ${hash}`);
}
