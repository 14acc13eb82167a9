import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { Agent, get, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isSigillumError } from "@sigillum/library/encoding";
import {
  ControlSocket,
  callControlSocket,
  controlSocketPath,
  createHealthService,
  createLogger,
  errorReply,
  Host,
  jsonReply,
  type ListenerSpec,
  MetricsRegistry,
  Router,
  type Service,
  silentLogger,
  systemClock,
} from "./index.ts";
import { listenError } from "./listeners.ts";

function serviceOf(name: string, listener: Partial<ListenerSpec>, more: Partial<Service> = {}): Service {
  const handler = new Router()
    .add("GET", "/", () => jsonReply(200, { name }))
    .listener({ logger: silentLogger, onError: errorReply });
  return {
    name,
    listeners: [{ name: "http", addresses: ["127.0.0.1"], port: 0, handler, ...listener }],
    jobs: [],
    actions: new Map(),
    ready: async () => ({ ready: true }),
    close: async () => undefined,
    ...more,
  };
}

function fetchText(url: string, agent?: Agent): Promise<{ status: number; text: string; headers: IncomingMessage["headers"] }> {
  return new Promise((resolve, reject) => {
    get(url, agent === undefined ? {} : { agent }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (part: string) => (text += part));
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text, headers: incoming.headers }));
    }).on("error", reject);
  });
}

describe("createLogger", () => {
  const record = (format: "json" | "text"): string => {
    let written = "";
    const clock = { ...systemClock, nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5) };
    const logger = createLogger({ level: "info", format, clock, write: (line) => (written += line) }).child({ service: "ca" });
    logger.info("ca.issued", { san: "dev@example.com", note: "two words", idToken: "s3cret", odd: "a\u001b[2J\u009b", n: [1] });
    return written;
  };

  test("createLogger writes an object a line for programs", () => {
    assert.deepEqual(JSON.parse(record("json")), {
      time: "2026-01-02T03:04:05.000Z",
      level: "info",
      event: "ca.issued",
      service: "ca",
      san: "dev@example.com",
      note: "two words",
      idToken: "[redacted]",
      odd: "a\u001b[2J\u009b",
      n: [1],
    });
  });

  test("createLogger writes a short line for people, and no character that steers their terminal", () => {
    assert.equal(
      record("text"),
      '03:04:05 ca.issued san=dev@example.com note="two words" idToken=[redacted] odd="a\\u001b[2J\\u009b" n=[1]\n',
    );
  });
});

