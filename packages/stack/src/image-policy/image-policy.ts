// ClusterImagePolicy (policy.sigstore.dev, v1alpha1 and v1beta1) as the rest of the controller reads it.
import type { PolicyLanguage } from "@sigillum/policy/contracts";

/** A policy over images. */
export interface ImagePolicy {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** At least one; an image is meant by any of them. */
  readonly images: readonly string[];
  readonly mode: "enforce" | "warn";
  /** Empty: every resource. */
  readonly match: readonly MatchRule[];
  /** One that passes is enough. */
  readonly authorities: readonly Authority[];
  readonly policy?: ResultPolicy;
}

/** A resource that a policy is for. */
export interface MatchRule {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly selector?: LabelSelector;
}

/** A selector over labels, as Kubernetes has it. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values: readonly string[];
  }[];
}

/** Who must have signed, and what must be attested. */
export interface Authority {
  readonly name: string;
  readonly by: StaticAuthority | KeyAuthority | KeylessAuthority;
  readonly ctlog?: { readonly url?: string; readonly trustRootRef?: string };
  readonly rfc3161timestamp?: { readonly trustRootRef?: string };
  readonly source?: SignatureSource;
  /** Where there are any, they are asked for in place of the image's signature. */
  readonly attestations: readonly WantedAttestation[];
  /** Which layouts are read; both where nothing is said. */
  readonly signatureFormat?: "legacy" | "bundle";
}

/** Passes or fails whatever the image is. */
export interface StaticAuthority {
  readonly type: "static";
  readonly action: "pass" | "fail";
  readonly message: string;
}

/** A public key, given or named. */
export interface KeyAuthority {
  readonly type: "key";
  readonly key: KeyReference;
}

/** Where a public key is. */
export type KeyReference = {
  /** The hash that the key signs with. */
  readonly hashAlgorithm?: "sha224" | "sha256" | "sha384" | "sha512";
} & ({ readonly data: string } | { readonly secretRef: string } | { readonly kms: string });

/** An identity in a certificate. */
export interface KeylessAuthority {
  readonly type: "keyless";
  readonly url?: string;
  readonly caCert?: KeyReference;
  readonly identities: readonly Identity[];
  readonly trustRootRef?: string;
  readonly insecureIgnoreSct: boolean;
}

/** Who may have signed: each of the two by its text or by an RE2 expression, which matches anywhere unless it is anchored. */
export interface Identity {
  readonly issuer: { readonly text: string } | { readonly regExp: string };
  readonly subject: { readonly text: string } | { readonly regExp: string };
}

/** Where signatures are kept, if not beside the image. */
export interface SignatureSource {
  readonly oci?: string;
  readonly signaturePullSecrets: readonly string[];
  readonly tagPrefix?: string;
}

/** An attestation that must be there. */
export interface WantedAttestation {
  readonly name: string;
  readonly predicateType: string;
  readonly policy?: PolicyText;
}

/** A policy text, given or named. */
export interface PolicyText {
  readonly type: PolicyLanguage;
  readonly from:
    | { readonly data: string }
    | { readonly remote: { readonly url: string; readonly sha256sum: string } }
    | { readonly configMapRef: { readonly name: string; readonly key: string } };
}

/** The policy over what the authorities found. */
export interface ResultPolicy extends PolicyText {
  readonly fetchConfigFile: boolean;
  readonly includeSpec: boolean;
  readonly includeObjectMeta: boolean;
  readonly includeTypeMeta: boolean;
}
