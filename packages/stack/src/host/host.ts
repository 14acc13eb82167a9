// The host: runs services in one process from start to clean stop.
import type { Clock } from "./clock.ts";
import { ControlSocket } from "./control-socket.ts";
import { JobRunner } from "./jobs.ts";
import { type OpenAddress, OpenListener } from "./listeners.ts";
import type { Logger } from "./logger.ts";
import { MetricsRegistry } from "./metrics.ts";
import type { Action, ListenerSpec, Readiness, Service } from "./service.ts";
import { boundYoungGeneration } from "./young-generation.ts";

/** What a host is made of. */
export interface HostOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Path of the control socket; without one no actions are served. */
  readonly controlSocket?: string;
  readonly metrics?: MetricsRegistry;
  /** How long `stop` waits for accepted requests. */
  readonly drainMs?: number;
  /** How often certificate files are looked at. */
  readonly tlsReloadMs?: number;
}

/** Runs services: opens their listeners, runs their jobs, serves their actions, stops them cleanly. */
export class Host {
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly #options: HostOptions;
  readonly #jobs: JobRunner;
  readonly #listeners: OpenListener[] = [];
  #services: readonly Service[] = [];
  #control: ControlSocket | undefined;
  #stopping: Promise<void> | undefined;
  #letHeapGrow: (() => void) | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.metrics = options.metrics ?? new MetricsRegistry();
    this.#jobs = new JobRunner(options.logger, this.metrics);
  }

  /** Open everything; when one listener cannot be opened, what was opened is closed again, the services too, and the error thrown. */
  async start(services: readonly Service[]): Promise<void> {
    this.#services = services;
    const { logger } = this.#options;
    try {
      for (const service of services) {
        for (const spec of service.listeners) await this.listen(service.name, spec);
      }
      if (this.#options.controlSocket !== undefined)
        this.#control = await ControlSocket.open(this.#options.controlSocket, collectActions(services), logger);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#letHeapGrow = boundYoungGeneration();
    for (const service of services) for (const job of service.jobs) this.#jobs.start(service.name, job);
    logger.info("host.started", { addresses: this.addresses().map((open) => `${open.service} ${open.address}:${open.port}`) });
  }

  /** Open one more listener of a service; it is closed with the others. */
  async listen(service: string, spec: ListenerSpec): Promise<void> {
    const { logger, tlsReloadMs = 10_000 } = this.#options;
    const listener = await OpenListener.open(spec, { service, logger, metrics: this.metrics, tlsReloadMs });
    if (this.#stopping !== undefined) await listener.close(0);
    else this.#listeners.push(listener);
  }

  /** Where each listener is reached. */
  addresses(): readonly OpenAddress[] {
    return this.#listeners.flatMap((listener) => listener.addresses);
  }

  /** Readiness of each service by name; a service whose `ready` throws is not ready. */
  async readiness(): Promise<ReadonlyMap<string, Readiness>> {
    const entries = this.#services.map(
      async (service): Promise<[string, Readiness]> => [service.name, await readinessOf(service)],
    );
    const found = new Map(await Promise.all(entries));
    if (this.#stopping !== undefined) found.set("host", { ready: false, reason: "stopping" });
    return found;
  }

  /** Stop: what was accepted is answered, then jobs end, then services close. May be called more than once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { logger } = this.#options;
    await Promise.all(this.#listeners.map((listener) => listener.close(this.#options.drainMs ?? 30_000)));
    await this.#jobs.stop();
    await this.#control?.close();
    this.#letHeapGrow?.();
    for (const service of [...this.#services].reverse()) {
      try {
        await service.close();
      } catch (error) {
        // The other services must still be closed.
        logger.error("service.close-failed", { service: service.name, error });
      }
    }
    logger.info("host.stopped");
  }
}

function collectActions(services: readonly Service[]): ReadonlyMap<string, Action> {
  const actions = new Map<string, Action>();
  for (const service of services) {
    for (const [name, action] of service.actions) {
      if (actions.has(name)) throw new TypeError(`Host: two services have the action ${name}`);
      actions.set(name, action);
    }
  }
  return actions;
}

async function readinessOf(service: Service): Promise<Readiness> {
  try {
    return await service.ready();
  } catch (error) {
    // Whatever it is, the service could not say that it can work.
    return { ready: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
