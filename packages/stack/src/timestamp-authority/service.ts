// The timestamp authority as a service. certificate-authority §8.
import { encodePem, formatRfc3339, isSigillumError } from "@sigillum/library/encoding";
import {
  encodeTimestampResponse,
  parseTimestampRequest,
  signTimestampToken,
  type TimestampRequest,
  timestampLimits,
} from "@sigillum/library/timestamp";
import {
  type Action,
  type Clock,
  type HttpReply,
  type HttpRequest,
  hostError,
  type Job,
  jsonReply,
  type ListenerSpec,
  type Logger,
  type MetricsRegistry,
  type Readiness,
  Router,
  type Service,
  statusOfError,
} from "../host/index.ts";
import {
  type ChainRecord,
  type ChainSchedule,
  encodeChainStatus,
  type Keyring,
  parseChainOrder,
  randomSerial,
} from "../keyring/index.ts";
import { ClockGuard, type ClockGuardOptions, clockGuardTimes } from "./clock-guard.ts";
import { timestampAuthorityError } from "./errors.ts";
import { maxJsonBytes, parseJsonRequest } from "./json-request.ts";

/** What a timestamp authority needs. */
export interface TimestampAuthorityOptions {
  readonly keyring: Keyring;
  /** Policy of tokens whose request names none. */
  readonly policy: string;
  /** Policies that a request may name besides. */
  readonly acceptedPolicies?: readonly string[];
  /** Whether tokens that hold certificates hold the whole chain; the signer's alone where nothing is said. */
  readonly includeChain?: boolean;
  readonly clock: Clock;
  /** What the clock is held against; nothing where it is absent, as where a test holds the clock. */
  readonly clockGuard?: Pick<ClockGuardOptions, "steadyMs" | "toleranceMs" | "ntpServers">;
  /** Rotates the chain while the service runs; without one nothing does. */
  readonly chainSchedule?: ChainSchedule;
  /** What else is looked at from time to time: files that may have changed. */
  readonly jobs?: readonly Job[];
  readonly metrics?: MetricsRegistry;
  readonly logger: Logger;
  readonly listener: Omit<ListenerSpec, "handler">;
}

const queryType = "application/timestamp-query";
const jsonType = "application/json";

/** Makes the service; the chain is read from the keyring at each request. */
export function createTimestampAuthority(options: TimestampAuthorityOptions): Service {
  const { clock, logger } = options;
  const guard = options.clockGuard === undefined ? undefined : new ClockGuard({ ...options.clockGuard, clock, logger });
  const count = counters(options);
  const router = new Router()
    .add("POST", "/api/v1/timestamp", async (request) => {
      const asked = await readRequest(request);
      guard?.check();
      const reply = timestampReply(await createTimestamp(options, asked));
      count.made();
      return reply;
    })
    .add("GET", "/api/v1/timestamp/certchain", () => chainReply(options.keyring.activeChain("tsa")))
    .add("GET", "/ping", () => ({ status: 200, headers: { "content-type": "text/plain" }, body: "." }));
  const handler = router.listener({
    logger: options.logger,
    onError: (error, request) => {
      count.refused(error);
      options.logger.info("tsa.refused", { requestId: request.id, error });
      return errorReply(error);
    },
    cors: { allowHeaders: ["accept", "content-type", "x-requested-with"] },
  });
  return {
    name: "tsa",
    listeners: [{ ...options.listener, handler }],
    jobs: [...(guard === undefined ? [] : [watchClock(guard)]), ...chainJobs(options), ...(options.jobs ?? [])],
    actions: chainActions(options),
    ready: () => Promise.resolve(readiness(options, guard)),
    close: () => Promise.resolve(),
  };
}

function counters({ metrics, keyring, clock }: TimestampAuthorityOptions): {
  readonly made: () => void;
  readonly refused: (error: unknown) => void;
} {
  const made = metrics?.counter("sigillum_tsa_timestamps_total", "Timestamps made");
  const refused = metrics?.counter("sigillum_tsa_refusals_total", "Requests for timestamps refused, by code", ["code"]);
  const daysLeft = (): number => {
    const ends = keyring.activeChain("tsa").certificates.map((certificate) => certificate.notAfterMs);
    return Math.floor((Math.min(...ends) - clock.nowMs()) / 86_400_000);
  };
  // The name that dashboards of Sigstore's timestamp authority know.
  metrics?.gauge("timestamp_authority_certificate_valid_days_remaining", "Days until a certificate of the chain ends", daysLeft);
  return {
    made: () => made?.add(),
    refused: (error) => refused?.add(1, isSigillumError(error) ? error.code : "UNEXPECTED"),
  };
}

const advanceMs = 60_000;

function chainJobs({ chainSchedule, clock }: TimestampAuthorityOptions): Job[] {
  if (chainSchedule === undefined) return [];
  const run = async (): Promise<void> => void (await chainSchedule.advance(clock.nowMs()));
  return [{ name: "tsa.rotation", everyMs: advanceMs, atStart: true, run }];
}

function chainActions({ chainSchedule, clock }: TimestampAuthorityOptions): ReadonlyMap<string, Action> {
  if (chainSchedule === undefined) return new Map();
  return new Map<string, Action>([
    ["tsa.rotate", async (input) => encodeChainStatus(await chainSchedule.start(parseChainOrder(input), clock.nowMs()))],
    ["tsa.status", async () => encodeChainStatus(await chainSchedule.advance(clock.nowMs()))],
  ]);
}

