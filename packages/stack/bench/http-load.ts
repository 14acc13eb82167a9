// A load generator of its own process for requests that are handed to it: each is sent once, over kept connections.
import { Agent, request } from "node:http";

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
  const bodies = order.bodies.map((body) => Buffer.from(body, "base64"));
  const agent = new Agent({ keepAlive: true, maxSockets: order.connections });
  let at = 0;
  let failed = 0;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: order.connections }, async () => {
      for (let body = bodies[at++]; body !== undefined; body = bodies[at++]) {
        if ((await post(order, agent, body)) !== 200) failed += 1;
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  agent.destroy();
  return { answered: bodies.length - failed, failed, seconds };
}

function post(order: LoadOrder, agent: Agent, body: Uint8Array): Promise<number> {
  const headers = {
    "content-type": order.contentType,
    "content-length": String(body.length),
    ...(order.authorization === undefined ? {} : { authorization: order.authorization }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: "127.0.0.1", port: order.port, path: order.path, method: "POST", agent, headers },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
