// Errors as Fulcio's clients know them: google.rpc.Status with Fulcio's messages (certificate-authority §1.6), and with a
// google.rpc.ErrorInfo that says which check failed, what was found and what was expected.
import { isSigillumError, type SigillumError } from "@sigillum/library/encoding";
import { errorInfo, type GrpcStatus, type HttpReply, jsonReply } from "../host/index.ts";

interface Mapping {
  readonly httpStatus: number;
  readonly code: number;
  readonly message?: string;
}

const invalidArgument = { httpStatus: 400, code: 3 };
const unavailable = { httpStatus: 503, code: 14 };
const tokenMessage = "There was an error processing the identity token";
const keyMessage = "The public key supplied in the request could not be parsed";
const ctMessage = "Error entering certificate in CTL";
const backendMessage = "error communicating with CA backend";

const mappings: ReadonlyMap<string, Mapping> = new Map<string, Mapping>([
  ["CA_REQUEST_MALFORMED", { ...invalidArgument, message: keyMessage }],
  ["CA_PUBLIC_KEY_MALFORMED", { ...invalidArgument, message: keyMessage }],
  ["CA_PUBLIC_KEY_INSECURE", { ...invalidArgument, message: "The public key supplied in the request is insecure" }],
  ["CA_REQUEST_UNREADABLE", { ...invalidArgument, message: "The certificate signing request could not be parsed" }],
  ["CA_PROOF_OF_POSSESSION", { ...invalidArgument, message: "The signature supplied in the request could not be verified" }],
  ["CA_PROOF_REPLAYED", { ...invalidArgument, message: "The signature supplied in the request could not be verified" }],
  ["CA_IDENTITY_NOT_ENCODABLE", invalidArgument],
  // Divergence: Fulcio answers 500. Clients retry 503, and nothing was issued (design §7, issue "certificate authority" 4).
  ["CA_CT_UNAVAILABLE", { ...unavailable, message: ctMessage }],
  ["CA_CT_SCT_INVALID", { ...unavailable, message: ctMessage }],
  ["CA_CHAIN_OUTSIDE_VALIDITY", { ...unavailable, message: backendMessage }],
  ["CA_SIGNING_FAILED", { ...unavailable, message: backendMessage }],
  ["ISSUER_UNREACHABLE", { ...unavailable, message: tokenMessage }],
  ["ISSUER_REDIRECT", { ...unavailable, message: tokenMessage }],
  ["ISSUER_KEY_SET_TOO_LARGE", { ...unavailable, message: tokenMessage }],
  ["ISSUER_INVALID", { ...unavailable, message: tokenMessage }],
  ["ROUTE_NOT_FOUND", { httpStatus: 404, code: 5, message: "Not Found" }],
  ["METHOD_NOT_ALLOWED", { httpStatus: 501, code: 12, message: "Method Not Allowed" }],
]);

/** The reply for an error; the text of an unexpected one stays in the log. */
export function statusReply(error: unknown): HttpReply {
  if (!isSigillumError(error)) return jsonReply(500, { code: 13, message: "an unexpected error", details: [] });
  const mapping = mappingOf(error);
  return jsonReply(
    mapping.httpStatus,
    { code: mapping.code, message: mapping.message ?? error.message, details: [errorInfo(error)] },
    mapping.httpStatus === 503 ? { "retry-after": "1" } : {},
  );
}

/** The same for a call of gRPC. */
export function grpcStatus(error: unknown): GrpcStatus {
  if (!isSigillumError(error)) return { code: 13, message: "an unexpected error" };
  const mapping = mappingOf(error);
  return { code: mapping.code, message: mapping.message ?? error.message };
}

function mappingOf(error: SigillumError): Mapping {
  const own = mappings.get(error.code);
  if (own !== undefined) return own;
  if (error.code === "CA_ALGORITHM_REFUSED")
    return { ...invalidArgument, message: `signing algorithm not permitted: ${error.found ?? "unknown"}` };
  // certificate-authority §1.6: a bad token is 400, never 401.
  if (error.code.startsWith("TOKEN_")) return { ...invalidArgument, message: tokenMessage };
  return error.kind === "malformed" || error.kind === "verification" ? invalidArgument : unavailable;
}
