// What runs services: listeners, routes, logs, metrics, jobs, control socket.
export { type BatchFunction, BatchWorkers, type BatchWorkersOptions, serveBatches, threadUrl } from "./batch-workers.ts";
export { type Clock, systemClock } from "./clock.ts";
export { ControlSocket, callControlSocket, controlSocketPath } from "./control-socket.ts";
export { hostError, hostErrors } from "./errors.ts";
export type { GrpcCall, GrpcMethod, GrpcService, GrpcStatus } from "./grpc.ts";
export { type ErrorInfo, encodeStatus, errorInfo } from "./grpc-status.ts";
export { createHealthService, type HealthSource, healthListener, healthRouter } from "./health.ts";
export { Host, type HostOptions } from "./host.ts";
export { type HttpReply, type HttpRequest, jsonReply, type Octets, readJson, requireContentType } from "./http-request.ts";
export { JobRunner } from "./jobs.ts";
export { isLoopback, type ListenerContext, type OpenAddress, OpenListener } from "./listeners.ts";
export {
  createLogger,
  describeError,
  type LogFormat,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from "./logger.ts";
export { type Counter, durationBuckets, type Histogram, MetricsRegistry } from "./metrics.ts";
export { type CorsOptions, errorReply, type Handler, Router, type RouterOptions, statusOfError } from "./router.ts";
export {
  type Action,
  defaultListenerLimits,
  type Job,
  type ListenerLimits,
  type ListenerSpec,
  type Readiness,
  type Service,
  type TlsFiles,
} from "./service.ts";
