// The data directory of a stack: made, opened and held against its settings.

import { Keyring, type KeyringPlan, type OfferedService } from "../keyring/index.ts";
import {
  dataDirectoryLayout,
  type InitialiseOptions,
  initialiseDataDirectory,
  inspectDataDirectory,
  openDataDirectory,
  type ServiceName,
  type Settings,
} from "../settings/index.ts";
import { type DirectoryLock, lockDirectory } from "../storage/index.ts";
import { refuseBackup } from "./backup.ts";
import { composeError } from "./errors.ts";
import { remoteCtLogOf } from "./remote-ct-log.ts";

/** An open data directory, locked against every other process. */
export interface StackData {
  readonly settings: Settings;
  readonly keyring: Keyring;
  /** Whether this call made it. */
  readonly created: boolean;
  readonly lock: DirectoryLock;
}

/** What opening needs. */
export interface StackDataOptions {
  readonly dataDirectory: string;
  readonly configFile?: string;
  /** How to make the directory where there is none. */
  readonly initialise?: InitialiseOptions;
  readonly nowMs: number;
  /** Open what is there alone: a directory that is missing or unfinished is refused. */
  readonly existing?: boolean;
  /** The caller makes a data directory of a backup; to anybody else a backup is refused. */
  readonly restoring?: boolean;
}

/**
 * Opens a data directory, and makes it where it is missing, empty or unfinished. Nothing is written into a directory that is not
 * Sigillum's own. When it returns, settings and keyring agree.
 */
export async function openStackData(options: StackDataOptions): Promise<StackData> {
  const { dataDirectory } = options;
  // Before the lock, which writes: a foreign directory, or a newer one, is refused untouched.
  const found = await inspectDataDirectory(dataDirectory);
  if (options.restoring !== true) await refuseBackup(dataDirectory);
  if (options.existing === true && found !== "initialised") await openDataDirectory(dataDirectory);
  const lock = await lockDirectory(dataDirectoryLayout(dataDirectory).root);
  try {
    // Under the lock: another process may have made it meanwhile.
    const isMade = (await inspectDataDirectory(dataDirectory)) === "initialised";
    const made = isMade ? undefined : await initialiseDataDirectory(dataDirectory, options.initialise);
    const settings =
      options.configFile === undefined
        ? (made ?? (await openDataDirectory(dataDirectory)))
        : await openDataDirectory(dataDirectory, { configFile: options.configFile });
    const { root } = dataDirectoryLayout(dataDirectory);
    const hasKeys = await Keyring.exists(root);
    if (!hasKeys) await Keyring.create(root, planOf(settings), options.nowMs);
    const remote = await remoteCtLogOf(settings);
    const keyring = await Keyring.open(root, {
      offered: offeredServices(settings),
      ...(remote === undefined ? {} : { ctLogs: [remote] }),
    });
    requireSameAddresses(settings, keyring);
    return { settings, keyring, created: !hasKeys, lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function planOf(settings: Settings): KeyringPlan {
  const url = (name: ServiceName): string => settings.services[name].publicUrl;
  return {
    organization: settings.organization,
    operator: settings.operator,
    ...(settings.trust.profile === "ceremony" ? { tufRoles: ["snapshot", "timestamp"] } : {}),
    ...(settings.keys.holder === undefined ? {} : { keyHolder: settings.keys.holder }),
    keyReferences: settings.keys.references,
    publicUrls: {
      logV1: url("log-v1"),
      logV2: url("log-v2"),
      ca: url("ca"),
      ct: url("ct"),
      tsa: url("tsa"),
      identity: url("identity"),
    },
  };
}

function offeredServices(settings: Settings): ReadonlySet<OfferedService> {
  const all: readonly OfferedService[] = ["log-v1", "log-v2", "ca", "tsa", "identity"];
  return new Set(all.filter((name) => settings.services[name].enabled));
}

/** Addresses went into origins, key ids and the signed trust root: a change in the settings alone would make them lie. */
function requireSameAddresses(settings: Settings, keyring: Keyring): void {
  const recorded: [ServiceName, string | undefined][] = [
    ["log-v1", keyring.shards("v1").at(-1)?.publicUrl],
    // Each shard of v2 has an address of its own: the settings have that of one.
    [
      "log-v2",
      (
        keyring.shards("v2").find(({ publicUrl }) => publicUrl === settings.services["log-v2"].publicUrl) ??
        keyring.shards("v2").at(-1)
      )?.publicUrl,
    ],
    ["ct", keyring.shards("ct")[0]?.publicUrl],
    ["ca", keyring.chains("ca")[0]?.publicUrl],
    ["tsa", keyring.chains("tsa")[0]?.publicUrl],
    ["identity", keyring.document.endpoints.find((endpoint) => endpoint.service === "identity")?.publicUrl],
  ];
  for (const [name, expected] of recorded) {
    const found = settings.services[name].publicUrl;
    if (expected === undefined || expected === found) continue;
    throw composeError(
      "STACK_ADDRESS_CHANGED",
      `Cannot start: services.${name}.publicUrl is ${found}, and the keys and trust root of this stack were made for ${expected}`,
      { found, expected },
    );
  }
}
