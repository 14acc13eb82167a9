// A load generator of its own process for requests that are handed to it: each is sent once, over kept connections, and the answers are only
// counted. A whole HTTP client would take as much of the machine as the server that it measures.
import { openExchange } from "./exchange.ts";

/** What to send, and where. */
export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly contentType: string;
  readonly authorization?: string;
  /** Bodies in base64, each sent once. */
  readonly bodies: readonly string[];
  readonly connections: number;
}

/** What a run found. */
export interface LoadResult {
  readonly answered: number;
  readonly failed: number;
  readonly seconds: number;
  /** Of this process, while requests were sent. */
  readonly cpuMicros: number;
}

if (process.send !== undefined) {
  process.on("message", (order: LoadOrder) => {
    run(order).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const requests = order.bodies.map((body) => encodeRequest(order, Buffer.from(body, "base64")));
  const exchanges = await Promise.all(Array.from({ length: order.connections }, () => openExchange(order.port)));
  let at = 0;
  let failed = 0;
  const cpu = process.cpuUsage();
  const begun = performance.now();
  await Promise.all(
    exchanges.map(async ({ send }) => {
      for (let request = requests[at++]; request !== undefined; request = requests[at++]) {
        if ((await send(request)) !== 200) failed += 1;
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  const spent = process.cpuUsage(cpu);
  for (const { close } of exchanges) close();
  return { answered: requests.length - failed, failed, seconds, cpuMicros: spent.user + spent.system };
}

function encodeRequest(order: LoadOrder, body: Uint8Array): Uint8Array {
  const lines = [
    `POST ${order.path} HTTP/1.1`,
    "Host: localhost",
    `Content-Type: ${order.contentType}`,
    `Content-Length: ${body.length}`,
    ...(order.authorization === undefined ? [] : [`Authorization: ${order.authorization}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}
