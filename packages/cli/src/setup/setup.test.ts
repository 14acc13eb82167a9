import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseSigningConfig, parseTrustedRoot } from "@sigillum/library/trusted-root";
import { main } from "../main.ts";
import { type Outcome, recorded } from "../terminal/index.ts";

const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, words);

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-setup-"));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

describe("trusted-root create and signing-config create", () => {
  it("write documents that are read back", async () => {
    await withDirectory(async (directory) => {
      const key = join(directory, "log.pem");
      await writeFile(key, generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }));
      const log = `url=https://log.example,public-key=${key},start-time=2026-01-01T00:00:00Z`;
      const root = await run("trusted-root", "create", "--rekor", log, "--rekor", `${log},origin=log.example`, "--ctfe", log);
      assert.equal(root.code, 0, root.stderr);
      const { tlogs, ctlogs } = parseTrustedRoot(root.stdout);
      assert.deepEqual([tlogs.length, ctlogs.length, tlogs[0]?.logId.length, tlogs[1]?.logId.length], [2, 1, 32, 32]);
      assert.notDeepEqual(tlogs[0]?.logId, tlogs[1]?.logId);
      const out = join(directory, "config.json");
      const service = "api-version=1,start-time=2026-01-01T00:00:00Z,operator=o";
      const made = await run(
        "signing-config",
        "create",
        "--fulcio",
        `url=https://ca.example,${service}`,
        "--rekor",
        `url=https://log.example,${service}`,
        "--rekor-config",
        "EXACT:1",
        "--out",
        out,
      );
      assert.equal(made.code, 0, made.stderr);
      const config = parseSigningConfig(await readFile(out));
      assert.deepEqual([config.caUrls[0]?.url, config.rekorTlogConfig], ["https://ca.example", { selector: "EXACT", count: 1 }]);
      const fewer = await run("signing-config", "create", "--base-config", out, "--no-default-rekor");
      assert.deepEqual(parseSigningConfig(fewer.stdout).rekorTlogUrls, []);
    });
  });

  it("say what a description lacks", async () => {
    for (const words of [
      ["trusted-root", "create", "--rekor", "url=https://x"],
      ["trusted-root", "create", "--rekor", "url=https://x,nonsense=1"],
      ["signing-config", "create", "--rekor", "url=u,api-version=one,start-time=2026-01-01T00:00:00Z,operator=o"],
      ["signing-config", "create", "--rekor", "url=u,api-version=1,start-time=soon,operator=o"],
      ["signing-config", "create", "--rekor", "url=u,api-version=1,start-time=2026-01-01T00:00:00Z,operator=o"],
      ["signing-config", "create", "--tsa-config", "SOME"],
    ]) {
      const { code, stderr } = await run(...words);
      assert.equal(code, 1);
      assert.ok(stderr.includes("SERVICE_DESCRIPTION_INVALID"), words.join(" "));
    }
  });
});

describe("initialize, env and version", () => {
  it("checks the root that is given before anything is fetched", async () => {
    await withDirectory(async (directory) => {
      const root = join(directory, "root.json");
      await writeFile(root, "{}");
      const wrong = await run(
        "initialize",
        "--mirror",
        "http://127.0.0.1:1",
        "--root",
        root,
        "--root-checksum",
        `sha512:${"0".repeat(128)}`,
      );
      assert.deepEqual([wrong.code, wrong.stderr.includes("ROOT_CHECKSUM_MISMATCH")], [12, true]);
      const sha512 = createHash("sha512").update("{}").digest("hex");
      const right = await run(
        "initialize",
        "--mirror",
        "http://127.0.0.1:1",
        "--root",
        root,
        "--root-checksum",
        `sha512:${sha512}`,
      );
      assert.deepEqual([right.code, /HTTP_UNREACHABLE/.test(right.stderr)], [14, true]);
      assert.match((await run("initialize", "--mirror", "nowhere")).stderr, /FLAG_REQUIRED/);
    });
  });

  it("keeps secrets to itself", async () => {
    process.env["SIGSTORE_ID_TOKEN"] = "a-secret";
    try {
      assert.match((await run("env")).stdout, /SIGSTORE_ID_TOKEN=\*{6}\n/);
      assert.match(
        (await run("env", "--show-sensitive-values", "--show-descriptions=false")).stdout,
        /^SIGSTORE_ID_TOKEN=a-secret$/m,
      );
    } finally {
      delete process.env["SIGSTORE_ID_TOKEN"];
    }
  });

  it("has cosign's fields in version --json", async () => {
    const { gitVersion }: { gitVersion: string } = JSON.parse((await run("version", "--json")).stdout);
    assert.match(gitVersion, /^v3\./);
  });
});

describe("main with --timeout, --output-file and --verbose", () => {
  it("gives up in time, says so, and ends what goes on", async () => {
    const server = createServer(() => undefined); // never answers
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/key`;
    try {
      let stderr = "";
      const ended = new Promise<number>((resolve) => {
        const streams = {
          stdout: { write: () => true },
          stderr: { write: (text: string) => (stderr += text) },
          stdinIsTTY: false,
        };
        void main(["public-key", "--key", url, "--timeout", "50ms", "--verbose"], { ...streams, exit: resolve });
      });
      assert.equal(await ended, 14);
      assert.ok(stderr.includes("COMMAND_TIMEOUT"), stderr);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("writes to a file instead of stdout", async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, "version.txt");
      const { stdout, code } = await run("version", "--output-file", path);
      assert.deepEqual([code, stdout], [0, ""]);
      assert.match(await readFile(path, "utf8"), /^sigillum /);
      assert.equal((await run("version", "--output-file", join(directory, "no", "where"))).code, 1);
    });
  });
});
