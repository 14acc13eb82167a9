// Benchmark of the admission controller: AdmissionReviews over HTTP on loopback, decided by a policy with a key about an image in the
// embedded registry. Warm: the pass is in the cache, as for every pod of a deployment but the first. Cold: nothing is.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { request } from "@sigillum/library/http";
import { attachToTag, encodeSimpleSigning } from "@sigillum/library/image";
import {
  emptyConfig,
  encodeManifest,
  mediaTypes,
  ociDigestOf,
  parseReference,
  pushBlob,
  pushManifest,
  RegistryClient,
} from "@sigillum/library/oci";
import { signBlob } from "@sigillum/library/signing";
import { ephemeralSigner } from "@sigillum/signers/signers";
import { DecisionCache, loadPolicies, PolicyThreads, routes, Webhook } from "../src/admission/index.ts";
import { startStack } from "../src/compose/index.ts";
import { errorReply, silentLogger } from "../src/host/index.ts";
import type { Measured } from "./measured.ts";

type Part = "warm" | "cold" | "requests";

let measured: Promise<Readonly<Record<Part, Measured>>> | undefined;

function row(name: string, part: Part): { readonly name: string; run(): Promise<Measured> } {
  const run = async (): Promise<Measured> => {
    measured ??= measure();
    return (await measured)[part];
  };
  return { name, run };
}

/** The rows of the admission controller: all of one run. */
export const rows: readonly { readonly name: string; run(): Promise<Measured> }[] = [
  row("admission.decision", "warm"),
  row("admission.decision.cold", "cold"),
  row("admission.decision.requests", "requests"),
];

const nobody = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const warmUp = 200;
const rounds = 5;
const perRound = 400;
const coldImages = 40;

async function measure(): Promise<Readonly<Record<Part, Measured>>> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "sigillum-bench-"));
  const stack = await startStack({ dataDirectory, initialise: { ports: "free" }, only: ["registry"], logger: silentLogger });
  const servers: Server[] = [];
  try {
    const host = `127.0.0.1:${stack.settings.services.registry.port}`;
    const signer = ephemeralSigner();
    const images = await pushImages(host, signer, coldImages + 1);
    let requests = 0;
    const server = await serve(webhookFor(encodePublicKeyPem(signer.publicKey), () => (requests += 1)));
    servers.push(server.server);
    const cold: number[] = [];
    for (const image of images.slice(1)) cold.push(await timed(server.url, image));
    const coldRequests = requests / coldImages;
    const [warm = ""] = images;
    for (let at = 0; at < warmUp; at += 1) await timed(server.url, warm);
    const before = requests;
    const highs: number[] = [];
    const all: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const times: number[] = [];
      for (let at = 0; at < perRound; at += 1) times.push(await timed(server.url, warm));
      all.push(...times);
      highs.push(quantile(times, 0.99));
    }
    const floor = await serve(undefined);
    servers.push(floor.server);
    const floorTimes: number[] = [];
    for (let at = 0; at < warmUp + perRound; at += 1) floorTimes.push(await timed(floor.url, warm));
    const p99 = quantile(highs, 0.5);
    const warmRequests = requests - before;
    if (warmRequests > 0) throw new Error(`${warmRequests} requests went to the registry for what is known`);
    return {
      warm: {
        median: round(p99),
        unit: "ms p99",
        spread: [round(Math.min(...highs)), round(Math.max(...highs))],
        floor: { name: "bare HTTP answer, p99", ratio: round(p99 / quantile(floorTimes.slice(warmUp), 0.99)) },
        notes: { p50: round(quantile(all, 0.5)) },
      },
      cold: {
        median: round(quantile(cold, 0.5)),
        unit: "ms",
        spread: [round(Math.min(...cold)), round(Math.max(...cold))],
        floor: { name: "bare HTTP answer", ratio: round(quantile(cold, 0.5) / quantile(floorTimes.slice(warmUp), 0.5)) },
      },
      requests: {
        median: round(coldRequests),
        unit: "registry requests, cold",
        spread: [round(coldRequests), round(coldRequests)],
      },
    };
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await stack.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

async function pushImages(host: string, signer: ReturnType<typeof ephemeralSigner>, count: number): Promise<string[]> {
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
  const repository = parseReference(`${host}/bench/app`);
  await pushBlob(client, repository, emptyConfig.bytes, mediaTypes.empty);
  const images: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const bytes = encodeManifest({
      mediaType: mediaTypes.manifest,
      config: emptyConfig.descriptor,
      layers: [],
      manifests: [],
      annotations: { at: String(at) },
    });
    await pushManifest(client, repository, { bytes, mediaType: mediaTypes.manifest });
    const digest = ociDigestOf(bytes);
    const payload = encodeSimpleSigning({ dockerReference: "bench/app", digest });
    const bundle = await signBlob({ signer, trust: { trustedRoot: nobody }, nowMs: 0, artifact: { bytes: payload } });
    await attachToTag({ client, repository, image: digest, bundle, payload, trustedRoot: nobody });
    images.push(`${host}/bench/app@${digest}`);
  }
  return images;
}

function webhookFor(key: string, onRequest: () => void): Webhook {
  const policy = {
    apiVersion: "policy.sigstore.dev/v1beta1",
    kind: "ClusterImagePolicy",
    metadata: { name: "signed" },
    spec: { images: [{ glob: "**" }], authorities: [{ key: { data: key } }] },
  };
  const parts = {
    secrets: new Map(),
    configMaps: new Map(),
    trustRoots: new Map(),
    kmsKeys: new Map(),
    texts: new Map(),
    defaultTrustRoot: "default",
  };
  const policies = loadPolicies([policy], parts, {});
  return new Webhook({
    view: () => ({ policies, noMatchPolicy: "deny", generation: 1 }),
    credentials: () => () => () => Promise.resolve(undefined),
    registry: { onRequest },
    cache: new DecisionCache(3_600_000),
    threads: new PolicyThreads({ logger: silentLogger }),
    clock: { nowMs: () => Date.now() },
    logger: silentLogger,
    namespace: "bench",
    failOnEmptyAuthorities: () => true,
  });
}

async function serve(webhook: Webhook | undefined): Promise<{ readonly server: Server; readonly url: string }> {
  const answer = JSON.stringify({ kind: "AdmissionReview", response: { uid: "u", allowed: true } });
  const handler =
    webhook === undefined
      ? undefined
      : routes(webhook, () => ({ ready: true })).listener({ logger: silentLogger, onError: errorReply });
  const server = createServer((incoming, response) => {
    if (handler !== undefined) return handler(incoming, response);
    incoming.resume().on("end", () => response.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}/validations?timeout=25s` };
}

async function timed(url: string, image: string): Promise<number> {
  const containers = [{ name: "main", image, resources: { limits: { cpu: "1" } } }];
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels: { app: "bench" } }, spec: { containers } };
  const review = {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "u", operation: "CREATE", namespace: "n", object },
  };
  const begun = performance.now();
  const answer = await request({ method: "POST", url, body: JSON.stringify(review) });
  const took = performance.now() - begun;
  if (!new TextDecoder().decode(answer.body).includes('"allowed":true')) throw new Error("an image that is signed was refused");
  return took;
}

function quantile(times: readonly number[], at: number): number {
  const sorted = [...times].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
