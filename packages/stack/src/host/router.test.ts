import assert from "node:assert/strict";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { isSigillumError } from "@sigillum/library/encoding";
import { createLogger, errorReply, jsonReply, Router, readJson, silentLogger, statusOfError } from "./index.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

function ask(
  server: Server,
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: "127.0.0.1", port: address.port, method, path, headers: options.headers ?? {} },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8").on("data", (part: string) => (text += part));
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}

describe("Router", () => {
  const lines: string[] = [];
  const router = new Router()
    .add("GET", "/plain", () => ({ status: 200, body: "plain" }))
    .add("GET", "/items/:id", ({ params }) => jsonReply(200, params))
    .add("POST", "/items/:id", async (request) =>
      jsonReply(201, await readJson(request, { maxBytes: 64, maxDepth: 4, contentTypes: ["application/json"] })),
    )
    .add("GET", "/files/*rest", ({ params, query }) => jsonReply(200, { rest: params["rest"], q: query.get("q") }))
    .add("GET", "/stream", () => ({ status: 200, body: Readable.from([Buffer.from("a"), Buffer.from("b")]) }))
    .add("GET", "/octets", () => ({ status: 200, body: { octets: Buffer.from("a \u2014 b").toString("latin1") } }))
    .add("GET", "/length", () => ({ status: 200, headers: { "Content-Length": "3", etag: "1" }, body: Uint8Array.of(97, 98) }))
    .add("GET", "/announced", () => ({ status: 200, headers: { "content-length": "7" } }))
    .add("GET", "/fails", () => {
      throw new Error("secret detail");
    });
  const logger = createLogger({ level: "warn", write: (line) => lines.push(line) });
  const server = createServer(
    router.listener({ logger, cors: { exposeHeaders: ["etag"] }, onError: (error, request) => errorReply(error, request) }),
  );
  before(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
  after(() => new Promise<void>((resolve) => server.close(() => resolve())));

  test("Router sends octets as they are, and one content length: that of the body, where there is one", async () => {
    const octets = await ask(server, "GET", "/octets");
    assert.deepEqual([octets.text, octets.headers["content-length"]], ["a \u2014 b", "7"]);
    // node:http's client refuses two of them.
    const length = await ask(server, "GET", "/length");
    assert.deepEqual([length.text, length.headers["content-length"], length.headers.etag], ["ab", "2", "1"]);
    const announced = await ask(server, "HEAD", "/announced");
    assert.deepEqual([announced.status, announced.headers["content-length"]], [200, "7"]);
  });

  test("Router answers plain paths, parameters and rests, percent-decoded", async () => {
    assert.equal((await ask(server, "GET", "/plain?x=1")).text, "plain");
    assert.deepEqual(JSON.parse((await ask(server, "GET", "/items/a%2Fb")).text), { id: "a/b" });
    assert.deepEqual(JSON.parse((await ask(server, "GET", "/files/x001/067.p/5?q=z")).text), { rest: "x001/067.p/5", q: "z" });
    assert.equal((await ask(server, "GET", "http://log.example/plain")).text, "plain");
    assert.equal((await ask(server, "GET", "/stream")).text, "ab");
  });

  test("Router answers HEAD from GET without a body", async () => {
    const head = await ask(server, "HEAD", "/plain");
    assert.deepEqual([head.status, head.text, head.headers["content-length"]], [200, "", "5"]);
  });

  test("Router refuses unknown paths and methods, and says which are served", async () => {
    const unknown = await ask(server, "GET", "/nowhere");
    assert.deepEqual([unknown.status, JSON.parse(unknown.text).code], [404, "ROUTE_NOT_FOUND"]);
    const method = await ask(server, "DELETE", "/items/1");
    assert.deepEqual(
      [method.status, JSON.parse(method.text).code, method.headers.allow],
      [405, "METHOD_NOT_ALLOWED", "GET, POST, HEAD, OPTIONS"],
    );
  });

  test("Router refuses a path that is not percent-encoded UTF-8", async () => {
    const answer = await ask(server, "GET", "/items/%ff");
    assert.deepEqual([answer.status, JSON.parse(answer.text).code], [400, "REQUEST_MALFORMED"]);
  });

  test("Router answers a browser's preflight and lets any origin read", async () => {
    const preflight = await ask(server, "OPTIONS", "/items/1", { headers: { origin: "https://page.example" } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers["access-control-allow-origin"], "*");
    assert.equal(preflight.headers["access-control-allow-methods"], "GET, POST, HEAD, OPTIONS");
    const read = await ask(server, "GET", "/plain", { headers: { origin: "https://page.example" } });
    assert.equal(read.headers["access-control-expose-headers"], "etag");
  });

  test("Router keeps a good request id and makes one otherwise", async () => {
    assert.equal((await ask(server, "GET", "/plain", { headers: { "x-request-id": "abc-1" } })).headers["x-request-id"], "abc-1");
    const made = (await ask(server, "GET", "/plain", { headers: { "x-request-id": "a b" } })).headers["x-request-id"];
    assert.match(String(made), /^[0-9a-f]{12}-[0-9a-z]+$/);
  });

  test("Router hides an unexpected error from the client and logs it with the request id", async () => {
    const answer = await ask(server, "GET", "/fails", { headers: { "x-request-id": "find-me" } });
    assert.deepEqual([answer.status, JSON.parse(answer.text).code], [500, "INTERNAL_ERROR"]);
    assert.ok(!answer.text.includes("secret detail"));
    assert.ok(lines.some((line) => line.includes("find-me") && line.includes("secret detail")));
  });

  test("readJson refuses a body that is too long, announced or not, and other content types", async () => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ x: "y".repeat(100) });
    const announced = await ask(server, "POST", "/items/1", {
      body,
      headers: { ...headers, "content-length": String(body.length) },
    });
    const chunked = await ask(server, "POST", "/items/1", { body, headers: { ...headers, "transfer-encoding": "chunked" } });
    for (const answer of [announced, chunked])
      assert.deepEqual([answer.status, JSON.parse(answer.text).code], [413, "REQUEST_TOO_LARGE"]);
    const other = await ask(server, "POST", "/items/1", { body: "x", headers: { "content-type": "text/plain" } });
    assert.deepEqual([other.status, JSON.parse(other.text).code], [415, "CONTENT_TYPE_UNSUPPORTED"]);
    assert.deepEqual(JSON.parse((await ask(server, "POST", "/items/1", { body: '{"a":1}', headers })).text), { a: 1 });
  });

  test("HttpRequest.body rejects REQUEST_ABORTED when the client goes away", async () => {
    const failure = new Promise<unknown>((resolve) => {
      const waiting = new Router().add("POST", "/", async (request) => {
        await request.body(100).catch(resolve);
        return { status: 204 };
      });
      const own = createServer(waiting.listener({ logger: silentLogger, onError: errorReply }));
      own.listen(0, "127.0.0.1", () => {
        const address = own.address();
        assert.ok(address !== null && typeof address === "object");
        const socket = connect(address.port, "127.0.0.1", () => {
          socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc", () => socket.destroy());
          own.close();
        });
      });
    });
    const error = await failure;
    assert.ok(isSigillumError(error) && error.code === "REQUEST_ABORTED");
    assert.equal(statusOfError(error), 499);
  });

  test("Router.add refuses a route that is there already", () => {
    assert.throws(
      () => new Router().add("GET", "/a/:b", () => ({ status: 200 })).add("GET", "/a/:b", () => ({ status: 200 })),
      TypeError,
    );
  });
});
