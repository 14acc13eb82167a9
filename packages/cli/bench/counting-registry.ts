// The embedded registry in a process of its own, which counts what it is asked: `GET /counts` answers and begins anew. Arguments: directory.
// Prints its port when it listens.
import { createServer } from "node:http";
import { silentLogger } from "@sigillum/stack/host";
import { createRegistry } from "@sigillum/stack/registry";

const directory = process.argv[2] ?? "";
const service = createRegistry({ directory, logger: silentLogger, listener: { addresses: ["127.0.0.1"], port: 0 } });
const handler = service.listeners[0]?.handler;
let asked: string[] = [];

const server = createServer((request, response) => {
  if (request.url === "/counts") {
    response.end(JSON.stringify(asked));
    asked = [];
    return;
  }
  asked.push(`${request.method} ${request.url}`);
  handler?.(request, response);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
