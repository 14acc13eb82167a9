// A witness, as a log asks it: C2SP tlog-witness v1.0.0, add-checkpoint.
//
//   old <size of the tree that the witness saw last>
//   <base64 of a hash>        the consistency proof, 0 to 63 lines
//   <empty line>
//   <checkpoint, a signed note>
import { encodeBase64, parseUtf8 } from "../encoding/index.ts";
import type { Hash } from "../merkle/index.ts";
import { answerMismatch, below, callService, readingAnswer, type ServiceCall, type ServiceOptions } from "./call.ts";

/** What a witness is asked to cosign. */
export interface CosignatureOrder {
  /** The size of the last tree of this log that the witness saw; 0 where it saw none. */
  readonly oldSize: number;
  /** That the checkpoint's tree extends the one of `oldSize`; empty where the sizes are equal, or `oldSize` is 0. */
  readonly proof: readonly Hash[];
  /** The log's signed checkpoint. */
  readonly checkpoint: string;
}

/** What a witness answers: signature lines, or that the last tree it saw has another size than it was told. */
export type CosignatureAnswer =
  | { readonly kind: "cosigned"; readonly lines: string }
  | { readonly kind: "conflict"; readonly size: number };

const maxAnswerBytes = 16 * 1024;
const sizeType = "text/x.tlog.size";

/** Ask a witness to cosign a checkpoint. The lines that it answers were not verified, nor that they are lines at all. */
export async function requestCosignature(
  witnessUrl: string,
  order: CosignatureOrder,
  options: ServiceOptions = {},
): Promise<CosignatureAnswer> {
  const proof = order.proof.map((hash) => `${encodeBase64(hash)}\n`).join("");
  const call: ServiceCall = {
    service: "witness",
    method: "POST",
    url: below(witnessUrl, "/add-checkpoint"),
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: `old ${order.oldSize}\n${proof}\n${order.checkpoint}`,
    maxBytes: maxAnswerBytes,
    statuses: [200, 409],
  };
  const response = await callService(call, options);
  const text = readingAnswer(call, () => parseUtf8(response.body));
  if (response.status === 200) return { kind: "cosigned", lines: text };
  const [type = ""] = (response.headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== sizeType) throw answerMismatch(call, "the type of a 409", type || "nothing", sizeType);
  return { kind: "conflict", size: sizeOf(text, call) };
}

function sizeOf(text: string, call: ServiceCall): number {
  const size = /^(?:0|[1-9]\d{0,15})\n$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw answerMismatch(call, "the size in a 409", JSON.stringify(text.slice(0, 40)), "a decimal number and a newline");
}
