// The admission controller on a real API server: the chart installed by Helm, the controller with its service account's own rights,
// images signed and attested by our command line. One cluster for all, and each test leaves what the next one needs.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { request } from "@sigillum/library/http";
import { pushImage } from "../interop/image.ts";
import { type Instance, startInstance } from "../interop/instance.ts";
import { type Cluster, clusterMissing, hostAddress, type Outcome, startCluster, until } from "./cluster.ts";
import { Recorder } from "./recorder.ts";

const sigillum = join(import.meta.dirname, "../../packages/cli/bin/sigillum.cjs");
const chart = join(import.meta.dirname, "../../charts/sigillum");
const namespace = "cosign-system";
const release = "admission";
const slsa = "https://slsa.dev/provenance/v0.2";
const missing = clusterMissing();

if (missing !== undefined) console.log(`SKIPPED: admission on a cluster: ${missing}`);

describe("admission on a cluster", { skip: missing !== undefined && missing }, () => {
  let cluster: Cluster;
  let stack: Instance;
  let controller: ChildProcess | undefined;
  let log = "";
  const recorder = new Recorder(hostAddress, 8443, 8444);
  const images: Record<string, string> = {};

  const kubectl = (...args: string[]): Promise<Outcome> => cluster.kubectl(args);
  const succeed = async (running: Promise<Outcome>): Promise<string> => {
    const { code, stdout, stderr } = await running;
    assert.equal(code, 0, `${stderr}${stdout}`);
    return stdout;
  };
  const apply = (object: object): Promise<Outcome> => cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  /** Put a policy in force, or take it out, and try until it shows; what is tried meanwhile is not recorded. */
  const inForce = async (object: PolicyObject, isFollowed: () => Promise<boolean>): Promise<void> => {
    await succeed(apply(object));
    recorder.pause();
    await until(`policy ${object.metadata.name} is followed`, isFollowed);
    recorder.resume(object);
  };
  const outOfForce = async (name: string, isGone: () => Promise<boolean>): Promise<void> => {
    await succeed(kubectl("delete", "cip", name));
    recorder.pause();
    await until(`policy ${name} is gone`, isGone);
    recorder.resume(undefined, name);
  };
  const runPod = (name: string, image: string, where = "judged"): Promise<Outcome> =>
    cluster.kubectl(["create", "-f", "-"], JSON.stringify(pod(name, image, where)));
  const imageOf = (name: string): Promise<string> =>
    succeed(kubectl("get", "pod", name, "-n", "judged", "-o", "jsonpath={.spec.containers[0].image}"));
  const sign = async (...args: string[]): Promise<void> => {
    const { exit, stderr } = await stack.sigillum(...args);
    assert.equal(exit, 0, stderr);
  };

  async function startController(): Promise<void> {
    const [token, settings] = [join(cluster.directory, "controller.token"), join(cluster.directory, "controller.yaml")];
    await writeFile(
      token,
      await succeed(kubectl("create", "token", "admission-sigillum-webhook", "-n", namespace, "--duration=2h")),
    );
    // the settings that the chart rendered, and how to get at the API from outside of a pod
    const rendered = await succeed(
      kubectl("get", "configmap", "admission-sigillum-admission", "-n", namespace, "-o", "jsonpath={.data.sigillum\\.yaml}"),
    );
    const own = [
      `  apiServer: https://${hostAddress}:6443`,
      `  tokenFile: ${token}`,
      `  caFile: ${join(cluster.directory, "certificates/apiserver.crt")}`,
    ];
    const text = rendered.replace('addresses: ["0.0.0.0"]\n  port: 8443', `addresses: ["${hostAddress}"]\n  port: 8444`);
    await writeFile(settings, `${text.trimEnd()}\n${own.join("\n")}\n`);
    controller = spawn(process.execPath, [sigillum, "serve", "--only", "admission", "--config", settings], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    for (const stream of [controller.stdout, controller.stderr])
      stream?.on("data", (chunk) => (log = (log + String(chunk)).slice(-20_000)));
    await until("the controller is ready", async () => {
      if (controller?.exitCode !== null) throw new Error(`the controller ended\n${log}`);
      const answer = await request({
        url: `https://${hostAddress}:8444/readyz`,
        tls: { insecureSkipVerify: true },
        timeoutMs: 3000,
      }).catch(() => undefined);
      return answer?.status === 200;
    });
    await recorder.start(await certificateOf());
  }

  async function certificateOf(): Promise<{ cert: string; key: string }> {
    const secret: unknown = JSON.parse(await succeed(kubectl("get", "secret", "webhook-certs", "-n", namespace, "-o", "json")));
    const part = (name: string): string =>
      Buffer.from(String(Reflect.get(Object(Reflect.get(Object(secret), "data")), name)), "base64").toString("utf8");
    return { cert: part("server-cert.pem"), key: part("server-key.pem") };
  }

  async function stopController(): Promise<void> {
    await recorder.stop();
    if (controller === undefined) return;
    const gone = new Promise((resolve) => controller?.once("exit", resolve));
    controller.kill("SIGTERM");
    await gone;
    controller = undefined;
  }

  before(async () => {
    [cluster, stack] = await Promise.all([startCluster(), startInstance()]);
    for (const [name, content] of [
      ["slsa.json", { builder: { id: "https://ci.example.com/1" }, buildType: "test", invocation: {}, materials: [] }],
      ["other.json", { builder: { id: "https://laptop.example.com" }, buildType: "test", invocation: {}, materials: [] }],
    ] as const)
      await writeFile(join(stack.directory, name), JSON.stringify(content));
    await sign("generate-key-pair", "--output-key-prefix", "cosign", "-y");
    await sign("generate-key-pair", "--output-key-prefix", "stranger", "-y");
    const push = async (name: string): Promise<string> => {
      const pinned = await pushImage(stack.url("registry"), `team/${name}`);
      images[name] = pinned;
      return pinned;
    };
    const key = ["--key", "cosign.key", "-y"];
    await sign("sign", ...key, "--layout", "both", await push("signed"));
    await push("unsigned");
    await sign("sign", "--key", "stranger.key", "-y", "--layout", "both", await push("stranger"));
    for (const [name, predicate] of [
      ["attested", "slsa.json"],
      ["laptop", "other.json"],
    ] as const)
      await sign("attest", ...key, "--predicate", predicate, "--type", "slsaprovenance", await push(name));
    await sign("sign", "--identity-token", await stack.token(), "-y", await push("keyless"));
  });

  after(async () => {
    await recorder.save(join(import.meta.dirname, "../../packages/stack/src/admission/testdata/reviews.json"), {
      ...images,
      registry: new URL(stack.url("registry")).host,
      key: await key(),
    });
    await stopController();
    await stack?.stop();
    await cluster?.stop();
  });

  it("installs with Helm, and answers with a certificate of its own", async () => {
    const file = join(stack.directory, "cosign.pub");
    const args = ["--namespace", namespace, "--create-namespace", "--set-file", `cosign.cosignPub=${file}`];
    await succeed(
      cluster.helm([
        "install",
        release,
        chart,
        ...args,
        "--set",
        "cosign.images={**/team/signed**,**/team/unsigned**,**/team/stranger**}",
      ]),
    );
    await succeed(
      apply({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "webhook-1", namespace, labels: { "kubernetes.io/service-name": "webhook" } },
        addressType: "IPv4",
        endpoints: [{ addresses: [hostAddress], conditions: { ready: true } }],
        ports: [{ name: "https", port: 8443, protocol: "TCP" }],
      }),
    );
    await succeed(
      apply({
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: { name: "webhook", namespace },
        subsets: [{ addresses: [{ ip: hostAddress }], ports: [{ name: "https", port: 8443 }] }],
      }),
    );
    await startController();
    recorder.resume(policy("admission-sigillum-key", await chartSpec()));
    for (const kind of ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"]) {
      const bundle = await succeed(
        kubectl("get", kind, "policy.sigstore.dev", "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}"),
      );
      assert.match(Buffer.from(bundle, "base64").toString("utf8"), /BEGIN CERTIFICATE/);
    }
    for (const name of ["judged", "free"]) await succeed(kubectl("create", "namespace", name));
    await succeed(kubectl("label", "namespace", "judged", "policy.sigstore.dev/include=true"));
  });

  it("admits a signed image and pins its tag to the digest", async () => {
    const [repository = "", digest = ""] = (images["signed"] ?? "").split("@");
    await tagImage(stack.url("registry"), "team/signed", digest, "v1");
    await succeed(runPod("signed", `${repository}:v1`));
    assert.equal(await imageOf("signed"), `${repository}:v1@${digest}`);
    for (const [name, object] of Object.entries(workloads(`${repository}:v1`))) {
      await succeed(cluster.kubectl(["create", "-f", "-"], JSON.stringify(object)));
      assert.match(await succeed(kubectl("get", name, "signed", "-n", "judged", "-o", "json")), new RegExp(digest));
    }
  });

  it("denies an unsigned image with a sentence that names image, policy, authority and reason", async () => {
    const image = images["unsigned"] ?? "";
    const { code, stderr } = await runPod("unsigned", image);
    assert.equal(code, 1);
    assert.match(stderr, /admission webhook "policy\.sigstore\.dev" denied the request: validation failed/);
    for (const part of [
      "spec.containers[0].image",
      `image ${image}`,
      "failed policy: admission-sigillum-key",
      "authority cosign-key",
      "no signatures found",
    ])
      assert.ok(stderr.includes(part), `${part} is not in: ${stderr}`);
    for (const object of Object.values(workloads(image)))
      assert.equal(
        (
          await cluster.kubectl(
            ["create", "-f", "-"],
            JSON.stringify({ ...object, metadata: { name: "unsigned", namespace: "judged" } }),
          )
        ).code,
        1,
      );
  });

  it("denies an image signed by another key, and one that no policy is for", async () => {
    const stranger = await runPod("stranger", images["stranger"] ?? "");
    assert.match(stranger.stderr, /authority cosign-key: .*no .*signature/);
    const unknown = await runPod("unknown", images["laptop"] ?? "");
    assert.match(unknown.stderr, /no matching policies/);
  });

  it("leaves namespaces alone that did not opt in", async () => {
    await succeed(runPod("unsigned", images["unsigned"] ?? "", "free"));
  });

  it("denies a tag that cannot be resolved, with the registry's reason", async () => {
    const [repository = ""] = (images["signed"] ?? "").split("@");
    const { stderr } = await runPod("absent", `${repository}:absent`);
    assert.match(stderr, /must be an image digest: .*no such image/);
  });

  it("refuses a policy with a mistake, and fills in what one leaves out", async () => {
    const wrong = await apply(policy("wrong", { images: [{ glob: "**" }], authorities: [{ key: { data: "x" } }] }));
    assert.match(wrong.stderr, /spec\.authorities\[0\]\.key\.data .*IMAGE_POLICY_FIELD_INVALID/);
    const text = await apply(
      policy("text", {
        images: [{ glob: "**" }],
        authorities: [{ static: { action: "pass" } }],
        policy: { type: "cue", data: "a: {" },
      }),
    );
    assert.match(text.stderr, /does not compile/);
    await succeed(apply(policy("filled", { images: [{ glob: "nothing" }], authorities: [{ static: { action: "pass" } }] })));
    const filled = await succeed(kubectl("get", "cip", "filled", "-o", "jsonpath={.spec.mode} {.spec.authorities[0].name}"));
    assert.equal(filled, "enforce authority-0");
    // by the chart's own role, which may write a status and nothing else of a policy
    const ready = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
    await until(
      "its status says that it is ready",
      async () => (await kubectl("get", "cip", "filled", "-o", ready)).stdout === "True",
    );
    // both versions, without a conversion
    assert.match(
      await succeed(kubectl("get", "clusterimagepolicies.v1alpha1.policy.sigstore.dev", "filled", "-o", "name")),
      /filled/,
    );
  });

  /** What the chart made of the public key. */
  async function chartSpec(): Promise<object> {
    const spec: unknown = JSON.parse(await succeed(kubectl("get", "cip", "admission-sigillum-key", "-o", "jsonpath={.spec}")));
    return Object(spec);
  }

  const key = async (): Promise<string> => await readFile(join(stack.directory, "cosign.pub"), "utf8");

  it("lets a CUE policy decide about attestations", async () => {
    const data = 'predicate: builder: id: "https://ci.example.com/1"';
    await decides("cue", data, await key());
  });

  it("lets a Rego policy decide about attestations", async () => {
    const data = 'package sigstore\nisCompliant { input.predicate.builder.id == "https://ci.example.com/1" }';
    await decides("rego", data, await key());
  });

  async function decides(type: string, data: string, pem: string): Promise<void> {
    const authorities = [
      { name: "ci", key: { data: pem }, attestations: [{ name: "provenance", predicateType: slsa, policy: { type, data } }] },
    ];
    const globs = [{ glob: "**/team/attested**" }, { glob: "**/team/laptop**" }];
    await inForce(
      policy("provenance", { images: globs, authorities }),
      async () => (await runPod(`first-${type}`, images["attested"] ?? "")).code === 0,
    );
    await succeed(runPod(`attested-${type}`, images["attested"] ?? ""));
    const { code, stderr } = await runPod("laptop", images["laptop"] ?? "");
    assert.equal(code, 1);
    assert.match(stderr, /failed policy: provenance: .*authority ci: the policy of attestation provenance refuses: /);
    await outOfForce("provenance", async () =>
      /no matching policies/.test((await runPod("laptop", images["laptop"] ?? "")).stderr),
    );
  }

  it("admits a keyless signature by the identity that a policy names, by the TUF repository of our stack", async () => {
    const root = Buffer.from(await readFile(stack.rootPath)).toString("base64");
    await succeed(
      apply({
        apiVersion: "policy.sigstore.dev/v1alpha1",
        kind: "TrustRoot",
        metadata: { name: "ours" },
        spec: { remote: { root, mirror: stack.tufUrl } },
      }),
    );
    const authority = (subject: string): object => ({
      name: "people",
      keyless: { url: stack.caUrl, trustRootRef: "ours", identities: [{ issuer: stack.issuer, subject }] },
      ctlog: { url: stack.logUrl, trustRootRef: "ours" },
    });
    // what it proves needs this run's services: nothing of it can be replayed
    recorder.pause();
    await succeed(
      apply(policy("people", { images: [{ glob: "**/team/keyless**" }], authorities: [authority("somebody@example.com")] })),
    );
    await until("the identity is refused", async () =>
      /authority people: .*it is by signer@example\.com .*expected somebody@example\.com/.test(
        (await runPod("keyless", images["keyless"] ?? "")).stderr,
      ),
    );
    await succeed(
      apply(policy("people", { images: [{ glob: "**/team/keyless**" }], authorities: [authority("signer@example.com")] })),
    );
    await until("the identity is admitted", async () => (await runPod("keyless", images["keyless"] ?? "")).code === 0);
    recorder.resume();
  });

  it("warns where a policy only warns", async () => {
    const warning = policy("warns", {
      mode: "warn",
      images: [{ glob: "**/team/laptop**" }],
      authorities: [{ key: { data: await key() } }],
    });
    await inForce(warning, async () => (await runPod("warns", images["laptop"] ?? "")).code === 0);
    const warned = await runPod("warned", images["laptop"] ?? "");
    assert.equal(warned.code, 0);
    assert.match(warned.stderr, /Warning: spec\.containers\[0\]\.image: failed policy: warns/);
    recorder.pause();
    await succeed(kubectl("delete", "cip", "warns"));
  });

  it("denies everything while the controller is down, and works again when it is back", async () => {
    await stopController();
    const { code, stderr } = await runPod("down", images["signed"] ?? "");
    assert.equal(code, 1);
    assert.match(stderr, /failed calling webhook "policy\.sigstore\.dev"/);
    await startController();
    await until("the webhook is called again", async () => (await runPod("back", images["signed"] ?? "")).code === 0);
  });

  it("upgrades in place, keeping the certificate that the API server trusts", async () => {
    const bundle = (): Promise<string> =>
      succeed(
        kubectl(
          "get",
          "validatingwebhookconfiguration",
          "policy.sigstore.dev",
          "-o",
          "jsonpath={.webhooks[0].clientConfig.caBundle}",
        ),
      );
    const earlier = await bundle();
    await succeed(
      cluster.helm(["upgrade", release, chart, "--namespace", namespace, "--reuse-values", "--set", "webhook.replicaCount=2"]),
    );
    assert.equal(await bundle(), earlier);
    await succeed(runPod("upgraded", images["signed"] ?? ""));
  });

  it("uninstalls and leaves nothing behind", async () => {
    await succeed(cluster.helm(["uninstall", release, "--namespace", namespace]));
    let kinds: string[] = [];
    // the API server takes a kind away after its last object
    await until("the kinds are gone", async () => {
      const names = await succeed(kubectl("api-resources", "--verbs=list", "-o", "name"));
      kinds = names
        .trim()
        .split("\n")
        .filter((kind) => !/^(?:events|componentstatuses)/.test(kind));
      return !kinds.some((kind) => kind.endsWith("policy.sigstore.dev"));
    });
    const left = await succeed(
      kubectl("get", kinds.join(","), "-A", "-l", `app.kubernetes.io/instance=${release}`, "-o", "name", "--ignore-not-found"),
    );
    assert.equal(left.trim(), "");
    assert.equal((await kubectl("get", "secret", "webhook-certs", "-n", namespace)).code, 1);
    await succeed(runPod("free-again", images["unsigned"] ?? ""));
  });
});

