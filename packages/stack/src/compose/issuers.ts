// The issuers of a stack: those of the settings, those of a file in Fulcio's format, and the embedded provider.
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { type Clock, type Logger, silentLogger, systemClock } from "../host/index.ts";
import { identityKeySet, workflowIssuer } from "../identity-provider/index.ts";
import {
  type CiProvider,
  type EmbeddedIssuer,
  type IssuerConfiguration,
  Issuers,
  type IssuersConfiguration,
  parseFulcioConfiguration,
  standardProviders,
  withProviderUrl,
} from "../issuers/index.ts";
import type { Keyring } from "../keyring/index.ts";
import { type IssuerSettings, openDataDirectory, type Settings } from "../settings/index.ts";
import { composeError } from "./errors.ts";

/** The configured issuers and, where it is enabled, the embedded provider, whose keys are handed over without the network. */
export async function makeIssuers(
  settings: Settings,
  keyring: Keyring | undefined,
  clock: Clock,
  logger: Logger,
): Promise<Issuers> {
  const { certificateAuthority, services } = settings;
  const file = await readIssuersFile(settings);
  const ciProviders = new Map(file.ciProviders);
  const own: IssuerConfiguration[] = [];
  for (const issuer of certificateAuthority.issuers) own.push(await issuerOf(settings, issuer, ciProviders));
  return new Issuers({
    issuers: [...file.issuers, ...own],
    metaIssuers: file.metaIssuers,
    ciProviders,
    clock,
    logger,
    embedded: services.identity.enabled && keyring !== undefined ? embeddedIssuers(settings, keyring) : [],
  });
}

/** Asks every configured issuer of a data directory for its keys. Nothing is locked: a stack may run on it. */
export async function checkIssuers(
  dataDirectory: string,
  options: { readonly configFile?: string } = {},
): Promise<Awaited<ReturnType<Issuers["check"]>>> {
  const settings = await openDataDirectory(dataDirectory, options);
  return (await makeIssuers(settings, undefined, systemClock, silentLogger)).check();
}

function embeddedIssuers(settings: Settings, keyring: Keyring): EmbeddedIssuer[] {
  const { clientId, workflowTokens } = settings.identityProvider;
  const url = settings.services.identity.publicUrl;
  const keys = identityKeySet(keyring);
  const common = { clientId, skipEmailVerification: false };
  const workflows = { ...common, url: workflowIssuer(url), type: "ci-provider", ciProvider: "github-workflow" } as const;
  return [
    { configuration: { ...common, url, type: "email" }, keys },
    ...(workflowTokens ? [{ configuration: workflows, keys }] : []),
  ];
}

async function readIssuersFile(settings: Settings): Promise<IssuersConfiguration> {
  const { issuersFile } = settings.certificateAuthority;
  if (issuersFile === undefined) return { issuers: [], metaIssuers: [], ciProviders: new Map() };
  return parseFulcioConfiguration(await readText(settings, issuersFile, "certificateAuthority.issuersFile"), issuersFile);
}

/** An issuer of sigillum.yaml; one with an address of its own gets templates of its own, under its URL. */
async function issuerOf(
  settings: Settings,
  issuer: IssuerSettings,
  providers: Map<string, CiProvider>,
): Promise<IssuerConfiguration> {
  const { caCertificateFile, providerUrl, ciProvider, ...configuration } = issuer;
  const provider = providers.get(ciProvider ?? "") ?? standardProviders.get(ciProvider ?? "");
  if (providerUrl !== undefined && provider !== undefined) providers.set(issuer.url, withProviderUrl(provider, providerUrl));
  const providerName = providerUrl !== undefined && provider !== undefined ? issuer.url : ciProvider;
  const caCertificates =
    caCertificateFile === undefined ? undefined : await readText(settings, caCertificateFile, "caCertificateFile");
  return {
    ...configuration,
    ...(providerName === undefined ? {} : { ciProvider: providerName }),
    ...(caCertificates === undefined ? {} : { caCertificates }),
  };
}

/** A relative path stands below the data directory. */
export async function readText(settings: Settings, path: string, setting: string): Promise<string> {
  try {
    return await readFile(isAbsolute(path) ? path : join(settings.dataDirectory, path), "utf8");
  } catch (cause) {
    const found = cause instanceof Error && "code" in cause ? String(cause.code) : "an unknown failure";
    throw composeError("STACK_FILE_UNREADABLE", `Cannot start: the file of ${setting} cannot be read: ${found}`, {
      cause,
      found,
      expected: path,
    });
  }
}
