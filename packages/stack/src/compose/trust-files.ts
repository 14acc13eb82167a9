// The files that clients find through TUF: trusted root and signing configs, computed from the keyring. design §4.
import { join } from "node:path";
import { encodeHex, encodePem, encodeUtf8, equalBytes, type JsonValue } from "@sigillum/library/encoding";
import {
  type CertificateAuthority,
  encodeSigningConfig,
  encodeTrustedRoot,
  parseSigningConfig,
  parseTrustedRoot,
  type SigningConfig,
  type TransparencyLog,
  type TrustedRoot,
} from "@sigillum/library/trusted-root";
import { readOptional } from "@sigillum/library/tuf-place";
import type { PublishedState, RolePeriods, TargetFile } from "@sigillum/library/tuf-repository";
import type { Keyring, ShardRecord } from "../keyring/index.ts";
import type { Settings } from "../settings/index.ts";

const dayMs = 86_400_000;

/**
 * Target files by name. `signing_config.v0.2.json` names the default log, `signing_config_rekor_v2.v0.2.json` always v2, and with v2 as
 * default `signing_config_rekor_v1.v0.2.json` names v1. A config without any log is left out. `trusted_root_ecdsa.json` is the trusted root
 * without logs that sign otherwise.
 */
export function trustFiles(keyring: Keyring, defaultLog: "v1" | "v2"): ReadonlyMap<string, TargetFile> {
  const v1 = keyring.signingConfig("v1");
  const v2 = keyring.signingConfig("v2");
  const preferred = defaultLog === "v1" ? [v1, v2] : [v2, v1];
  const configs: [string, SigningConfig | undefined][] = [
    // One that runs is better than the preferred one that does not.
    ["signing_config.v0.2.json", preferred.find(hasLog)],
    ["signing_config_rekor_v2.v0.2.json", v2],
    ["signing_config_rekor_v1.v0.2.json", defaultLog === "v2" ? v1 : undefined],
  ];
  const trustedRoot = keyring.trustedRoot();
  const files = new Map<string, TargetFile>([
    ["trusted_root.json", { bytes: encodeUtf8(encodeTrustedRoot(trustedRoot)) }],
    ["trusted_root_ecdsa.json", { bytes: encodeUtf8(encodeTrustedRoot(withEcdsaLogs(trustedRoot))) }],
    ...filesForOlderClients(trustedRoot, keyring),
  ]);
  for (const [name, config] of configs)
    if (config !== undefined && hasLog(config)) files.set(name, { bytes: encodeUtf8(encodeSigningConfig(config)) });
  return files;
}

// The webhook of policy-controller takes no TrustRoot in which the key of any log is other than ECDSA; v2's are Ed25519 here, as the public
// instance's are.
function withEcdsaLogs(root: TrustedRoot): TrustedRoot {
  return { ...root, tlogs: root.tlogs.filter(({ publicKey }) => publicKey.type.startsWith("ecdsa-")) };
}

/** What clients get: the trusted root, an empty one where none is published, and the logs that signing configs name. */
export async function publishedTrust(
  directory: string,
  state: PublishedState,
): Promise<{ readonly trustedRoot: TrustedRoot; readonly logUrls: ReadonlySet<string> }> {
  const read = async (path: string): Promise<Uint8Array | undefined> => {
    const hash = encodeHex(state.targets.targets.get(path)?.hashes.get("sha256") ?? new Uint8Array());
    return readOptional(join(directory, "targets", `${hash}.${path}`));
  };
  const root = await read("trusted_root.json");
  const logUrls = new Set<string>();
  for (const path of state.targets.targets.keys()) {
    const bytes = /^signing_config.*\.v0\.2\.json$/u.test(path) ? await read(path) : undefined;
    if (bytes !== undefined) for (const { url } of parseSigningConfig(bytes).rekorTlogUrls) logUrls.add(url);
  }
  return { trustedRoot: root === undefined ? emptyTrust : parseTrustedRoot(root), logUrls };
}

