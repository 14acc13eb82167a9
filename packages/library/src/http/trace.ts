/** Told of each exchange: the request with its answer's status, or why there is none. Queries and headers are left out: they hold secrets. */
export type HttpTrace = (line: string) => void;

let listener: HttpTrace | undefined;

/** Have every request told to `trace`, or to nobody. */
export function traceRequests(trace: HttpTrace | undefined): void {
  listener = trace;
}

/** Tell of one exchange, if anybody listens. */
export function traceExchange(method: string, url: URL, outcome: string): void {
  listener?.(`${method} ${url.origin}${url.pathname} ${outcome}`);
}
