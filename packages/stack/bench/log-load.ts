// The load generator: a process of its own that sends finished requests over kept connections and times the answers.
//
// It is told {make} to prepare requests or {get} to take them as they are, then {run}; it answers each with one message.
import { openExchange } from "./exchange.ts";
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
  /** Of this process, while requests were sent. */
  readonly cpuMicros: number;
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
  const exchanges = await Promise.all(Array.from({ length: order.connections }, () => openExchange(order.port)));
  const pause = order.rate === undefined ? 0 : (order.connections * 1000) / order.rate;
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const end = begun + order.seconds * 1000;
  await Promise.all(
    exchanges.map(async ({ send }, position) => {
      let due = begun + (pause * position) / order.connections;
      for (let request = next(); request !== undefined && performance.now() < end; request = next()) {
        if (pause > 0) {
          await waitUntil(due);
          due += pause;
        }
        const sent = performance.now();
        const status = await send(request);
        latencies.push(performance.now() - sent);
        if (status !== 200 && status !== 201) failed += 1;
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  for (const { close } of exchanges) close();
  const answered = latencies.length - failed;
  return { answered, failed, seconds, latencies: latencies.sort((a, b) => a - b), cpuMicros: user + system };
}

function waitUntil(time: number): Promise<void> {
  const wait = time - performance.now();
  return wait <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, wait));
}
