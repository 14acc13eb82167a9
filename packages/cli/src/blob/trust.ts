import { type LoadedRoot, loadRoot, trustStoreDirectory } from "@sigillum/library/trust-store";
import { parseTrustedRoot, type SigningConfig, type TrustedRoot, trustedRootLimits } from "@sigillum/library/trusted-root";
import type { Arguments } from "../arguments/index.ts";
import { blobError } from "./errors.ts";
import { readSmallFile } from "./files.ts";

/** What is believed and used for signing. */
export interface SigningTrust {
  readonly trustedRoot: TrustedRoot;
  readonly signingConfig: SigningConfig;
}

/** The trust root for a signing command, refreshed, with the services it names. */
export async function loadSigningTrust(args: Arguments): Promise<SigningTrust> {
  return requireSigningConfig(await load(args, false, args.boolean("rekor-v2")));
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

/** The trusted root for a verifying command: from a file, from the store without a socket, or refreshed. */
export async function loadVerifyingTrust(args: Arguments): Promise<TrustedRoot> {
  args.exclusive("trusted-root", "trust");
  const file = args.string("trusted-root");
  if (file !== undefined) return parseTrustedRoot(await readSmallFile(file, "trusted root", trustedRootLimits.bytes));
  return (await load(args, args.boolean("offline"), false)).trustedRoot;
}

function load(args: Arguments, offline: boolean, v2: boolean): Promise<LoadedRoot> {
  const name = args.string("trust");
  return loadRoot({
    store: trustStoreDirectory(),
    nowMs: Date.now(),
    offline,
    ...(name === undefined ? {} : { name }),
    ...(v2 ? { signingConfigTarget: "signing_config_rekor_v2.v0.2.json" } : {}),
  });
}
