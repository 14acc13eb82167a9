// Errors as Rekor v1 writes them: model Error {"code": <int>, "message"}.
import { isSigillumError, type SigillumError } from "@sigillum/library/encoding";
import { type HttpReply, jsonReply, statusOfError } from "../host/index.ts";

const statusOfCode: ReadonlyMap<string, number> = new Map([
  ["REKOR_V1_NOT_FOUND", 404],
  ["REKOR_V1_DUPLICATE", 409],
  ["REKOR_V1_INVALID", 422],
  ["REKOR_V1_NOT_ACCEPTABLE", 406],
  ["REKOR_V1_SWITCHED_OFF", 501],
]);

/** The reply for an error; the text of an unexpected one stays in the log. */
export function errorReply(error: unknown): HttpReply {
  const status = statusOfError(error, statusOfCode);
  // TRAP of transparency-log.md §1.2: an entry that is not there is answered with an empty body.
  if (isSigillumError(error) && error.code === "REKOR_V1_NOT_FOUND") return { status, headers: { "x-error-code": error.code } };
  if (!isSigillumError(error) || status === 500)
    return jsonReply(status, { code: status, message: "unexpected error communicating with transparency log" });
  // Rekor's model has no place for our code: an addition that clients do not look at.
  const headers: Record<string, string> = { "x-error-code": error.code };
  if (status === 503) headers["retry-after"] = "1";
  if (error.code === "REKOR_V1_DUPLICATE" && error.found !== undefined) headers["location"] = error.found;
  return jsonReply(status, { code: bodyCode(error, status), message: error.message }, headers);
}

// The code inside a 422 is the validator's own (go-openapi/errors: 602 required, 605 pattern …), which `expected` carries.
function bodyCode(error: SigillumError, status: number): number {
  const code = status === 422 ? Number(error.expected) : Number.NaN;
  return Number.isInteger(code) ? code : status;
}