function watchClock(guard: ClockGuard): Job {
  const run = async (signal: AbortSignal): Promise<void> => {
    guard.observe();
    await guard.askNtp(signal);
  };
  return { name: "tsa.clock", everyMs: clockGuardTimes.observeMs, run };
}

function readiness(options: TimestampAuthorityOptions, guard: ClockGuard | undefined): Readiness {
  const outside = outsideValidity(options.keyring.activeChain("tsa"), options.clock.nowMs());
  if (outside !== undefined) return { ready: false, reason: outside.message };
  try {
    guard?.check();
    return { ready: true };
  } catch (error) {
    return { ready: false, reason: error instanceof Error ? error.message : "the clock is not steady" };
  }
}

/** Answers a request with a whole response, DER. Throws the codes of `checkTimestampRequest` and this room's. */
export async function createTimestamp(
  options: Pick<TimestampAuthorityOptions, "keyring" | "policy" | "acceptedPolicies" | "includeChain" | "clock">,
  request: TimestampRequest,
): Promise<Uint8Array> {
  const { keyring, policy, acceptedPolicies = [], includeChain, clock } = options;
  const chain = keyring.activeChain("tsa");
  const nowMs = clock.nowMs();
  const outside = outsideValidity(chain, nowMs);
  if (outside !== undefined) throw outside;
  try {
    const token = await signTimestampToken({
      request,
      serial: randomSerial(),
      // §8.3: whole seconds.
      genTimeMs: Math.floor(nowMs / 1000) * 1000,
      policy,
      acceptedPolicies: [policy, ...acceptedPolicies],
      includeChain,
      signer: keyring.signer(chain.key),
      chain: chain.certificates,
    });
    return encodeTimestampResponse(token);
  } catch (cause) {
    if (isSigillumError(cause)) throw cause;
    throw timestampAuthorityError(
      "TSA_SIGNING_FAILED",
      "Cannot make timestamp: the key of the timestamp authority does not sign",
      { cause },
    );
  }
}

function outsideValidity(chain: ChainRecord, nowMs: number): Error | undefined {
  const bad = chain.certificates.find((certificate) => nowMs < certificate.notBeforeMs || nowMs > certificate.notAfterMs);
  if (bad === undefined) return undefined;
  const expected = `${formatRfc3339(bad.notBeforeMs)} to ${formatRfc3339(bad.notAfterMs)}`;
  const found = formatRfc3339(nowMs);
  return timestampAuthorityError(
    "TSA_CERTIFICATE_OUTSIDE_VALIDITY",
    `Cannot make timestamp: a certificate of the authority's chain is valid from ${expected}, and it is ${found}`,
    { found, expected },
  );
}

async function readRequest(request: HttpRequest): Promise<TimestampRequest> {
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type === jsonType) return parseJsonRequest(await request.body(maxJsonBytes));
  if (type === queryType) return parseTimestampRequest(await request.body(timestampLimits.maxRequestBytes));
  throw unsupportedType(type ?? "");
}

function unsupportedType(found: string): Error {
  return hostError(
    "CONTENT_TYPE_UNSUPPORTED",
    `Cannot read timestamp request: content type is ${JSON.stringify(found.slice(0, 80))}`,
    { found: found.slice(0, 80), expected: `${queryType} or ${jsonType}` },
  );
}

function timestampReply(body: Uint8Array): HttpReply {
  return {
    status: 200,
    headers: { "content-type": "application/timestamp-reply", "cache-control": "no-cache, no-store, max-age=0" },
    body,
  };
}

function chainReply(chain: ChainRecord): HttpReply {
  const body = chain.certificates.map((certificate) => encodePem("CERTIFICATE", certificate.der)).join("");
  return {
    status: 200,
    headers: { "content-type": "application/pem-certificate-chain", "cache-control": "max-age=86400" },
    body,
  };
}

// The messages of the upstream server (§8.1), by our codes.
const messages: ReadonlyMap<string, string> = new Map([
  ["TIMESTAMP_HASH_WEAK", "Weak hash algorithm in timestamp request"],
  ["TIMESTAMP_DIGEST_LENGTH", "Message digest has incorrect length for specified algorithm"],
  ["TIMESTAMP_POLICY_UNSUPPORTED", "unaccepted policy: requested TSA policy is not supported by the TSA"],
  ["TIMESTAMP_EXTENSION_UNSUPPORTED", "unaccepted extension: requested extensions are not supported by the TSA"],
  ["TIMESTAMP_TOO_LARGE", "timestamp request is too large"],
  ["TSA_JSON_TOO_LARGE", "timestamp request is too large"],
  ["REQUEST_TOO_LARGE", "timestamp request is too large"],
]);

/** §8.1: HTTP and JSON, never an RFC 3161 rejection; `reason` and `detail` are ours. */
function errorReply(error: unknown): HttpReply {
  if (!isSigillumError(error)) return jsonReply(500, { code: 500, message: "Error generating timestamp response" });
  const status = error.code === "REQUEST_TOO_LARGE" ? 400 : statusOfError(error);
  const message =
    messages.get(error.code) ??
    (status < 500 && !error.code.startsWith("TIMESTAMP_") && !error.code.startsWith("TSA_")
      ? error.message
      : "Error generating timestamp response");
  return jsonReply(
    status,
    { code: status, message, reason: error.code, detail: error.message },
    status === 503 ? { "retry-after": "1" } : {},
  );
}
