// Rekor v1 for those who read it: log info, keys, entries, search and consistency (transparency-log.md §1.4 to §1.8).
import type { LogEntry } from "../bundle/index.ts";
import { type PublicKey, parsePublicKeyPem } from "../crypto/index.ts";
import { encodeBase64, JsonObject, type JsonValue, parseHex, parseJson, parseUtf8 } from "../encoding/index.ts";
import { parseEntryId } from "../log-entry/index.ts";
import { below, callService, readAnswer, readingAnswer, type ServiceCall, type ServiceOptions } from "./call.ts";
import { serviceError } from "./errors.ts";
import { entryId, maxAnswerBytes, readEntry } from "./log-v1.ts";

/** One tree of a log, as the log tells of it. */
export interface ShardInfoV1 {
  /** Decimal. */
  readonly treeId: string;
  readonly treeSize: number;
  readonly rootHash: Uint8Array;
  /** The signed checkpoint. */
  readonly signedTreeHead: string;
}

/** GET /api/v1/log: what the log says of itself. Nothing in it was verified. */
export interface LogInfoV1 {
  readonly active: ShardInfoV1;
  /** Sealed shards, oldest first. */
  readonly inactive: readonly ShardInfoV1[];
}

/** An entry with the name that the log gives it and what the log keeps beside it. */
export interface NamedEntryV1 {
  /** 80 hexadecimal digits, or 64 from an old log. */
  readonly id: string;
  readonly entry: LogEntry;
  readonly attestation?: Uint8Array;
}

/** Entries to look for, of each kind at most ten, and ten in all. */
export interface EntryQueryV1 {
  readonly logIndexes?: readonly number[];
  readonly ids?: readonly string[];
  /** Proposals, as JSON texts. */
  readonly proposals?: readonly string[];
}

/** What to search the index for; several are joined by `operator`. */
export interface SearchQueryV1 {
  readonly hash?: string;
  readonly email?: string;
  readonly subject?: string;
  readonly publicKey?: { readonly format: string; readonly content: Uint8Array };
  readonly operator?: "and" | "or";
}

const service = "transparency log";
const json = { "content-type": "application/json", accept: "application/json" };
const maxListBytes = 64 * 1024 * 1024;
const maxEntryIds = 500_000;

/** What the log says of its shards. */
export async function fetchLogInfoV1(logUrl: string, options: ServiceOptions = {}): Promise<LogInfoV1> {
  const call = get(below(logUrl, "/api/v1/log"));
  return readAnswer(call, await callService(call, options), (answer) => ({
    active: readShard(answer),
    inactive: answer.optionalObjects("inactiveShards").map(readShard),
  }));
}

/** The public key of a shard, or of the active one. It comes from the log itself: whoever believes it believes the log's address. */
export async function fetchLogKeyV1(logUrl: string, treeId?: string, options: ServiceOptions = {}): Promise<PublicKey> {
  const query = treeId === undefined ? "" : `?treeID=${treeId}`;
  const call = { ...get(below(logUrl, `/api/v1/log/publicKey${query}`)), headers: { accept: "application/x-pem-file" } };
  const response = await callService(call, options);
  return readingAnswer(call, () => parsePublicKeyPem(parseUtf8(response.body)));
}

/** The hashes that prove one size of a shard to be the beginning of a later one. Nothing was verified. */
export async function fetchConsistencyV1(
  logUrl: string,
  sizes: { readonly firstSize: number; readonly lastSize: number; readonly treeId?: string },
  options: ServiceOptions = {},
): Promise<{ readonly hashes: readonly Uint8Array[]; readonly rootHash: Uint8Array }> {
  const tree = sizes.treeId === undefined ? "" : `&treeID=${sizes.treeId}`;
  const call = get(below(logUrl, `/api/v1/log/proof?firstSize=${sizes.firstSize}&lastSize=${sizes.lastSize}${tree}`));
  return readAnswer(call, await callService(call, options), (answer) => ({
    hashes: answer.optionalStrings("hashes").map(parseHex),
    rootHash: parseHex(answer.string("rootHash")),
  }));
}

/** One entry by its index over all shards or by its id; undefined means that the log was asked and has none. Nothing was verified. */
export async function fetchEntryV1(
  logUrl: string,
  which: { readonly logIndex: number } | { readonly id: string },
  options: ServiceOptions = {},
): Promise<NamedEntryV1 | undefined> {
  const path = "id" in which ? `/${which.id.toLowerCase()}` : `?logIndex=${which.logIndex}`;
  const call = { ...get(below(logUrl, `/api/v1/log/entries${path}`)), statuses: [200, 404] };
  const response = await callService(call, options);
  if (response.status === 404) return undefined;
  return readingAnswer(call, () => {
    const named = readNamed(parseJson(response.body, { maxBytes: maxAnswerBytes }), call);
    if ("id" in which && parseEntryId(which.id).uuid !== parseEntryId(named.id).uuid)
      throw serviceError("SERVICE_ANSWER_MISMATCH", `Cannot use the answer of ${service} ${call.url}: it is another entry`, {
        found: named.id,
        expected: which.id,
      });
    return named;
  });
}

