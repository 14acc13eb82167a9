// Which first words lead to which commands: the table names them before it builds them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { findCommand, loadCommandGroups } from "./index.ts";

describe("findCommand", () => {
  it("finds every command by its name, and nothing by another", async () => {
    const groups = await loadCommandGroups();
    const names = groups.flatMap(({ commands }) => commands.map(({ name }) => name));
    assert.ok(names.length > 90 && new Set(names).size === names.length, `${names.length}`);
    for (const name of names) {
      const found = await findCommand([...name.split(" "), "--help"]);
      assert.equal(found?.command.name, name);
      assert.deepEqual(found?.rest, ["--help"]);
    }
    for (const words of [[], ["policy"], ["nothing"], ["policy", "nothing"], ["--help"], ["constructor"]])
      assert.equal(await findCommand(words), undefined, words.join(" "));
  });

  it("agrees with the launcher on what is a group", async () => {
    const groups = await loadCommandGroups();
    const names = groups.flatMap(({ commands }) => commands.map(({ name }) => name.split(" ")));
    const expected = new Set(names.flatMap(([first = "", second]) => (second === undefined ? [] : [first])));
    const launcher = readFileSync(new URL("../../bin/sigillum.cjs", import.meta.url), "utf8");
    const [, list = ""] = /^const groups = \[([^;]*)\];$/m.exec(launcher) ?? [];
    assert.deepEqual([...list.matchAll(/"([^"]+)"/g)].map(([, word]) => word).sort(), [...expected].sort());
  });
});
