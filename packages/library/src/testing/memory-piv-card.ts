// A PIV token in memory: the application of NIST SP 800-73-4 with Yubico's commands, as firmware 5 has them, command by command. Foreign programs
// manage it in test/interop/piv.test.ts, so that it is no card of our own fancy.
import { createCipheriv, randomBytes, timingSafeEqual } from "node:crypto";
import { concatBytes, derInteger, encodeHex, parseHex } from "../encoding/index.ts";
import { createEphemeralSigner, type DigestSigner } from "../signing/index.ts";
import { type Certificate, encodeExtension } from "../x509/index.ts";
import { createPivMaker, type MemoryPivMaker, type MemoryPivToken } from "./piv-token.ts";

const application = "a000000308";
const arc = "1.3.6.1.4.1.41482.3";
const tries = 3;
const factory = {
  pin: "313233343536ffff",
  puk: "3132333435363738",
  management: "010203040506070801020304050607080102030405060708",
};

interface SlotKey {
  readonly signer: DigestSigner;
  readonly pinPolicy: number;
  readonly touchPolicy: number;
}

/** What a card can be told to be. */
export interface MemoryPivOptions {
  readonly serial?: number;
  /** The cipher of its management key: AES-192 as firmware 5.7 has it, or 3DES with metadata (5.3), or 3DES of cards that know no metadata. */
  readonly management?: "aes-192" | "3des" | "3des-unsaid";
}

/** A card in memory; it speaks as `CardTransport` of the package signers wants it. */
export class MemoryPivCard {
  readonly name = "a card in memory";
  readonly maker: MemoryPivMaker;
  /** Every command that came, in hexadecimal digits, for tests that ask what was sent. */
  readonly commands: string[] = [];
  readonly #token: MemoryPivToken;
  readonly #serial: number;
  readonly #management: NonNullable<MemoryPivOptions["management"]>;
  readonly #keys = new Map<number, SlotKey>();
  readonly #objects = new Map<string, Uint8Array>();
  #pin = factory.pin;
  #puk = factory.puk;
  #managementKey = parseHex(factory.management);
  #pinTries = tries;
  #pukTries = tries;
  #isSelected = false;
  #hasPin = false;
  #hasManagement = false;
  #witness: Uint8Array | undefined;
  #challenge: Uint8Array | undefined;
  #chain: Uint8Array = new Uint8Array(0);
  #rest: Uint8Array = new Uint8Array(0);

  private constructor(maker: MemoryPivMaker, token: MemoryPivToken, options: MemoryPivOptions) {
    this.maker = maker;
    this.#token = token;
    this.#serial = options.serial ?? 4711;
    this.#management = options.management ?? "3des";
  }

  /** Make a card as its maker delivers it. */
  static async create(options: MemoryPivOptions = {}): Promise<MemoryPivCard> {
    const maker = await createPivMaker();
    return new MemoryPivCard(maker, await maker.token(options.serial ?? 4711), options);
  }

  /** The card's own certificate. */
  get device(): Certificate {
    return this.#token.device;
  }

  /** Take the card out of the reader and put it in again. */
  reset(): void {
    this.#isSelected = this.#hasPin = this.#hasManagement = false;
    this.#chain = this.#rest = new Uint8Array(0);
  }

  /** Nothing is held open. */
  close(): Promise<void> {
    this.reset();
    return Promise.resolve();
  }

