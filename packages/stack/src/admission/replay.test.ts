// What a real API server asked (testdata/reviews.json, recorded by npm run test:cluster), asked again: the same decisions, patches and
// codes. Images are made anew, signed and attested as they were there; `{{name}}` in the recording stands for one of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeStatement } from "@sigillum/library/attestation";
import { encodePublicKeyPem, type Signer } from "@sigillum/library/crypto";
import { encodeUtf8, JsonObject, type JsonValue, parseBase64, parseJson, parseUtf8 } from "@sigillum/library/encoding";
import { attachBundle, attachToTag, encodeSimpleSigning, imageStatement } from "@sigillum/library/image";
import {
  type Descriptor,
  emptyConfig,
  encodeManifest,
  mediaTypes,
  ociDigestOf,
  parseReference,
  RegistryClient,
} from "@sigillum/library/oci";
import { signBlob, signStatement } from "@sigillum/library/signing";
import { generateSigner, MemoryRegistry } from "@sigillum/library/testing";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { type HttpRequest, silentLogger } from "../host/index.ts";
import { DecisionCache, loadPolicies, PolicyThreads, Webhook, type WebhookPath } from "./index.ts";

const nobody: TrustedRoot = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const slsa = "https://slsa.dev/provenance/v0.2";
const [owner, stranger] = [generateSigner(), generateSigner()];
const recorded = readFileSync(join(import.meta.dirname, "testdata/reviews.json"), "utf8");
const registry = new MemoryRegistry({});
const threads = new PolicyThreads({ logger: silentLogger });
const names = new Map<string, string>();

before(async () => {
  await threads.start();
  await registry.start();
  names.set("registry", registry.host);
  names.set("key", encodePublicKeyPem(owner.publicKey));
  await push("signed", owner, undefined);
  await push("unsigned", undefined, undefined);
  await push("stranger", stranger, undefined);
  await push("attested", owner, { builder: { id: "https://ci.example.com/1" } });
  await push("laptop", owner, { builder: { id: "https://laptop.example.com" } });
  await push("keyless", undefined, undefined);
});
after(async () => {
  await registry.stop();
  await threads.close();
});

async function push(name: string, signer: Signer | undefined, predicate: JsonValue | undefined): Promise<void> {
  const bytes = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: emptyConfig.descriptor,
    layers: [],
    manifests: [],
    annotations: { name },
  });
  registry.blobs.set(emptyConfig.descriptor.digest, emptyConfig.bytes);
  registry.putManifest(bytes, mediaTypes.manifest, name === "signed" ? "v1" : name);
  const subject: Descriptor = { mediaType: mediaTypes.manifest, digest: ociDigestOf(bytes), size: bytes.length };
  const repository = parseReference(`${registry.host}/team/${name}`);
  names.set(name, `${registry.host}/team/${name}@${subject.digest}`);
  names.set(`${name}.digest`, subject.digest);
  if (signer === undefined) return;
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
  const own = { signer, trust: { trustedRoot: nobody }, nowMs: 0 };
  if (predicate !== undefined) {
    const statement = encodeStatement({
      ...imageStatement({ repository: name, digest: subject.digest }),
      predicateType: slsa,
      predicate,
    });
    await attachBundle({ client, repository, subject, nowMs: 0, bundle: await signStatement({ ...own, statement }) });
    return;
  }
  const payload = encodeSimpleSigning({ dockerReference: name, digest: subject.digest });
  const bundle = await signBlob({ ...own, artifact: { bytes: payload } });
  await attachToTag({ client, repository, image: subject.digest, bundle, payload, trustedRoot: nobody });
}

function filled(text: string): string {
  return text.replace(/\{\{([a-z.]+)\}\}/g, (_, name: string) => JSON.stringify(names.get(name) ?? `no ${name}`).slice(1, -1));
}

interface Exchange {
  readonly path: string;
  readonly policies: readonly string[];
  readonly question: JsonValue;
  readonly answer: JsonObject;
}

function exchanges(): { policies: JsonObject; all: Exchange[] } {
  const document = JsonObject.exact(parseJson(filled(recorded), { maxBytes: 1 << 24 }), "recording");
  return {
    policies: document.object("policies"),
    all: document.objects("exchanges").map((one) => ({
      path: one.string("path"),
      policies: one.strings("policies"),
      question: one.value("question") ?? null,
      answer: one.object("answer").object("response"),
    })),
  };
}

