import { defineErrors, type SigillumError } from "../encoding/index.ts";

/** The codes of the room `trusted-root`, with what each means. */
export const trustedRootErrors = {
  TRUSTED_ROOT_JSON: { kind: "malformed", means: "The trusted root is not JSON, or is longer than we read." },
  TRUSTED_ROOT_MEDIA_TYPE: { kind: "malformed", means: "The trusted root's media type is none that we read." },
  TRUSTED_ROOT_FIELD: { kind: "malformed", means: "A field of the trusted root is missing, unknown or of the wrong type." },
  TRUSTED_ROOT_WINDOW: {
    kind: "malformed",
    means: "A period of validity in the trusted root has no start, or ends before it starts.",
  },
  TRUSTED_ROOT_KEY: {
    kind: "malformed",
    means: "A log's public key in the trusted root does not parse, or is not of the type that it names.",
  },
  TRUSTED_ROOT_CERTIFICATE: { kind: "malformed", means: "A certificate of the trusted root does not parse." },
  TRUSTED_ROOT_CHAIN_EMPTY: { kind: "malformed", means: "An authority of the trusted root has no certificate." },
  TRUSTED_ROOT_TOO_LARGE: {
    kind: "malformed",
    means: "The trusted root has more logs, authorities or certificates than we read.",
  },
  SIGNING_CONFIG_JSON: { kind: "malformed", means: "The signing config is not JSON, or is longer than we read." },
  SIGNING_CONFIG_MEDIA_TYPE: { kind: "malformed", means: "The signing config's media type is none that we read." },
  SIGNING_CONFIG_FIELD: { kind: "malformed", means: "A field of the signing config is missing, unknown or of the wrong type." },
  SIGNING_CONFIG_WINDOW: { kind: "malformed", means: "A service's period of validity has no start, or ends before it starts." },
  SIGNING_CONFIG_URL: { kind: "malformed", means: "A service's URL is not an absolute http or https URL." },
  SIGNING_CONFIG_TOO_LARGE: { kind: "malformed", means: "The signing config lists more services than we read." },
  SIGNING_CONFIG_SELECTOR: {
    kind: "state",
    means: "The signing config does not say how many logs or timestamp authorities to use.",
  },
  SIGNING_CONFIG_COUNT: {
    kind: "state",
    means: "The signing config asks for exactly so many services, and fewer can be used now.",
  },
  SIGNING_CONFIG_NO_CA: { kind: "state", means: "No certificate authority of the signing config can be used now." },
  SIGNING_CONFIG_NO_LOG: { kind: "state", means: "No transparency log of the signing config can be used now." },
  SIGNING_CONFIG_NO_TSA: {
    kind: "state",
    means: "No timestamp authority can be used now, and a Rekor v2 log gives no time of its own.",
  },
} as const;

/** The codes of the room `trusted-root`. */
export type TrustedRootErrorCode = keyof typeof trustedRootErrors;

/** Make an error of this room. */
export const trustedRootError: (
  code: TrustedRootErrorCode,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(trustedRootErrors);
