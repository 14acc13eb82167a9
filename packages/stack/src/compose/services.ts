// From settings and keyring to services: what each is handed, and of which other.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createCertificateAuthority } from "../certificate-authority/index.ts";
import { type CtLogService, createCtLogService } from "../ct-log/index.ts";
import { type Clock, createHealthService, type Host, type ListenerSpec, type Logger, type Service } from "../host/index.ts";
import { createIdentityProvider, type IdentityProvider, identityKeySet } from "../identity-provider/index.ts";
import { type IssuerConfiguration, Issuers } from "../issuers/index.ts";
import type { Keyring, ShardRecord } from "../keyring/index.ts";
import { createRegistry } from "../registry/index.ts";
import { createRekorV1, openRekorV1Shard, type RekorV1Shard } from "../rekor-v1/index.ts";
import { createRekorV2, openRekorV2Shard } from "../rekor-v2/index.ts";
import { dataDirectoryLayout, type ServiceName, type Settings } from "../settings/index.ts";
import { createTimestampAuthority } from "../timestamp-authority/index.ts";
import { createTufPublisher, type TufPublisher } from "../tuf-publisher/index.ts";
import { addFirstEntry } from "./first-entry.ts";
import { rolePeriods, trustFiles } from "./trust-files.ts";

/** What services are made from. */
export interface ServiceParts {
  readonly settings: Settings;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly host: Host;
}

/** Threads for each log's verifying of what it is sent; they start with the first entry. More than two starve the sequencer. */
const threads = Math.min(2, availableParallelism());

/** The services of a stack, in the order in which they start, and those that callers in this process speak to. */
export interface StackServices {
  readonly all: Service[];
  tuf?: TufPublisher;
  identity?: IdentityProvider;
}

/** Makes the named services. When one fails, those that were made are closed again. */
export async function makeServices(parts: ServiceParts, running: ReadonlySet<ServiceName>): Promise<StackServices> {
  const services: StackServices = { all: [] };
  try {
    if (running.has("log-v1")) services.all.push(await makeLogV1(parts));
    if (running.has("log-v2")) services.all.push(await makeLogV2(parts));
    if (running.has("ct") || running.has("ca")) {
      const ct = await makeCtLog(parts, running.has("ct"));
      services.all.push(ct);
      if (running.has("ca")) services.all.push(makeCertificateAuthority(parts, ct));
    }
    if (running.has("tsa")) services.all.push(makeTimestampAuthority(parts));
    if (running.has("identity")) {
      services.identity = await makeIdentityProvider(parts);
      services.all.push(services.identity);
    }
    if (running.has("registry")) services.all.push(makeRegistry(parts));
    if (running.has("explorer")) services.all.push(makeHealth(parts));
    // Last: what is published should be there already.
    if (running.has("tuf")) {
      services.tuf = await makeTufPublisher(parts);
      services.all.push(services.tuf);
    }
    return services;
  } catch (error) {
    await closeServices(services.all, parts.logger);
    throw error;
  }
}

/** Closes services that no host was given, last first; one that fails does not keep the others open. */
export async function closeServices(services: readonly Service[], logger: Logger): Promise<void> {
  for (const service of [...services].reverse()) {
    try {
      await service.close();
    } catch (error) {
      logger.error("service.close-failed", { service: service.name, error });
    }
  }
}

function listenerOf(settings: Settings, name: ServiceName, port = settings.services[name].port): Omit<ListenerSpec, "handler"> {
  const { addresses, tls, behindProxy } = settings.services[name];
  return {
    name: port === settings.services[name].port ? name : `${name}-${port}`,
    addresses,
    port,
    behindProxy,
    setting: `services.${name}.port`,
    ...(tls === undefined ? {} : { tls }),
  };
}

async function makeLogV1({ settings, keyring, clock, logger, host }: ServiceParts): Promise<Service> {
  const shards: RekorV1Shard[] = [];
  for (const record of keyring.shards("v1")) {
    shards.push(
      await openRekorV1Shard({
        directory: shardDirectory(settings, record),
        hostname: record.checkpointName,
        treeId: BigInt(record.treeId ?? 0),
        signer: keyring.signer(record.key),
        clock,
        logger: logger.child({ service: "log-v1" }),
        metrics: host.metrics,
      }),
    );
  }
  const active = shards.at(-1);
  if (active !== undefined) await addFirstEntry(active.shard, "v1", keyring);
  return createRekorV1({ shards, threads, listener: listenerOf(settings, "log-v1"), logger: logger.child({ service: "log-v1" }) });
}

async function makeLogV2({ settings, keyring, clock, logger, host }: ServiceParts): Promise<Service> {
  const record = activeShard(keyring, "v2");
  const ownLogger = logger.child({ service: "log-v2" });
  const shard = await openRekorV2Shard({
    directory: shardDirectory(settings, record),
    origin: record.origin,
    signer: keyring.signer(record.key),
    clock,
    logger: ownLogger,
    metrics: host.metrics,
  });
  await addFirstEntry(shard, "v2", keyring);
  return createRekorV2({ shard, threads, keyId: record.logId, listener: listenerOf(settings, "log-v2"), logger: ownLogger });
}

