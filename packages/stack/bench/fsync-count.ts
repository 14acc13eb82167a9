// Counts the syncs of files that this process asks for, by standing before the calls of node:fs that make them.
import { open } from "node:fs/promises";

/** Counts since the start. */
export interface SyncCounts {
  /** fdatasync(2): the journal. */
  dataSyncs: number;
  /** fsync(2): directories. */
  syncs: number;
}

/** Begin to count, for the rest of the process. LevelDB's own syncs are made by native code and are not seen. */
export async function countSyncs(): Promise<SyncCounts> {
  const counts: SyncCounts = { dataSyncs: 0, syncs: 0 };
  const handle = await open(import.meta.filename, "r");
  const prototype: { datasync: () => Promise<void>; sync: () => Promise<void> } = Object.getPrototypeOf(handle);
  await handle.close();
  const { datasync, sync } = prototype;
  prototype.datasync = function counted(this: unknown) {
    counts.dataSyncs += 1;
    return datasync.call(this);
  };
  prototype.sync = function counted(this: unknown) {
    counts.syncs += 1;
    return sync.call(this);
  };
  return counts;
}
