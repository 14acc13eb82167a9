// keyring.json: every key, chain, shard and address of a stack, with period and state. Trusted root, signing configs and the
// services themselves are computed from it, and it alone is edited when something rotates.
import { type KeyType, parsePublicKey } from "@sigillum/library/crypto";
import {
  encodeBase64,
  formatRfc3339,
  isSigillumError,
  JsonObject,
  type JsonValue,
  parseBase64,
  parseJson,
} from "@sigillum/library/encoding";
import type { TimeRange } from "@sigillum/library/trusted-root";
import { type Certificate, parseCertificate } from "@sigillum/library/x509";
import { keyringError } from "./errors.ts";

/** The version of the document that this release writes, and the newest that it reads. */
export const keyringVersion = 1;

/** The file's name in the data directory. */
export const keyringFileName = "keyring.json";

const keyringFormat = "sigillum-keyring";
const maxDocumentBytes = 4 * 1024 * 1024;

/** A key's name: its use, and for logs the shard: `log-v1/2026-1`, `ca`, `tuf-root`. */
export type KeyName = string;

/** A key pair; the private half stands where `reference` says. */
export interface KeyRecord {
  readonly name: KeyName;
  readonly type: KeyType;
  /** A reference of the room `signers`; a relative `file:` stands below the data directory. */
  readonly reference: string;
  readonly spki: Uint8Array;
}

/** Whether something is in use, published for later use, or kept for what was made with it. */
export type RecordState = "active" | "planned" | "sealed";

/** One tree of a log. */
export interface ShardRecord {
  readonly id: string;
  readonly api: "v1" | "v2" | "ct";
  readonly key: KeyName;
  /** Rekor v1's number of the tree, decimal: it exceeds 2^53. */
  readonly treeId?: string;
  /** First line of its checkpoints. */
  readonly origin: string;
  /** Name in the signature lines of its checkpoints. */
  readonly checkpointName: string;
  /** What entries name the log by: the trusted root's `logId`. */
  readonly logId: Uint8Array;
  readonly publicUrl: string;
  readonly validFor: TimeRange;
  readonly state: RecordState;
  /** Since when the published trusted root has the key of a shard that was planned; its turn comes no sooner than caches need. */
  readonly publishedMs?: number;
  /** When a shard that was planned became active; absent for the first one. */
  readonly activatedMs?: number;
}

/** A chain of the certificate authority (issuing certificate first) or of the timestamp authority (signing certificate first). */
export interface ChainRecord {
  readonly id: string;
  readonly service: "ca" | "tsa";
  readonly key: KeyName;
  readonly publicUrl: string;
  /** The anchor's name, as the trusted root states it. */
  readonly subject: { readonly organization: string; readonly commonName: string };
  readonly certificates: readonly Certificate[];
  readonly validFor: TimeRange;
  readonly state: RecordState;
}

/** An address that signing configs name and that has neither key nor chain of its own there: the identity provider. */
export interface EndpointRecord {
  readonly service: "identity";
  readonly publicUrl: string;
  readonly validFor: TimeRange;
}

/** The whole document. */
export interface KeyringDocument {
  readonly operator: string;
  readonly organization: string;
  readonly createdMs: number;
  /** The PKCS #11 token in which new keys are made, as a URI without object and PIN; files where it is absent. */
  readonly keyHolder?: string;
  readonly keys: readonly KeyRecord[];
  readonly shards: readonly ShardRecord[];
  readonly chains: readonly ChainRecord[];
  readonly endpoints: readonly EndpointRecord[];
}

