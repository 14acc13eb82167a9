// The controller beside an API server of a few lines: following objects, certificate, pull secrets, and what it does when the API is wrong.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import { generateSigner } from "@sigillum/library/testing";
import { parseCertificatesPem, verifyIssuedBy } from "@sigillum/library/x509";
import { silentLogger } from "../host/index.ts";
import { ensureCertificate, isServable, makeServingCertificate } from "./certificate.ts";
import { ClusterState } from "./cluster-state.ts";
import { fromSecret, workloadCredentials } from "./credentials.ts";
import {
  DecisionCache,
  encodeAnswer,
  fetchText,
  inClusterAccess,
  KubeClient,
  type KubeObject,
  type LoadedPolicy,
  loadPolicies,
  PolicyThreads,
  parseReview,
  readWorkload,
  TrustRootReader,
  Webhook,
  type WebhookParts,
} from "./index.ts";

const nowMs = Date.UTC(2026, 10, 1);
const pem = encodePublicKeyPem(generateSigner().publicKey);

/** An API server: objects by path, watches that tell of changes, and whatever a test wants answered instead. */
class FakeApi {
  readonly objects: Map<string, KubeObject> = new Map();
  readonly #watches: Set<{ readonly collection: string; readonly response: ServerResponse }> = new Set();
  answer: ((request: IncomingMessage) => { status: number; body: string } | undefined) | undefined;
  #server: Server | undefined;
  #version = 1;
  url = "";

