import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { main } from "../main.ts";
import { createTerminal, type Outcome, recorded } from "../terminal/index.ts";
import { openPrivateKey, openPublicKey, parsePublicText } from "./index.ts";

const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, words);

let notes = "";
const terminal = createTerminal({
  stdout: { write: () => true },
  stderr: { write: (text) => (notes += text) },
  stdinIsTTY: false,
  format: "text",
});

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-key-"));
  process.env["COSIGN_PASSWORD"] = "pw";
  try {
    await use(directory);
  } finally {
    delete process.env["COSIGN_PASSWORD"];
    await rm(directory, { recursive: true, force: true });
  }
}

describe("key pairs", () => {
  it("are made encrypted, for their owner alone, and not over another without a yes", async () => {
    await withDirectory(async (directory) => {
      const prefix = join(directory, "cosign");
      const made = await run("generate-key-pair", "--output-key-prefix", prefix);
      assert.equal(made.code, 0, made.stderr);
      const pem = await readFile(`${prefix}.key`, "utf8");
      assert.match(pem, /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----/);
      assert.equal((await stat(`${prefix}.key`)).mode & 0o077, 0);
      assert.equal((await run("public-key", "--key", `${prefix}.key`)).stdout, await readFile(`${prefix}.pub`, "utf8"));
      const again = await run("generate-key-pair", "--output-key-prefix", prefix);
      assert.deepEqual(
        [again.code, /PROMPT_DECLINED/.test(again.stderr), await readFile(`${prefix}.key`, "utf8")],
        [1, true, pem],
      );
      assert.equal((await run("generate-key-pair", "-y", "--output-key-prefix", prefix)).code, 0);
      assert.notEqual(await readFile(`${prefix}.key`, "utf8"), pem);
    });
  });

  it("are imported from PKCS #1, SEC 1 and PKCS #8", async () => {
    await withDirectory(async (directory) => {
      const ec = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
      const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
      const texts = [
        ec.export({ format: "pem", type: "sec1" }),
        ec.export({ format: "pem", type: "pkcs8" }),
        rsa.export({ format: "pem", type: "pkcs1" }),
      ];
      for (const [index, text] of texts.entries()) {
        const source = join(directory, `${index}.pem`);
        await writeFile(source, text);
        const { code, stderr } = await run("import-key-pair", "-k", source, "-o", join(directory, `imported${index}`));
        assert.equal(code, 0, stderr);
        assert.equal(
          (await openPrivateKey(join(directory, `imported${index}.key`), terminal)).publicKey.type,
          index === 2 ? "rsa" : "ecdsa-p384",
        );
      }
      await writeFile(join(directory, "bad.pem"), "nothing");
      assert.match((await run("import-key-pair", "-k", join(directory, "bad.pem"))).stderr, /KEY_FORMAT/);
      assert.match((await run("import-key-pair", "-k", join(directory, "none.pem"))).stderr, /KEY_UNREADABLE/);
      const unwritable = await run("import-key-pair", "-k", join(directory, "0.pem"), "-o", join(directory, "no", "where"));
      assert.ok(unwritable.stderr.includes("KEY_UNWRITABLE"));
      for (const place of ["gcpkms://a/b", "nothing://a"])
        assert.match((await run("generate-key-pair", "--kms", place)).stderr, /SIGNER_REFERENCE_UNKNOWN/);
    });
  });
});

describe("openPublicKey", () => {
  it("reads files, variables and addresses, and says what is none", async () => {
    await withDirectory(async (directory) => {
      const pem = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();
      const path = join(directory, "key.pub");
      await writeFile(path, pem);
      process.env["SIGILLUM_TEST_KEY"] = pem;
      const server = createServer((request, reply) => reply.writeHead(request.url === "/key" ? 200 : 404).end(pem));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        for (const reference of [path, `file://${path}`, "env://SIGILLUM_TEST_KEY", `${base}/key`])
          assert.equal((await openPublicKey(reference, terminal)).type, "ed25519", reference);
        for (const reference of [`${base}/none`, "env://SIGILLUM_TEST_NONE", join(directory, "none")])
          await assert.rejects(openPublicKey(reference, terminal), { code: "KEY_UNREADABLE" });
        assert.throws(() => parsePublicText("-----BEGIN X-----\nAAAA\n-----END X-----\n", "k"), { code: "KEY_FORMAT" });
      } finally {
        delete process.env["SIGILLUM_TEST_KEY"];
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    });
  });

  it("takes a private key that others can read with a warning, as cosign does without one", async () => {
    await withDirectory(async (directory) => {
      const prefix = join(directory, "k");
      await run("generate-key-pair", "--output-key-prefix", prefix);
      await chmod(`${prefix}.key`, 0o644);
      notes = "";
      assert.equal((await openPrivateKey(`${prefix}.key`, terminal)).publicKey.type, "ecdsa-p256");
      if (process.platform !== "win32") assert.match(notes, /WARNING/);
    });
  });
});
