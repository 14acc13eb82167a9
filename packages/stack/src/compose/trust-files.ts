// The files that clients find through TUF: trusted root and signing configs, computed from the keyring. design §4.
import { encodePem, encodeUtf8 } from "@sigillum/library/encoding";
import { encodeSigningConfig, encodeTrustedRoot, type SigningConfig, type TrustedRoot } from "@sigillum/library/trusted-root";
import type { RolePeriods } from "@sigillum/library/tuf-repository";
import type { Keyring } from "../keyring/index.ts";
import type { Settings } from "../settings/index.ts";

const dayMs = 86_400_000;

/**
 * Target files by name. `signing_config.v0.2.json` names the default log, `signing_config_rekor_v2.v0.2.json` always v2, and with v2 as
 * default `signing_config_rekor_v1.v0.2.json` names v1. A config without any log is left out.
 */
export function trustFiles(keyring: Keyring, defaultLog: "v1" | "v2"): ReadonlyMap<string, Uint8Array> {
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
  const files = new Map([
    ["trusted_root.json", encodeUtf8(encodeTrustedRoot(trustedRoot))],
    ...filesForOlderClients(trustedRoot, v1.rekorTlogUrls[0]?.url),
  ]);
  for (const [name, config] of configs)
    if (config !== undefined && hasLog(config)) files.set(name, encodeUtf8(encodeSigningConfig(config)));
  return files;
}

// cosign before 2.6 verifies what it signs with keys of their own: it looks for these names where no target says its use in custom
// metadata (tuf-root §2.4). They hold what the trusted root holds, of the newest shard alone.
function filesForOlderClients(root: TrustedRoot, logUrl: string | undefined): [string, Uint8Array][] {
  const [ca, intermediate] = root.certificateAuthorities.at(-1)?.chain.toReversed() ?? [];
  const files: [string, string, Uint8Array | undefined][] = [
    ["rekor.pub", "PUBLIC KEY", root.tlogs.findLast(({ baseUrl }) => baseUrl === logUrl)?.publicKey.spki],
    ["ctfe.pub", "PUBLIC KEY", root.ctlogs.at(-1)?.publicKey.spki],
    ["fulcio.crt.pem", "CERTIFICATE", ca?.der],
    ["fulcio_intermediate_v1.crt.pem", "CERTIFICATE", intermediate?.der],
  ];
  return files.flatMap(([name, label, bytes]) => (bytes === undefined ? [] : [[name, encodeUtf8(encodePem(label, bytes))]]));
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
