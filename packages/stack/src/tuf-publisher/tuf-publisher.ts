// The published root of trust: kept fresh by a job, served as static files.
import { join } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, formatRfc3339, type JsonValue } from "@sigillum/library/encoding";
import { encodePathSegment, type RoleName, roleFileName } from "@sigillum/library/tuf";
import {
  type CeremonyFiles,
  defaultPeriods,
  type PublicationDuty,
  type PublicationPlan,
  type PublishedState,
  planPublication,
  publicationDuties,
  type RolePeriods,
  type TargetFile,
} from "@sigillum/library/tuf-repository";
import {
  type Clock,
  errorReply,
  type HttpReply,
  type ListenerSpec,
  type Logger,
  type MetricsRegistry,
  Router,
  type Service,
} from "../host/index.ts";
import { readOptional, readPublished, writePublication } from "./published-directory.ts";

/** What a publisher needs. */
export interface TufPublisherOptions {
  /** Where the published files lie; the folder is made if it is missing. */
  readonly directory: string;
  /** The signers of each role; a role whose key is offline has none. */
  readonly signers: Readonly<Record<RoleName, readonly Signer[]>>;
  readonly thresholds?: Readonly<Record<RoleName, number>>;
  /** The targets that should be published now, by path. Asked at every tick, so that a rotation reaches clients by itself. */
  readonly files: () => ReadonlyMap<string, TargetFile> | Promise<ReadonlyMap<string, TargetFile>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: Omit<ListenerSpec, "handler">;
  readonly periods?: RolePeriods;
  /** Where `sigillum_tuf_expires_days` is told, a series a top-level role. */
  readonly metrics?: MetricsRegistry;
}

/** The service, and what the rest of the stack asks of it. */
export interface TufPublisher extends Service {
  /** Publish what is due now; returns whether anything was. Calls wait for each other. */
  tick(): Promise<boolean>;
  /** Publish what keyholders signed, together with a snapshot and timestamp of now. */
  publishCeremony(ceremony: CeremonyFiles): Promise<void>;
  /** What will be needed next, first due first, and by whom. */
  duties(): Promise<readonly PublicationDuty[]>;
  /** What is published. */
  state(): PublishedState;
  /** Hex SHA-256 of `1.root.json`: what a client pins. */
  firstRootSha256(): Promise<string>;
}

/** How often the publisher looks whether something is due. */
const tickEveryMs = 10 * 60_000;

