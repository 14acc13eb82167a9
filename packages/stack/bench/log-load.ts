// The load generator: a process of its own that sends finished requests over kept connections and times the answers.
//
// It is told {make} to prepare requests or {get} to take them as they are, then {run}; it answers each with one message.
import { connect, type Socket } from "node:net";
import { type RequestKind, RequestMaker } from "./log-requests.ts";

/** Prepare requests until `count` are ready; those that the last run left over count. */
export interface MakeOrder {
  readonly order: "make";
  readonly kind: RequestKind;
  readonly count: number;
}

/** Send requests (prepared ones once each, or `paths` over and over) until `seconds` have gone or none is left. */
export interface RunOrder {
  readonly order: "run";
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly paths?: readonly string[];
  /** Requests a second in all; without it each connection sends as soon as it was answered. */
  readonly rate?: number;
}

/** What a run found. */
export interface RunResult {
  readonly answered: number;
  readonly failed: number;
  readonly seconds: number;
  /** Latencies in ms, sorted. */
  readonly latencies: readonly number[];
}

const prepared: Uint8Array[] = [];
let preparedKind: RequestKind | undefined;
const maker = new RequestMaker();

if (process.send !== undefined) {
  process.on("message", (order: MakeOrder | RunOrder) => {
    const work = order.order === "make" ? make(order) : run(order);
    work.then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}

async function make(order: MakeOrder): Promise<number> {
  if (order.kind !== preparedKind) prepared.length = 0;
  preparedKind = order.kind;
  while (prepared.length < order.count) prepared.push(await maker.make(order.kind));
  return prepared.length;
}

async function run(order: RunOrder): Promise<RunResult> {
  const fixed = order.paths?.map((path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
  let at = 0;
  const next = (): Uint8Array | undefined => (fixed === undefined ? prepared.pop() : fixed[at++ % fixed.length]);
  const latencies: number[] = [];
  let failed = 0;
  const begun = performance.now();
  const end = begun + order.seconds * 1000;
  const pause = order.rate === undefined ? 0 : (order.connections * 1000) / order.rate;
  const sockets = await Promise.all(Array.from({ length: order.connections }, () => open(order.port)));
  await Promise.all(
    sockets.map(async (socket, position) => {
      const exchange = exchanger(socket);
      let due = begun + (pause * position) / order.connections;
      for (let request = next(); request !== undefined && performance.now() < end; request = next()) {
        if (pause > 0) {
          await waitUntil(due);
          due += pause;
        }
        const sent = performance.now();
        const status = await exchange(request);
        latencies.push(performance.now() - sent);
        if (status !== 200 && status !== 201) failed += 1;
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  for (const socket of sockets) socket.destroy();
  return { answered: latencies.length - failed, failed, seconds, latencies: latencies.sort((a, b) => a - b) };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket));
  });
}

// A whole HTTP client would cost more than the server it measures: answers are delimited by Content-Length, and only counted.
function exchanger(socket: Socket): (request: Uint8Array) => Promise<number> {
  let finish: (status: number) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let head = "";
  let left = -1;
  let status = 0;
  let chunked = false;
  socket.on("error", (error) => fail(error));
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.on("data", (chunk: Buffer) => {
    if (left < 0) {
      head += chunk.toString("latin1");
      const split = head.indexOf("\r\n\r\n");
      if (split < 0) return;
      status = Number(head.slice(9, 12));
      chunked = /\r\ntransfer-encoding: chunked\r\n/i.test(head.slice(0, split + 2));
      // A chunked answer is over at its empty chunk; none of those that are measured here have one within.
      if (chunked) left = head.endsWith("\r\n0\r\n\r\n") ? 0 : 1;
      else left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - split - 4);
    } else {
      if (!chunked) left -= chunk.length;
      else {
        head = (head + chunk.toString("latin1")).slice(-16);
        if (head.endsWith("\r\n0\r\n\r\n")) left = 0;
      }
    }
    if (left > 0) return;
    left = -1;
    head = "";
    finish(status);
  });
  return (request) =>
    new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
      socket.write(request);
    });
}

function waitUntil(time: number): Promise<void> {
  const wait = time - performance.now();
  return wait <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, wait));
}
