// The shards of a Rekor v2 log: each is a log of its own under a host name of its own, and one listener serves them all.
import { noteKey, signCheckpoint } from "@sigillum/library/checkpoint";
import type { Signer } from "@sigillum/library/crypto";
import type { Clock, HttpRequest, Logger, MetricsRegistry } from "../host/index.ts";
import { type BodyEntry, bodyEntryFormat, type LogLimits, LogShard } from "../log-engine/index.ts";
import { rekorV2Error } from "./errors.ts";

/** What a shard of Rekor v2 is made of. */
export interface RekorV2ShardOptions {
  readonly directory: string;
  /** Host name of the shard without scheme; also the name in its checkpoints' signature line. */
  readonly origin: string;
  /** Ed25519 for a log that public witnesses accept. */
  readonly signer: Signer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits?: Partial<LogLimits>;
}

/** Open a shard whose checkpoints are C2SP checkpoints with one signature line. */
export function openRekorV2Shard(options: RekorV2ShardOptions): Promise<LogShard<BodyEntry>> {
  const { signer, ...rest } = options;
  return LogShard.open({
    ...rest,
    format: bodyEntryFormat,
    signCheckpoint: ({ origin, size, root }) => signCheckpoint({ origin, treeSize: size, root, extensions: [] }, origin, signer),
  });
}

/** The 32-byte `logId.keyId` of a shard. */
export function rekorV2KeyId(origin: string, signer: Signer): Uint8Array {
  return noteKey(origin, signer.publicKey).keyId;
}

/** A shard as it is served. */
export interface RekorV2Shard {
  readonly shard: LogShard<BodyEntry>;
  /** `rekorV2KeyId` of the shard. */
  readonly keyId: Uint8Array;
}

/** The shards behind one listener, oldest first. */
export class RekorV2Shards {
  #all: readonly RekorV2Shard[];

  constructor(shards: readonly RekorV2Shard[]) {
    this.#all = shards;
  }

  get all(): readonly RekorV2Shard[] {
    return this.#all;
  }

  /** Serve one more. */
  add(shard: RekorV2Shard): void {
    this.#all = [...this.#all, shard];
  }

  /** The shard whose host name a request asks for; any name will do while there is one alone. */
  of(request: HttpRequest): RekorV2Shard {
    const [first, second] = this.#all;
    if (first === undefined) throw new TypeError("Rekor v2 has no shard");
    if (second === undefined) return first;
    const host = (request.headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
    const found = this.#all.find(({ shard }) => shard.origin === host);
    if (found !== undefined) return found;
    const expected = this.#all.map(({ shard }) => shard.origin).join(", ");
    throw rekorV2Error(
      "REKOR_V2_HOST_UNKNOWN",
      `Cannot serve ${JSON.stringify(host.slice(0, 80))}: the shards here are ${expected}`,
      { found: host.slice(0, 80), expected },
    );
  }
}
