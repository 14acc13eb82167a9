// pcsc-lite's daemon in memory, with one card in one reader: the part of winscard_msg.h that a client needs, on a Unix socket. Debian's own client
// library speaks to it in test/interop/piv.test.ts; the daemon itself is there too.
import { createServer, type Server, type Socket } from "node:net";
import { endianness } from "node:os";
import { concatBytes } from "../encoding/index.ts";

/** What a card must be able to do. */
export interface ReadableCard {
  transmit(command: Uint8Array): Promise<Uint8Array>;
}

/** Where the daemon may be disturbed. */
export interface PcscdQuirks {
  /** Its protocol; clients of another are sent away. */
  version?: readonly [number, number];
  /** The readers, and whether each has a card. */
  readers?: readonly { readonly name: string; readonly hasCard: boolean }[];
  /** Its result for a command, in place of success: 0x80100069 says that the card was pulled. */
  results?: ReadonlyMap<number, number>;
  /** It hangs up at this command. */
  hangsUpAt?: number;
}

const little = endianness() === "LE";
const nameBytes = 128;
const stateBytes = 184;
const readerSlots = 16;

/** A daemon that listens. */
export class MemoryPcscd {
  readonly path: string;
  readonly quirks: PcscdQuirks = {};
  readonly #server: Server;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  /** Listen at a path. Cards that are connected to answer whoever asks first. */
  static async start(path: string, card: ReadableCard): Promise<MemoryPcscd> {
    const server = createServer();
    const daemon = new MemoryPcscd(path, server);
    server.on("connection", (socket) => daemon.#serve(socket, card));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(path, resolve);
    });
    return daemon;
  }

  /** Stop listening. */
  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket, card: ReadableCard): void {
    let received: Uint8Array = new Uint8Array(0);
    let working: Promise<void> = Promise.resolve();
    socket.on("error", () => undefined); // the client is gone, and with it whoever would be told
    socket.on("data", (chunk: Uint8Array) => {
      received = concatBytes(received, chunk);
      for (;;) {
        if (received.length < 8) return;
        const [size = 0, command = 0] = numbersOf(received.subarray(0, 8));
        // The command to the card follows the structure, uncounted.
        const more = command === 9 && received.length >= 8 + size ? (numbersOf(received.subarray(8, 8 + size))[3] ?? 0) : 0;
        if (received.length < 8 + size + more) return;
        const [structure, apdu] = [received.slice(8, 8 + size), received.slice(8 + size, 8 + size + more)];
        received = received.slice(8 + size + more);
        working = working.then(async () => {
          if (command === this.quirks.hangsUpAt) socket.destroy();
          else socket.write(await this.#answer(command, structure, apdu, card));
        });
      }
    });
  }

  async #answer(command: number, structure: Uint8Array, apdu: Uint8Array, card: ReadableCard): Promise<Uint8Array> {
    const result = this.quirks.results?.get(command) ?? 0;
    const values = [...numbersOf(structure)];
    const last = values.length - 1;
    if (command === 0x11) {
      const [major, minor] = this.quirks.version ?? [4, 4];
      return bytesOf([major, minor, values[0] === major && values[1] === minor ? 0 : 0x8010001e]);
    }
    if (command === 0x12) return this.#states();
    if (command === 1) return bytesOf([values[0] ?? 0, 77, result]);
    if (command === 4) {
      const fields = new Uint8Array(structure);
      fields.set(bytesOf([99, 2, result]), 4 + nameBytes + 8);
      return fields;
    }
    if (command === 9) {
      const answer = result === 0 ? await card.transmit(apdu) : new Uint8Array(0);
      values[6] = answer.length;
      values[7] = result;
      return concatBytes(bytesOf(values), answer);
    }
    values[last] = result;
    return bytesOf(values);
  }

  #states(): Uint8Array {
    const states = new Uint8Array(readerSlots * stateBytes);
    for (const [i, { name, hasCard }] of (this.quirks.readers ?? [{ name: "Memory Reader", hasCard: true }]).entries()) {
      states.set(new TextEncoder().encode(name), i * stateBytes);
      states.set(bytesOf([1, hasCard ? 4 : 2]), i * stateBytes + nameBytes);
    }
    return states;
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
