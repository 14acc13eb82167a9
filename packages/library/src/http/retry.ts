import type { Incoming } from "./exchange.ts";

const longestWaitMs = 60_000;
const firstWaitMs = 200;

/**
 * How long to wait before the request is sent again, or undefined when it must not be: after 429 and 503 as `Retry-After`
 * says (RFC 9110 §10.2.3), at most a minute; after no connection, and where nothing is said, doubling from 0.2 s.
 */
export function retryDelayMs(result: Incoming | Error, attempt: number, unreachableToo: boolean): number | undefined {
  if (result instanceof Error)
    return Reflect.get(result, "code") === "HTTP_UNREACHABLE" && unreachableToo ? backoff(attempt) : undefined;
  if (result.status !== 429 && result.status !== 503) return undefined;
  return parseRetryAfter(result.headers["retry-after"], Date.now()) ?? backoff(attempt);
}

/** Milliseconds that a `Retry-After` value asks for: seconds or an HTTP date; undefined when it is neither or far off. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const waitMs = /^[0-9]{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  if (Number.isNaN(waitMs)) return undefined;
  return Math.min(Math.max(0, waitMs), longestWaitMs);
}

// Jitter of a quarter, so that clients that failed together do not come back together.
function backoff(attempt: number): number {
  return Math.min(firstWaitMs * 2 ** attempt, 5_000) * (1 + Math.random() / 4);
}
