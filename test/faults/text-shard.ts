// A small log for fault tests: entries are lines of text, signed by nobody.
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger, systemClock } from "@sigillum/stack/host";
import { type BodyEntry, bodyEntry, bodyEntryFormat, type LogLimits, LogShard } from "@sigillum/stack/log-engine";
import type { ShardStore } from "@sigillum/stack/storage";

/** Open the log in `directory`, with limits so small that every kind of write happens often. */
export function openTextShard(
  directory: string,
  more: Partial<LogLimits> = {},
  store?: ShardStore,
  onSign: (moment: "before" | "after") => void = () => undefined,
): Promise<LogShard<BodyEntry>> {
  return LogShard.open({
    directory,
    format: bodyEntryFormat,
    origin: "faults.example",
    clock: systemClock,
    logger: silentLogger,
    limits: { maxBatchEntries: 40, maxWriteAheadBytes: 24 * 1024, ...more },
    ...(store === undefined ? {} : { store }),
    signCheckpoint: async ({ origin, size, root }) => {
      onSign("before");
      const note = `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`;
      onSign("after");
      return note;
    },
  });
}

/** A line of text as an entry. */
export function textEntry(text: string): BodyEntry {
  return bodyEntry(encodeUtf8(text), [text.split(" ", 1)[0] ?? ""]);
}
