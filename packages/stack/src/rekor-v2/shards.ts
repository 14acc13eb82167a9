// The shards of a Rekor v2 log: each is a log of its own under a host name of its own, and one listener serves them all.
import {
  cosignCheckpoint,
  cosignerKey,
  encodeCheckpoint,
  encodeSignatureLine,
  encodeVerifierKey,
  noteKey,
  signCheckpoint,
} from "@sigillum/library/checkpoint";
import type { Signer } from "@sigillum/library/crypto";
import { equalBytes } from "@sigillum/library/encoding";
import type { Clock, HttpRequest, Logger, MetricsRegistry } from "../host/index.ts";
import { type BodyEntry, bodyEntryFormat, type CheckpointCosigner, type LogLimits, LogShard } from "../log-engine/index.ts";
import type { ShardStore } from "../storage/index.ts";
import { rekorV2Error } from "./errors.ts";

/** What a shard of Rekor v2 is made of. */
export interface RekorV2ShardOptions {
  readonly directory: string;
  /** Where the shard is kept in place of files and LevelDB in `directory`; closed with the shard. */
  readonly store?: ShardStore;
  /** Host name of the shard without scheme; also the name in its checkpoints' signature line. */
  readonly origin: string;
  /** Ed25519 for a log that public witnesses accept. */
  readonly signer: Signer;
  /** Further keys of the log, ML-DSA-44 or Ed25519, that cosign each checkpoint under the same name (C2SP tlog-cosignature). */
  readonly furtherSigners?: readonly Signer[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits?: Partial<LogLimits>;
  /** Gathers cosignatures of witnesses; the shard closes it. */
  readonly cosigner?: CheckpointCosigner;
}

/** Open a shard whose checkpoints are C2SP checkpoints: one signature line, and a cosignature line for each further key of the log. */
export function openRekorV2Shard(options: RekorV2ShardOptions): Promise<LogShard<BodyEntry>> {
  const { signer, furtherSigners = [], ...rest } = options;
  return LogShard.open({
    ...rest,
    format: bodyEntryFormat,
    signCheckpoint: async ({ origin, size, root }) => {
      const checkpoint = { origin, treeSize: size, root, extensions: [] };
      let note = await signCheckpoint(checkpoint, origin, signer);
      const timestampS = Math.floor(rest.clock.nowMs() / 1000);
      for (const further of furtherSigners)
        note += encodeSignatureLine(await cosignCheckpoint(encodeCheckpoint(checkpoint), timestampS, origin, further));
      return note;
    },
  });
}

/** The 32-byte `logId.keyId` of a shard. */
export function rekorV2KeyId(origin: string, signer: Signer): Uint8Array {
  return noteKey(origin, signer.publicKey).keyId;
}

/** The verifier keys of a shard as texts, for witnesses and monitors: its own, where that is Ed25519, and those it cosigns with. */
export function rekorV2VerifierKeys(origin: string, [own, ...further]: readonly Signer[]): string[] {
  return [
    ...(own?.publicKey.type === "ed25519" ? [encodeVerifierKey(noteKey(origin, own.publicKey))] : []),
    ...further.map(({ publicKey }) => encodeVerifierKey(cosignerKey(origin, publicKey))),
  ];
}

/** A shard as it is served. */
export interface RekorV2Shard {
  readonly shard: LogShard<BodyEntry>;
  /** `rekorV2KeyId` of the shard. */
  readonly keyId: Uint8Array;
  /** Where clients reach it; what their requests name as host leads to it. Its origin is the host where nothing is said. */
  readonly publicUrl?: string;
  /** `rekorV2VerifierKeys` of the shard: what witnesses are given. */
  readonly verifierKeys?: readonly string[];
}

/** The shards behind one service, oldest first. */
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

  /** The shard with this key id. */
  byKeyId(keyId: Uint8Array): RekorV2Shard | undefined {
    return this.#all.find((shard) => equalBytes(shard.keyId, keyId));
  }

  /**
   * The shard whose host a request asks for; any will do while there is one alone. A proxy in front may hide the port, and on this
   * machine shards share their names: so what names exactly one shard is enough.
   */
  of(request: HttpRequest): RekorV2Shard {
    return this.ofHost(request.headers.host);
  }

  /** The same for a host as a client names it. */
  ofHost(host: string | undefined): RekorV2Shard {
    const [first, second] = this.#all;
    if (first === undefined) throw new TypeError("Rekor v2 has no shard");
    if (second === undefined) return first;
    const asked = (host ?? "").toLowerCase();
    const [, name = "", port = ""] = /^(.*?)(?::(\d+))?$/.exec(asked) ?? [];
    const hosts = this.#all.map((shard) => ({ shard, host: hostOf(shard) }));
    for (const same of [
      ({ host }: { host: URL }) => host.host === asked || (host.hostname === name && portOf(host) === port),
      ({ host }: { host: URL }) => host.hostname === name,
      ({ host }: { host: URL }) => port !== "" && isLocal(name) && isLocal(host.hostname) && portOf(host) === port,
    ]) {
      const [found, other] = hosts.filter(same);
      if (found !== undefined && other === undefined) return found.shard;
    }
    const expected = hosts.map(({ host }) => host.host).join(", ");
    throw rekorV2Error(
      "REKOR_V2_HOST_UNKNOWN",
      `Cannot serve ${JSON.stringify(asked.slice(0, 80))}: the shards here are ${expected}`,
      { found: asked.slice(0, 80), expected },
    );
  }
}

function hostOf({ shard, publicUrl }: RekorV2Shard): URL {
  return new URL(publicUrl ?? `https://${shard.origin}`);
}

function portOf(url: URL): string {
  return url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
}

function isLocal(name: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/u.test(name);
}
