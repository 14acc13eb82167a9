// policy-controller's own policies, its examples and the cases of its tests, by its own tester and by ours: the same objects are taken in, and
// the same images admitted. What is otherwise stands in `differences`, with its reason; a difference that is gone fails too.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import { dockerCredentials } from "@sigillum/library/oci";
import {
  decideImage,
  Evidence,
  fetchKmsKey,
  kmsReferences,
  loadPolicies,
  PolicyThreads,
  readWorkload,
  TrustRootReader,
} from "@sigillum/stack/admission";
import { silentLogger } from "@sigillum/stack/host";
import { parseTrustRoot, policyTexts, readImagePolicy } from "@sigillum/stack/image-policy";
import { parseAllDocuments } from "yaml";
import { findPeer } from "../../tools/peers-list.mjs";
import { runProgram } from "./clients/program.ts";
import { pushImage } from "./image.ts";
import { type Instance, startInstance } from "./instance.ts";

const peers = ["policy-controller", "policy-controller-examples", "policy-controller-cases"].map((name) => findPeer(name));
const missing = peers.find(({ path }) => path === undefined)?.missing;
const [tester = "", examples = "", cases = ""] = peers.map(({ path }) => path ?? "");
if (missing !== undefined) console.log(`SKIPPED: policies of policy-controller: ${missing}`);

/** What ours says where the two differ, and why. */
interface Difference {
  readonly taken?: boolean;
  readonly admits?: readonly string[];
  readonly why: string;
}

const identifiers: Difference = {
  taken: true,
  why: "there AWS keys are named by ARN alone; here by identifier and alias too, which AWS and cosign take",
};
const differences: Readonly<Record<string, Difference>> = {
  "e2e/cip-config-file-policy-from-configmap.yaml": {
    admits: [],
    why: "its tester leaves out a text in a ConfigMap and admits by nothing; its webhook reads it, as ours does",
  },
  "e2e/cip-policy-from-url.yaml": {
    admits: [],
    why: "its tester leaves out a text at an address and admits by nothing; its webhook fetches it, as ours does, and refuses without",
  },
  "e2e/cip-key-tsa.yaml": {
    admits: ["key", "all"],
    why: "its tester takes no timestamp authority from a TUF repository; its webhook does (test/cluster/policy-controller.test.ts)",
  },
  "valid/valid-keyless-with-source.yaml": {
    admits: ["all"],
    why: "its tester panics where pull secrets are named, for it has no cluster",
  },
  "invalid/invalid-keyref-awskms.yaml": identifiers,
  "invalid/v1beta1-invalid-keyref-awskms.yaml": identifiers,
  "invalid/v1beta1-invalid-match-resource.yaml": {
    taken: false,
    why: "its tester knows no kinds of resources and takes any; its webhook refuses others, as ours does",
  },
};

interface Case {
  readonly name: string;
  readonly object: { readonly [name: string]: JsonValue };
}

function casesIn(directory: string): Case[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .flatMap((name) =>
      parseAllDocuments(readFileSync(join(directory, name), "utf8"))
        .map((document): Case["object"] => Object(document.toJS()))
        .filter(({ kind }) => kind === "ClusterImagePolicy")
        .map((object, at) => ({ name: at === 0 ? name : `${name} ${at + 1}`, object })),
    );
}

