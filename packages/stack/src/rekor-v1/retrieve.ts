// The two searches of Rekor v1: entries by ids, indexes or content; entry ids by key, hash, e-mail or subject.

import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, encodeUtf8, isSigillumError, JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import { parseEntryId } from "@sigillum/library/log-entry";
import { type HttpReply, jsonReply } from "../host/index.ts";
import { canonicalKey, keyFormats } from "../legacy-entries/index.ts";
import { invalid, type PreparedEntry } from "./entries.ts";
import { type LogEntryJson, logEntryOf } from "./entry-answer.ts";
import { rekorV1Error } from "./errors.ts";
import { integerOf } from "./log-info.ts";
import { maxPageResults, searchAll, searchPage } from "./search.ts";
import type { Place, ShardList } from "./shards.ts";

/** The most items of one query, over its three lists (upstream's limit). */
const maxItems = 10;
const uuidPattern = /^(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{80})$/;

/** POST /api/v1/log/entries/retrieve: what is not found is left out. Proposals of types that are not accepted are refused, not sought.
 * `prepare` reads them where it holds up nothing else. */
export async function retrieveEntries(
  shards: ShardList,
  requestBody: Uint8Array,
  prepare: (requestBody: Uint8Array) => Promise<PreparedEntry>,
): Promise<readonly LogEntryJson[]> {
  const query = readQuery(requestBody);
  const lists = {
    entryUUIDs: query.optionalStrings("entryUUIDs"),
    logIndexes: readIndexes(query),
    entries: query.optionalObjects("entries").length === 0 ? [] : query.array("entries"),
  };
  for (const [name, list] of Object.entries(lists)) {
    if (query.has(name) && (list.length === 0 || list.length > maxItems))
      throw invalid(list.length === 0 ? 612 : 611, `${name} in body should have 1 to ${maxItems} items`);
  }
  const total = lists.entryUUIDs.length + lists.logIndexes.length + lists.entries.length;
  if (total > maxItems) throw invalid(422, `more than max allowed ${maxItems} entries in request`);
  const places: Place[] = [];
  for (const index of lists.logIndexes) places.push(...[shards.placeOf(index)].filter((place) => place !== undefined));
  for (const text of lists.entryUUIDs) places.push(...(await findUuid(shards, text)).slice(0, 1));
  for (const { value } of lists.entries) {
    const { entry } = await prepare(encodeUtf8(JSON.stringify(value)));
    places.push(...(await shards.find({ uuid: encodeHex(entry.leafHash) })));
  }
  return Promise.all(places.map((place) => logEntryOf(shards, place)));
}

/**
 * POST /api/v1/index/retrieve: entry ids, possibly none. As an addition of ours, newest first, and in pages with the query parameters
 * `limit` and `before`, where the header `x-next-before` has what the next page is asked for with.
 */
export async function searchIndex(shards: ShardList, requestBody: Uint8Array, parameters: URLSearchParams): Promise<HttpReply> {
  const query = readQuery(requestBody);
  query.onlyNames(["email", "subject", "publicKey", "hash", "operator"]);
  const operator = query.optionalString("operator") ?? "or";
  if (operator !== "or" && operator !== "and")
    throw invalid(606, `operator in body should be one of [and or], found ${quote(operator)}`);
  const keys = [...new Set(await searchKeysOfQuery(query))];
  const [limit, before] = [pageParameter(parameters, "limit", 1), pageParameter(parameters, "before", 0)];
  if (limit === undefined && before === undefined) return jsonReply(200, await searchAll(shards, { keys, operator }));
  const size = Math.min(limit ?? maxPageResults, maxPageResults);
  const { ids, next } = await searchPage(shards, { keys, operator }, size, before);
  return jsonReply(200, ids, next === undefined ? {} : { "x-next-before": String(next) });
}

function pageParameter(parameters: URLSearchParams, name: string, minimum: number): number | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  const value = integerOf(text, name);
  if (value < minimum) throw invalid(609, `${name} in query should be greater than or equal to ${minimum}`);
  return value;
}

/** Find the places of a 64- or 80-digit identifier. */
export async function findUuid(shards: ShardList, text: string): Promise<Place[]> {
  if (!uuidPattern.test(text))
    throw invalid(605, `entryUUID should match '^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$', found ${quote(text)}`);
  return shards.find(parseEntryId(text));
}

/** The JSON object of a query's body. */
export function readQuery(requestBody: Uint8Array): JsonObject {
  try {
    return JsonObject.exact(parseJson(requestBody), "body", (message) => invalid(601, message));
  } catch (cause) {
    if (isSigillumError(cause) && cause.code === "REKOR_V1_INVALID") throw cause;
    throw rekorV1Error(
      "REKOR_V1_SEARCH_INVALID",
      `parsing query body failed, because ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** The indexes that a query asks for. */
export function readIndexes(query: JsonObject): number[] {
  if (!query.has("logIndexes")) return [];
  return query.array("logIndexes").map(({ value }) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw invalid(601, "logIndexes in body must be of type int64");
    if (value < 0) throw invalid(609, `logIndexes in body should be greater than or equal to 0, found ${value}`);
    return value;
  });
}

/** The search keys that a query asks for. */
export async function searchKeysOfQuery(query: JsonObject): Promise<string[]> {
  const keys: string[] = [];
  const email = query.optionalString("email");
  if (email !== undefined) {
    if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > 320)
      throw invalid(601, `email in body must be of type email: ${quote(email)}`);
    keys.push(email.toLowerCase());
  }
  const subject = query.optionalString("subject");
  if (subject !== undefined) {
    if (subject.length === 0 || subject.length > 512)
      throw invalid(subject.length === 0 ? 604 : 603, "subject in body should have 1 to 512 characters");
    keys.push(subject.toLowerCase());
  }
  const hash = query.optionalString("hash");
  if (hash !== undefined) keys.push(hashKey(hash));
  const publicKey = query.optionalObject("publicKey");
  if (publicKey !== undefined) keys.push(await publicKeyKey(publicKey));
  return keys;
}

function hashKey(hash: string): string {
  if (!/^(?:sha1:)?[0-9a-fA-F]{40}$|^(?:sha256:)?[0-9a-fA-F]{64}$|^(?:sha512:)?[0-9a-fA-F]{128}$/.test(hash)) {
    throw invalid(605, `hash in body should be 40, 64 or 128 hexadecimal characters, found ${quote(hash)}`);
  }
  const value = hash.replace(/^sha\d+:/, "").toLowerCase();
  return `${value.length === 40 ? "sha1" : value.length === 64 ? "sha256" : "sha512"}:${value}`;
}

async function publicKeyKey(publicKey: JsonObject): Promise<string> {
  const format = publicKey.optionalString("format");
  if (format === undefined) throw invalid(602, "publicKey.format in body is required");
  if (!["pgp", "x509", "minisign", "ssh", "tuf"].includes(format))
    throw invalid(606, `publicKey.format in body should be one of [pgp x509 minisign ssh tuf], found ${quote(format)}`);
  if (!keyFormats.includes(format))
    throw rekorV1Error(
      "REKOR_V1_SEARCH_INVALID",
      `Cannot search: keys of format ${format} are not read here, ${keyFormats.join(", ")} are`,
      { found: format, expected: keyFormats.join(", ") },
    );
  try {
    return encodeHex(sha256(await canonicalKey(format, publicKey.base64("content"))));
  } catch (cause) {
    if (isSigillumError(cause) && cause.code === "REKOR_V1_INVALID") throw cause;
    throw rekorV1Error(
      "REKOR_V1_SEARCH_INVALID",
      `Cannot search: the public key cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
