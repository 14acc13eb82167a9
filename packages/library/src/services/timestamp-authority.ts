// RFC 3161 §3.4: a timestamp request by HTTP POST.
import { randomBytes } from "node:crypto";
import { digest, type HashAlgorithm } from "../crypto/index.ts";
import { equalBytes, quote } from "../encoding/index.ts";
import { encodeTimestampRequest, parseTimestampResponse } from "../timestamp/index.ts";
import { answerMismatch, callService, readingAnswer, type ServiceCall, type ServiceOptions } from "./call.ts";
import { serviceError } from "./errors.ts";

const maxAnswerBytes = 256 * 1024;
const hash: HashAlgorithm = "sha256";

/**
 * Ask a timestamp authority for a timestamp over a signature, without certificates, which a verifier takes from its trusted root.
 * The response comes back as DER, with its request granted; its signature was not verified, nor what it stamps.
 */
export async function requestTimestamp(tsaUrl: string, signature: Uint8Array, options: ServiceOptions = {}): Promise<Uint8Array> {
  const nonce = randomNonce();
  const call: ServiceCall = {
    service: "timestamp authority",
    method: "POST",
    url: tsaUrl,
    headers: { "content-type": "application/timestamp-query", accept: "application/timestamp-reply" },
    body: encodeTimestampRequest({ hash, digest: digest(hash, signature), nonce, certReq: false }),
    maxBytes: maxAnswerBytes,
    statuses: [200, 201],
  };
  const response = await callService(call, options);
  const answer = readingAnswer(call, () => parseTimestampResponse(response.body));
  const { status, token, failures, statusText } = answer;
  if (status !== 0 || token === undefined) {
    const found = [`status ${status}`, ...failures, ...statusText.map((text) => quote(text))].join(", ");
    throw serviceError("SERVICE_REFUSED", `Cannot use timestamp authority ${tsaUrl}: it does not grant the request, ${found}`, {
      found,
      expected: "status 0",
    });
  }
  if (!equalBytes(token.info.nonce ?? new Uint8Array(0), nonce)) {
    throw answerMismatch(call, "its nonce", "another", "the one that was sent");
  }
  return response.body;
}

// A positive INTEGER whose content octets are these bytes: the first is neither zero nor has the sign bit.
function randomNonce(): Uint8Array {
  const nonce = new Uint8Array(randomBytes(16));
  nonce[0] = 0x40 | ((nonce[0] ?? 0) & 0x3f);
  return nonce;
}