/** The CT log; without a listener of its own where only the certificate authority of this process uses it. */
async function makeCtLog({ settings, keyring, clock, logger, host }: ServiceParts, listens: boolean): Promise<CtLogService> {
  const service = await createCtLogService({
    keyring,
    directory: dataDirectoryLayout(settings.dataDirectory).logs,
    leafIndexExtension: settings.ctLog.leafIndexExtension,
    clock,
    logger: logger.child({ service: "ct" }),
    metrics: host.metrics,
    listener: listenerOf(settings, "ct"),
  });
  return listens ? service : { ...service, listeners: [] };
}

function makeCertificateAuthority({ settings, keyring, clock, logger }: ServiceParts, ct: CtLogService): Service {
  const ownLogger = logger.child({ service: "ca" });
  const { port, aliasPorts } = settings.services.ca;
  return createCertificateAuthority({
    keyring,
    issuers: makeIssuers(settings, keyring, clock, ownLogger),
    submitPrecertificate: (chain) => ct.log.submitPrecertificate(chain),
    certificateLifetimeMs: settings.certificateAuthority.certificateLifetimeSeconds * 1000,
    clock,
    logger: ownLogger,
    listeners: [port, ...aliasPorts].map((one) => listenerOf(settings, "ca", one)),
  });
}

/** The configured issuers and, where it is enabled, the embedded provider, whose keys are handed over without the network. */
function makeIssuers(settings: Settings, keyring: Keyring, clock: Clock, logger: Logger): Issuers {
  const { identity } = settings.services;
  const configuration: IssuerConfiguration = {
    url: identity.publicUrl,
    clientId: settings.identityProvider.clientId,
    type: "email",
    skipEmailVerification: false,
  };
  return new Issuers({
    issuers: settings.certificateAuthority.issuers,
    clock,
    logger,
    ...(identity.enabled ? { embedded: { configuration, keys: identityKeySet(keyring) } } : {}),
  });
}

function makeTimestampAuthority({ settings, keyring, clock, logger }: ServiceParts): Service {
  return createTimestampAuthority({
    keyring,
    policy: settings.timestampAuthority.policy,
    clock,
    logger: logger.child({ service: "tsa" }),
    listener: listenerOf(settings, "tsa"),
  });
}

function makeIdentityProvider({ settings, keyring, clock, logger }: ServiceParts): Promise<IdentityProvider> {
  const { clientId, tokenLifetimeSeconds, developmentUser } = settings.identityProvider;
  return createIdentityProvider({
    keyring,
    publicUrl: settings.services.identity.publicUrl,
    clientId,
    tokenLifetimeSeconds,
    ...(developmentUser === undefined ? {} : { developmentUser }),
    clock,
    logger: logger.child({ service: "identity" }),
    listener: listenerOf(settings, "identity"),
  });
}

function makeRegistry({ settings, clock, logger }: ServiceParts): Service {
  return createRegistry({
    directory: dataDirectoryLayout(settings.dataDirectory).registry,
    logger: logger.child({ service: "registry" }),
    listener: listenerOf(settings, "registry"),
    clock,
  });
}

function makeHealth({ settings, logger, host }: ServiceParts): Service {
  const source = { metrics: host.metrics, logger: logger.child({ service: "explorer" }), readiness: () => host.readiness() };
  return createHealthService(source, listenerOf(settings, "explorer"));
}

function makeTufPublisher({ settings, keyring, clock, logger }: ServiceParts): Promise<TufPublisher> {
  return createTufPublisher({
    directory: dataDirectoryLayout(settings.dataDirectory).tuf,
    signers: {
      root: [keyring.signer("tuf-root")],
      targets: [keyring.signer("tuf-targets")],
      snapshot: [keyring.signer("tuf-snapshot")],
      timestamp: [keyring.signer("tuf-timestamp")],
    },
    files: () => trustFiles(keyring, settings.trust.defaultLog),
    clock,
    logger: logger.child({ service: "tuf" }),
    listener: listenerOf(settings, "tuf"),
    periods: rolePeriods(settings.trust),
  });
}

function activeShard(keyring: Keyring, api: ShardRecord["api"]): ShardRecord {
  const record = keyring.shards(api).findLast((shard) => shard.state === "active");
  if (record === undefined) throw new TypeError(`compose: the keyring has no active shard of log ${api}`);
  return record;
}

/** Each shard in a folder of its own, named after its API. */
function shardDirectory(settings: Settings, record: ShardRecord): string {
  return join(dataDirectoryLayout(settings.dataDirectory).logs, `${record.api}-${record.id}`);
}
