// policy test over files and a registry in memory: verdicts, exit codes, JUnit.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { attachToTag, encodeSimpleSigning } from "@sigillum/library/image";
import { emptyConfig, encodeManifest, mediaTypes, ociDigestOf, parseReference, RegistryClient } from "@sigillum/library/oci";
import { signBlob } from "@sigillum/library/signing";
import { generateSigner, MemoryRegistry } from "@sigillum/library/testing";
import { main } from "../main.ts";
import { type Outcome, recorded } from "../terminal/index.ts";
import { junitReport } from "./index.ts";

const nobody = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] };
const signer = generateSigner();
const registry = new MemoryRegistry({});
let directory = "";

async function push(name: string, signs: boolean): Promise<void> {
  const bytes = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: emptyConfig.descriptor,
    layers: [],
    manifests: [],
    annotations: { name },
  });
  registry.putManifest(bytes, mediaTypes.manifest, name);
  if (!signs) return;
  const digest = ociDigestOf(bytes);
  const payload = encodeSimpleSigning({ dockerReference: "app", digest });
  const bundle = await signBlob({ signer, trust: { trustedRoot: nobody }, nowMs: 0, artifact: { bytes: payload } });
  const client = new RegistryClient({ credentials: () => Promise.resolve(undefined) });
  await attachToTag({
    client,
    repository: parseReference(`${registry.host}/app`),
    image: digest,
    bundle,
    payload,
    trustedRoot: nobody,
  });
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sigillum-policy-test-"));
  await registry.start();
  await push("signed", true);
  await push("unsigned", false);
  const policy = [
    "apiVersion: policy.sigstore.dev/v1beta1",
    "kind: ClusterImagePolicy",
    "metadata: {name: ours}",
    "spec:",
    "  images: [{glob: '**'}]",
    "  authorities: [{name: key, key: {secretRef: {name: key}}}]",
    "---",
    "apiVersion: v1",
    "kind: Secret",
    "metadata: {name: key}",
    "stringData:",
    "  cosign.pub: |",
    ...encodePublicKeyPem(signer.publicKey)
      .split("\n")
      .map((line) => `    ${line}`),
  ];
  await writeFile(join(directory, "policy.yaml"), policy.join("\n"));
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [{ image: `${registry.host}/app:signed` }, { image: `${registry.host}/app:unsigned` }] },
  };
  await writeFile(join(directory, "pod.json"), JSON.stringify({ kind: "List", apiVersion: "v1", items: [pod] }));
  await writeFile(join(directory, "wrong.yaml"), "a: [");
});
after(async () => {
  await registry.stop();
  await rm(directory, { recursive: true, force: true });
});

const run = (...words: readonly string[]): Promise<Outcome> => recorded(main, ["policy", "test", ...words]);

const policy = (): string[] => ["--cluster-image-policy", join(directory, "policy.yaml")];

describe("sigillum policy test", () => {
  it("admits a signed image and says which authority passed", async () => {
    const { code, stdout, stderr } = await run(...policy(), "--image", `${registry.host}/app:signed`);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^admitted {2}--image {2}\S+\/app:signed@sha256:[0-9a-f]{64}\n +policy ours: authority key\n$/);
  });
  it("denies an unsigned one with the controller's sentence", async () => {
    const { code, stdout } = await run(...policy(), "--image", `${registry.host}/app:unsigned`);
    assert.equal(code, 1);
    assert.match(stdout, /^DENIED {2}.*\n +failed policy: ours: image \S+: authority key: .*\(IMAGE_NO_SIGNATURES\)\n$/);
  });
  it("judges each image of a resource, as JSON and JUnit", async () => {
    const report = join(directory, "report.xml");
    const { code, stdout } = await run(
      ...policy(),
      "--resource",
      join(directory, "pod.json"),
      "--junit",
      report,
      "--output",
      "json",
    );
    assert.equal(code, 1);
    const { images }: { images: { of: string; verdict: string; codes: string[] }[] } = JSON.parse(stdout);
    assert.deepEqual(
      images.map(({ of, verdict, codes }) => [of, verdict, codes]),
      [
        ["Pod spec.containers[0].image", "allow", []],
        ["Pod spec.containers[1].image", "deny", ["IMAGE_NO_SIGNATURES"]],
      ],
    );
    assert.match(await readFile(report, "utf8"), /tests="2" failures="1"[\s\S]*<failure type="IMAGE_NO_SIGNATURES"/);
  });
  it("says what is missing or unreadable", async () => {
    const refused = async (code: string, ...words: string[]): Promise<void> => {
      const { stdout, stderr } = await run(...words, "--output", "json");
      assert.ok((stdout + stderr).includes(code), stdout + stderr);
    };
    await refused("POLICY_TEST_NOTHING", ...policy());
    await refused("FLAG_REQUIRED", "--image", "app"); // without policies of a cluster the command asks for plain ones
    await refused("POLICY_TEST_FILE_UNREADABLE", "--cluster-image-policy", join(directory, "wrong.yaml"), "--image", "app");
    await refused("POLICY_TEST_FILE_UNREADABLE", "--cluster-image-policy", join(directory, "absent.yaml"), "--image", "app");
  });
});

describe("junitReport", () => {
  it("escapes what XML demands", () => {
    const text = junitReport("a<b", [
      { name: 'x"&\u0007', className: "c", seconds: 1, failure: { type: "T", message: "one\ntwo" } },
    ]);
    assert.match(text, /name="a&lt;b"/);
    assert.match(text, /name="x&quot;&amp; " classname="c" time="1.000"/);
    assert.match(text, /message="one&#10;two"/);
  });
});
