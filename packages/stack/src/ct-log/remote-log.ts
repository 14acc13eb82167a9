// A CT log elsewhere, as the certificate authority uses it: add-pre-chain of RFC 6962 §4.2. The SCT is the caller's to verify.
import { parseDigitallySigned, type SignedCertificateTimestamp } from "@sigillum/library/ct";
import { encodeBase64, isSigillumError, JsonObject, parseBase64, parseJson, quote } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import { ctLogError } from "./errors.ts";

/** certificate-authority §7.1: what Fulcio waits, repeats included. */
const limits = { timeoutMs: 30_000, maxBytes: 64 * 1024, retries: 5 } as const;

/** A log that is reached over the network. */
export interface RemoteCtLog {
  /** Enters a precertificate; resolves with the log's SCT, of which nothing but the form was checked. */
  submitPrecertificate(chain: readonly Uint8Array[]): Promise<SignedCertificateTimestamp>;
}

/** Makes the client of a log; nothing is sent before the first submission. `url` is the log's, without `/ct/v1`. */
export function remoteCtLog(url: string): RemoteCtLog {
  const target = `${url.replace(/\/+$/u, "")}/ct/v1/add-pre-chain`;
  return {
    submitPrecertificate: async (chain) => {
      const response = await send(target, JSON.stringify({ chain: chain.map((der) => encodeBase64(der)) }));
      if (response.status !== 200) {
        const found = `HTTP ${response.status}`;
        throw ctLogError("CT_LOG_REMOTE_UNAVAILABLE", `Cannot log precertificate: ${quote(target)} answers ${response.status}`, {
          found,
          expected: "HTTP 200",
        });
      }
      return readSct(target, response.body);
    },
  };
}

async function send(url: string, body: string): Promise<HttpResponse> {
  try {
    // A log answers a precertificate that it has with the SCT it gave, so the request may be repeated; Retry-After is obeyed.
    return await request({ method: "POST", url, headers: { "content-type": "application/json" }, body, ...limits });
  } catch (cause) {
    const reason = isSigillumError(cause) ? cause.message : "an unexpected failure";
    throw ctLogError("CT_LOG_REMOTE_UNAVAILABLE", `Cannot log precertificate: ${reason}`, { cause });
  }
}

/** RFC 6962 §4.1. */
function readSct(url: string, body: Uint8Array): SignedCertificateTimestamp {
  try {
    const answer = JsonObject.exact(parseJson(body, { maxBytes: limits.maxBytes, maxDepth: 4 }), "answer");
    const version = answer.safeInteger("sct_version");
    const logId = parseBase64(answer.string("id"));
    const timestampMs = answer.safeInteger("timestamp");
    const extensions = parseBase64(answer.optionalString("extensions") ?? "");
    if (version !== 0 || logId.length !== 32 || timestampMs < 0)
      throw ctLogError(
        "CT_LOG_REMOTE_ANSWER",
        `Cannot log precertificate: the SCT of ${quote(url)} is of no kind that is known`,
        {
          found: `version ${version}, a log id of ${logId.length} bytes`,
          expected: "version 0, a log id of 32 bytes",
        },
      );
    return { ...parseDigitallySigned(parseBase64(answer.string("signature"))), logId, timestampMs, extensions };
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("CT_LOG_")) throw cause;
    throw ctLogError("CT_LOG_REMOTE_ANSWER", `Cannot log precertificate: ${quote(url)} answers no SCT: ${cause.message}`, {
      cause,
    });
  }
}
