// Signed metadata files (TUF 1.0.34 §4.2 to §4.6): the `signed` part of each role from plain data, and the file around it.

import { type PublicKey, type Signer, sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, formatRfc3339, type JsonValue } from "../encoding/index.ts";
import { encodeCanonicalJson, encodeTufKey, type MetadataMeta, type RoleName, tufKeyId, tufMessage } from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";

/** The version of the specification that metadata written here follows. */
const specVersion = "1.0.31";

/** The keys of a role and how many of them must sign. */
export interface RolePlan {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

/** What a root file says. */
export interface RootPlan {
  readonly version: number;
  readonly expiresMs: number;
  readonly roles: Readonly<Record<RoleName, RolePlan>>;
}

/** Version and expiry of a file. */
export interface Edition {
  readonly version: number;
  readonly expiresMs: number;
}

/** The signed part of a root; consistent snapshots are always on. */
export function buildRoot(plan: RootPlan): JsonValue {
  const keys: { [name: string]: JsonValue } = {};
  const roles: { [name: string]: JsonValue } = {};
  for (const role of ["root", "timestamp", "snapshot", "targets"] as const) {
    const { keys: own, threshold } = plan.roles[role];
    if (own.length < threshold || threshold < 1) {
      throw tufRepositoryError(
        "TUF_REPOSITORY_SIGNER",
        `Cannot build root ${plan.version}: ${role} has ${own.length} keys and a threshold of ${threshold}`,
        {
          found: String(own.length),
          expected: `>= ${threshold}`,
        },
      );
    }
    for (const key of own) keys[tufKeyId(key)] = encodeTufKey(key);
    roles[role] = { keyids: own.map(tufKeyId), threshold };
  }
  return { ...head("root", plan), consistent_snapshot: true, keys, roles };
}

/** A file to publish as a target. */
export interface TargetFile {
  readonly bytes: Uint8Array;
  /** What the metadata says of it beside length and hash: of no meaning to TUF, read by older Sigstore clients. */
  readonly custom?: JsonValue;
}

/** The signed part of a targets-type file: each target by path with its length and SHA-256, custom data, and delegations if any. */
export function buildTargets(edition: Edition, files: ReadonlyMap<string, TargetFile>, delegations?: JsonValue): JsonValue {
  const targets: { [name: string]: JsonValue } = Object.create(null);
  for (const [path, file] of files) targets[path] = describeTarget(file);
  return { ...head("targets", edition), targets, ...(delegations === undefined ? {} : { delegations }) };
}

/** What a targets-type file says of one target. */
export function describeTarget({ bytes, custom }: TargetFile): JsonValue {
  return { ...describe(bytes), ...(custom === undefined ? {} : { custom }) };
}

/** The signed part of a snapshot that names every targets-type file. */
export function buildSnapshot(edition: Edition, meta: ReadonlyMap<string, MetadataMeta>): JsonValue {
  const listed: { [name: string]: JsonValue } = {};
  for (const [name, { version }] of meta) listed[name] = { version };
  return { ...head("snapshot", edition), meta: listed };
}

/** The signed part of a timestamp that names one snapshot by version, length and hashes. */
export function buildTimestamp(edition: Edition, snapshot: { readonly version: number; readonly bytes: Uint8Array }): JsonValue {
  return { ...head("timestamp", edition), meta: { "snapshot.json": { version: snapshot.version, ...describe(snapshot.bytes) } } };
}

/** Sign a `signed` part with each signer in turn and return the file; throws TUF_REPOSITORY_EXPIRY for an expiry before now. */
export async function signMetadata(
  signed: JsonValue,
  signers: readonly Signer[],
  expiresMs: number,
  nowMs: number,
): Promise<Uint8Array> {
  if (expiresMs <= nowMs) {
    throw tufRepositoryError(
      "TUF_REPOSITORY_EXPIRY",
      `Cannot sign metadata: its expiry ${formatRfc3339(expiresMs)} is not after ${formatRfc3339(nowMs)}`,
      {
        found: formatRfc3339(expiresMs),
        expected: `later than ${formatRfc3339(nowMs)}`,
      },
    );
  }
  const message = encodeCanonicalJson(signed);
  const signatures: JsonValue[] = [];
  for (const signer of signers) {
    signatures.push({
      keyid: tufKeyId(signer.publicKey),
      sig: encodeHex(await signer.sign(tufMessage(signer.publicKey, message))),
    });
  }
  return encodeUtf8(`${JSON.stringify({ signatures, signed }, null, 1)}\n`);
}

function head(role: RoleName, edition: Edition): { [name: string]: JsonValue } {
  return {
    _type: role,
    spec_version: specVersion,
    version: edition.version,
    expires: formatRfc3339(Math.floor(edition.expiresMs / 1000) * 1000),
  };
}

function describe(bytes: Uint8Array): { [name: string]: JsonValue } {
  // One hash and no more: a client asks for a target under any one of the hashes that stand here (TUF 1.0.34 §5.7.3), go-tuf at random.
  return { length: bytes.length, hashes: { sha256: encodeHex(sha256(bytes)) } };
}