  async start(): Promise<void> {
    const server = createServer((request, response) => this.#serve(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  put(path: string, object: KubeObject): void {
    const type = this.objects.has(path) ? "MODIFIED" : "ADDED";
    this.#version += 1;
    const metadata = typeof object["metadata"] === "object" ? object["metadata"] : {};
    const stored = {
      ...object,
      metadata: { ...metadata, name: path.split("/").at(-1) ?? "", resourceVersion: String(this.#version) },
    };
    this.objects.set(path, stored);
    this.#tell(path, type, stored);
  }

  delete(path: string): void {
    const object = this.objects.get(path);
    this.objects.delete(path);
    if (object !== undefined) this.#tell(path, "DELETED", object);
  }

  #tell(path: string, type: string, object: KubeObject): void {
    for (const { collection, response } of this.#watches)
      if (path.startsWith(`${collection}/`)) response.write(`${JSON.stringify({ type, object })}\n`);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const own = this.answer?.(request);
    if (own !== undefined) return void response.writeHead(own.status).end(own.body);
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const json = (value: unknown): void =>
      void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
      if (request.method === "POST") {
        const at = `${path}/${body.metadata.name}`;
        if (this.objects.has(at)) return void response.writeHead(409).end("{}");
        this.put(at, body);
        return json(this.objects.get(at));
      }
      const found = this.objects.get(path);
      if (request.method === "PUT") {
        const versions = [found, body].map((one) => Reflect.get(Object(Reflect.get(Object(one), "metadata")), "resourceVersion"));
        if (versions[0] !== versions[1]) return void response.writeHead(409).end("{}");
        this.put(path, body);
        return json(this.objects.get(path));
      }
      if (request.method === "PATCH" && path.endsWith("/status")) {
        const at = path.slice(0, -"/status".length);
        const object = this.objects.get(at);
        if (object === undefined) return void response.writeHead(404).end("{}");
        this.put(at, { ...object, ...body });
        return json(this.objects.get(at));
      }
      if (request.method === "PATCH") {
        const changed = JSON.parse(JSON.stringify(found));
        for (const { path: at, value } of body) changed.webhooks[Number(at.split("/")[2])].clientConfig.caBundle = value;
        this.put(path, changed);
        return json(changed);
      }
      if (query.includes("watch=1")) {
        response.writeHead(200, { "content-type": "application/json" });
        response.flushHeaders();
        const watch = { collection: path, response };
        this.#watches.add(watch);
        response.on("close", () => this.#watches.delete(watch));
        return;
      }
      if (found !== undefined) return json(found);
      const collections = /\/(?:clusterimagepolicies|trustroots|secrets|configmaps)$/;
      if (!collections.test(path)) return void response.writeHead(404).end("{}");
      const items = [...this.objects].filter(([at]) => at.startsWith(`${path}/`)).map(([, object]) => object);
      json({
        kind: path.endsWith("trustroots") ? "TrustRootList" : "ClusterImagePolicyList",
        apiVersion: path.includes("trustroots") ? "policy.sigstore.dev/v1alpha1" : "policy.sigstore.dev/v1beta1",
        metadata: { resourceVersion: String(this.#version) },
        items,
      });
    });
  }
}

const api = new FakeApi();
let kube: KubeClient;
before(async () => {
  await api.start();
  kube = new KubeClient({ server: api.url, token: () => Promise.resolve("token") });
});
after(() => api.stop());

async function answering(status: number, body: string, use: () => Promise<void>): Promise<void> {
  api.answer = () => ({ status, body });
  try {
    await use();
  } finally {
    api.answer = undefined;
  }
}

const refused = async (code: string, attempt: Promise<unknown>): Promise<void> => {
  await assert.rejects(attempt, { code });
};

describe("KubeClient", () => {
  it("tells apart what is not there, what is refused, and what cannot be looked", async () => {
    assert.equal(await kube.get("/api/v1/namespaces/n/pods/p"), undefined);
    await answering(403, '{"message":"no"}', () => refused("ADMISSION_API_REFUSED", kube.get("/x")));
    await answering(500, "", () => refused("ADMISSION_API_UNAVAILABLE", kube.get("/x")));
    await answering(200, "[]", () => refused("ADMISSION_API_MALFORMED", kube.get("/x")));
    await refused("ADMISSION_API_UNAVAILABLE", new KubeClient({ server: "http://127.0.0.1:1" }).get("/x"));
    await refused("ADMISSION_API_UNCONFIGURED", inClusterAccess({}));
  });
});

const policies = "/apis/policy.sigstore.dev/v1beta1/clusterimagepolicies";
const config = "/api/v1/namespaces/own/configmaps/config-policy-controller";
const policy = (spec: JsonValue): KubeObject => ({
  apiVersion: "policy.sigstore.dev/v1beta1",
  kind: "ClusterImagePolicy",
  metadata: { uid: "u" },
  spec,
});
const threads = new PolicyThreads({ logger: silentLogger });
after(() => threads.close());
const options = {
  threads,
  namespace: "own",
  defaultTrustRoot: "default",
  clock: { nowMs: () => nowMs },
  logger: silentLogger,
  ownSecret: "webhook-certs",
};

async function eventually(what: string, isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000; tries += 1) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`it never happened that ${what}`);
}

describe("ClusterState", () => {
  it("is not ready before everything was read, then follows what changes", async () => {
    const state = new ClusterState({ ...options, kube });
    assert.throws(() => state.view(), { code: "ADMISSION_NOT_READY" });
    api.put(`${policies}/key`, policy({ images: [{ glob: "**" }], authorities: [{ key: { secretRef: { name: "key" } } }] }));
    state.start();
    try {
      const ready = (): LoadedPolicy | undefined => state.view().policies[0];
      const codeOf = (): string | undefined => {
        const compiled = ready()?.compiled;
        const first = compiled === undefined || isSigillumError(compiled) ? compiled : compiled.authorities[0]?.ready;
        return isSigillumError(first) ? first.code : undefined;
      };
      const isReady = (): string => {
        const found = JSON.parse(JSON.stringify(api.objects.get(`${policies}/key`)));
        const all: { type: string; status: string; reason?: string }[] = found.status?.conditions ?? [];
        const one = all.find(({ type }) => type === "Ready");
        return `${one?.status} ${one?.reason}`;
      };
      await eventually("it is ready", () => state.waitsFor === undefined);
      assert.equal(codeOf(), "ADMISSION_SECRET_UNUSABLE");
      await eventually("its status says so", () => isReady() === "False ADMISSION_SECRET_UNUSABLE");
      const before = state.view().generation;
      api.put("/api/v1/namespaces/own/secrets/key", {
        kind: "Secret",
        data: { "cosign.pub": Buffer.from(pem).toString("base64") },
      });
      await eventually("the key is there", () => codeOf() === undefined);
      await eventually("its status says so", () => isReady() === "True undefined");
      assert.ok(state.view().generation > before);
      api.put("/api/v1/namespaces/own/secrets/key", { kind: "Secret", data: { a: "YQ==", b: "Yg==" } });
      await eventually("two entries are none", () => codeOf() === "ADMISSION_SECRET_UNUSABLE");
      assert.equal(state.view().noMatchPolicy, "deny");
      api.put(config, { kind: "ConfigMap", data: { "no-match-policy": "warn", "fail-on-empty-authorities": "false" } });
      await eventually("the config is followed", () => state.view().noMatchPolicy === "warn" && !state.failOnEmptyAuthorities);
      api.put(config, { kind: "ConfigMap", data: { "no-match-policy": "Allow" } });
      await eventually("an unknown word denies", () => state.view().noMatchPolicy === "deny");
      api.put(`${policies}/key`, policy("nonsense"));
      await eventually("a policy that cannot be read stays", () => codeOf() === "ADMISSION_POLICY_MALFORMED");
      api.delete(`${policies}/key`);
      await eventually("it is gone", () => state.view().policies.length === 0);
    } finally {
      await state.stop();
    }
  });
});

describe("the certificate", () => {
  const secret = "/api/v1/namespaces/own/secrets/webhook-certs";
  const hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/policy.sigstore.dev";
  const names = ["webhook.own.svc"];
  it("is made once, kept in the Secret, told to the API server, and renewed a month before its end", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-certificate-"));
    try {
      api.put(hooks, { webhooks: [{ clientConfig: {} }] });
      const asked = {
        ...options,
        kube,
        secretName: "webhook-certs",
        serviceName: "webhook",
        mutating: ["absent"],
        validating: ["policy.sigstore.dev"],
        directory,
      };
      const first = await ensureCertificate(asked);
      assert.equal(await readFile(join(directory, "tls.crt"), "utf8"), first.certificate);
      const [leaf, authority] = [first.certificate, first.authorities].map((text) => parseCertificatesPem(text)[0]);
      assert.ok(leaf !== undefined && authority !== undefined);
      verifyIssuedBy(leaf, authority);
      assert.deepEqual((await ensureCertificate(asked)).certificate, first.certificate);
      const told = JSON.stringify(api.objects.get(hooks));
      assert.ok(told.includes(Buffer.from(first.authorities).toString("base64")));
      const later = await ensureCertificate({ ...asked, clock: { nowMs: () => nowMs + 70 * 86_400_000 } });
      assert.notEqual(later.certificate, first.certificate);
      // both authorities, so that a replica with the old certificate goes on to be believed
      assert.equal(parseCertificatesPem(later.authorities).length, 2);
      assert.ok(api.objects.has(secret));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
  it("serves only for its names and while it is good", async () => {
    const made = await makeServingCertificate(names, nowMs);
    assert.equal(isServable(made, names, nowMs), true);
    assert.equal(isServable(made, ["other.own.svc"], nowMs), false);
    assert.equal(isServable(made, names, nowMs + 61 * 86_400_000), false);
    assert.equal(isServable({ ...made, certificate: "x" }, names, nowMs), false);
  });
});

describe("pull secrets", () => {
  const config64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");
  const auth = (pair: string): object => ({ auth: Buffer.from(pair).toString("base64") });
  const repository = { registry: "r.test:5000", name: "team/app" };
  const of = (auths: object): KubeObject => ({ data: { ".dockerconfigjson": config64({ auths }) } });
  it("gives the longest match", () => {
    const found = fromSecret(
      of({ "r.test:5000": auth("host:1"), "https://r.test:5000/v1/": auth("old:1"), "r.test:5000/team": auth("team:2") }),
      repository,
    );
    assert.deepEqual(found, { type: "password", username: "team", password: "2" });
    assert.equal(fromSecret(of({ "other.test": auth("a:b"), "r.test": auth("a:b") }), repository), undefined);
    assert.deepEqual(
      fromSecret({ data: { ".dockercfg": config64({ "r.test:5000": { username: "u", password: "p" } }) } }, repository),
      { type: "password", username: "u", password: "p" },
    );
    assert.throws(() => fromSecret({ data: { ".dockerconfigjson": "!!" } }, repository), { code: "ADMISSION_SECRET_UNUSABLE" });
  });
  it("come from the workload, its service account, then the controller; a policy's own must be there", async () => {
    const workload = readWorkload({
      kind: "Pod",
      spec: { imagePullSecrets: [{ name: "mine" }, { name: "absent" }], serviceAccountName: "sa" },
    });
    assert.ok(workload !== undefined);
    const own = () => Promise.resolve({ type: "password", username: "controller", password: "" } as const);
    const ask = (names: string[] = []) => workloadCredentials(kube, "ns", workload, own)(names)(repository);
    assert.equal(Reflect.get(Object(await ask()), "username"), "controller");
    api.put("/api/v1/namespaces/ns/serviceaccounts/sa", { imagePullSecrets: [{ name: "accounts" }] });
    api.put("/api/v1/namespaces/ns/secrets/accounts", of({ "r.test:5000": auth("account:1") }));
    assert.equal(Reflect.get(Object(await ask()), "username"), "account");
    api.put("/api/v1/namespaces/ns/secrets/mine", of({ "r.test:5000": auth("mine:1") }));
    assert.equal(Reflect.get(Object(await ask()), "username"), "mine");
    await refused("ADMISSION_SECRET_UNUSABLE", ask(["policys"]));
  });
});

describe("texts and trust roots from elsewhere", () => {
  it("are taken only as the object says", async () => {
    const text = await fetchText(`${api.url}/absent`, "0".repeat(64));
    assert.equal(isSigillumError(text) && text.code, "ADMISSION_POLICY_TEXT_UNAVAILABLE");
    const reader = new TrustRootReader();
    const from = {
      type: "repository",
      root: Uint8Array.of(1),
      archive: Uint8Array.of(1),
      targets: "targets",
      target: "trusted_root.json",
    } as const;
    await refused("ADMISSION_TRUST_ROOT_UNAVAILABLE", reader.read({ name: "r", resourceVersion: "", from }, nowMs));
  });
});

describe("AdmissionReview", () => {
  const question = {
    apiVersion: "admission.k8s.io/v1",
    uid: "u",
    operation: "CREATE",
    namespace: "n",
    name: "",
    subResource: "",
    resource: "pods",
    dryRun: false,
    object: null,
    oldObject: null,
  };
  const pod = (...images: string[]): JsonValue => ({
    kind: "Pod",
    apiVersion: "v1",
    spec: { containers: images.map((image) => ({ image })) },
  });
  const webhook = (edits: Partial<WebhookParts> = {}): Webhook =>
    new Webhook({
      view: () => ({
        policies: loadPolicies(
          [policy({ images: [{ glob: "**" }], authorities: [{ key: { data: pem } }] })],
          {
            secrets: new Map(),
            configMaps: new Map(),
            trustRoots: new Map(),
            kmsKeys: new Map(),
            texts: new Map(),
            defaultTrustRoot: "d",
          },
          {},
        ),
        noMatchPolicy: "deny",
        generation: 1,
      }),
      credentials: () => () => () => Promise.resolve(undefined),
      registry: {},
      cache: new DecisionCache(0),
      threads,
      clock: { nowMs: () => nowMs },
      logger: silentLogger,
      namespace: "own",
      failOnEmptyAuthorities: () => true,
      ...edits,
    });
  it("is read or refused whole", () => {
    for (const bad of [
      {},
      { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1beta1", request: { uid: "u" } },
      { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request: {} },
    ])
      assert.throws(() => parseReview(Buffer.from(JSON.stringify(bad))), { code: "ADMISSION_REVIEW_MALFORMED" });
  });
  it("answers with warnings that fit, and a message on one page", () => {
    const answer = JSON.parse(
      encodeAnswer(question, { allowed: true, warnings: Array.from({ length: 40 }, () => "w".repeat(900)) }),
    );
    assert.equal(answer.response.warnings.length, 17);
    assert.equal(answer.response.warnings[0].length, 240);
    assert.equal(JSON.parse(encodeAnswer(question, { allowed: false, message: "a\u0007b" })).response.status.message, "a b");
  });
  it("lets everything else pass: other kinds, deletes, objects on their way out", async () => {
    const quiet = webhook({ view: () => assert.fail("nobody needs policies for that") });
    const gone = { kind: "Pod", metadata: { deletionTimestamp: "now" }, spec: { containers: [{ image: "x" }] } };
    for (const edits of [
      { object: { kind: "ConfigMap" } },
      { operation: "DELETE", object: pod("x") },
      { object: gone },
      { subResource: "status", object: pod("x") },
    ])
      assert.equal((await quiet.answer("validations", { ...question, ...edits }, 1000)).allowed, true);
  });
  it("refuses with its code", async () => {
    const told = async (object: JsonValue, edits: Partial<WebhookParts> = {}, timeoutMs = 60_000): Promise<string> =>
      (await webhook(edits).answer("validations", { ...question, object }, timeoutMs)).message ?? "";
    assert.ok((await told(pod("UPPER/case"))).includes("ADMISSION_IMAGE_INVALID"));
    assert.ok((await told(pod("127.0.0.1:1/app:v1"))).includes("ADMISSION_IMAGE_UNPINNED"));
    assert.ok((await told(pod(...Array.from({ length: 501 }, (_, at) => `i${at}`)))).includes("ADMISSION_IMAGES_TOO_MANY"));
    assert.ok(
      (
        await told(pod("x"), {
          view: () => {
            throw new TypeError("a defect");
          },
        })
      ).includes("ADMISSION_FAULT"),
    );
    const never = { credentials: () => () => () => new Promise<undefined>(() => undefined) };
    const locked: Partial<WebhookParts> = { ...never };
    assert.notEqual(await told(pod(`${new URL(api.url).host}/slow@sha256:${"0".repeat(64)}`), locked, 200), "");
  });
  it("is busy beyond so many at once", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const image = `127.0.0.1:${(silent.address() as AddressInfo).port}/app@sha256:${"0".repeat(64)}`;
    const busy = webhook();
    const answers = await Promise.all(
      Array.from({ length: 260 }, () => busy.answer("validations", { ...question, object: pod(image) }, 300)),
    );
    assert.equal(answers.filter(({ allowed }) => allowed).length, 0);
    assert.equal(answers.filter(({ message }) => (message ?? "").includes("ADMISSION_BUSY")).length, 4);
    assert.ok(answers[0]?.message?.includes("ADMISSION_DEADLINE"));
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
  it("keeps no refusal", () => {
    assert.throws(
      () =>
        new DecisionCache(1).put("k", { policy: "p", pass: false, warnOnly: false, reasons: [], warnings: [], passed: [] }, 0),
      TypeError,
    );
  });
});
