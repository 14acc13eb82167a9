// Registries and policies that do not behave: a decision comes within its time, memory stays bounded, and nothing is let in.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import type { JsonValue } from "@sigillum/library/encoding";
import { generateSigner } from "@sigillum/library/testing";
import { silentLogger } from "../host/index.ts";
import { type AdmissionAnswer, DecisionCache, loadPolicies, Webhook, type WebhookPath } from "./index.ts";

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
const timeoutMs = 1200;
const maxGrowthBytes = 256 << 20;

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

interface Told extends AdmissionAnswer {
  readonly ms: number;
  readonly growth: number;
}

async function judge(
  serve: Serve | undefined,
  spec: JsonValue,
  path: WebhookPath = "validations",
  suffix = `@${digest}`,
): Promise<Told> {
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
    texts: new Map(),
    defaultTrustRoot: "default",
  };
  const policies = loadPolicies([policy], parts, {});
  const webhook = new Webhook({
    view: () => ({ policies, noMatchPolicy: "allow", generation: 1 }),
    credentials: () => () => () => Promise.resolve(undefined),
    registry: {},
    cache: new DecisionCache(60_000),
    clock: { nowMs: () => Date.now() },
    logger: silentLogger,
    namespace: "own",
    failOnEmptyAuthorities: () => true,
  });
  const object = {
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
    object,
    oldObject: null,
  };
  const [begun, before] = [performance.now(), process.memoryUsage().rss];
  try {
    const answer = await webhook.answer(path, question, timeoutMs);
    return { ...answer, ms: performance.now() - begun, growth: process.memoryUsage().rss - before };
  } finally {
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
  // thirty other processes may be running: late by that is not wrong
  assert.ok(told.ms < timeoutMs + 20_000, `it took ${told.ms} ms`);
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
    refused(await judge(serve, spec, "validations", `@${digestOf(body)}`), /no such thing|within 1\.2 s/);
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
    const { allowed, patch } = await judge(() => undefined, signed, "mutations", ":v1");
    assert.deepEqual([allowed, patch], [true, undefined]);
    refused(await judge(() => undefined, signed, "validations", ":v1"), /within 1\.2 s|must be an image digest/);
  });
});

describe("a policy that does not behave", () => {
  const spec = (type: string, data: string): JsonValue => ({
    images: [{ glob: "**" }],
    authorities: [{ static: { action: "pass" } }],
    policy: { type, data },
  });
  it("counts for ever", async () => {
    const data =
      "package sigstore\nisCompliant { n := numbers.range(1, 100000); count([1 | n[_] == n[_]; n[_] < n[_]]) > 0; false }";
    refused(await judge(absentOnly, spec("rego", data)), /more steps|EXCEEDED|steps/);
  });
  it("has an expression that backtracks elsewhere", async () => {
    const data = `package sigstore\nisCompliant { regex.match("^(a+)+$", "${"a".repeat(5000)}b") }`;
    refused(await judge(absentOnly, spec("rego", data)), /the policy over the result refuses/);
  });
  it("calls out", async () => {
    const data =
      'package sigstore\nisCompliant { http.send({"method": "get", "url": "http://127.0.0.1:1/"}).status_code == 200 }';
    assert.equal((await judge(absentOnly, spec("rego", data))).allowed, false);
  });
  it("doubles a list thirty times", async () => {
    const lines = Array.from({ length: 30 }, (_, at) => `_x${at + 1}: [for v in _x${at} for w in [1, 2] {v}]`).join("\n");
    refused(await judge(absentOnly, spec("cue", `_x0: [1]\n${lines}\nauthorityMatches: a: len(_x30)`)), /EXCEEDED|more|refuses/);
  });
});

const absentOnly: Serve = (_, response) => absent(response);
