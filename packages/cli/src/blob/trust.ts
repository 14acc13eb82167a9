import { isSigillumError } from "@sigillum/library/encoding";
import type { LoadedRoot } from "@sigillum/library/trust-store";
import {
  parseSigningConfig,
  parseTrustedRoot,
  type SigningConfig,
  type SigningService,
  signingConfigLimits,
  type TrustedRoot,
  trustedRootLimits,
} from "@sigillum/library/trusted-root";
import type { Arguments } from "../arguments/index.ts";
import { keyReference } from "../key/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { blobError } from "./errors.ts";
import { isSet, optional } from "./expectations.ts";
import { readSmallFile } from "./files.ts";
import { describePublicRoot, publicRootName, readPublicRoot } from "./public-root.ts";
import { overlaidRoot } from "./trust-overlay.ts";

/** What is believed and used for signing. */
export interface SigningTrust {
  readonly trustedRoot: TrustedRoot;
  readonly signingConfig: SigningConfig;
}

/** A root that believes nothing: enough where a key alone is to be checked. */
export const emptyRoot: TrustedRoot = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };

/** The trust for a signing command: from files, or from the store, refreshed, with the services that flags name in place of its own. */
export async function loadSigningTrust(args: Arguments): Promise<SigningTrust> {
  const [rootFile, configFile] = [optional(args, "trusted-root"), optional(args, "signing-config")];
  const read = {
    trustedRoot: rootFile === undefined ? undefined : await readTrustedRoot(rootFile),
    signingConfig: configFile === undefined ? undefined : await readSigningConfig(configFile),
  };
  if (isLocal(args, read.signingConfig)) return { trustedRoot: read.trustedRoot ?? emptyRoot, signingConfig: noServices };
  const { trustedRoot, signingConfig } = read;
  const needsStore = trustedRoot === undefined || (signingConfig === undefined && !namesServices(args));
  const stored = needsStore ? await load(args, isSet(args, "offline"), isSet(args, "rekor-v2")) : undefined;
  const config =
    signingConfig ??
    (stored === undefined || namesServices(args)
      ? (stored?.signingConfig ?? noServices)
      : requireSigningConfig(stored).signingConfig);
  return {
    trustedRoot: await overlaidRoot(args, trustedRoot ?? stored?.trustedRoot ?? emptyRoot),
    signingConfig: withFlags(args, config),
  };
}

const noServices: SigningConfig = { caUrls: [], oidcUrls: [], rekorTlogUrls: [], tsaUrls: [] };

// A key without log and without timestamp needs no service and believes nobody: no trust root has to be there at all.
function isLocal(args: Arguments, config: SigningConfig | undefined): boolean {
  const withoutLog =
    !isSet(args, "tlog-upload", true) || (config !== undefined && config.rekorTlogUrls.length + config.tsaUrls.length === 0);
  const certifies =
    isSet(args, "issue-certificate") || keyReference(args) === undefined || optional(args, "certificate") !== undefined;
  return withoutLog && !certifies && optional(args, "timestamp-server-url") === undefined;
}

function namesServices(args: Arguments): boolean {
  return ["fulcio-url", "rekor-url", "oidc-issuer", "timestamp-server-url"].some((flag) => optional(args, flag) !== undefined);
}

// cosign 3 refuses these flags beside a signing config; here they stand in its place, service by service.
function withFlags(args: Arguments, config: SigningConfig): SigningConfig {
  const service = (flag: string): SigningService[] | undefined => {
    const url = optional(args, flag);
    return url === undefined ? undefined : [{ url, majorApiVersion: 1, validFor: { startMs: 0 }, operator: "" }];
  };
  const [ca, oidc, tsa] = [service("fulcio-url"), service("oidc-issuer"), service("timestamp-server-url")];
  const log = isSet(args, "tlog-upload", true) ? service("rekor-url") : [];
  return {
    ...config,
    ...(ca === undefined ? {} : { caUrls: ca }),
    ...(oidc === undefined ? {} : { oidcUrls: oidc }),
    ...(log === undefined ? {} : { rekorTlogUrls: log, rekorTlogConfig: { selector: "ANY" } }),
    ...(tsa === undefined ? {} : { tsaUrls: tsa, tsaConfig: { selector: "ANY" } }),
  };
}

