// The description of every setting: name, kind, default, bounds and meaning. The parser, the file that `init` writes and the
// JSON schema are all made from it, so they cannot disagree.

import { admissionField } from "./admission-description.ts";
import { certificateAuthorityField, timestampAuthorityField } from "./authority-description.ts";
import type { IntegerField, SectionField } from "./field.ts";
import { transparencyLogField } from "./log-description.ts";
import { serviceField, serviceNames, urlForm, urlPattern } from "./service-description.ts";

const days = (value: number, means: string): IntegerField => ({
  kind: "integer",
  means,
  default: value,
  minimum: 1,
  maximum: 3650,
});

const userItem: SectionField = {
  kind: "section",
  means: "A person who signs in with a password.",
  fields: {
    email: {
      kind: "text",
      required: true,
      means: "The email address, which certificates name.",
      pattern: /^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$/u,
      form: "an email address",
    },
    passwordHash: {
      kind: "text",
      required: true,
      means: "The password's hash: $scrypt$ln=…,r=…,p=…$SALT$HASH.",
      pattern: /^\$scrypt\$/u,
      form: "a hash that begins with $scrypt$",
    },
  },
};

const upstreamItem: SectionField = {
  kind: "section",
  means: "Another OpenID Connect provider that people sign in at.",
  fields: {
    name: {
      kind: "text",
      required: true,
      means: "What the button says.",
      pattern: /^[^\p{Cc}]{1,40}$/u,
      form: "1 to 40 characters",
    },
    issuer: { kind: "text", required: true, means: "Its issuer URL; discovery is below it.", pattern: urlPattern, form: urlForm },
    clientId: {
      kind: "text",
      required: true,
      means: "The client that it knows us by; its redirect is PUBLICURL/upstream/callback.",
    },
    clientSecretFile: { kind: "text", means: "File with the client's secret; a public client has none." },
    connectorId: {
      kind: "text",
      means:
        "What tokens say in federated_claims.connector_id, which issuerClaim can make a certificate's issuer. Default: the issuer.",
    },
    skipEmailVerification: {
      kind: "switch",
      means: "Accept addresses that it does not say are verified: only for providers that verify every address and never say so.",
      default: false,
    },
    caCertificateFile: { kind: "text", means: "PEM file with certificates trusted for TLS to it besides the system's." },
  },
};

const keyNames = [
  "ca",
  "ca-root",
  "tsa",
  "tsa-root",
  "ct",
  "log-v1",
  "log-v2",
  "oidc",
  "tuf-root",
  "tuf-targets",
  "tuf-snapshot",
  "tuf-timestamp",
];

const keyItem: SectionField = {
  kind: "section",
  means: "A key that is there already.",
  fields: {
    name: {
      kind: "text",
      required: true,
      means: `Its name: ${keyNames.join(", ")}. The key of a log is that of its first shard.`,
      choices: keyNames,
    },
    reference: {
      kind: "text",
      required: true,
      means:
        "Where it is: awskms://…, gcpkms://…, azurekms://…, hashivault://KEY, openbao://KEY, pkcs11:…, env://NAME or a file.",
      pattern: /^\S{1,1000}$/u,
      form: "a key reference",
    },
  },
};

