// Keys in tokens, against SoftHSM.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isValidSignature, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { makeSoftHsm, missingSoftHsm, type SoftHsm } from "@sigillum/library/testing";
import {
  encodePkcs11Uri,
  generatePkcs11Key,
  openSigner,
  parseCrypto11Configuration,
  parsePkcs11Uri,
  storePkcs11Certificate,
  withObject,
  withoutPin,
} from "./index.ts";

describe("parsePkcs11Uri", () => {
  test("reads what RFC 7512 writes, percent-encoded too", () => {
    assert.deepEqual(
      parsePkcs11Uri(
        "pkcs11:token=My%20token;object=ca;id=%01%ff;type=private?module-path=/lib/p.so&pin-source=file:/run/pin&max-sessions=4",
      ),
      {
        token: "My token",
        object: "ca",
        id: Uint8Array.of(1, 255),
        modulePath: "/lib/p.so",
        pinSource: "file:/run/pin",
        maxSessions: 4,
      },
    );
  });

  for (const uri of [
    "pkcs11:token",
    "pkcs11:token=a;token=b",
    "pkcs11:token=%zz",
    "pkcs11:colour=blue",
    "pkcs11:slot-id=x",
    "pkcs11:token=a?max-sessions=0",
    "pkcs11:token=a;type=public",
  ])
    test(`refuses ${uri}`, () => assert.throws(() => parsePkcs11Uri(uri), { code: "SIGNER_REFERENCE_UNKNOWN" }));

  test("reads slots as large as SoftHSM makes them", () =>
    assert.equal(parsePkcs11Uri("pkcs11:slot-id=4294967295;object=a").slotId, 4_294_967_295));

  test("withoutPin takes the PIN away, withObject adds a label", () => {
    assert.equal(withoutPin("pkcs11:token=a?pin-value=1234&module-path=/x"), "pkcs11:token=a?module-path=/x".replace("?m", "&m"));
    assert.equal(withoutPin("pkcs11:token=a?module-path=/x&pin-value=1234"), "pkcs11:token=a?module-path=/x");
    assert.equal(
      withObject("pkcs11:token=a?module-path=/x", "log-v1/2026-1"),
      "pkcs11:token=a;object=log-v1%2F2026-1?module-path=/x",
    );
  });

  test("an error never shows the PIN", () => {
    assert.throws(
      () => parsePkcs11Uri("pkcs11:colour=blue?pin-value=4711"),
      (error: Error) => !error.message.includes("4711"),
    );
  });

  test("encodePkcs11Uri writes what is read back, without a PIN", () => {
    const reference = { token: "My token", object: "a;b", id: Uint8Array.of(1), modulePath: "/lib/p.so", maxSessions: 2 };
    assert.deepEqual(parsePkcs11Uri(encodePkcs11Uri({ ...reference, pin: "1" })), reference);
  });
});

describe("parseCrypto11Configuration", () => {
  test("reads Fulcio's file", () => {
    assert.deepEqual(
      parseCrypto11Configuration('{"Path":"/usr/lib/softhsm/libsofthsm2.so","TokenLabel":"fulcio","Pin":"2324","MaxSessions":2}'),
      { modulePath: "/usr/lib/softhsm/libsofthsm2.so", token: "fulcio", pin: "2324", maxSessions: 2 },
    );
  });

  test("refuses two tokens, and none", () => {
    for (const text of ['{"Path":"/x","TokenLabel":"a","SlotNumber":0}', '{"Path":"/x"}'])
      assert.throws(() => parseCrypto11Configuration(text), { code: "SIGNER_REFERENCE_UNKNOWN" });
  });
});

test("openSigner says that a module cannot be loaded", { skip: missingSoftHsm() }, () =>
  assert.rejects(openSigner("pkcs11:token=a;object=b?module-path=/nowhere.so"), { code: "SIGNER_MODULE_MISSING" }),
);

test("openSigner wants a key, a token and a module", async () => {
  const environment = {};
  await assert.rejects(openSigner("pkcs11:token=a?module-path=/x", { environment }), { code: "SIGNER_REFERENCE_UNKNOWN" });
  await assert.rejects(openSigner("pkcs11:object=a?module-path=/x", { environment }), { code: "SIGNER_REFERENCE_UNKNOWN" });
  await assert.rejects(openSigner("pkcs11:token=a;object=b", { environment }), { code: "SIGNER_CREDENTIALS_MISSING" });
});

