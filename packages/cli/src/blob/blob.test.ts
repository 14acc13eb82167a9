import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { cosignerKey, encodeVerifierKey, noteKey } from "@sigillum/library/checkpoint";
import { parsePublicKey } from "@sigillum/library/crypto";
import type { SigningConfig } from "@sigillum/library/trusted-root";
import { type Arguments, type CommandSpec, parseArguments } from "../arguments/index.ts";
import { createTerminal, type Terminal } from "../terminal/index.ts";
import { demandsOf, hashFile, issuerOf, readSmallFile, signIn, writeWhole } from "./index.ts";

const spec: CommandSpec = {
  name: "act",
  summary: "act",
  positionals: { name: "", min: 0, max: 0 },
  flags: [
    { name: "identity-token", type: "string", summary: "" },
    { name: "development", type: "boolean", summary: "" },
    { name: "oidc-disable-ambient-providers", type: "boolean", summary: "" },
    { name: "oidc-client-id", type: "string", summary: "" },
    { name: "key", type: "string", summary: "" },
    { name: "signature-digest-algorithm", type: "string", summary: "" },
    { name: "allow-certificate-chain", type: "boolean", summary: "" },
    { name: "certificate-identity-regexp", type: "string", summary: "" },
    { name: "certificate-oidc-issuer-regexp", type: "string", summary: "" },
    { name: "certificate-github-workflow-repository", type: "string", summary: "" },
    { name: "insecure-ignore-tlog", type: "boolean", summary: "" },
    { name: "insecure-ignore-sct", type: "boolean", summary: "" },
    { name: "use-signed-timestamps", type: "boolean", summary: "" },
    { name: "certificate-identity", type: "string", summary: "" },
    { name: "witness", type: "array", summary: "" },
    { name: "witness-quorum", type: "string", summary: "" },
    { name: "certificate-oidc-issuer", type: "string", summary: "" },
  ],
};
const given = (...words: string[]): Arguments => parseArguments(spec, words);
const quiet: Terminal = createTerminal({
  stdout: { write: () => true },
  stderr: { write: () => true },
  stdinIsTTY: false,
  format: "text",
});
const always = { startMs: 0 };
const service = (url: string, majorApiVersion: number): SigningConfig["caUrls"][number] => ({
  url,
  majorApiVersion,
  validFor: always,
  operator: "o",
});
const config = (oidc: string | undefined): SigningConfig => ({
  caUrls: [service("http://ca", 1)],
  oidcUrls: oidc === undefined ? [] : [service(oidc, 1)],
  rekorTlogUrls: [service("http://log", 1)],
  rekorTlogConfig: { selector: "ANY" },
  tsaUrls: [],
});

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-blob-"));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

describe("hashFile", () => {
  it("hashes a file of several chunks, and says which file cannot be read", async () => {
    await withDirectory(async (directory) => {
      const content = Buffer.alloc(3_000_001, "sigillum");
      await writeFile(join(directory, "file"), content);
      assert.deepEqual(
        new Uint8Array(await hashFile(join(directory, "file"), "sha256", quiet)),
        new Uint8Array(createHash("sha256").update(content).digest()),
      );
      await assert.rejects(hashFile(join(directory, "none"), "sha256", quiet), {
        code: "FILE_UNREADABLE",
        message: `Cannot read ${join(directory, "none")}: there is no such file`,
      });
      await assert.rejects(hashFile(directory, "sha256", quiet), { code: "FILE_UNREADABLE", found: "a directory" });
      await assert.rejects(readSmallFile(join(directory, "file"), "bundle", 1_000), {
        code: "FILE_UNREADABLE",
        expected: "at most 1000",
      });
    });
  });
});

describe("writeWhole", () => {
  it("replaces a file, and leaves nothing behind when it cannot", async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, "out");
      await writeWhole(path, "one");
      await writeWhole(path, "two");
      assert.equal(await readFile(path, "utf8"), "two");
      await assert.rejects(writeWhole(join(path, "below"), "x"), { code: "FILE_UNWRITABLE" });
      await assert.rejects(writeWhole(join(directory, "none", "out"), "x"), {
        code: "FILE_UNWRITABLE",
        message: /there is no such file/,
      });
    });
  });
});

