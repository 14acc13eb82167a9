import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { concatBytes, encodeUtf8 } from "@sigillum/library/encoding";
import * as openpgp from "openpgp";
import { encodeArmor } from "./armor.ts";
import {
  type DetachedSignature,
  openpgpErrors,
  parseClearSigned,
  parseDetachedSignature,
  parseKeyRing,
  verifyDetachedSignature,
} from "./index.ts";
import { encodePacket, readPackets } from "./packets.ts";
import { emailOf } from "./user-id.ts";

const content = encodeUtf8("the content\nof an artifact\n");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const bytesOf = (written: unknown): Uint8Array => {
  assert.ok(written instanceof Uint8Array);
  return new Uint8Array(written);
};
const packet = (tag: number, ...body: number[]): Uint8Array => concatBytes(...encodePacket(tag, Uint8Array.from(body)));

interface Made {
  readonly privateKey: openpgp.PrivateKey;
  readonly publicKey: Uint8Array;
}

type KeyOptions = Partial<Parameters<typeof openpgp.generateKey>[0]>;

async function makeKey(options: KeyOptions = {}): Promise<Made> {
  const { privateKey } = await openpgp.generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name: "Jo", email: "Jo@example.org" }],
    ...options,
    format: "object",
  });
  return { privateKey, publicKey: bytesOf(privateKey.toPublic().write()) };
}

async function signed(privateKey: openpgp.PrivateKey, date?: Date, notation?: openpgp.RawNotation): Promise<Uint8Array> {
  const message = await openpgp.createMessage({ binary: new Uint8Array(content) });
  const more = { ...(date === undefined ? {} : { date }), ...(notation === undefined ? {} : { signatureNotations: notation }) };
  return bytesOf(await openpgp.sign({ message, signingKeys: privateKey, detached: true, format: "binary", ...more }));
}

/** A signature that openpgp.js would not make: by a key that expired, say. */
async function signedAt(
  privateKey: openpgp.PrivateKey,
  date: Date,
  change: (signature: openpgp.SignaturePacket) => void = () => undefined,
): Promise<Uint8Array> {
  const signature = new openpgp.SignaturePacket();
  Object.assign(signature, {
    signatureType: 0,
    publicKeyAlgorithm: privateKey.keyPacket.algorithm,
    hashAlgorithm: openpgp.enums.hash.sha256,
  });
  change(signature);
  // Its declarations ask for octets where the library takes a literal data packet.
  const data = Object.assign(new Uint8Array(), { text: null, getBytes: () => content });
  await Reflect.apply(signature.sign, signature, [privateKey.keyPacket, data, date, true, openpgp.config]);
  return concatBytes(...encodePacket(2, bytesOf(signature.write())));
}

const refused = (code: string, message?: RegExp) => (error: { code?: string; message: string }) => {
  assert.equal(error.code, code, error.message);
  if (message !== undefined) assert.match(error.message, message);
  return true;
};
const verify = async (signature: Uint8Array, key: Uint8Array, over: Uint8Array = content): Promise<DetachedSignature> => {
  const parsed = parseDetachedSignature(signature);
  await verifyDetachedSignature(parsed, await parseKeyRing(key), over);
  return parsed;
};

