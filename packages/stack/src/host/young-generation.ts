// Keeps the young generation of this process' heap at half of what V8 lets it grow to. V8 begins to mark the whole heap as soon as a full young
// generation might not fit beside the old one any more, and a log keeps little for long: with a heap of 17 MB it was marked and compacted three
// times a second, each time with a pause of 10 ms and more, though nothing was full (docs/performance.md). No flag can be given to the
// process of whoever types `npx sigillum`, and the size is read from one each time that it is about to grow.
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** Both halves: what is new, and where what survives is copied to. */
const boundBytes = 32 * 1024 * 1024;
const lookMs = 250;

/** What is read and set; another one in tests. */
export interface YoungGenerationParts {
  readonly bytes: () => number;
  readonly setGrowthFactor: (factor: number) => void;
}

const ofThisProcess: YoungGenerationParts = {
  bytes: () => getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space")?.space_size ?? 0,
  setGrowthFactor: (factor) => setFlagsFromString(`--semi-space-growth-factor=${factor}`),
};

/**
 * Look from time to time, and let the young generation grow only while it is below its bound; it shrinks when the process has little to do.
 * Call what is returned to let it grow again.
 */
export function boundYoungGeneration(): () => void {
  const look = youngGenerationLook(ofThisProcess);
  const timer = setInterval(look, lookMs).unref();
  return () => {
    clearInterval(timer);
    ofThisProcess.setGrowthFactor(growing);
  };
}

/** V8's own factor. */
const growing = 2;

/** One look: sets the factor when it is to be another. */
export function youngGenerationLook({ bytes, setGrowthFactor }: YoungGenerationParts): () => void {
  let factor = growing;
  return () => {
    const next = bytes() < boundBytes ? growing : 1;
    if (next === factor) return;
    factor = next;
    setGrowthFactor(factor);
  };
}
