// `sigillum serve` is killed twenty times with signatures in flight. What it acknowledged must be there afterwards, at the same index;
// no log may fork; the root of trust must still be one that a client follows, and every bundle must still verify with it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Bundle } from "@sigillum/library/bundle";
import { parseCheckpoint, parseSignedNote } from "@sigillum/library/checkpoint";
import { sha256 } from "@sigillum/library/crypto";
import { embeddedScts, merkleTreeLeaf } from "@sigillum/library/ct";
import { encodeBase64, encodeUtf8, equalBytes, isSigillumError, JsonObject, parseJson } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { developmentToken } from "@sigillum/library/identity-token";
import { leafHash } from "@sigillum/library/merkle";
import { signBlob } from "@sigillum/library/signing";
import { addRoot, type LoadedRoot, loadRoot } from "@sigillum/library/trust-store";
import { verifyBundle } from "@sigillum/library/verification";
import { extensionOids, tbsWithoutExtension } from "@sigillum/library/x509";
import { initialiseDataDirectory, type Settings } from "@sigillum/stack/settings";
import { randomNumbers } from "./kill-harness.ts";
import { LogReader } from "./log-reader.ts";

const kills = 20;
const seed = 20_261_124;
const signersInFlight = 6;
const user = "signer@example.com";
const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const configs = ["signing_config.v0.2.json", "signing_config_rekor_v2.v0.2.json"] as const;

interface Acknowledged {
  readonly artifact: Uint8Array;
  readonly bundle: Bundle;
  readonly log: "v1" | "v2";
}

test("serve, killed twenty times with signatures in flight, loses nothing and forks nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-serve-"));
  const data = join(directory, "data");
  const store = join(directory, "roots");
  const random = randomNumbers(seed);
  const acknowledged: Acknowledged[] = [];
  let audit: Audit | undefined;
  let running: ChildProcess | undefined;
  try {
    const settings = await initialiseDataDirectory(data, {
      ports: "free",
      values: { identityProvider: { developmentUser: { email: user } } },
    });
    for (let round = 0; round <= kills; round++) {
      running = await serve(data, settings);
      if (round === 0) await addRoot({ url: settings.services.tuf.publicUrl, name: "kill", store, nowMs: Date.now() });
      audit ??= new Audit(settings);
      // The store keeps what was trusted in earlier rounds: a root of trust that went back would be refused here.
      const root = await loadRoot({ name: "kill", store, nowMs: Date.now() });
      await audit.check(acknowledged, root);
      if (round === kills) break;
      await signUntilKilled(running, settings, store, random, acknowledged, round);
    }
    assert.ok(acknowledged.length >= kills, `only ${acknowledged.length} signatures in ${kills} rounds`);
    console.log(`${kills} kills, ${acknowledged.length} acknowledged signatures, all there`);
  } finally {
    running?.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
});

