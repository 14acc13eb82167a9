// The real Kyverno on a real API server: its admission controller, CRDs and roles, judging images that our stack signed.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Instance, startInstance } from "../interop/instance.ts";
import { type SignedImages, signImages } from "../interop/signed-images.ts";
import { type Cluster, clusterMissing, startCluster, until } from "./cluster.ts";
import { leadHere, type Running, startProgram, succeed, tryPod, writeKubeconfig } from "./foreign-controller.ts";

const namespace = "kyverno";
const policies = "/apis/kyverno.io/v1/clusterpolicies";
const [program, config] = [findPeer("kyverno-controller"), findPeer("kyverno-config")];
const missing = clusterMissing() ?? program.missing ?? config.missing;
if (missing !== undefined) console.log(`SKIPPED: Kyverno on a cluster: ${missing}`);

describe("Kyverno's admission controller over images signed here", { skip: missing !== undefined && missing }, () => {
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

  async function install(): Promise<void> {
    await succeed(cluster.kubectl(["create", "-f", config.path ?? ""]));
    await leadHere(cluster, namespace, "kyverno-svc", 9443, "https");
    const home = join(cluster.directory, "home");
    await mkdir(home);
    const env = {
      HOME: home,
      TUF_ROOT: join(home, ".sigstore"),
      INIT_CONFIG: "kyverno",
      METRICS_CONFIG: "kyverno-metrics",
      KYVERNO_NAMESPACE: namespace,
      KYVERNO_POD_NAME: "kyverno-admission-controller-0",
      KYVERNO_SERVICEACCOUNT_NAME: "kyverno-admission-controller",
      KYVERNO_ROLE_NAME: "kyverno:admission-controller",
      KYVERNO_SVC: "kyverno-svc",
      KYVERNO_DEPLOYMENT: "kyverno-admission-controller",
    };
    const own = "kyverno-svc.kyverno.svc.kyverno-tls";
    const args = [
      `--kubeconfig=${await writeKubeconfig(cluster)}`,
      `--caSecretName=${own}-ca`,
      `--tlsSecretName=${own}-pair`,
      "--backgroundServiceAccountName=system:serviceaccount:kyverno:kyverno-background-controller",
      "--reportsServiceAccountName=system:serviceaccount:kyverno:kyverno-reports-controller",
      "--servicePort=443",
      "--webhookServerPort=9443",
      "--disableMetrics=true",
      "--admissionReports=false",
      "--allowInsecureRegistry=true",
      "--enableTuf",
      `--tufMirror=${stack.tufUrl}`,
      `--tufRoot=${stack.rootPath}`,
      "--v=2",
    ];
    controller = startProgram(program.path ?? "", args, env, cluster.directory);
    await succeed(cluster.kubectl(["create", "namespace", "judged"]));
  }

  const run = (name: string): ReturnType<typeof tryPod> => tryPod(cluster, "judged", signed.images[name] ?? "");

  /** Have this rule and no other in force; an unsigned image shows it. */
  async function inForce(entry: object, more: object = {}): Promise<void> {
    await cluster.api("DELETE", policies);
    await until("no policy is in force", async () => {
      controller.check();
      return (await run("unsigned")).admitted;
    });
    const made = await cluster.api("POST", policies, policyOf(entry, more));
    assert.equal(made.status, 201, made.message);
    await until("the policy is in force", async () => !(await run("unsigned")).admitted);
  }
  async function expects(admits: boolean, name: string): Promise<void> {
    const { admitted, message } = await run(name);
    assert.equal(admitted, admits, `${name}: ${message}\n${controller.log().slice(-2000)}`);
    if (!admits) assert.match(message, /admission webhook ".*kyverno.*" denied the request/);
  }
  const withoutLog = { rekor: { ignoreTlog: true }, ctlog: { ignoreSCT: true } };

  it("starts, and tells the API server of its webhooks", async () => {
    await until("its webhooks are there", async () => {
      controller.check();
      const { object } = await cluster.api("GET", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations");
      return JSON.stringify(object).includes("kyverno-policy-validating-webhook-cfg");
    });
    let told = "";
    await until("it takes policies", async () => {
      controller.check();
      const { status, message } = await cluster.api(
        "POST",
        `${policies}?dryRun=All`,
        policyOf({ keys: { publicKeys: signed.pem } }),
      );
      told = message;
      return status === 201;
    }).catch((error: unknown) => assert.fail(`${error}: ${told}\n${controller.log().slice(-8000)}`));
  });

  it("key, the layout of cosign 2: admits, and denies another key", async () => {
    await inForce({ keys: { publicKeys: signed.pem, ...withoutLog } });
    await expects(true, "key-tag");
    await expects(true, "key-both");
    await expects(false, "unsigned");
    await inForce({ keys: { publicKeys: signed.strangerPem, ...withoutLog } });
    await expects(false, "key-tag");
  });

  it("key, the layout of cosign 3 as SigstoreBundle: admits, and denies another key", async () => {
    await inForce({ keys: { publicKeys: signed.pem, ...withoutLog } }, { type: "SigstoreBundle" });
    await expects(true, "key-bundle");
    await expects(false, "unsigned");
    await inForce({ keys: { publicKeys: signed.strangerPem, ...withoutLog } }, { type: "SigstoreBundle" });
    await expects(false, "key-bundle");
  });

  const keyless = (subject = "signer@example.com"): object => ({
    keyless: { issuer: stack.issuer, subject, rekor: { url: stack.logUrl } },
  });

  it("keyless, the layout of cosign 2, by the TUF mirror: admits, and denies another identity", async () => {
    await inForce(keyless());
    await expects(true, "keyless-tag");
    await expects(false, "unsigned");
    await inForce(keyless("eve@example.com"));
    await expects(false, "keyless-tag");
  });

  it("keyless, the layout of cosign 3 as SigstoreBundle: admits by the same mirror, and denies another identity", async () => {
    await inForce(keyless(), { type: "SigstoreBundle" });
    await expects(true, "keyless-bundle");
    await expects(false, "unsigned");
    await inForce(keyless("eve@example.com"), { type: "SigstoreBundle" });
    await expects(false, "keyless-bundle");
  });
});

function policyOf(entry: object, more: object = {}): object {
  const verify = {
    imageReferences: ["*"],
    failureAction: "Enforce",
    mutateDigest: false,
    useCache: false,
    attestors: [{ count: 1, entries: [entry] }],
    ...more,
  };
  const rule = { name: "signed", match: { any: [{ resources: { kinds: ["Pod"] } }] }, verifyImages: [verify] };
  return {
    apiVersion: "kyverno.io/v1",
    kind: "ClusterPolicy",
    metadata: { name: "signed" },
    spec: { background: false, webhookConfiguration: { timeoutSeconds: 30 }, rules: [rule] },
  };
}
