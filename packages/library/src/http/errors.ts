import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Codes of the room `http`: why an outgoing request has no usable answer. */
export const httpErrors = {
  HTTP_URL_UNSUPPORTED: { kind: "malformed", means: "The address is no absolute http or https URL." },
  HTTP_UNREACHABLE: { kind: "unavailable", means: "No connection to the server could be made, or it closed before it answered." },
  HTTP_TLS_UNTRUSTED: {
    kind: "unavailable",
    means: "The server's TLS certificate does not chain to a trusted CA or does not name the host.",
  },
  HTTP_TIMEOUT: { kind: "unavailable", means: "The server did not answer completely within the time the caller allows." },
  HTTP_INTERRUPTED: { kind: "unavailable", means: "The connection broke before the whole answer had arrived." },
  HTTP_TOO_LARGE: { kind: "unavailable", means: "The answer is longer than the caller allows." },
  HTTP_REDIRECT_REFUSED: {
    kind: "unavailable",
    means: "The server redirects further, or to another scheme, than the caller allows.",
  },
  HTTP_CANCELLED: { kind: "unavailable", means: "The caller gave the request up." },
} as const;

/** Make an error of the room `http`. */
export const httpError: ErrorMaker<typeof httpErrors> = defineErrors(httpErrors);
