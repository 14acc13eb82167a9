// The real policy-controller (its tester, which runs the webhook's own code) judges images that our stack signed, in both layouts, with a
// key and keyless; and ours judges the same images by the same policies. Where the two differ is named.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { runProgram } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";
import { type SignedImages, signImages } from "./signed-images.ts";

const peer = findPeer("policy-controller");
const tester = peer.path;
const slsa = "https://slsa.dev/provenance/v0.2";
if (tester === undefined) console.log(`SKIPPED: policy-controller: ${peer.missing}`);

describe("policy-controller and ours over the same images and policies", { skip: tester === undefined && peer.missing }, () => {
  let stack: Instance;
  let pem = "";
  let strangerPem = "";
  let images: SignedImages["images"] = {};

  before(async () => {
    stack = await startInstance();
    ({ images, pem, strangerPem } = await signImages(stack));
  });
  after(() => stack?.stop());

  async function judge(
    policy: object,
    image: string,
    trustRoot?: object,
  ): Promise<{ original: boolean; ours: boolean; told: string }> {
    const [policyFile, rootFile] = [join(stack.directory, "policy.yaml"), join(stack.directory, "trust-root.yaml")];
    await writeFile(policyFile, JSON.stringify(policy));
    if (trustRoot !== undefined) await writeFile(rootFile, JSON.stringify(trustRoot));
    const env = { HOME: stack.directory, SYSTEM_NAMESPACE: "own" };
    const root = trustRoot === undefined ? [] : ["--trustroot", rootFile];
    const theirs = await runProgram(tester ?? "", ["--log-level", "error", "--policy", policyFile, "--image", image, ...root], {
      env,
      cwd: stack.directory,
    });
    const own = await stack.sigillum(
      "policy",
      "test",
      "--cluster-image-policy",
      policyFile,
      "--image",
      image,
      ...(trustRoot === undefined ? [] : ["--trust-root", rootFile]),
    );
    return {
      original: theirs.exit === 0,
      ours: own.exit === 0,
      told: `${theirs.stdout}${theirs.stderr}\n${own.stdout}${own.stderr}`,
    };
  }

  function policy(authority: object, more: object = {}): object {
    return {
      apiVersion: "policy.sigstore.dev/v1beta1",
      kind: "ClusterImagePolicy",
      metadata: { name: "p" },
      spec: { images: [{ glob: "**" }], authorities: [authority], ...more },
    };
  }

  async function trustRoot(): Promise<object> {
    const root = Buffer.from(await readFile(stack.rootPath)).toString("base64");
    return {
      apiVersion: "policy.sigstore.dev/v1alpha1",
      kind: "TrustRoot",
      metadata: { name: "ours" },
      spec: { remote: { root, mirror: stack.tufUrl } },
    };
  }

  const both = (pass: boolean): { original: boolean; ours: boolean } => ({ original: pass, ours: pass });

  async function expects(
    expected: { original: boolean; ours: boolean },
    policyObject: object,
    image: string,
    root?: object,
  ): Promise<void> {
    const { told, ...verdicts } = await judge(policyObject, images[image] ?? "", root);
    assert.deepEqual(verdicts, expected, told);
  }

  it("key, the layout of cosign 2: both admit; another key, or no signature: both deny", async () => {
    await expects(both(true), policy({ key: { data: pem } }), "key-tag");
    await expects(both(true), policy({ key: { data: pem } }), "key-both");
    await expects(both(false), policy({ key: { data: strangerPem } }), "key-tag");
    await expects(both(false), policy({ key: { data: pem } }), "unsigned");
  });
  it("key, the layout of cosign 3: ours reads it, the original does not for keys", async () => {
    await expects({ original: false, ours: true }, policy({ key: { data: pem } }), "key-bundle");
  });
  it("key and log, by our trust root: both admit", async () => {
    await expects(
      both(true),
      policy({ key: { data: pem }, ctlog: { url: stack.logUrl, trustRootRef: "ours" } }),
      "key-tag",
      await trustRoot(),
    );
  });
  const keyless = (edits: object, subject = "signer@example.com"): object =>
    policy({
      keyless: { url: stack.caUrl, trustRootRef: "ours", identities: [{ issuer: stack.issuer, subject }] },
      ctlog: { url: stack.logUrl, trustRootRef: "ours" },
      ...edits,
    });
  it("keyless, the layout of cosign 2: both admit; another identity: both deny", async () => {
    await expects(both(true), keyless({}), "keyless-tag", await trustRoot());
    await expects(both(false), keyless({}, "eve@example.com"), "keyless-tag", await trustRoot());
    await expects(both(false), keyless({}), "unsigned", await trustRoot());
  });
  it("keyless, the layout of cosign 3: ours admits; the original's tester cannot read a TrustRoot for bundles", async () => {
    // its webhook puts a media type into the trust root before it uses it, its tester does not (v0.13.1)
    const told = await judge(keyless({ signatureFormat: "bundle" }), images["keyless-bundle"] ?? "", await trustRoot());
    assert.match(told.told, /unsupported TrustedRoot media type/);
    assert.equal(told.ours, true, told.told);
    await expects(both(false), keyless({ signatureFormat: "bundle" }, "eve@example.com"), "keyless-bundle", await trustRoot());
    await expects({ original: false, ours: true }, keyless({}), "keyless-bundle", await trustRoot());
  });
  const attested = (type: string, data: string): object =>
    policy({ key: { data: pem }, attestations: [{ name: "slsa", predicateType: slsa, policy: { type, data } }] });
  it("attestations with a policy in CUE or Rego: both admit, both deny", async () => {
    await expects(both(true), attested("cue", 'predicate: builder: id: "ci"'), "attested");
    await expects(both(false), attested("cue", 'predicate: builder: id: "laptop"'), "attested");
    await expects(
      both(true),
      attested("rego", 'package sigstore\nisCompliant { input.predicate.builder.id == "ci" }'),
      "attested",
    );
    await expects(
      both(false),
      attested("rego", 'package sigstore\nisCompliant { input.predicate.builder.id == "laptop" }'),
      "attested",
    );
    await expects(both(false), attested("cue", 'predicate: builder: id: "ci"'), "key-tag");
    await expects(both(true), attested("cue", "predicate: approved: true"), "attested");
  });
  it("the policy over the result, static authorities, warn mode: the same verdict", async () => {
    const staticPass = { static: { action: "pass" } };
    await expects(both(true), policy(staticPass), "unsigned");
    await expects(both(false), policy({ static: { action: "fail", message: "closed" } }), "key-tag");
    await expects(
      both(true),
      policy({ name: "a", ...staticPass }, { policy: { type: "cue", data: "authorityMatches: a: static: true" } }),
      "unsigned",
    );
    await expects(
      both(false),
      policy({ name: "a", ...staticPass }, { policy: { type: "cue", data: "authorityMatches: a: static: false" } }),
      "unsigned",
    );
    await expects(both(true), policy({ key: { data: pem } }, { mode: "warn" }), "unsigned");
    await expects(
      both(true),
      policy(
        { name: "a", ...staticPass },
        { policy: { type: "cue", fetchConfigFile: true, data: 'config: "linux/amd64": os: "linux"' } },
      ),
      "unsigned",
    );
  });
  it("objects with a mistake: both refuse", async () => {
    for (const wrong of [
      policy({}),
      policy({ key: { data: "x" } }),
      policy({ key: { data: pem }, static: { action: "pass" } }),
      policy({ key: { data: pem } }, { mode: "audit" }),
    ])
      await expects(both(false), wrong, "key-tag");
  });
});
