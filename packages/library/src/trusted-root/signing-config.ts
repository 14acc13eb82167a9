// SigningConfig v0.2 of sigstore_trustroot.proto, in protobuf JSON: the services a signer may use.
import { type JsonFail, JsonObject, type JsonValue, parseJson, quote } from "../encoding/index.ts";
import { trustedRootError } from "./errors.ts";
import { encodeValidFor, parseValidFor, type TimeRange } from "./time-range.ts";

/** A service of a signing config. For a CA, an OIDC provider and a log `url` is a base; for a TSA it is the whole address. */
export interface SigningService {
  readonly url: string;
  readonly majorApiVersion: number;
  readonly validFor: TimeRange;
  readonly operator: string;
}

/** How many services of a list to use; `undefined` where the document does not say, which fails when services are chosen. */
export interface ServiceConfiguration {
  readonly selector: "ALL" | "ANY" | "EXACT" | "SERVICE_SELECTOR_UNDEFINED";
  readonly count?: number;
}

/** A parsed signing config. */
export interface SigningConfig {
  readonly caUrls: readonly SigningService[];
  readonly oidcUrls: readonly SigningService[];
  readonly rekorTlogUrls: readonly SigningService[];
  readonly rekorTlogConfig?: ServiceConfiguration;
  readonly tsaUrls: readonly SigningService[];
  readonly tsaConfig?: ServiceConfiguration;
}

/** The media type that is read and written. */
export const signingConfigMediaType = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/** Named limits of the parser. */
export const signingConfigLimits: { readonly bytes: number; readonly services: number } = { bytes: 1024 * 1024, services: 256 };

/** Read a signing config. Where it came from was not checked, nor whether a service can be used now. */
export function parseSigningConfig(json: string | Uint8Array): SigningConfig {
  return readSigningConfig(JsonObject.from(readJson(json), "signingConfig", fieldError));
}

const fieldError: JsonFail = (message, fields) => trustedRootError("SIGNING_CONFIG_FIELD", message, fields);

function readJson(json: string | Uint8Array): JsonValue {
  try {
    return parseJson(json, { maxBytes: signingConfigLimits.bytes });
  } catch (cause) {
    throw trustedRootError(
      "SIGNING_CONFIG_JSON",
      `Cannot parse signing config: ${cause instanceof Error ? cause.message : "it is no JSON"}`,
      { cause },
    );
  }
}

function readSigningConfig(document: JsonObject): SigningConfig {
  document.onlyNames(["mediaType", "caUrls", "oidcUrls", "rekorTlogUrls", "rekorTlogConfig", "tsaUrls", "tsaConfig"]);
  const mediaType = document.string("mediaType");
  if (mediaType !== signingConfigMediaType) {
    throw trustedRootError("SIGNING_CONFIG_MEDIA_TYPE", `Cannot parse signing config: unknown media type ${quote(mediaType)}`, {
      found: mediaType,
      expected: signingConfigMediaType,
    });
  }
  const rekorTlogConfig = document.optionalObject("rekorTlogConfig");
  const tsaConfig = document.optionalObject("tsaConfig");
  return {
    caUrls: readServices(document, "caUrls"),
    oidcUrls: readServices(document, "oidcUrls"),
    rekorTlogUrls: readServices(document, "rekorTlogUrls"),
    ...(rekorTlogConfig === undefined ? {} : { rekorTlogConfig: readConfiguration(rekorTlogConfig, "rekorTlogConfig") }),
    tsaUrls: readServices(document, "tsaUrls"),
    ...(tsaConfig === undefined ? {} : { tsaConfig: readConfiguration(tsaConfig, "tsaConfig") }),
  };
}

function readServices(document: JsonObject, name: string): SigningService[] {
  const items = document.optionalObjects(name);
  if (items.length > signingConfigLimits.services) {
    throw trustedRootError("SIGNING_CONFIG_TOO_LARGE", `Cannot parse signing config: ${name} has ${items.length} services`, {
      found: String(items.length),
      expected: `at most ${signingConfigLimits.services}`,
    });
  }
  return items.map((item, index) => {
    item.onlyNames(["url", "majorApiVersion", "validFor", "operator"]);
    return {
      url: readUrl(item.string("url"), `${name}[${index}].url`),
      majorApiVersion: item.optionalUint64("majorApiVersion") ?? 0,
      validFor: parseValidFor(item, `${name}[${index}]`, windowError),
      operator: item.string("operator"),
    };
  });
}

const windowError = (message: string, found: string): ReturnType<typeof trustedRootError> =>
  trustedRootError("SIGNING_CONFIG_WINDOW", `Cannot parse signing config: ${message}`, {
    found,
    expected: "a start, and an end after it or none",
  });

// A scheme, an authority without user information, and a path: no query, fragment, white space or control character.
const serviceUrl = /^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#\\]*)?$/;

function readUrl(url: string, path: string): string {
  if (serviceUrl.test(url)) return url;
  throw trustedRootError("SIGNING_CONFIG_URL", `Cannot parse signing config: ${path} is ${quote(url)}`, {
    found: url,
    expected: "an http or https URL without query and fragment",
  });
}

const selectors = ["ALL", "ANY", "EXACT", "SERVICE_SELECTOR_UNDEFINED"] as const;

function readConfiguration(item: JsonObject, path: string): ServiceConfiguration {
  item.onlyNames(["selector", "count"]);
  const name = item.optionalString("selector") ?? "SERVICE_SELECTOR_UNDEFINED";
  const selector = selectors.find((known) => known === name);
  if (selector === undefined) {
    throw trustedRootError("SIGNING_CONFIG_FIELD", `Cannot parse signing config: ${path}.selector is ${quote(name)}`, {
      found: name,
      expected: selectors.join(", "),
    });
  }
  const count = item.optionalUint64("count");
  return { selector, ...(count === undefined ? {} : { count }) };
}

/** Write a signing config v0.2, each list with the newest start first. */
export function encodeSigningConfig(config: SigningConfig): string {
  const document: JsonValue = {
    mediaType: signingConfigMediaType,
    caUrls: config.caUrls.map(encodeService),
    oidcUrls: config.oidcUrls.map(encodeService),
    rekorTlogUrls: config.rekorTlogUrls.map(encodeService),
    tsaUrls: config.tsaUrls.map(encodeService),
    rekorTlogConfig: encodeConfiguration(config.rekorTlogConfig),
    tsaConfig: encodeConfiguration(config.tsaConfig),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function encodeService(service: SigningService): JsonValue {
  return {
    url: service.url,
    majorApiVersion: service.majorApiVersion,
    validFor: encodeValidFor(service.validFor),
    operator: service.operator,
  };
}

// A missing configuration makes sigstore-go dereference nil, so one is always written.
function encodeConfiguration(configuration: ServiceConfiguration | undefined): JsonValue {
  if (configuration === undefined) return { selector: "ANY" };
  return { selector: configuration.selector, ...(configuration.count === undefined ? {} : { count: configuration.count }) };
}
