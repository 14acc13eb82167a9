// The cache of a root under many processes at once, and under kills: no failure, no lower version, nothing that cannot be read.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { generateSigner, PublishedFolder } from "@sigillum/library/testing";
import { loadRoot } from "@sigillum/library/trust-store";
import { encodeSigningConfig, encodeTrustedRoot } from "@sigillum/library/trusted-root";
import { defaultPeriods, planPublication } from "@sigillum/library/tuf-repository";
import { killRepeatedly } from "./kill-harness.ts";

const victim = join(import.meta.dirname, "trust-store-victim.ts");
const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions") || argument.startsWith("-C"));

describe("a cache of trust that many share", { timeout: 240_000 }, () => {
  const folder = new PublishedFolder();
  const signers = {
    root: [generateSigner()],
    targets: [generateSigner()],
    snapshot: [generateSigner()],
    timestamp: [generateSigner()],
  };
  let server: Server;
  let url = "";
  let directory = "";
  let generation = 0;
  let requests = 0;

  /** A new version of everything but the root. */
  async function publish(): Promise<void> {
    generation++;
    const none = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
    const any = { selector: "ANY" } as const;
    const config = { caUrls: [], oidcUrls: [], rekorTlogUrls: [], tsaUrls: [], rekorTlogConfig: any, tsaConfig: any };
    const files = new Map([
      ["trusted_root.json", { bytes: encodeUtf8(encodeTrustedRoot(none)) }],
      ["signing_config.v0.2.json", { bytes: encodeUtf8(encodeSigningConfig(config)) }],
      ["generation", { bytes: encodeUtf8(String(generation)) }],
    ]);
    const thresholds = { root: 1, targets: 1, snapshot: 1, timestamp: 1 };
    folder.write(await planPublication(folder.state, { nowMs: Date.now(), periods: defaultPeriods, files, signers, thresholds }));
  }

  before(async () => {
    await publish();
    directory = await mkdtemp(join(tmpdir(), "sigillum-trust-faults-"));
    server = createServer((request, response) => {
      requests += 1;
      const bytes = folder.files.get(decodeURIComponent((request.url ?? "/").slice(1)));
      response.statusCode = bytes === undefined ? 404 : 200;
      response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    url = `http://127.0.0.1:${address.port}`;
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true, force: true });
  });

  /** A process that loads the root so many times; what went wrong, or nothing. */
  async function runVictim(store: string, loads: number): Promise<string> {
    const words = [...conditions, victim, url, store, String(loads)];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const [exit] = await once(child, "close");
    return exit === 0 ? "" : `exit ${exit}: ${errors}`;
  }

  it("fifty processes on one cold cache: no error, no corruption", async () => {
    const store = join(directory, "fifty");
    const run = (): Promise<string> => runVictim(store, 3);
    requests = 0;
    const started = Array.from({ length: 50 }, run);
    await publish();
    assert.deepEqual(
      (await Promise.all(started)).filter((failure) => failure !== ""),
      [],
    );
    // Each adds the root (the first root, and the six requests of a cold start at most) and loads it three times (two requests each, and what the
    // publication meanwhile has changed, three files, once).
    console.log(`fifty processes, each a cold start and three refreshes: ${requests} requests, ${requests / 50} each`);
    assert.ok(requests <= 50 * (7 + 3 * 2 + 3), `${requests} requests`);
    await loadRoot({ name: "shared", store, nowMs: Date.now() });
    const offline = await loadRoot({ name: "shared", store, nowMs: Date.now(), offline: true });
    assert.equal(offline.rootVersion, 1);
    const left = await readdir(join(store, "shared"), { recursive: true });
    assert.deepEqual(
      left.filter((name) => /\.(?:tmp|lock)$/.test(name)),
      [],
    );
  });

  it("twenty kills in the middle of refreshes: what is left can be read, online and offline", async () => {
    const store = join(directory, "killed");
    const loaded: number[] = [];
    await killRepeatedly({
      seed: 7,
      kills: 20,
      command: () => [victim, url, store, "100000"],
      maxLines: 4,
      maxExtraMs: 20,
      onLine: (line) => loaded.push(JSON.parse(line).refreshedMs),
      afterKill: async () => {
        const offline = await loadRoot({ name: "shared", store, nowMs: Date.now(), offline: true });
        assert.ok(offline.record.refreshedMs >= (loaded.at(-1) ?? 0), "what was reported is stored");
        await publish();
      },
    });
    assert.ok(loaded.length >= 20);
  });
});
