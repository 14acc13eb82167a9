// The next shard of a log, and the states that shards go through: planned, active, sealed.
import type { Signer } from "@sigillum/library/crypto";
import { formatRfc3339, type JsonValue } from "@sigillum/library/encoding";
import { ctShard, v1Shard, v2KeyTypes, v2Shard } from "./create.ts";
import type { KeyRecord, KeyringDocument, RecordState, ShardRecord } from "./document.ts";
import { keyringError } from "./errors.ts";
import { makeRecordedKey } from "./key-files.ts";

/** A shard that is to be recorded, with its key. */
export interface NewShard {
  readonly record: ShardRecord;
  readonly key: KeyRecord;
  readonly signer: Signer;
}

/** A change of one shard's record. */
export interface ShardChange {
  readonly api: ShardRecord["api"];
  readonly id: string;
  readonly state: RecordState;
  /** Since when the published trusted root has its key. */
  readonly publishedMs?: number;
  /** When it became active. */
  readonly activatedMs?: number;
  /** The end of its period: nothing is logged there later. */
  readonly endMs?: number;
}

/**
 * Makes the next shard of a log with a key of its own, whose file is durable when this returns; the shard is not recorded. A shard of
 * Rekor v2 needs an address that no other has: a host name, since clients take it for the origin; on this machine a port will do. One of
 * the CT log stands below the log's first address, under its own id: a submission prefix is what tells CT logs apart.
 */
export async function makeShard(
  directory: string,
  document: KeyringDocument,
  api: ShardRecord["api"],
  options: { readonly publicUrl: string; readonly nowMs: number },
): Promise<NewShard> {
  const own = document.shards.filter((shard) => shard.api === api);
  const { publicUrl } = options;
  if (api === "v2" && own.some((shard) => isSameAddress(new URL(shard.publicUrl), new URL(publicUrl)))) {
    const expected = "a host name that no shard had before, or on localhost a port";
    throw keyringError("SHARD_ADDRESS_TAKEN", `Cannot plan a shard of log v2: another shard has the address of ${publicUrl}`, {
      found: publicUrl,
      expected,
    });
  }
  const startMs = Math.floor(options.nowMs / 1000) * 1000;
  const year = new Date(startMs).getUTCFullYear();
  let number = 1;
  while (own.some(({ id }) => id === `${year}-${number}`)) number += 1;
  const id = `${year}-${number}`;
  const name = api === "ct" ? `ct/${id}` : `log-${api}/${id}`;
  const { record: key, signer } = await makeRecordedKey(directory, name, api === "v2" ? v2KeyTypes : ["ecdsa-p256"], document);
  // The shards of the CT log stand below its first address, whichever of them the caller knows.
  const address = api === "ct" ? (own[0]?.publicUrl ?? publicUrl) : publicUrl;
  const record = recordOf(api, address, id, startMs, signer);
  return { record: { ...record, state: "planned" }, key, signer };
}

function recordOf(api: ShardRecord["api"], publicUrl: string, id: string, startMs: number, signer: Signer): ShardRecord {
  if (api === "ct") return ctShard(`${publicUrl.replace(/\/$/u, "")}/${id}`, id, startMs, signer);
  return (api === "v1" ? v1Shard : v2Shard)(publicUrl, id, startMs, signer);
}

/** Shards on this machine share an origin, and their ports tell them apart (design §4). */
function isSameAddress(one: URL, other: URL): boolean {
  const local = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/u.test(other.hostname);
  return one.hostname === other.hostname && (!local || one.port === other.port);
}

/** What a rotation asks of a planned shard's record. */
export function plannedShard({ id, publishedMs }: ShardRecord): { readonly id: string; readonly publishedMs?: number } {
  return { id, ...(publishedMs === undefined ? {} : { publishedMs }) };
}

/** The change that notes the publication of a planned shard's key: the next whole second, so that no cache is counted as newer. */
export function publishedChange(api: ShardRecord["api"], record: ShardRecord, nowMs: number): ShardChange {
  return { api, id: record.id, state: "planned", publishedMs: Math.ceil(nowMs / 1000) * 1000 };
}

/** What an operator's list says of a shard beside its tree: name, key and period. */
export function shardRecordJson(record: ShardRecord): { [name: string]: JsonValue } {
  const { id, key, validFor, publishedMs, activatedMs } = record;
  return {
    id,
    key,
    from: formatRfc3339(validFor.startMs),
    ...(validFor.endMs === undefined ? {} : { to: formatRfc3339(validFor.endMs) }),
    ...(publishedMs === undefined ? {} : { published: formatRfc3339(publishedMs) }),
    ...(activatedMs === undefined ? {} : { activated: formatRfc3339(activatedMs) }),
  };
}

/** The document with a shard and its key more. */
export function withShard(document: KeyringDocument, { record, key }: NewShard): KeyringDocument {
  return { ...document, keys: [...document.keys, key], shards: [...document.shards, record] };
}

/** The document with other states of shards. */
export function withShardChanges(document: KeyringDocument, changes: readonly ShardChange[]): KeyringDocument {
  const shards = document.shards.map((shard) => {
    const change = changes.find(({ api, id }) => api === shard.api && id === shard.id);
    if (change === undefined) return shard;
    const { state, publishedMs, activatedMs, endMs } = change;
    const validFor = endMs === undefined ? shard.validFor : { ...shard.validFor, endMs };
    return {
      ...shard,
      state,
      validFor,
      ...(publishedMs === undefined ? {} : { publishedMs }),
      ...(activatedMs === undefined ? {} : { activatedMs }),
    };
  });
  return { ...document, shards };
}
