// The client workflow of TUF 1.0.34 §5 as a state machine over bytes: it fetches nothing, keeps no clock and stores nothing.

import { digest } from "../crypto/index.ts";
import { encodeHex, equalBytes, formatRfc3339, quote } from "../encoding/index.ts";
import type { DelegationStep } from "./delegation.ts";
import { tufError } from "./errors.ts";
import { isSignedBy, type TufKey } from "./key.ts";
import {
  type FileMeta,
  hashAlgorithmOf,
  type MetadataMeta,
  type MetadataSignature,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type RoleName,
  type RootMetadata,
  type SnapshotMetadata,
  type TargetsMetadata,
  type TimestampMetadata,
} from "./metadata.ts";
import type { RoleKeys } from "./role-keys.ts";

/** A file that is to be trusted: what was signed, and by whom. */
export interface SignedFile {
  readonly version: number;
  readonly signedBytes: Uint8Array;
  readonly signatures: readonly MetadataSignature[];
}

/** The public keys, as hex of their SubjectPublicKeyInfo, of those of a role's keys that signed a file. */
export function signersOf(keys: ReadonlyMap<string, TufKey>, role: RoleKeys, file: SignedFile): ReadonlySet<string> {
  const signers = new Set<string>();
  for (const { keyid, signature } of file.signatures) {
    const key = role.keyids.includes(keyid) ? keys.get(keyid) : undefined;
    if (key !== undefined && isSignedBy(key, file.signedBytes, signature)) signers.add(encodeHex(key.publicKey.spki));
  }
  return signers;
}

/** Verify that a role's threshold of distinct public keys of `root` signed a file; throws TUF_THRESHOLD or TUF_SIGNATURE_REPEATED. */
export function verifyThreshold(root: RootMetadata, role: RoleName, file: SignedFile): void {
  verifySignatures(root.keys, roleOf(root, role), file, { role, by: `root ${root.version}` });
}

/** As `verifyThreshold`, for a delegated role: `delegator` is the file that delegates to it. */
export function verifyDelegated(delegator: TargetsMetadata, delegation: DelegationStep, by: string, file: SignedFile): void {
  const keys = present(`delegations of ${by}`, delegator.delegations).keys;
  verifySignatures(keys, delegation, file, { role: delegation.name, by });
}

function verifySignatures(
  keys: ReadonlyMap<string, TufKey>,
  role: RoleKeys,
  file: SignedFile,
  names: { readonly role: string; readonly by: string },
): void {
  const seen = new Set<string>();
  for (const { keyid } of file.signatures) {
    if (seen.has(keyid)) {
      throw tufError(
        "TUF_SIGNATURE_REPEATED",
        `Cannot trust ${quote(names.role)} ${file.version}: key ${quote(keyid)} signs twice`,
        { found: keyid, expected: "one signature a key" },
      );
    }
    seen.add(keyid);
  }
  const signers = signersOf(keys, role, file);
  if (signers.size >= role.threshold) return;
  throw tufError(
    "TUF_THRESHOLD",
    `Cannot trust ${names.role} ${file.version}: ${signers.size} of its ${role.keyids.length} keys signed it, ${role.threshold} expected by ${names.by}`,
    { found: String(signers.size), expected: String(role.threshold) },
  );
}

/** What a client trusts at one moment; each step throws, and then leaves the state as it was. */
export class TrustedMetadata {
  #root: RootMetadata;
  #timestamp: TimestampMetadata | undefined;
  #snapshot: SnapshotMetadata | undefined;
  #targets: TargetsMetadata | undefined;
  readonly #delegated = new Map<string, TargetsMetadata>();
  readonly #nowMs: number;
  /** Trusted before this refresh: compared with for rollbacks, even when expired. */
  #oldTimestamp: TimestampMetadata | undefined;
  #oldSnapshot: SnapshotMetadata | undefined;

  /** Start from a pinned root file (§5.2); it must verify against itself, and its expiry does not matter yet. */
  constructor(pinnedRoot: Uint8Array, nowMs: number) {
    const root = parseRoot(pinnedRoot);
    verifyThreshold(root, "root", root);
    this.#root = root;
    this.#nowMs = nowMs;
  }