/** What an auditor holds against the stack after each restart. */
class Audit {
  readonly #settings: Settings;
  readonly #v2: LogReader;
  readonly #ct: LogReader;
  #v1: LogReader | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#v2 = new LogReader(settings.services["log-v2"].publicUrl);
    this.#ct = new LogReader(settings.services.ct.publicUrl);
  }

  async check(acknowledged: readonly Acknowledged[], root: LoadedRoot): Promise<void> {
    const first = acknowledged.find(({ log }) => log === "v1");
    if (first !== undefined)
      this.#v1 ??= new LogReader(`${this.#settings.services["log-v1"].publicUrl}/tlog/v1/${treeId(first.bundle)}`);
    for (const { bundle, log } of acknowledged) this.#rememberCheckpoint(bundle, log);
    const sizes = {
      v1: (await this.#v1?.requireNoFork())?.treeSize ?? 0,
      v2: (await this.#v2.requireNoFork()).treeSize,
      ct: (await this.#ct.requireNoFork()).treeSize,
    };
    for (const { artifact, bundle, log } of acknowledged) {
      const [entry] = bundle.tlogEntries;
      assert.ok(entry?.proof !== undefined && entry.body !== undefined);
      const found = await this.#reader(log).entry(entry.proof.logIndex, sizes[log]);
      assert.ok(equalBytes(found, entry.body), `${log} entry ${entry.proof.logIndex} is another than was acknowledged`);
      await this.#requireInCtLog(bundle, sizes.ct, root);
      verifyBundle({
        bundle,
        artifact: { bytes: artifact },
        trustedRoot: root.trustedRoot,
        expectations: { identity: { san: user, issuer: this.#settings.services.identity.publicUrl } },
      });
    }
  }

  #reader(log: "v1" | "v2"): LogReader {
    const reader = log === "v1" ? this.#v1 : this.#v2;
    assert.ok(reader !== undefined);
    return reader;
  }

  #rememberCheckpoint(bundle: Bundle, log: "v1" | "v2"): void {
    const note = bundle.tlogEntries[0]?.proof?.checkpoint;
    assert.ok(note !== undefined);
    const { treeSize, root } = parseCheckpoint(parseSignedNote(note).text);
    this.#reader(log).remember(treeSize, root);
  }

  /** The certificate's precertificate is in the CT log: no certificate exists that the log lacks. */
  async #requireInCtLog(bundle: Bundle, treeSize: number, root: LoadedRoot): Promise<void> {
    assert.ok("certificate" in bundle.material);
    const { certificate } = bundle.material;
    const [sct] = embeddedScts(certificate);
    const issuer = root.trustedRoot.certificateAuthorities[0]?.chain[0];
    assert.ok(sct !== undefined && issuer !== undefined);
    const leaf = merkleTreeLeaf({
      timestampMs: sct.timestampMs,
      entry: {
        type: "precert",
        issuerKeyHash: sha256(issuer.spki),
        tbs: tbsWithoutExtension(certificate, extensionOids.sctList),
      },
      extensions: sct.extensions,
    });
    const query = new URLSearchParams({ hash: encodeBase64(leafHash(leaf)), tree_size: String(treeSize) });
    const reply = await request({
      url: `${this.#settings.services.ct.publicUrl}/ct/v1/get-proof-by-hash?${query}`,
      timeoutMs: 10_000,
      maxBytes: 65_536,
    });
    assert.equal(reply.status, 200, "the CT log lacks the precertificate of a certificate that was issued");
    assert.ok(JsonObject.exact(parseJson(reply.body), "proof").safeInteger("leaf_index") < treeSize);
  }
}

function treeId(bundle: Bundle): string {
  const origin = parseCheckpoint(parseSignedNote(bundle.tlogEntries[0]?.proof?.checkpoint ?? "").text).origin;
  return origin.slice(origin.lastIndexOf(" ") + 1);
}

/** Sign from several hands until a number of signatures were given; kill at a random moment after that; gather what was acknowledged. */
async function signUntilKilled(
  server: ChildProcess,
  settings: Settings,
  store: string,
  random: () => number,
  acknowledged: Acknowledged[],
  round: number,
): Promise<void> {
  const killAfter = 1 + Math.floor(random() * 10);
  const extraMs = random() * 25;
  const exited = once(server, "exit");
  let given = 0;
  let killed = false;
  const kill = (): void => {
    killed = server.kill("SIGKILL");
  };
  const trusts = await Promise.all(
    configs.map((signingConfigTarget) => loadRoot({ name: "kill", store, nowMs: Date.now(), signingConfigTarget })),
  );
  const { raw: token } = await developmentToken(settings.services.identity.publicUrl, Date.now());
  const hand = async (number: number): Promise<void> => {
    for (let count = 0; !killed; count++) {
      const artifact = encodeUtf8(`round ${round}, hand ${number}, file ${count}`);
      const which = (number + count) % 2;
      const { trustedRoot, signingConfig } = trusts[which] ?? {};
      assert.ok(trustedRoot !== undefined && signingConfig !== undefined);
      try {
        const bundle = await signBlob({
          token,
          trust: { trustedRoot, signingConfig },
          nowMs: Date.now(),
          artifact: { bytes: artifact },
        });
        acknowledged.push({ artifact, bundle, log: which === 0 ? "v1" : "v2" });
      } catch (error) {
        // A service that died under the request: nothing was acknowledged. Anything else is a failure of the stack.
        if (killed && isSigillumError(error) && error.kind === "unavailable") return;
        throw error;
      }
      given += 1;
      if (given === killAfter) setTimeout(kill, extraMs);
    }
  };
  await Promise.all(Array.from({ length: signersInFlight }, (_, number) => hand(number)));
  await exited;
}

/** Start the stack and wait until it says that it is ready. */
async function serve(data: string, settings: Settings): Promise<ChildProcess> {
  const child = spawn(process.execPath, [sigillum, "serve", "--data", data], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
  });
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}:\n${said}`);
    try {
      const { status } = await request({
        url: `${settings.services.explorer.publicUrl}/readyz`,
        timeoutMs: 2000,
        maxBytes: 65_536,
      });
      if (status === 200) return child;
    } catch (error) {
      if (!isSigillumError(error)) throw error; // not yet listening
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new Error(`serve was not ready in time:\n${said}`);
}