const emptyTrust: TrustedRoot = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };

type Usage = "Fulcio" | "Rekor" | "CTFE" | "TSA";

// Clients before cosign 2.6 verify what they sign with files of their own: those whose custom metadata names the use (tuf-root §1.4), or
// the names of 2021 where nothing does. A name never changes its meaning: what came first keeps the plain one.
function filesForOlderClients(root: TrustedRoot, keyring: Keyring): [string, TargetFile][] {
  return [
    ...logFiles("Rekor", "rekor", root.tlogs, keyring.shards("v1")),
    ...logFiles("CTFE", "ctfe", root.ctlogs, keyring.shards("ct")),
    ...authorityFiles(root.certificateAuthorities),
    ...timestampFiles(root.timestampAuthorities.at(-1)),
  ];
}

/** The keys of the shards that the root lists; Rekor v2's are left out, for no client that reads these files knows its entries. */
function logFiles(
  usage: Usage,
  name: string,
  logs: readonly TransparencyLog[],
  shards: readonly ShardRecord[],
): [string, TargetFile][] {
  return shards.flatMap(({ id, logId, publicUrl, state }, index): [string, TargetFile][] => {
    const log = logs.find((one) => equalBytes(one.logId, logId));
    if (log === undefined) return [];
    const bytes = encodeUtf8(encodePem("PUBLIC KEY", log.publicKey.spki));
    const path = index === 0 ? `${name}.pub` : `${name}.${id}.pub`;
    return [[path, { bytes, custom: custom(usage, state === "active" || state === "planned", publicUrl) }]];
  });
}

function authorityFiles(authorities: readonly CertificateAuthority[]): [string, TargetFile][] {
  const files: [string, TargetFile][] = [];
  for (const [index, { chain, uri }] of authorities.entries()) {
    const about = custom("Fulcio", index === authorities.length - 1, uri);
    const [anchor, ...intermediates] = chain.toReversed().map(({ der }) => encodeUtf8(encodePem("CERTIFICATE", der)));
    const version = index === 0 ? "" : `_v${index + 1}`;
    if (anchor !== undefined) files.push([`fulcio${version}.crt.pem`, { bytes: anchor, custom: about }]);
    for (const [depth, bytes] of intermediates.entries()) {
      const suffix = depth === 0 ? "" : `_${depth}`;
      files.push([`fulcio_intermediate_v${index + 1}${suffix}.crt.pem`, { bytes, custom: about }]);
    }
  }
  return files;
}

/** Those clients accept one signing certificate of a timestamp authority in all, so only the newest chain is there. */
function timestampFiles(authority: CertificateAuthority | undefined): [string, TargetFile][] {
  const { chain = [], uri = "" } = authority ?? {};
  return chain.map(({ der }, index): [string, TargetFile] => {
    const name = index === 0 ? "leaf" : index === chain.length - 1 ? "root" : `intermediate_${index - 1}`;
    return [`tsa_${name}.crt.pem`, { bytes: encodeUtf8(encodePem("CERTIFICATE", der)), custom: custom("TSA", true, uri) }];
  });
}

function custom(usage: Usage, active: boolean, uri: string): JsonValue {
  return { sigstore: { usage, status: active ? "Active" : "Expired", uri } };
}

function hasLog(config: SigningConfig): boolean {
  return config.rekorTlogUrls.length > 0;
}

/** How long each role's files live and when they are signed anew: the root in its last quarter, the timestamp every seventh of its life. */
export function rolePeriods(trust: Settings["trust"]): RolePeriods {
  const period = (days: number, renewBefore: number) => ({
    lifetimeMs: days * dayMs,
    renewBeforeMs: Math.floor(days * dayMs * renewBefore),
  });
  return {
    root: period(trust.rootLifetimeDays, 1 / 4),
    targets: period(trust.targetsLifetimeDays, 1 / 2),
    snapshot: period(trust.snapshotLifetimeDays, 1 / 2),
    timestamp: period(trust.timestampLifetimeDays, 6 / 7),
  };
}
