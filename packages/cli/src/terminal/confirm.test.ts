import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { confirm, createTerminal, readPassword, type Terminal } from "./index.ts";

function typing(text: string, stdinIsTTY = true): { terminal: Terminal; shown: () => string } {
  let shown = "";
  const stdin = new PassThrough();
  stdin.end(text);
  const terminal = createTerminal({
    stdout: { write: () => true },
    stderr: { write: (part) => (shown += part), isTTY: true },
    stdin: () => stdin,
    stdinIsTTY,
    format: "text",
  });
  return { terminal, shown: () => shown };
}

describe("confirm", () => {
  it("goes on for y alone, and for nobody when nobody answers", async () => {
    await confirm(typing("y\n").terminal, "Sure?", false);
    await confirm(typing("").terminal, "Sure?", true);
    for (const answer of ["\n", "n\n", "", "maybe\n"]) {
      const { terminal, shown } = typing(answer);
      await assert.rejects(confirm(terminal, "Sure?", false), { code: "PROMPT_DECLINED", message: /user declined the prompt/ });
      assert.equal(shown(), "Sure? [y/N] ");
    }
  });
});

describe("readPassword", () => {
  it("takes the variable, else asks on a terminal, else reads stdin", async () => {
    assert.equal(await readPassword(typing("x\n").terminal, { COSIGN_PASSWORD: "" }), "");
    const { terminal, shown } = typing("secret\n");
    assert.equal(await readPassword(terminal, {}), "secret");
    assert.ok(!shown().includes("secret"));
    assert.equal(await readPassword(typing("piped\n", false).terminal, {}), "piped");
    assert.equal(await readPassword(typing("same\nsame\n").terminal, {}, true), "same");
    await assert.rejects(readPassword(typing("one\ntwo\n").terminal, {}, true), { code: "PASSWORD_MISMATCH" });
  });
});
