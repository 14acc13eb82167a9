import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { BatchWorkers, createLogger, hostError, silentLogger, threadUrl } from "./index.ts";

const host = pathToFileURL(join(import.meta.dirname, "index.ts")).href;

/** A thread that doubles every byte (later where the first is even), refuses inputs that begin with 0 or 100 and breaks on those that begin with 255 or 254. */
const doubling = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { hostError, serveBatches } from ${JSON.stringify(host)};
    serveBatches((input, factor) => {
      if (input[0] === 0) throw hostError("REQUEST_MALFORMED", "Cannot double: it begins with 0", { found: "0" });
      if (input[0] === 255) throw new Error("broken");
      const doubled = input.map((byte) => byte * factor);
      if (input[0] % 2 === 1) return doubled;
      return Promise.resolve().then(() => {
        if (input[0] === 254) throw new Error("broken later");
        if (input[0] === 100) throw hostError("REQUEST_MALFORMED", "Cannot double: it begins with 100", { found: "0" });
        return doubled;
      });
    });`)}`,
);
const inline = (input: Uint8Array): Uint8Array => Uint8Array.of(99, ...input);
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const list = async (output: Promise<Uint8Array>): Promise<number[]> => [...(await output)];

describe("BatchWorkers", () => {
  test("BatchWorkers works inline without threads, and until one is ready", async () => {
    const none = new BatchWorkers({ url: doubling, data: 2, inline, threads: 0, logger: silentLogger });
    assert.deepEqual(await list(none.run(bytes(1))), [99, 1]);
    await none.close();
    const one = new BatchWorkers({ url: doubling, data: 2, inline, threads: 1, logger: silentLogger });
    assert.deepEqual(await list(one.run(bytes(1))), [99, 1]);
    await one.ready();
    assert.deepEqual(await list(one.run(bytes(1))), [2]);
    await one.close();
  });

  test("BatchWorkers gives each input its own output or error, over several batches and threads", async () => {
    const workers = new BatchWorkers({ url: doubling, data: 2, inline, threads: 2, logger: silentLogger });
    await workers.ready();
    const inputs = Array.from({ length: 200 }, (_, at) => bytes(at % 101, at % 7));
    const outputs = await Promise.allSettled(inputs.map((input) => workers.run(input)));
    for (const [at, output] of outputs.entries()) {
      if (at % 101 === 0 || at % 101 === 100)
        assert.ok(output.status === "rejected" && output.reason.code === "REQUEST_MALFORMED" && output.reason.found === "0");
      else assert.ok(output.status === "fulfilled" && output.value[0] === (at % 101) * 2 && output.value[1] === (at % 7) * 2);
    }
    await workers.close();
  });

  test("BatchWorkers refuses inputs when too many wait", async () => {
    const workers = new BatchWorkers({ url: doubling, data: 2, inline, threads: 1, logger: silentLogger });
    await workers.ready();
    const results = await Promise.allSettled(Array.from({ length: 4200 }, () => workers.run(bytes(1))));
    const refused = results.filter((result) => result.status === "rejected");
    assert.ok(refused.length > 0 && refused.length < 200);
    for (const { reason } of refused) assert.equal(reason.code, "WORKERS_OVERLOADED");
    await workers.close();
  });

  test("BatchWorkers goes on inline when a thread breaks, or cannot start, and says so", async () => {
    const noStart = new URL("data:text/javascript,throw new Error('no start')");
    for (const [url, first] of [
      [doubling, 255],
      [doubling, 254],
      [noStart, 255],
    ] as const) {
      const lines: string[] = [];
      const workers = new BatchWorkers({
        url,
        data: 2,
        inline,
        threads: 1,
        logger: createLogger({ level: "error", write: (line) => lines.push(line) }),
      });
      await workers.ready();
      assert.deepEqual(await Promise.all([list(workers.run(bytes(first))), list(workers.run(bytes(1)))]), [
        [99, first],
        [99, 1],
      ]);
      assert.ok(lines.some((line) => line.includes("worker.broken")));
      await workers.close();
    }
  });

  test("threadUrl names the file beside a module with that module's extension", () => {
    assert.equal(threadUrl("prepare-worker", "file:///a/src/b.ts").href, "file:///a/src/prepare-worker.ts");
    assert.equal(threadUrl("prepare-worker", "file:///a/dist/b.js").href, "file:///a/dist/prepare-worker.js");
    assert.equal(hostError("WORKERS_OVERLOADED", "Cannot accept").kind, "unavailable");
  });
});
