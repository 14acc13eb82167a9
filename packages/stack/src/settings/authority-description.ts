// The settings of the certificate authority, of whom it trusts, and of the timestamp authority.
import type { Field, SectionField } from "./field.ts";
import { urlForm, urlPattern } from "./service-description.ts";

/** How a token of an issuer becomes a certificate's subject, by Fulcio's names; `ci-provider` takes a table of templates. */
export const issuerTypes = [
  "email",
  "uri",
  "username",
  "spiffe",
  "kubernetes",
  "ci-provider",
  "chainguard-identity",
  "github-workflow",
  "gitlab-pipeline",
  "buildkite-job",
  "codefresh-workflow",
] as const;

const chainFileFields: Readonly<Record<string, Field>> = {
  chainFile: {
    kind: "text",
    means:
      "PEM file with a chain that is made elsewhere, what signs first, the root last. It is taken over, published, and put to use when clients know it; again whenever the file changes.",
  },
  chainKey: {
    kind: "text",
    means: "The key of the first certificate in chainFile, as a reference: a file, pkcs11:…, awskms://…",
  },
};

/** As X.660 has them, in the numbers that encoders and databases hold. */
const dottedOid = /^[0-2](?:\.(?:0|[1-9]\d{0,15})){1,30}$/u;

const issuerItem: SectionField = {
  kind: "section",
  means: "An OpenID Connect issuer whose tokens obtain certificates.",
  fields: {
    url: {
      kind: "text",
      required: true,
      means: "The issuer: exactly the `iss` of its tokens; discovery is below it.",
      pattern: /^https?:\/\/[^\s?#@]+$/u,
      form: "an http or https URL",
    },
    clientId: { kind: "text", means: "The audience that tokens must name.", default: "sigstore" },
    type: {
      kind: "text",
      means: "How a token becomes a certificate's subject, by Fulcio's names.",
      default: "email",
      choices: issuerTypes,
    },
    ciProvider: {
      kind: "text",
      means:
        "For ci-provider: whose templates are used: github-workflow, gitlab-pipeline, buildkite-job, codefresh-workflow, circleci-job, buddy-pipeline, or one that issuersFile defines.",
    },
    providerUrl: {
      kind: "text",
      means: "For ci-provider: base address of an installation of one's own, such as https://gitlab.example.com.",
      pattern: urlPattern,
      form: urlForm,
    },
    issuerClaim: {
      kind: "text",
      means: "For email: path of the claim whose value the certificate names as issuer, such as $.federated_claims.connector_id.",
    },
    subjectDomain: { kind: "text", means: "For uri scheme and host, for username a host: what the issuer may speak for." },
    spiffeTrustDomain: { kind: "text", means: "For spiffe: the trust domain." },
    caCertificateFile: { kind: "text", means: "PEM file with certificates trusted for TLS to this issuer besides the system's." },
    skipEmailVerification: {
      kind: "switch",
      means:
        "Accept tokens whose email_verified is missing or false: only for providers that verify every address and never say so.",
      default: false,
    },
  },
};

/** The section `certificateAuthority`. */
export const certificateAuthorityField: SectionField = {
  kind: "section",
  means: "The certificate authority.",
  fields: {
    certificateLifetimeSeconds: {
      kind: "integer",
      means: "Lifetime of an issued certificate.",
      default: 600,
      minimum: 60,
      maximum: 86_400,
    },
    clientAlgorithms: {
      kind: "texts",
      means: "Keys that certificates are issued for, under Fulcio's names.",
      default: [
        "ecdsa-sha2-256-nistp256",
        "ecdsa-sha2-384-nistp384",
        "ecdsa-sha2-512-nistp521",
        "rsa-sign-pkcs1-2048-sha256",
        "rsa-sign-pkcs1-3072-sha256",
        "rsa-sign-pkcs1-4096-sha256",
        "ed25519",
      ],
      pattern: /^(?:ecdsa-sha2-(?:256-nistp256|384-nistp384|512-nistp521)|rsa-sign-pkcs1-(?:2048|3072|4096)-sha256|ed25519)$/u,
      form: "ecdsa-sha2-256-nistp256 or another of the default",
    },
    issuersFile: {
      kind: "text",
      means: "A file of issuers in Fulcio's own format, YAML or JSON, trusted besides those below; read again when it changes.",
    },
    ...chainFileFields,
    issuers: {
      kind: "list",
      means: "Issuers trusted besides the embedded identity provider, which is trusted whenever it is enabled.",
      item: issuerItem,
      maximum: 1000,
    },
  },
};

/** The section `timestampAuthority`. */
export const timestampAuthorityField: SectionField = {
  kind: "section",
  means: "The timestamp authority.",
  fields: {
    clockToleranceMilliseconds: {
      kind: "integer",
      means:
        "How far the system clock may move against the machine's steady clock within a minute before timestamps are refused.",
      default: 1000,
      minimum: 100,
      maximum: 60_000,
    },
    ntpServers: {
      kind: "texts",
      means:
        "NTP servers, as HOST or HOST:PORT, that the system clock is held against every minute; none where there is no network.",
      default: [],
      pattern: /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:]{2,45}\])(?::\d{1,5})?$/u,
      form: "a host, with a port where it is not 123",
    },

    ...chainFileFields,
    policy: {
      kind: "text",
      means: "Policy OID of tokens whose request names none.",
      default: "1.3.6.1.4.1.57264.2",
      pattern: dottedOid,
      form: "a dotted OID",
    },
    acceptedPolicies: {
      kind: "texts",
      means: "Policy OIDs that a request may name besides, each put into the token that it asks for.",
      default: [],
      pattern: dottedOid,
      form: "a dotted OID",
    },
    includeChain: {
      kind: "switch",
      means: "Whether tokens whose request asks for certificates hold the whole chain; the signer's alone where not.",
      default: false,
    },
  },
};
