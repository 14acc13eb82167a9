// The real policy-controller on a real API server: its own webhook program, CRDs and configuration, judging images that our stack signed.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { request } from "@sigillum/library/http";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Instance, startInstance } from "../interop/instance.ts";
import { type SignedImages, signImages } from "../interop/signed-images.ts";
import { type Cluster, clusterMissing, hostAddress, startCluster, until } from "./cluster.ts";
import { leadHere, type Running, startProgram, succeed, tryPod, writeKubeconfig } from "./foreign-controller.ts";

const namespace = "cosign-system";
const slsa = "https://slsa.dev/provenance/v0.2";
const policies = "/apis/policy.sigstore.dev/v1beta1/clusterimagepolicies";
const [webhook, config] = [findPeer("policy-controller-webhook"), findPeer("policy-controller-config")];
const missing = clusterMissing() ?? webhook.missing ?? config.missing;
if (missing !== undefined) console.log(`SKIPPED: policy-controller on a cluster: ${missing}`);

describe("the webhook of policy-controller over images signed here", { skip: missing !== undefined && missing }, () => {
  let cluster: Cluster;
  let stack: Instance;
  let controller: Running;
  let signed: SignedImages;

  before(async () => {
    [cluster, stack] = await Promise.all([startCluster(), startInstance()]);
    signed = await signImages(stack);
    await install();
  });
  after(async () => {
    await controller?.stop();
    await stack?.stop();
    await cluster?.stop();
  });

  /** Everything of its release but the Deployment. */
  async function install(): Promise<void> {
    const files = (await readdir(config.path ?? "")).filter((name) => /^(?:[1-5]\d\d-|config-).*\.yaml$/.test(name)).sort();
    await succeed(cluster.kubectl(["apply", ...files.flatMap((name) => ["-f", join(config.path ?? "", name)])]));
    await leadHere(cluster, namespace, "webhook", 8443);
    const home = join(cluster.directory, "home");
    await mkdir(home);
    const env = {
      HOME: home,
      KUBECONFIG: await writeKubeconfig(cluster),
      SYSTEM_NAMESPACE: namespace,
      CONFIG_LOGGING_NAME: "config-logging",
      CONFIG_OBSERVABILITY_NAME: "config-observability",
      METRICS_DOMAIN: "sigstore.dev/policy",
      WEBHOOK_NAME: "webhook",
      POD_NAME: "webhook-0",
    };
    const args = ["--tuf-mirror", stack.tufUrl, "--tuf-root", stack.rootPath];
    controller = startProgram(webhook.path ?? "", args, env, cluster.directory);
    await until("the webhook answers", async () => {
      controller.check();
      const answer = await request({
        url: `https://${hostAddress}:8443/`,
        headers: { "k-kubelet-probe": "webhook" },
        tls: { insecureSkipVerify: true },
        timeoutMs: 3000,
      }).catch(() => undefined);
      return answer?.status === 200;
    });
    await succeed(cluster.kubectl(["create", "namespace", "judged"]));
    await succeed(cluster.kubectl(["label", "namespace", "judged", "policy.sigstore.dev/include=true"]));
    await until("it judges", async () => /no matching policies/.test((await run("unsigned")).message));
  }

  const run = (name: string): ReturnType<typeof tryPod> => tryPod(cluster, "judged", signed.images[name] ?? "");

  /** Have this policy and no other in force. */
  async function inForce(authority: object, more: object = {}): Promise<void> {
    await cluster.api("DELETE", policies);
    await until("the policy before is gone", async () => (await cluster.api("GET", `${policies}/p`)).status === 404);
    await until("no policy is in force", async () => /no matching policies/.test((await run("unsigned")).message));
    const made = await cluster.api("POST", policies, {
      apiVersion: "policy.sigstore.dev/v1beta1",
      kind: "ClusterImagePolicy",
      metadata: { name: "p" },
      spec: { images: [{ glob: "**" }], authorities: [authority], ...more },
    });
    assert.equal(made.status, 201, made.message);
    await until("the policy is in force", async () => !/no matching policies/.test((await run("unsigned")).message));
  }
  async function expects(admits: boolean, name: string): Promise<void> {
    const { admitted, message } = await run(name);
    assert.equal(admitted, admits, `${name}: ${message}\n${controller.log().slice(-2000)}`);
    if (!admits) assert.match(message, /admission webhook "policy\.sigstore\.dev" denied the request: validation failed/);
  }
  const keyless = (edits: object = {}, subject = "signer@example.com"): object => ({
    keyless: { url: stack.caUrl, trustRootRef: "ours", identities: [{ issuer: stack.issuer, subject }] },
    ctlog: { url: stack.logUrl, trustRootRef: "ours" },
    ...edits,
  });

  it("takes a TrustRoot of our TUF repository, by the target without other keys than ECDSA", async () => {
    const root = Buffer.from(await readFile(stack.rootPath)).toString("base64");
    const roots = "/apis/policy.sigstore.dev/v1alpha1/trustroots";
    const made = await cluster.api("POST", roots, {
      apiVersion: "policy.sigstore.dev/v1alpha1",
      kind: "TrustRoot",
      metadata: { name: "ours" },
      // every log of it must have a key of ECDSA: v2's has not
      spec: { remote: { root, mirror: stack.tufUrl, trustedRootTarget: "trusted_root_ecdsa.json" } },
    });
    assert.equal(made.status, 201, made.message);
    let text = "";
    await until("the TrustRoot is ready", async () => {
      text = JSON.stringify((await cluster.api("GET", `${roots}/ours`)).object);
      return /"status":"True","type":"Ready"|"type":"Ready","status":"True"/.test(text);
    }).catch((error: unknown) => {
      const told = controller
        .log()
        .split("\n")
        .filter((line) => /trustroot/i.test(line));
      assert.fail(`${error}: ${text}\n${told.slice(-12).join("\n")}`);
    });
  });

  it("key: admits the layout of cosign 2; denies another key, no signature, and the layout of cosign 3", async () => {
    await inForce({ key: { data: signed.pem } });
    await expects(true, "key-tag");
    await expects(true, "key-both");
    await expects(false, "unsigned");
    await expects(false, "key-bundle");
    await inForce({ key: { data: signed.strangerPem } });
    await expects(false, "key-tag");
  });

  it("key and log: admits by our trust root", async () => {
    await inForce({ key: { data: signed.pem }, ctlog: { url: stack.logUrl, trustRootRef: "ours" } });
    await expects(true, "key-tag");
    await expects(false, "unsigned");
  });

  it("key and timestamp: admits by our timestamp authority", async () => {
    await inForce({ key: { data: signed.pem }, rfc3161timestamp: { trustRootRef: "ours" } });
    await expects(true, "key-tag");
    await expects(false, "unsigned");
  });

  it("keyless, the layout of cosign 2: admits, and denies another identity", async () => {
    await inForce(keyless());
    await expects(true, "keyless-tag");
    await expects(false, "unsigned");
    await expects(false, "keyless-bundle");
    await inForce(keyless({}, "eve@example.com"));
    await expects(false, "keyless-tag");
  });

  it("keyless attestations, the layout of cosign 3: admits by the controller's own TUF mirror, and not by a TrustRoot", async () => {
    const attested = { signatureFormat: "bundle", attestations: [{ name: "slsa", predicateType: slsa }] };
    const byMirror = (subject: string): object => ({
      keyless: { url: stack.caUrl, identities: [{ issuer: stack.issuer, subject }] },
      ctlog: { url: stack.logUrl },
      ...attested,
    });
    await inForce(byMirror("signer@example.com"));
    await expects(true, "attested-bundle");
    await expects(false, "unsigned");
    await inForce(byMirror("eve@example.com"));
    await expects(false, "attested-bundle");
    // its own defect: compiled TrustRoots hold the log's identifier in hexadecimal, which no bundle names
    await inForce(keyless(attested));
    await expects(false, "attested-bundle");
    assert.match((await run("attested-bundle")).message, /not enough verified log entries/);
  });

  it("image signatures, the layout of cosign 3: this version has no code for them, and says so", async () => {
    await inForce(keyless({ signatureFormat: "bundle" }));
    await expects(false, "keyless-bundle");
    assert.match((await run("keyless-bundle")).message, /bundle support for image signatures is not yet implemented/);
  });

  it("attestations: a policy in CUE and one in Rego decide", async () => {
    for (const [type, text] of [
      ["cue", (id: string) => `predicate: builder: id: "${id}"`],
      ["rego", (id: string) => `package sigstore\nisCompliant { input.predicate.builder.id == "${id}" }`],
    ] as const) {
      const attested = (id: string): object => ({
        key: { data: signed.pem },
        attestations: [{ name: "slsa", predicateType: slsa, policy: { type, data: text(id) } }],
      });
      await inForce(attested("ci"));
      await expects(true, "attested");
      await expects(false, "key-tag");
      await inForce(attested("laptop"));
      await expects(false, "attested");
    }
  });
});
