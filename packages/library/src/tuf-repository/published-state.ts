// What is published: the newest file of every role.
import {
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type RoleName,
  type RootMetadata,
  type SnapshotMetadata,
  type TargetsMetadata,
  type TimestampMetadata,
} from "../tuf/index.ts";

/** The newest published file of each role; `undefined` throughout before the first publication. */
export interface PublishedState {
  readonly root: RootMetadata;
  readonly targets: TargetsMetadata;
  readonly snapshot: SnapshotMetadata;
  readonly timestamp: TimestampMetadata;
  /** The newest file of each delegated role that has one. */
  readonly delegated: ReadonlyMap<string, TargetsMetadata>;
}

/** Read the published state from the bytes of its newest files. Parses; the caller's own files are not verified here. */
export function parsePublishedState(
  files: Readonly<Record<RoleName, Uint8Array>>,
  delegated: ReadonlyMap<string, Uint8Array> = new Map(),
): PublishedState {
  return {
    root: parseRoot(files.root),
    targets: parseTargets(files.targets),
    snapshot: parseSnapshot(files.snapshot),
    timestamp: parseTimestamp(files.timestamp),
    delegated: new Map([...delegated].map(([role, bytes]) => [role, parseTargets(bytes)] as const)),
  };
}
