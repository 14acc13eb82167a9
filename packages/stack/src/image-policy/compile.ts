// A policy with everything it names looked up. What cannot be had makes the policy, or one authority of it, refuse: it is never dropped.
import { type PublicKey, parsePublicKeyPem } from "@sigillum/library/crypto";
import { isSigillumError, type SigillumError } from "@sigillum/library/encoding";
import { authorityOfChain, type TrustedRoot } from "@sigillum/library/trusted-root";
import { parseCertificatesPem } from "@sigillum/library/x509";
import type { PolicySource } from "@sigillum/policy/contracts";
import { compileRegex, type Regex } from "@sigillum/policy/values";
import { imagePolicyError } from "./errors.ts";
import type { Authority, Identity, ImagePolicy, KeyReference, PolicyText, SignatureSource } from "./image-policy.ts";

/** Looks up what policies name; each throws one of our errors where it cannot. */
export interface PolicyResources {
  /** The one entry of a Secret in the controller's namespace. */
  secret(name: string): string;
  /** The public key behind a reference to a KMS. */
  kms(reference: string): PublicKey;
  /** An entry of a ConfigMap in the controller's namespace. */
  configMap(name: string, key: string): string;
  /** A text from an https address, its hash checked. */
  remote(url: string, sha256sum: string): string;
  trustRoot(name: string): TrustedRoot;
  /** The trust root of authorities that name none. */
  defaultTrustRoot(): TrustedRoot;
}

/** A policy that can be asked. */
export interface CompiledPolicy {
  readonly policy: ImagePolicy;
  readonly authorities: readonly CompiledAuthority[];
  /** The text over the result. */
  readonly result?: PolicySource | SigillumError;
}

/** An authority that can be asked, or the reason why it cannot. */
export interface CompiledAuthority {
  readonly authority: Authority;
  readonly ready: AuthorityCheck | SigillumError;
}

/** What is verified. */
export type AuthorityCheck = { readonly type: "static" } | KeyCheck | KeylessCheck;

interface Check {
  readonly trustedRoot: TrustedRoot;
  /** Log entries that are demanded; those that are there and known are verified in any case. */
  readonly logEntries: number;
  readonly timestamps: number;
  readonly source?: SignatureSource;
  readonly attestations: readonly CompiledAttestation[];
}

/** Signatures by a key. */
export interface KeyCheck extends Check {
  readonly type: "key";
  readonly publicKey: PublicKey;
  readonly hashAlgorithm?: NonNullable<KeyReference["hashAlgorithm"]>;
}

/** Signatures with a certificate. */
export interface KeylessCheck extends Check {
  readonly type: "keyless";
  readonly identities: readonly IdentityMatcher[];
  readonly scts: number;
}

/** An attestation and the text that judges it. */
export interface CompiledAttestation {
  readonly name: string;
  readonly predicateType: string;
  readonly policy?: PolicySource;
}

/** A test on an identity. */
export interface IdentityMatcher {
  readonly description: string;
  matches(issuer: string, subjects: readonly string[]): boolean;
}

/** Look up everything that a policy names. Never throws for what cannot be had. */
export function compileImagePolicy(policy: ImagePolicy, resources: PolicyResources): CompiledPolicy {
  return {
    policy,
    authorities: policy.authorities.map((authority) => ({
      authority,
      ready: attempt(() => compileAuthority(authority, resources)),
    })),
    ...(policy.policy === undefined ? {} : { result: attempt(() => sourceOf(policy.policy, resources)) }),
  };
}

function attempt<T>(run: () => T): T | SigillumError {
  try {
    return run();
  } catch (error) {
    if (isSigillumError(error)) return error;
    throw error;
  }
}

function compileAuthority(authority: Authority, resources: PolicyResources): AuthorityCheck {
  const { by, ctlog, rfc3161timestamp, source } = authority;
  if (by.type === "static") return { type: "static" };
  const attestations = authority.attestations.map(({ name, predicateType, policy }) => ({
    name,
    predicateType,
    ...(policy === undefined ? {} : { policy: sourceOf(policy, resources) }),
  }));
  const wantsLog = ctlog !== undefined || (by.type === "keyless" && rfc3161timestamp === undefined);
  const common = {
    logEntries: wantsLog ? 1 : 0,
    timestamps: rfc3161timestamp === undefined ? 0 : 1,
    attestations,
    ...(source === undefined ? {} : { source }),
  };
  if (by.type === "key") {
    const publicKey = publicKeyOf(by.key, resources);
    const { hashAlgorithm } = by.key;
    // Only who demands a log or a timestamp needs a trust root.
    const trustedRoot = wantsLog || rfc3161timestamp !== undefined ? rootOf(authority, resources) : rootIfThere(resources);
    return { type: "key", publicKey, ...(hashAlgorithm === undefined ? {} : { hashAlgorithm }), trustedRoot, ...common };
  }
  return {
    type: "keyless",
    identities: by.identities.map(matcherOf),
    scts: by.insecureIgnoreSct ? 0 : 1,
    trustedRoot: rootOf(authority, resources),
    ...common,
  };
}

