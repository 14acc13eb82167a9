// PIV tokens: a card in memory behind a daemon in memory. What programs of others think of the card, and the real daemon of us, is asked in
// test/interop/piv.test.ts; no hardware was at hand.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { isValidSignature } from "@sigillum/library/crypto";
import { encodeHex, encodeUtf8 } from "@sigillum/library/encoding";
import { MemoryPcscd, MemoryPivCard, type MemoryPivOptions } from "@sigillum/library/testing";
import {
  attestPivKey,
  authenticateManagement,
  type CardTransport,
  changePin,
  changePuk,
  generatePivKey,
  openCard,
  openSigner,
  parseManagementKey,
  parsePivSlot,
  pivAttestationCertificate,
  randomManagementKey,
  resetPiv,
  setManagementKey,
  unblockPin,
  withPivCard,
} from "../index.ts";
import { exchange, readTags } from "./apdu.ts";
import { verifyPin } from "./piv-card.ts";

const message = encodeUtf8("message");
const factory = parseManagementKey(undefined);
const order = { slot: "signature", pinPolicy: "once", touchPolicy: "never" } as const;

describe("a PIV token", () => {
  for (const management of ["3des", "3des-unsaid", "aes-192"] as const) {
    const opened = async (options: MemoryPivOptions = {}): Promise<MemoryPivCard> =>
      MemoryPivCard.create({ management, ...options });

    it(`makes a key with its management key and attests it (${management})`, async () => {
      const card = await opened();
      await withPivCard(
        async (piv) => {
          await assert.rejects(generatePivKey(piv, order), { code: "SIGNER_CARD_REFUSED", found: "status 6982" });
          await authenticateManagement(piv, factory);
          const key = await generatePivKey(piv, order);
          assert.deepEqual((await attestPivKey(piv, "signature")).publicKey.spki, key.spki);
          assert.deepEqual((await pivAttestationCertificate(piv)).der, card.device.der);
          await assert.rejects(attestPivKey(piv, "authentication"), { code: "SIGNER_KEY_NOT_FOUND" });
        },
        () => Promise.resolve(card),
      );
    });

    it(`takes another management key, and the old one no more (${management})`, async () => {
      const card = await opened();
      await withPivCard(
        async (piv) => {
          const key = await randomManagementKey(piv);
          await assert.rejects(setManagementKey(piv, key), { code: "SIGNER_CARD_REFUSED" });
          await authenticateManagement(piv, factory);
          await setManagementKey(piv, key);
          await assert.rejects(authenticateManagement(piv, factory), { code: "SIGNER_MANAGEMENT_KEY" });
          await authenticateManagement(piv, key);
          await assert.rejects(authenticateManagement(piv, key.subarray(0, 16)), { code: "SIGNER_MANAGEMENT_KEY" });
          await assert.rejects(setManagementKey(piv, key.subarray(0, 16)), { code: "SIGNER_MANAGEMENT_KEY" });
        },
        () => Promise.resolve(card),
      );
    });
  }

  it("counts tries of PIN and PUK, is unblocked by the PUK, and reset when both are blocked", async () => {
    const card = await MemoryPivCard.create();
    await withPivCard(
      async (piv) => {
        await changePin(piv, "123456", "654321");
        await assert.rejects(verifyPin(piv, "123456"), { code: "SIGNER_PIN_REFUSED", message: /2 tries are left/u });
        await assert.rejects(verifyPin(piv, "123456"), { message: /1 try is left/u });
        await assert.rejects(verifyPin(piv, "123456"), { message: /it is blocked/u, expected: "the PUK, with piv-tool unblock" });
        await assert.rejects(verifyPin(piv, "654321"), { code: "SIGNER_PIN_REFUSED" });
        await changePuk(piv, "12345678", "87654321");
        await assert.rejects(unblockPin(piv, "12345678", "111111"), { code: "SIGNER_PIN_REFUSED" });
        await unblockPin(piv, "87654321", "111111");
        await verifyPin(piv, "111111");
        await assert.rejects(verifyPin(piv, "12345"), { code: "SIGNER_PIN_FORMAT" });
        await assert.rejects(changePin(piv, "111111", "123456789"), { code: "SIGNER_PIN_FORMAT" });
        const { status } = await exchange(piv, { instruction: 0xfb });
        assert.equal(status, 0x6985, "not while a PIN can be tried");
        await resetPiv(piv);
        await verifyPin(piv, "123456");
        await changePuk(piv, "12345678", "12345678");
      },
      () => Promise.resolve(card),
    );
  });

  it("is asked in several parts and answers in several", async () => {
    const card = await MemoryPivCard.create();
    await withPivCard(
      async (piv) => {
        await authenticateManagement(piv, factory);
        const object = Uint8Array.of(0x5c, 3, 0x5f, 0xc1, 0x0a, 0x53, 0x82, 2, 0x58, ...new Uint8Array(600).fill(7));
        assert.equal((await exchange(piv, { instruction: 0xdb, p1: 0x3f, p2: 0xff, data: object })).status, 0x9000);
        const back = await exchange(piv, { instruction: 0xcb, p1: 0x3f, p2: 0xff, data: object.subarray(0, 5) });
        assert.deepEqual(back.data, object.subarray(5));
        assert.equal(card.commands.filter((one) => one.startsWith("10db")).length, 2);
        assert.equal(card.commands.filter((one) => one.startsWith("00c0")).length, 2);
      },
      () => Promise.resolve(card),
    );
  });

  it("is refused where it answers what is no answer, and where it does not know its management key", async () => {
    const speaking = (answer: (command: string) => readonly number[]): CardTransport => ({
      name: "a liar",
      transmit: (command) => Promise.resolve(Uint8Array.from(answer(encodeHex(command)))),
      close: () => Promise.resolve(),
    });
    const no = { code: "SIGNER_CARD_ANSWER" };
    await assert.rejects(
      exchange(
        speaking(() => [0x90]),
        { instruction: 1 },
      ),
      no,
    );
    await assert.rejects(
      exchange(
        speaking(() => [...new Uint8Array(256), 0x61, 0xff]),
        { instruction: 1 },
      ),
      no,
    );
    for (const bytes of [[0x53], [0x53, 2, 1], [0x53, 0x80], [0x53, 0x83, 0, 0, 1], [0x7f], [0x53, 0x82, 1]])
      assert.throws(
        () =>
          readTags(
            speaking(() => []),
            Uint8Array.from(bytes),
          ),
        no,
      );
    await assert.rejects(pivAttestationCertificate(speaking(() => [0x53, 3, 0x70, 1, 0x30, 0x90, 0])), no);
    await assert.rejects(pivAttestationCertificate(speaking(() => [0x53, 6, 0x70, 1, 0x30, 0x71, 1, 1, 0x90, 0])), no);
    await assert.rejects(pivAttestationCertificate(speaking(() => [0x53, 0, 0x90, 0])), no);
    await assert.rejects(
      attestPivKey(
        speaking(() => [0x6f, 0]),
        "signature",
      ),
      { code: "SIGNER_CARD_REFUSED" },
    );
    await assert.rejects(
      withPivCard(
        () => Promise.resolve(),
        () => Promise.resolve(speaking(() => [0x6a, 0x82])),
      ),
      {
        code: "SIGNER_KEY_NOT_FOUND",
      },
    );
    const block = [0x7c, 10, 0x80, 8, ...new Uint8Array(8)];
    const impostor = speaking((command) =>
      command.startsWith("00f7")
        ? [0x6d, 0]
        : command.includes("7c028000")
          ? [...block, 0x90, 0]
          : [0x7c, 10, 0x82, 8, ...new Uint8Array(8), 0x90, 0],
    );
    await assert.rejects(authenticateManagement(impostor, factory), { ...no, found: /proves no knowledge/u });
    await assert.rejects(
      authenticateManagement(
        speaking(() => [1, 1, 0x55, 0x90, 0]),
        factory,
      ),
      no,
    );
    await assert.rejects(resetPiv(speaking(() => [0x63, 0xc3])), no);
    await assert.rejects(resetPiv(speaking(() => [0x69, 0x82])), { code: "SIGNER_CARD_REFUSED" });
  });

  it("names slots and management keys as they are written", () => {
    assert.deepEqual([undefined, "", "9a", "9C", "Key-Management"].map(parsePivSlot), [
      ...["signature", "signature", "authentication", "signature", "key-management"],
    ]);
    assert.throws(() => parsePivSlot("9f"), { code: "SIGNER_REFERENCE_UNKNOWN" });
    assert.equal(parseManagementKey("00".repeat(32)).length, 32);
    for (const text of ["00", "x".repeat(48), "0".repeat(47)])
      assert.throws(() => parseManagementKey(text), { code: "SIGNER_PIN_FORMAT" });
  });
});