describe("policies of policy-controller, judged by it and by ours", { skip: missing !== undefined && missing }, () => {
  let stack: Instance;
  let pem = "";
  let root: { readonly [name: string]: JsonValue } = {};
  const threads = new PolicyThreads({ logger: silentLogger });
  const images: Record<string, string> = {};
  const pod: JsonValue = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", labels: { app: "demo" } },
    spec: { serviceAccount: "default", serviceAccountName: "default", containers: [{ name: "c", image: "demo" }] },
  };

  before(async () => {
    stack = await startInstance();
    const run = async (...args: string[]): Promise<void> => {
      const { exit, stderr } = await stack.sigillum(...args);
      assert.equal(exit, 0, stderr);
    };
    const push = async (name: string): Promise<string> => {
      const pinned = await pushImage(stack.url("registry"), `team/${name}`);
      images[name] = pinned;
      return pinned;
    };
    const [scannedAt, uri] = ["2022-04-01T00:00:00Z", "example.com/cosign-testing"];
    const predicates: Readonly<Record<string, unknown>> = {
      "vuln.json": {
        invocation: { uri: `invocation.${uri}`, parameters: [], event_id: "", "builder.id": "" },
        scanner: { uri: `fakescanner.${uri}`, version: "1", db: { uri: "", version: "" }, result: {} },
        metadata: { scanStartedOn: scannedAt, scanFinishedOn: scannedAt },
      },
      "sbom.json": { spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", name: "demo" },
    };
    for (const [name, value] of Object.entries(predicates)) await writeFile(join(stack.directory, name), JSON.stringify(value));
    await writeFile(join(stack.directory, "keyless.txt"), "foobar e2e test");
    await writeFile(join(stack.directory, "key.txt"), "foobar key e2e test");
    await run("generate-key-pair", "--output-key-prefix", "cosign", "-y");
    pem = await readFile(join(stack.directory, "cosign.pub"), "utf8");
    const key = ["--key", "cosign.key", "-y", "--layout", "tag"];
    const person = async (): Promise<string[]> => ["--identity-token", await stack.token(), "-y", "--layout", "tag"];
    await push("unsigned");
    await run("sign", ...key, await push("key"));
    const all = await push("all");
    await run("sign", ...key, all);
    await run("sign", ...(await person()), all);
    await run("attest", ...key, "--predicate", "key.txt", "--type", "custom", all);
    await run("attest", ...(await person()), "--predicate", "keyless.txt", "--type", "custom", all);
    await run("attest", ...(await person()), "--predicate", "vuln.json", "--type", "vuln", all);
    await run("attest", ...(await person()), "--predicate", "sbom.json", "--type", "spdxjson", all);
    await run("attest", ...key, "--predicate", "sbom.json", "--type", "spdxjson", all);
    root = {
      apiVersion: "policy.sigstore.dev/v1alpha1",
      kind: "TrustRoot",
      metadata: { name: "ours" },
      spec: { remote: { root: Buffer.from(await readFile(stack.rootPath)).toString("base64"), mirror: stack.tufUrl } },
    };
    await writeFile(join(stack.directory, "trust-root.yaml"), JSON.stringify(root));
    await writeFile(join(stack.directory, "pod.yaml"), JSON.stringify(pod));
  });
  after(async () => {
    await stack?.stop();
    await threads.close();
  });

  /** The same policy for this stack: its images, its key, its identity, its trust root, in the places of those that it names. */
  function adapted(object: Case["object"]): Case["object"] {
    const copy = JSON.parse(JSON.stringify(object));
    for (const image of copy.spec?.images ?? []) if (image.glob !== undefined) image.glob = "**";
    for (const authority of copy.spec?.authorities ?? []) {
      if (authority.key?.data !== undefined) authority.key = { ...authority.key, data: pem };
      if (authority.key?.hashAlgorithm !== undefined) authority.key.hashAlgorithm = "sha256";
      if (authority.keyless !== undefined) {
        const { insecureIgnoreSCT } = authority.keyless;
        authority.keyless = {
          url: stack.caUrl,
          trustRootRef: "ours",
          identities: [{ issuer: stack.issuer, subject: "signer@example.com" }],
          ...(insecureIgnoreSCT === undefined ? {} : { insecureIgnoreSCT }),
        };
      }
      if (authority.ctlog !== undefined) authority.ctlog = { url: stack.logUrl, trustRootRef: "ours" };
      if (authority.rfc3161timestamp !== undefined) authority.rfc3161timestamp = { trustRootRef: "ours" };
    }
    return copy;
  }

  async function theirs(object: JsonValue, image: string): Promise<{ taken: boolean; admitted: boolean; told: string }> {
    const file = join(stack.directory, "policy.yaml");
    await writeFile(file, JSON.stringify(object));
    const args = ["--log-level", "error", "--policy", file, "--image", image];
    const more = ["--trustroot", join(stack.directory, "trust-root.yaml"), "--resource", join(stack.directory, "pod.yaml")];
    const { exit, stdout, stderr } = await runProgram(tester, [...args, ...more], {
      env: { HOME: stack.directory, SYSTEM_NAMESPACE: "cosign-system" },
      cwd: stack.directory,
    });
    const told = stdout + stderr;
    return { taken: !/CIP is invalid|unmarshal|unknown field/.test(told), admitted: exit === 0, told };
  }

  async function ours(object: JsonValue, image: string): Promise<{ taken: boolean; admitted: boolean; told: string }> {
    const { problems, policy } = readImagePolicy(object, { namespace: "cosign-system" });
    const abort = new AbortController();
    const judge = threads.judge({ signal: abort.signal, endsAtMs: performance.now() + 60_000 });
    const told = problems.map(({ message }) => message);
    for (const { path, ...text } of policy === undefined ? [] : policyTexts(policy)) {
      const { problem } = await judge({ policy: text, about: { type: "compile" }, nowMs: undefined });
      if (problem !== undefined) told.push(`${path}: ${problem.text}`);
    }
    const trusted = await new TrustRootReader().read(parseTrustRoot(root), Date.now());
    const kmsKeys = new Map();
    for (const reference of kmsReferences(object)) kmsKeys.set(reference, await fetchKmsKey(reference));
    const parts = { secrets: new Map(), configMaps: new Map(), texts: new Map(), kmsKeys, defaultTrustRoot: "default" };
    const policies = loadPolicies([object], { ...parts, trustRoots: new Map([["ours", trusted]]) }, {});
    const decision = await decideImage(image, {
      view: { policies, noMatchPolicy: "deny", generation: 0 },
      evidence: new Evidence({ signal: abort.signal, allowHttpRegistry: true, credentials: () => dockerCredentials() }),
      workload: readWorkload(pod),
      nowMs: Date.now(),
      judge,
      scope: "",
      takesTags: true,
      onFault: (error) => assert.fail(isSigillumError(error) ? error.message : String(error)),
    });
    const taken = problems.length === 0 && told.length === problems.length;
    return { taken, admitted: decision.verdict !== "deny", told: [...told, ...decision.sentences].join("\n") };
  }

  for (const [title, directory] of [
    ["examples", join(examples, "policies")],
    ["e2e", join(cases, "e2e")],
    ["valid", join(cases, "valid")],
    ["tester", join(cases, "tester")],
  ] as const)
    for (const { name, object } of missing === undefined ? casesIn(directory) : [])
      it(`${title}/${name}: the same images`, async () => {
        const policy = adapted(object);
        const known = differences[`${title}/${name}`];
        const told: string[] = [];
        const verdicts = { theirs: [] as string[], ours: [] as string[] };
        for (const [image, reference] of Object.entries(images)) {
          const [there, here] = [await theirs(policy, reference), await ours(policy, reference)];
          if (there.admitted) verdicts.theirs.push(image);
          if (here.admitted) verdicts.ours.push(image);
          told.push(`${image}\n there: ${there.told}\n here: ${here.told}`);
        }
        assert.deepEqual(verdicts.ours, known?.admits ?? verdicts.theirs, told.join("\n"));
        if (known?.admits !== undefined) assert.notDeepEqual(verdicts.ours, verdicts.theirs, "the difference is gone");
      });

  for (const [title, directory] of [
    ["invalid", join(cases, "invalid")],
    ["valid", join(cases, "valid")],
    ["empty-authorities", join(cases, "empty-authorities")],
    ["examples", join(examples, "policies")],
  ] as const)
    for (const { name, object } of missing === undefined ? casesIn(directory) : [])
      it(`${title}/${name}: taken in, or not`, async () => {
        const known = differences[`${title}/${name}`];
        const [there, here] = [await theirs(object, images["unsigned"] ?? ""), await ours(object, images["unsigned"] ?? "")];
        const told = `there: ${there.told}\nhere: ${here.told}`;
        assert.equal(here.taken, known?.taken ?? there.taken, told);
        if (known?.taken !== undefined) assert.notEqual(here.taken, there.taken, "the difference is gone");
      });
});
