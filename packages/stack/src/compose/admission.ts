// The admission controller by itself: it has no data directory and no keys, and all that it knows is in the cluster.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSigillumError } from "@sigillum/library/encoding";
import { createAdmission, inClusterAccess, type KubeAccess, KubeClient, ownNamespace, tokenFile } from "../admission/index.ts";
import {
  type Clock,
  createHealthService,
  createLogger,
  Host,
  type Logger,
  type OpenAddress,
  systemClock,
} from "../host/index.ts";
import { type AdmissionSettings, parseSettings, type Settings } from "../settings/index.ts";
import { composeError } from "./errors.ts";

/** What the controller is started with. */
export interface AdmissionStartOptions {
  /** A settings file; every default where nothing is said. */
  readonly configFile?: string;
  /** Where log lines go; standard error where nothing is said. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly drainMs?: number;
  /** Health and metrics too; default true. */
  readonly health?: boolean;
}

/** A running controller. */
export interface AdmissionController {
  readonly settings: Settings;
  readonly addresses: readonly OpenAddress[];
  ready(): Promise<boolean>;
  stop(): Promise<void>;
}

/** Starts the admission controller. When it resolves it listens with a certificate that the API server was told of. */
export async function startAdmission(options: AdmissionStartOptions): Promise<AdmissionController> {
  const settings = await readSettings(options.configFile);
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? createLogger({ level: settings.logLevel, write: (line) => process.stderr.write(line), clock });
  const host = new Host({ logger, clock, ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }) });
  const directory = await mkdtemp(join(tmpdir(), "sigillum-admission-"));
  const gone = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const { admission } = settings;
    const service = await createAdmission({
      kube: new KubeClient(await accessOf(admission)),
      namespace: await namespaceOf(admission),
      serviceName: admission.serviceName,
      certificateSecret: admission.certificateSecret,
      certificateDirectory: directory,
      mutatingConfigurations: admission.mutatingConfigurations,
      validatingConfigurations: admission.validatingConfigurations,
      defaultTrustRoot: admission.defaultTrustRoot,
      cacheMs: admission.cacheSeconds * 1000,
      registry: { allowHttpRegistry: admission.allowHttpRegistry },
      listener: { name: "admission", addresses: admission.addresses, port: admission.port, setting: "admission.port" },
      clock,
      logger: logger.child({ service: "admission" }),
      metrics: host.metrics,
    });
    const { addresses, port, behindProxy } = settings.services.explorer;
    const health = createHealthService(
      { metrics: host.metrics, logger, readiness: () => host.readiness() },
      { name: "explorer", addresses, port, behindProxy, setting: "services.explorer.port" },
    );
    await host.start(options.health === false ? [service] : [service, health]);
    return {
      settings,
      addresses: host.addresses(),
      ready: async () => (await service.ready()).ready,
      stop: () => host.stop().finally(gone),
    };
  } catch (error) {
    await gone();
    throw error;
  }
}

async function readSettings(configFile: string | undefined): Promise<Settings> {
  if (configFile === undefined) return parseSettings("", "");
  try {
    return parseSettings(await readFile(configFile, "utf8"), "", configFile);
  } catch (cause) {
    if (isSigillumError(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw composeError("STACK_FILE_UNREADABLE", `Cannot read settings from ${configFile}: ${reason}`, { cause });
  }
}

async function accessOf(admission: AdmissionSettings): Promise<KubeAccess> {
  const { apiServer, caFile, tokenFile: token } = admission;
  if (apiServer === undefined) return await inClusterAccess();
  return {
    server: apiServer,
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, "utf8") }),
    ...(token === undefined ? {} : { token: tokenFile(token) }),
  };
}

async function namespaceOf(admission: AdmissionSettings): Promise<string> {
  return admission.namespace ?? (await ownNamespace()) ?? "cosign-system";
}
