// From settings and keyring to services: what each is handed, and of which other.
import { availableParallelism } from "node:os";
import { sha256 } from "@sigillum/library/crypto";
import { equalBytes } from "@sigillum/library/encoding";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { openPlace } from "@sigillum/library/tuf-place";
import { createCertificateAuthority } from "../certificate-authority/index.ts";
import { type CtLogService, createCtLogService, remoteCtLog } from "../ct-log/index.ts";
import {
  type Clock,
  createHealthService,
  type Host,
  isLoopback,
  type ListenerSpec,
  type Logger,
  type Service,
  systemClock,
} from "../host/index.ts";
import { createIdentityProvider, type IdentityProvider, UserFile } from "../identity-provider/index.ts";
import { ChainSchedule, type Keyring, type ShardRecord } from "../keyring/index.ts";
import type { RotationSchedule } from "../log-engine/index.ts";
import { createRegistry } from "../registry/index.ts";
import { createRekorV1, openRekorV1Shard, type RekorV1Shard } from "../rekor-v1/index.ts";
import { createRekorV2, openRekorV2Shard, type RekorV2Shard, rekorV2VerifierKeys } from "../rekor-v2/index.ts";
import { dataDirectoryLayout, type ServiceName, type Settings } from "../settings/index.ts";
import { createTimestampAuthority } from "../timestamp-authority/index.ts";
import { createTufPublisher, type TufPublisher } from "../tuf-publisher/index.ts";
import { CheckpointCopies, checkpointDirectory } from "./checkpoint-copies.ts";
import { composeError } from "./errors.ts";
import { addFirstEntry } from "./first-entry.ts";
import { openMlDsaSigners } from "./ml-dsa-key.ts";
import { openShardStore, shardDirectory, shardStoreOf } from "./shard-stores.ts";
import { publishedTrust, rolePeriods, trustFiles } from "./trust-files.ts";
import { stackTufKeys } from "./tuf-keys.ts";
import { upstreamsOf } from "./upstreams.ts";
import { watchChain, watchIssuers } from "./watched-files.ts";
import { witnessesFor } from "./witnesses.ts";

/** What services are made from. */
export interface ServiceParts {
  readonly settings: Settings;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly host: Host;
  readonly copies: CheckpointCopies;
}

/** Threads for each log's verifying of what it is sent; they start with the first entry. More than two starve the sequencer. */
const threads = Math.min(2, availableParallelism());

/** And for the signatures that a certificate authority checks: one beside the thread that signs and writes the log. */
const proofThreads = Math.max(1, Math.min(2, availableParallelism() - 1));

/** The services of a stack, in the order in which they start, and those that callers in this process speak to. */
export interface StackServices {
  readonly all: Service[];
  tuf?: TufPublisher;
  identity?: IdentityProvider;
}

