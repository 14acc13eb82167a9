// A whole stack in one process: from a data directory to running services, and back to a clean stop.
import type { JsonValue } from "@sigillum/library/encoding";
import {
  type Clock,
  controlSocketPath,
  createLogger,
  Host,
  type LogFormat,
  type Logger,
  type OpenAddress,
  type Readiness,
  type Service,
  systemClock,
} from "../host/index.ts";
import type { Keyring } from "../keyring/index.ts";
import { type InitialiseOptions, type ServiceName, type Settings, serviceNames, settingsError } from "../settings/index.ts";
import { openStackData, type StackData } from "./data.ts";
import { composeError } from "./errors.ts";
import { closeServices, makeServices, type StackServices } from "./services.ts";

/** What a stack is started with. */
export interface StackOptions {
  readonly dataDirectory: string;
  /** Settings from another file than the data directory's. */
  readonly configFile?: string;
  /** Run these services alone; `log` stands for both logs. Everything that is enabled where nothing is said. */
  readonly only?: readonly string[];
  /** How to make the data directory where there is none. */
  readonly initialise?: InitialiseOptions;
  /** Where log lines go; standard error, at the level of the settings, where nothing is said. */
  readonly logger?: Logger;
  /** How those lines are written; "json" where nothing is said. */
  readonly logFormat?: LogFormat;
  readonly clock?: Clock;
  /** How long `stop` waits for accepted requests. */
  readonly drainMs?: number;
}

/** A running stack. */
export interface Stack {
  readonly settings: Settings;
  readonly keyring: Keyring;
  /** Whether the data directory was made by this start. */
  readonly created: boolean;
  /** The public URL of each service that runs here. */
  readonly urls: Readonly<Partial<Record<ServiceName, string>>>;
  readonly addresses: readonly OpenAddress[];
  /** Hex SHA-256 of the first TUF root, which clients pin; undefined where the TUF repository does not run here. */
  readonly tufRootSha256: string | undefined;
  /** A token of the development user without a login; rejects when there is no such user here. */
  developmentToken(audience?: string): Promise<string>;
  readiness(): Promise<ReadonlyMap<string, Readiness>>;
  /** Finishes what was accepted, closes everything and gives up the lock. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Makes the data directory of a stack with keys, chains and settings, and starts nothing. Rejects DATA_DIRECTORY_INITIALISED when it is
 * complete already; one whose making was interrupted is completed.
 */
export async function initialiseStack(
  options: Pick<StackOptions, "dataDirectory" | "initialise" | "clock">,
): Promise<{ readonly settings: Settings; readonly keyring: Keyring }> {
  const data = await openStackData({ ...options, nowMs: (options.clock ?? systemClock).nowMs() });
  try {
    if (!data.created) {
      throw settingsError(
        "DATA_DIRECTORY_INITIALISED",
        `Cannot initialise ${data.settings.dataDirectory}: it is a data directory already`,
        { found: "keyring.json", expected: "an empty directory" },
      );
    }
    return { settings: data.settings, keyring: data.keyring };
  } finally {
    await data.lock.release();
  }
}

/**
 * Starts a stack; its data directory is made where there is none. When it resolves, every service listens and the trust root is
 * published; when it rejects, nothing runs and the lock is free.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const clock = options.clock ?? systemClock;
  const { dataDirectory, configFile, initialise } = options;
  const data = await openStackData({
    dataDirectory,
    nowMs: clock.nowMs(),
    ...(configFile === undefined ? {} : { configFile }),
    ...(initialise === undefined ? {} : { initialise }),
  });
  const { settings, keyring, lock } = data;
  try {
    const running = selectServices(settings, options.only);
    const logger =
      options.logger ??
      createLogger({
        level: settings.logLevel,
        write: (line) => process.stderr.write(line),
        clock,
        format: options.logFormat ?? "json",
      });
    const host = new Host({
      logger,
      clock,
      controlSocket: controlSocketPath(settings.dataDirectory),
      ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
    });
    const services = await makeServices({ settings, keyring, clock, logger, host }, running);
    const tufRootSha256 = await firstRoot(services, logger);
    // From here on the host owns the services: it closes them, also when it cannot start.
    await host.start([...services.all, statusService(host, settings, running)]);
    return runningStack(data, host, services, running, tufRootSha256);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function firstRoot(services: StackServices, logger: Logger): Promise<string | undefined> {
  try {
    return await services.tuf?.firstRootSha256();
  } catch (error) {
    await closeServices(services.all, logger);
    throw error;
  }
}

function runningStack(
  data: StackData,
  host: Host,
  services: StackServices,
  running: ReadonlySet<ServiceName>,
  tufRootSha256: string | undefined,
): Stack {
  let stopping: Promise<void> | undefined;
  return {
    settings: data.settings,
    keyring: data.keyring,
    created: data.created,
    urls: urlsOf(data.settings, running),
    addresses: host.addresses(),
    tufRootSha256,
    developmentToken: async (audience) => {
      if (services.identity !== undefined) return services.identity.developmentToken(audience);
      throw composeError("STACK_SERVICE_DISABLED", "Cannot make token: the identity provider does not run here", {
        expected: "the service identity",
      });
    },
    readiness: () => host.readiness(),
    stop: () => {
      stopping ??= host.stop().finally(() => data.lock.release());
      return stopping;
    },
  };
}

function urlsOf(settings: Settings, running: ReadonlySet<ServiceName>): Partial<Record<ServiceName, string>> {
  const urls: Partial<Record<ServiceName, string>> = {};
  for (const name of running) urls[name] = settings.services[name].publicUrl;
  return urls;
}

/** The services to run, in the settings' order. */
function selectServices(settings: Settings, only: readonly string[] | undefined): ReadonlySet<ServiceName> {
  const enabled = serviceNames.filter((name) => settings.services[name].enabled);
  if (only === undefined) return new Set(enabled);
  const asked = new Set(only.flatMap((name) => (name === "log" ? ["log-v1", "log-v2"] : [name])));
  for (const name of asked) {
    if (!serviceNames.some((known) => known === name)) {
      throw composeError("STACK_SERVICE_UNKNOWN", `Cannot start: there is no service ${JSON.stringify(name.slice(0, 40))}`, {
        found: name,
        expected: ["log", ...serviceNames].join(", "),
      });
    }
    if (!enabled.some((known) => known === name)) {
      throw composeError("STACK_SERVICE_DISABLED", `Cannot start service ${name}: the settings disable it`, {
        found: `services.${name}.enabled: false`,
        expected: "true",
      });
    }
  }
  return new Set(enabled.filter((name) => asked.has(name)));
}

/** What `status` asks through the control socket. */
function statusService(host: Host, settings: Settings, running: ReadonlySet<ServiceName>): Service {
  const status = async (): Promise<JsonValue> => {
    const services = Object.fromEntries(
      [...(await host.readiness())].map(([name, { ready, reason }]) => [
        name,
        { ready, ...(reason === undefined ? {} : { reason }) },
      ]),
    );
    return {
      dataDirectory: settings.dataDirectory,
      services,
      urls: Object.fromEntries(Object.entries(urlsOf(settings, running))),
    };
  };
  return {
    name: "stack",
    listeners: [],
    jobs: [],
    actions: new Map([["status", status]]),
    ready: () => Promise.resolve({ ready: true }),
    close: () => Promise.resolve(),
  };
}
