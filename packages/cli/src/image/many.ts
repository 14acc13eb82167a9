import { isSigillumError } from "@sigillum/library/encoding";
import type { Terminal } from "../terminal/index.ts";

const parallel = 8;

/**
 * Do something for each of many, a few at a time, over the same connections and tokens, with a line of progress. The results come in
 * the order of the items; the first item that fails ends it, after those before it were told.
 */
export async function eachOf<T, R>(
  items: readonly T[],
  terminal: Terminal,
  label: string,
  work: (item: T) => Promise<R>,
): Promise<{ readonly item: T; readonly result: R }[]> {
  const progress = items.length > 1 ? terminal.progress(label, items.length, "items") : undefined;
  const results: { item: T; result: R }[] = [];
  const failures: { index: number; error: unknown }[] = [];
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length && failures.length === 0; index = next++) {
      const item = items[index];
      if (item === undefined) return;
      try {
        results[index] = { item, result: await work(item) };
      } catch (error) {
        failures.push({ index, error });
      }
      done += 1;
      progress?.at(done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  progress?.end();
  const [first] = failures.sort((a, b) => a.index - b.index);
  if (first !== undefined) {
    if (isSigillumError(first.error) && failures.length > 1)
      terminal.note(`${failures.length} of ${items.length} failed; the first:`);
    throw first.error;
  }
  return results;
}