/** Refuse a root with which nothing can be signed, because it names no services. */
export function requireSigningConfig({ record, trustedRoot, signingConfig }: LoadedRoot): SigningTrust {
  if (signingConfig !== undefined) return { trustedRoot, signingConfig };
  throw blobError(
    "SIGNING_CONFIG_MISSING",
    `Cannot sign with trust root ${record.name}: ${record.url} publishes no signing config`,
    {
      expected: "the target signing_config.v0.2.json",
    },
  );
}

/**
 * The trusted root for a verifying command: from a file, from the store without a socket, or refreshed; what flags and variables name
 * stands in place of its parts. A key whose log entries are left out of account needs no root, and none is looked for.
 */
export async function loadVerifyingTrust(args: Arguments, terminal: Terminal): Promise<TrustedRoot> {
  args.exclusive("trusted-root", "trust");
  const file = optional(args, "trusted-root");
  const ignoresLog = isSet(args, "insecure-ignore-tlog") || isSet(args, "private-infrastructure");
  const keyAlone = keyReference(args) !== undefined && ignoresLog && !isSet(args, "use-signed-timestamps");
  const base = file !== undefined ? await readTrustedRoot(file) : keyAlone ? emptyRoot : await storedOrBuiltIn(args, terminal);
  return await overlaidRoot(args, base);
}

// A root of the store, else the one that is built in: by its name, or where nobody has added a root.
async function storedOrBuiltIn(args: Arguments, terminal: Terminal): Promise<TrustedRoot> {
  const name = optional(args, "trust");
  try {
    return (await load(args, isSet(args, "offline"), false)).trustedRoot;
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "TRUST_NOT_FOUND") throw error;
    if (name !== undefined && name !== publicRootName) throw error;
    if (name === undefined && (await hasStoredRoot())) throw error;
  }
  terminal.note(`Root of trust: ${describePublicRoot(Date.now())}`);
  return readPublicRoot();
}

async function hasStoredRoot(): Promise<boolean> {
  const { listRoots, trustStoreDirectory } = await import("@sigillum/library/trust-store");
  return (await listRoots(trustStoreDirectory())).length > 0;
}

async function readTrustedRoot(path: string): Promise<TrustedRoot> {
  return parseTrustedRoots(await readSmallFile(path, "trusted root", trustedRootLimits.bytes));
}

/** Read a trusted root, or several one a line as `gh attestation trusted-root` prints them: what any of them believes is believed. */
export function parseTrustedRoots(bytes: Uint8Array): TrustedRoot {
  const lines = new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const isLines = lines.length > 1 && lines.every((line) => line.startsWith("{") && line.trimEnd().endsWith("}"));
  if (!isLines) return parseTrustedRoot(bytes);
  const roots = lines.map((line) => parseTrustedRoot(line));
  return {
    tlogs: roots.flatMap(({ tlogs }) => tlogs),
    ctlogs: roots.flatMap(({ ctlogs }) => ctlogs),
    certificateAuthorities: roots.flatMap(({ certificateAuthorities }) => certificateAuthorities),
    timestampAuthorities: roots.flatMap(({ timestampAuthorities }) => timestampAuthorities),
  };
}

async function readSigningConfig(path: string): Promise<SigningConfig> {
  return parseSigningConfig(await readSmallFile(path, "signing config", signingConfigLimits.bytes));
}

async function load(args: Arguments, offline: boolean, v2: boolean): Promise<LoadedRoot> {
  const { loadRoot, trustStoreDirectory } = await import("@sigillum/library/trust-store");
  const name = optional(args, "trust");
  return await loadRoot({
    store: trustStoreDirectory(),
    nowMs: Date.now(),
    offline,
    ...(name === undefined ? {} : { name }),
    ...(v2 ? { signingConfigTarget: "signing_config_rekor_v2.v0.2.json" } : {}),
  });
}
