// The shards of a Rekor v1 log as one: virtual indexes and entry ids.

import { join } from "node:path";
import { signCheckpoint } from "@sigillum/library/checkpoint";
import type { Signer } from "@sigillum/library/crypto";
import { sha256 } from "@sigillum/library/crypto";
import { concatBytes, encodeBase64, encodeHex, parseHex } from "@sigillum/library/encoding";
import type { EntryId } from "@sigillum/library/log-entry";
import type { Clock, Logger, MetricsRegistry } from "../host/index.ts";
import { type BodyEntry, bodyEntryFormat, type CheckpointCosigner, type LogLimits, LogShard } from "../log-engine/index.ts";
import type { ShardStore } from "../storage/index.ts";
import { AttestationStore } from "./attestations.ts";
import { rekorV1Error } from "./errors.ts";

/** One shard with its names and key. */
export interface RekorV1Shard {
  readonly shard: LogShard<BodyEntry>;
  /** 1 to 2^63 - 1. */
  readonly treeId: bigint;
  /** ECDSA P-256: old verifiers of signed entry timestamps accept nothing else. */
  readonly signer: Signer;
  readonly attestations: AttestationStore;
}

/** What a shard of Rekor v1 is made of. */
export interface RekorV1ShardOptions {
  readonly directory: string;
  /** Where the shard is kept in place of files and LevelDB in `directory`; closed with the shard. */
  readonly store?: ShardStore;
  /** Name in the checkpoint's signature line; it must be part of the log's public URL. */
  readonly hostname: string;
  readonly treeId: bigint;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits?: Partial<LogLimits>;
  /** Gathers cosignatures of witnesses; the shard closes it. */
  readonly cosigner?: CheckpointCosigner;
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
  return { shard, treeId, signer, attestations: new AttestationStore(join(options.directory, "attestations")) };
}

const logIds = new WeakMap<Signer, Uint8Array>();

/** The `logID` of a shard: SHA-256 of its key's SPKI. */
export function rekorV1LogId(signer: Signer): Uint8Array {
  const known = logIds.get(signer) ?? sha256(signer.publicKey.spki);
  logIds.set(signer, known);
  return known;
}

/**
 * The verifier key of a shard as text, for witnesses: C2SP signed-note type 0x02, whose id and key are those of the SPKI. The name is the host's
 * alone, as it stands in the signature line; the origin has the tree's id too.
 */
export function rekorV1VerifierKey({ shard, signer }: Pick<RekorV1Shard, "shard" | "signer">): string {
  const name = shard.origin.replace(/ - \d+$/, "");
  const material = concatBytes(Uint8Array.of(0x02), signer.publicKey.spki);
  return `${name}+${encodeHex(rekorV1LogId(signer).subarray(0, 4))}+${encodeBase64(material)}`;
}

/** A place in one shard. */
export interface Place {
  readonly owner: RekorV1Shard;
  readonly index: number;
}

/**
 * Shards in the order they were opened: those that are sealed, the one that accepts writes, and those planned to follow it. Invariant:
 * every shard before the active one has its final size, so that no virtual index ever moves.
 */
export class ShardList {
  #all: readonly RekorV1Shard[];
  #planned: readonly RekorV1Shard[];
  #switching: Promise<void> | undefined;

  constructor(shards: readonly RekorV1Shard[]) {
    // Where a crash interrupted a rotation, the seal of the old shard tells how far it came.
    const open = shards.findIndex(({ shard }) => shard.sealed === undefined);
    this.#all = shards.slice(0, open + 1);
    this.#planned = shards.slice(open + 1);
    if (open < 0) throw new TypeError("Rekor v1 needs at least one shard that is not sealed");
    if (new Set(shards.map(({ treeId }) => treeId)).size !== shards.length)
      throw new TypeError("Two shards of Rekor v1 have one tree id");
  }

  /** The sealed shards and the active one. */
  get all(): readonly RekorV1Shard[] {
    return this.#all;
  }

  /** Shards that are open and wait for their turn. */
  get planned(): readonly RekorV1Shard[] {
    return this.#planned;
  }

  /** The shard that accepts writes. */
  get active(): RekorV1Shard {
    const active = this.#all.at(-1);
    if (active === undefined) throw new TypeError("Rekor v1 has no shard");
    return active;
  }

  /** The shard that takes the next entry; waits for a switch that is under way. */
  async writable(): Promise<RekorV1Shard> {
    await this.#switching;
    return this.active;
  }

  /** Take a shard that follows the active one later. */
  plan(shard: RekorV1Shard): void {
    if ([...this.#all, ...this.#planned].some(({ treeId }) => treeId === shard.treeId))
      throw new TypeError("Two shards of Rekor v1 have one tree id");
    this.#planned = [...this.#planned, shard];
  }

  /**
   * Seal the active shard and let the next planned one take its place. Writes that come meanwhile wait for it, and none fails; when it
   * rejects, the active shard goes on.
   */
  rotate(): Promise<void> {
    const [next, ...rest] = this.#planned;
    if (next === undefined) return Promise.reject(new TypeError("Rekor v1 has no planned shard"));
    this.#switching ??= this.active.shard
      .seal()
      .then(() => {
        this.#all = [...this.#all, next];
        this.#planned = rest;
      })
      .finally(() => {
        this.#switching = undefined;
      });
    return this.#switching;
  }

  /** The index over all shards: the sizes of all older ones, and the index in this. */
  virtualIndex({ owner, index }: Place): number {
    let before = 0;
    for (const shard of this.all) {
      if (shard === owner) return before + index;
      before += spanOf(shard);
    }
    throw new TypeError("The shard is not of this log");
  }

  /** Where a virtual index leads; undefined beyond the last entry. */
  placeOf(virtualIndex: number): Place | undefined {
    let index = virtualIndex;
    for (const owner of this.all) {
      if (index < owner.shard.head().size) return { owner, index };
      const span = spanOf(owner);
      // What a restored log lost is nobody's: its indexes lead nowhere.
      if (index < span) return undefined;
      index -= span;
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

/** How many indexes belong to a shard: its size, or what it had published before it was restored from a backup. */
function spanOf({ shard }: RekorV1Shard): number {
  return shard.sealed?.publishedSize ?? shard.head().size;
}