  /** The newest trusted root. */
  get root(): RootMetadata {
    return this.#root;
  }
  /** The trusted timestamp, once accepted. */
  get timestamp(): TimestampMetadata | undefined {
    return this.#timestamp;
  }
  /** The trusted snapshot, once accepted. */
  get snapshot(): SnapshotMetadata | undefined {
    return this.#snapshot;
  }
  /** The trusted targets, once accepted. */
  get targets(): TargetsMetadata | undefined {
    return this.#targets;
  }

  /** A delegated role's file, once accepted; whoever asks on another path accepts it anew, with that path's keys. */
  delegated(role: string): TargetsMetadata | undefined {
    return this.#delegated.get(role);
  }

  /** Remember a file of an earlier refresh for rollback checks; throws, and leaves it out, if it no longer verifies or parses. */
  rememberLocal(files: { readonly timestamp?: Uint8Array; readonly snapshot?: Uint8Array }): void {
    if (files.timestamp !== undefined) {
      const old = parseTimestamp(files.timestamp);
      verifyThreshold(this.#root, "timestamp", old);
      this.#oldTimestamp = old;
    }
    if (files.snapshot !== undefined) {
      const old = parseSnapshot(files.snapshot);
      verifyThreshold(this.#root, "snapshot", old);
      this.#oldSnapshot = old;
    }
  }

  /** Accept the next root (§5.3.4 to §5.3.8): signed by the thresholds of the old and of the new one, version one higher. */
  updateRoot(bytes: Uint8Array): RootMetadata {
    const next = parseRoot(bytes);
    verifyThreshold(this.#root, "root", next);
    if (next.version !== this.#root.version + 1) throw versionError("root", next.version, this.#root.version + 1);
    verifyThreshold(next, "root", next);
    if (endsVersionMemory(this.#root, next)) {
      this.#oldTimestamp = undefined;
      this.#oldSnapshot = undefined;
    }
    this.#root = next;
    return next;
  }

  /** End the chain of roots (§5.3.10): the newest must not be expired. */
  finishRoots(): void {
    this.#checkExpiry("root", this.#root);
  }

  /** Accept a timestamp (§5.4). One of the trusted version is not taken: the old one stands (§5.4.3.1). */
  updateTimestamp(bytes: Uint8Array): TimestampMetadata {
    const next = parseTimestamp(bytes);
    verifyThreshold(this.#root, "timestamp", next);
    const old = this.#oldTimestamp;
    if (old !== undefined) {
      if (next.version < old.version) throw rollbackError("timestamp", next.version, old.version);
      if (next.version === old.version) {
        this.#checkExpiry("timestamp", old);
        this.#timestamp = old;
        return old;
      }
      if (next.snapshot.version < old.snapshot.version)
        throw rollbackError("snapshot", next.snapshot.version, old.snapshot.version);
    }
    this.#checkExpiry("timestamp", next);
    this.#timestamp = next;
    return next;
  }

  /** Accept the snapshot that the timestamp names (§5.5). */
  updateSnapshot(bytes: Uint8Array): SnapshotMetadata {
    const expected = present("timestamp", this.#timestamp).snapshot;
    verifyFile("snapshot", expected, bytes);
    const next = parseSnapshot(bytes);
    verifyThreshold(this.#root, "snapshot", next);
    if (next.version !== expected.version) throw versionError("snapshot", next.version, expected.version);
    for (const [name, old] of this.#oldSnapshot?.meta ?? []) {
      const now: MetadataMeta | undefined = next.meta.get(name);
      if (now === undefined) {
        throw tufError("TUF_ROLLBACK", `Cannot trust snapshot ${next.version}: it lists ${quote(name)} no more`, {
          expected: name,
        });
      }
      if (now.version < old.version) throw rollbackError(name, now.version, old.version);
    }
    this.#checkExpiry("snapshot", next);
    this.#snapshot = next;
    return next;
  }

  /** Accept the targets that the snapshot names (§5.6). */
  updateTargets(bytes: Uint8Array): TargetsMetadata {
    const expected = present("targets.json", present("snapshot", this.#snapshot).meta.get("targets.json"));
    verifyFile("targets", expected, bytes);
    const next = parseTargets(bytes);
    verifyThreshold(this.#root, "targets", next);
    if (next.version !== expected.version) throw versionError("targets", next.version, expected.version);
    this.#checkExpiry("targets", next);
    this.#targets = next;
    return next;
  }

  /**
   * Accept a delegated role's file (§5.6.7) for one delegation to it: the snapshot lists it, the keys of that delegation signed it.
   * Throws TUF_ROLE_UNLISTED for a role without a line in the snapshot.
   */
  updateDelegated(delegator: TargetsMetadata, by: string, delegation: DelegationStep, bytes: Uint8Array): TargetsMetadata {
    const { name } = delegation;
    const expected = this.delegatedMeta(name);
    verifyFile(name, expected, bytes);
    const next = parseTargets(bytes);
    verifyDelegated(delegator, delegation, by, next);
    if (next.version !== expected.version) throw versionError(name, next.version, expected.version);
    this.#checkExpiry(name, next);
    this.#delegated.set(name, next);
    return next;
  }

  /** What the trusted snapshot says of a delegated role's file; throws TUF_ROLE_UNLISTED. */
  delegatedMeta(name: string): MetadataMeta {
    const snapshot = present("snapshot", this.#snapshot);
    const meta = snapshot.meta.get(`${name}.json`);
    if (meta !== undefined) return meta;
    throw tufError("TUF_ROLE_UNLISTED", `Cannot trust role ${quote(name)}: snapshot ${snapshot.version} does not list it`, {
      expected: `${name}.json`,
    });
  }

  #checkExpiry(role: string, file: { readonly version: number; readonly expiresMs: number }): void {
    if (file.expiresMs > this.#nowMs) return;
    throw tufError(
      "TUF_EXPIRED",
      `Cannot trust ${role} ${file.version}: it expired at ${formatRfc3339(file.expiresMs)}, and now is ${formatRfc3339(this.#nowMs)}`,
      {
        found: formatRfc3339(file.expiresMs),
        expected: `later than ${formatRfc3339(this.#nowMs)}`,
      },
    );
  }
}

/** Verify length and every listed hash of a file (§5.5.2, §5.7.3); a hash name that is not known is refused. */
export function verifyFile(name: string, meta: FileMeta, bytes: Uint8Array): void {
  if (meta.length !== undefined && bytes.length !== meta.length) {
    throw tufError("TUF_LENGTH", `Cannot trust ${name}: it has ${bytes.length} bytes, ${meta.length} expected`, {
      found: String(bytes.length),
      expected: String(meta.length),
    });
  }
  for (const [hashName, expected] of meta.hashes ?? []) {
    const algorithm = hashAlgorithmOf(hashName);
    const found = algorithm === undefined ? undefined : digest(algorithm, bytes);
    if (found === undefined || !equalBytes(found, expected)) {
      throw tufError(
        "TUF_HASH",
        `Cannot trust ${name}: its ${hashName} is ${found === undefined ? "not known here" : encodeHex(found)}, ${encodeHex(expected)} expected`,
        {
          found: found === undefined ? hashName : encodeHex(found),
          expected: encodeHex(expected),
        },
      );
    }
  }
}

function roleOf(root: RootMetadata, role: RoleName): RoleKeys {
  return present(`role ${role}`, root.roles.get(role));
}

/**
 * Whether a new root ends the memory of versions (§5.3.11): where keys of timestamp or snapshot changed, what was trusted of both is
 * forgotten, so that a repository recovers from versions that a thief of the old keys raised without bound.
 */
export function endsVersionMemory(before: RootMetadata, after: RootMetadata): boolean {
  return keysChanged(before, after, "timestamp") || keysChanged(before, after, "snapshot");
}

function keysChanged(before: RootMetadata, after: RootMetadata, role: RoleName): boolean {
  const a = [...roleOf(before, role).keyids].sort();
  const b = [...roleOf(after, role).keyids].sort();
  return a.length !== b.length || a.some((keyid, i) => keyid !== b[i]);
}

function present<T>(what: string, value: T | undefined): T {
  if (value === undefined) throw new TypeError(`The TUF workflow was called out of order: no trusted ${what} yet`);
  return value;
}

function versionError(role: string, found: number, expected: number): Error {
  return tufError("TUF_VERSION", `Cannot trust ${role}: it says version ${found}, ${expected} expected`, {
    found: String(found),
    expected: String(expected),
  });
}

function rollbackError(role: string, found: number, expected: number): Error {
  return tufError("TUF_ROLLBACK", `Cannot trust ${role}: version ${found} is older than ${expected}, which was trusted before`, {
    found: String(found),
    expected: `>= ${expected}`,
  });
}
