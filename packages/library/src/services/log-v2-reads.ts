// Rekor v2 for those who read it: the checkpoint, and the tree as C2SP tiles (transparency-log.md §3.4).
import { parseUtf8 } from "../encoding/index.ts";
import { type AsyncTileReader, entryBundlePath, hashLength, tilePath, tileWidth } from "../merkle/index.ts";
import { answerMismatch, below, callService, readingAnswer, type ServiceCall, type ServiceOptions } from "./call.ts";

const maxCheckpointBytes = 64 * 1024;
/** The longest entry, and its length before it. */
const maxEntryBytes = 0xffff + 2;

/** The newest checkpoint that a log shows, a signed note. Nothing in it was verified. */
export async function fetchCheckpointV2(logUrl: string, options: ServiceOptions = {}): Promise<string> {
  const call = get(logUrl, "checkpoint", maxCheckpointBytes);
  const { body } = await callService(call, options);
  return readingAnswer(call, () => parseUtf8(body));
}

/** Reads the tiles of hashes that a log serves; a proof made of them is only as true as they are. */
export function tileReaderV2(logUrl: string, options: ServiceOptions = {}): AsyncTileReader {
  return (level, index, width) =>
    fetchPart(
      logUrl,
      (wide) => tilePath({ level, index, width: wide }),
      width,
      options,
      (body, call) => {
        if (body.length < width * hashLength)
          throw answerMismatch(call, "octets of hashes", String(body.length), `at least ${width * hashLength}`);
        return body.subarray(0, width * hashLength);
      },
    );
}

/** The leaf at an index of a tree of this size, out of its entry bundle. That it is in the tree was not verified. */
export async function fetchLeafV2(
  logUrl: string,
  leaf: { readonly index: number; readonly treeSize: number },
  options: ServiceOptions = {},
): Promise<Uint8Array> {
  const bundle = Math.floor(leaf.index / tileWidth);
  const leaves = await fetchLeavesV2(logUrl, { bundle, treeSize: leaf.treeSize }, options);
  const found = leaves[leaf.index % tileWidth];
  if (found !== undefined) return found;
  throw new RangeError(`A tree of ${leaf.treeSize} has no entry ${leaf.index}`);
}

/** The leaves of one entry bundle, as many as a tree of this size has in it. That they are in the tree was not verified. */
export async function fetchLeavesV2(
  logUrl: string,
  part: { readonly bundle: number; readonly treeSize: number },
  options: ServiceOptions = {},
): Promise<readonly Uint8Array[]> {
  const width = Math.min(tileWidth, part.treeSize - part.bundle * tileWidth);
  return fetchPart(
    logUrl,
    (wide) => entryBundlePath(part.bundle, wide),
    width,
    options,
    (body, call) => {
      const leaves: Uint8Array[] = [];
      for (let at = 0; at + 2 <= body.length && leaves.length < width; ) {
        const end = at + 2 + 256 * (body[at] ?? 0) + (body[at + 1] ?? 0);
        if (end > body.length) break;
        leaves.push(body.subarray(at + 2, end));
        at = end;
      }
      if (leaves.length === width) return leaves;
      throw answerMismatch(call, "entries", String(leaves.length), String(width));
    },
  );
}

// A partial tile may be gone once it is full: then the full one begins with it.
async function fetchPart<T>(
  logUrl: string,
  pathOf: (width: number) => string,
  width: number,
  options: ServiceOptions,
  read: (body: Uint8Array, call: ServiceCall) => T,
): Promise<T> {
  const call = { ...get(logUrl, pathOf(width), tileWidth * maxEntryBytes), statuses: width < tileWidth ? [200, 404] : [200] };
  const response = await callService(call, options);
  if (response.status === 200) return readingAnswer(call, () => read(response.body, call));
  const full = get(logUrl, pathOf(tileWidth), tileWidth * maxEntryBytes);
  const { body } = await callService(full, options);
  return readingAnswer(full, () => read(body, full));
}

function get(logUrl: string, path: string, maxBytes: number): ServiceCall {
  const url = below(logUrl, `/api/v2/${path}`);
  return { service: "transparency log", method: "GET", url, headers: {}, maxBytes, statuses: [200] };
}
