// The codes of the room `host`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  PORT_TAKEN: { kind: "state", means: "Another process listens on the port that a service is set to use." },
  PORT_FORBIDDEN: { kind: "state", means: "This user may not open the port that a service is set to use." },
  ADDRESS_UNAVAILABLE: { kind: "state", means: "The machine does not have the address that a service is set to listen on." },
  LISTENER_NEEDS_TLS: {
    kind: "state",
    means: "A listener beyond loopback has neither certificate files nor the setting that says a proxy stands in front.",
  },
  TLS_FILES_UNUSABLE: {
    kind: "state",
    means: "A listener's certificate and key files cannot be read or do not belong together.",
  },
  ROUTE_NOT_FOUND: { kind: "malformed", means: "A request names a path that the service does not serve." },
  METHOD_NOT_ALLOWED: { kind: "malformed", means: "A request uses a method that the path does not serve." },
  REQUEST_MALFORMED: { kind: "malformed", means: "A request's path, headers or framing cannot be read." },
  REQUEST_TOO_LARGE: { kind: "malformed", means: "A request's body is longer than the service accepts." },
  REQUEST_ABORTED: { kind: "unavailable", means: "The client went away before its request was read whole." },
  CONTENT_TYPE_UNSUPPORTED: { kind: "malformed", means: "A request's body is of a content type that the service does not read." },
  WORKERS_OVERLOADED: {
    kind: "unavailable",
    means: "More requests wait to be verified than the service accepts; try again shortly.",
  },
  CONTROL_SOCKET_TAKEN: { kind: "state", means: "Another process answers on the control socket." },
  CONTROL_SOCKET_UNREACHABLE: { kind: "unavailable", means: "No running stack answers on the control socket." },
  CONTROL_ACTION_UNKNOWN: { kind: "malformed", means: "The running stack has no action of that name." },
  CONTROL_ACTION_REFUSED: { kind: "verification", means: "The running stack carried out no action and said why." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const hostErrors: ErrorTable = table;

/** Make an error of this room. */
export const hostError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
