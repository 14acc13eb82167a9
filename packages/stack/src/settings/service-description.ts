// The settings that every service has: where it listens and where clients reach it.
import type { SectionField, TextsField } from "./field.ts";

/** The services of a stack, in the order in which the file lists them. */
export const serviceNames = ["log-v1", "log-v2", "ca", "ct", "tsa", "tuf", "identity", "registry", "explorer"] as const;

/** The name of a service, as `serve --only` and the settings spell it. */
export type ServiceName = (typeof serviceNames)[number];

const serviceDefaults: Readonly<Record<ServiceName, { port: number; aliasPorts?: readonly number[]; means: string }>> = {
  "log-v1": { port: 3000, means: "The transparency log with the API of Rekor v1." },
  "log-v2": { port: 3003, means: "The transparency log with the API of Rekor v2 and its tiles." },
  ca: { port: 5555, aliasPorts: [5554], means: "The certificate authority with the API of Fulcio." },
  ct: { port: 6962, means: "The certificate transparency log in which the certificate authority logs." },
  tsa: { port: 3004, means: "The timestamp authority (RFC 3161)." },
  tuf: { port: 8081, means: "The TUF repository with the trusted root and the signing configurations." },
  identity: { port: 5556, means: "The embedded OpenID Connect provider." },
  registry: { port: 5000, means: "The embedded OCI registry." },
  explorer: { port: 8080, means: "Health, readiness and metrics." },
};

/** A base URL. */
export const urlPattern: RegExp = /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*[^\s?#/])?$/u;
/** What `urlPattern` demands, in words. */
export const urlForm = "an http or https URL without a trailing slash, query, fragment or user";

/** Where a listener listens. */
export const addressesField: TextsField = {
  kind: "texts",
  means: "IP addresses to listen on. Beyond loopback, TLS or a proxy in front is required.",
  default: ["127.0.0.1", "::1"],
  pattern: /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/u,
  form: "an IP address",
};

const tlsField: SectionField = {
  kind: "section",
  means: "TLS with certificate files, read again when their content changes.",
  optional: true,
  fields: {
    certificateFile: { kind: "text", required: true, means: "PEM file: the server's certificate, then its intermediates." },
    keyFile: { kind: "text", required: true, means: "PEM file: the private key of the certificate." },
  },
};

/** The settings of one service. */
export function serviceField(name: ServiceName): SectionField {
  const { port, aliasPorts = [], means } = serviceDefaults[name];
  return {
    kind: "section",
    means,
    fields: {
      enabled: { kind: "switch", means: "Whether `serve` runs this service.", default: true },
      addresses: addressesField,
      port: { kind: "integer", means: "TCP port.", default: port, minimum: 1, maximum: 65_535 },
      aliasPorts: {
        kind: "texts",
        means: "Further ports that answer the same.",
        default: aliasPorts,
        integers: { minimum: 1, maximum: 65_535 },
      },
      publicUrl: {
        kind: "text",
        means:
          "Where clients reach the service; signed into the trust root, so it is fixed once clients have it. Default: http://localhost:PORT.",
        pattern: urlPattern,
        form: urlForm,
      },
      behindProxy: { kind: "switch", means: "Whether a proxy in front of this listener ends TLS.", default: false },
      tls: tlsField,
    },
  };
}
