// Smart cards through pcsc-lite's daemon, by the protocol that its own library speaks over a Unix socket (pcsc-lite 1.9 to 2.4, protocol 4.4,
// winscard_msg.h): structures of 32-bit numbers in the machine's order. So no native code is needed on Linux; other systems have no such socket.
import { createConnection, type Socket } from "node:net";
import { endianness } from "node:os";
import { concatBytes, quote } from "@sigillum/library/encoding";
import { signersError } from "../errors.ts";
import type { Environment } from "../vault-signer.ts";
import type { CardTransport } from "./apdu.ts";

const commands = {
  establishContext: 1,
  connect: 4,
  disconnect: 6,
  beginTransaction: 7,
  endTransaction: 8,
  transmit: 9,
  version: 0x11,
  readersState: 0x12,
} as const;
const readers = 16;
const readerNameBytes = 128;
/** name, event counter, state, sharing, ATR of at most 33 octets, padding, its length, protocol. */
const readerStateBytes = readerNameBytes + 4 + 4 + 4 + 36 + 4 + 4;
const cardPresent = 4;
const sharedMode = 2;
const anyProtocol = 3;
const maxAnswerBytes = 65_536 + 12;
const defaultWaitMs = 30_000;
const little = endianness() === "LE";

/**
 * Open the one card that is in a reader; a transaction keeps others away from it until it is closed. $PCSCLITE_CSOCK_NAME names the daemon's
 * socket. SIGNER_CARD_MISSING where there is no daemon or no card; several cards are refused, unless SIGILLUM_PIV_READER is part of one name.
 */
export async function openCard(environment: Environment): Promise<CardTransport> {
  const path = environment["PCSCLITE_CSOCK_NAME"] ?? "/run/pcscd/pcscd.comm";
  const daemon = await Daemon.connect(path);
  try {
    const reader = readerOf(await daemon.readersWithCards(), environment["SIGILLUM_PIV_READER"]);
    return await daemon.open(reader);
  } catch (error) {
    daemon.end();
    throw error;
  }
}

function readerOf(found: readonly string[], wanted: string | undefined): string {
  const matching = wanted === undefined || wanted === "" ? found : found.filter((name) => name.includes(wanted));
  const [reader, ...others] = matching;
  if (reader !== undefined && others.length === 0) return reader;
  const names = matching.map((name) => quote(name)).join(", ");
  throw reader === undefined
    ? missing(found.length === 0 ? "no reader has a card" : `no reader with a card is called ${quote(wanted ?? "")}`, "a card")
    : missing(`found ${matching.length} cards: ${names}`, "one card, or SIGILLUM_PIV_READER with part of the reader's name");
}

function missing(found: string, expected: string, cause?: unknown): Error {
  return signersError("SIGNER_CARD_MISSING", `Cannot use a PIV token: ${found}`, { found, expected, cause });
}