interface PolicyObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: object;
  readonly metadata: { readonly name: string };
}

function policy(name: string, spec: object): PolicyObject {
  return { apiVersion: "policy.sigstore.dev/v1beta1", kind: "ClusterImagePolicy", metadata: { name }, spec };
}

function pod(name: string, image: string, namespaceName: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: namespaceName },
    spec: { containers: [{ name: "main", image }] },
  };
}

function workloads(image: string): Record<string, object> {
  const template = { metadata: { labels: { app: "signed" } }, spec: { containers: [{ name: "main", image }] } };
  const metadata = { name: "signed", namespace: "judged" };
  const selector = { matchLabels: { app: "signed" } };
  const once = { ...template, spec: { ...template.spec, restartPolicy: "Never" } };
  return {
    deployment: { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { selector, template } },
    replicaset: { apiVersion: "apps/v1", kind: "ReplicaSet", metadata, spec: { selector, template } },
    statefulset: { apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec: { selector, template, serviceName: "signed" } },
    daemonset: { apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec: { selector, template } },
    job: { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template: once } },
    cronjob: {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata,
      spec: { schedule: "0 0 * * *", jobTemplate: { spec: { template: once } } },
    },
  };
}

async function tagImage(registry: string, repository: string, digest: string, tag: string): Promise<void> {
  const base = `${registry}/v2/${repository}/manifests`;
  const accept = "application/vnd.oci.image.manifest.v1+json";
  const found = await fetch(`${base}/${digest}`, { headers: { accept } });
  const put = await fetch(`${base}/${tag}`, {
    method: "PUT",
    headers: { "content-type": accept },
    body: await found.arrayBuffer(),
  });
  assert.equal(put.status, 201);
}
