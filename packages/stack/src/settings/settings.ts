// Settings as the rest of the stack reads them: typed, complete and checked against each other.
import { isIPv4 } from "node:net";
import { JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { issuerTypes } from "./authority-description.ts";
import { settingsError } from "./errors.ts";
import { parseSettingsText } from "./parse.ts";
import { type ServiceName, serviceNames } from "./service-description.ts";

/** Certificate files of a listener. */
export interface TlsSettings {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Where a service listens and where clients reach it. */
export interface ServiceSettings {
  readonly enabled: boolean;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly aliasPorts: readonly number[];
  readonly publicUrl: string;
  readonly behindProxy: boolean;
  readonly tls?: TlsSettings;
}

/** An OpenID Connect issuer that obtains certificates. */
export interface IssuerSettings {
  readonly url: string;
  readonly clientId: string;
  readonly type: (typeof issuerTypes)[number];
  readonly skipEmailVerification: boolean;
  readonly ciProvider?: string;
  readonly providerUrl?: string;
  readonly issuerClaim?: string;
  readonly subjectDomain?: string;
  readonly spiffeTrustDomain?: string;
  readonly caCertificateFile?: string;
}

/** A person who signs in with a password. */
export interface UserSettings {
  readonly email: string;
  readonly passwordHash: string;
}

/** What the admission controller is told. */
export interface AdmissionSettings {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly namespace?: string;
  readonly serviceName: string;
  readonly certificateSecret: string;
  readonly mutatingConfigurations: readonly string[];
  readonly validatingConfigurations: readonly string[];
  readonly defaultTrustRoot: string;
  readonly cacheSeconds: number;
  readonly allowHttpRegistry: boolean;
  readonly apiServer?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
}

/** A witness of the transparency log. */
export interface WitnessSettings {
  readonly url: string;
  readonly verifierKey: string;
  readonly logs: readonly string[];
}

/** Another OpenID Connect provider that people sign in at. */
export interface UpstreamSettings {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly skipEmailVerification: boolean;
  readonly clientSecretFile?: string;
  readonly connectorId?: string;
  readonly caCertificateFile?: string;
}

/** Every setting of a stack. */
export interface Settings {
  readonly dataDirectory: string;
  readonly organization: string;
  readonly operator: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** Where new keys are made, and keys that init takes over, by name. */
  readonly keys: { readonly holder?: string; readonly references: Readonly<Record<string, string>> };
  readonly services: Readonly<Record<ServiceName, ServiceSettings>>;
  readonly identityProvider: {
    readonly clientId: string;
    readonly tokenLifetimeSeconds: number;
    readonly developmentUser?: { readonly email: string };
    readonly users: readonly UserSettings[];
    readonly upstreams: readonly UpstreamSettings[];
    readonly workflowTokens: boolean;
  };
  readonly certificateAuthority: {
    readonly certificateLifetimeSeconds: number;
    readonly clientAlgorithms: readonly string[];
    readonly issuersFile?: string;
    readonly chainFile?: string;
    readonly chainKey?: string;
    readonly issuers: readonly IssuerSettings[];
  };
  readonly storage:
    | { readonly kind: "files" }
    /** With the bucket of tiles and entry bundles; without one they lie in the data directory. */
    | { readonly kind: "postgresql"; readonly postgresqlUrl: string; readonly bucket?: string };
  readonly transparencyLog: {
    readonly rotateEveryDays: number;
    readonly rotateAtEntries: number;
    readonly nextUrlV2?: string;
    readonly checkpointDirectory?: string;
    readonly disabledOperationsV1: readonly string[];
    readonly entryTypesV1: readonly string[];
    readonly overlapHours: number;
    readonly mlDsaV2: boolean;
    readonly witnesses: readonly WitnessSettings[];
    readonly witnessQuorum: number;
    readonly witnessWaitMilliseconds: number;
    readonly witnessEveryMilliseconds: number;
  };
  readonly ctLog: { readonly leafIndexExtension: boolean; readonly remoteUrl?: string; readonly remotePublicKeyFile?: string };
  readonly timestampAuthority: {
    readonly policy: string;
    readonly acceptedPolicies: readonly string[];
    readonly includeChain: boolean;
    readonly clockToleranceMilliseconds: number;
    readonly chainFile?: string;
    readonly chainKey?: string;
    readonly ntpServers: readonly string[];
  };
  readonly registry: { readonly accepts: "oci-1.1" | "quay-3.6" };
  readonly admission: AdmissionSettings;
  readonly trust: {
    readonly profile: "default" | "ceremony";
    readonly copies: readonly string[];
    readonly defaultLog: "v1" | "v2";
    readonly cacheWindowHours: number;
    readonly rootLifetimeDays: number;
    readonly targetsLifetimeDays: number;
    readonly snapshotLifetimeDays: number;
    readonly timestampLifetimeDays: number;
  };
}

/**
 * Parses the text of sigillum.yaml. What returns is complete and agrees with itself: no two services share an address and port,
 * and the development user is out of reach from other machines. TLS beyond loopback is the host's check, made when listeners open.
 */
export function parseSettings(text: string, dataDirectory: string, fileName = "sigillum.yaml"): Settings {
  const settings = settingsOf(parseSettingsText(text, fileName), dataDirectory);
  checkPorts(settings, fileName);
  checkDevelopmentUser(settings, fileName);
  checkQuorum(settings, fileName);
  return settings;
}

/** Whether an address can be reached from this machine alone. */
function isLoopbackAddress(address: string): boolean {
  return address === "::1" || (isIPv4(address) && address.startsWith("127."));
}

function settingsOf(values: { [name: string]: JsonValue }, dataDirectory: string): Settings {
  const root = JsonObject.exact(values, "settings");
  const services = root.object("services");
  const keys = root.object("keys");
  const ctLog = root.object("ctLog");
  const timestamps = root.object("timestampAuthority");
  const trust = root.object("trust");
  return {
    dataDirectory,
    organization: root.string("organization"),
    operator: root.string("operator"),
    logLevel: choice(root.string("logLevel"), ["debug", "info", "warn", "error"]),
    keys: {
      ...textsOf(keys, ["holder"]),
      references: Object.fromEntries(keys.objects("references").map((key) => [key.string("name"), key.string("reference")])),
    },
    services: {
      "log-v1": serviceOf(services.object("log-v1")),
      "log-v2": serviceOf(services.object("log-v2")),
      ca: serviceOf(services.object("ca")),
      ct: serviceOf(services.object("ct")),
      tsa: serviceOf(services.object("tsa")),
      tuf: serviceOf(services.object("tuf")),
      identity: serviceOf(services.object("identity")),
      registry: serviceOf(services.object("registry")),
      explorer: serviceOf(services.object("explorer")),
    },
    identityProvider: identityProviderOf(root.object("identityProvider")),
    certificateAuthority: authorityOf(root.object("certificateAuthority")),
    storage: storageOf(root.object("storage")),
    transparencyLog: transparencyLogOf(root.object("transparencyLog")),
    ctLog: {
      leafIndexExtension: ctLog.boolean("leafIndexExtension"),
      ...textsOf(ctLog, ["remoteUrl", "remotePublicKeyFile"]),
    },
    timestampAuthority: {
      ...textsOf(timestamps, ["chainFile", "chainKey"]),
      policy: timestamps.string("policy"),
      acceptedPolicies: timestamps.strings("acceptedPolicies"),
      includeChain: timestamps.boolean("includeChain"),
      clockToleranceMilliseconds: timestamps.safeInteger("clockToleranceMilliseconds"),
      ntpServers: timestamps.strings("ntpServers"),
    },
    registry: { accepts: choice(root.object("registry").string("accepts"), ["oci-1.1", "quay-3.6"]) },
    admission: admissionOf(root.object("admission")),
    trust: {
      profile: choice(trust.string("profile"), ["default", "ceremony"]),
      copies: trust.strings("copies"),
      defaultLog: choice(trust.string("defaultLog"), ["v1", "v2"]),
      cacheWindowHours: trust.safeInteger("cacheWindowHours"),
      rootLifetimeDays: trust.safeInteger("rootLifetimeDays"),
      targetsLifetimeDays: trust.safeInteger("targetsLifetimeDays"),
      snapshotLifetimeDays: trust.safeInteger("snapshotLifetimeDays"),
      timestampLifetimeDays: trust.safeInteger("timestampLifetimeDays"),
    },
  };
}

function transparencyLogOf(log: JsonObject): Settings["transparencyLog"] {
  return {
    rotateEveryDays: log.safeInteger("rotateEveryDays"),
    rotateAtEntries: log.safeInteger("rotateAtEntries"),
    disabledOperationsV1: log.strings("disabledOperationsV1"),
    entryTypesV1: log.strings("entryTypesV1"),
    overlapHours: log.safeInteger("overlapHours"),
    mlDsaV2: log.boolean("mlDsaV2"),
    witnesses: log.objects("witnesses").map((witness) => ({
      url: witness.string("url"),
      verifierKey: witness.string("verifierKey"),
      logs: witness.strings("logs"),
    })),
    witnessQuorum: log.safeInteger("witnessQuorum"),
    witnessWaitMilliseconds: log.safeInteger("witnessWaitMilliseconds"),
    witnessEveryMilliseconds: log.safeInteger("witnessEveryMilliseconds"),
    ...textsOf(log, ["nextUrlV2", "checkpointDirectory"]),
  };
}

function identityProviderOf(provider: JsonObject): Settings["identityProvider"] {
  const developmentUser = provider.object("developmentUser");
  return {
    clientId: provider.string("clientId"),
    tokenLifetimeSeconds: provider.safeInteger("tokenLifetimeSeconds"),
    ...(developmentUser.boolean("enabled") ? { developmentUser: { email: developmentUser.string("email") } } : {}),
    users: provider.objects("users").map((user) => ({ email: user.string("email"), passwordHash: user.string("passwordHash") })),
    upstreams: provider.objects("upstreams").map(upstreamOf),
    workflowTokens: provider.boolean("workflowTokens"),
  };
}

function authorityOf(authority: JsonObject): Settings["certificateAuthority"] {
  return {
    certificateLifetimeSeconds: authority.safeInteger("certificateLifetimeSeconds"),
    clientAlgorithms: authority.strings("clientAlgorithms"),
    ...textsOf(authority, ["issuersFile", "chainFile", "chainKey"]),
    issuers: authority.objects("issuers").map((issuer) => ({
      url: issuer.string("url"),
      clientId: issuer.string("clientId"),
      type: choice(issuer.string("type"), issuerTypes),
      skipEmailVerification: issuer.boolean("skipEmailVerification"),
      ...textsOf(issuer, ["ciProvider", "providerUrl", "issuerClaim", "subjectDomain", "spiffeTrustDomain", "caCertificateFile"]),
    })),
  };
}

function upstreamOf(upstream: JsonObject): UpstreamSettings {
  return {
    name: upstream.string("name"),
    issuer: upstream.string("issuer"),
    clientId: upstream.string("clientId"),
    skipEmailVerification: upstream.boolean("skipEmailVerification"),
    ...textsOf(upstream, ["clientSecretFile", "connectorId", "caCertificateFile"]),
  };
}

/** The optional texts that are there. */
function textsOf<const Name extends string>(values: JsonObject, names: readonly Name[]): { readonly [name in Name]?: string } {
  const texts: { [name in Name]?: string } = {};
  for (const name of names) {
    const text = values.optionalString(name);
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}

function storageOf(values: JsonObject): Settings["storage"] {
  const url = values.optionalString("postgresqlUrl");
  const bucket = values.optionalString("bucket");
  const inBucket = choice(values.string("objects"), ["files", "s3"]) === "s3";
  if (choice(values.string("kind"), ["files", "postgresql"]) === "files") {
    if (!inBucket) return { kind: "files" };
    throw unusableStorage("storage.objects is s3, and storage.kind is files", "storage.kind: postgresql");
  }
  if (url === undefined)
    throw unusableStorage(
      "storage.kind is postgresql, and storage.postgresqlUrl is not there",
      "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    );
  if (!inBucket) return { kind: "postgresql", postgresqlUrl: url };
  if (bucket === undefined) throw unusableStorage("storage.objects is s3, and storage.bucket is not there", "s3://BUCKET/PREFIX");
  return { kind: "postgresql", postgresqlUrl: url, bucket };
}

function unusableStorage(what: string, expected: string): Error {
  return settingsError("SETTINGS_INVALID", `Cannot use sigillum.yaml: ${what}`, { found: "nothing", expected });
}

function admissionOf(values: JsonObject): AdmissionSettings {
  return {
    addresses: values.strings("addresses"),
    port: values.safeInteger("port"),
    serviceName: values.string("serviceName"),
    certificateSecret: values.string("certificateSecret"),
    mutatingConfigurations: values.strings("mutatingConfigurations"),
    validatingConfigurations: values.strings("validatingConfigurations"),
    defaultTrustRoot: values.string("defaultTrustRoot"),
    cacheSeconds: values.safeInteger("cacheSeconds"),
    allowHttpRegistry: values.boolean("allowHttpRegistry"),
    ...textsOf(values, ["namespace", "apiServer", "tokenFile", "caFile"]),
  };
}

function serviceOf(values: JsonObject): ServiceSettings {
  const port = values.safeInteger("port");
  const tls = values.optionalObject("tls");
  const scheme = tls === undefined ? "http" : "https";
  return {
    enabled: values.boolean("enabled"),
    addresses: values.strings("addresses"),
    port,
    aliasPorts: values.array("aliasPorts").flatMap(({ value }) => (typeof value === "number" ? [value] : [])),
    publicUrl: values.optionalString("publicUrl") ?? `${scheme}://localhost:${port}`,
    behindProxy: values.boolean("behindProxy"),
    ...(tls === undefined ? {} : { tls: { certificateFile: tls.string("certificateFile"), keyFile: tls.string("keyFile") } }),
  };
}

function checkPorts(settings: Settings, fileName: string): void {
  const taken = new Map<string, ServiceName>();
  for (const name of serviceNames) {
    const service = settings.services[name];
    if (!service.enabled) continue;
    for (const port of [service.port, ...service.aliasPorts]) {
      for (const address of service.addresses) {
        const other = taken.get(`${address} ${port}`);
        if (other !== undefined) {
          throw settingsError(
            "SETTINGS_PORT_CONFLICT",
            `Cannot use ${fileName}: services ${other} and ${name} both listen on ${address} port ${port}`,
            {
              found: `port ${port} twice`,
              expected: "a port of its own for each service",
            },
          );
        }
        taken.set(`${address} ${port}`, name);
      }
    }
  }
}

function checkQuorum({ transparencyLog: { witnesses, witnessQuorum } }: Settings, fileName: string): void {
  const count = witnesses.filter(({ logs }) => logs.includes("v2")).length;
  if (witnessQuorum <= count) return;
  throw settingsError(
    "SETTINGS_INVALID",
    `Cannot use ${fileName}: transparencyLog.witnessQuorum is ${witnessQuorum}, and ${count} witnesses are named for log v2`,
    { found: String(witnessQuorum), expected: `at most ${count}` },
  );
}

function beyondLoopback(service: ServiceSettings): string | undefined {
  return service.enabled ? service.addresses.find((address) => !isLoopbackAddress(address)) : undefined;
}

function checkDevelopmentUser(settings: Settings, fileName: string): void {
  const service = settings.services.identity;
  const address = beyondLoopback(service);
  const proxied = service.enabled && service.behindProxy ? "a proxy in front" : undefined;
  const reach = address ?? proxied;
  const { developmentUser, workflowTokens } = settings.identityProvider;
  if (reach === undefined || (developmentUser === undefined && !workflowTokens)) return;
  const what =
    developmentUser === undefined
      ? "tokens as of a workflow are given without a login"
      : "the development user signs in without a password";
  throw settingsError(
    "DEVELOPMENT_USER_NOT_LOOPBACK",
    `Cannot use ${fileName}: ${what}, and services.identity is reachable through ${reach}`,
    {
      found: reach,
      expected: "loopback addresses alone, or identityProvider.developmentUser.enabled and workflowTokens: false",
    },
  );
}

/** Narrows a string that the description has already held against the same choices. */
function choice<const T extends string>(value: string, choices: readonly T[]): T {
  const found = choices.find((item) => item === value);
  if (found === undefined) throw new TypeError(`the settings description and the settings type disagree about ${value}`);
  return found;
}
