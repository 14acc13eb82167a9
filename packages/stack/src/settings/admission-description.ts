// The settings of the admission controller.
import type { SectionField } from "./field.ts";
import { addressesField, urlForm, urlPattern } from "./service-description.ts";

const objectName = { pattern: /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/u, form: "a name as Kubernetes has them" } as const;

/** What `serve --only admission` reads. */
export const admissionField: SectionField = {
  kind: "section",
  means: "The admission controller of a Kubernetes cluster; it runs with `serve --only admission` alone.",
  fields: {
    addresses: addressesField,
    port: { kind: "integer", means: "TCP port of the webhook.", default: 8443, minimum: 1, maximum: 65_535 },
    namespace: { kind: "text", means: "The controller's own namespace; that of its pod where nothing is said.", ...objectName },
    serviceName: { kind: "text", means: "The Service in front of the webhook.", default: "webhook", ...objectName },
    certificateSecret: {
      kind: "text",
      means: "The Secret that keeps the webhook's certificate.",
      default: "webhook-certs",
      ...objectName,
    },
    mutatingConfigurations: {
      kind: "texts",
      means: "Mutating webhook configurations that are to trust the certificate.",
      default: ["policy.sigstore.dev", "defaulting.clusterimagepolicy.sigstore.dev"],
      ...objectName,
    },
    validatingConfigurations: {
      kind: "texts",
      means: "Validating webhook configurations that are to trust the certificate.",
      default: ["policy.sigstore.dev", "validating.clusterimagepolicy.sigstore.dev"],
      ...objectName,
    },
    defaultTrustRoot: {
      kind: "text",
      means: "The TrustRoot of authorities that name none.",
      default: "default",
      ...objectName,
    },
    cacheSeconds: {
      kind: "integer",
      means: "How long an image that passed is not looked at again; 0 looks each time.",
      default: 3600,
      minimum: 0,
      maximum: 86_400,
    },
    allowHttpRegistry: { kind: "switch", means: "Take plain http from registries that do not answer https.", default: false },
    apiServer: {
      kind: "text",
      means: "The Kubernetes API server, where the controller runs outside of a pod.",
      pattern: urlPattern,
      form: urlForm,
    },
    tokenFile: { kind: "text", means: "File with the token for apiServer." },
    caFile: { kind: "text", means: "PEM file with the certificates that apiServer's is held against." },
  },
};
