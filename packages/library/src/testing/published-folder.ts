// The published folder of a repository in memory: what planPublication writes, and what a client fetches.
import { parseSnapshot, parseTimestamp, roleFileName } from "../tuf/index.ts";
import { type PublishedFile, type PublishedState, parsePublishedState } from "../tuf-repository/index.ts";

/** A published folder. It refuses to write a file twice that never changes. */
export class PublishedFolder {
  readonly files: Map<string, Uint8Array> = new Map();
  /** What is published; undefined before the first publication. */
  state: PublishedState | undefined;

  /** Write a publication in its order. */
  write(publication: readonly PublishedFile[]): void {
    for (const { path, bytes, overwrite } of publication) {
      if (!overwrite && this.files.has(path)) throw new Error(`${path} is written twice`);
      this.files.set(path, bytes);
    }
    if (publication.length > 0) this.state = this.#read();
  }

  /** A file that must be there. */
  file(path: string): Uint8Array {
    const bytes = this.files.get(path);
    if (bytes === undefined) throw new Error(`there is no ${path}`);
    return bytes;
  }

  /** Serves the folder. */
  readonly fetch = async (path: string): Promise<Uint8Array | undefined> => this.files.get(path);

  #read(): PublishedState {
    const timestamp = this.file("timestamp.json");
    const snapshot = this.file(`${parseTimestamp(timestamp).snapshot.version}.snapshot.json`);
    const { meta } = parseSnapshot(snapshot);
    const delegated = new Map<string, Uint8Array>();
    for (const [name, { version }] of meta) {
      const role = name.slice(0, -".json".length);
      if (role !== "targets") delegated.set(role, this.file(`${version}.${roleFileName(role)}`));
    }
    const targets = this.file(`${meta.get("targets.json")?.version}.targets.json`);
    return parsePublishedState({ root: this.file("root.json"), targets, snapshot, timestamp }, delegated);
  }
}
