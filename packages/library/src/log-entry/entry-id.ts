// Identifiers of Rekor v1: UUID = leaf hash as 64 hex characters; entry id = tree id as 16 hex characters, then the UUID.
import { encodeHex, quote } from "../encoding/index.ts";
import { leafHash } from "../merkle/index.ts";
import { logEntryError } from "./errors.ts";

/** An entry as Rekor v1 names it. */
export interface EntryId {
  /** The leaf hash, 64 lower-case hexadecimal characters. */
  readonly uuid: string;
  /** The tree; absent when only the UUID was given, which may stand in several trees. */
  readonly treeId?: bigint;
}

const maxTreeId = 2n ** 63n - 1n;

/** The UUID of an entry: its leaf hash in hexadecimal. */
export function leafUuid(body: Uint8Array): string {
  return encodeHex(leafHash(body));
}

/** The 80 characters of an entry id. */
export function formatEntryId(treeId: bigint, uuid: string): string {
  if (treeId <= 0n || treeId > maxTreeId || !/^[0-9a-f]{64}$/.test(uuid))
    throw new TypeError(`No entry has tree id ${treeId} and UUID ${uuid}`);
  return `${treeId.toString(16).padStart(16, "0")}${uuid}`;
}

/** Read an entry id of 80 characters, or a UUID of 64, in either case. Whether there is such an entry was not looked up. */
export function parseEntryId(text: string): EntryId {
  const match = /^([0-9a-fA-F]{16})?([0-9a-fA-F]{64})$/.exec(text);
  if (match === null) throw malformed(text, "it is not 64 or 80 hexadecimal characters");
  const uuid = (match[2] ?? "").toLowerCase();
  if (match[1] === undefined) return { uuid };
  const treeId = BigInt(`0x${match[1]}`);
  if (treeId === 0n || treeId > maxTreeId) throw malformed(text, "its tree id is not a positive signed 64-bit number");
  return { uuid, treeId };
}

function malformed(text: string, reason: string): Error {
  return logEntryError("ENTRY_ID_MALFORMED", `Cannot parse entry id ${quote(text, 100)}: ${reason}`, { found: quote(text, 100) });
}