/** The entries that the log has of those asked for; what it has not is left out. Nothing was verified. */
export async function fetchEntriesV1(
  logUrl: string,
  query: EntryQueryV1,
  options: ServiceOptions = {},
): Promise<readonly NamedEntryV1[]> {
  const fields = [
    ...listField("logIndexes", query.logIndexes?.map(String)),
    ...listField(
      "entryUUIDs",
      query.ids?.map((id) => JSON.stringify(id)),
    ),
    ...listField("entries", query.proposals),
  ];
  const call: ServiceCall = {
    ...get(below(logUrl, "/api/v1/log/entries/retrieve")),
    method: "POST",
    headers: json,
    body: `{${fields.join(",")}}`,
    maxBytes: maxListBytes,
  };
  const response = await callService(call, options);
  return readingAnswer(call, () => readList(call, response.body).map((item) => readNamed(item, call)));
}

/** The ids of the entries that the log's index has. The index is the log's word: an entry must be fetched and checked, and absence is not proved. */
export async function searchIndexV1(
  logUrl: string,
  query: SearchQueryV1,
  options: ServiceOptions = {},
): Promise<readonly string[]> {
  const { publicKey, ...rest } = query;
  const key =
    publicKey === undefined ? {} : { publicKey: { format: publicKey.format, content: encodeBase64(publicKey.content) } };
  const call: ServiceCall = {
    ...get(below(logUrl, "/api/v1/index/retrieve")),
    method: "POST",
    headers: json,
    body: JSON.stringify({ ...rest, ...key }),
    maxBytes: maxListBytes,
  };
  const response = await callService(call, options);
  return readingAnswer(call, () =>
    readList(call, response.body).map((item) => {
      if (typeof item === "string" && entryId.test(item)) return item;
      throw serviceError("SERVICE_ANSWER", `Cannot read the answer of ${service} ${call.url}: it lists what is no entry id`);
    }),
  );
}

/** Propose an entry as it is. `existed`: the log had the same one already, and says so. Nothing that comes back was verified. */
export async function proposeEntryV1(
  logUrl: string,
  proposal: string | Uint8Array,
  options: ServiceOptions = {},
): Promise<NamedEntryV1 & { readonly existed: boolean }> {
  const call: ServiceCall = {
    ...get(below(logUrl, "/api/v1/log/entries")),
    method: "POST",
    headers: json,
    body: proposal,
    statuses: [201, 409],
  };
  const response = await callService(call, options);
  if (response.status === 201)
    return {
      ...readingAnswer(call, () => readNamed(parseJson(response.body, { maxBytes: maxAnswerBytes }), call)),
      existed: false,
    };
  const id = (response.headers["location"] ?? "").split(/[?#]/)[0]?.split("/").at(-1) ?? "";
  const existing = entryId.test(id) ? await fetchEntryV1(logUrl, { id }, options) : undefined;
  if (existing !== undefined) return { ...existing, existed: true };
  throw serviceError("SERVICE_ANSWER", `Cannot use ${service} ${call.url}: it has the entry already and does not give it`, {
    found: id === "" ? "no Location header" : id,
    expected: "a Location that ends in the id of an entry",
  });
}

function get(url: string): ServiceCall {
  return { service, method: "GET", url, headers: { accept: "application/json" }, maxBytes: maxAnswerBytes, statuses: [200] };
}

function listField(name: string, items: readonly string[] | undefined): string[] {
  return items === undefined || items.length === 0 ? [] : [`"${name}":[${items.join(",")}]`];
}

function readShard(shard: JsonObject): ShardInfoV1 {
  return {
    treeId: shard.string("treeID"),
    treeSize: shard.uint64("treeSize"),
    rootHash: parseHex(shard.string("rootHash")),
    signedTreeHead: shard.string("signedTreeHead"),
  };
}

function readList(call: ServiceCall, body: Uint8Array): readonly JsonValue[] {
  const list = parseJson(body, { maxBytes: maxListBytes });
  if (Array.isArray(list) && list.length <= maxEntryIds) return list;
  throw serviceError(
    "SERVICE_ANSWER",
    `Cannot read the answer of ${service} ${call.url}: it is no list of at most ${maxEntryIds}`,
  );
}

function readNamed(value: JsonValue, call: ServiceCall): NamedEntryV1 {
  const answer = JsonObject.exact(value, "answer");
  const names = answer.names();
  const [id] = names;
  if (id === undefined || names.length !== 1 || !entryId.test(id)) {
    throw serviceError("SERVICE_ANSWER", `Cannot read the answer of ${service} ${call.url}: it must name one entry`, {
      found: `${names.length} names`,
      expected: "one entry id",
    });
  }
  const attestation = answer.object(id).optionalObject("attestation")?.optionalBase64("data");
  const entry = readEntry(answer.object(id));
  return { id, entry, ...(attestation === undefined || attestation.length === 0 ? {} : { attestation }) };
}