/** A conversation with the daemon: one question at a time, each with an answer of known length. */
class Daemon {
  readonly #socket: Socket;
  #received: Uint8Array = new Uint8Array(0);
  #failure: unknown;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#received = concatBytes(this.#received, chunk);
      this.#wake?.();
    });
    const fail = (error?: unknown): void => {
      this.#failure ??= error ?? new Error("it hung up");
      this.#wake?.();
    };
    socket.on("error", fail).on("close", () => fail());
  }

  static async connect(path: string): Promise<Daemon> {
    const socket = createConnection({ path });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    }).catch((cause: unknown) => {
      const why = cause instanceof Error && "code" in cause ? String(cause.code) : "no connection";
      throw missing(
        `no PC/SC daemon answers at ${path} (${why})`,
        "pcscd running; on systems without it, a PKCS #11 module",
        cause,
      );
    });
    const daemon = new Daemon(socket);
    try {
      const [major, minor, result] = await daemon.#call(commands.version, [4, 4, 0]);
      if (result !== 0)
        throw missing(`the PC/SC daemon speaks protocol ${major}.${minor}`, "protocol 4.4, or later and compatible");
      return daemon;
    } catch (error) {
      daemon.end();
      throw error;
    }
  }

  async readersWithCards(): Promise<readonly string[]> {
    this.#send(commands.readersState, new Uint8Array(0));
    const states = await this.#read(readers * readerStateBytes);
    return Array.from({ length: readers }, (_, i) => states.subarray(i * readerStateBytes, (i + 1) * readerStateBytes)).flatMap(
      (state) => {
        const name = new TextDecoder().decode(state.subarray(0, readerNameBytes)).replace(/\0[\s\S]*$/u, "");
        const flags = numbersOf(state.subarray(readerNameBytes + 4, readerNameBytes + 8))[0] ?? 0;
        return name !== "" && (flags & cardPresent) !== 0 ? [name] : [];
      },
    );
  }

  async open(reader: string): Promise<CardTransport> {
    const [, context = 0, established] = await this.#call(commands.establishContext, [2, 0, 0]);
    this.#require("establish a context", established);
    const name = new Uint8Array(readerNameBytes);
    name.set(new TextEncoder().encode(reader).subarray(0, readerNameBytes - 1));
    const order = concatBytes(bytesOf([context]), name, bytesOf([sharedMode, anyProtocol, 0, 0, 0]));
    this.#send(commands.connect, order);
    const answer = numbersOf((await this.#read(order.length)).subarray(4 + readerNameBytes));
    const [, , handle = 0, protocol = 0, connected] = answer;
    this.#require(`connect to the card in ${quote(reader)}`, connected);
    this.#require("begin a transaction", (await this.#call(commands.beginTransaction, [handle, 0]))[1]);
    return {
      name: reader,
      transmit: (command) => this.#transmit(handle, protocol, command),
      close: async () => {
        // Whether the daemon still hears us or not: with the socket the card is given back.
        await this.#call(commands.endTransaction, [handle, 0, 0]).catch(() => undefined);
        await this.#call(commands.disconnect, [handle, 0, 0]).catch(() => undefined);
        this.end();
      },
    };
  }

  async #transmit(handle: number, protocol: number, command: Uint8Array): Promise<Uint8Array> {
    const order = [handle, protocol, 8, command.length, protocol, 8, maxAnswerBytes, 0];
    this.#send(commands.transmit, bytesOf(order), command);
    const answer = numbersOf(await this.#read(order.length * 4));
    this.#require("speak to the card", answer[7]);
    const length = answer[6] ?? 0;
    if (length > maxAnswerBytes) throw this.#unavailable(`the PC/SC daemon announces ${length} bytes`);
    return await this.#read(length);
  }

  end(): void {
    this.#socket.destroy();
  }

  async #call(command: number, values: readonly number[]): Promise<readonly number[]> {
    this.#send(command, bytesOf(values));
    return numbersOf(await this.#read(values.length * 4));
  }

  // The header counts the structure alone; the command to a card follows it uncounted.
  #send(command: number, structure: Uint8Array, more: Uint8Array = new Uint8Array(0)): void {
    this.#socket.write(concatBytes(bytesOf([structure.length, command]), structure, more));
  }

  async #read(length: number): Promise<Uint8Array> {
    const end = performance.now() + defaultWaitMs;
    while (this.#received.length < length) {
      if (this.#failure !== undefined) throw this.#unavailable("the PC/SC daemon hung up", this.#failure);
      const left = end - performance.now();
      // A touch may take its time; a daemon that says nothing for so long says nothing any more.
      if (left <= 0) throw this.#unavailable(`the PC/SC daemon did not answer in ${defaultWaitMs / 1000} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const found = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return found;
  }

  #require(action: string, result: number | undefined): void {
    if (result === 0) return;
    throw this.#unavailable(`the PC/SC daemon does not ${action}: ${(result ?? -1).toString(16)}`);
  }

  #unavailable(problem: string, cause?: unknown): Error {
    return signersError("SIGNER_TOKEN_UNAVAILABLE", `Cannot use the PIV token: ${problem}`, { cause, found: problem });
  }
}

function bytesOf(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value >>> 0, little);
  return bytes;
}

function numbersOf(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => view.getUint32(i * 4, little));
}
