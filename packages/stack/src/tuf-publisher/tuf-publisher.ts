// The published root of trust: kept fresh by a job, served as static files.
import { join } from "node:path";
import type { Signer } from "@sigillum/library/crypto";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, formatRfc3339, type JsonValue } from "@sigillum/library/encoding";
import type { RoleName } from "@sigillum/library/tuf";
import { defaultPeriods, type PublishedState, planPublication, type RolePeriods } from "@sigillum/library/tuf-repository";
import { type Clock, errorReply, type HttpReply, type ListenerSpec, type Logger, Router, type Service } from "../host/index.ts";
import { readOptional, readPublished, writePublication } from "./published-directory.ts";

/** What a publisher needs. */
export interface TufPublisherOptions {
  /** Where the published files lie; the folder is made if it is missing. */
  readonly directory: string;
  /** The signers of each role; a role whose key is offline has none. */
  readonly signers: Readonly<Record<RoleName, readonly Signer[]>>;
  readonly thresholds?: Readonly<Record<RoleName, number>>;
  /** The targets that should be published now, by path. Asked at every tick, so that a rotation reaches clients by itself. */
  readonly files: () => ReadonlyMap<string, Uint8Array> | Promise<ReadonlyMap<string, Uint8Array>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: Omit<ListenerSpec, "handler">;
  readonly periods?: RolePeriods;
}

/** The service, and what the rest of the stack asks of it. */
export interface TufPublisher extends Service {
  /** Publish what is due now; returns whether anything was. Calls wait for each other. */
  tick(): Promise<boolean>;
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

  const publish = async (): Promise<boolean> => {
    const files = await planPublication(state, {
      nowMs: options.clock.nowMs(),
      periods: options.periods ?? defaultPeriods,
      files: await options.files(),
      signers: options.signers,
      thresholds: options.thresholds ?? { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
    });
    if (files.length === 0) return false;
    await writePublication(options.directory, files, (state?.timestamp.version ?? 0) + 1);
    state = await readPublished(options.directory);
    options.logger.info("tuf.published", { ...versions(state), files: files.map((file) => file.path) });
    return true;
  };
  const tick = (): Promise<boolean> => {
    running = running
      .catch(() => false)
      .then(async () => {
        try {
          const published = await publish();
          failure = undefined;
          return published;
        } catch (error) {
          failure = error instanceof Error ? error.message : String(error);
          throw error;
        }
      });
    return running;
  };
  await tick();

  const current = (): PublishedState => {
    if (state === undefined) throw new TypeError("The TUF publisher has published nothing");
    return state;
  };
  return {
    name: "tuf",
    listeners: [
      { ...options.listener, handler: routes(options).listener({ logger: options.logger, onError: errorReply, cors: {} }) },
    ],
    jobs: [{ name: "tuf.tick", everyMs: tickEveryMs, run: async () => void (await tick()) }],
    actions: new Map([["tuf.status", async () => versions(current())]]),
    ready: async () => readiness(current(), options.clock.nowMs(), failure),
    close: async () => void (await running.catch(() => false)),
    tick,
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

function routes(options: TufPublisherOptions): Router {
  const metadata = async (name: string): Promise<HttpReply> => {
    const known = /^(?:timestamp|root|[1-9][0-9]{0,8}\.(?:root|snapshot|targets))\.json$/.test(name);
    return fileReply(
      known ? await readOptional(join(options.directory, name)) : undefined,
      "application/json",
      isImmutable(name),
    );
  };
  const target = async (path: string): Promise<HttpReply> => {
    const known = /^[0-9a-f]{64,128}\.[A-Za-z0-9][A-Za-z0-9._-]*$/.test(path);
    return fileReply(
      known ? await readOptional(join(options.directory, "targets", path)) : undefined,
      "application/octet-stream",
      true,
    );
  };
  return new Router()
    .add("GET", "/:name", (request) => metadata(request.params["name"] ?? ""))
    .add("GET", "/targets/:path", (request) => target(request.params["path"] ?? ""));
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
