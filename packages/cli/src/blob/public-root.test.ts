import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type CommandSpec, parseArguments } from "../arguments/index.ts";
import { createTerminal } from "../terminal/index.ts";
import { loadVerifyingTrust } from "./index.ts";
import { describePublicRoot, publicRootSource, readPublicRoot } from "./public-root.ts";

const spec: CommandSpec = {
  name: "act",
  summary: "act",
  positionals: { name: "", min: 0, max: 0 },
  flags: [
    { name: "trust", type: "string", summary: "" },
    { name: "trusted-root", type: "string", summary: "" },
    { name: "offline", type: "boolean", summary: "" },
  ],
};

async function load(...words: string[]): Promise<{ readonly logs: readonly string[]; readonly notes: string }> {
  const home = mkdtempSync(join(tmpdir(), "sigillum-public-"));
  const before = process.env["SIGILLUM_HOME"];
  process.env["SIGILLUM_HOME"] = home;
  let notes = "";
  try {
    const terminal = createTerminal({
      stdout: { write: () => true },
      stderr: { write: (text) => (notes += text) },
      stdinIsTTY: false,
      format: "text",
    });
    const { tlogs } = await loadVerifyingTrust(parseArguments(spec, words), terminal);
    return { logs: tlogs.map(({ baseUrl }) => baseUrl), notes };
  } finally {
    if (before === undefined) delete process.env["SIGILLUM_HOME"];
    else process.env["SIGILLUM_HOME"] = before;
    rmSync(home, { recursive: true });
  }
}

describe("the built-in root of trust", () => {
  it("is the public Sigstore's, from the version of the package that the checkout pins", () => {
    const manifest: { devDependencies: Record<string, string> } = JSON.parse(
      readFileSync(join(import.meta.dirname, "../../../../package.json"), "utf8"),
    );
    assert.equal(manifest.devDependencies[publicRootSource.package], publicRootSource.version);
    const root = readPublicRoot();
    assert.ok(root.tlogs.some(({ baseUrl }) => baseUrl === "https://rekor.sigstore.dev"));
    assert.ok(root.certificateAuthorities.length > 0 && root.ctlogs.length > 0 && root.timestampAuthorities.length > 0);
  });

  it("says how old it is", () => {
    const day = 86_400_000;
    assert.equal(
      describePublicRoot(publicRootSource.publishedMs + 24.5 * day),
      "the public Sigstore's, built in: of 2026-11-05, 24 days old",
    );
    assert.match(describePublicRoot(0), /, 0 days old$/);
  });

  it("is taken by its name, and where nobody has added a root, and says so", async () => {
    for (const words of [[], ["--offline"], ["--trust", "public"]]) {
      const { logs, notes } = await load(...words);
      assert.ok(logs.includes("https://rekor.sigstore.dev"));
      assert.match(notes, /^Root of trust: the public Sigstore's, built in: of 2026-11-05, \d+ days old\n$/);
    }
    await assert.rejects(load("--trust", "work"), { code: "TRUST_NOT_FOUND" });
  });
});
