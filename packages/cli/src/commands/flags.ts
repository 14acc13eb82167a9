// Groups of flags that commands share (signing-client §1.4).
import type { FlagSpec } from "../arguments/index.ts";

type Options = Omit<FlagSpec, "name" | "type" | "value" | "summary">;

/** A flag with a value. */
export const text = (name: string, value: string, summary: string, options: Options = {}): FlagSpec => ({
  name,
  type: "string",
  value,
  summary,
  ...options,
});
/** A switch. */
export const toggle = (name: string, summary: string, options: Options = {}): FlagSpec => ({
  name,
  type: "boolean",
  summary,
  ...options,
});
/** A flag that may be repeated, each value split at commas. */
export const list = (name: string, value: string, summary: string, options: Options = {}): FlagSpec => ({
  name,
  type: "list",
  value,
  summary,
  ...options,
});
/** A flag that may be repeated, never split. */
export const array = (name: string, value: string, summary: string, options: Options = {}): FlagSpec => ({
  name,
  type: "array",
  value,
  summary,
  ...options,
});
const old: Options = { hidden: true };

/** Which trust root. */
export const trustFlag: FlagSpec = text(
  "trust",
  "NAME",
  "the trust root to use, if there are several (sigillum trust list); public: the built-in one",
);

/** Do not ask. */
export const yesFlag: FlagSpec = toggle("yes", "answer every question with yes", { short: "y", aliases: ["force"] });

/** How to sign in. */
export const identityFlags: readonly FlagSpec[] = [
  text("identity-token", "TOKEN|FILE", "sign as the holder of this OIDC token; - reads it from stdin"),
  toggle("development", "sign as the development user of a local stack, without a login"),
  text("oidc-client-id", "ID", "client to log in as (sigstore)"),
  text("oidc-client-secret-file", "FILE", "", old),
  text("oidc-redirect-url", "URL", "", old),
  text(
    "oidc-provider",
    "NAME",
    "get the token from these surroundings alone: envvar, github-actions, buildkite-agent, filesystem, google-workload-identity, google-impersonate, spiffe",
  ),
  toggle("oidc-disable-ambient-providers", "pay no heed to SIGSTORE_ID_TOKEN, GitHub Actions and the like"),
  text(
    "fulcio-auth-flow",
    "FLOW",
    "normal: in a browser; device: with a code on another device; oob: in a browser elsewhere, whose code is typed here; token: never ask anybody",
    { choices: ["normal", "device", "oob", "token", "client_credentials"] },
  ),
  text("fulcio-url", "URL", "certificate authority to use instead of the trust root's"),
  text("oidc-issuer", "URL", "identity provider to log in at instead of the trust root's"),
  toggle("insecure-skip-verify", "", old),
];

/** Which services and keys to sign with. */
export const signingFlags: readonly FlagSpec[] = [
  trustFlag,
  text("key", "KEY", "sign with this key: a file, env://NAME, or a key service"),
  ...identityFlags,
  text("rekor-url", "URL", "log to use instead of the trust root's"),
  text("timestamp-server-url", "URL", "timestamp authority to use instead of the trust root's"),
  toggle("tlog-upload", "log the signature (true)"),
  toggle("rekor-v2", "log the signature in a Rekor v2 log"),
  text("signing-config", "FILE", "services to sign with, instead of the trust root's"),
  text("trusted-root", "FILE", "the trusted_root.json to check the result against"),
  toggle("use-signing-config", "", old),
  toggle("issue-certificate", "ask for a certificate for the given key"),
  toggle("sk", "sign with the key in a PIV token"),
  text("slot", "SLOT", "its slot: signature (default), authentication, card-authentication or key-management"),
  text("certificate", "FILE", "certificate (PEM) of the given key, to sign with in its place", { aliases: ["cert"] }),
  text("certificate-chain", "FILE", "certificates above it, up to the authority to believe", { aliases: ["cert-chain"] }),
  text("timestamp-client-cacert", "FILE", "CA certificates (PEM) that the timestamp authority's server is known by"),
  text("timestamp-client-cert", "FILE", "the client's own certificate for the timestamp authority (PEM)"),
  text("timestamp-client-key", "FILE", "its key (PEM)"),
  text("timestamp-server-name", "NAME", "name that the timestamp authority's server must have in its certificate"),
  text("rekor-entry-type", "TYPE", "", old),
  text("signing-algorithm", "NAME", "of which type the key of a signature by login is (ecdsa-sha2-256-nistp256)", {
    choices: [
      ...["ecdsa-sha2-256-nistp256", "ecdsa-sha2-384-nistp384", "ecdsa-sha2-512-nistp521"],
      ...["rsa-sign-pkcs1-2048-sha256", "rsa-sign-pkcs1-3072-sha256", "rsa-sign-pkcs1-4096-sha256"],
    ],
  }),
  yesFlag,
];

