// Objects by path: tiles, entry bundles and other files that are written whole.

/** Whole objects under relative paths with `/`. */
export interface ObjectStore {
  /** The object, or undefined. */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * Replace an object in one step; it may be lost in a power cut until `sync` has returned. What never changes (tiles, bundles, times, keys)
   * may be kept as it is: a store may refuse to replace it by other bytes with STORAGE_WRITE_FAILED.
   */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Remove an object; one that is not there is no error. */
  remove(path: string): Promise<void>;
  /** Make everything written or removed before this call durable. */
  sync(): Promise<void>;
}

/** Refuse a path that is not relative and plain: a programmer's mistake. */
export function requireObjectPath(path: string): void {
  if (path === "" || path.startsWith("/") || path.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new TypeError(`Object path ${JSON.stringify(path)} is not relative and plain`);
}
