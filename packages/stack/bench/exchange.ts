// One kept connection of a load generator. A whole HTTP client would cost more than the server it measures: answers are delimited by
// Content-Length, and only counted.
import { connect, type Socket } from "node:net";

/** A connection that carries one request at a time. */
export interface Exchange {
  /** Sends a finished request and gives the status of its answer, once that is whole. */
  readonly send: (request: Uint8Array) => Promise<number>;
  readonly close: () => void;
}

/** Connects to a port of loopback. */
export async function openExchange(port: number): Promise<Exchange> {
  const socket = await open(port);
  return { send: exchanger(socket), close: () => socket.destroy() };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

function exchanger(socket: Socket): (request: Uint8Array) => Promise<number> {
  let finish: (status: number) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let begun: Buffer | undefined;
  let left = -1;
  let status = 0;
  let chunked = false;
  const isLastChunk = (bytes: Buffer): boolean => bytes.toString("latin1", Math.max(0, bytes.length - 7)) === "\r\n0\r\n\r\n";
  socket.on("error", (error) => fail(error));
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.on("data", (chunk: Buffer) => {
    if (left < 0) {
      const bytes = begun === undefined ? chunk : Buffer.concat([begun, chunk]);
      const split = bytes.indexOf("\r\n\r\n");
      begun = split < 0 ? bytes : undefined;
      if (split < 0) return;
      // Only the head becomes text: a generator that reads whole answers takes its part of the machine for that.
      const head = bytes.toString("latin1", 0, split + 2);
      status = Number(head.slice(9, 12));
      chunked = /\r\ntransfer-encoding: chunked\r\n/i.test(head);
      // A chunked answer is over at its empty chunk; none of those that are measured here have one within.
      if (chunked) left = isLastChunk(bytes) ? 0 : 1;
      else left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0) - (bytes.length - split - 4);
      if (chunked && left > 0) begun = bytes;
    } else if (chunked) {
      begun = Buffer.concat([begun?.subarray(-6) ?? chunk, chunk]);
      if (isLastChunk(begun)) left = 0;
    } else left -= chunk.length;
    if (left > 0) return;
    left = -1;
    begun = undefined;
    finish(status);
  });
  return (request) =>
    new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
      socket.write(request);
    });
}