  /** Answer one command: what it says, and two status bytes. */
  async transmit(bytes: Uint8Array): Promise<Uint8Array> {
    this.commands.push(encodeHex(bytes));
    const [cla = 0, ins = 0, p1 = 0, p2 = 0, given = 0] = bytes;
    // ISO 7816-3 §12.1.3: without data, with its length, with an expected length behind it.
    const data = bytes.length > 5 ? bytes.subarray(5, 5 + given) : new Uint8Array(0);
    if (bytes.length < 4 || (bytes.length > 5 && ![5 + given, 6 + given].includes(bytes.length))) return status(0x6700);
    if (ins === 0xc0) return this.#answer(this.#rest, given);
    if (cla === 0x10) {
      this.#chain = concatBytes(this.#chain, data);
      return this.#chain.length > 3072 ? status(0x6700) : status(0x9000);
    }
    if (cla !== 0) return status(0x6e00);
    const whole = concatBytes(this.#chain, data);
    this.#chain = new Uint8Array(0);
    if (ins === 0xa4) return this.#select(whole);
    if (!this.#isSelected) return status(0x6985);
    const found = await this.#run(ins, p1, p2, whole);
    return typeof found === "number" ? status(found) : this.#answer(found, 0);
  }

  #select(data: Uint8Array): Uint8Array {
    this.reset();
    // The application's whole name may be given, or its beginning.
    this.#isSelected = encodeHex(data).startsWith(application);
    return this.#isSelected ? this.#answer(parseHex("61114f0600001000010079074f05a000000308"), 0) : status(0x6a82);
  }

  // At most 256 octets at once; how many more there are stands in the status.
  #answer(data: Uint8Array, expected: number): Uint8Array {
    const part = data.subarray(0, expected === 0 ? 256 : expected);
    this.#rest = data.subarray(part.length);
    const left = this.#rest.length;
    return concatBytes(part, status(left === 0 ? 0x9000 : 0x6100 + Math.min(left, 0xff)));
  }

  async #run(ins: number, p1: number, p2: number, data: Uint8Array): Promise<Uint8Array | number> {
    switch (ins) {
      case 0x20:
        return this.#verifyPin(p2, data);
      case 0x24:
        return this.#change(p2, data);
      case 0x2c:
        return this.#unblock(data);
      case 0x47:
        return this.#generate(p2, data);
      case 0x87:
        return p2 === 0x9b ? this.#authenticate(p1, data) : await this.#sign(p1, p2, data);
      case 0xcb:
        return this.#object(data);
      case 0xdb:
        return this.#store(data);
      case 0xf7:
        return this.#metadata(p2);
      case 0xf8:
        return Uint8Array.of(this.#serial >>> 24, this.#serial >>> 16, this.#serial >>> 8, this.#serial);
      case 0xf9:
        return await this.#attest(p1);
      case 0xfb:
        return this.#factory();
      case 0xfd:
        return Uint8Array.of(5, this.#management === "aes-192" ? 7 : this.#management === "3des" ? 4 : 2, 6);
      case 0xff:
        return this.#setManagement(data);
      default:
        return 0x6d00;
    }
  }

  #verifyPin(reference: number, data: Uint8Array): number {
    if (reference !== 0x80) return 0x6a88;
    if (data.length === 0) return this.#hasPin ? 0x9000 : 0x63c0 + this.#pinTries;
    if (data.length !== 8) return 0x6a80;
    if (this.#pinTries === 0) return 0x6983;
    this.#hasPin = encodeHex(data) === this.#pin;
    this.#pinTries = this.#hasPin ? tries : this.#pinTries - 1;
    return this.#hasPin ? 0x9000 : this.#pinTries === 0 ? 0x6983 : 0x63c0 + this.#pinTries;
  }

  #change(reference: number, data: Uint8Array): number {
    if (data.length !== 16) return 0x6a80;
    const [from, to] = [encodeHex(data.subarray(0, 8)), encodeHex(data.subarray(8))];
    if (reference === 0x81) {
      const verdict = this.#showPuk(from);
      if (verdict === 0x9000) this.#puk = to;
      return verdict;
    }
    const verdict = this.#verifyPin(reference, parseHex(from));
    if (verdict === 0x9000) this.#pin = to;
    return verdict;
  }

  #showPuk(puk: string): number {
    if (this.#pukTries === 0) return 0x6983;
    if (puk === this.#puk) {
      this.#pukTries = tries;
      return 0x9000;
    }
    this.#pukTries -= 1;
    return this.#pukTries === 0 ? 0x6983 : 0x63c0 + this.#pukTries;
  }

