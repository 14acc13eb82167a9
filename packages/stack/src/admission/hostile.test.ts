// Registries and policies that do not behave: a decision comes within its time, memory stays bounded, and nothing is let in.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import { generateSigner } from "@sigillum/library/testing";
import { silentLogger } from "../host/index.ts";
import { type AdmissionAnswer, DecisionCache, loadPolicies, PolicyThreads, Webhook, type WebhookPath } from "./index.ts";

const key = encodePublicKeyPem(generateSigner().publicKey);
const index = "application/vnd.oci.image.index.v1+json";
const manifest = "application/vnd.oci.image.manifest.v1+json";
const image = JSON.stringify({
  schemaVersion: 2,
  mediaType: manifest,
  config: { mediaType: "x", digest: `sha256:${"b".repeat(64)}`, size: 1 },
  layers: [],
});
const digest = digestOf(image);
const shortMs = 1200;
/** For what a count ends, however busy the machine is. */
const longMs = 60_000;
const maxGrowthBytes = 256 << 20;

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

interface Told extends AdmissionAnswer {
  /** Whether the answer was there when the request's time ended. */
  readonly inTime: boolean;
  /** By how much the process was larger than ever before. */
  readonly growth: number;
  /** What this thread worked meanwhile, in microseconds. */
  readonly cpu: number;
}

interface Asked {
  readonly path?: WebhookPath;
  readonly suffix?: string;
  readonly timeoutMs?: number;
  readonly threads?: PolicyThreads;
  /** In place of the pod. */
  readonly object?: JsonValue;
}

const ordinary = new PolicyThreads({ logger: silentLogger });
/** Nothing is counted here: time and memory alone end an evaluation. */
const endless = { logger: silentLogger, limits: { steps: Infinity, bytes: Infinity, depth: Infinity } };
const uncounted = new PolicyThreads(endless);
before(() => Promise.all([ordinary.start(), uncounted.start()]));
after(() => Promise.all([ordinary.close(), uncounted.close()]));

