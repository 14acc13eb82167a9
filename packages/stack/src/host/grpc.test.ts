import assert from "node:assert/strict";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { isSigillumError } from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import {
  errorReply,
  type GrpcMethod,
  type GrpcService,
  Host,
  jsonReply,
  Router,
  type Service,
  silentLogger,
  systemClock,
} from "./index.ts";

const echo: GrpcService = {
  methods: new Map<string, GrpcMethod>([
    ["/test.Echo/Say", (message) => message],
    ["/test.Echo/Authority", (_message, call) => Buffer.from(call.authority)],
    ["/test.Echo/Metadata", (_message, call) => Buffer.from(call.metadata("given").join("|"))],
    [
      "/test.Echo/Fail",
      () => {
        throw new Error("secret");
      },
    ],
  ]),
  maxMessageBytes: 100,
  logger: silentLogger,
  onError: (error) =>
    isSigillumError(error)
      ? { code: 3, message: error.code, details: Uint8Array.of(1, 2), metadata: { "x-log-index": "7" } }
      : { code: 13, message: "100% unexpected\u00e9" },
};

interface Reply {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const frame = (message: string): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, Buffer.from(message)]);
};

describe("gRPC beside HTTP/1.1 on one port", () => {
  let host: Host;
  let port = 0;
  const call = (path: string, body: Uint8Array, more: Record<string, string | string[]> = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      session.once("error", reject);
      const stream = session.request({
        ":path": path,
        ":method": "POST",
        "content-type": "application/grpc",
        te: "trailers",
        ...more,
      });
      let headers: IncomingHttpHeaders = {};
      let trailers: IncomingHttpHeaders = {};
      const chunks: Uint8Array[] = [];
      stream.once("response", (found) => {
        headers = found;
      });
      stream.once("trailers", (found) => {
        trailers = found;
      });
      stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      stream.once("error", reject);
      stream.once("close", () => {
        session.close();
        resolve({ headers, trailers, body: Buffer.concat(chunks) });
      });
      stream.end(body);
    });
  const failed = async (reply: Promise<Reply>, code: string, message?: string): Promise<void> => {
    const { headers } = await reply;
    assert.equal(headers[":status"], 200);
    assert.equal(headers["grpc-status"], code);
    if (message !== undefined) assert.equal(headers["grpc-message"], message);
  };

  before(async () => {
    const handler = new Router()
      .add("GET", "/", () => jsonReply(200, { ok: true }))
      .add("POST", "/echo", async (asked) => ({ status: 200, body: await asked.body(1000) }))
      .listener({ logger: silentLogger, onError: errorReply });
    const service: Service = {
      name: "ca",
      listeners: [{ name: "ca", addresses: ["127.0.0.1"], port: 0, handler, grpc: echo }],
      jobs: [],
      actions: new Map(),
      ready: async () => ({ ready: true }),
      close: async () => undefined,
    };
    host = new Host({ logger: silentLogger, clock: systemClock, drainMs: 1000 });
    await host.start([service]);
    port = host.addresses()[0]?.port ?? 0;
  });
  after(() => host.stop());

  test("a call is answered with its message and status 0 in the trailers", async () => {
    const { headers, trailers, body } = await call("/test.Echo/Say", frame("hello"));
    assert.equal(headers["content-type"], "application/grpc+proto");
    assert.deepEqual(body, frame("hello"));
    assert.equal(trailers["grpc-status"], "0");
    assert.match(host.metrics.text(), /sigillum_grpc_calls_total\{service="ca",method="\/test.Echo\/Say",code="0"\} 1/u);
  });

  test("a method is told the host that was asked, and a status carries metadata", async () => {
    const { body } = await call("/test.Echo/Authority", frame(""));
    assert.equal(body.subarray(5).toString(), `127.0.0.1:${port}`);
    const { headers } = await call("/test.Echo/Say", frame("hello").subarray(0, 4));
    assert.deepEqual([headers["grpc-status"], headers["x-log-index"]], ["3", "7"]);
  });

  test("metadata that is repeated is seen repeated", async () => {
    const { body } = await call("/test.Echo/Metadata", frame(""), { given: ["a", "b"] });
    assert.equal(body.subarray(5).toString(), "a|b");
  });

  test("an unknown method is unimplemented", () =>
    failed(call("/test.Echo/None", frame("x")), "12", "unknown method /test.Echo/None"));

  for (const [name, body, code] of [
    ["compressed", Buffer.concat([Buffer.of(1), frame("hello").subarray(1)]), "REQUEST_MALFORMED"],
    ["cut off", frame("hello").subarray(0, 7), "REQUEST_MALFORMED"],
    ["followed by another", Buffer.concat([frame("a"), frame("b")]), "REQUEST_MALFORMED"],
    ["missing", Buffer.alloc(0), "REQUEST_MALFORMED"],
    ["too long", frame("x".repeat(101)), "REQUEST_TOO_LARGE"],
  ] as const)
    test(`a message that is ${name} is refused, with details`, async () => {
      const { headers } = await call("/test.Echo/Say", body);
      assert.deepEqual([headers["grpc-status"], headers["grpc-message"]], ["3", code]);
      assert.equal(headers["grpc-status-details-bin"], "AQI");
    });

  test("a message of exactly the limit is taken", async () => {
    assert.equal((await call("/test.Echo/Say", frame("x".repeat(100)))).trailers["grpc-status"], "0");
  });

  test("what a method throws stays here, and the status message is percent-encoded", () =>
    failed(call("/test.Echo/Fail", frame("")), "13", "100%25 unexpected%C3%A9"));

  test("HTTP/2 without gRPC reaches the same routes", async () => {
    const { headers, body } = await call("/echo", Buffer.from("plain"), { "content-type": "text/plain" });
    assert.equal(headers[":status"], 200);
    assert.equal(body.toString(), "plain");
  });

  test("HTTP/1.1 is served as ever, also when its first octets come one by one", async () => {
    assert.equal((await request({ url: `http://127.0.0.1:${port}/` })).status, 200);
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let found = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        found += chunk;
      });
      socket.once("close", () => resolve(found));
      socket.once("error", reject);
      const parts = ["P", "O", "ST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n", "hi"];
      const next = (): void => {
        const part = parts.shift();
        if (part !== undefined) socket.write(part, () => setImmediate(next));
      };
      socket.once("connect", next);
    });
    assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*hi$/u);
  });
});

test("Host stops although an HTTP/2 connection is open", async () => {
  const host = new Host({ logger: silentLogger, clock: systemClock, drainMs: 10_000 });
  const handler = new Router().listener({ logger: silentLogger, onError: errorReply });
  await host.start([
    {
      name: "ca",
      listeners: [{ name: "ca", addresses: ["127.0.0.1"], port: 0, handler, grpc: echo }],
      jobs: [],
      actions: new Map(),
      ready: async () => ({ ready: true }),
      close: async () => undefined,
    },
  ]);
  const session = connectHttp2(`http://127.0.0.1:${host.addresses()[0]?.port}`);
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const closed = new Promise((resolve) => session.once("close", resolve));
  await host.stop();
  await closed;
});