/** Writes the document; it holds no private key. */
export function encodeKeyringDocument(document: KeyringDocument): string {
  const value: JsonValue = {
    format: keyringFormat,
    version: keyringVersion,
    operator: document.operator,
    organization: document.organization,
    created: formatRfc3339(document.createdMs),
    ...(document.keyHolder === undefined ? {} : { keyHolder: document.keyHolder }),
    keys: document.keys.map((key) => ({
      name: key.name,
      type: key.type,
      reference: key.reference,
      publicKey: encodeBase64(key.spki),
    })),
    shards: document.shards.map((shard) => ({
      id: shard.id,
      api: shard.api,
      key: shard.key,
      ...(shard.treeId === undefined ? {} : { treeId: shard.treeId }),
      origin: shard.origin,
      checkpointName: shard.checkpointName,
      logId: encodeBase64(shard.logId),
      publicUrl: shard.publicUrl,
      validFor: encodePeriod(shard.validFor),
      state: shard.state,
      ...(shard.publishedMs === undefined ? {} : { published: formatRfc3339(shard.publishedMs) }),
      ...(shard.activatedMs === undefined ? {} : { activated: formatRfc3339(shard.activatedMs) }),
    })),
    chains: document.chains.map((chain) => ({
      id: chain.id,
      service: chain.service,
      key: chain.key,
      publicUrl: chain.publicUrl,
      subject: { organization: chain.subject.organization, commonName: chain.subject.commonName },
      certificates: chain.certificates.map((certificate) => encodeBase64(certificate.der)),
      validFor: encodePeriod(chain.validFor),
      state: chain.state,
    })),
    endpoints: document.endpoints.map((endpoint) => ({
      service: endpoint.service,
      publicUrl: endpoint.publicUrl,
      validFor: encodePeriod(endpoint.validFor),
    })),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Reads the document. That private keys exist and belong to it is checked when a key is opened. */
export function parseKeyringDocument(text: Uint8Array | string): KeyringDocument {
  try {
    return readDocument(JsonObject.exact(parseJson(text, { maxBytes: maxDocumentBytes }), keyringFileName));
  } catch (cause) {
    if (isSigillumError(cause) && cause.code.startsWith("KEYRING_")) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw keyringError("KEYRING_MALFORMED", `Cannot read ${keyringFileName}: ${reason}`, { cause });
  }
}

function readDocument(root: JsonObject): KeyringDocument {
  const format = root.string("format");
  if (format !== keyringFormat) {
    throw keyringError("KEYRING_MALFORMED", `Cannot read ${keyringFileName}: it is no keyring`, {
      found: format,
      expected: keyringFormat,
    });
  }
  const version = root.safeInteger("version");
  if (version > keyringVersion) {
    throw keyringError(
      "KEYRING_NEWER",
      `Cannot read ${keyringFileName}: its version is ${version}, and this Sigillum reads up to ${keyringVersion}`,
      {
        found: `version ${version}`,
        expected: `version ${keyringVersion} or lower`,
      },
    );
  }
  const keyHolder = root.optionalString("keyHolder");
  return {
    ...(keyHolder === undefined ? {} : { keyHolder }),
    operator: root.string("operator"),
    organization: root.string("organization"),
    createdMs: root.timestampMs("created"),
    keys: root.objects("keys").map(readKey),
    shards: root.objects("shards").map(readShard),
    chains: root.objects("chains").map(readChain),
    endpoints: root.objects("endpoints").map((item) => ({
      service: oneOf(item, "service", ["identity"]),
      publicUrl: item.string("publicUrl"),
      validFor: readPeriod(item),
    })),
  };
}

function readKey(item: JsonObject): KeyRecord {
  const { type, spki } = parsePublicKey(item.base64("publicKey"));
  return { name: item.string("name"), type, reference: item.string("reference"), spki };
}

function readShard(item: JsonObject): ShardRecord {
  const treeId = item.optionalString("treeId");
  const publishedMs = item.optionalTimestampMs("published");
  const activatedMs = item.optionalTimestampMs("activated");
  return {
    id: item.string("id"),
    api: oneOf(item, "api", ["v1", "v2", "ct"]),
    key: item.string("key"),
    ...(treeId === undefined ? {} : { treeId }),
    origin: item.string("origin"),
    checkpointName: item.string("checkpointName"),
    logId: item.base64("logId"),
    publicUrl: item.string("publicUrl"),
    validFor: readPeriod(item),
    state: oneOf(item, "state", recordStates),
    ...(publishedMs === undefined ? {} : { publishedMs }),
    ...(activatedMs === undefined ? {} : { activatedMs }),
  };
}

function readChain(item: JsonObject): ChainRecord {
  const certificates = item.strings("certificates").map((text) => parseCertificate(parseBase64(text)));
  return {
    id: item.string("id"),
    service: oneOf(item, "service", ["ca", "tsa"]),
    key: item.string("key"),
    publicUrl: item.string("publicUrl"),
    subject: {
      organization: item.object("subject").string("organization"),
      commonName: item.object("subject").string("commonName"),
    },
    certificates,
    validFor: readPeriod(item),
    state: oneOf(item, "state", recordStates),
  };
}

const recordStates = ["active", "planned", "sealed"] as const;

function oneOf<const T extends string>(item: JsonObject, name: string, choices: readonly T[]): T {
  const value = item.string(name);
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw keyringError("KEYRING_MALFORMED", `Cannot read ${keyringFileName}: ${name} has an unknown value`, {
    found: value,
    expected: choices.join(" or "),
  });
}

function readPeriod(item: JsonObject): TimeRange {
  const range = item.object("validFor");
  const endMs = range.optionalTimestampMs("end");
  return { startMs: range.timestampMs("start"), ...(endMs === undefined ? {} : { endMs }) };
}

function encodePeriod(range: TimeRange): JsonValue {
  return { start: formatRfc3339(range.startMs), ...(range.endMs === undefined ? {} : { end: formatRfc3339(range.endMs) }) };
}
