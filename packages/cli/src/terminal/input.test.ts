import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { it } from "node:test";

it("readLine lets the process end while the other end of its pipe stays open", { timeout: 60_000 }, async () => {
  const program = `import { readLine } from ${JSON.stringify(join(import.meta.dirname, "input.ts"))};
    const ask = () => readLine(process.stdin, false, () => undefined);
    console.log(await ask());
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(await ask());`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["pipe", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
    // The second answer comes when the first was read; the pipe is never closed.
    if (printed === "one\n") child.stdin.write("two\n");
  });
  child.stdin.write("one\n");
  const code = await new Promise((resolve) => child.once("close", resolve));
  child.stdin.destroy();
  assert.equal(code, 0);
  assert.equal(printed, "one\ntwo\n");
});
