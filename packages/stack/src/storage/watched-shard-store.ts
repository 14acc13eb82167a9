// A shard's store that tells of each step before it and after it, for tests: what the watcher throws there is a fault, what never settles
// a time-out, and a process that dies there a crash. One mechanism for every implementation of the contract.
import { storageError } from "./errors.ts";
import type { KeyChange, KeyRange, KeyValueStore } from "./key-value-store.ts";
import type { ObjectStore } from "./object-store.ts";
import type { DocumentStore, Journal, JournalRecord, JournalStart, ShardStore } from "./shard-store.ts";

/** The steps that change something, and the reads that can fail. */
export const storeSteps = [
  "journal.append",
  "journal.begin-segment",
  "journal.remove-before",
  "objects.read",
  "objects.write",
  "objects.remove",
  "objects.sync",
  "documents.read",
  "documents.write",
  "index.read",
  "index.write",
] as const;

/** A step of a store. */
export type StoreStep = (typeof storeSteps)[number];

/** Where in a step. */
export type StepMoment = "before" | "after";

/** Told of each step; `detail` is the object's path or the document's name. */
export type StepWatcher = (step: StoreStep, moment: StepMoment, detail: string) => void | Promise<void>;

/** What a store that cannot write answers, as `watch` would throw it: the write did not happen. */
export function writeFault(what: string, reason: string): Error {
  return storageError("STORAGE_WRITE_FAILED", `Cannot write ${what}: ${reason}`);
}

/** What a journal answers when nobody knows whether a record is durable. */
export function syncFault(what: string, reason: string): Error {
  return storageError("STORAGE_SYNC_FAILED", `Cannot make ${what} durable: ${reason}`);
}

/** A store whose every step passes a watcher. */
export function watchShardStore(store: ShardStore, watch: StepWatcher): ShardStore {
  const around = async <T>(step: StoreStep, detail: string, act: () => Promise<T>): Promise<T> => {
    await watch(step, "before", detail);
    const result = await act();
    await watch(step, "after", detail);
    return result;
  };
  const objects: ObjectStore = {
    read: (path) => around("objects.read", path, () => store.objects.read(path)),
    write: (path, bytes) => around("objects.write", path, () => store.objects.write(path, bytes)),
    remove: (path) => around("objects.remove", path, () => store.objects.remove(path)),
    sync: () => around("objects.sync", "", () => store.objects.sync()),
  };
  const documents: DocumentStore = {
    read: (name) => around("documents.read", name, () => store.documents.read(name)),
    write: (name, bytes) => around("documents.write", name, () => store.documents.write(name, bytes)),
  };
  return {
    objects,
    documents,
    indexPlace: store.indexPlace,
    openIndex: async () => watchKeyValues(await store.openIndex(), around),
    openJournal: async (start: JournalStart, accept: (record: JournalRecord) => Promise<void>) =>
      watchJournal(await store.openJournal(start, accept), around),
    sweep: () => store.sweep(),
    close: () => store.close(),
  };
}

type Around = <T>(step: StoreStep, detail: string, act: () => Promise<T>) => Promise<T>;

function watchKeyValues(index: KeyValueStore, around: Around): KeyValueStore {
  return {
    get: (key) => around("index.read", "", () => index.get(key)),
    getMany: (keys) => around("index.read", "", () => index.getMany(keys)),
    scan: (range: KeyRange) => around("index.read", "", () => index.scan(range)),
    write: (changes: readonly KeyChange[], options) => around("index.write", "", () => index.write(changes, options)),
    close: () => index.close(),
  };
}

function watchJournal(journal: Journal, around: Around): Journal {
  return {
    get segment() {
      return journal.segment;
    },
    get length() {
      return journal.length;
    },
    append: (parts) => around("journal.append", "", () => journal.append(parts)),
    beginSegment: () => around("journal.begin-segment", "", () => journal.beginSegment()),
    removeBefore: (segment) => around("journal.remove-before", String(segment), () => journal.removeBefore(segment)),
    close: () => journal.close(),
  };
}
