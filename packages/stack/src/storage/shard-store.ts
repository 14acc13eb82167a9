// Where one shard of a log keeps everything, as the log engine sees it: four parts, none of which is shaped by files. Files with an
// embedded key-value store carry it out, and so do PostgreSQL with an object store.
import type { KeyValueStore } from "./key-value-store.ts";
import type { ObjectStore } from "./object-store.ts";

/** One committed record, as a journal gives it back. */
export interface JournalRecord {
  readonly payload: Uint8Array;
  /** Names the record in errors. */
  readonly where: string;
}

/**
 * The commit point: records in one order, each there whole or not at all. Records stand in numbered segments, so that those which a
 * snapshot covers can be dropped. One writer: `append` and `beginSegment` come one after the other; `removeBefore` may run beside them.
 */
export interface Journal {
  /** The segment that takes records. */
  readonly segment: number;
  /** Bytes appended to that segment. */
  readonly length: number;
  /**
   * Commit one record. Resolved: it survives a power cut. Rejected with STORAGE_WRITE_FAILED: it is not there, and the journal can be
   * used on. Rejected with STORAGE_SYNC_FAILED or STORAGE_FENCED: nobody knows whether it is there, or another writer has taken over, and
   * every later append is rejected too.
   */
  append(parts: readonly Uint8Array[]): Promise<void>;
  /** Begin the next segment and give its number; it, and that later records belong to it, survives a power cut. */
  beginSegment(): Promise<number>;
  /** Drop the segments below this one; after a crash on the way some may be left. */
  removeBefore(segment: number): Promise<void>;
  close(): Promise<void>;
}

/** What is known of a journal that is opened. */
export interface JournalStart {
  /** The first segment whose records are wanted; older ones are dropped. */
  readonly first: number;
  /** Nothing was ever dropped: a journal that is not there is made. Otherwise a missing segment is WRITE_AHEAD_CORRUPT. */
  readonly fresh: boolean;
  /** Told when the end of a record that was never acknowledged was cut off. */
  onTorn?(where: string, bytes: number): void;
}

/** Small named values (`[a-z.]+`), each replaced in one durable step. */
export interface DocumentStore {
  read(name: string): Promise<Uint8Array | undefined>;
  /** When it resolves the new value survives a power cut; a crash before leaves the old value or the new. */
  write(name: string, bytes: Uint8Array): Promise<void>;
}

/** Everything durable of one shard. Only one process has it open; whoever opens it later fences the earlier one off, or is refused. */
export interface ShardStore {
  /** Tiles, entry bundles and the published checkpoint: written whole, durable after `sync`. */
  readonly objects: ObjectStore;
  readonly documents: DocumentStore;
  /** What a person removes when the index cannot be opened: it is rebuilt. */
  readonly indexPlace: string;
  /** The index that follows the log. */
  openIndex(): Promise<KeyValueStore>;
  /** Open the journal and hand over its records, oldest first; when it resolves they are durable, also what a killed writer left. */
  openJournal(start: JournalStart, accept: (record: JournalRecord) => Promise<void>): Promise<Journal>;
  /** Remove what a crash left of writes that never got their name; how many. Nothing of the store may be in use. */
  sweep(): Promise<number>;
  /** Let go of what the store itself holds; its journal and index are closed before. */
  close(): Promise<void>;
}
