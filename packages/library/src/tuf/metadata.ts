// The four top-level roles (TUF 1.0.34 §4.3 to §4.6): parsed once, unknown fields kept in the signed bytes, everything that
// is looked up by name in a Map.

import type { HashAlgorithm } from "../crypto/index.ts";
import { encodeHex, isSigillumError, JsonObject, type JsonValue, parseHex, parseJson, quote } from "../encoding/index.ts";
import { encodeCanonicalJson } from "./canonical-json.ts";
import { type Delegations, parseDelegations } from "./delegation.ts";
import { tufError } from "./errors.ts";
import type { TufKey } from "./key.ts";
import { bounded, parseKeys, parseRoleKeys, type RoleKeys, readCount } from "./role-keys.ts";

/** The top-level roles. */
export type RoleName = "root" | "timestamp" | "snapshot" | "targets";

/** One signature of a metadata file; `signature` is empty where a keyholder has not signed yet. */
export interface MetadataSignature {
  readonly keyid: string;
  readonly signature: Uint8Array;
}

/** Length and hashes of a file that metadata vouches for; absent where the metadata names the version alone. */
export interface FileMeta {
  readonly length?: number;
  readonly hashes?: ReadonlyMap<string, Uint8Array>;
}

/** A metadata file that another one names by version. */
export interface MetadataMeta extends FileMeta {
  readonly version: number;
}

/** A target: its length and at least one hash. */
export interface TargetMeta {
  readonly length: number;
  readonly hashes: ReadonlyMap<string, Uint8Array>;
  /** What the repository says of the file beside that; signed, and of no meaning to TUF. */
  readonly custom?: JsonValue;
}

interface Common {
  readonly version: number;
  readonly expiresMs: number;
  /** The canonical bytes that the signatures are over, made from the received `signed`, unknown fields included. */
  readonly signedBytes: Uint8Array;
  readonly signatures: readonly MetadataSignature[];
  /** The file as received. */
  readonly bytes: Uint8Array;
}

/** A parsed root file. Nothing has been verified. */
export interface RootMetadata extends Common {
  readonly role: "root";
  readonly keys: ReadonlyMap<string, TufKey>;
  readonly roles: ReadonlyMap<RoleName, RoleKeys>;
  readonly consistentSnapshot: boolean;
}

/** A parsed timestamp file. Nothing has been verified. */
export interface TimestampMetadata extends Common {
  readonly role: "timestamp";
  readonly snapshot: MetadataMeta;
}

/** A parsed snapshot file. Nothing has been verified. */
export interface SnapshotMetadata extends Common {
  readonly role: "snapshot";
  /** By file name, `targets.json` among them. */
  readonly meta: ReadonlyMap<string, MetadataMeta>;
}

/** A parsed targets-type file: the top-level one or a delegated one. Nothing has been verified. */
export interface TargetsMetadata extends Common {
  readonly role: "targets";
  readonly targets: ReadonlyMap<string, TargetMeta>;
  readonly delegations?: Delegations;
}

/** Most bytes that a client reads of a file whose length no metadata tells. */
export const metadataLimits: Readonly<Record<RoleName, number>> = {
  root: 512_000,
  timestamp: 16_384,
  snapshot: 2_000_000,
  targets: 5_000_000,
};

/** Read a root file; throws TUF_MALFORMED, TUF_WRONG_ROLE or TUF_KEY_UNSUPPORTED and verifies nothing. */
export function parseRoot(bytes: Uint8Array): RootMetadata {
  return malformed("root", () => {
    const { common, signed } = parseEnvelope("root", bytes);
    const keys = parseKeys(signed.object("keys"));
    const roles = new Map<RoleName, RoleKeys>();
    for (const role of ["root", "timestamp", "snapshot", "targets"] as const) {
      roles.set(role, parseRoleKeys(role, signed.object("roles").object(role)));
    }
    return { ...common, role: "root", keys, roles, consistentSnapshot: signed.optionalBoolean("consistent_snapshot") ?? false };
  });
}

/** Read a timestamp file; throws TUF_MALFORMED or TUF_WRONG_ROLE and verifies nothing. */
export function parseTimestamp(bytes: Uint8Array): TimestampMetadata {
  return malformed("timestamp", () => {
    const { common, signed } = parseEnvelope("timestamp", bytes);
    return { ...common, role: "timestamp", snapshot: parseMetadataMeta(signed.object("meta").object("snapshot.json")) };
  });
}

