import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseArguments } from "../arguments/index.ts";
import { createTerminal, type Terminal } from "../terminal/index.ts";
import { walkThroughLogin } from "./demo-browser.ts";
import { Story } from "./demo-story.ts";
import { writeLargeFile, writeTamperedCopy } from "./demo-tamper.ts";
import { operateError, runDemo } from "./index.ts";

function recording(format: "text" | "json"): { terminal: Terminal; text: () => string } {
  let out = "";
  const write = (text: string): unknown => (out += text);
  return { terminal: createTerminal({ stdout: { write }, stderr: { write }, stdinIsTTY: false, format }), text: () => out };
}

describe("runDemo", () => {
  it("carries out every step and removes what it made", async () => {
    const { terminal, text } = recording("json");
    const flags = [{ name: "keep", type: "boolean", summary: "" }] as const;
    const args = parseArguments({ name: "demo", summary: "", positionals: { name: "", min: 0, max: 0 }, flags }, []);
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith("sigillum-demo-"));
    assert.equal(await runDemo(args, terminal), 0);
    const told: { steps: { step: string; lines: string[] }[] } = JSON.parse(text());
    assert.deepEqual(
      told.steps.map(({ step }) => step.split(" ")[0]),
      [
        "Start",
        "Pin",
        "Log",
        "Sign",
        "Verify",
        "Sign",
        "Verify",
        "Build",
        "Sign",
        "Verify",
        "Refuse",
        "Refuse",
        "Refuse",
        "Refuse",
      ],
    );
    assert.deepEqual(
      told.steps.slice(-4).map(({ lines }) => lines.at(-1)),
      [
        "code SUBJECT_ALT_NAME_MISMATCH",
        "code ARTIFACT_DIGEST_MISMATCH",
        "code CHECKPOINT_ROOT_MISMATCH",
        "code ENTRY_DIGEST_MISMATCH",
      ],
    );
    assert.deepEqual(
      (await readdir(tmpdir())).filter((name) => name.startsWith("sigillum-demo-") && !before.includes(name)),
      [],
    );
  });
});

describe("Story", () => {
  it("names the step that failed and the log", async () => {
    const { terminal } = recording("text");
    const story = new Story(terminal, "stack.log");
    await assert.rejects(
      story.step("Sign app", () => Promise.reject(new Error("disk full"))),
      {
        code: "DEMO_STEP_FAILED",
        message: 'Cannot finish the demonstration: the step "Sign app" failed: disk full; the stack\'s log is stack.log',
      },
    );
  });

  it("takes a refusal with the right code, and nothing else, for what must be refused", async () => {
    const { terminal, text } = recording("text");
    const story = new Story(terminal, "stack.log");
    await story.refused("Refuse it", ["DEMO_LOGIN_STUCK"], () => {
      throw operateError("DEMO_LOGIN_STUCK", "Cannot go on: no");
    });
    assert.equal(text(), " 1. Refuse it\n    refused: Cannot go on: no\n    code DEMO_LOGIN_STUCK\n");
    const codeOfCause = (error: Error): unknown => Reflect.get(Object(error.cause), "code");
    await assert.rejects(
      story.refused("Refuse it", ["OTHER"], () => undefined),
      (error: Error) => codeOfCause(error) === "DEMO_NOT_REFUSED",
    );
    await assert.rejects(
      story.refused("Refuse it", ["OTHER"], () => {
        throw operateError("DEMO_LOGIN_STUCK", "Cannot go on: no");
      }),
      (error: Error) => codeOfCause(error) === "DEMO_LOGIN_STUCK",
    );
  });
});

describe("walkThroughLogin", () => {
  async function withPages(pages: Record<string, string>, use: (url: string) => Promise<void>): Promise<void> {
    const server = createServer((request, reply) => {
      const page = pages[request.url ?? ""] ?? "";
      if (page.startsWith("/")) reply.writeHead(302, { location: page }).end();
      else reply.end(page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it("gives up at a page without a form and at endless redirects", async () => {
    await withPages({ "/start": "<p>closed</p>", "/loop": "/loop" }, async (url) => {
      await assert.rejects(walkThroughLogin(`${url}/start`), { code: "DEMO_LOGIN_STUCK" });
      await assert.rejects(walkThroughLogin(`${url}/loop`), { code: "DEMO_LOGIN_STUCK" });
    });
  });
});

describe("writeLargeFile and writeTamperedCopy", () => {
  it("make a file of the wished length, and a copy with one bit changed", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-operate-"));
    try {
      await writeLargeFile(join(directory, "large"), 1_500_000);
      assert.equal((await stat(join(directory, "large"))).size, 1_500_000);
      await writeFile(join(directory, "small"), "abc");
      await writeTamperedCopy(join(directory, "small"), join(directory, "changed"));
      assert.equal(await readFile(join(directory, "changed"), "utf8"), "acc");
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
