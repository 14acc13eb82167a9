// The contract of storage as cases that every implementation runs: what callers rely on, and no more.
import { deepEqual, equal, rejects } from "node:assert/strict";
import type { FileSystem } from "./file-system.ts";
import type { KeyValueStore } from "./key-value-store.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Journal, ShardStore } from "./shard-store.ts";

/** One rule of a contract; `subject` is fresh and empty. */
export interface ContractCase<Subject> {
  readonly name: string;
  run(subject: Subject): Promise<void>;
}

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));
const put = (key: string, value: string): { type: "put"; key: Uint8Array; value: Uint8Array } => ({
  type: "put",
  key: text(key),
  value: text(value),
});
const string = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

/** What every KeyValueStore does. */
export const keyValueStoreContract: readonly ContractCase<KeyValueStore>[] = [
  {
    name: "get and getMany return what was put, and undefined for the rest",
    async run(store) {
      await store.write([put("a", "1"), put("b", "")]);
      equal(string(await store.get(text("a"))), "1");
      equal(string(await store.get(text("b"))), "");
      equal(await store.get(text("c")), undefined);
      deepEqual((await store.getMany([text("c"), text("a"), text("a")])).map(string), [undefined, "1", "1"]);
      deepEqual(await store.getMany([]), []);
    },
  },
  {
    name: "write applies its changes in order and replaces values",
    async run(store) {
      await store.write([put("a", "1"), put("a", "2"), put("b", "1"), { type: "delete", key: text("b") }], { sync: true });
      equal(string(await store.get(text("a"))), "2");
      equal(await store.get(text("b")), undefined);
      await store.write([{ type: "delete", key: text("absent") }]);
    },
  },
  {
    name: "scan goes in the order of unsigned bytes, from included to left out, up to a limit, and back",
    async run(store) {
      const keys = [Uint8Array.of(1), Uint8Array.of(1, 0), Uint8Array.of(1, 255), Uint8Array.of(2), Uint8Array.of(200)];
      await store.write(keys.map((key) => ({ type: "put" as const, key, value: key })));
      const scan = async (from: number[], to: number[], more: { limit?: number; reverse?: boolean } = {}): Promise<number[][]> =>
        (await store.scan({ from: Uint8Array.from(from), to: Uint8Array.from(to), ...more })).map(([key]) => [...key]);
      deepEqual(await scan([1, 0], [2]), [
        [1, 0],
        [1, 255],
      ]);
      deepEqual(await scan([0], [255], { limit: 2 }), [[1], [1, 0]]);
      deepEqual(await scan([0], [255], { limit: 2, reverse: true }), [[200], [2]]);
      deepEqual(await scan([2], [2]), []);
    },
  },
  {
    name: "keys and values keep every byte, also when the caller's buffers change later",
    async run(store) {
      const key = Uint8Array.from({ length: 256 }, (_, at) => at);
      const value = Uint8Array.from(key);
      const writing = store.write([{ type: "put", key, value }]);
      await writing;
      value.fill(0);
      deepEqual(
        [...((await store.get(Uint8Array.from({ length: 256 }, (_, at) => at))) ?? [])],
        Array.from({ length: 256 }, (_, at) => at),
      );
    },
  },
];

/** What every ObjectStore does. */
export const objectStoreContract: readonly ContractCase<ObjectStore>[] = [
  {
    name: "read returns what write put, whole, and undefined for what is not there",
    async run(store) {
      await store.write("checkpoint", text("seven"));
      await store.write("checkpoint", text("eight"));
      equal(string(await store.read("checkpoint")), "eight");
      await store.write("tile/0/x001/067", text("nine"));
      await store.write("tile/0/x001/067", text("nine"));
      equal(string(await store.read("tile/0/x001/067")), "nine");
      equal(await store.read("tile/0/x001/068"), undefined);
      equal(await store.read("other/place"), undefined);
      await store.sync();
      equal(string(await store.read("checkpoint")), "eight");
      equal(string(await store.read("tile/0/x001/067")), "nine");
    },
  },
  {
    name: "remove takes an object away and minds none that is not there",
    async run(store) {
      await store.write("a/b", text("1"));
      await store.remove("a/b");
      await store.remove("a/b");
      await store.sync();
      equal(await store.read("a/b"), undefined);
    },
  },
  {
    name: "paths that leave the store are a programmer's mistake",
    async run(store) {
      for (const path of ["../a", "/a", "a//b", "a/./b", ""]) await rejects(async () => store.write(path, text("x")), TypeError);
    },
  },
];

