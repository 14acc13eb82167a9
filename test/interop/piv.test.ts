// A PIV token in memory, judged by programs of others: Debian's PC/SC daemon carries the commands, Yubico's own tool manages the card, and what either
// side did the other finds. No hardware was at hand.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePem } from "@sigillum/library/encoding";
import { MemoryPcscd, MemoryPivCard } from "@sigillum/library/testing";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { compileCache } from "./instance.ts";
import { missingReader, readerName, startReader, type VirtualReader } from "./virtual-reader.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const skip = missingReader();
const tool = findPeer("yubico-piv-tool");
const noTool = tool.path === undefined ? (tool.missing ?? "yubico-piv-tool is not here") : false;

describe("a PIV token in a real PC/SC daemon", { skip, timeout: 300_000 }, () => {
  let directory = "";
  let card: MemoryPivCard;
  let reader: VirtualReader;
  const at = (name: string): string => join(directory, name);
  const environment = (): Record<string, string> => ({
    ...reader.environment,
    ...{ HOME: directory, PATH: process.env["PATH"] ?? "", SIGILLUM_PIV_PIN: "123456" },
    ...compileCache(),
  });
  const ours = (...words: string[]): Promise<Outcome> =>
    runProgram(process.execPath, [sigillum, ...words], { cwd: directory, env: environment() });
  const theirs = (...words: string[]): Promise<Outcome> =>
    runProgram(tool.path ?? "", ["-r", readerName, ...words], { cwd: directory, env: environment() });
  const succeed = async (outcome: Promise<Outcome>): Promise<Outcome> => {
    const found = await outcome;
    assert.equal(found.exit, 0, `${found.stdout}${found.stderr}`);
    return found;
  };

  before(async () => {
    if (skip !== false) return;
    directory = await mkdtemp(join(tmpdir(), "sigillum-piv-"));
    card = await MemoryPivCard.create({ serial: 12_345_678 });
    reader = await startReader(directory, card);
    await writeFile(at("file"), "a file\n");
    await writeFile(at("maker.pem"), encodePem("CERTIFICATE", card.maker.root.der));
  });
  after(async () => {
    await reader?.stop();
    if (directory !== "") await rm(directory, { recursive: true, force: true });
  });

  it("generate-key, attestation and --sk work through the daemon, and openssl agrees", async () => {
    const words = ["--pin-policy", "once", "--touch-policy", "never", "--maker", "maker.pem"];
    const made = await succeed(ours("piv-tool", "generate-key", "-f", ...words));
    await writeFile(at("sk.pub"), made.stdout.slice(0, made.stdout.indexOf("-----END PUBLIC KEY-----") + 25));
    await succeed(ours("sign-blob", "--sk", "--tlog-upload=false", "--output-signature", "sig", "--b64=false", "file"));
    const openssl = spawnSync("openssl", ["dgst", "-sha256", "-verify", "sk.pub", "-signature", "sig", "file"], {
      cwd: directory,
    });
    assert.equal(openssl.status, 0, String(openssl.stderr));
    const { SIGILLUM_PIV_READER: _, ...unnamed } = environment();
    const several = await runProgram(process.execPath, [sigillum, "piv-tool", "attestation"], { cwd: directory, env: unnamed });
    assert.match(several.stderr, /found 2 cards[\s\S]*SIGNER_CARD_MISSING/);
  });

  it("Yubico's tool reads what we made, makes what we read, and each keeps to the other's PINs", { skip: noTool }, async () => {
    assert.match((await succeed(theirs("-a", "status"))).stdout, /Serial Number:\s*12345678/);
    const attested = (await succeed(theirs("-a", "attest", "-s", "9c"))).stdout;
    const ourOutput = (await succeed(ours("piv-tool", "attestation", "--maker", "maker.pem"))).stdout;
    const second = ourOutput.slice(ourOutput.indexOf("-----BEGIN CERTIFICATE-----", 40));
    assert.equal(attested.trim(), second.slice(0, second.indexOf("-----END CERTIFICATE-----") + 25));

    const made = (await succeed(theirs("-a", "generate", "-s", "9a", "-A", "ECCP256", "--pin-policy=once"))).stdout;
    assert.equal((await succeed(ours("public-key", "--sk", "--slot", "authentication"))).stdout.trim(), made.trim());
    await succeed(ours("sign-blob", "--sk", "--slot", "9a", "--tlog-upload=false", "--bundle", "bundle", "file"));

    await succeed(ours("piv-tool", "set-pin", "-f", "--new-pin", "654321"));
    assert.notEqual((await theirs("-a", "verify-pin", "-P", "123456")).exit, 0);
    await succeed(theirs("-a", "verify-pin", "-P", "654321"));
    await succeed(theirs("-a", "change-puk", "-P", "12345678", "-N", "87654321"));
    assert.notEqual((await ours("piv-tool", "unblock", "-f")).exit, 0);
    await succeed(ours("piv-tool", "unblock", "-f", "--puk", "87654321", "--new-PIN", "111111"));
    await succeed(theirs("-a", "verify-pin", "-P", "111111"));

    const key = "0a1b2c3d4e5f60718293a4b5c6d7e8f9a0b1c2d3e4f50617";
    await succeed(ours("piv-tool", "set-management-key", "-f", "--new-key", key));
    assert.notEqual((await theirs("-a", "generate", "-s", "9e", "-A", "ECCP256")).exit, 0);
    await succeed(theirs(`--key=${key}`, "-a", "generate", "-s", "9e", "-A", "ECCP256"));
    await succeed(theirs(`--key=${key}`, "-a", "set-mgm-key", "-n", "010203040506070801020304050607080102030405060708"));
    await succeed(ours("piv-tool", "generate-key", "-f", "--slot", "card-authentication", "--touch-policy", "never"));

    await succeed(ours("piv-tool", "reset", "-f"));
    assert.notEqual((await theirs("-a", "attest", "-s", "9c")).exit, 0);
    await succeed(theirs("-a", "verify-pin", "-P", "123456"));
  });

  it("the daemon in memory, which unit tests use, serves Debian's client library too", { skip: noTool }, async () => {
    const daemon = await MemoryPcscd.start(at("memory.comm"), { transmit: (command) => card.transmit(command) });
    try {
      const outcome = await runProgram(tool.path ?? "", ["-r", "Memory", "-a", "status"], {
        cwd: directory,
        env: { ...environment(), PCSCLITE_CSOCK_NAME: daemon.path },
      });
      assert.match((await succeed(Promise.resolve(outcome))).stdout, /Serial Number:\s*12345678/);
    } finally {
      await daemon.stop();
    }
    assert.match(await readFile(at("sk.pub"), "utf8"), /BEGIN PUBLIC KEY/);
  });
});
