export { closeIdleConnections, type TlsTrust } from "./agents.ts";
export { httpError, httpErrors } from "./errors.ts";
export type { OutgoingBody } from "./exchange.ts";
export {
  defaultMaxBytes,
  describeResponse,
  type HttpRequestOptions,
  type HttpResponse,
  type HttpResponseHead,
  type HttpStreamOptions,
  type HttpStreamResponse,
  type RequestSettings,
  request,
  requestStream,
} from "./request.ts";
export { parseRetryAfter } from "./retry.ts";
export { type HttpTrace, traceRequests } from "./trace.ts";