async function judge(serve: Serve | undefined, spec: JsonValue, asked: Asked = {}): Promise<Told> {
  const { path = "validations", suffix = `@${digest}`, timeoutMs = shortMs, threads = ordinary } = asked;
  const server = createServer((request, response) => {
    if (request.url === "/v2/") response.end("{}");
    else if (request.url?.endsWith(`/manifests/${digest}`)) json(response, manifest, JSON.parse(image));
    else serve?.(request, response);
  });
  const host = await listen(server, serve === undefined);
  const policy = { apiVersion: "policy.sigstore.dev/v1beta1", kind: "ClusterImagePolicy", metadata: { name: "p" }, spec };
  const parts = {
    secrets: new Map(),
    configMaps: new Map(),
    trustRoots: new Map(),
    kmsKeys: new Map(),
    texts: new Map(),
    defaultTrustRoot: "default",
  };
  const policies = loadPolicies([policy], parts, {});
  const webhook = new Webhook({
    threads,
    view: () => ({ policies, noMatchPolicy: "allow", generation: 1 }),
    credentials: () => () => () => Promise.resolve(undefined),
    registry: {},
    cache: new DecisionCache(60_000),
    clock: { nowMs: () => Date.now() },
    logger: silentLogger,
    namespace: "own",
    failOnEmptyAuthorities: () => true,
  });
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: `${host}/app${suffix}` }] },
  };
  const question = {
    apiVersion: "admission.k8s.io/v1",
    uid: "u",
    operation: "CREATE",
    namespace: "n",
    name: "",
    subResource: "",
    resource: "pods",
    dryRun: false,
    object: asked.object ?? pod,
    oldObject: null,
  };
  const [before, cpu] = [process.resourceUsage().maxRSS, process.threadCpuUsage()];
  let timer: NodeJS.Timeout | undefined;
  try {
    let inTime = true;
    const answering = webhook.answer(path, question, timeoutMs);
    // Begun after the webhook's own timer, so that it ends after it, however late both are on a busy machine.
    timer = setTimeout(() => {
      inTime = false;
    }, timeoutMs);
    const answer = await answering;
    const used = process.threadCpuUsage(cpu);
    const growth = (process.resourceUsage().maxRSS - before) * 1024;
    return { ...answer, inTime, growth, cpu: used.user + used.system };
  } finally {
    clearTimeout(timer);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function listen(server: Server, thenCloses: boolean): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  if (thenCloses) await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

function refused(told: Told, reason: RegExp): void {
  assert.equal(told.allowed, false);
  assert.match(told.message ?? "", reason);
  assert.ok(told.inTime, "the decision came after the request's time");
  assert.ok(told.growth < maxGrowthBytes, `memory grew by ${told.growth >> 20} MiB`);
}

const signed: JsonValue = { images: [{ glob: "**" }], authorities: [{ key: { data: key } }] };

function json(response: ServerResponse, type: string, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(200, {
    "content-type": type,
    "docker-content-digest": digestOf(body),
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function absent(response: ServerResponse): void {
  response.writeHead(404).end();
}

const descriptor = (number: number): object => ({
  mediaType: manifest,
  digest: `sha256:${number.toString(16).padStart(64, "0")}`,
  size: 500,
  artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
});

describe("a registry that does not behave", () => {
  it("is silent: the decision comes before the API server's time ends", async () => {
    refused(await judge(() => undefined, signed), /^validation failed: Cannot decide within 1\.2 s/);
  });
  it("sends a byte now and then", async () => {
    const told = await judge((_, response) => {
      response.writeHead(200, { "content-type": index });
      const timer = setInterval(() => response.write(" "), 50);
      response.on("close", () => clearInterval(timer));
    }, signed);
    refused(told, /Cannot decide within 1\.2 s/);
  });
  it("is not there", async () => refused(await judge(undefined, signed), /Cannot reach/));
  it("answers 429 for a while, and for ever", async () => {
    const busy =
      (after: string): Serve =>
      (_, response) =>
        void response.writeHead(429, { "retry-after": after }).end();
    refused(await judge(busy("0"), signed), /refuses requests for a while \(HTTP 429/);
    refused(await judge(busy("3600"), signed), /HTTP 429|within 1\.2 s/);
  });
  it("answers 500 and 401", async () => {
    refused(await judge((_, response) => void response.writeHead(500).end(), signed), /HTTP 500/);
    refused(await judge((_, response) => void response.writeHead(401).end(), signed), /HTTP 401/);
  });
  it("lists more referrers than are read, on pages without end", async () => {
    let page = 0;
    const told = await judge((request, response) => {
      if (!request.url?.includes("/referrers/")) return absent(response);
      page += 1;
      const manifests = Array.from({ length: 500 }, (_, at) => descriptor(page * 1000 + at));
      response.setHeader("link", `<${request.url}?page=${page}>; rel="next"`);
      json(response, index, { schemaVersion: 2, mediaType: index, manifests });
    }, signed);
    refused(told, /more than are read|within 1\.2 s/);
  });
  it("lists a thousand referrers and hangs on each", async () => {
    const told = await judge((request, response) => {
      if (!request.url?.includes("/referrers/")) return;
      const manifests = Array.from({ length: 900 }, (_, at) => descriptor(at));
      json(response, index, { schemaVersion: 2, mediaType: index, manifests });
    }, signed);
    refused(told, /within 1\.2 s/);
  });
  it("has a signature image of ten thousand layers", async () => {
    const told = await judge((request, response) => {
      if (!request.url?.endsWith(".sig")) return absent(response);
      const layers = Array.from({ length: 10_000 }, (_, at) => descriptor(at));
      json(response, manifest, { schemaVersion: 2, mediaType: manifest, config: descriptor(1), layers });
    }, signed);
    refused(told, /it has 10000 layers|within 1\.2 s/);
  });
  it("has an index of ten thousand platforms, whose configurations a policy wants", async () => {
    const manifests = Array.from({ length: 10_000 }, (_, at) => ({
      ...descriptor(at),
      platform: { os: "linux", architecture: `a${at}` },
    }));
    const body = JSON.stringify({ schemaVersion: 2, mediaType: index, manifests });
    const spec = {
      images: [{ glob: "**" }],
      authorities: [{ static: { action: "pass" } }],
      policy: { type: "cue", data: "config: {}", fetchConfigFile: true },
    };
    const serve: Serve = (request, response) => {
      if (request.url?.endsWith(digestOf(body))) json(response, index, JSON.parse(body));
      else absent(response);
    };
    refused(await judge(serve, spec, { suffix: `@${digestOf(body)}` }), /no such thing|within 1\.2 s/);
  });
  it("sends a layer that never ends, or is larger than is read", async () => {
    const endless =
      (size: number): Serve =>
      (request, response) => {
        if (request.url?.endsWith(".sig")) {
          const layers = [{ mediaType: "application/vnd.dev.cosign.simplesigning.v1+json", digest, size }];
          return json(response, manifest, { schemaVersion: 2, mediaType: manifest, config: descriptor(1), layers });
        }
        if (!request.url?.includes("/blobs/")) return absent(response);
        response.writeHead(200);
        const chunk = Buffer.alloc(1 << 20);
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on("drain", more);
        more();
      };
    refused(await judge(endless(400), signed), /more than 400 bytes/);
    refused(await judge(endless(2 ** 40), signed), /it has 1099511627776 bytes/);
  });
  it("leaves a mutation as it is, for validation to refuse", async () => {
    const { allowed, patch } = await judge(() => undefined, signed, { path: "mutations", suffix: ":v1" });
    assert.deepEqual([allowed, patch], [true, undefined]);
    refused(await judge(() => undefined, signed, { suffix: ":v1" }), /within 1\.2 s|must be an image digest/);
  });
});

/** What it gathers stays empty: only time ends it. */
const forEver = "package sigstore\nisCompliant { n := numbers.range(1, 100000); count([1 | n[_] + n[_] < 0]) > 0 }";
const counting: Parameters<PolicyThreads["ask"]>[0] = {
  policy: { language: "rego", file: "p.rego", source: forEver },
  about: { type: "result", text: "{}" },
  nowMs: 0,
};

describe("a policy that does not behave", () => {
  const spec = (type: string, data: string): JsonValue => ({
    images: [{ glob: "**" }],
    authorities: [{ static: { action: "pass" } }],
    policy: { type, data },
  });
  const long: Asked = { timeoutMs: longMs };
  const doubling = (times: number): string =>
    Array.from({ length: times }, (_, at) => `_x${at + 1}: [for v in _x${at} for w in [1, 2] {v}]`).join("\n");
  const doubled = `_x0: [1]\n${doubling(40)}\nauthorityMatches: a: len(_x40)`;

  it("counts for ever: the steps are counted", async () => {
    refused(await judge(absentOnly, spec("rego", forEver), long), /takes more than \d+ steps \(IMAGE_POLICY_RESULT_REFUSED\)/);
  });
  it("counts for ever where nothing is counted: its thread is ended, and this one did not work meanwhile", async () => {
    const told = await judge(absentOnly, spec("rego", forEver), { threads: uncounted });
    refused(
      told,
      /policy: p: image .*: the evaluation of its policy text was ended after \d+\.\d s.*\(ADMISSION_POLICY_DEADLINE\)/,
    );
    assert.ok(told.cpu < (shortMs / 2) * 1000, `this thread worked ${told.cpu} µs`);
  });
  it("has an expression that backtracks elsewhere", async () => {
    const data = `package sigstore\nisCompliant { regex.match("^(a+)+$", "${"a".repeat(5000)}b") }`;
    refused(await judge(absentOnly, spec("rego", data), long), /the policy over the result refuses/);
  });
  it("calls out", async () => {
    const data =
      'package sigstore\nisCompliant { http.send({"method": "get", "url": "http://127.0.0.1:1/"}).status_code == 200 }';
    refused(await judge(absentOnly, spec("rego", data), long), /policy is not compliant/);
  });
  it("takes memory for ever where nothing is counted: its thread has so much and no more", async () => {
    const threads = new PolicyThreads({ ...endless, threads: 1, memoryMiB: 32 });
    const reason = /more than 32 MiB of memory/;
    const told = await judge(absentOnly, spec("cue", doubled), { ...long, threads });
    refused(told, reason);
    assert.ok(told.message?.includes("ADMISSION_POLICY_MEMORY"));
    const pairs = "package sigstore\nisCompliant { n := numbers.range(1, 3000); count({[a, b] | a := n[_]; b := n[_]}) == 1 }";
    refused(await judge(absentOnly, spec("rego", pairs), { ...long, threads }), reason);
    await threads.close();
  });
  it("takes for ever to compile: its object is not taken in, and where it is there already it refuses", async () => {
    // Bodies are ordered in near linear time: only a text of megabytes takes long, and after twice this time its memory would end it.
    const asked: Asked = { timeoutMs: shortMs / 3 };
    const links = 100_000;
    const chain = Array.from({ length: links }, (_, at) => `x${at} = x${at + 1} + 1`).join("; ");
    const slow = spec("rego", `package sigstore\nisCompliant { ${chain}; x${links} = 1 }`);
    const object = { apiVersion: "policy.sigstore.dev/v1beta1", kind: "ClusterImagePolicy", metadata: { name: "q" }, spec: slow };
    const words =
      /spec\.policy\.data cannot be taken in: the evaluation of its policy text was ended .*ADMISSION_POLICY_DEADLINE/;
    for (const told of [
      await judge(absentOnly, signed, { ...asked, path: "validating", object }),
      await judge(absentOnly, slow, asked),
    ]) {
      refused(told, told.code === 400 ? words : /\(ADMISSION_POLICY_DEADLINE\)/);
      assert.ok(told.cpu < (shortMs / 2) * 1000, `this thread worked ${told.cpu} µs`);
    }
  });
  it("holds up nobody: other requests are decided while it runs, by their own policies in threads", async () => {
    const abort = new AbortController();
    let ended = 0;
    const hostile = Array.from({ length: 6 }, () =>
      uncounted
        .ask(counting, { signal: abort.signal, endsAtMs: performance.now() + 600_000 })
        .then(
          () => undefined,
          () => undefined,
        )
        .finally(() => {
          ended += 1;
        }),
    );
    for (let at = 0; at < 20; at += 1) {
      const told = await judge(absentOnly, spec("cue", `authorityMatches: "authority-0": static: true\n_n: ${at}`), {
        ...long,
        threads: uncounted,
      });
      assert.deepEqual([told.allowed, told.inTime, ended], [true, true, 0], told.message);
    }
    refused(await judge(absentOnly, signed, { ...long, threads: uncounted }), /IMAGE_NO_SIGNATURES/);
    assert.equal(ended, 0);
    abort.abort();
    await Promise.all(hostile);
  });
});

describe("PolicyThreads", () => {
  const text = (source: string): Parameters<PolicyThreads["ask"]>[0] => ({
    policy: { language: "cue", file: "p.cue", source },
    about: { type: "result", text: '{"a": 1}' },
    nowMs: undefined,
  });
  const time = (): Parameters<PolicyThreads["ask"]>[1] => ({
    signal: new AbortController().signal,
    endsAtMs: performance.now() + longMs,
  });
  const code = (expected: string) => (error: unknown) => isSigillumError(error) && error.code === expected;

  it("refuses what no thread takes in the time that is left, and goes on afterwards", async () => {
    const threads = new PolicyThreads({ ...endless, threads: 1 });
    await threads.start();
    const abort = new AbortController();
    const first = threads.ask(counting, { signal: abort.signal, endsAtMs: performance.now() + longMs });
    const told = assert.rejects(first, code("ADMISSION_POLICY_DEADLINE"));
    const behind = threads.ask(text("a: 1"), { signal: new AbortController().signal, endsAtMs: performance.now() });
    await assert.rejects(behind, code("ADMISSION_POLICY_BUSY"));
    abort.abort();
    await told;
    assert.deepEqual(await threads.ask(text("a: 1"), time()), { messages: [], warnings: [] });
    assert.equal((await threads.ask(text("a: 2"), time())).messages.length, 1);
    await threads.close();
    await assert.rejects(threads.ask(text("a: 1"), time()), code("ADMISSION_POLICY_BUSY"));
  });
  it("refuses where a thread cannot start, and where one breaks", async () => {
    const absent = new PolicyThreads({ logger: silentLogger, threads: 1, url: new URL("./absent-thread.ts", import.meta.url) });
    await assert.rejects(absent.ask(text("a: 1"), time()), code("ADMISSION_POLICY_BROKEN"));
    await absent.close();
    const breaking = `data:text/javascript,${encodeURIComponent(
      'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("fault"); }); parentPort.postMessage("ready");',
    )}`;
    const broken = new PolicyThreads({ logger: silentLogger, threads: 1, url: new URL(breaking) });
    await assert.rejects(broken.ask(text("a: 1"), time()), code("ADMISSION_POLICY_BROKEN"));
    await assert.rejects(broken.ask(text("a: 1"), time()), code("ADMISSION_POLICY_BROKEN"));
    await broken.close();
  });
});

const absentOnly: Serve = (_, response) => absent(response);