  #unblock(data: Uint8Array): number {
    if (data.length !== 16) return 0x6a80;
    const verdict = this.#showPuk(encodeHex(data.subarray(0, 8)));
    if (verdict !== 0x9000) return verdict;
    this.#pin = encodeHex(data.subarray(8));
    this.#pinTries = tries;
    return verdict;
  }

  // Mutual, as the command line does it; or the token's challenge answered, as older programs do.
  #authenticate(algorithm: number, data: Uint8Array): Uint8Array | number {
    if (algorithm !== this.#algorithm()) return 0x6a86;
    const fields = template(data);
    if (fields === undefined) return 0x6a80;
    const size = this.#management === "aes-192" ? 16 : 8;
    const [witness, challenge, response] = [fields.get(0x80), fields.get(0x81), fields.get(0x82)];
    if (witness?.length === 0) {
      this.#witness = new Uint8Array(randomBytes(size));
      return tlv(0x7c, tlv(0x80, this.#encrypt(this.#witness)));
    }
    if (challenge?.length === 0) {
      this.#challenge = new Uint8Array(randomBytes(size));
      return tlv(0x7c, tlv(0x81, this.#challenge));
    }
    if (witness !== undefined && challenge !== undefined && this.#witness !== undefined) {
      const isKnown = witness.length === size && timingSafeEqual(witness, this.#witness);
      this.#witness = undefined;
      if (!isKnown || challenge.length !== size) return 0x6982;
      this.#hasManagement = true;
      return tlv(0x7c, tlv(0x82, this.#encrypt(challenge)));
    }
    if (response !== undefined && this.#challenge !== undefined) {
      this.#hasManagement = response.length === size && timingSafeEqual(response, this.#encrypt(this.#challenge));
      this.#challenge = undefined;
      return this.#hasManagement ? new Uint8Array(0) : 0x6982;
    }
    return 0x6a80;
  }

  #algorithm(): number {
    return this.#management === "aes-192" ? 0x0a : 0x03;
  }

  #encrypt(block: Uint8Array): Uint8Array {
    const name = this.#management === "aes-192" ? "aes-192-ecb" : "des-ede3-ecb";
    return new Uint8Array(createCipheriv(name, this.#managementKey, null).setAutoPadding(false).update(block));
  }

  #setManagement(data: Uint8Array): number {
    if (!this.#hasManagement) return 0x6982;
    if (data[0] !== this.#algorithm() || data[1] !== 0x9b || data[2] !== 24 || data.length !== 27) return 0x6a80;
    this.#managementKey = data.slice(3);
    return 0x9000;
  }

  #generate(slot: number, data: Uint8Array): Uint8Array | number {
    if (!this.#hasManagement) return 0x6982;
    const order = template(data, 0xac);
    if (order === undefined || ![0x9a, 0x9c, 0x9d, 0x9e].includes(slot) || order.get(0x80)?.[0] !== 0x11) return 0x6a80;
    const signer = createEphemeralSigner();
    const [pinPolicy = 0, touchPolicy = 0] = [order.get(0xaa)?.[0], order.get(0xab)?.[0]];
    // What is not said the slot decides: 9C asks each time, 9E never, the others once.
    const usual = slot === 0x9c ? 3 : slot === 0x9e ? 1 : 2;
    this.#keys.set(slot, {
      signer,
      pinPolicy: pinPolicy === 0 ? usual : pinPolicy,
      touchPolicy: touchPolicy === 0 ? 1 : touchPolicy,
    });
    return tlv(0x7f49, tlv(0x86, signer.publicKey.spki.subarray(-65)));
  }

  async #sign(algorithm: number, slot: number, data: Uint8Array): Promise<Uint8Array | number> {
    const key = this.#keys.get(slot);
    const input = template(data)?.get(0x81);
    if (key === undefined || algorithm !== 0x11) return 0x6a86;
    if (input?.length !== 32) return 0x6a80;
    if (key.pinPolicy !== 1 && !this.#hasPin) return 0x6982;
    if (key.pinPolicy === 3) this.#hasPin = false;
    return tlv(0x7c, tlv(0x82, await key.signer.signDigest(input)));
  }

  async #attest(slot: number): Promise<Uint8Array | number> {
    const key = this.#keys.get(slot);
    if (key === undefined) return 0x6a80;
    const facts = [
      encodeExtension(`${arc}.3`, false, Uint8Array.of(5, 4, 6)),
      encodeExtension(`${arc}.7`, false, derInteger(this.#serial)),
      encodeExtension(`${arc}.8`, false, Uint8Array.of(key.pinPolicy, key.touchPolicy)),
      encodeExtension(`${arc}.9`, false, Uint8Array.of(3)),
    ];
    return (await this.#token.attest(key.signer, facts)).der;
  }

  #object(data: Uint8Array): Uint8Array | number {
    const name = encodeHex(template(data, "none")?.get(0x5c) ?? new Uint8Array(0));
    if (name === "5fff01")
      return tlv(0x53, concatBytes(tlv(0x70, this.device.der), tlv(0x71, Uint8Array.of(0)), tlv(0xfe, new Uint8Array(0))));
    const found = this.#objects.get(name);
    return found === undefined ? 0x6a82 : tlv(0x53, found);
  }

  #store(data: Uint8Array): number {
    if (!this.#hasManagement) return 0x6982;
    const fields = template(data, "none");
    const [name, value] = [fields?.get(0x5c), fields?.get(0x53)];
    if (name === undefined || value === undefined) return 0x6a80;
    if (value.length === 0) this.#objects.delete(encodeHex(name));
    else this.#objects.set(encodeHex(name), value.slice());
    return 0x9000;
  }

  #metadata(slot: number): Uint8Array | number {
    if (this.#management === "3des-unsaid") return 0x6d00;
    if (slot === 0x9b) {
      const isFactory = encodeHex(this.#managementKey) === factory.management ? 1 : 0;
      return concatBytes(tlv(1, Uint8Array.of(this.#algorithm())), tlv(2, Uint8Array.of(0, 1)), tlv(5, Uint8Array.of(isFactory)));
    }
    if (slot === 0x80 || slot === 0x81) {
      const [left, isFactory] =
        slot === 0x80 ? [this.#pinTries, this.#pin === factory.pin] : [this.#pukTries, this.#puk === factory.puk];
      return concatBytes(
        tlv(1, Uint8Array.of(0xff)),
        tlv(5, Uint8Array.of(isFactory ? 1 : 0)),
        tlv(6, Uint8Array.of(tries, left)),
      );
    }
    const key = this.#keys.get(slot);
    if (key === undefined) return 0x6a88;
    return concatBytes(
      tlv(1, Uint8Array.of(0x11)),
      tlv(2, Uint8Array.of(key.pinPolicy, key.touchPolicy)),
      tlv(3, Uint8Array.of(1)),
      tlv(4, tlv(0x86, key.signer.publicKey.spki.subarray(-65))),
    );
  }

  #factory(): number {
    if (this.#pinTries > 0 || this.#pukTries > 0) return 0x6985;
    this.#keys.clear();
    this.#objects.clear();
    [this.#pin, this.#puk, this.#managementKey] = [factory.pin, factory.puk, parseHex(factory.management)];
    [this.#pinTries, this.#pukTries] = [tries, tries];
    this.#hasPin = this.#hasManagement = false;
    return 0x9000;
  }
}

function status(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function tlv(tag: number, value: Uint8Array): Uint8Array {
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.of(...(tag > 0xff ? [tag >> 8, tag & 0xff] : [tag]), ...size, ...value);
}

// The values in a template (7C, AC), or of the data themselves; undefined where they are no BER-TLV.
function template(data: Uint8Array, outer: number | "none" = 0x7c): Map<number, Uint8Array> | undefined {
  const fields = new Map<number, Uint8Array>();
  for (let at = 0; at < data.length; ) {
    const tag = data[at++] ?? 0;
    let length = data[at++] ?? 0xff;
    if (length === 0x81) length = data[at++] ?? 0xffff;
    else if (length === 0x82) {
      length = (data[at] ?? 0xff) * 256 + (data[at + 1] ?? 0xff);
      at += 2;
    }
    if (at + length > data.length) return undefined;
    fields.set(tag, data.subarray(at, at + length));
    at += length;
  }
  if (outer === "none") return fields;
  const inner = fields.size === 1 ? fields.get(outer) : undefined;
  return inner === undefined ? undefined : template(inner, "none");
}
