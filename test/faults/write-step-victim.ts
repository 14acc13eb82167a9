// The process that kills itself at a named step of the write path: it adds entries to a log and prints what was acknowledged, until it is there.
import { openPosixShardStore, watchShardStore } from "@sigillum/stack/storage";
import { openTextShard, textEntry } from "./text-shard.ts";

const [directory = "", place = "", moment = "", round = ""] = process.argv.slice(2);
// Each step is met some times before: at the first the log is still empty.
let left = 3;
const die = (at: string, when: string): void => {
  if (`${at}`.startsWith(place) && when === moment) left -= 1;
  // The signal is delivered before kill(2) returns.
  if (left === 0) process.kill(process.pid, "SIGKILL");
};
const store = watchShardStore(await openPosixShardStore({ directory }), (step, when, detail) => die(`${step} ${detail}`, when));
const shard = await openTextShard(directory, { maxWriteAheadBytes: 8 * 1024 }, store, (when) => die("checkpoint.sign", when));

async function addForEver(hand: number): Promise<void> {
  for (let count = 0; ; count += 1) {
    const text = `round${round} ${hand} ${count}`;
    const { index, timeMs } = await shard.add(textEntry(text));
    // Written to a pipe synchronously: once printed, it survives the kill.
    process.stdout.write(
      `${JSON.stringify({ text, index, timeMs, size: shard.head().size, root: Buffer.from(shard.head().root).toString("hex") })}\n`,
    );
  }
}

await Promise.all(Array.from({ length: 40 }, (_, hand) => addForEver(hand)));
