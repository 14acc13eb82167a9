// /healthz, /readyz and /metrics.
import type { RequestListener } from "node:http";
import { jsonReply } from "./http-request.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./metrics.ts";
import { errorReply, Router } from "./router.ts";
import type { ListenerSpec, Readiness, Service } from "./service.ts";

/** What the health pages report on. */
export interface HealthSource {
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  /** Readiness of each service by name. */
  readiness(): Promise<ReadonlyMap<string, Readiness>>;
}

/** The routes /healthz (the process answers), /readyz (every service can work, else 503 and why) and /metrics. */
export function healthRouter(source: HealthSource): Router {
  return new Router()
    .add("GET", "/healthz", () => jsonReply(200, { status: "ok" }, noStore))
    .add("GET", "/readyz", async () => {
      const services = await source.readiness();
      const ready = [...services.values()].every((readiness) => readiness.ready);
      return jsonReply(ready ? 200 : 503, { ready, services: Object.fromEntries(services) }, noStore);
    })
    .add("GET", "/metrics", () => ({
      status: 200,
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8", ...noStore },
      body: source.metrics.text(),
    }));
}

const noStore = { "cache-control": "no-store" };

/** `healthRouter` as a listener of its own. */
export function healthListener(source: HealthSource): RequestListener {
  return healthRouter(source).listener({ logger: source.logger, onError: (error, request) => errorReply(error, request) });
}

/** A service that serves nothing but health; compose puts it on the explorer's port. */
export function createHealthService(source: HealthSource, listener: Omit<ListenerSpec, "handler">): Service {
  return {
    name: listener.name,
    listeners: [{ ...listener, handler: healthListener(source) }],
    jobs: [],
    actions: new Map(),
    ready: () => Promise.resolve({ ready: true }),
    close: () => Promise.resolve(),
  };
}
