// The search index of Rekor v1 over all shards, newest first, whole or page by page.
import { encodeHex, encodeUtf8 } from "@sigillum/library/encoding";
import { formatEntryId } from "@sigillum/library/log-entry";
import { invalid } from "./entries.ts";
import type { RekorV1Shard, ShardList } from "./shards.ts";

/** The most ids of one answer that was not asked for in pages: never some of them without a word. */
export const maxUnpagedResults = 100_000;
/** The most ids of one page. */
export const maxPageResults = 10_000;
/** Entries that are looked at together. */
const stride = 1000;

/** What to find: entries under every key, or under any. */
export interface IndexQuery {
  readonly keys: readonly string[];
  readonly operator: "and" | "or";
}

/** Ids, newest first, and the index below which the next page begins. */
export interface IndexPage {
  readonly ids: readonly string[];
  readonly next: number | undefined;
}

/** Everything that matches; refused with 422 where that is more than one answer holds. */
export async function searchAll(shards: ShardList, query: IndexQuery): Promise<readonly string[]> {
  const { ids, next } = await searchPage(shards, query, maxUnpagedResults, undefined);
  if (next === undefined) return ids;
  throw invalid(603, `more than ${maxUnpagedResults} entries match: ask for pages with the query parameters limit and before`);
}

/** The newest `limit` matches whose index over all shards is below `before`. */
export async function searchPage(
  shards: ShardList,
  query: IndexQuery,
  limit: number,
  before: number | undefined,
): Promise<IndexPage> {
  const ids: string[] = [];
  if (query.keys.length === 0) return { ids, next: undefined };
  for (const owner of shards.all.toReversed()) {
    const base = shards.virtualIndex({ owner, index: 0 });
    let bound = Math.min((before ?? Number.MAX_SAFE_INTEGER) - base, owner.shard.head().size);
    while (bound > 0) {
      const found = await matchesBelow(owner, query, bound);
      for (const { index, leafHash } of found.matches) {
        if (ids.length === limit) return { ids, next: base + index + 1 };
        ids.push(formatEntryId(owner.treeId, encodeHex(leafHash)));
      }
      bound = found.lookedDownTo;
    }
  }
  return { ids, next: undefined };
}

interface Match {
  readonly index: number;
  readonly leafHash: Uint8Array;
}

/** Matches below `bound`, newest first, and the index down to which all were looked at. */
async function matchesBelow(
  { shard }: RekorV1Shard,
  { keys, operator }: IndexQuery,
  bound: number,
): Promise<{ readonly matches: readonly Match[]; readonly lookedDownTo: number }> {
  const [first = new Uint8Array(), ...others] = keys.map((key) => encodeUtf8(key));
  if (operator === "and") {
    const candidates = await shard.search(first, stride, bound);
    const matches: Match[] = [];
    for (const candidate of candidates) {
      // The newest entry at or before it under each other key must be itself.
      const same = others.map(async (key) => (await shard.search(key, 1, candidate.index + 1))[0]?.index === candidate.index);
      if ((await Promise.all(same)).every(Boolean)) matches.push(candidate);
    }
    return { matches, lookedDownTo: candidates.length < stride ? 0 : (candidates.at(-1)?.index ?? 0) };
  }
  const lists = await Promise.all([first, ...others].map((key) => shard.search(key, stride, bound)));
  // A list that was cut off says nothing of what is below its end.
  const lookedDownTo = Math.max(0, ...lists.map((list) => (list.length < stride ? 0 : (list.at(-1)?.index ?? 0))));
  const union = new Map(lists.flat().map((match) => [match.index, match]));
  const matches = [...union.values()].filter(({ index }) => index >= lookedDownTo).sort((a, b) => b.index - a.index);
  return { matches, lookedDownTo };
}
