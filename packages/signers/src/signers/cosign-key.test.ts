import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createSigner } from "@sigillum/library/crypto";
import {
  encodeBase64,
  encodeHex,
  encodePem,
  encodeUtf8,
  parseBase64,
  parseHex,
  parsePem,
  parseUtf8,
} from "@sigillum/library/encoding";
import fc from "fast-check";
import { decryptCosignKey, encryptCosignKey, generatePrivateKey, openSigner, passphraseFromEnvironment } from "./index.ts";
import { openSecretbox, sealSecretbox } from "./secretbox.ts";

const directory = mkdtempSync(join(tmpdir(), "sigillum-cosign-"));
after(() => rmSync(directory, { recursive: true, force: true }));

describe("secretbox", () => {
  it("gives what NaCl's own test program gives", () => {
    // NaCl, tests/secretbox.c and secretbox.out.
    const key = parseHex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
    const nonce = parseHex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
    const message = parseHex(
      "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
    );
    const box = sealSecretbox(message, nonce, key);
    assert.equal(
      encodeHex(box),
      "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5",
    );
    assert.deepEqual(openSecretbox(box, nonce, key), message);
  });

  it("opens what it sealed and nothing that was changed, whatever the length", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes(24), bytes(32), fc.nat(), (message, nonce, key, at) => {
        const box = sealSecretbox(message, nonce, key);
        assert.deepEqual(openSecretbox(box, nonce, key), message);
        const changed = Uint8Array.from(box);
        changed[at % box.length] = (changed[at % box.length] ?? 0) ^ 1;
        assert.equal(openSecretbox(changed, nonce, key), undefined);
        assert.equal(openSecretbox(box.subarray(0, 15), nonce, key), undefined);
      }),
      { numRuns: 50 },
    );
  });

  it("takes keys and nonces of one length alone", () => {
    assert.throws(() => sealSecretbox(new Uint8Array(), new Uint8Array(12), new Uint8Array(32)), TypeError);
    assert.throws(() => sealSecretbox(new Uint8Array(), new Uint8Array(24), new Uint8Array(16)), TypeError);
  });
});

describe("keys that cosign encrypts", () => {
  const file = (more: Record<string, unknown> = {}, params: Record<string, number> = {}): Uint8Array =>
    encodeUtf8(
      JSON.stringify({
        kdf: {
          name: "scrypt",
          params: { N: 65_536, r: 8, p: 1, ...params },
          salt: encodeBase64(Uint8Array.from({ length: 32 }, (_, i) => i)),
        },
        cipher: { name: "nacl/secretbox", nonce: encodeBase64(Uint8Array.from({ length: 24 }, (_, i) => 100 + i)) },
        ciphertext: "5WaZlOXglQ7VjMb0JJ/ovWB5/SjDGzIHoGKQLCG8VQ==",
        ...more,
      }),
    );

  it("are read as the published vector says", async () => {
    assert.equal(parseUtf8(await decryptCosignKey(file(), "x", "sigstore-ts-test")), "hello secretbox");
  });

  it("are opened as references, under both labels, and written so that they are", async () => {
    for (const label of ["sigstore", "cosign"] as const) {
      const pkcs8 = generatePrivateKey("ecdsa-p256");
      const text = await encryptCosignKey(pkcs8, "", label);
      assert.match(text, new RegExp(`^-----BEGIN ENCRYPTED ${label.toUpperCase()} PRIVATE KEY-----\n`, "u"));
      const path = join(directory, `${label}.key`);
      writeFileSync(path, text);
      chmodSync(path, 0o600);
      const signer = await openSigner(path, { passphrase: () => "" });
      assert.deepEqual(signer.publicKey.spki, createSigner(pkcs8).publicKey.spki);
      await assert.rejects(openSigner(path), { code: "SIGNER_PASSPHRASE_MISSING" });
      const [block] = parsePem(text);
      assert.ok(block !== undefined);
      const written = JSON.parse(parseUtf8(block.bytes));
      // cosign 1 refuses every cost but its own
      assert.deepEqual(written.kdf.params, { N: label === "cosign" ? 32_768 : 65_536, r: 8, p: 1 });
      assert.equal(parseBase64(written.ciphertext).length, pkcs8.length + 16);
    }
  });

  it("are refused with another passphrase, another cost or another cipher", async () => {
    await assert.rejects(decryptCosignKey(file(), "x", "wrong"), { code: "SIGNER_PASSPHRASE_WRONG" });
    for (const bad of [
      file({}, { N: 1_048_576 }),
      file({}, { N: 1024 }),
      file({}, { r: 16 }),
      file({}, { p: 2 }),
      file({ kdf: { name: "pbkdf2", params: { N: 65_536, r: 8, p: 1 }, salt: "" } }),
      file({ cipher: { name: "aes", nonce: "" } }),
      file({ cipher: { name: "nacl/secretbox", nonce: "AAAA" } }),
      file({ ciphertext: "*" }),
      file({ ciphertext: 5 }),
      encodeUtf8("[]"),
      new Uint8Array(),
    ])
      await assert.rejects(decryptCosignKey(bad, "x", "sigstore-ts-test"), { code: "SIGNER_KEY_FORMAT" });
  });
});

describe("passphraseFromEnvironment", () => {
  it("takes a variable, then a file, then cosign's variable, then nothing", async () => {
    const path = join(directory, "passphrase");
    writeFileSync(path, " two words \n");
    const all = { SIGILLUM_PASSPHRASE: "own", SIGILLUM_PASSPHRASE_FILE: path, COSIGN_PASSWORD: "cosign" };
    assert.equal(await passphraseFromEnvironment(all), "own");
    assert.equal(await passphraseFromEnvironment({ ...all, SIGILLUM_PASSPHRASE: undefined }), " two words ");
    assert.equal(await passphraseFromEnvironment({ COSIGN_PASSWORD: "" }), "");
    assert.equal(await passphraseFromEnvironment({}), undefined);
    const missing = { SIGILLUM_PASSPHRASE_FILE: join(directory, "none") };
    await assert.rejects(passphraseFromEnvironment(missing), { code: "SIGNER_PASSPHRASE_MISSING" });
    writeFileSync(path, "x".repeat(5000));
    await assert.rejects(passphraseFromEnvironment({ SIGILLUM_PASSPHRASE_FILE: path }), { code: "SIGNER_PASSPHRASE_MISSING" });
  });

  it("opens an encrypted key", async () => {
    const text = encodePem("ENCRYPTED PRIVATE KEY", Uint8Array.of(5, 0));
    const environment = { KEY: text, COSIGN_PASSWORD: "x" };
    await assert.rejects(openSigner("env://KEY", { environment }), { code: "SIGNER_PASSPHRASE_MISSING" });
  });
});
