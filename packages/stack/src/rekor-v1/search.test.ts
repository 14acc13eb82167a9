import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSigner } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { generatePrivateKey } from "@sigillum/signers/signers";
import { silentLogger, systemClock } from "../host/index.ts";
import { bodyEntry } from "../log-engine/index.ts";
import { searchAll, searchPage } from "./search.ts";
import { openRekorV1Shard, ShardList } from "./shards.ts";

describe("searchPage and searchAll", () => {
  let directory = "";
  let shards: ShardList;
  /** Two shards of 1,500 entries: every one has "all", every second "even", every third "third". */
  const each = 1500;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-search-"));
    const open = (treeId: bigint) =>
      openRekorV1Shard({
        directory: join(directory, String(treeId)),
        hostname: "localhost",
        treeId,
        signer: createSigner(generatePrivateKey("ecdsa-p256")),
        clock: systemClock,
        logger: silentLogger,
      });
    shards = new ShardList([await open(1n), await open(2n)]);
    const fill = async (): Promise<void> => {
      const { shard } = shards.active;
      const keys = (index: number): string[] => [
        "all",
        ...(index % 2 === 0 ? ["even"] : []),
        ...(index % 3 === 0 ? ["third"] : []),
      ];
      for (let index = 0; index < each; index += 250)
        await Promise.all(
          Array.from({ length: 250 }, (_, at) => shard.add(bodyEntry(encodeUtf8(`entry ${index + at}`), keys(index + at)))),
        );
    };
    await fill();
    await shards.rotate();
    await fill();
  });
  after(async () => {
    for (const { shard } of shards.all) await shard.close();
    await rm(directory, { recursive: true, force: true });
  });

  const expected = (keeps: (index: number) => boolean): string[] => {
    const treeIds = ["0000000000000002", "0000000000000001"];
    const count = Array.from({ length: each }, (_, index) => index).filter(keeps).length;
    return treeIds.flatMap((tree) => Array.from({ length: count }, () => tree));
  };
  const cases: [string, { keys: string[]; operator: "and" | "or" }, (index: number) => boolean][] = [
    ["one key", { keys: ["all"], operator: "or" }, () => true],
    ["any of two", { keys: ["even", "third"], operator: "or" }, (index) => index % 2 === 0 || index % 3 === 0],
    ["both of two", { keys: ["even", "third"], operator: "and" }, (index) => index % 6 === 0],
    ["all of three, the rarest last", { keys: ["all", "even", "third"], operator: "and" }, (index) => index % 6 === 0],
    ["nothing", { keys: ["none", "all"], operator: "and" }, () => false],
  ];
  for (const [name, query, keeps] of cases) {
    test(`${name}: pages of any size, newest first, make up the whole, each entry once`, async () => {
      const all = await searchAll(shards, query);
      // The same bodies stand in both shards, so an id is told apart by its tree.
      assert.deepEqual(
        all.map((id) => id.slice(0, 16)),
        expected(keeps),
      );
      assert.equal(new Set(all).size, all.length);
      for (const limit of [1000, 777, 5000]) {
        const pages: string[] = [];
        let next: number | undefined;
        do {
          const page = await searchPage(shards, query, limit, next);
          assert.ok(page.ids.length <= limit);
          assert.ok(page.next === undefined || page.ids.length === limit);
          pages.push(...page.ids);
          next = page.next;
        } while (next !== undefined);
        assert.deepEqual(pages, all);
      }
    });
  }

  test("nothing asked gives nothing, and a bound below everything too", async () => {
    assert.deepEqual(await searchAll(shards, { keys: [], operator: "or" }), []);
    assert.deepEqual(await searchPage(shards, { keys: ["all"], operator: "or" }, 10, 0), { ids: [], next: undefined });
    assert.equal((await searchPage(shards, { keys: ["all"], operator: "or" }, 3000, undefined)).next, undefined);
    assert.equal((await searchPage(shards, { keys: ["all"], operator: "or" }, 2999, undefined)).next, 1);
  });
});
