// The keys of roles, as root and targets-type files list them (TUF 1.0.34 §4.3 and §4.5).
import { isSigillumError, type JsonObject } from "../encoding/index.ts";
import { tufError } from "./errors.ts";
import { parseTufKey, type TufKey } from "./key.ts";

/** Which keys speak for a role, and how many must. */
export interface RoleKeys {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

/** Most keys, signatures, delegations or patterns in one list. */
const maxListed = 1024;

/**
 * Read a `keys` object. A key of a kind that is not known is left out, as if nobody had signed with it: a federated project's
 * new kind of key must not take the whole file away from an older client, and a threshold cannot be met by what is not read.
 */
export function parseKeys(listed: JsonObject): ReadonlyMap<string, TufKey> {
  const keys = new Map<string, TufKey>();
  for (const keyid of bounded("keys", listed.names())) {
    try {
      keys.set(keyid, parseTufKey(keyid, listed.value(keyid) ?? null));
    } catch (cause) {
      if (!isSigillumError(cause) || cause.code !== "TUF_KEY_UNSUPPORTED") throw cause;
    }
  }
  return keys;
}

/** Read key ids and threshold of a role; throws TUF_KEY_REPEATED for a key id that stands there twice. */
export function parseRoleKeys(role: string, value: JsonObject): RoleKeys {
  const keyids = bounded(`keys of ${role}`, value.strings("keyids"));
  if (new Set(keyids).size !== keyids.length) {
    throw tufError("TUF_KEY_REPEATED", `Cannot read keys of role ${role}: a key id stands there twice`, {
      found: keyids.join(", "),
      expected: "each key id once",
    });
  }
  return { keyids, threshold: readCount(value, "threshold", 1) };
}

/** A whole number of at least `least`; throws TUF_MALFORMED. */
export function readCount(value: JsonObject, name: string, least: number): number {
  const count = value.safeInteger(name);
  if (count < least) {
    throw tufError("TUF_MALFORMED", `Cannot read metadata: ${name} is ${count}, at least ${least} expected`, {
      found: String(count),
      expected: `>= ${least}`,
    });
  }
  return count;
}

/** The list itself, or TUF_MALFORMED if it is longer than any list of metadata may be. */
export function bounded<T>(what: string, list: readonly T[]): readonly T[] {
  if (list.length > maxListed) {
    throw tufError("TUF_MALFORMED", `Cannot read metadata: ${list.length} ${what}, at most ${maxListed} expected`, {
      found: String(list.length),
      expected: `<= ${maxListed}`,
    });
  }
  return list;
}
