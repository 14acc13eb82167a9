// What a service is to the process that runs it.
import type { RequestListener } from "node:http";
import type { JsonValue } from "@sigillum/library/encoding";
import type { GrpcService } from "./grpc.ts";

/** Whether a service can do its work now, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  readonly reason?: string;
}

/** Limits of one listener; every value has a default in `defaultListenerLimits`. */
export interface ListenerLimits {
  /** Time for a request's headers to arrive. */
  readonly headersTimeoutMs: number;
  /** Time for a whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
}

/** The limits of a listener that names none. */
export const defaultListenerLimits: ListenerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 10_000,
};

/** Where a listener finds its certificate chain and key, both PEM. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** One port, opened on every address. */
export interface ListenerSpec {
  readonly name: string;
  readonly addresses: readonly string[];
  /** 0 lets the system choose; then all addresses get the same port. */
  readonly port: number;
  readonly tls?: TlsFiles;
  /** A proxy that ends TLS stands in front, so plain HTTP beyond loopback is meant. */
  readonly behindProxy?: boolean;
  /** The setting that holds the port, named when the port is taken. */
  readonly setting?: string;
  readonly limits?: Partial<ListenerLimits>;
  readonly handler: RequestListener;
  /** Also answers gRPC, and the handler HTTP/2, on the same port. */
  readonly grpc?: GrpcService;
}

/** Work done at a fixed interval; runs of one job never overlap. */
export interface Job {
  readonly name: string;
  readonly everyMs: number;
  /** Also run when the host starts, not only after the first interval. */
  readonly atStart?: boolean;
  run(signal: AbortSignal): Promise<void>;
}

/** What the control socket can ask of a service; returns what the asker is told. */
export type Action = (input: JsonValue) => Promise<JsonValue>;

/** A part of the stack, as the host runs it. */
export interface Service {
  readonly name: string;
  readonly listeners: readonly ListenerSpec[];
  readonly jobs: readonly Job[];
  readonly actions: ReadonlyMap<string, Action>;
  ready(): Promise<Readiness>;
  /** Called once, after its listeners have answered what they accepted and its jobs have ended. */
  close(): Promise<void>;
}
