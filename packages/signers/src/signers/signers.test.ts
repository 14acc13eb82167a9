import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createSigner, isValidSignature, type KeyType, type Signer } from "@sigillum/library/crypto";
import { encodePem, encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { ephemeralSigner, generatePrivateKey, openSigner, writePrivateKey } from "./index.ts";
import { encodePrivateKeyPem } from "./private-key-pem.ts";

const directory = mkdtempSync(join(tmpdir(), "sigillum-signers-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const posix = process.platform !== "win32";
const types: readonly KeyType[] = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"];
const pkcs8 = generatePrivateKey("ecdsa-p256");
const publicKey = createSigner(pkcs8).publicKey;

let files = 0;
function place(text: string, mode = 0o600): string {
  const path = join(directory, `key-${files++}.pem`);
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

async function signs(signer: Signer): Promise<boolean> {
  const message = encodeUtf8("message");
  return isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message));
}

describe("generatePrivateKey", () => {
  for (const type of types) {
    it(`makes ${type}, another each time`, async () => {
      const signer = createSigner(generatePrivateKey(type, type === "rsa" ? 2048 : undefined));
      assert.equal(signer.publicKey.type, type);
      assert.equal(await signs(signer), true);
      if (type !== "rsa") assert.notDeepEqual(generatePrivateKey(type), generatePrivateKey(type));
    });
  }

  it("makes RSA of 3072 bits, or of the size asked for", () => {
    assert.equal(createSigner(generatePrivateKey("rsa")).publicKey.bits, 3072);
    assert.equal(createSigner(generatePrivateKey("rsa", 2048)).publicKey.bits, 2048);
  });

  it("is a TypeError for other sizes", () => {
    for (const act of [
      () => generatePrivateKey("rsa", 1024),
      () => generatePrivateKey("rsa", 32_768),
      () => generatePrivateKey("rsa", 2048.5),
      () => generatePrivateKey("ecdsa-p256", 256),
    ])
      assert.throws(act, TypeError);
  });

  it("ephemeralSigner signs", async () => assert.equal(await signs(ephemeralSigner()), true));
});

describe("writePrivateKey", () => {
  it("writes a file that its owner alone can read, and that opens again", async () => {
    const path = join(directory, "written.pem");
    await writePrivateKey(path, pkcs8);
    if (posix) assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(
      readFileSync(path, "utf8"),
      String(
        createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }),
      ),
    );
    const signer = await openSigner(path);
    assert.deepEqual(signer.publicKey.spki, publicKey.spki);
    assert.equal(await signs(signer), true);
  });

  it("encrypts when there is a passphrase", async () => {
    const path = join(directory, "encrypted.pem");
    await writePrivateKey(path, pkcs8, { passphrase: "correct horse" });
    assert.match(readFileSync(path, "utf8"), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    assert.deepEqual((await openSigner(path, { passphrase: "correct horse" })).publicKey.spki, publicKey.spki);
  });

  it("leaves a file that stands there as it was", async () => {
    const path = place("precious");
    await assert.rejects(writePrivateKey(path, pkcs8), { code: "SIGNER_FILE_EXISTS" });
    assert.equal(readFileSync(path, "utf8"), "precious");
    const link = join(directory, "link.pem");
    symlinkSync(join(directory, "nowhere.pem"), link);
    await assert.rejects(writePrivateKey(link, pkcs8), { code: "SIGNER_FILE_EXISTS" });
  });

  it("says so when the file cannot be written", async () => {
    await assert.rejects(writePrivateKey(join(directory, "missing", "key.pem"), pkcs8), {
      code: "SIGNER_FILE_UNWRITABLE",
      message: /ENOENT$/,
    });
  });
});

describe("openSigner with files", () => {
  it("takes a path, file:PATH and file:///PATH", async () => {
    const path = place(encodePem("PRIVATE KEY", pkcs8));
    for (const reference of [path, `file:${path}`, ...(posix ? [`file://${path}`] : [])])
      assert.deepEqual((await openSigner(reference)).publicKey.spki, publicKey.spki);
  });

  it("takes the scheme it is told", async () => {
    const signer = await openSigner(place(encodePem("PRIVATE KEY", pkcs8)), { scheme: { hash: "sha384" } });
    assert.equal(signer.scheme.hash, "sha384");
    assert.equal(await signs(signer), true);
  });

  it("asks for a passphrase only when the key is encrypted", async () => {
    let asked = 0;
    const passphrase = async (): Promise<string> => {
      asked++;
      return "correct horse";
    };
    await openSigner(place(encodePrivateKeyPem(pkcs8)), { passphrase });
    assert.equal(asked, 0);
    const signer = await openSigner(place(encodePrivateKeyPem(pkcs8, "correct horse")), { passphrase });
    assert.deepEqual([asked, signer.publicKey.spki], [1, publicKey.spki]);
  });

  it("reads what OpenSSL encrypted", async () => {
    const pem = generateKeyPairSync("ed25519").privateKey.export({
      format: "pem",
      type: "pkcs8",
      cipher: "aes-128-cbc",
      passphrase: "pw",
    });
    assert.equal((await openSigner(place(String(pem)), { passphrase: "pw" })).publicKey.type, "ed25519");
  });

  it("refuses a missing or wrong passphrase, and repeats neither", async () => {
    const path = place(encodePrivateKeyPem(pkcs8, "correct horse"));
    await assert.rejects(openSigner(path), { code: "SIGNER_PASSPHRASE_MISSING" });
    await assert.rejects(
      openSigner(path, { passphrase: "battery staple" }),
      (error) =>
        isSigillumError(error) && error.code === "SIGNER_PASSPHRASE_WRONG" && !`${error.stack}${error.cause}`.includes("staple"),
    );
    await assert.rejects(openSigner(path, { passphrase: "" }), { code: "SIGNER_PASSPHRASE_WRONG" });
  });

  if (posix) {
    for (const mode of [0o640, 0o604, 0o620, 0o644, 0o602, 0o610]) {
      it(`refuses the mode 0${mode.toString(8)}`, async () => {
        const path = place(encodePem("PRIVATE KEY", pkcs8), mode);
        await assert.rejects(openSigner(path), { code: "SIGNER_FILE_MODE", found: `0${mode.toString(8)}`, expected: "0600" });
      });
    }
    it("takes 0400 as well as 0600", async () =>
      assert.equal((await openSigner(place(encodePem("PRIVATE KEY", pkcs8), 0o400))).publicKey.type, "ecdsa-p256"));
  }

  it("tells a missing file from one that cannot be read", async () => {
    await assert.rejects(openSigner(join(directory, "none.pem")), { code: "SIGNER_FILE_MISSING" });
    const folder = join(directory, "folder");
    mkdirSync(folder, { mode: 0o700 });
    await assert.rejects(openSigner(folder), { code: "SIGNER_FILE_UNREADABLE" });
    await assert.rejects(openSigner(place(" ".repeat(70_000))), { code: "SIGNER_FILE_UNREADABLE", found: "70000 bytes" });
    await assert.rejects(openSigner(join(place("x"), "below.pem")), { code: "SIGNER_FILE_UNREADABLE" });
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const formats: readonly (readonly [string, string, RegExp])[] = [
    ["no PEM", "hello", /it is not PEM$/],
    ["a public key", String(rsa.publicKey.export({ format: "pem", type: "spki" })), /"PUBLIC KEY"/],
    ["a PKCS #1 key", String(rsa.privateKey.export({ format: "pem", type: "pkcs1" })), /openssl pkcs8 -topk8/],
    ["a SEC 1 key", encodePem("EC PRIVATE KEY", pkcs8), /openssl pkcs8 -topk8/],
    ["a key that cosign did not encrypt", encodePem("ENCRYPTED SIGSTORE PRIVATE KEY", pkcs8), /no key that cosign encrypted/],
    ["two keys", encodePem("PRIVATE KEY", pkcs8).repeat(2), /2 blocks/],
    [
      "an encrypted block that is no PKCS #8",
      encodePem("ENCRYPTED PRIVATE KEY", Uint8Array.of(5, 0)),
      /EncryptedPrivateKeyInfo$/,
    ],
  ];
  for (const [name, text, message] of formats) {
    it(`refuses ${name}`, () =>
      assert.rejects(openSigner(place(text), { passphrase: "x" }), { code: "SIGNER_KEY_FORMAT", message }));
  }

  it("hands on what createSigner says of the key itself", async () => {
    await assert.rejects(openSigner(place(encodePem("PRIVATE KEY", Uint8Array.of(1, 2, 3)))), { code: "PRIVATE_KEY_MALFORMED" });
  });

  it("repeats nothing of a text that is no PEM", async () => {
    await assert.rejects(
      openSigner(place("-----secret-----")),
      (error) => isSigillumError(error) && !`${error.stack}${error.cause}`.includes("secret"),
    );
  });
});

describe("openSigner with other references", () => {
  it("reads env://NAME", async () => {
    const environment = { SIGNING_KEY: encodePem("PRIVATE KEY", pkcs8), EMPTY: "" };
    assert.deepEqual((await openSigner("env://SIGNING_KEY", { environment })).publicKey.spki, publicKey.spki);
    for (const name of ["MISSING", "EMPTY"])
      await assert.rejects(openSigner(`env://${name}`, { environment }), { code: "SIGNER_ENVIRONMENT_MISSING", expected: name });
  });

  it("makes a key for ephemeral:", async () => {
    assert.equal((await openSigner("ephemeral:")).publicKey.type, "ecdsa-p256");
    assert.equal((await openSigner("ephemeral:ed25519")).publicKey.type, "ed25519");
    assert.equal(await signs(await openSigner("ephemeral:ecdsa-p384")), true);
  });

  for (const reference of ["tinkkms://projects/x", "cardkeys:token=a", "k8s://ns/secret", "https://example.com/key.pem"]) {
    it(`refuses ${reference} and names the schemes that exist`, () =>
      assert.rejects(openSigner(reference), {
        code: "SIGNER_REFERENCE_UNKNOWN",
        expected: /file:PATH.*env:\/\/NAME.*ephemeral:/,
      }));
  }
  for (const reference of [
    "env:NAME",
    "env://",
    "env://A B",
    "ephemeral:rot13",
    "file:",
    "",
    "file://host/key.pem",
    "awskms://x",
    "hashivault://a/b",
  ]) {
    it(`refuses ${JSON.stringify(reference)}`, () => assert.rejects(openSigner(reference), { code: "SIGNER_REFERENCE_UNKNOWN" }));
  }
});
