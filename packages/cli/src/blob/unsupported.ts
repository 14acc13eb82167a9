import type { Arguments } from "../arguments/index.ts";
import { blobError } from "./errors.ts";

// Flags of cosign that are known and not carried out: to pass over one would do something else than was asked.
const unsupported: readonly string[] = [
  "sct",
  "k8s-keychain",
  "signature-digest-algorithm",
  "allow-certificate-chain",
  "oidc-client-secret-file",
  "oidc-redirect-url",
];
const signingOnly: readonly string[] = ["rfc3161-timestamp"];

// What such a flag may say and mean nothing else than what is done anyway.
const harmless: Readonly<Record<string, readonly string[]>> = {
  "rekor-entry-type": ["dsse"],
  "fulcio-auth-flow": ["normal", "device", "token", "oob"],
  "oidc-provider": [
    "envvar",
    "github-actions",
    "buildkite-agent",
    "filesystem",
    "google-workload-identity",
    "google-impersonate",
    "spiffe",
  ],
};

/** Fail with FLAG_UNSUPPORTED for a flag that asks for something that is not carried out. */
export function refuseUnsupported(args: Arguments, isSigning: boolean): void {
  const refuse = (flag: string, value: string): never => {
    throw blobError(
      "FLAG_UNSUPPORTED",
      `Cannot run ${args.command}: --${flag}${value === "" ? "" : ` ${value}`} is not carried out here`,
      {
        found: `--${flag}`,
        ...(harmless[flag] === undefined ? {} : { expected: harmless[flag].join(" or ") }),
      },
    );
  };
  for (const flag of isSigning ? [...unsupported, ...signingOnly] : unsupported) {
    if (args.declares(flag) && args.has(flag) && !args.isSwitchedOff(flag)) refuse(flag, "");
  }
  for (const [flag, allowed] of Object.entries(harmless)) {
    const value = args.declares(flag) ? args.string(flag) : undefined;
    if (value !== undefined && !allowed.includes(value)) refuse(flag, value);
  }
}
