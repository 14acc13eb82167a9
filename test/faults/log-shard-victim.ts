// The process that is killed: adds entries to a log, many at a time, for ever, and prints what was acknowledged.
import { encodeHex } from "@sigillum/library/encoding";
import { openTextShard, textEntry } from "./text-shard.ts";

const [directory = "", round = ""] = process.argv.slice(2);
const shard = await openTextShard(directory);
let count = 0;

async function addForEver(): Promise<void> {
  for (;;) {
    count += 1;
    const text = `round${round} ${count} ${"x".repeat(count % 90)}`;
    const { index } = await shard.add(textEntry(text));
    const { size, root } = shard.head();
    // Written to a pipe synchronously: once printed, it survives the kill.
    process.stdout.write(`${JSON.stringify({ text, index, size, root: encodeHex(root) })}\n`);
  }
}

await Promise.all(Array.from({ length: 60 }, addForEver));
