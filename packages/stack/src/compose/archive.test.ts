import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { silentLogger } from "../host/index.ts";
import { archiveShard, callStack, startStack } from "./index.ts";

describe("archiveShard", () => {
  it("refuses a shard whose check fails, leaves it where it is, and goes on where a crash stopped it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-archive-"));
    const data = join(directory, "data");
    try {
      const values = { trust: { cacheWindowHours: 0 } };
      const stack = await startStack({ dataDirectory: data, logger: silentLogger, initialise: { ports: "free", values } });
      const [{ id = "" } = {}] = stack.keyring.shards("v1");
      await callStack(data, "log-v1.rotate", null);
      await stack.stop();
      const options = { dataDirectory: data, api: "v1", id, to: join(directory, "cold") } as const;
      const folder = join(data, "logs", `v1-${id}`);
      const keys = join(folder, "meta", "keys");
      const [partial = ""] = await readdir(keys);
      const path = join(keys, partial, ...(await readdir(join(keys, partial))).slice(0, 1));
      const right = await readFile(path);
      await writeFile(path, Uint8Array.from([...right.subarray(0, -1), (right.at(-1) ?? 0) ^ 1]));
      await assert.rejects(archiveShard(options), (error: { code?: string }) =>
        ["STACK_SHARD_DAMAGED", "LOG_STATE_CORRUPT"].includes(error.code ?? ""),
      );
      assert.ok((await readdir(folder)).includes("tile"));
      await writeFile(path, right);
      // A crash between the two steps of a move.
      await rename(join(folder, "tile"), join(folder, "tile.moved"));
      const { place, size } = await archiveShard(options);
      assert.deepEqual([place, size], [join(directory, "cold", `v1-${id}`), 1]);
      assert.deepEqual((await readdir(place)).sort(), ["meta", "tile"]);
      assert.ok(!(await readdir(folder)).some((name) => name.endsWith(".moved")));
      // Moved already: nothing is left to do, and it is checked once more.
      assert.equal((await archiveShard(options)).size, 1);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
