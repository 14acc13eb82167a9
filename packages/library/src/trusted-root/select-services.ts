import { formatRfc3339 } from "../encoding/index.ts";
import { trustedRootError } from "./errors.ts";
import type { ServiceConfiguration, SigningConfig, SigningService } from "./signing-config.ts";
import { isWithin } from "./time-range.ts";

/** The API versions that a signer speaks, by service. */
export interface SupportedVersions {
  readonly ca: readonly number[];
  readonly oidc: readonly number[];
  readonly log: readonly number[];
  readonly tsa: readonly number[];
}

/** The API versions that this library speaks. Version 0 means "not released", so it is none of them. */
export const supportedVersions: SupportedVersions = { ca: [1], oidc: [1], log: [1, 2], tsa: [1] };

/** The services to use for one signature; `oidc` is absent where the config lists none, `tsas` may be empty with Rekor v1. */
export interface SelectedServices {
  readonly ca: SigningService;
  readonly oidc?: SigningService;
  readonly logs: readonly SigningService[];
  readonly tsas: readonly SigningService[];
}

/**
 * Choose the services for a signature made at `nowMs`, as the comments of sigstore_trustroot.proto demand.
 * Of several that are as good the newest is taken, so the choice is the same each time. Whether a service answers was not checked.
 */
export function selectServices(
  config: SigningConfig,
  nowMs: number,
  supported: SupportedVersions = supportedVersions,
): SelectedServices {
  const ca = candidates(config.caUrls, nowMs, supported.ca)[0];
  if (ca === undefined) throw noneLeft("SIGNING_CONFIG_NO_CA", "certificate authority", config.caUrls, nowMs, supported.ca);
  const oidc = candidates(config.oidcUrls, nowMs, supported.oidc)[0];
  const logCandidates = candidates(config.rekorTlogUrls, nowMs, supported.log);
  if (logCandidates.length === 0) throw noneLeft("SIGNING_CONFIG_NO_LOG", "log", config.rekorTlogUrls, nowMs, supported.log);
  const logs = choose(logCandidates, config.rekorTlogConfig, "rekorTlogConfig");
  const tsaCandidates = candidates(config.tsaUrls, nowMs, supported.tsa);
  // A v2 log gives no time of its own; with v1 alone a config whose TSAs are all out of use still signs.
  const needsTsa = logs.some((log) => log.majorApiVersion >= 2);
  if (tsaCandidates.length === 0 && needsTsa)
    throw noneLeft("SIGNING_CONFIG_NO_TSA", "timestamp authority", config.tsaUrls, nowMs, supported.tsa);
  const optional = tsaCandidates.length === 0 && config.tsaConfig?.selector !== "EXACT";
  return {
    ca,
    ...(oidc === undefined ? {} : { oidc }),
    logs,
    tsas: optional ? [] : choose(tsaCandidates, config.tsaConfig, "tsaConfig"),
  };
}

// client-conformance.md §9.2 rules 1 to 3: drop unknown versions and closed windows, keep the highest version, one of each operator.
function candidates(services: readonly SigningService[], nowMs: number, versions: readonly number[]): SigningService[] {
  const usable = services.filter((service) => versions.includes(service.majorApiVersion) && isWithin(service.validFor, nowMs));
  const highest = Math.max(...usable.map((service) => service.majorApiVersion));
  const newestFirst = usable
    .filter((service) => service.majorApiVersion === highest)
    .sort((a, b) => b.validFor.startMs - a.validFor.startMs);
  const operators = new Set<string>();
  return newestFirst.filter((service) => !operators.has(service.operator) && operators.add(service.operator));
}

// Rule 4: ALL takes all, ANY one, EXACT `count` or none.
function choose(
  services: readonly SigningService[],
  configuration: ServiceConfiguration | undefined,
  path: string,
): readonly SigningService[] {
  switch (configuration?.selector) {
    case "ALL":
      return services;
    case "ANY":
      return services.slice(0, 1);
    case "EXACT":
      return exactly(services, configuration.count ?? 0, path);
    default:
      throw trustedRootError("SIGNING_CONFIG_SELECTOR", `Cannot choose services: ${path} has no selector`, {
        found: configuration === undefined ? `no ${path}` : "SERVICE_SELECTOR_UNDEFINED",
        expected: "ALL, ANY or EXACT",
      });
  }
}

function exactly(services: readonly SigningService[], count: number, path: string): readonly SigningService[] {
  if (count > 0 && count <= services.length) return services.slice(0, count);
  throw trustedRootError(
    "SIGNING_CONFIG_COUNT",
    `Cannot choose services: ${path} asks for exactly ${count}, and ${services.length} can be used`,
    {
      found: `${services.length} of distinct operators`,
      expected: count > 0 ? `at least ${count}` : "a count above 0",
    },
  );
}

function noneLeft(
  code: "SIGNING_CONFIG_NO_CA" | "SIGNING_CONFIG_NO_LOG" | "SIGNING_CONFIG_NO_TSA",
  what: string,
  services: readonly SigningService[],
  nowMs: number,
  versions: readonly number[],
): Error {
  const now = formatRfc3339(nowMs);
  return trustedRootError(code, `Cannot choose services: no ${what} can be used at ${now}`, {
    found:
      services.length === 0
        ? "none listed"
        : `${services.length} listed, none with API version ${versions.join(" or ")} and valid now`,
    expected: `a ${what} with API version ${versions.join(" or ")}, valid at ${now}`,
  });
}