/** Makes the named services. When one fails, those that were made are closed again. */
export async function makeServices(
  given: Omit<ServiceParts, "copies">,
  running: ReadonlySet<ServiceName>,
): Promise<StackServices> {
  const parts: ServiceParts = { ...given, copies: new CheckpointCopies(checkpointDirectory(given.settings)) };
  const services: StackServices = { all: [] };
  try {
    // Made last, and asked for later: a rotation publishes as soon as the publisher is there.
    const publish = (): Promise<void> => publishTrust(parts, services.tuf);
    // First, so that it is closed last, when every shard has its last checkpoint.
    services.all.push(parts.copies.service());
    if (running.has("log-v1")) services.all.push(await makeLogV1(parts, publish));
    if (running.has("log-v2")) services.all.push(await makeLogV2(parts, publish));
    const usesOwnCt = running.has("ca") && parts.settings.ctLog.remoteUrl === undefined;
    const ct = running.has("ct") || usesOwnCt ? await makeCtLog(parts, publish, running.has("ct")) : undefined;
    if (ct !== undefined) services.all.push(ct);
    if (running.has("ca")) services.all.push(await makeCertificateAuthority(parts, publish, usesOwnCt ? ct : undefined));
    if (running.has("tsa")) services.all.push(makeTimestampAuthority(parts, publish));
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

async function makeLogV1(parts: ServiceParts, publish: () => Promise<void>): Promise<Service> {
  const { settings, keyring, clock, logger, host } = parts;
  const ownLogger = logger.child({ service: "log-v1" });
  const witnessed = witnessesFor(parts);
  const open = async (record: ShardRecord): Promise<RekorV1Shard> => {
    const opened = await openRekorV1Shard({
      directory: shardDirectory(settings, record),
      ...(await shardStoreOf(settings, record)),
      hostname: record.checkpointName,
      treeId: BigInt(record.treeId ?? 0),
      signer: keyring.signer(record.key),
      clock,
      logger: ownLogger,
      metrics: host.metrics,
      ...witnessed("v1", ownLogger),
    });
    await parts.copies.add(record, opened.shard);
    if (opened.shard.sealed === undefined) await addFirstEntry(opened.shard, "v1", keyring);
    return opened;
  };
  const shards: RekorV1Shard[] = [];
  for (const record of keyring.shards("v1")) shards.push(await open(record));
  return createRekorV1({
    shards,
    threads,
    disabledOperations: settings.transparencyLog.disabledOperationsV1,
    entryTypes: settings.transparencyLog.entryTypesV1,
    listener: listenerOf(settings, "log-v1"),
    logger: ownLogger,
    rotation: { keyring, clock, ...rotationSettings(settings), open, publish },
  });
}

async function makeLogV2(parts: ServiceParts, publish: () => Promise<void>): Promise<Service> {
  const { settings, keyring, clock, logger, host } = parts;
  const ownLogger = logger.child({ service: "log-v2" });
  const witnessed = witnessesFor(parts);
  const open = async (record: ShardRecord): Promise<RekorV2Shard> => {
    const furtherSigners = await openMlDsaSigners(settings, record);
    const shard = await openRekorV2Shard({
      directory: shardDirectory(settings, record),
      ...(await shardStoreOf(settings, record)),
      origin: record.origin,
      signer: keyring.signer(record.key),
      furtherSigners,
      clock,
      logger: ownLogger,
      metrics: host.metrics,
      ...witnessed("v2", ownLogger),
    });
    await parts.copies.add(record, shard);
    if (shard.sealed === undefined) await addFirstEntry(shard, "v2", keyring);
    const verifierKeys = rekorV2VerifierKeys(record.origin, [keyring.signer(record.key), ...furtherSigners]);
    return { shard, keyId: record.logId, publicUrl: record.publicUrl, verifierKeys };
  };
  const records = keyring.shards("v2");
  const earlier: RekorV2Shard[] = [];
  for (const record of records) earlier.push(await open(record));
  const newest = earlier.pop();
  if (newest === undefined) throw new TypeError("compose: the keyring has no shard of log v2");
  const ports = new Set([settings.services["log-v2"].port]);
  const { cacheWindowMs, schedule } = rotationSettings(settings);
  const { overlapHours, nextUrlV2 } = settings.transparencyLog;
  return createRekorV2({
    ...newest,
    earlier,
    threads,
    listener: listenerOf(settings, "log-v2"),
    moreListeners: records.flatMap((record) => ownListener(settings, record, ports)),
    logger: ownLogger,
    rotation: {
      keyring,
      clock,
      schedule,
      periods: { cacheWindowMs, graceMs: overlapHours * hourMs },
      ...(nextUrlV2 === undefined ? {} : { nextUrl: nextUrlV2 }),
      open,
      listen: async (record, served) => {
        for (const spec of ownListener(settings, record, ports)) await host.listen("log-v2", { ...spec, ...served });
      },
      publish,
    },
  });
}

const hourMs = 3_600_000;

function rotationSettings({ transparencyLog, trust }: Settings): { cacheWindowMs: number; schedule: RotationSchedule } {
  const { rotateEveryDays, rotateAtEntries } = transparencyLog;
  return {
    cacheWindowMs: trust.cacheWindowHours * hourMs,
    schedule: { everyMs: rotateEveryDays * 24 * hourMs, entries: rotateAtEntries },
  };
}

/** On this machine each shard of log v2 has a port of its own (design §4); elsewhere a host name, and one listener gets them all. */
function ownListener(settings: Settings, { publicUrl }: ShardRecord, ports: Set<number>): Omit<ListenerSpec, "handler">[] {
  const { hostname, port } = new URL(publicUrl);
  const own = Number(port);
  const isLocal = hostname === "localhost" || isLoopback(hostname.replace(/^\[|\]$/g, ""));
  if (!isLocal || own === 0 || ports.has(own)) return [];
  ports.add(own);
  return [listenerOf(settings, "log-v2", own)];
}

/** Publish what is due, and make sure that clients which look now find the trusted root as the keyring has it. */
async function publishTrust({ keyring, settings }: ServiceParts, tuf: TufPublisher | undefined): Promise<void> {
  await tuf?.tick();
  const wanted = trustFiles(keyring, settings.trust.defaultLog).get("trusted_root.json")?.bytes ?? new Uint8Array();
  const found = tuf?.state().targets.targets.get("trusted_root.json")?.hashes.get("sha256");
  if (found !== undefined && equalBytes(found, sha256(wanted))) return;
  if (tuf !== undefined && stackTufKeys(keyring).over(tuf.state().root).signers.targets.length === 0) {
    // Keyholders publish now and then: what matters is that every key and address is out, a period that has ended since does not.
    const { trustedRoot, logUrls } = await publishedTrust(dataDirectoryLayout(settings.dataDirectory).tuf, tuf.state());
    const wantedUrls = (["v1", "v2"] as const).flatMap((api) => keyring.signingConfig(api).rekorTlogUrls);
    const isNamed = wantedUrls.every(({ url }) => logUrls.has(url));
    if (holdsEveryKey(trustedRoot, keyring.trustedRoot()) && isNamed) return;
  }
  const why =
    tuf === undefined
      ? "the TUF repository does not run in this process"
      : "what is published lacks the new key or address, and keyholders sign it (sigillum root init EVENT --data DIR)";
  throw composeError("STACK_TRUST_UNPUBLISHED", `Cannot go on with the rotation: ${why}`, {
    expected: "a published trusted_root.json with the key of the next shard",
  });
}

/** Whether every log and authority of one trusted root is in another. */
function holdsEveryKey(published: TrustedRoot, wanted: TrustedRoot): boolean {
  const hasLog = (kind: "tlogs" | "ctlogs"): boolean =>
    wanted[kind].every(({ logId }) => published[kind].some((log) => equalBytes(log.logId, logId)));
  const hasChain = (kind: "certificateAuthorities" | "timestampAuthorities"): boolean =>
    wanted[kind].every(({ chain: [first] }) =>
      published[kind].some(
        ({ chain: [other] }) => first !== undefined && other !== undefined && equalBytes(first.der, other.der),
      ),
    );
  return hasLog("tlogs") && hasLog("ctlogs") && hasChain("certificateAuthorities") && hasChain("timestampAuthorities");
}

/** The CT log; without a listener of its own where only the certificate authority of this process uses it. */
async function makeCtLog(parts: ServiceParts, publish: () => Promise<void>, listens: boolean): Promise<CtLogService> {
  const { settings, keyring, clock, logger, host } = parts;
  const { cacheWindowMs } = rotationSettings(settings);
  const service = await createCtLogService({
    rotation: { cacheWindowMs, publish },
    opened: (record, shard) => parts.copies.add(record, shard),
    keyring,
    directory: dataDirectoryLayout(settings.dataDirectory).logs,
    openStore: (record) => openShardStore(settings, record),
    leafIndexExtension: settings.ctLog.leafIndexExtension,
    clock,
    logger: logger.child({ service: "ct" }),
    metrics: host.metrics,
    listener: listenerOf(settings, "ct"),
  });
  if (listens) return service;
  return {
    ...service,
    get log() {
      return service.log;
    },
    listeners: [],
  };
}

async function makeCertificateAuthority(
  { settings, keyring, clock, logger, host }: ServiceParts,
  publish: () => Promise<void>,
  ct: CtLogService | undefined,
): Promise<Service> {
  const ownLogger = logger.child({ service: "ca" });
  const { cacheWindowMs } = rotationSettings(settings);
  const chainSchedule = new ChainSchedule({ keyring, service: "ca", cacheWindowMs, publish });
  const { issuers, jobs } = await watchIssuers(settings, keyring, clock, ownLogger);
  const { port, aliasPorts } = settings.services.ca;
  return createCertificateAuthority({
    keyring,
    issuers,
    chainSchedule,
    jobs: [...jobs, ...watchChain(settings, "certificateAuthority", chainSchedule, clock, ownLogger)],
    metrics: host.metrics,
    ...(ct === undefined
      ? { submitPrecertificate: remoteCtLog(settings.ctLog.remoteUrl ?? "").submitPrecertificate }
      : { submitPrecertificate: (chain, entry) => ct.log.submitOwnPrecertificate(chain, entry), ownCtLog: true }),
    certificateLifetimeMs: settings.certificateAuthority.certificateLifetimeSeconds * 1000,
    clientAlgorithms: settings.certificateAuthority.clientAlgorithms,
    threads: proofThreads,
    clock,
    logger: ownLogger,
    listeners: [port, ...aliasPorts].map((one) => listenerOf(settings, "ca", one)),
  });
}

function makeTimestampAuthority({ settings, keyring, clock, logger, host }: ServiceParts, publish: () => Promise<void>): Service {
  const { cacheWindowMs } = rotationSettings(settings);
  const chainSchedule = new ChainSchedule({ keyring, service: "tsa", cacheWindowMs, publish });
  return createTimestampAuthority({
    chainSchedule,
    jobs: watchChain(settings, "timestampAuthority", chainSchedule, clock, logger),
    metrics: host.metrics,
    keyring,
    policy: settings.timestampAuthority.policy,
    acceptedPolicies: settings.timestampAuthority.acceptedPolicies,
    includeChain: settings.timestampAuthority.includeChain,
    clock,
    // A clock that somebody holds in hand, as tests do, is not the machine's.
    ...(clock === systemClock
      ? {
          clockGuard: {
            steadyMs: () => performance.now(),
            toleranceMs: settings.timestampAuthority.clockToleranceMilliseconds,
            ntpServers: settings.timestampAuthority.ntpServers,
          },
        }
      : {}),
    logger: logger.child({ service: "tsa" }),
    listener: listenerOf(settings, "tsa"),
  });
}

async function makeIdentityProvider({ settings, keyring, clock, logger }: ServiceParts): Promise<IdentityProvider> {
  const { clientId, tokenLifetimeSeconds, developmentUser, users, workflowTokens } = settings.identityProvider;
  return createIdentityProvider({
    keyring,
    publicUrl: settings.services.identity.publicUrl,
    clientId,
    tokenLifetimeSeconds,
    ...(developmentUser === undefined ? {} : { developmentUser }),
    users,
    upstreams: await upstreamsOf(settings),
    userFile: new UserFile(settings.dataDirectory),
    workflowTokens,
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
    accepts: settings.registry.accepts,
    clock,
  });
}

function makeHealth({ settings, logger, host }: ServiceParts): Service {
  const source = { metrics: host.metrics, logger: logger.child({ service: "explorer" }), readiness: () => host.readiness() };
  return createHealthService(source, listenerOf(settings, "explorer"));
}

/** Without a host nothing is copied elsewhere. */
type PublisherParts = Pick<ServiceParts, "settings" | "keyring" | "clock" | "logger"> & { readonly host?: Host };

function makeTufPublisher({ settings, keyring, clock, logger, host }: PublisherParts): Promise<TufPublisher> {
  return createTufPublisher({
    directory: dataDirectoryLayout(settings.dataDirectory).tuf,
    keys: stackTufKeys(keyring),
    copies:
      host === undefined
        ? []
        : settings.trust.copies.map((address) => openPlace(address, { environment: process.env, acceptUnguarded: true })),
    ...(host === undefined ? {} : { metrics: host.metrics }),
    files: () => trustFiles(keyring, settings.trust.defaultLog),
    clock,
    logger: logger.child({ service: "tuf" }),
    listener: listenerOf(settings, "tuf"),
    periods: rolePeriods(settings.trust),
  });
}

/** A version of the TUF repository a day is usual; a rotation or a renewal gives some more. */
const versionsPerRestore = 1000;
const dayMs = 24 * hourMs;

/** After a restore: publish the new shards' keys under versions that no client has seen, whatever was published after the backup. */
export async function republish(
  { settings, keyring }: Pick<ServiceParts, "settings" | "keyring">,
  { logger, nowMs, backupMs }: { readonly logger: Logger; readonly nowMs: number; readonly backupMs: number },
): Promise<void> {
  const days = Math.max(0, Math.ceil((nowMs - backupMs) / dayMs));
  const publisher = await makeTufPublisher({ settings, keyring, clock: { nowMs: () => nowMs }, logger });
  await publisher.jumpVersions(versionsPerRestore * (days + 1));
  await publisher.close();
}
