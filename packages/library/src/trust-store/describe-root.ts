// What a named root rests on, for people: who signed each root, what expires when.
import { encodeHex } from "../encoding/index.ts";
import { parseRoot, type RootMetadata, signersOf } from "../tuf/index.ts";
import { findRecord, openVerified } from "./roots.ts";
import type { RootRecord } from "./store-directory.ts";

/** One root of the chain. */
export interface RootStep {
  readonly version: number;
  readonly expiresMs: number;
  readonly threshold: number;
  /** Key ids of the role root. */
  readonly keyids: readonly string[];
  /** Those of them that signed it. */
  readonly signedBy: readonly string[];
  /** Key ids of root that its predecessor had and it has no more. */
  readonly removed: readonly string[];
}

/** A root of trust as it was last verified. */
export interface RootDescription {
  readonly record: RootRecord;
  /** When this content was verified first. */
  readonly verifiedMs: number;
  /** From the pinned root to the newest: an expired one is no flaw, its successor was signed by it. */
  readonly chain: readonly RootStep[];
  readonly roles: readonly { readonly role: string; readonly version: number; readonly expiresMs: number }[];
  readonly targets: readonly { readonly path: string; readonly length: number; readonly fetched: boolean }[];
}

/** Describe a named root without asking its repository; everything that is told has been verified. */
export async function describeRoot(options: { readonly name?: string; readonly store: string }): Promise<RootDescription> {
  const record = await findRecord(options);
  const { archive, trusted } = await openVerified(record, options.store);
  const roots = archive.roots.map(parseRoot);
  const roles = [trusted.root, trusted.targets, trusted.snapshot, trusted.timestamp].flatMap((file) =>
    file === undefined ? [] : [{ role: file.role, version: file.version, expiresMs: file.expiresMs }],
  );
  const targets = [...(trusted.targets?.targets ?? [])].map(([path, { length }]) => ({
    path,
    length,
    fetched: archive.targets.has(path),
  }));
  return {
    record,
    verifiedMs: archive.verifiedMs,
    chain: roots.map((root, i) => describeStep(root, roots[i - 1])),
    roles,
    targets,
  };
}

function describeStep(root: RootMetadata, before: RootMetadata | undefined): RootStep {
  const { keyids, threshold } = root.roles.get("root") ?? { keyids: [], threshold: 0 };
  const signers = signersOf(root.keys, { keyids, threshold }, root);
  const signedBy = keyids.filter((keyid) => signers.has(encodeHex(root.keys.get(keyid)?.publicKey.spki ?? new Uint8Array())));
  const removed = (before?.roles.get("root")?.keyids ?? []).filter((keyid) => !keyids.includes(keyid));
  return { version: root.version, expiresMs: root.expiresMs, threshold, keyids, signedBy, removed };
}