/** Read a snapshot file; throws TUF_MALFORMED or TUF_WRONG_ROLE and verifies nothing. */
export function parseSnapshot(bytes: Uint8Array): SnapshotMetadata {
  return malformed("snapshot", () => {
    const { common, signed } = parseEnvelope("snapshot", bytes);
    const listed = signed.object("meta");
    const meta = new Map(listed.names().map((name) => [name, parseMetadataMeta(listed.object(name))] as const));
    if (!meta.has("targets.json")) {
      throw tufError("TUF_MALFORMED", "Cannot read snapshot: it does not list targets.json", { expected: "targets.json" });
    }
    return { ...common, role: "snapshot", meta };
  });
}

/** Read a targets-type file, delegated or not; throws TUF_MALFORMED or TUF_WRONG_ROLE and verifies nothing. */
export function parseTargets(bytes: Uint8Array): TargetsMetadata {
  return malformed("targets", () => {
    const { common, signed } = parseEnvelope("targets", bytes);
    const listed = signed.object("targets");
    const targets = new Map<string, TargetMeta>();
    for (const name of listed.names()) {
      const target = listed.object(name);
      const hashes = parseHashes(target.object("hashes"));
      const custom = target.value("custom");
      targets.set(name, { length: readCount(target, "length", 0), hashes, ...(custom === undefined ? {} : { custom }) });
    }
    const delegations = signed.optionalObject("delegations");
    return {
      ...common,
      role: "targets",
      targets,
      ...(delegations === undefined ? {} : { delegations: parseDelegations(delegations) }),
    };
  });
}

function parseEnvelope(role: RoleName, bytes: Uint8Array): { common: Common; signed: JsonObject } {
  const file = JsonObject.exact(parseJson(bytes, { maxBytes: metadataLimits[role], maxDepth: 16 }), role);
  const signed = file.object("signed");
  const type = signed.string("_type");
  if (type !== role) {
    throw tufError("TUF_WRONG_ROLE", `Cannot read ${role}: the file is the metadata of ${quote(type)}`, {
      found: type,
      expected: role,
    });
  }
  const specVersion = signed.string("spec_version");
  if (!specVersion.startsWith("1.")) {
    throw tufError("TUF_MALFORMED", `Cannot read ${role}: specification version ${quote(specVersion)} is not 1.x`, {
      found: specVersion,
      expected: "1.x",
    });
  }
  const signatures = bounded("signatures", file.objects("signatures")).map((entry) => ({
    keyid: entry.string("keyid"),
    signature: parseSignatureHex(entry.string("sig")),
  }));
  const common: Common = {
    version: readCount(signed, "version", 1),
    expiresMs: signed.timestampMs("expires"),
    signedBytes: encodeCanonicalJson(file.value("signed") ?? null),
    signatures,
    bytes,
  };
  return { common, signed };
}

/** Run a parser; what the encoding room refuses becomes TUF_MALFORMED with the role in front. */
function malformed<T>(role: RoleName, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("TUF_")) throw cause;
    throw tufError("TUF_MALFORMED", `Cannot read ${role}: ${cause.message}`, { cause });
  }
}

/** A signature in hex. What is no hex is kept as empty, which verifies under no key: such entries are ignored, not fatal. */
function parseSignatureHex(text: string): Uint8Array {
  try {
    return parseHex(text);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return new Uint8Array();
  }
}

function parseMetadataMeta(value: JsonObject): MetadataMeta {
  const version = readCount(value, "version", 1);
  const length = value.has("length") ? readCount(value, "length", 0) : undefined;
  const hashes = value.has("hashes") ? parseHashes(value.object("hashes")) : undefined;
  return { version, ...(length === undefined ? {} : { length }), ...(hashes === undefined ? {} : { hashes }) };
}

function parseHashes(value: JsonObject): ReadonlyMap<string, Uint8Array> {
  const hashes = new Map(value.names().map((name) => [name, parseHex(value.string(name))] as const));
  if (hashes.size === 0)
    throw tufError("TUF_MALFORMED", "Cannot read metadata: an entry lists no hash", { expected: "sha256 or sha512" });
  return hashes;
}

/** The digest that a hash of metadata is made with, or undefined for a name this client does not know. */
export function hashAlgorithmOf(name: string): HashAlgorithm | undefined {
  return name === "sha256" || name === "sha512" || name === "sha384" ? name : undefined;
}

/** The hash that names a target's file under consistent snapshots, in hex: SHA-256 where listed, else the first. */
export function consistentHash(target: TargetMeta): string {
  const [first] = target.hashes.values();
  return encodeHex(target.hashes.get("sha256") ?? first ?? new Uint8Array());
}

/** The value tree of a signed part, for tools that edit metadata. Verifies nothing. */
export function parseSigned(bytes: Uint8Array): JsonValue {
  return JsonObject.exact(parseJson(bytes), "metadata").value("signed") ?? null;
}
