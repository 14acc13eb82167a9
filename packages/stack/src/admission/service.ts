// The admission controller as a service: a TLS listener for the API server, and the jobs that keep certificate and trust roots fresh.
import type { Clock, HttpReply, HttpRequest, ListenerSpec, Logger, MetricsRegistry, Service } from "../host/index.ts";
import { errorReply, jsonReply, Router } from "../host/index.ts";
import { certificateFiles, ensureCertificate } from "./certificate.ts";
import { ClusterState } from "./cluster-state.ts";
import { workloadCredentials } from "./credentials.ts";
import { DecisionCache } from "./decision-cache.ts";
import type { EvidenceOptions } from "./evidence.ts";
import type { KubeClient } from "./kube-client.ts";
import { PolicyThreads } from "./policy-threads.ts";
import { Webhook, type WebhookPath } from "./webhook.ts";

/** What the controller is made of. */
export interface AdmissionOptions {
  readonly kube: KubeClient;
  /** The namespace in which it runs, whose Secrets and ConfigMaps policies may name. */
  readonly namespace: string;
  readonly serviceName: string;
  readonly certificateSecret: string;
  readonly certificateDirectory: string;
  /** Webhook configurations that are to trust its certificate. */
  readonly mutatingConfigurations: readonly string[];
  readonly validatingConfigurations: readonly string[];
  readonly defaultTrustRoot: string;
  /** How long a pass is kept; 0 keeps none. */
  readonly cacheMs: number;
  readonly registry: Pick<EvidenceOptions, "allowHttpRegistry" | "allowInsecureRegistry">;
  readonly listener: Omit<ListenerSpec, "handler" | "tls">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
}

const certificateJobMs = 3_600_000;
const trustJobMs = 30_000;

/** Make the controller: its certificate is there when this returns, and it follows the cluster. It decides once it has read it whole. */
export async function createAdmission(options: AdmissionOptions): Promise<Service> {
  const { kube, namespace, clock, logger, metrics, listener } = options;
  const certificate = {
    kube,
    namespace,
    secretName: options.certificateSecret,
    serviceName: options.serviceName,
    mutating: options.mutatingConfigurations,
    validating: options.validatingConfigurations,
    directory: options.certificateDirectory,
    clock,
    logger,
  };
  await ensureCertificate(certificate);
  const threads = new PolicyThreads({ logger });
  await threads.start();
  const state = new ClusterState({
    threads,
    kube,
    namespace,
    defaultTrustRoot: options.defaultTrustRoot,
    clock,
    logger,
    ownSecret: options.certificateSecret,
  });
  state.start();
  const decisions = metrics.counter("sigillum_admission_decisions_total", "Images judged, by verdict", ["verdict"]);
  const requests = metrics.counter("sigillum_admission_registry_requests_total", "Requests to registries for decisions", []);
  const webhook = new Webhook({
    view: () => state.view(),
    credentials: (of, workload) => workloadCredentials(kube, of, workload),
    registry: { ...options.registry, onRequest: () => requests.add(1) },
    cache: new DecisionCache(options.cacheMs),
    threads,
    clock,
    logger,
    namespace,
    failOnEmptyAuthorities: () => state.failOnEmptyAuthorities,
    onDecision: ({ verdict }) => decisions.add(1, verdict),
  });
  const readiness = (): { ready: boolean; reason?: string } => {
    const reason = state.waitsFor;
    return reason === undefined ? { ready: true } : { ready: false, reason };
  };
  return {
    name: "admission",
    listeners: [
      {
        ...listener,
        tls: certificateFiles(options.certificateDirectory),
        handler: routes(webhook, readiness).listener({ logger, onError: errorReply }),
      },
    ],
    jobs: [
      { name: "admission-certificate", everyMs: certificateJobMs, run: async () => void (await ensureCertificate(certificate)) },
      { name: "admission-trust", everyMs: trustJobMs, run: () => state.refresh() },
    ],
    actions: new Map(),
    ready: () => Promise.resolve(readiness()),
    close: async () => {
      await Promise.all([state.stop(), threads.close()]);
    },
  };
}

/** The paths of policy-controller, and health for probes. */
export function routes(webhook: Webhook, readiness: () => { ready: boolean; reason?: string }): Router {
  const paths: readonly WebhookPath[] = ["mutations", "validations", "defaulting", "validating"];
  const router = new Router()
    .add("GET", "/healthz", () => jsonReply(200, { status: "ok" }))
    .add("GET", "/readyz", () => {
      const found = readiness();
      return jsonReply(found.ready ? 200 : 503, { ...found });
    });
  for (const path of paths)
    router.add("POST", `/${path}`, (request: HttpRequest): Promise<HttpReply> => webhook.serve(path, request));
  return router;
}