/** Who must have signed. */
export const verificationFlags: readonly FlagSpec[] = [
  text("certificate-identity", "ID", "who must have signed: an email address or URI", {
    aliases: ["cert-identity", "cert-email", "certificate-email"],
  }),
  text("certificate-identity-regexp", "RE", "the same as a regular expression (RE2, not anchored)"),
  text("certificate-oidc-issuer", "URL", "the identity provider that must have vouched for them", {
    aliases: ["cert-oidc-issuer"],
  }),
  text("certificate-oidc-issuer-regexp", "RE", "the same as a regular expression"),
  text("certificate-github-workflow-trigger", "EVENT", "event that must have started the GitHub workflow"),
  text("certificate-github-workflow-sha", "SHA", "commit that the workflow must have run at"),
  text("certificate-github-workflow-name", "NAME", "name that the workflow must have"),
  text("certificate-github-workflow-repository", "OWNER/REPO", "repository that the workflow must belong to"),
  text("certificate-github-workflow-ref", "REF", "ref that the workflow must have run at"),
  text("key", "KEY", "public key that must have signed, instead of an identity: a file, URL, env://NAME or key service"),
  trustFlag,
  text("trusted-root", "FILE", "a trusted_root.json to use instead; nothing is fetched"),
  toggle("offline", "fetch nothing: use the trust root as it was last verified"),
  toggle("explain", "say step by step what was checked"),
  toggle("insecure-ignore-tlog", "do not demand a log entry"),
  toggle("insecure-ignore-sct", "do not demand that the certificate is in a CT log"),
  array("witness", "VKEY", "demand that this witness cosigned the log's checkpoint (NAME+ID+KEY); may be repeated"),
  text("witness-quorum", "N", "demand so many of the named witnesses (all of them)"),
  toggle("use-signed-timestamps", "demand a timestamp authority's timestamp"),
  text("ca-roots", "FILE", "believe these certificate authorities (PEM) instead of the trust root's"),
  text("ca-intermediates", "FILE", "intermediates (PEM) for --ca-roots"),
  text("timestamp-certificate-chain", "FILE", "believe this timestamp authority (PEM) instead of the trust root's"),
  text("rekor-url", "URL", "log to ask for the entry of a detached signature"),
  text("certificate", "FILE", "certificate of a detached signature", { aliases: ["cert"] }),
  text("certificate-chain", "FILE", "certificates above it, or the authorities to believe", { aliases: ["cert-chain"] }),
  toggle("private-infrastructure", "", old),
  toggle("sk", "the key in a PIV token must have signed"),
  text("slot", "SLOT", "its slot (signature)"),
  text("sct", "FILE", "", old),
  text("max-workers", "N", "", old),
  toggle("allow-certificate-chain", "", old),
  toggle("experimental-oci11", "", old),
  toggle("new-bundle-format", "", old),
  text("signature-digest-algorithm", "NAME", "", old),
];

/** How to reach registries. */
export const registryFlags: readonly FlagSpec[] = [
  toggle("allow-insecure-registry", "take any TLS certificate, and plain http where https does not answer"),
  toggle("allow-http-registry", "take plain http where https does not answer"),
  text("registry-username", "NAME", "user name at the registry"),
  text("registry-password", "PASSWORD", "password at the registry"),
  text("registry-token", "TOKEN", "bearer token for the registry"),
  text("registry-cacert", "FILE", "CA certificates (PEM) to trust in place of the system's"),
  text("registry-client-cert", "FILE", "the client's own certificate (PEM)"),
  text("registry-client-key", "FILE", "its key (PEM)"),
  text("registry-server-name", "NAME", "name that the registry's certificate must have"),
  toggle("k8s-keychain", "", old),
  text("attachment-tag-prefix", "PREFIX", "", old),
  text("registry-referrers-mode", "MODE", "", { ...old, choices: ["legacy", "oci-1-1"] }),
];

/** In which layout signatures are written. */
export const layoutFlags: readonly FlagSpec[] = [
  text("layout", "LAYOUT", "where the signature goes: bundle (a referrer, as cosign 3), tag (as cosign 1 and 2), both", {
    choices: ["bundle", "tag", "both"],
  }),
  toggle("new-bundle-format", "false: the formats of cosign 1 and 2"),
  toggle("record-creation-timestamp", "", old),
];

/** Key=value pairs of a signature. */
export const annotationsFlag: FlagSpec = list("annotations", "KEY=VALUE", "what else to say of the image, or to demand", {
  short: "a",
});

/** What verifying commands print. */
export const cosignOutput: FlagSpec = text(
  "output",
  "FORMAT",
  "json (default) or text as cosign writes them, report for one JSON document",
  {
    short: "o",
    choices: ["json", "text", "report"],
    noVariable: true,
  },
);

/** Policies, and how they are asked. */
export const policyFlags: readonly FlagSpec[] = [
  array("policy", "FILE", "a policy that must allow it: FILE.cue, FILE.rego, or a directory of them"),
  text("contract", "CONTRACT", "how policies are asked: cosign-cli, policy-controller or strict", {
    choices: ["strict", "cosign-cli", "policy-controller"],
    noVariable: true,
  }),
];

/** The most words that a command for many takes. */
export const many = 1_000;
