import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { describeResponse, parseRetryAfter, request, requestStream } from "./index.ts";

const selfSigned = {
  cert: readFileSync(new URL("testdata/localhost.pem", import.meta.url), "utf8"),
  key: readFileSync(new URL("testdata/localhost-key.pem", import.meta.url), "utf8"),
};

async function serving(listener: RequestListener, use: (url: string, server: Server) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(urlOf(server), server);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function urlOf(server: Server): string {
  const address = server.address() as AddressInfo;
  return `http://127.0.0.1:${address.port}`;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("request", () => {
  it("sends method, headers and body and returns status, headers and body of any status", async () => {
    await serving(
      (incoming, reply) => {
        let body = "";
        incoming.on("data", (chunk) => {
          body += chunk;
        });
        incoming.on("end", () =>
          reply
            .writeHead(418, { "x-method": incoming.method, "set-cookie": ["a=1", "b=2"] })
            .end(`${incoming.headers["x-a"]} ${body}`),
        );
      },
      async (url) => {
        const answer = await request({ url: `${url}/p?q=1`, method: "POST", headers: { "x-a": "one" }, body: "two" });
        assert.equal(answer.status, 418);
        assert.equal(answer.headers["x-method"], "POST");
        assert.deepEqual(answer.setCookies, ["a=1", "b=2"]);
        assert.equal(text(answer.body), "one two");
        assert.equal(describeResponse(answer), 'HTTP 418 "one two"');
      },
    );
  });

  it("reuses one connection for requests that follow each other", async () => {
    let connections = 0;
    await serving(
      (_, reply) => reply.end("ok"),
      async (url, server) => {
        server.on("connection", () => {
          connections += 1;
        });
        for (let index = 0; index < 4; index += 1) await request({ url });
        assert.equal(connections, 1);
      },
    );
  });

  it("refuses an answer longer than maxBytes with HTTP_TOO_LARGE", async () => {
    await serving(
      (_, reply) => reply.end("x".repeat(1001)),
      async (url) => {
        await assert.rejects(request({ url, maxBytes: 1000 }), { code: "HTTP_TOO_LARGE", kind: "unavailable" });
        assert.equal((await request({ url, maxBytes: 1001 })).body.length, 1001);
      },
    );
  });

  it("gives up after timeoutMs with HTTP_TIMEOUT, whether the head or the body is missing", async () => {
    await serving(
      (incoming, reply) => {
        if (incoming.url === "/body") reply.write("x");
      },
      async (url) => {
        await assert.rejects(request({ url: `${url}/head?token=secret`, timeoutMs: 40 }), (error: Error) => {
          assert.equal(Reflect.get(error, "code"), "HTTP_TIMEOUT");
          assert.equal(error.message, `Cannot finish GET ${url}/head: no complete answer within 0.04 s`);
          return true;
        });
        await assert.rejects(request({ url: `${url}/body`, timeoutMs: 40 }), { code: "HTTP_TIMEOUT" });
      },
    );
  });

  it("says HTTP_UNREACHABLE with the address when nobody listens or the server hangs up", async () => {
    let closed = "";
    await serving(
      (incoming) => incoming.socket.destroy(),
      async (url) => {
        closed = url;
        await assert.rejects(request({ url }), { code: "HTTP_UNREACHABLE" });
      },
    );
    await assert.rejects(request({ url: closed }), {
      code: "HTTP_UNREACHABLE",
      message: `Cannot reach GET ${closed}/: connection refused`,
    });
  });

  it("says HTTP_INTERRUPTED when the connection breaks inside the body", async () => {
    await serving(
      (_, reply) => {
        reply.writeHead(200, { "content-length": "100" });
        reply.write("half", () => reply.destroy());
      },
      async (url) => {
        await assert.rejects(request({ url }), { code: "HTTP_INTERRUPTED" });
      },
    );
  });

  it("says HTTP_CANCELLED when the caller gives up, and HTTP_URL_UNSUPPORTED for another scheme", async () => {
    await serving(
      () => undefined,
      async (url) => {
        const controller = new AbortController();
        const pending = request({ url, signal: controller.signal });
        controller.abort();
        await assert.rejects(pending, { code: "HTTP_CANCELLED" });
      },
    );
    await assert.rejects(request({ url: "ftp://example.com/" }), { code: "HTTP_URL_UNSUPPORTED", kind: "malformed" });
  });

  it("trusts a private CA only when it is handed over", async () => {
    const server = createTlsServer(selfSigned, (_, reply) => reply.end("secret"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
      await assert.rejects(request({ url }), { code: "HTTP_TLS_UNTRUSTED" });
      assert.equal(text((await request({ url, tls: { ca: selfSigned.cert } })).body), "secret");
      await assert.rejects(request({ url: url.replace("localhost", "127.0.0.1"), tls: { ca: selfSigned.cert } }), {
        code: "HTTP_TLS_UNTRUSTED",
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("request with redirects", () => {
  it("returns a redirect as it is unless the caller allows it, and then follows at most as many", async () => {
    await serving(
      (incoming, reply) => {
        const step = Number(incoming.url?.slice(1));
        if (step === 3) reply.end(`${incoming.method} ${incoming.headers.authorization}`);
        else reply.writeHead(302, { location: `/${step + 1}` }).end();
      },
      async (url) => {
        assert.equal((await request({ url: `${url}/0` })).status, 302);
        const answer = await request({
          url: `${url}/0`,
          method: "POST",
          body: "x",
          redirects: 3,
          headers: { authorization: "Basic a" },
        });
        assert.equal(text(answer.body), "GET Basic a");
        assert.equal(answer.url, `${url}/3`);
        await assert.rejects(request({ url: `${url}/0`, redirects: 2 }), { code: "HTTP_REDIRECT_REFUSED" });
      },
    );
  });

  it("drops credentials when the origin changes", async () => {
    await serving(
      (incoming, reply) => reply.end(String(incoming.headers.authorization)),
      async (other) => {
        await serving(
          (_, reply) => reply.writeHead(307, { location: `${other}/` }).end(),
          async (url) => {
            const answer = await request({ url, redirects: 1, headers: { Authorization: "Bearer secret" } });
            assert.equal(text(answer.body), "undefined");
          },
        );
      },
    );
  });

  it("never follows from https to http", async () => {
    const server = createTlsServer(selfSigned, (_, reply) => reply.writeHead(302, { location: "http://127.0.0.1:1/" }).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
      await assert.rejects(request({ url, redirects: 1, tls: { ca: selfSigned.cert } }), { code: "HTTP_REDIRECT_REFUSED" });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("request with retries", () => {
  it("sends again after 503 and 429 as Retry-After says, only as often as allowed, and never without leave", async () => {
    let count = 0;
    await serving(
      (_, reply) => {
        count += 1;
        reply.writeHead(count % 2 === 1 ? 503 : 429, { "retry-after": "0" }).end("busy");
      },
      async (url) => {
        assert.equal((await request({ url })).status, 503);
        assert.equal(count, 1);
        assert.equal((await request({ url, retries: 2 })).status, 429);
        assert.equal(count, 4);
      },
    );
  });

  it("waits for a server that is not there, unless told not to", async () => {
    let closed = "";
    await serving(
      (_, reply) => reply.end(),
      async (url) => {
        closed = url;
      },
    );
    const startedMs = performance.now();
    await assert.rejects(request({ url: closed, retries: 1 }), { code: "HTTP_UNREACHABLE" });
    assert.ok(performance.now() - startedMs >= 190);
    await assert.rejects(request({ url: closed, retries: 100, retryUnreachable: false, timeoutMs: 5_000 }), {
      code: "HTTP_UNREACHABLE",
    });
  });

  it("takes the answer of the second try", async () => {
    let count = 0;
    await serving(
      (_, reply) => {
        count += 1;
        if (count === 1) reply.writeHead(503, { "retry-after": "0" }).end();
        else reply.end("fine");
      },
      async (url) => {
        assert.equal(text((await request({ url, method: "POST", body: "x", retries: 1 })).body), "fine");
      },
    );
  });
});

describe("requestStream", () => {
  it("streams a body up and an answer down", async () => {
    await serving(
      (incoming, reply) => {
        reply.writeHead(200, { "x-length": String(incoming.headers["content-length"]) });
        incoming.pipe(reply);
      },
      async (url) => {
        async function* chunks(): AsyncGenerator<Uint8Array> {
          for (let index = 0; index < 50; index += 1) yield new Uint8Array(10_000).fill(index);
        }
        const answer = await requestStream({ url, method: "PUT", body: chunks(), contentLength: 500_000 });
        assert.equal(answer.headers["x-length"], "500000");
        let length = 0;
        for await (const chunk of answer.body) length += chunk.length;
        assert.equal(length, 500_000);
      },
    );
  });

  it("passes on what the source of the body throws", async () => {
    await serving(
      (incoming) => incoming.resume(),
      async (url) => {
        // biome-ignore lint/correctness/useYield: the source fails before its first chunk
        async function* broken(): AsyncGenerator<Uint8Array> {
          throw new Error("disk gone");
        }
        await assert.rejects(requestStream({ url, method: "PUT", body: broken() }), { message: "disk gone" });
      },
    );
  });

  it("refuses to stream a body to a second address, and an answer beyond maxBytes", async () => {
    await serving(
      (incoming, reply) => {
        incoming.resume();
        if (incoming.method === "PUT") reply.writeHead(307, { location: "/other" }).end();
        else reply.end("x".repeat(100));
      },
      async (url) => {
        async function* one(): AsyncGenerator<Uint8Array> {
          yield new Uint8Array(1);
        }
        await assert.rejects(requestStream({ url, method: "PUT", body: one(), redirects: 1 }), { code: "HTTP_REDIRECT_REFUSED" });
        const answer = await requestStream({ url, maxBytes: 10 });
        await assert.rejects(
          async () => {
            for await (const _ of answer.body);
          },
          { code: "HTTP_TOO_LARGE" },
        );
        (await requestStream({ url })).cancel();
      },
    );
  });
});

describe("parseRetryAfter", () => {
  it("reads seconds and dates, bounds both and ignores the rest", () => {
    const now = Date.UTC(2026, 10, 24, 2, 0, 0);
    assert.equal(parseRetryAfter("3", now), 3000);
    assert.equal(parseRetryAfter("Tue, 24 Nov 2026 02:00:05 GMT", now), 5000);
    assert.equal(parseRetryAfter("Tue, 24 Nov 2026 01:00:00 GMT", now), 0);
    assert.equal(parseRetryAfter("86400", now), 60_000);
    assert.equal(parseRetryAfter("soon", now), undefined);
    assert.equal(parseRetryAfter(undefined, now), undefined);
  });
});
