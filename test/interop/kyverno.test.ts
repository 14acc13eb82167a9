// The real Kyverno (its command line, which runs the engine's own code) over images that our stack signed, in both layouts.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";
import { type Outcome, runProgram } from "./clients/program.ts";
import { type Instance, startInstance } from "./instance.ts";
import { type SignedImages, signImages } from "./signed-images.ts";

const peer = findPeer("kyverno");
const kyverno = peer.path;
if (kyverno === undefined) console.log(`SKIPPED: kyverno: ${peer.missing}`);

describe("Kyverno over images signed here", { skip: kyverno === undefined && peer.missing }, () => {
  let stack: Instance;
  let pem = "";
  let strangerPem = "";
  let images: SignedImages["images"] = {};

  before(async () => {
    stack = await startInstance();
    ({ images, pem, strangerPem } = await signImages(stack));
  });
  after(() => stack?.stop());

  async function judge(policy: object, image: string): Promise<Outcome & { readonly passed: boolean }> {
    const [policyFile, podFile] = [join(stack.directory, "policy.yaml"), join(stack.directory, "pod.yaml")];
    await writeFile(policyFile, JSON.stringify(policy));
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "default" },
      spec: { containers: [{ name: "c", image }] },
    };
    await writeFile(podFile, JSON.stringify(pod));
    const args = ["apply", policyFile, "--resource", podFile, "--registry", "--detailed-results"];
    const outcome = await runProgram(kyverno ?? "", args, { env: { HOME: stack.directory }, cwd: stack.directory });
    return { ...outcome, passed: outcome.exit === 0 && /pass: [1-9]\d*, fail: 0, warn: 0, error: 0/.test(outcome.stdout) };
  }

  function verifyImages(entry: object, more: object = {}): object {
    return {
      apiVersion: "kyverno.io/v1",
      kind: "ClusterPolicy",
      metadata: { name: "signed" },
      spec: {
        background: false,
        rules: [
          {
            name: "signed",
            match: { any: [{ resources: { kinds: ["Pod"] } }] },
            verifyImages: [
              {
                imageReferences: ["*"],
                failureAction: "Enforce",
                mutateDigest: false,
                attestors: [{ count: 1, entries: [entry] }],
                ...more,
              },
            ],
          },
        ],
      },
    };
  }

  const expects = async (passes: boolean, policy: object, image: string): Promise<void> => {
    const { passed, stdout, stderr } = await judge(policy, images[image] ?? "");
    assert.equal(passed, passes, stdout + stderr);
  };
  const withoutLog = { rekor: { ignoreTlog: true }, ctlog: { ignoreSCT: true } };

  it("verifyImages with a key: admits the layout of cosign 2, denies another key and no signature", async () => {
    await expects(true, verifyImages({ keys: { publicKeys: pem, ...withoutLog } }), "key-tag");
    await expects(false, verifyImages({ keys: { publicKeys: strangerPem, ...withoutLog } }), "key-tag");
    await expects(false, verifyImages({ keys: { publicKeys: pem, ...withoutLog } }), "unsigned");
  });

  it("verifyImages keyless: admits by our roots and log, denies another identity and no signature", async () => {
    const root = await trustedRoot();
    const keyless = (subject: string): object => ({
      keyless: {
        issuer: stack.issuer,
        subject,
        roots: root.chain,
        rekor: { url: stack.logUrl, pubkey: root.log },
        ctlog: { pubkey: root.ct },
      },
    });
    await expects(true, verifyImages(keyless("signer@example.com")), "keyless-tag");
    await expects(false, verifyImages(keyless("eve@example.com")), "keyless-tag");
    await expects(false, verifyImages(keyless("signer@example.com")), "unsigned");
  });

  async function trustedRoot(): Promise<{ chain: string; log: string; ct: string }> {
    const document: unknown = JSON.parse(await readFile(stack.trustedRootPath, "utf8"));
    const at = (value: unknown, ...names: (string | number)[]): unknown =>
      names.reduce<unknown>((one, name) => Reflect.get(Object(one), name), value);
    const pemOf = (label: string, base64: unknown): string =>
      `-----BEGIN ${label}-----\n${String(base64)
        .match(/.{1,64}/g)
        ?.join("\n")}\n-----END ${label}-----\n`;
    const certificates = at(document, "certificateAuthorities", 0, "certChain", "certificates");
    const key = (list: string): string => pemOf("PUBLIC KEY", at(document, list, 0, "publicKey", "rawBytes"));
    return {
      chain: (Array.isArray(certificates) ? certificates : []).map((one) => pemOf("CERTIFICATE", at(one, "rawBytes"))).join(""),
      log: key("tlogs"),
      ct: key("ctlogs"),
    };
  }

  it("verifyImages, type SigstoreBundle, with a key: admits the layout of cosign 3, denies another key and no signature", async () => {
    const bundles = { type: "SigstoreBundle" };
    await expects(true, verifyImages({ keys: { publicKeys: pem, ...withoutLog } }, bundles), "key-bundle");
    await expects(false, verifyImages({ keys: { publicKeys: strangerPem, ...withoutLog } }, bundles), "key-bundle");
    await expects(false, verifyImages({ keys: { publicKeys: pem, ...withoutLog } }, bundles), "unsigned");
  });

  const cosign = findPeer("cosign-2");
  it("verifyImages, type SigstoreBundle, keyless: admits by the TUF mirror of the whole Kyverno, denies another identity", {
    skip: cosign.path === undefined && cosign.missing,
  }, async () => {
    // what --enableTuf, --tufMirror and --tufRoot do in a cluster: the command line has no such flags and reads the same cache
    const initialise = ["initialize", "--mirror", stack.tufUrl, "--root", stack.rootPath];
    const { exit, stderr } = await runProgram(cosign.path ?? "", initialise, {
      env: { HOME: stack.directory },
      cwd: stack.directory,
    });
    assert.equal(exit, 0, stderr);
    const bundles = { type: "SigstoreBundle" };
    const keyless = (subject: string): object => ({
      keyless: { issuer: stack.issuer, subject, rekor: { url: stack.logUrl }, additionalExtensions: {} },
    });
    await expects(true, verifyImages(keyless("signer@example.com"), bundles), "keyless-bundle");
    await expects(false, verifyImages(keyless("eve@example.com"), bundles), "keyless-bundle");
    await expects(false, verifyImages(keyless("signer@example.com"), bundles), "unsigned");
  });

  const validating = (cosign: object): object => ({
    apiVersion: "policies.kyverno.io/v1",
    kind: "ImageValidatingPolicy",
    metadata: { name: "signed" },
    spec: {
      validationActions: ["Deny"],
      matchConstraints: {
        resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
      },
      matchImageReferences: [{ glob: "*" }],
      validationConfigurations: { mutateDigest: false, verifyDigest: false, required: false },
      attestors: [{ name: "ours", cosign }],
      validations: [
        {
          expression: "images.containers.map(image, verifyImageSignatures(image, [attestors.ours])).all(e, e > 0)",
          message: "not signed",
        },
      ],
    },
  });

  it("ImageValidatingPolicy with a key: admits both layouts, denies no signature", async () => {
    const policy = validating({ key: { data: pem }, ctlog: { insecureIgnoreTlog: true, insecureIgnoreSCT: true } });
    await expects(true, policy, "key-tag");
    await expects(true, policy, "key-bundle");
    await expects(false, policy, "unsigned");
  });

  it("ImageValidatingPolicy keyless by our TUF repository: admits bundles, denies another identity and no signature", async () => {
    const root = Buffer.from(await readFile(stack.rootPath)).toString("base64");
    const policy = (subject: string): object =>
      validating({
        keyless: { identities: [{ issuer: stack.issuer, subject }] },
        tuf: { mirror: stack.tufUrl, root: { data: root } },
      });
    await expects(true, policy("signer@example.com"), "keyless-bundle");
    await expects(false, policy("eve@example.com"), "keyless-bundle");
    await expects(false, policy("signer@example.com"), "unsigned");
  });
});
