// `sigillum policy test --cluster-image-policy`: what the admission controller would say, by the same code and without a cluster.
import { writeFile } from "node:fs/promises";
import type { PublicKey } from "@sigillum/library/crypto";
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import { dockerCredentials } from "@sigillum/library/oci";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import {
  decideImage,
  Evidence,
  fetchKmsKey,
  fetchText,
  type ImageDecision,
  kmsReferences,
  loadPolicies,
  type NoMatchPolicy,
  PolicyThreads,
  type PolicyView,
  readWorkload,
  remoteTexts,
  TrustRootReader,
  textKey,
  type Workload,
} from "@sigillum/stack/admission";
import { silentLogger } from "@sigillum/stack/host";
import { parseTrustRoot } from "@sigillum/stack/image-policy";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { admissionCliError } from "./errors.ts";
import { type JunitCase, junitReport } from "./junit.ts";
import { readObjects } from "./objects.ts";

interface Subject {
  readonly of: string;
  readonly image: string;
  readonly workload?: Workload;
}

interface Judged extends Subject {
  readonly decision: ImageDecision;
  readonly seconds: number;
}

/** How long the policies of one image may take. */
const policyMs = 60_000;

/** Exit code 0 where every image is admitted, warnings or not; 1 where one is not. */
export async function runClusterPolicyTest(args: Arguments, terminal: Terminal): Promise<number> {
  const nowMs = Date.now();
  const view = await viewOf(args, nowMs);
  const subjects = await subjectsOf(args);
  const abort = new AbortController();
  const threads = new PolicyThreads({ logger: silentLogger, threads: 1 });
  const evidence = new Evidence({
    signal: abort.signal,
    allowHttpRegistry: args.boolean("allow-http-registry"),
    allowInsecureRegistry: args.boolean("allow-insecure-registry"),
    credentials: () => dockerCredentials(),
  });
  const judged: Judged[] = [];
  for (const subject of subjects) {
    const begun = performance.now();
    const decision = await decideImage(subject.image, {
      view,
      evidence,
      workload: subject.workload,
      nowMs,
      judge: threads.judge({ signal: abort.signal, endsAtMs: performance.now() + policyMs }),
      scope: "",
      takesTags: true,
      onFault: (error) => terminal.note(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
    judged.push({ ...subject, decision, seconds: (performance.now() - begun) / 1000 });
  }
  abort.abort();
  await threads.close();
  const junit = args.string("junit");
  if (junit !== undefined) await writeFile(junit, junitReport("sigillum policy test", judged.map(caseOf)));
  if (terminal.format === "json") terminal.json({ images: judged.map(jsonOf) });
  else for (const line of judged.flatMap(linesOf(judged))) terminal.out(line);
  return judged.some(({ decision }) => decision.verdict === "deny") ? exitCodes.failure : exitCodes.success;
}

async function viewOf(args: Arguments, nowMs: number): Promise<PolicyView> {
  const objects = (await Promise.all(args.strings("cluster-image-policy").map(readObjects))).flat();
  const beside = (await Promise.all(args.strings("trust-root").map(readObjects))).flat();
  const ofKind = (kind: string): JsonValue[] => [...objects, ...beside].filter((one) => kindOf(one) === kind);
  const policies = ofKind("ClusterImagePolicy");
  if (policies.length === 0) {
    throw admissionCliError(
      "POLICY_TEST_NOTHING",
      "Cannot test policies: the files of --cluster-image-policy hold no ClusterImagePolicy",
      {
        expected: "a ClusterImagePolicy",
      },
    );
  }
  const trustRoots = await readTrustRoots(ofKind("TrustRoot"), nowMs);
  const texts = new Map<string, string | SigillumError>();
  for (const { url, sha256sum } of policies.flatMap(remoteTexts))
    texts.set(textKey(url, sha256sum), await fetchText(url, sha256sum));
  const kmsKeys = new Map<string, PublicKey | SigillumError>();
  for (const reference of policies.flatMap(kmsReferences)) kmsKeys.set(reference, await fetchKmsKey(reference));
  const named = (kind: string): Map<string, JsonValue> => new Map(ofKind(kind).map((one) => [nameOf(one), withData(one)]));
  const only = trustRoots.size === 1 ? [...trustRoots.keys()][0] : undefined;
  const parts = {
    secrets: named("Secret"),
    configMaps: named("ConfigMap"),
    trustRoots,
    kmsKeys,
    texts,
    defaultTrustRoot: only ?? "default",
  };
  return { policies: loadPolicies(policies, parts, {}), noMatchPolicy: noMatch(args.string("no-match-policy")), generation: 0 };
}

async function readTrustRoots(objects: readonly JsonValue[], nowMs: number): Promise<Map<string, TrustedRoot | SigillumError>> {
  const reader = new TrustRootReader();
  const found = new Map<string, TrustedRoot | SigillumError>();
  for (const object of objects) {
    try {
      found.set(nameOf(object), await reader.read(parseTrustRoot(object), nowMs));
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      found.set(nameOf(object), error);
    }
  }
  return found;
}

async function subjectsOf(args: Arguments): Promise<Subject[]> {
  const images = args.strings("image");
  const resources = (await Promise.all(args.strings("resource").map(readObjects)))
    .flat()
    .flatMap((one) => readWorkload(one) ?? []);
  // an image beside a resource takes the place of the resource's own, as the original's tester has it
  const [first] = resources;
  const subjects =
    images.length > 0
      ? images.map((image) => ({ of: "--image", image, ...(first === undefined ? {} : { workload: first }) }))
      : resources.flatMap((workload) =>
          workload.images.map(({ image, path }) => ({ of: `${workload.kind} ${path}`, image, workload })),
        );
  if (subjects.length > 0) return subjects;
  throw admissionCliError(
    "POLICY_TEST_NOTHING",
    "Cannot test policies: there is no image to judge; name one with --image, or a resource with --resource",
    {
      expected: "--image or --resource",
    },
  );
}

function noMatch(text: string | undefined): NoMatchPolicy {
  return text === "allow" || text === "warn" ? text : "deny";
}

function kindOf(object: JsonValue): string {
  return typeof object === "object" && object !== null && !Array.isArray(object) ? String(object["kind"] ?? "") : "";
}

function nameOf(object: JsonValue): string {
  const metadata = typeof object === "object" && object !== null && !Array.isArray(object) ? object["metadata"] : undefined;
  return typeof metadata === "object" && metadata !== null && !Array.isArray(metadata) ? String(metadata["name"] ?? "") : "";
}

// A Secret in a file may have its entries as text, which the API server would encode.
function withData(object: JsonValue): JsonValue {
  if (typeof object !== "object" || object === null || Array.isArray(object)) return object;
  const texts = object["stringData"];
  if (typeof texts !== "object" || texts === null || Array.isArray(texts)) return object;
  const data = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(String(text)).toString("base64")]),
  );
  return { ...object, data: { ...Object(object["data"] ?? {}), ...data } };
}

const words = { allow: "admitted", warn: "admitted, with a warning", deny: "DENIED" } as const;

function linesOf(all: readonly Judged[]): (judged: Judged) => string[] {
  const width = Math.max(...all.map(({ decision }) => words[decision.verdict].length));
  return ({ of, image, decision }) => [
    `${words[decision.verdict].padEnd(width)}  ${of}  ${decision.pinned ?? image}`,
    ...decision.policies
      .filter(({ pass }) => pass)
      .map(({ policy, passed }) => `${" ".repeat(width)}  policy ${policy}: authority ${passed.join(", ")}`),
    ...decision.sentences.map((sentence) => `${" ".repeat(width)}  ${sentence}`),
  ];
}

function jsonOf({ of, image, decision }: Judged): object {
  const { verdict, pinned, policies, sentences, codes } = decision;
  return { of, image, verdict, ...(pinned === undefined ? {} : { pinned }), codes, reasons: sentences, policies };
}

function caseOf({ of, image, decision, seconds }: Judged): JunitCase {
  const failure = { type: decision.codes[0] ?? "", message: decision.sentences.join("\n") };
  return { name: image, className: of, seconds, ...(decision.verdict === "deny" ? { failure } : {}) };
}
