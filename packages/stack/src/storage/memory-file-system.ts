// A file system in memory that forgets what was not synced, and fails where a test tells it to.
import { dirname } from "node:path";
import type { FileSystem, WritableFile } from "./file-system.ts";

/** The operations that can be made to fail. */
export type FaultyOperation =
  | "openFile"
  | "append"
  | "truncate"
  | "sync"
  | "rename"
  | "remove"
  | "makeDirectory"
  | "syncDirectory"
  | "readFile";

/** A fault: the n-th matching operation from now fails, either before it did anything or after it had its effect. */
export interface Fault {
  readonly operation: FaultyOperation;
  /** Only paths that contain this text. */
  readonly path?: string;
  /** 1 is the next one. */
  readonly nth?: number;
  /** "before": nothing happens; "after": it happens, and the caller is told it failed; "half": half of an append is written. */
  readonly when: "before" | "after" | "half";
  /** The fault stays, as a full disk does. */
  readonly always?: boolean;
}

interface Contents {
  current: Uint8Array;
  /** What a power cut leaves. */
  durable: Uint8Array;
}

interface ArmedFault {
  readonly fault: Fault;
  left: number;
}

/** Files in memory with the guarantees of POSIX and no more. */
export class MemoryFileSystem implements FileSystem {
  readonly #files: Map<string, Contents> = new Map();
  readonly #durableNames: Map<string, Contents> = new Map();
  readonly #directories: Set<string> = new Set(["/"]);
  readonly #faults: ArmedFault[] = [];
  /** How often each operation was called. */
  readonly counts: Map<FaultyOperation, number> = new Map();
  /** Called before each operation, for tests that stop the world at one. */
  onOperation: ((operation: FaultyOperation, path: string) => void) | undefined;

  /** Arm a fault. */
  fail(fault: Fault): void {
    this.#faults.push({ fault, left: fault.nth ?? 1 });
  }

  /** Disarm all faults. */
  heal(): void {
    this.#faults.length = 0;
  }

  /** What the disk holds after a power cut now: only synced contents under synced names. */
  afterPowerCut(): MemoryFileSystem {
    const next = new MemoryFileSystem();
    for (const [path, contents] of this.#durableNames) next.#adopt(path, contents.durable);
    return next;
  }

  /** What the system holds after the process was killed now: everything written, synced or not (and, as then, not all of it durable). */
  afterKill(): MemoryFileSystem {
    const next = new MemoryFileSystem();
    for (const [path, contents] of this.#durableNames)
      next.#durableNames.set(path, { current: contents.durable, durable: contents.durable });
    for (const [path, contents] of this.#files) {
      const copy = { current: contents.current, durable: contents.durable };
      next.#files.set(path, copy);
      if (this.#durableNames.get(path) === contents) next.#durableNames.set(path, copy);
      next.#addParents(path);
    }
    return next;
  }

  async openFile(path: string, how: "create" | "append"): Promise<WritableFile> {
    return this.#run("openFile", path, () => {
      let contents = this.#files.get(path);
      if (contents === undefined || how === "create") {
        if (!this.#directories.has(dirname(path))) throw errno("ENOENT", path);
        contents ??= { current: empty, durable: empty };
        contents.current = empty;
        this.#files.set(path, contents);
      }
      return this.#writable(path, contents);
    });
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return this.#run("readFile", path, () => this.#files.get(path)?.current.slice());
  }

  async rename(from: string, to: string): Promise<void> {
    return this.#run("rename", to, () => {
      const contents = this.#files.get(from);
      if (contents === undefined || !this.#directories.has(dirname(to))) throw errno("ENOENT", from);
      this.#files.delete(from);
      this.#files.set(to, contents);
    });
  }

  async remove(path: string): Promise<void> {
    return this.#run("remove", path, () => void this.#files.delete(path));
  }

  async list(directory: string): Promise<readonly string[]> {
    const prefix = directory === "/" ? "/" : `${directory}/`;
    const names = [...this.#files.keys(), ...this.#directories].filter((path) => path.startsWith(prefix) && path !== prefix);
    return [...new Set(names.map((path) => path.slice(prefix.length).split("/", 1)[0] ?? ""))].sort();
  }

  async makeDirectory(path: string): Promise<boolean> {
    return this.#run("makeDirectory", path, () => {
      const fresh = !this.#directories.has(path);
      this.#directories.add(path);
      this.#addParents(path);
      return fresh;
    });
  }

  async syncDirectory(path: string): Promise<void> {
    return this.#run("syncDirectory", path, () => {
      for (const known of [...this.#durableNames.keys()])
        if (dirname(known) === path && !this.#files.has(known)) this.#durableNames.delete(known);
      for (const [known, contents] of this.#files) if (dirname(known) === path) this.#durableNames.set(known, contents);
    });
  }

  #writable(path: string, contents: Contents): WritableFile {
    const write = (bytes: Uint8Array): void => {
      contents.current = Buffer.concat([contents.current, bytes]);
    };
    const truncate = (length: number): void => {
      contents.current = contents.current.slice(0, length);
    };
    const sync = (): void => {
      contents.durable = contents.current;
    };
    return {
      size: async () => contents.current.length,
      append: async (parts) => {
        const bytes = Buffer.concat(parts);
        const half = (): void => write(bytes.subarray(0, Math.floor(bytes.length / 2)));
        return this.#run("append", path, () => write(bytes), half);
      },
      truncate: async (length) => this.#run("truncate", path, () => truncate(length)),
      sync: async () => this.#run("sync", path, sync),
      close: async () => undefined,
    };
  }

  async #run<T>(operation: FaultyOperation, path: string, act: () => T, half?: () => void): Promise<T> {
    // Operations take effect in a later turn, as they do on a disk.
    await Promise.resolve();
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    this.onOperation?.(operation, path);
    const fault = this.#due(operation, path);
    if (fault === undefined) return act();
    if (fault.when === "half") half?.();
    if (fault.when === "after") act();
    throw errno("EIO", path);
  }

  #due(operation: FaultyOperation, path: string): Fault | undefined {
    const position = this.#faults.findIndex(({ fault }) => fault.operation === operation && path.includes(fault.path ?? ""));
    const armed = this.#faults[position];
    if (armed === undefined) return undefined;
    armed.left -= 1;
    if (armed.left > 0) return undefined;
    if (armed.fault.always !== true) this.#faults.splice(position, 1);
    return armed.fault;
  }

  #adopt(path: string, bytes: Uint8Array): void {
    const contents = { current: bytes, durable: bytes };
    this.#files.set(path, contents);
    this.#durableNames.set(path, contents);
    this.#addParents(path);
  }

  #addParents(path: string): void {
    for (let at = dirname(path); !this.#directories.has(at); at = dirname(at)) this.#directories.add(at);
  }
}

const empty = new Uint8Array(0);

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