describe("signIn", () => {
  it("needs a token, surroundings that offer one, or somebody to ask", async () => {
    await assert.rejects(signIn(given("--oidc-disable-ambient-providers"), config("http://localhost:1"), quiet), {
      code: "SIGN_IN_IMPOSSIBLE",
      kind: "state",
    });
    await assert.rejects(signIn(given("--development", "--identity-token", "x"), config("http://localhost:1"), quiet), {
      code: "FLAGS_CONFLICT",
    });
  });

  it("says so when the signing config names no provider", async () => {
    assert.equal(issuerOf(config("http://localhost:5556"), 1), "http://localhost:5556");
    assert.throws(() => issuerOf(config(undefined), 1), { code: "OIDC_ISSUER_MISSING" });
    await assert.rejects(signIn(given("--development"), config(undefined), quiet), { code: "OIDC_ISSUER_MISSING" });
  });

  it("says so when the provider has no development user", async () => {
    let issuer = "";
    const server = createServer((_, reply) => {
      reply.end(
        JSON.stringify({ issuer, authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/t`, jwks_uri: `${issuer}/k` }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await assert.rejects(signIn(given("--development"), config(issuer), quiet), { code: "OIDC_NO_DEVELOPMENT_USER" });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("demandsOf", () => {
  it("demands an identity with its issuer, or a key, and not both", async () => {
    const { expectations } = await demandsOf(given("--certificate-identity", "a", "--certificate-oidc-issuer", "b"), quiet);
    assert.deepEqual(expectations, { identity: { san: "a", issuer: "b" }, thresholds: {} });
    await assert.rejects(demandsOf(given("--certificate-identity", "a"), quiet), { code: "FLAG_REQUIRED" });
    await assert.rejects(demandsOf(given("--certificate-identity", "", "--certificate-oidc-issuer", "b"), quiet), {
      code: "FLAG_REQUIRED",
    });
    await assert.rejects(demandsOf(given("--key", "k", "--certificate-identity", "a"), quiet), { code: "FLAGS_CONFLICT" });
  });

  it("reads regular expressions as RE2 does, not anchored, in time that grows with the text alone", async () => {
    const words = ["--certificate-identity-regexp", "(a+)+$", "--certificate-oidc-issuer-regexp", "^https://x\\.y$"];
    const { expectations } = await demandsOf(given(...words), quiet);
    assert.ok("identity" in expectations);
    const { san, issuer } = expectations.identity;
    assert.ok(typeof san !== "string" && typeof issuer !== "string");
    assert.equal(san.matches("xxaaa"), true);
    const started = performance.now();
    assert.equal(san.matches(`${"a".repeat(50_000)}!`), false);
    assert.ok(performance.now() - started < 2_000, "JavaScript's own engine would not end");
    assert.deepEqual([issuer.matches("https://x.y"), issuer.matches("https://x.yz")], [true, false]);
    const broken = given("--certificate-identity-regexp", "(?=a)", "--certificate-oidc-issuer", "b");
    await assert.rejects(demandsOf(broken, quiet), { code: "FLAG_VALUE_INVALID" });
  });

  it("demands GitHub's claims of the certificate", async () => {
    const words = [
      "--certificate-identity",
      "a",
      "--certificate-oidc-issuer",
      "b",
      "--certificate-github-workflow-repository",
      "o/r",
    ];
    const { accept } = await demandsOf(given(...words), quiet);
    assert.throws(() => accept({ times: [], logEntries: [] }), { code: "CLAIM_MISMATCH", expected: "o/r" });
  });

  it("demands the cosignatures of all witnesses that are named, or of so many of them as is said", async () => {
    const words = ["--certificate-identity", "a", "--certificate-oidc-issuer", "b"];
    const keys = ["one.example", "two.example"].map((name) => {
      const { publicKey } = generateKeyPairSync("ed25519");
      return cosignerKey(name, parsePublicKey(new Uint8Array(publicKey.export({ type: "spki", format: "der" }))));
    });
    const [one = "", two = ""] = keys.map(encodeVerifierKey);
    const demanded = async (...more: string[]) => (await demandsOf(given(...words, ...more), quiet)).expectations;
    const all = await demanded("--witness", one, "--witness", two);
    assert.deepEqual(
      [all.thresholds, all.witnesses?.map(({ name }) => name)],
      [{ witnesses: 2 }, ["one.example", "two.example"]],
    );
    assert.deepEqual((await demanded("--witness", one, "--witness", two, "--witness-quorum", "1")).thresholds, { witnesses: 1 });
    for (const quorum of ["0", "3", "x", "1.5"])
      await assert.rejects(demanded("--witness", one, "--witness", two, "--witness-quorum", quorum), {
        code: "FLAG_VALUE_INVALID",
      });
    // One key named twice is one witness.
    await assert.rejects(demanded("--witness", one, "--witness", one, "--witness-quorum", "2"), { code: "FLAG_VALUE_INVALID" });
    await assert.rejects(demanded("--witness-quorum", "1"), { code: "FLAG_REQUIRED" });
    await assert.rejects(demanded("--witness", one, "--insecure-ignore-tlog"), { code: "FLAGS_CONFLICT" });
    await assert.rejects(demanded("--witness", "one.example"), { code: "NOTE_KEY_MALFORMED" });
    const [key] = keys;
    assert.ok(key !== undefined);
    const ofLog = encodeVerifierKey(noteKey("one.example", key.publicKey));
    await assert.rejects(demanded("--witness", ofLog), { code: "FLAG_VALUE_INVALID", found: "type 1" });
  });

  it("leaves the log out of account only when told to", async () => {
    const words = [
      "--certificate-identity",
      "a",
      "--certificate-oidc-issuer",
      "b",
      "--insecure-ignore-tlog",
      "--insecure-ignore-sct",
    ];
    const { expectations } = await demandsOf(given(...words, "--use-signed-timestamps"), quiet);
    assert.deepEqual(expectations.thresholds, { logEntries: 0, scts: 0, timestamps: 1 });
    await assert.rejects(demandsOf(given("--signature-digest-algorithm", "sha512"), quiet), { code: "FLAG_UNSUPPORTED" });
    await assert.rejects(demandsOf(given("--allow-certificate-chain"), quiet), { code: "FLAG_UNSUPPORTED" });
    await demandsOf(given(...words, "--allow-certificate-chain=false"), quiet);
  });
});