/** Open or start the repository in `directory`, publish what is due, and return the service. */
export async function createTufPublisher(options: TufPublisherOptions): Promise<TufPublisher> {
  let state = await readPublished(options.directory);
  let failure: string | undefined;
  let running: Promise<boolean> = Promise.resolve(false);

  const plan = async (): Promise<PublicationPlan> => ({
    nowMs: options.clock.nowMs(),
    periods: options.periods ?? defaultPeriods,
    files: await options.files(),
    signers: options.signers,
    thresholds: options.thresholds ?? { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
  });
  const publish = async (ceremony?: CeremonyFiles): Promise<boolean> => {
    const files = await planPublication(state, { ...(await plan()), ...(ceremony === undefined ? {} : { ceremony }) });
    if (files.length === 0) return false;
    await writePublication(options.directory, files, (state?.timestamp.version ?? 0) + 1);
    state = await readPublished(options.directory);
    options.logger.info("tuf.published", { ...versions(state), files: files.map((file) => file.path) });
    return true;
  };
  /** One publication after the other; a failed one is told by `ready` until one succeeds. */
  const inTurn = (run: () => Promise<boolean>): Promise<boolean> => {
    running = running
      .catch(() => false)
      .then(async () => {
        try {
          const published = await run();
          failure = undefined;
          return published;
        } catch (error) {
          failure = error instanceof Error ? error.message : String(error);
          throw error;
        }
      });
    return running;
  };
  const tick = (): Promise<boolean> => inTurn(() => publish());
  await tick();

  const current = (): PublishedState => {
    if (state === undefined) throw new TypeError("The TUF publisher has published nothing");
    return state;
  };
  for (const role of ["root", "targets", "snapshot", "timestamp"] as const) {
    const days = (): number => (current()[role].expiresMs - options.clock.nowMs()) / 86_400_000;
    options.metrics?.gauge("sigillum_tuf_expires_days", "Days until a role of the TUF repository expires", days, { role });
  }
  return {
    name: "tuf",
    listeners: [
      { ...options.listener, handler: routes(options).listener({ logger: options.logger, onError: errorReply, cors: {} }) },
    ],
    jobs: [{ name: "tuf.tick", everyMs: tickEveryMs, run: async () => void (await tick()) }],
    actions: new Map([
      ["tuf.status", async () => ({ ...versions(current()), duties: dutiesAsJson(publicationDuties(current(), await plan())) })],
    ]),
    ready: async () => readiness(current(), options.clock.nowMs(), failure),
    close: async () => void (await running.catch(() => false)),
    tick,
    publishCeremony: async (ceremony) => void (await inTurn(() => publish(ceremony))),
    duties: async () => publicationDuties(current(), await plan()),
    state: current,
    firstRootSha256: async () =>
      encodeHex(sha256((await readOptional(join(options.directory, "1.root.json"))) ?? new Uint8Array())),
  };
}

/** Ready while every role is valid; the reason names the first that is not, or why the last publication failed. */
function readiness(state: PublishedState, nowMs: number, failure: string | undefined): { ready: boolean; reason?: string } {
  for (const role of ["root", "targets", "snapshot", "timestamp"] as const) {
    if (state[role].expiresMs <= nowMs)
      return { ready: false, reason: `${role} ${state[role].version} expired at ${formatRfc3339(state[role].expiresMs)}` };
  }
  return failure === undefined ? { ready: true } : { ready: true, reason: `the last publication failed: ${failure}` };
}

function versions(state: PublishedState | undefined): { [name: string]: JsonValue } {
  const all: { [name: string]: JsonValue } = {};
  for (const role of ["root", "targets", "snapshot", "timestamp"] as const) {
    const file = state?.[role];
    if (file !== undefined) all[role] = { version: file.version, expires: formatRfc3339(file.expiresMs) };
  }
  return all;
}

/** What is needed next, in days, for `status`: whoever reads it is told whose it is. */
function dutiesAsJson(duties: readonly PublicationDuty[]): JsonValue {
  return duties.map(({ role, version, expiresMs, dueMs, who, state, outdated }) => ({
    role,
    version,
    expires: formatRfc3339(expiresMs),
    due: formatRfc3339(dueMs),
    who,
    state,
    ...(outdated === undefined ? {} : { outdated }),
  }));
}

function routes(options: TufPublisherOptions): Router {
  const metadata = async (name: string): Promise<HttpReply> => {
    // The router has decoded the name; on disk a delegated role is encoded whole, so that none is a path.
    const [, version, role] = /^(?:([1-9][0-9]{0,8})\.)?(.{1,200})\.json$/s.exec(name) ?? [];
    const known = role !== undefined && (version !== undefined || role === "timestamp" || role === "root");
    const file = `${version === undefined ? "" : `${version}.`}${roleFileName(role ?? "")}`;
    return fileReply(
      known ? await readOptional(join(options.directory, file)) : undefined,
      "application/json",
      isImmutable(name),
    );
  };
  const target = async (path: string): Promise<HttpReply> => {
    const segments = path.split("/");
    const known = /^[0-9a-f]{64,128}\./.test(segments.at(-1) ?? "") && !segments.some((segment) => /^\.{0,2}$/.test(segment));
    return fileReply(
      known ? await readOptional(join(options.directory, "targets", ...segments.map(encodePathSegment))) : undefined,
      "application/octet-stream",
      true,
    );
  };
  return new Router()
    .add("GET", "/:name", (request) => metadata(request.params["name"] ?? ""))
    .add("GET", "/targets/*path", (request) => target(request.params["path"] ?? ""));
}

function isImmutable(name: string): boolean {
  return /^[0-9]/.test(name);
}

function fileReply(bytes: Uint8Array | undefined, type: string, immutable: boolean): HttpReply {
  // The 404 for the next root is asked for at every refresh and must not be kept by anything in between.
  if (bytes === undefined)
    return {
      status: 404,
      headers: { "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" },
      body: "not found\n",
    };
  const cache = immutable ? "public, max-age=604800, immutable" : "no-store";
  return {
    status: 200,
    headers: { "content-type": type, "cache-control": cache, "content-length": String(bytes.length) },
    body: bytes,
  };
}
