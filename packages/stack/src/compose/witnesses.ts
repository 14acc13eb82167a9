// Who cosigns the checkpoints of each log, as the settings say.
import type { Clock, Logger, MetricsRegistry } from "../host/index.ts";
import type { CheckpointCosigner } from "../log-engine/index.ts";
import type { Settings } from "../settings/index.ts";
import { parseWitnesses, ShardWitnesses } from "../witnesses/index.ts";

/** What witnesses are asked with. */
export interface WitnessParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly host: { readonly metrics: MetricsRegistry };
}

/** Gives each shard of a log a gatherer of cosignatures, where witnesses are named for that log. */
export function witnessesFor({
  settings: { transparencyLog },
  clock,
  host,
}: WitnessParts): (api: "v1" | "v2", logger: Logger) => { readonly cosigner?: CheckpointCosigner } {
  const { witnesses, witnessQuorum, witnessWaitMilliseconds, witnessEveryMilliseconds } = transparencyLog;
  // All of them together: one key under two names is refused wherever it stands.
  const parsed = parseWitnesses(witnesses);
  return (api, logger) => {
    const chosen = parsed.filter((_, at) => witnesses[at]?.logs.includes(api));
    if (chosen.length === 0) return {};
    const cosigner = new ShardWitnesses({
      witnesses: chosen,
      // What log v1 answers has no room for cosignatures: nobody waits for them.
      quorum: api === "v1" ? 0 : witnessQuorum,
      waitMs: witnessWaitMilliseconds,
      everyMs: witnessEveryMilliseconds,
      clock,
      logger,
      metrics: host.metrics,
    });
    return { cosigner };
  };
}