async function replay(exchange: Exchange, policies: JsonObject): Promise<JsonObject> {
  const objects = exchange.policies.map((id) => policies.value(id) ?? null);
  const secrets = new Map<string, JsonValue>([
    ["admission-sigillum-cosign-key", { data: { "cosign.pub": Buffer.from(names.get("key") ?? "").toString("base64") } }],
  ]);
  const loaded = loadPolicies(
    objects,
    { secrets, configMaps: new Map(), trustRoots: new Map(), kmsKeys: new Map(), texts: new Map(), defaultTrustRoot: "default" },
    {},
  );
  const webhook = new Webhook({
    view: () => ({ policies: loaded, noMatchPolicy: "deny", generation: 1 }),
    credentials: () => () => () => Promise.resolve(undefined),
    registry: {},
    cache: new DecisionCache(0),
    threads,
    clock: { nowMs: () => Date.now() },
    logger: silentLogger,
    namespace: "cosign-system",
    failOnEmptyAuthorities: () => true,
  });
  const [path = "", query = ""] = exchange.path.slice(1).split("?");
  const body = encodeUtf8(JSON.stringify(exchange.question));
  const request: Pick<HttpRequest, "query" | "body"> = { query: new URLSearchParams(query), body: () => Promise.resolve(body) };
  const reply = await webhook.serve(pathOf(path), request);
  const text = typeof reply.body === "string" ? reply.body : "";
  return JsonObject.exact(parseJson(text), "answer").object("response");
}

function pathOf(text: string): WebhookPath {
  const known: readonly WebhookPath[] = ["mutations", "validations", "defaulting", "validating"];
  const found = known.find((one) => one === text);
  assert.ok(found !== undefined, text);
  return found;
}

// Digests are this run's and the recording's names for them alike; the text of a refusal names images, which are shortened.
function told(answer: JsonObject): unknown {
  const patch = answer.optionalString("patch");
  const message = answer.optionalObject("status")?.optionalString("message");
  return {
    uid: answer.string("uid"),
    allowed: answer.boolean("allowed"),
    code: answer.optionalObject("status")?.optionalSafeInteger("code"),
    warned: answer.optionalArray("warnings").length,
    sentence: message
      ?.split(/: (?=image|Cannot|failed|no )/)
      .slice(0, 3)
      .map((part) => part.replaceAll(/sha256:[0-9a-f…]+/g, "DIGEST")),
    paths:
      patch === undefined
        ? []
        : JsonObject.exact({ patch: parseJson(parseBase64(patch)) }, "p")
            .objects("patch")
            .map((one) => one.string("path")),
  };
}

describe("AdmissionReviews of a real API server", () => {
  it("are decided as they were, each of them", async () => {
    const { all, policies } = exchanges();
    assert.ok(all.length > 40, `only ${all.length} were recorded`);
    const kinds = new Set<string>();
    let denied = 0;
    for (const exchange of all) {
      const answer = await replay(exchange, policies);
      assert.deepEqual(
        told(answer),
        told(exchange.answer),
        `${exchange.path} ${JSON.stringify(exchange.question).slice(0, 300)}`,
      );
      if (!answer.boolean("allowed")) denied += 1;
      kinds.add(JsonObject.exact(exchange.question, "q").object("request").object("kind").string("kind"));
    }
    assert.ok(denied > 10, `only ${denied} were denied`);
    for (const kind of [
      "Pod",
      "Deployment",
      "ReplicaSet",
      "StatefulSet",
      "DaemonSet",
      "Job",
      "CronJob",
      "ClusterImagePolicy",
      "TrustRoot",
    ])
      assert.ok(kinds.has(kind), kind);
  });
  it("pins a tag to the digest that the registry names", async () => {
    const { all, policies } = exchanges();
    const [first] = all;
    assert.ok(first !== undefined);
    const answer = await replay(first, policies);
    const patch = parseUtf8(parseBase64(answer.string("patch")));
    assert.equal(
      patch,
      JSON.stringify([
        {
          op: "replace",
          path: "/spec/containers/0/image",
          value: `${registry.host}/team/signed:v1@${names.get("signed.digest")}`,
        },
      ]),
    );
  });
  it("keeps on an update the digest that runs, though the tag names another by now", async () => {
    const { all, policies } = exchanges();
    const [first] = all;
    assert.ok(first !== undefined);
    const old = `sha256:${"0".repeat(64)}`;
    const text = JSON.stringify(first.question).replace(
      '"oldObject":null',
      `"oldObject":{"kind":"Pod","spec":{"containers":[{"image":"${registry.host}/team/signed:v1@${old}"}]}}`,
    );
    const question = parseJson(text.replace('"operation":"CREATE"', '"operation":"UPDATE"'));
    const answer = await replay({ ...first, question }, policies);
    assert.match(parseUtf8(parseBase64(answer.string("patch"))), new RegExp(old));
  });
});
