// A card in memory in the reader of a real PC/SC daemon: pcscd of Debian with vsmartcard's virtual reader, which asks our card over TCP for every
// answer. The daemon's socket has a fixed path, so it runs in a mount namespace of its own, where that path is a folder of this test.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { MemoryPivCard } from "@sigillum/library/testing";
import { openCard, withPivCard } from "@sigillum/signers/signers";
import { findPeer } from "../../tools/peers-list.mjs";

/** What the daemon calls the reader that the card is in. */
export const readerName = "Virtual PCD 00 00";

/** A reader with a card, and what programs must have in their environment to find it. */
export interface VirtualReader {
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Why there can be no virtual reader here; false where there can. */
export function missingReader(): string | false {
  for (const name of ["pcscd", "vpcd", "libpcsclite"]) {
    const { path, missing } = findPeer(name);
    if (path === undefined) return missing ?? `${name} is not here`;
  }
  if (process.getuid?.() !== 0) return "a mount namespace for pcscd needs root";
  const probe = spawnSync("unshare", ["--mount", "true"]);
  return probe.status === 0 ? false : "unshare --mount does not work here";
}

/** Start the daemon with the card in its reader. */
export async function startReader(directory: string, card: MemoryPivCard): Promise<VirtualReader> {
  const { port, close } = await serveCards(card);
  const run = join(directory, "pcscd");
  await mkdir(run, { recursive: true });
  // Under a plain name: the daemon's configuration takes no "+" in a path.
  await copyFile(findPeer("vpcd").path ?? "", join(run, "vpcd.so"));
  const configuration = [
    'FRIENDLYNAME "Virtual PCD"',
    `DEVICENAME 127.0.0.1:${port}`,
    "LIBPATH /run/pcscd/vpcd.so",
    `CHANNELID ${port}`,
    "",
  ];
  await writeFile(join(run, "reader.conf"), configuration.join("\n"));
  await mkdir("/run/pcscd", { recursive: true });
  const script = 'mount --bind "$0" /run/pcscd && exec "$1" --foreground --config /run/pcscd/reader.conf';
  const daemon = spawn("unshare", ["--mount", "/bin/sh", "-c", script, run, findPeer("pcscd").path ?? ""], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [daemon.stdout, daemon.stderr])
    stream.on("data", (text) => (said = `${said}${String(text)}`.slice(-4000)));
  const libraries = ["libpcsclite", "libykpiv"].flatMap((name) => {
    const { path } = findPeer(name);
    return path === undefined ? [] : [join(path, "..")];
  });
  const environment = {
    PCSCLITE_CSOCK_NAME: join(run, "pcscd.comm"),
    SIGILLUM_PIV_READER: readerName,
    LD_LIBRARY_PATH: libraries.join(":"),
  };
  const stop = async (): Promise<void> => {
    await ended(daemon);
    close();
  };
  try {
    await untilCard(environment, daemon);
  } catch (error) {
    await stop();
    throw new Error(`pcscd does not start: ${said}`, { cause: error });
  }
  return { environment, stop };
}

// The driver has two slots, on ports that follow each other, and ends the daemon where nobody listens: in the second is a card without PIV.
async function serveCards(card: MemoryPivCard): Promise<{ readonly port: number; readonly close: () => void }> {
  const other: Card = { reset: () => undefined, transmit: () => Promise.resolve(Uint8Array.of(0x6a, 0x82)) };
  for (let attempt = 0; ; attempt += 1) {
    const first = await listen(card, 0);
    const address = first.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      const second = await listen(other, port + 1);
      return {
        port,
        close: () => {
          first.close();
          second.close();
        },
      };
    } catch (error) {
      first.close();
      if (attempt === 20) throw error;
    }
  }
}

type Card = Pick<MemoryPivCard, "reset" | "transmit">;

// virtualsmartcard's protocol: each message with its length in two octets; one octet alone is a command to the reader.
async function listen(card: Card, port: number): Promise<Server> {
  const server = createServer((socket) => {
    let received: Uint8Array = new Uint8Array(0);
    let working = Promise.resolve();
    socket.on("error", () => undefined); // the daemon went away; the test sees what it misses
    socket.on("data", (chunk: Uint8Array) => {
      received = Buffer.concat([received, chunk]);
      for (;;) {
        const length = (received[0] ?? 0) * 256 + (received[1] ?? 0);
        if (received.length < 2 || received.length < 2 + length) return;
        const message = received.subarray(2, 2 + length);
        received = received.subarray(2 + length);
        working = working.then(() => answer(socket, card, message));
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  return server;
}

const getAtr = 4;
// T=1, as such tokens have it: 3B 80 80 01 and its check octet.
const atr = Uint8Array.of(0x3b, 0x80, 0x80, 0x01, 0x01);

async function answer(socket: Socket, card: Card, message: Uint8Array): Promise<void> {
  if (message.length === 1 && message[0] !== getAtr) {
    card.reset();
    return;
  }
  const bytes = message.length === 1 ? atr : await card.transmit(Uint8Array.from(message));
  socket.write(Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes]));
}

// The daemon makes its socket before it can answer, and finds the card later still: ready is when the card answers through it.
async function untilCard(environment: Readonly<Record<string, string>>, daemon: ChildProcess): Promise<void> {
  for (const end = Date.now() + 20_000; ; ) {
    if (daemon.exitCode !== null) throw new Error(`it ended with ${daemon.exitCode}`);
    try {
      return await withPivCard(
        () => Promise.resolve(),
        () => openCard(environment),
      );
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function ended(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    daemon.once("exit", () => resolve());
    daemon.kill("SIGKILL");
  });
}