describe("keys in SoftHSM", { skip: missingSoftHsm() }, () => {
  let directory = "";
  let token: SoftHsm;
  const message = encodeUtf8("message");
  const holds = async (signer: Signer): Promise<void> =>
    assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)));
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sigillum-softhsm-"));
    token = makeSoftHsm(directory);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const type of ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa"] as const)
    test(`${type}: made there, signs, and is found again`, async () => {
      const uri = withObject(token.uri, `key-${type}`);
      const made = await generatePkcs11Key(uri, { type, bits: 2048 });
      assert.equal(made.publicKey.type, type);
      await holds(made);
      const found = await openSigner(uri);
      assert.deepEqual(found.publicKey.spki, made.publicKey.spki);
      await holds(found);
      await assert.rejects(generatePkcs11Key(uri, { type }), { code: "SIGNER_KEY_EXISTS" });
    });

  test("200 signatures at once with each of two keys share eight sessions", async () => {
    const signers = await Promise.all(
      (["ecdsa-p256", "ecdsa-p384"] as const).map((type) => openSigner(withObject(token.uri, `key-${type}`))),
    );
    await Promise.all(signers.flatMap((signer) => Array.from({ length: 200 }, () => holds(signer))));
  });

  test("a key is found by its id, and a certificate is stored beside it once", async () => {
    const id = Uint8Array.of(0xca, 0x01);
    const made = await generatePkcs11Key(`${token.uri.replace("?", ";object=by-id;id=%ca%01?")}`, { type: "ecdsa-p256" });
    const found = await openSigner(token.uri.replace("?", ";id=%ca%01?"));
    assert.deepEqual(found.publicKey.spki, made.publicKey.spki);
    const certificate = { der: Uint8Array.of(0x30, 0), subject: Uint8Array.of(0x30, 0) };
    await storePkcs11Certificate(withObject(token.uri, "by-id"), certificate, id);
    await assert.rejects(storePkcs11Certificate(withObject(token.uri, "by-id"), certificate, id), { code: "SIGNER_KEY_EXISTS" });
  });

  test("a key that is not there, or is there twice, is refused", async () => {
    await assert.rejects(openSigner(withObject(token.uri, "none")), { code: "SIGNER_KEY_NOT_FOUND" });
    await generatePkcs11Key(token.uri.replace("?", ";object=twin-1;id=%77?"), { type: "ecdsa-p256" });
    await generatePkcs11Key(token.uri.replace("?", ";object=twin-2;id=%77?"), { type: "ecdsa-p256" });
    await assert.rejects(openSigner(token.uri.replace("?", ";id=%77?")), { code: "SIGNER_KEY_NOT_FOUND", found: "several" });
  });

  test("a wrong PIN, a PIN file that is missing and an unknown token are told apart", async () => {
    const elsewhere = token.uri.replace(/pin-source=.*/u, "");
    writeFileSync(join(directory, "wrong"), "9999");
    await assert.rejects(openSigner(withObject(token.uri.replace("token=sigillum", "token=other"), "a")), {
      code: "SIGNER_TOKEN_UNAVAILABLE",
      found: /"sigillum"/u,
    });
    await assert.rejects(openSigner(withObject(`${elsewhere}pin-source=file:${join(directory, "none")}`, "a")), {
      code: "SIGNER_CREDENTIALS_MISSING",
    });
  });

  test("a token that is pulled fails every signature, and signs again when it is put back", async () => {
    const signer = await openSigner(withObject(token.uri, "key-ecdsa-p256"));
    token.pull();
    try {
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => signer.sign(message)));
      for (const outcome of outcomes) {
        assert.equal(outcome.status, "rejected");
        assert.equal(Reflect.get(outcome.reason, "code"), "SIGNER_TOKEN_UNAVAILABLE", String(outcome.reason));
      }
    } finally {
      token.putBack();
    }
    const end = Date.now() + 20_000;
    for (;;) {
      try {
        await holds(signer);
        break;
      } catch (error) {
        assert.ok(Date.now() < end, String(error));
      }
    }
  });
});

test("a wrong PIN is refused", { skip: missingSoftHsm() }, async () => {
  // A process logs in to a token once, so this one is another token of the same library.
  const directory = mkdtempSync(join(tmpdir(), "sigillum-softhsm-"));
  try {
    const { spawnSync } = await import("node:child_process");
    const program = `
      import { makeSoftHsm } from "@sigillum/library/testing";
      import { openSigner, withObject } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
      const token = makeSoftHsm(${JSON.stringify(directory)});
      const uri = withObject(token.uri.replace(/pin-source=.*/u, "pin-value=9999"), "a");
      console.log(await openSigner(uri).catch((error) => error.code + " " + error.message.includes("9999")));`;
    const file = join(import.meta.dirname, `.program-${process.pid}.mts`);
    writeFileSync(file, program);
    const { stdout, stderr } = spawnSync(process.execPath, ["--conditions=@sigillum/source", file], { encoding: "utf8" });
    const [code, isShown] = stdout.trim().split(" ");
    assert.equal(code, "SIGNER_PIN_REFUSED", stderr);
    assert.equal(isShown, "false");
  } finally {
    rmSync(join(import.meta.dirname, `.program-${process.pid}.mts`), { force: true });
    rmSync(directory, { recursive: true, force: true });
  }
});