/** What every FileSystem does, below a directory that exists. */
export const fileSystemContract: readonly ContractCase<{ readonly files: FileSystem; readonly directory: string }>[] = [
  {
    name: "append, truncate and create work on the end of a file",
    async run({ files, directory }) {
      const path = `${directory}/f`;
      const file = await files.openFile(path, "append");
      await file.append([text("ab"), text(""), text("cd")]);
      equal(await file.size(), 4);
      await file.truncate(3);
      await file.append([text("!")]);
      await file.sync();
      await file.close();
      equal(string(await files.readFile(path)), "abc!");
      await (await files.openFile(path, "create")).close();
      equal(string(await files.readFile(path)), "");
    },
  },
  {
    name: "rename replaces, remove is patient, list is sorted",
    async run({ files, directory }) {
      for (const name of ["b", "a", "c"]) await (await files.openFile(`${directory}/${name}`, "create")).close();
      await files.rename(`${directory}/c`, `${directory}/a`);
      await files.remove(`${directory}/absent`);
      equal(await files.makeDirectory(`${directory}/d/e`), true);
      equal(await files.makeDirectory(`${directory}/d/e`), false);
      deepEqual(await files.list(directory), ["a", "b", "d"]);
      deepEqual(await files.list(`${directory}/absent`), []);
      await files.syncDirectory(directory);
    },
  },
  {
    name: "an append of more parts than one system call takes is written whole",
    async run({ files, directory }) {
      const file = await files.openFile(`${directory}/parts`, "create");
      await file.append(Array.from({ length: 3000 }, (_, at) => Uint8Array.of(at % 256, 1)));
      await file.close();
      equal((await files.readFile(`${directory}/parts`))?.length, 6000);
    },
  },
];

/** A shard's store that can be opened again: whatever was open of it before counts as killed. */
export interface ReopenableStore {
  open(): Promise<ShardStore>;
}

interface OpenedJournal {
  readonly journal: Journal;
  readonly records: readonly (string | undefined)[];
}

async function openJournal(store: ShardStore, first: number, fresh: boolean): Promise<OpenedJournal> {
  const records: (string | undefined)[] = [];
  const journal = await store.openJournal({ first, fresh }, async ({ payload }) => void records.push(string(payload)));
  return { journal, records };
}

/** What every ShardStore does. */
export const shardStoreContract: readonly ContractCase<ReopenableStore>[] = [
  {
    name: "a document is what was last written, and survives; another name is not there",
    async run(subject) {
      const store = await subject.open();
      equal(await store.documents.read("head.json"), undefined);
      await store.documents.write("head.json", text("1"));
      await store.documents.write("head.json", text("2"));
      equal(string(await store.documents.read("head.json")), "2");
      const again = await subject.open();
      equal(string(await again.documents.read("head.json")), "2");
      equal(await again.documents.read("sealed.json"), undefined);
      for (const name of ["../head", "a/b", "", "Head"]) await rejects(async () => again.documents.read(name), TypeError);
    },
  },
  {
    name: "the journal gives back every record whole and in order, and goes on after them",
    async run(subject) {
      const { journal, records } = await openJournal(await subject.open(), 1, true);
      deepEqual([records, journal.segment, journal.length], [[], 1, 0]);
      await journal.append([text("a"), text("b")]);
      await journal.append([text("")]);
      await journal.append(Array.from({ length: 3000 }, () => text("x")));
      const length = journal.length;
      const second = await openJournal(await subject.open(), 1, true);
      deepEqual(second.records, ["ab", "", "x".repeat(3000)]);
      deepEqual([second.journal.segment, second.journal.length], [1, length]);
      await second.journal.append([text("c")]);
      deepEqual((await openJournal(await subject.open(), 1, true)).records, ["ab", "", "x".repeat(3000), "c"]);
    },
  },
  {
    name: "segments follow each other, empty ones too, and those below the first are dropped",
    async run(subject) {
      const { journal } = await openJournal(await subject.open(), 1, true);
      await journal.append([text("a")]);
      deepEqual([await journal.beginSegment(), journal.segment, journal.length], [2, 2, 0]);
      await journal.append([text("b")]);
      equal(await journal.beginSegment(), 3);
      const second = await openJournal(await subject.open(), 1, true);
      deepEqual([second.records, second.journal.segment], [["a", "b"], 3]);
      await second.journal.append([text("c")]);
      await second.journal.removeBefore(2);
      const third = await openJournal(await subject.open(), 2, false);
      deepEqual(third.records, ["b", "c"]);
      deepEqual((await openJournal(await subject.open(), 3, false)).records, ["c"]);
    },
  },
  {
    name: "a journal that lacks what a snapshot needs is refused",
    async run(subject) {
      await rejects(async () => openJournal(await subject.open(), 1, false), { code: "WRITE_AHEAD_CORRUPT" });
      const { journal } = await openJournal(await subject.open(), 1, true);
      await journal.append([text("a")]);
      await rejects(async () => openJournal(await subject.open(), 2, false), { code: "WRITE_AHEAD_CORRUPT" });
    },
  },
  {
    name: "an error of the caller while records are read stops the opening, and the next one reads them again",
    async run(subject) {
      const { journal } = await openJournal(await subject.open(), 1, true);
      await journal.append([text("a")]);
      const failing = async (): Promise<void> => Promise.reject(new RangeError("no"));
      await rejects(async () => (await subject.open()).openJournal({ first: 1, fresh: true }, failing), RangeError);
      deepEqual((await openJournal(await subject.open(), 1, true)).records, ["a"]);
    },
  },
  {
    name: "objects that were synced and index writes that were synced survive; sweep removes neither",
    async run(subject) {
      const store = await subject.open();
      await store.objects.write("tile/0/000", text("1"));
      await store.objects.sync();
      const index = await store.openIndex();
      await index.write([put("k", "v")], { sync: true });
      await index.close();
      const again = await subject.open();
      equal(await again.sweep(), 0);
      equal(string(await again.objects.read("tile/0/000")), "1");
      const indexAgain = await again.openIndex();
      equal(string(await indexAgain.get(text("k"))), "v");
      await indexAgain.close();
    },
  },
];