describe("openpgp", () => {
  let jo: Made;
  let other: Made;
  let signature: Uint8Array;
  before(async () => {
    [jo, other] = await Promise.all([makeKey(), makeKey()]);
    signature = await signed(jo.privateKey);
  });

  test("parseKeyRing gives the same canonical form of a key armored or not, with its addresses", async () => {
    const binary = await parseKeyRing(jo.publicKey);
    const armored = await parseKeyRing(encodeUtf8(jo.privateKey.toPublic().armor()));
    assert.equal(text(binary.canonical), text(armored.canonical));
    assert.equal(text(binary.canonical), text(encodeArmor("PGP PUBLIC KEY BLOCK", jo.publicKey)));
    assert.match(
      text(binary.canonical),
      /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n(?:[^\n]{64}\n)*[^\n]+\n=[^\n]{4}\n-----END PGP PUBLIC KEY BLOCK-----$/,
    );
    assert.deepEqual(binary.emails, ["Jo@example.org"]);
    const again = await parseKeyRing(binary.canonical);
    assert.equal(text(again.canonical), text(binary.canonical));
  });

  test("parseKeyRing reads several keys in several blocks, and leaves out what is not bound or not known", async () => {
    const both = `${jo.privateKey.toPublic().armor()}\n${other.privateKey.toPublic().armor()}`;
    assert.equal((await parseKeyRing(encodeUtf8(both))).entities.length, 2);
    const [primary, ...rest] = readPackets(jo.publicKey);
    assert.ok(primary !== undefined);
    const write = (packets: readonly { tag: number; body: Uint8Array }[]): Uint8Array =>
      concatBytes(...packets.flatMap(({ tag, body }) => encodePacket(tag, body)));
    const stranger = { tag: 13, body: encodeUtf8("Mallory <m@example.net>") };
    const photo = { tag: 17, body: Uint8Array.of(2, 1, 0) };
    const trust = { tag: 12, body: Uint8Array.of(1) };
    const ring = await parseKeyRing(write([primary, trust, stranger, ...rest.slice(0, 2), photo, ...rest.slice(2)]));
    assert.equal(text(ring.canonical), text((await parseKeyRing(jo.publicKey)).canonical));
    // A key that cannot be used does not take the others with it.
    const unknown = packet(6, 4, 0, 0, 0, 0, 99);
    assert.equal((await parseKeyRing(concatBytes(unknown, jo.publicKey))).entities.length, 1);
  });

  test("parseDetachedSignature keeps an armored signature as it came and armors another", async () => {
    const armored = encodeUtf8(
      `from a mail:\n${text(encodeArmor("PGP SIGNATURE", signature)).replace("\n\n", "\nVersion: x\n\n")}\nbye\n`,
    );
    assert.equal(text((await verify(armored, jo.publicKey)).canonical), text(armored));
    assert.equal(text((await verify(signature, jo.publicKey)).canonical), text(encodeArmor("PGP SIGNATURE", signature)));
  });

  test("verifyDetachedSignature takes keys of every kind, subkeys that sign, and signatures over text", async () => {
    const subkeys = [{ sign: true }];
    for (const options of [
      { type: "rsa", rsaBits: 2048 },
      { curve: "nistP384" },
      { subkeys },
      { curve: "nistP256", subkeys },
    ] as const) {
      const made = await makeKey({ ...options, subkeys: "subkeys" in options ? [...options.subkeys] : [] });
      await verify(await signed(made.privateKey), made.publicKey);
    }
    const asText = await signedAt(jo.privateKey, new Date(), (packet) => Object.assign(packet, { signatureType: 1 }));
    await verify(asText, jo.publicKey, encodeUtf8("the content\r\nof an artifact\r\n"));
  });

  test("parseClearSigned gives the text and what is signed", async () => {
    const message = await openpgp.createCleartextMessage({ text: "- a dash \nand\ttabs\t\n\nend" });
    const made = encodeUtf8(`${await openpgp.sign({ message, signingKeys: jo.privateKey })}`);
    for (const form of [made, encodeUtf8(`before\n${text(made)}after\n`)]) {
      const parsed = parseClearSigned(form);
      assert.equal(text(parsed.text), "- a dash\nand\ttabs\n\nend");
      await verifyDetachedSignature(parsed.signature, await parseKeyRing(jo.publicKey), parsed.content);
    }
    for (const [from, to, problem] of [
      ["BEGIN PGP SIGNED MESSAGE", "BEGIN SIGNED MESSAGE", /no line/],
      ["Hash: ", "Comment: ", /header/],
      ["Hash: SHA", "Hash: CRC", /header/],
      ["-----BEGIN PGP SIGNATURE-----", "", /no signature after it/],
      ["-----END PGP SIGNATURE-----", "", /no signature after it/],
    ] as const) {
      const broken = encodeUtf8(text(made).replace(from, to));
      assert.throws(() => parseClearSigned(broken), refused("OPENPGP_MALFORMED", problem));
    }
  });

  test("each refusal has its code", async () => {
    const key = jo.publicKey;
    await assert.rejects(verify(signature, key, encodeUtf8("other")), refused("OPENPGP_SIGNATURE_INVALID"));
    await assert.rejects(verify(signature, other.publicKey), refused("OPENPGP_SIGNER_UNKNOWN"));
    const [primary, , ...rest] = readPackets(key);
    assert.ok(primary !== undefined);
    const renamed = concatBytes(
      ...[primary, { tag: 13, body: encodeUtf8("Mallory <m@example.net>") }, ...rest].flatMap(({ tag, body }) =>
        encodePacket(tag, body),
      ),
    );
    await assert.rejects(parseKeyRing(renamed), refused("OPENPGP_KEY_INVALID", /over a user id does not verify/));
    const nameless = concatBytes(...encodePacket(6, primary.body));
    await assert.rejects(parseKeyRing(nameless), refused("OPENPGP_KEY_INVALID", /no user id/));
    const [, , , subkey] = readPackets(key);
    assert.ok(subkey?.tag === 14);
    const foreign = concatBytes(
      key,
      ...encodePacket(14, readPackets(other.publicKey)[3]?.body ?? key),
      ...encodePacket(2, readPackets(other.publicKey)[4]?.body ?? key),
    );
    await assert.rejects(parseKeyRing(foreign), refused("OPENPGP_KEY_INVALID", /over a subkey does not verify/));
    const unsigned = concatBytes(key, ...encodePacket(14, subkey.body));
    await assert.rejects(parseKeyRing(unsigned), refused("OPENPGP_KEY_INVALID", /not bound/));
  });

  test("a key that was expired or revoked when it signed is refused, one that was so later is not", async () => {
    const day = 86_400_000;
    const start = Date.UTC(2026, 0, 1);
    const short = await makeKey({ date: new Date(start), keyExpirationTime: 3600 });
    await verify(await signedAt(short.privateKey, new Date(start + 1000)), short.publicKey);
    await assert.rejects(
      signedAt(short.privateKey, new Date(start + day)).then((late) => verify(late, short.publicKey)),
      refused("OPENPGP_KEY_UNUSABLE", /key was expired/),
    );
    await assert.rejects(
      signedAt(short.privateKey, new Date(start - day)).then((early) => verify(early, short.publicKey)),
      refused("OPENPGP_KEY_UNUSABLE", /key was expired/),
    );
    const old = await makeKey({ date: new Date(start) });
    for (const [flag, early] of [
      [openpgp.enums.reasonForRevocation.keySuperseded, true],
      [openpgp.enums.reasonForRevocation.keyCompromised, false],
    ] as const) {
      const { publicKey } = await openpgp.revokeKey({
        key: old.privateKey,
        reasonForRevocation: { flag },
        date: new Date(start + day),
        format: "object",
      });
      const revoked = bytesOf(publicKey.write());
      const verifying = verify(await signedAt(old.privateKey, new Date(start + 1000)), revoked);
      if (early) await verifying;
      else await assert.rejects(verifying, refused("OPENPGP_KEY_UNUSABLE", /revoked/));
      const late = await signedAt(old.privateKey, new Date(start + 2 * day));
      await assert.rejects(verify(late, revoked), refused("OPENPGP_KEY_UNUSABLE", /revoked/));
    }
    // Of two signatures the first one's time counts: the second had ended by then.
    const later = await signedAt(other.privateKey, new Date(start + day));
    const ended = await signedAt(old.privateKey, new Date(start + 1000), (made) =>
      Object.assign(made, { signatureExpirationTime: 60, signatureNeverExpires: false }),
    );
    await verify(ended, old.publicKey);
    await assert.rejects(
      verify(concatBytes(later, ended), old.publicKey),
      refused("OPENPGP_KEY_UNUSABLE", /a signature was expired/),
    );
    const subkeys = [{ sign: true, keyExpirationTime: 3600 }];
    const split = await makeKey({ date: new Date(start), subkeys });
    const own = await signed(split.privateKey, new Date(start + 1000));
    await verify(own, split.publicKey);
    await assert.rejects(verify(concatBytes(later, own), split.publicKey), refused("OPENPGP_KEY_UNUSABLE", /subkey was expired/));
    const notation = { name: "unheard@example.org", value: new Uint8Array(), humanReadable: true, critical: true };
    await assert.rejects(
      signed(jo.privateKey, undefined, notation).then((noted) => verify(noted, jo.publicKey)),
      refused("OPENPGP_KEY_UNUSABLE", /critical notation "unheard@example.org"/),
    );
  });

  test("what is malformed, unknown or above a limit is refused", async () => {
    const malformedKeys: [Uint8Array, RegExp][] = [
      [encodeUtf8(jo.privateKey.armor()), /expected "PGP PUBLIC KEY BLOCK"/],
      [bytesOf(jo.privateKey.write()), /private key/],
      [jo.publicKey.subarray(0, -1), /ends early/],
      [new Uint8Array(0), /does not begin with a public key/],
      [Uint8Array.of(0x00), /no packet begins/],
      [packet(13, 0x41), /does not begin with a public key/],
      [encodeUtf8("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n"), /END/],
      [encodeUtf8("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!\n-----END PGP PUBLIC KEY BLOCK-----"), /not base64/],
      [encodeUtf8(`-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${"A".repeat(100)}\n-----END`), /100 characters/],
      [new Uint8Array(300_000), /300000 octets, at most 262144/],
      [concatBytes(...Array.from({ length: 600 }, () => packet(13))), /more than 512 packets/],
      [concatBytes(jo.publicKey, packet(11, 1)), /type 11 has no place/],
    ];
    for (const [bytes, problem] of malformedKeys)
      await assert.rejects(parseKeyRing(bytes), refused("OPENPGP_MALFORMED", problem));
    const unsupportedKeys: [Uint8Array, RegExp][] = [
      [packet(6, 3, 0, 0, 0, 0, 0, 0, 1), /version 3/],
      [packet(6, 4, 0, 0, 0, 0, 99), /algorithm 99/],
      [packet(6, 4, 0, 0, 0, 0, 1, 0xff, 0xff), /65535 bits/],
      [packet(6, 4, 0, 0, 0, 0, 1, 0, 8, 1, 0, 32, 1, 1, 1, 1), /32 bits/],
      [packet(6, 4, 0, 0, 0, 0, 17, 0x0c, 1), /3073 bits, at most 3072/],
      [packet(6, 4, 0, 0, 0, 0, 19, 1, 1), /curve/],
      [Uint8Array.of(0xc6, 0xe0, 4), /comes in parts/],
      [Uint8Array.of(0x9b), /no length/],
    ];
    for (const [bytes, problem] of unsupportedKeys)
      await assert.rejects(parseKeyRing(bytes), refused("OPENPGP_UNSUPPORTED", problem));
    const certified = concatBytes(
      jo.publicKey,
      ...Array.from({ length: 300 }, () => encodePacket(2, readPackets(jo.publicKey).at(-1)?.body ?? content)).flat(),
    );
    await assert.rejects(parseKeyRing(certified), refused("OPENPGP_UNSUPPORTED", /more signatures to verify/));
    const body = readPackets(signature)[0]?.body ?? content;
    const changed = (at: number, value: number): Uint8Array => concatBytes(...encodePacket(2, body.with(at, value)));
    for (const [bytes, code, problem] of [
      [changed(0, 3), "OPENPGP_UNSUPPORTED", /version 3/],
      [changed(2, 99), "OPENPGP_UNSUPPORTED", /algorithm 99/],
      [changed(3, 1), "OPENPGP_UNSUPPORTED", /algorithm 1/],
      [changed(5, 0), "OPENPGP_MALFORMED", /time of creation|octets/],
      [packet(13, 1), "OPENPGP_MALFORMED", /type 13/],
      [concatBytes(...Array.from({ length: 17 }, () => signature)), "OPENPGP_MALFORMED", /17 packets/],
      [encodeUtf8("no signature"), "OPENPGP_MALFORMED", /no packet begins/],
      [encodeArmor("PGP MESSAGE", signature), "OPENPGP_MALFORMED", /expected "PGP SIGNATURE"/],
    ] as const)
      assert.throws(() => parseDetachedSignature(bytes), refused(code, problem));
    const certificate = await signedAt(jo.privateKey, new Date(), (made) => Object.assign(made, { signatureType: 2 }));
    await assert.rejects(verify(certificate, jo.publicKey), refused("OPENPGP_MALFORMED", /type 2/));
  });

  test("emailOf takes what Rekor takes for an address", () => {
    const cases: [string, string | undefined][] = [
      ["Jo (c) <jo@example.org>", "jo@example.org"],
      ["<Jo.x+y@Example.org>", "Jo.x+y@Example.org"],
      ["jo@example.org", "jo@example.org"],
      ["Jo (a <b> c) <jo@example.org> d", "jo@example.org"],
      ["Jö <jö@exämple.org>", "jö@exämple.org"],
      ["Jo <jo@localhost>", undefined],
      ["Jo <.jo@example.org>", undefined],
      ["Jo <jo@example.1>", undefined],
      ["Jo", undefined],
      ["Jo <jo@exa mple.org>", undefined],
      ["", undefined],
    ];
    for (const [id, email] of cases) assert.equal(emailOf(encodeUtf8(id)), email, id);
    assert.equal(emailOf(Uint8Array.of(0xf6, ...encodeUtf8(" <jo@example.org>"))), "jo@example.org");
    assert.deepEqual(Object.keys(openpgpErrors).length, 6);
  });
});
