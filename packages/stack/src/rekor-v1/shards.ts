// The shards of a Rekor v1 log as one: virtual indexes and entry ids.

import { signCheckpoint } from "@sigillum/library/checkpoint";
import type { Signer } from "@sigillum/library/crypto";
import { sha256 } from "@sigillum/library/crypto";
import { parseHex } from "@sigillum/library/encoding";
import type { EntryId } from "@sigillum/library/log-entry";
import type { Clock, Logger, MetricsRegistry } from "../host/index.ts";
import { type BodyEntry, bodyEntryFormat, type LogLimits, LogShard } from "../log-engine/index.ts";
import { rekorV1Error } from "./errors.ts";

/** One shard with its names and key. */
export interface RekorV1Shard {
  readonly shard: LogShard<BodyEntry>;
  /** 1 to 2^63 - 1. */
  readonly treeId: bigint;
  /** ECDSA P-256: old verifiers of signed entry timestamps accept nothing else. */
  readonly signer: Signer;
}

/** What a shard of Rekor v1 is made of. */
export interface RekorV1ShardOptions {
  readonly directory: string;
  /** Name in the checkpoint's signature line; it must be part of the log's public URL. */
  readonly hostname: string;
  readonly treeId: bigint;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits?: Partial<LogLimits>;
}

/**
 * Open a shard whose checkpoints are those of Rekor v1: origin `<hostname> - <treeId>`, one signature line under the name
 * `<hostname>`, key hint from the SPKI (transparency-log.md §1.12; more lines break Go clients).
 */
export async function openRekorV1Shard(options: RekorV1ShardOptions): Promise<RekorV1Shard> {
  const { signer, treeId, hostname, ...rest } = options;
  const shard = await LogShard.open({
    ...rest,
    format: bodyEntryFormat,
    origin: `${hostname} - ${treeId}`,
    signCheckpoint: ({ origin, size, root }) =>
      signCheckpoint({ origin, treeSize: size, root, extensions: [] }, hostname, signer),
  });
  return { shard, treeId, signer };
}

/** The `logID` of a shard: SHA-256 of its key's SPKI. */
export function rekorV1LogId(signer: Signer): Uint8Array {
  return sha256(signer.publicKey.spki);
}

/** A place in one shard. */
export interface Place {
  readonly owner: RekorV1Shard;
  readonly index: number;
}

/** Shards in the order they were opened; the last one accepts writes. */
export class ShardList {
  readonly all: readonly RekorV1Shard[];
  readonly active: RekorV1Shard;

  constructor(shards: readonly RekorV1Shard[]) {
    const active = shards.at(-1);
    if (active === undefined) throw new TypeError("Rekor v1 needs at least one shard");
    if (new Set(shards.map(({ treeId }) => treeId)).size !== shards.length)
      throw new TypeError("Two shards of Rekor v1 have one tree id");
    this.all = shards;
    this.active = active;
  }

  /** The index over all shards: the sizes of all older ones, and the index in this. */
  virtualIndex({ owner, index }: Place): number {
    let before = 0;
    for (const shard of this.all) {
      if (shard === owner) return before + index;
      before += shard.shard.head().size;
    }
    throw new TypeError("The shard is not of this log");
  }

  /** Where a virtual index leads; undefined beyond the last entry. */
  placeOf(virtualIndex: number): Place | undefined {
    let index = virtualIndex;
    for (const owner of this.all) {
      const { size } = owner.shard.head();
      if (index < size) return { owner, index };
      index -= size;
    }
    return undefined;
  }

  /** The shard of this tree id (the active one when none is given). */
  byTreeId(treeId: bigint | undefined): RekorV1Shard {
    const found = treeId === undefined ? this.active : this.all.find((shard) => shard.treeId === treeId);
    if (found !== undefined) return found;
    throw rekorV1Error("REKOR_V1_TREE_UNKNOWN", `Cannot read log: there is no tree ${treeId}`, { found: String(treeId) });
  }

  /** Every place of an entry, the active shard's first; with a tree id only that tree's. */
  async find({ uuid, treeId }: EntryId): Promise<Place[]> {
    const hash = parseHex(uuid);
    const candidates = [this.active, ...this.all.filter((shard) => shard !== this.active)].filter(
      (shard) => treeId === undefined || shard.treeId === treeId,
    );
    const places = await Promise.all(candidates.map(async (owner) => ({ owner, index: await owner.shard.findByLeafHash(hash) })));
    return places.flatMap(({ owner, index }) => (index === undefined ? [] : [{ owner, index }]));
  }
}