describe("Host", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-host-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  test("Host.start opens every address of a listener on one port", async () => {
    const lines: string[] = [];
    const host = new Host({ logger: createLogger({ level: "warn", write: (line) => lines.push(line) }), clock: systemClock });
    await host.start([serviceOf("log-v1", { addresses: ["127.0.0.1", "::1"] })]);
    const open = host.addresses();
    const hasIpv6 = open.some((one) => one.address === "::1");
    assert.equal(new Set(open.map((one) => one.port)).size, 1);
    assert.ok(hasIpv6 || lines.some((line) => line.includes("listener.no-ipv6")));
    assert.equal((await fetchText(`http://127.0.0.1:${open[0]?.port}/`)).text, '{"name":"log-v1"}');
    await host.stop();
    await host.stop();
  });

  test("Host.start throws PORT_TAKEN with service, address, port and setting, and closes what it opened", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const address = blocker.address();
    assert.ok(address !== null && typeof address === "object");
    const closed: string[] = [];
    const host = new Host({ logger: silentLogger, clock: systemClock });
    const services = [
      serviceOf("ca", {}, { close: async () => void closed.push("ca") }),
      serviceOf("log-v1", { port: address.port }),
    ];
    await assert.rejects(host.start(services), (error: Error & { code?: string }) => {
      assert.equal(error.code, "PORT_TAKEN");
      assert.equal(
        error.message,
        `Cannot open log-v1: port ${address.port} on 127.0.0.1 is taken by another process; the setting is services.log-v1.port`,
      );
      return true;
    });
    assert.deepEqual(closed, ["ca"]);
    await new Promise((resolve) => blocker.close(resolve));
  });

  test("listenError tells a port that is forbidden from one that is taken", () => {
    // Root may open every port, so the system's refusal cannot be had in every test run.
    const error = listenError({ port: 443, setting: "services.ca.port" }, "ca", "127.0.0.1", "EACCES");
    assert.ok(isSigillumError(error) && error.code === "PORT_FORBIDDEN");
    assert.equal(error.message, "Cannot open ca: this user may not open port 443 on 127.0.0.1; the setting is services.ca.port");
  });

  test("Host.start refuses a listener beyond loopback without TLS, unless a proxy is named", async () => {
    const host = new Host({ logger: silentLogger, clock: systemClock });
    await assert.rejects(host.start([serviceOf("ca", { addresses: ["0.0.0.0"] })]), { code: "LISTENER_NEEDS_TLS" });
    const proxied = new Host({ logger: silentLogger, clock: systemClock });
    await proxied.start([serviceOf("ca", { addresses: ["0.0.0.0"], behindProxy: true })]);
    await proxied.stop();
  });

  test("Host.start says when an address is not the machine's and when certificate files do not serve", async () => {
    const elsewhere = serviceOf("ca", { addresses: ["192.0.2.1"], behindProxy: true });
    await assert.rejects(new Host({ logger: silentLogger, clock: systemClock }).start([elsewhere]), {
      code: "ADDRESS_UNAVAILABLE",
    });
    const files = { certificateFile: join(directory, "tls.pem"), keyFile: join(directory, "tls.key") };
    await writeFile(files.certificateFile, "no certificate");
    await writeFile(files.keyFile, "no key");
    await assert.rejects(new Host({ logger: silentLogger, clock: systemClock }).start([serviceOf("ca", { tls: files })]), {
      code: "TLS_FILES_UNUSABLE",
    });
  });

  test("Host.stop answers what was accepted before services close", async () => {
    const events: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const handler = new Router()
      .add("GET", "/slow", async () => {
        arrived();
        await held;
        events.push("answered");
        return { status: 200, body: "done" };
      })
      .listener({ logger: silentLogger, onError: errorReply });
    const host = new Host({ logger: silentLogger, clock: systemClock });
    await host.start([serviceOf("slow", { handler }, { close: async () => void events.push("closed") })]);
    const agent = new Agent({ keepAlive: true });
    const answer = fetchText(`http://127.0.0.1:${host.addresses()[0]?.port}/slow`, agent);
    await arrival;
    const stopped = host.stop();
    assert.deepEqual((await host.readiness()).get("host"), { ready: false, reason: "stopping" });
    release();
    assert.equal((await answer).text, "done");
    await stopped;
    assert.deepEqual(events, ["answered", "closed"]);
    agent.destroy();
  });

  test("Host runs jobs again after one failed, logs the failure at once, and waits for a running one", async () => {
    const lines: string[] = [];
    let runs = 0;
    let second: () => void = () => undefined;
    const ran = new Promise<void>((resolve) => (second = resolve));
    const job = {
      name: "renew",
      everyMs: 5,
      atStart: true,
      run: async (): Promise<void> => {
        runs += 1;
        if (runs === 1) throw new Error("first run fails");
        second();
      },
    };
    const host = new Host({ logger: createLogger({ level: "error", write: (line) => lines.push(line) }), clock: systemClock });
    await host.start([serviceOf("tuf", {}, { jobs: [job] })]);
    await ran;
    await host.stop();
    assert.ok(lines.some((line) => line.includes('"job.failed"') && line.includes("first run fails")));
    assert.match(host.metrics.text(), /sigillum_job_failures_total\{service="tuf",job="renew"\} 1/);
  });

  test("createHealthService answers /healthz, /readyz and /metrics", async () => {
    const host = new Host({ logger: silentLogger, clock: systemClock });
    let ready = false;
    const source = { metrics: host.metrics, logger: silentLogger, readiness: () => host.readiness() };
    const health = createHealthService(source, { name: "explorer", addresses: ["127.0.0.1"], port: 0 });
    const ca = serviceOf("ca", {}, { ready: async () => (ready ? { ready } : Promise.reject(new Error("key missing"))) });
    await host.start([ca, health]);
    const base = `http://127.0.0.1:${host.addresses().find((open) => open.service === "explorer")?.port}`;
    assert.equal((await fetchText(`${base}/healthz`)).text, '{"status":"ok"}');
    const before = await fetchText(`${base}/readyz`);
    assert.deepEqual([before.status, JSON.parse(before.text).services.ca], [503, { ready: false, reason: "key missing" }]);
    ready = true;
    assert.equal((await fetchText(`${base}/readyz`)).status, 200);
    assert.match(
      (await fetchText(`${base}/metrics`)).text,
      /sigillum_http_requests_total\{service="explorer",method="GET",status="503"\} 1/,
    );
    await host.stop();
  });

  test("ControlSocket serves actions to its owner alone and replaces a socket that a crash left", async () => {
    const path = controlSocketPath(directory);
    await writeFile(path, "");
    const actions = new Map([
      ["double", async (input: unknown) => Number(input) * 2],
      ["fails", async () => Promise.reject(new Error("inside"))],
    ]);
    const host = new Host({ logger: silentLogger, clock: systemClock, controlSocket: path });
    await host.start([serviceOf("ca", {}, { actions })]);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal(await callControlSocket(path, "double", 21), 42);
    await assert.rejects(callControlSocket(path, "triple", 1), {
      code: "CONTROL_ACTION_REFUSED",
      found: "CONTROL_ACTION_UNKNOWN",
    });
    await assert.rejects(callControlSocket(path, "fails", 1), { code: "CONTROL_ACTION_REFUSED", found: "INTERNAL_ERROR" });
    await assert.rejects(ControlSocket.open(path, actions, silentLogger), { code: "CONTROL_SOCKET_TAKEN" });
    await host.stop();
    await assert.rejects(callControlSocket(path, "double", 21), { code: "CONTROL_SOCKET_UNREACHABLE" });
  });

  test("controlSocketPath leaves a directory whose path is too long for a socket", async () => {
    assert.equal(controlSocketPath("/data"), "/data/control.sock");
    assert.ok(Buffer.byteLength(controlSocketPath(`/${"d".repeat(120)}`)) <= 100);
    await chmod(directory, 0o700);
  });

  test("createLogger writes one JSON line each, keeps secrets out and names causes", () => {
    const lines: string[] = [];
    const logger = createLogger({ level: "info", write: (line) => lines.push(line), clock: { nowMs: () => 0 } }).child({
      service: "ca",
    });
    logger.debug("unseen");
    logger.info("login", { idToken: "eyJ", nested: { password: "x", n: 1n } });
    assert.deepEqual(JSON.parse(lines.join("")), {
      time: "1970-01-01T00:00:00.000Z",
      level: "info",
      event: "login",
      service: "ca",
      idToken: "[redacted]",
      nested: { password: "[redacted]", n: "1" },
    });
  });

  test("MetricsRegistry prints counters, gauges and histograms in the Prometheus text format", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("adds_total", "Adds", ["shard"]).add(2, 'a"b');
    metrics.gauge("tree_size", "Size", () => 7, { shard: "one" });
    const histogram = metrics.histogram("seconds", "Time", [0.1, 1]);
    histogram.observe(0.05);
    histogram.observe(5);
    assert.equal(
      metrics.text(),
      [
        "# HELP adds_total Adds",
        "# TYPE adds_total counter",
        'adds_total{shard="a\\"b"} 2',
        "# HELP tree_size Size",
        "# TYPE tree_size gauge",
        'tree_size{shard="one"} 7',
        "# HELP seconds Time",
        "# TYPE seconds histogram",
        'seconds_bucket{le="0.1"} 1',
        'seconds_bucket{le="1"} 1',
        'seconds_bucket{le="+Inf"} 2',
        "seconds_sum 5.05",
        "seconds_count 2",
        "",
      ].join("\n"),
    );
  });
});
