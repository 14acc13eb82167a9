// Kills a log's process once before and once after each named step of its write path, on a real disk.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { JsonObject, parseHex, parseJson } from "@sigillum/library/encoding";
import { verifyConsistency } from "@sigillum/library/merkle";
import { openTextShard, textEntry } from "./text-shard.ts";

/** The write path in its order: commit, publish, settle, follow, snapshot. */
const places = [
  "index.read",
  "journal.append",
  "checkpoint.sign",
  "objects.write checkpoint",
  "objects.write tile/entries/",
  "objects.write meta/times/",
  "objects.write meta/keys/",
  "objects.write tile/0/",
  "index.write",
  "journal.begin-segment",
  "objects.write tile/1/",
  "objects.sync",
  "documents.write head.json",
  "journal.remove-before",
  "objects.remove",
];

describe("a log that is killed at a named step of its write path", () => {
  for (const place of places) {
    for (const moment of ["before", "after"]) {
      test(`${moment} ${place}: keeps what it acknowledged, with index and time, and goes on`, async () => {
        const directory = await mkdtemp(join(tmpdir(), "sigillum-steps-"));
        try {
          // Twice: the second process starts on what the first left.
          const acknowledged = new Map<string, { index: number; timeMs: number }>();
          const heads = new Map<number, Uint8Array>();
          for (const round of ["0", "1"])
            await runUntilKilled([join(directory, "log"), place, moment, round], acknowledged, heads);
          assert.ok(acknowledged.size > 0 || place === "index.read" || place === "journal.append" || place === "checkpoint.sign");
          const shard = await openTextShard(join(directory, "log"));
          assert.deepEqual((await shard.fsck()).differences, []);
          for (const [text, { index, timeMs }] of acknowledged) {
            const entry = await shard.entry(index);
            assert.deepEqual([Buffer.from(entry.leaf).toString(), entry.timeMs], [text, timeMs]);
          }
          const { size, root } = shard.head();
          for (const [size1, root1] of heads)
            verifyConsistency({ size1, root1, size2: size, root2: root, proof: await shard.consistencyProof(size1, size) });
          assert.equal(new Set([...acknowledged.values()].map(({ index }) => index)).size, acknowledged.size);
          assert.equal((await shard.add(textEntry("afterwards"))).index, size);
          await shard.close();
        } finally {
          await rm(directory, { recursive: true, force: true });
        }
      });
    }
  }
});

async function runUntilKilled(
  args: readonly string[],
  acknowledged: Map<string, { index: number; timeMs: number }>,
  heads: Map<number, Uint8Array>,
): Promise<void> {
  const flags = process.execArgv.filter((argument) => argument.startsWith("--conditions"));
  const child = spawn(process.execPath, [...flags, join(import.meta.dirname, "write-step-victim.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    // A line that the kill cut short acknowledged nothing.
    if (!line.endsWith("}")) return;
    const fields = JsonObject.from(parseJson(line), "line");
    acknowledged.set(fields.string("text"), { index: fields.safeInteger("index"), timeMs: fields.safeInteger("timeMs") });
    heads.set(fields.safeInteger("size"), parseHex(fields.string("root")));
  });
  // A step that is never met would let the process run for ever.
  const limit = setTimeout(() => child.kill("SIGTERM"), 120_000);
  await Promise.all([once(child, "close"), once(reader, "close")]);
  clearTimeout(limit);
  assert.equal(child.signalCode, "SIGKILL", `the process was to die at ${args.slice(1).join(" ")}: ${errors.slice(-2000)}`);
}
