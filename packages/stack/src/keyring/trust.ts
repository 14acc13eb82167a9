// What the keyring publishes: trusted root and signing configs, computed from the document and from nothing else.
import { defaultScheme, parsePublicKey } from "@sigillum/library/crypto";
import type {
  CertificateAuthority,
  SigningConfig,
  SigningService,
  TransparencyLog,
  TrustedRoot,
} from "@sigillum/library/trusted-root";
import type { ChainRecord, KeyringDocument, ShardRecord } from "./document.ts";

/** The services that a signing config can name. */
export type OfferedService = "log-v1" | "log-v2" | "ca" | "tsa" | "identity";

/** Everything that a verifier must believe: active, planned and sealed alike, since old signatures must verify for ever. */
export function trustedRootOf(document: KeyringDocument): TrustedRoot {
  const logs = (apis: readonly ShardRecord["api"][]): TransparencyLog[] =>
    document.shards.filter((shard) => apis.includes(shard.api)).map((shard) => logOf(document, shard));
  const authorities = (service: ChainRecord["service"]): CertificateAuthority[] =>
    document.chains.filter((chain) => chain.service === service).map((chain) => authorityOf(document, chain));
  return {
    tlogs: logs(["v1", "v2"]),
    ctlogs: logs(["ct"]),
    certificateAuthorities: authorities("ca"),
    timestampAuthorities: authorities("tsa"),
  };
}

function logOf(document: KeyringDocument, shard: ShardRecord): TransparencyLog {
  const record = document.keys.find((key) => key.name === shard.key);
  if (record === undefined)
    throw new TypeError(`keyring: shard ${shard.id} names the key ${shard.key}, which the document lacks`);
  const publicKey = parsePublicKey(record.spki);
  return {
    baseUrl: shard.publicUrl,
    hashAlgorithm: "sha256",
    publicKey,
    scheme: defaultScheme(publicKey),
    validFor: shard.validFor,
    logId: shard.logId,
    operator: document.operator,
  };
}

function authorityOf(document: KeyringDocument, chain: ChainRecord): CertificateAuthority {
  return {
    uri: chain.publicUrl,
    subject: chain.subject,
    chain: chain.certificates,
    validFor: chain.validFor,
    operator: document.operator,
  };
}

/**
 * What a signer needs: one log API, the certificate authority, the identity provider and the timestamp authority, newest first.
 * A service that is not `offered` is left out whole; selectors are ANY, because sigstore-js knows no other (design §4).
 */
export function signingConfigOf(
  document: KeyringDocument,
  which: "v1" | "v2",
  offered: ReadonlySet<OfferedService>,
): SigningConfig {
  const chains = (service: "ca" | "tsa"): ChainRecord[] =>
    offered.has(service) ? document.chains.filter((chain) => chain.service === service && chain.state === "active") : [];
  const shards = offered.has(`log-${which}`)
    ? document.shards.filter((shard) => shard.api === which && shard.state === "active")
    : [];
  const identity = offered.has("identity") ? document.endpoints.filter((endpoint) => endpoint.service === "identity") : [];
  return {
    caUrls: services(document, chains("ca"), 1),
    oidcUrls: services(document, identity, 1),
    rekorTlogUrls: services(document, shards, which === "v1" ? 1 : 2),
    rekorTlogConfig: { selector: "ANY" },
    // tuf-root §4.2: the URL of a TSA is the whole endpoint.
    tsaUrls: services(document, chains("tsa"), 1, "/api/v1/timestamp"),
    tsaConfig: { selector: "ANY" },
  };
}

/** Newest first, an address once: several shards of Rekor v1 share one. */
function services(
  document: KeyringDocument,
  records: readonly { readonly publicUrl: string; readonly validFor: SigningService["validFor"] }[],
  majorApiVersion: number,
  path = "",
): SigningService[] {
  const newestFirst = [...records].sort((a, b) => b.validFor.startMs - a.validFor.startMs);
  const seen = new Set<string>();
  return newestFirst.flatMap(({ publicUrl, validFor }) => {
    if (seen.has(publicUrl)) return [];
    seen.add(publicUrl);
    return [{ url: `${publicUrl}${path}`, majorApiVersion, validFor, operator: document.operator }];
  });
}