/** The whole of sigillum.yaml. */
export const settingsDescription: SectionField = {
  kind: "section",
  means: "Settings of a Sigillum stack.",
  fields: {
    organization: {
      kind: "text",
      means: "Organization in the names of the certificate authority and the timestamp authority. Read when chains are made.",
      default: "Sigillum",
      pattern: /^[^\p{Cc}]{1,64}$/u,
      form: "1 to 64 characters without control characters",
    },
    operator: {
      kind: "text",
      means: "Who runs the services, as signing configurations name it: a host name, without a scheme.",
      default: "localhost",
      pattern: /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/u,
      form: "a host name",
    },
    logLevel: {
      kind: "text",
      means: "Least important log line that is written.",
      default: "info",
      choices: ["debug", "info", "warn", "error"],
    },
    keys: {
      kind: "section",
      means: "Where private keys are. Read when keys are made: by init, and for the new key of a rotation.",
      fields: {
        holder: {
          kind: "text",
          means:
            "A PKCS #11 token (RFC 7512) in which every key is made, such as pkcs11:token=sigillum?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/sigillum/pin. Files below keys/ where nothing is said.",
          pattern: /^pkcs11:(?!.*pin-value=)\S{1,1000}$/u,
          form: "a PKCS #11 URI without pin-value",
        },
        references: {
          kind: "list",
          means: "Keys that are there already and are taken over by init, each under its name in keyring.json.",
          item: keyItem,
          maximum: 100,
        },
      },
    },
    services: {
      kind: "section",
      means: "One listener and one public URL a service.",
      fields: Object.fromEntries(serviceNames.map((name) => [name, serviceField(name)])),
    },
    identityProvider: {
      kind: "section",
      means: "The embedded OpenID Connect provider.",
      fields: {
        clientId: {
          kind: "text",
          means: "The public client that signers use, and the audience of its tokens.",
          default: "sigstore",
        },
        tokenLifetimeSeconds: { kind: "integer", means: "Lifetime of an ID token.", default: 600, minimum: 30, maximum: 3600 },
        users: {
          kind: "list",
          means: "People who sign in with a password.",
          item: userItem,
          maximum: 10_000,
        },
        upstreams: {
          kind: "list",
          means: "Other providers that people sign in at.",
          item: upstreamItem,
          maximum: 20,
        },
        workflowTokens: {
          kind: "switch",
          means:
            "Whether programs of this machine may ask for tokens as GitHub Actions has them, to try workflows out. Refused when the identity provider listens beyond loopback.",
          default: false,
        },
        developmentUser: {
          kind: "section",
          means: "One user who signs in without a password. Refused when the identity provider listens beyond loopback.",
          fields: {
            enabled: { kind: "switch", means: "Whether the development user exists.", default: true },
            email: {
              kind: "text",
              means: "Its email address.",
              default: "dev@example.com",
              pattern: /^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$/u,
              form: "an email address",
            },
          },
        },
      },
    },
    certificateAuthority: certificateAuthorityField,
    storage: {
      kind: "section",
      means: "Where the logs keep their state. Keys, tiles and everything else lie in the data directory either way.",
      fields: {
        kind: {
          kind: "text",
          means:
            "files: all of it in the data directory. postgresql: journal, index and state of each log in a schema of a database; not to be changed once the logs have entries.",
          default: "files",
          choices: ["files", "postgresql"],
        },
        postgresqlUrl: {
          kind: "text",
          means:
            "The database, of which the user may make schemas. A password may stand in the file .pgpass or in PGPASSWORD instead.",
          pattern: /^postgres(?:ql)?:\/\/[^\s]+$/u,
          form: "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        },
        objects: {
          kind: "text",
          means:
            "Where tiles and entry bundles go. files: the data directory. s3: a bucket, with storage.kind postgresql alone; not to be changed once the logs have entries.",
          default: "files",
          choices: ["files", "s3"],
        },
        bucket: {
          kind: "text",
          means:
            "The bucket, or a folder in it, that holds these logs and nothing else. Region, credentials and servers other than Amazon's come from the variables of the AWS tools (AWS_REGION, AWS_ENDPOINT_URL_S3 and so on).",
          pattern: /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/u,
          form: "s3://BUCKET/PREFIX",
        },
      },
    },
    transparencyLog: transparencyLogField,
    ctLog: {
      kind: "section",
      means: "The certificate transparency log.",
      fields: {
        remoteUrl: {
          kind: "text",
          means: "A log elsewhere (RFC 6962) that is used in place of the embedded one.",
          pattern: urlPattern,
          form: urlForm,
        },
        remotePublicKeyFile: {
          kind: "text",
          means: "PEM file with the public key of the log at remoteUrl: every SCT is verified with it.",
        },

        leafIndexExtension: {
          kind: "switch",
          means:
            "Name the leaf index in each SCT, as static-ct demands. sigstore-python before 2026 rejects certificates with it.",
          default: true,
        },
      },
    },
    timestampAuthority: timestampAuthorityField,
    registry: {
      kind: "section",
      means: "The embedded container registry.",
      fields: {
        accepts: {
          kind: "text",
          means:
            "What it takes: all that OCI 1.1 describes, or what Quay 3.6 of 2021 took (an allow list of types, no referrers), to try signers with.",
          default: "oci-1.1",
          choices: ["oci-1.1", "quay-3.6"],
        },
      },
    },
    admission: admissionField,
    trust: {
      kind: "section",
      means: "What the TUF repository publishes.",
      fields: {
        profile: {
          kind: "text",
          means:
            "Who signs the root of trust. default: this machine, all of it. ceremony: keyholders sign root and targets, this machine the rest; fixed once the data directory is made.",
          default: "default",
          choices: ["default", "ceremony"],
        },
        copies: {
          kind: "texts",
          means:
            "Where else to publish: directories by absolute path, or buckets as s3://BUCKET/PREFIX (endpoint and keys from the AWS_… variables).",
          default: [],
          pattern: /^(?:s3:\/\/|\/|[A-Za-z]:[\\/])/u,
          form: "an absolute path or s3://BUCKET/PREFIX",
        },
        defaultLog: {
          kind: "text",
          means:
            "The log API that signing_config.v0.2.json names; the other stands in signing_config_rekor_v1.v0.2.json or signing_config_rekor_v2.v0.2.json.",
          default: "v1",
          choices: ["v1", "v2"],
        },
        cacheWindowHours: {
          kind: "integer",
          means:
            "How long clients may go on with a trusted root that they fetched before; a new key is used no sooner after its publication.",
          default: 168,
          minimum: 0,
          maximum: 8760,
        },
        rootLifetimeDays: days(365, "Days for which a version of root.json is valid."),
        targetsLifetimeDays: days(30, "Days for which a version of targets.json is valid."),
        snapshotLifetimeDays: days(30, "Days for which a version of snapshot.json is valid."),
        timestampLifetimeDays: days(7, "Days for which a version of timestamp.json is valid."),
      },
    },
  },
};