const empty: TrustedRoot = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };

// Each part of the trust root from where the authority says: certificates from keyless, logs from ctlog, timestamps from rfc3161timestamp.
function rootOf({ by, ctlog, rfc3161timestamp }: Authority, resources: PolicyResources): TrustedRoot {
  const named = (name: string | undefined): TrustedRoot =>
    name === undefined ? resources.defaultTrustRoot() : resources.trustRoot(name);
  const keyless = by.type === "keyless" ? by : undefined;
  const own = keyless?.caCert === undefined ? undefined : caChain(keyless.caCert, resources);
  const identity =
    keyless === undefined || (own !== undefined && keyless.trustRootRef === undefined && keyless.insecureIgnoreSct)
      ? empty
      : named(keyless.trustRootRef);
  const logs =
    ctlog === undefined && rfc3161timestamp !== undefined ? identity : named(ctlog?.trustRootRef ?? keyless?.trustRootRef);
  const stamps = rfc3161timestamp === undefined ? identity : named(rfc3161timestamp.trustRootRef ?? keyless?.trustRootRef);
  return {
    certificateAuthorities: own ?? identity.certificateAuthorities,
    ctlogs: identity.ctlogs,
    tlogs: logs.tlogs,
    timestampAuthorities: stamps.timestampAuthorities,
  };
}

function rootIfThere(resources: PolicyResources): TrustedRoot {
  const found = attempt(() => resources.defaultTrustRoot());
  return isSigillumError(found) ? empty : found;
}

function caChain(reference: KeyReference, resources: PolicyResources): TrustedRoot["certificateAuthorities"] {
  const pem = "data" in reference ? reference.data : "secretRef" in reference ? resources.secret(reference.secretRef) : undefined;
  if (pem === undefined) throw kmsUnsupported("kms" in reference ? reference.kms : "");
  return [authorityOfChain(parseCertificatesPem(pem), "ca-cert")];
}

function publicKeyOf(reference: KeyReference, resources: PolicyResources): PublicKey {
  if ("kms" in reference) return resources.kms(reference.kms);
  return parsePublicKeyPem("data" in reference ? reference.data : resources.secret(reference.secretRef));
}

function kmsUnsupported(found: string): SigillumError {
  return imagePolicyError(
    "IMAGE_POLICY_KMS_UNSUPPORTED",
    `Cannot use ca-cert ${found}: a KMS holds keys and no certificates; put the chain into ca-cert.data or a Secret`,
    { found, expected: "ca-cert.data or ca-cert.secretRef" },
  );
}

function sourceOf(text: PolicyText | undefined, resources: PolicyResources): PolicySource {
  if (text === undefined) throw new TypeError("there is no text to look up");
  const { from, type } = text;
  const source =
    "data" in from
      ? from.data
      : "remote" in from
        ? resources.remote(from.remote.url, from.remote.sha256sum)
        : resources.configMap(from.configMapRef.name, from.configMapRef.key);
  return { language: type, file: `policy.${type}`, source };
}

function matcherOf({ issuer, subject }: Identity): IdentityMatcher {
  const [issuerTest, subjectTest] = [testOf(issuer), testOf(subject)];
  const words = (side: Identity["issuer"]): string => ("text" in side ? side.text : `/${side.regExp}/`);
  return {
    description: `${words(subject)} of ${words(issuer)}`,
    matches: (foundIssuer, subjects) => issuerTest(foundIssuer) && subjects.some(subjectTest),
  };
}

function testOf(side: Identity["issuer"]): (text: string) => boolean {
  if ("text" in side) return (found) => found === side.text;
  const expression: Regex = compileRegex(side.regExp);
  return (found) => expression.test(found);
}