describe("a PIV token behind the PC/SC daemon", () => {
  const directory = mkdtempSync(join(tmpdir(), "sigillum-piv-"));
  let card: MemoryPivCard;
  let daemon: MemoryPcscd;
  let environment: Record<string, string>;
  before(async () => {
    card = await MemoryPivCard.create();
    daemon = await MemoryPcscd.start(join(directory, "pcscd.comm"), { transmit: (command) => card.transmit(command) });
    environment = { PCSCLITE_CSOCK_NAME: daemon.path, SIGILLUM_PIV_PIN: "123456" };
  });
  after(async () => {
    await daemon.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    for (const name of Object.keys(daemon.quirks)) Reflect.deleteProperty(daemon.quirks, name);
  });

  it("signs as piv:SLOT, with the PIN of the environment or of whoever is asked, once", async () => {
    await withPivCard(
      async (piv) => {
        await authenticateManagement(piv, factory);
        await generatePivKey(piv, { ...order, pinPolicy: "always" });
      },
      () => openCard(environment),
    );
    let asked = 0;
    const pin = (): Promise<string> => {
      asked += 1;
      return Promise.resolve("123456");
    };
    for (const options of [{ environment }, { environment, pin }]) {
      const signer = await openSigner("piv:signature", options);
      for (let i = 0; i < 2; i++)
        assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)));
    }
    assert.equal(asked, 1);
    const { SIGILLUM_PIV_PIN: _, ...pinless } = environment;
    const signer = await openSigner("piv:9c", { environment: pinless });
    await assert.rejects(signer.sign(message), { code: "SIGNER_CREDENTIALS_MISSING" });
    await assert.rejects(openSigner("piv:authentication", { environment }), { code: "SIGNER_KEY_NOT_FOUND" });
    const wrong = await openSigner("piv:9c", { environment, pin: () => Promise.resolve("000000") });
    await assert.rejects(wrong.sign(message), { code: "SIGNER_PIN_REFUSED" });
  });

  it("is missing without daemon, with another protocol, without a card, and among several", async () => {
    const missing = { code: "SIGNER_CARD_MISSING" };
    await assert.rejects(openCard({ PCSCLITE_CSOCK_NAME: join(directory, "none") }), missing);
    daemon.quirks.version = [5, 0];
    await assert.rejects(openCard(environment), { ...missing, message: /protocol 5\.0/u });
    delete daemon.quirks.version;
    daemon.quirks.readers = [{ name: "Empty", hasCard: false }];
    await assert.rejects(openCard(environment), { ...missing, message: /no reader has a card/u });
    daemon.quirks.readers = [
      { name: "Empty", hasCard: false },
      { name: "Left", hasCard: true },
      { name: "Right", hasCard: true },
    ];
    await assert.rejects(openCard(environment), { ...missing, message: /found 2 cards: "Left", "Right"/u });
    await assert.rejects(openCard({ ...environment, SIGILLUM_PIV_READER: "Empty" }), missing);
    const right = await openCard({ ...environment, SIGILLUM_PIV_READER: "Right" });
    assert.equal(right.name, "Right");
    await right.close();
  });

  it("is unavailable where the daemon refuses or hangs up", async () => {
    for (const command of [1, 4, 7]) {
      daemon.quirks.results = new Map([[command, 0x80100069]]);
      await assert.rejects(openCard(environment), { code: "SIGNER_TOKEN_UNAVAILABLE", message: /80100069/u });
    }
    daemon.quirks.results = new Map([[9, 0x80100069]]);
    await assert.rejects(
      withPivCard(
        () => Promise.resolve(),
        () => openCard(environment),
      ),
      { code: "SIGNER_TOKEN_UNAVAILABLE" },
    );
    delete daemon.quirks.results;
    daemon.quirks.hangsUpAt = 4;
    await assert.rejects(openCard(environment), { code: "SIGNER_TOKEN_UNAVAILABLE", message: /hung up/u });
  });
});
