// The webhook: mutation (tags become digests), validation (signatures), and the same two for policy objects.
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import type { Clock, HttpReply, HttpRequest, Logger } from "../host/index.ts";
import {
  defaultsOf,
  type ImagePolicy,
  type PatchOperation,
  policyTexts,
  readImagePolicy,
  readTrustRoot,
  type TextJudge,
} from "../image-policy/index.ts";
import { type DecisionContext, decideImage, type ImageDecision } from "./decide-image.ts";
import type { DecisionCache } from "./decision-cache.ts";
import { admissionError } from "./errors.ts";
import { Evidence, type EvidenceOptions } from "./evidence.ts";
import { textAt } from "./kube-client.ts";
import type { PolicyThreads } from "./policy-threads.ts";
import type { PolicyView } from "./policy-view.ts";
import {
  type AdmissionAnswer,
  type AdmissionQuestion,
  encodeAnswer,
  isBeingDeleted,
  maxReviewBytes,
  parseReview,
  timeoutOf,
} from "./review.ts";
import { isScaleDown, readWorkload, type Workload } from "./workload.ts";

/** What the webhook decides with. */
export interface WebhookParts {
  /** The policies now; throws ADMISSION_NOT_READY before the cluster was read. */
  view(): PolicyView;
  /** Credentials for a workload's registries. */
  credentials(namespace: string, workload: Workload): EvidenceOptions["credentials"];
  readonly registry: Pick<EvidenceOptions, "allowHttpRegistry" | "allowInsecureRegistry" | "tls" | "onRequest">;
  readonly cache: DecisionCache;
  /** Where policy texts are asked: not here, for they may take for ever. */
  readonly threads: Pick<PolicyThreads, "judge">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Namespace of the controller, in which Secrets of policies are. */
  readonly namespace: string;
  readonly failOnEmptyAuthorities: () => boolean;
  /** Told the outcome of each image that was judged. */
  onDecision?(decision: ImageDecision): void;
}

/** The four paths of the webhook. */
export type WebhookPath = "mutations" | "validations" | "defaulting" | "validating";

const defaultTimeoutMs = 10_000;
const maxTimeoutMs = 30_000;
const marginMs = 1_000;
/** So much of a request's time is kept to tell that its policies took the rest. */
const tellingShare = 0.05;
const maxImages = 500;
const parallelImages = 8;
const maxRunning = 256;

/** Answers reviews. A class because it counts what runs. */
export class Webhook {
  readonly #parts: WebhookParts;
  #running = 0;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
  }

  /** Answer one request; the answer is there before the API server's own time ends. */
  async serve(path: WebhookPath, request: Pick<HttpRequest, "query" | "body">): Promise<HttpReply> {
    const asked = Math.min(timeoutOf(request.query) ?? defaultTimeoutMs, maxTimeoutMs);
    const body = await request.body(maxReviewBytes);
    const question = parseReview(body);
    const answer = await this.answer(path, question, Math.max(asked - marginMs, asked / 2));
    return { status: 200, headers: { "content-type": "application/json" }, body: encodeAnswer(question, answer) };
  }

  /** Answer one question within a time. Never throws: what goes wrong refuses, but for a mutation, which leaves it to validation. */
  async answer(path: WebhookPath, question: AdmissionQuestion, timeoutMs: number): Promise<AdmissionAnswer> {
    if (path === "defaulting") return { allowed: true, patch: patchOf(defaultsOf(question.object)) };
    if (this.#running >= maxRunning) {
      const error = admissionError("ADMISSION_BUSY", "Cannot decide: too many requests wait for a decision already");
      return path === "mutations" ? { allowed: true } : refuse([withCode(error)], 429);
    }
    this.#running += 1;
    const abort = new AbortController();
    const { signal } = abort;
    const judge = this.#parts.threads.judge({ signal, endsAtMs: performance.now() + timeoutMs * (1 - tellingShare) });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<AdmissionAnswer>((resolve) => {
      timer = setTimeout(() => {
        abort.abort();
        const error = admissionError(
          "ADMISSION_DEADLINE",
          `Cannot decide within ${timeoutMs / 1000} s: a registry or the cluster does not answer in time`,
        );
        resolve(path === "mutations" ? { allowed: true } : refuse([withCode(error)], 504));
      }, timeoutMs);
    });
    try {
      const answer = path === "validating" ? this.#validateObject(question, judge) : this.#review(path, question, signal, judge);
      return await Promise.race([answer, late]);
    } catch (error) {
      if (!isSigillumError(error)) this.#parts.logger.error("admission.fault", { error });
      if (path === "mutations") return { allowed: true };
      const told = isSigillumError(error)
        ? error
        : admissionError("ADMISSION_FAULT", "Cannot decide: an unexpected fault, which the controller's log names");
      return refuse([withCode(told)], 500);
    } finally {
      clearTimeout(timer);
      abort.abort(); // nothing goes on for a request that was answered
      this.#running -= 1;
    }
  }

  async #review(
    path: "mutations" | "validations",
    question: AdmissionQuestion,
    signal: AbortSignal,
    judge: TextJudge,
  ): Promise<AdmissionAnswer> {
    const { object, oldObject, operation, subResource } = question;
    if (!["CREATE", "UPDATE"].includes(operation) || !["", "ephemeralcontainers"].includes(subResource)) return { allowed: true };
    if (isBeingDeleted(object)) return { allowed: true };
    const workload = readWorkload(object);
    if (workload === undefined) return { allowed: true };
    if (operation === "UPDATE" && isScaleDown(object, oldObject)) return { allowed: true };
    if (workload.images.length > maxImages)
      throw admissionError(
        "ADMISSION_IMAGES_TOO_MANY",
        `Cannot decide: the resource has ${workload.images.length} images, at most ${maxImages} are judged`,
      );
    const decisions = await this.#decideAll(question, workload, { signal, judge, mutates: path === "mutations" });
    if (path === "mutations")
      return { allowed: true, patch: patchOf(pins(workload, decisions, operation === "UPDATE" ? oldObject : null)) };
    return this.#validated(question, workload, decisions);
  }

  async #decideAll(
    question: AdmissionQuestion,
    workload: Workload,
    { signal, judge, mutates }: { readonly signal: AbortSignal; readonly judge: TextJudge; readonly mutates: boolean },
  ): Promise<ReadonlyMap<string, ImageDecision>> {
    const { clock, cache, logger, registry } = this.#parts;
    const namespace = question.namespace === "" ? (textAt(question.object, "metadata", "namespace") ?? "") : question.namespace;
    const context: DecisionContext = {
      view: this.#parts.view(),
      evidence: new Evidence({ ...registry, signal, credentials: this.#parts.credentials(namespace, workload) }),
      workload,
      nowMs: clock.nowMs(),
      cache,
      judge,
      scope: [namespace, workload.serviceAccount, ...workload.imagePullSecrets].join(" "),
      onFault: (error) => logger.error("admission.fault", { error }),
      takesTags: mutates,
    };
    const images = [...new Set(workload.images.map(({ image }) => image))];
    const decisions = new Map<string, ImageDecision>();
    const next = async (): Promise<void> => {
      for (let image = images.shift(); image !== undefined; image = images.shift())
        decisions.set(image, mutates ? await pinOnly(image, context) : await decideImage(image, context));
    };
    await Promise.all(Array.from({ length: parallelImages }, next));
    return decisions;
  }

  #validated(
    { uid, operation }: AdmissionQuestion,
    workload: Workload,
    decisions: ReadonlyMap<string, ImageDecision>,
  ): AdmissionAnswer {
    const { logger, onDecision } = this.#parts;
    const refusals: string[] = [];
    const warnings: string[] = [];
    for (const { image, path } of workload.images) {
      const decision = decisions.get(image);
      if (decision === undefined) throw new TypeError(`no decision was made about ${image}`);
      if (decision.verdict === "deny") refusals.push(...decision.sentences.map((text) => `${path}: ${text}`));
      else warnings.push(...decision.sentences.map((text) => `${path}: ${text}`));
    }
    for (const decision of decisions.values()) {
      onDecision?.(decision);
      logger.info("admission.decision", {
        uid,
        operation,
        kind: workload.kind,
        image: decision.image,
        verdict: decision.verdict,
        codes: decision.codes,
      });
    }
    if (refusals.length === 0) return { allowed: true, warnings };
    return { ...refuse(refusals), warnings };
  }

  async #validateObject({ object, operation }: AdmissionQuestion, judge: TextJudge): Promise<AdmissionAnswer> {
    if (operation === "DELETE" || isBeingDeleted(object)) return { allowed: true };
    const { namespace, failOnEmptyAuthorities } = this.#parts;
    const isRoot = textAt(object, "kind") === "TrustRoot";
    const read = isRoot
      ? { ...readTrustRoot(object), warnings: [], policy: undefined }
      : readImagePolicy(object, { namespace, failOnEmptyAuthorities: failOnEmptyAuthorities() });
    const problems = read.problems.map(({ code, message }) => `${message} (${code})`);
    if (read.policy !== undefined) problems.push(...(await textProblems(read.policy, judge)));
    const warnings = read.warnings.map(({ message }) => message);
    return problems.length === 0 ? { allowed: true, warnings } : { ...refuse(problems, 400), warnings };
  }
}

// What is wrong with the texts that stand in a policy; one that cannot be looked at is wrong too.
async function textProblems(policy: ImagePolicy, judge: TextJudge): Promise<string[]> {
  const problems: string[] = [];
  for (const { path, ...text } of policyTexts(policy)) {
    try {
      const { problem } = await judge({ policy: text, about: { type: "compile" }, nowMs: undefined });
      if (problem !== undefined)
        problems.push(`${path} does not compile: ${problem.text} (${problem.code}) (IMAGE_POLICY_TEXT_MALFORMED)`);
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      problems.push(`${path} cannot be taken in: ${withCode(error)}`);
    }
  }
  return problems;
}

// A mutation needs the digest and no verdict; what is not to be had it leaves as it is, and validation says why.
async function pinOnly(image: string, context: DecisionContext): Promise<ImageDecision> {
  return await decideImage(image, { ...context, view: withoutAuthorities(context.view) });
}

/** The same policies, asked for nothing but whether a digest is needed. */
function withoutAuthorities(view: PolicyView): PolicyView {
  return {
    ...view,
    policies: view.policies.map(({ policy, compiled }) => ({
      policy,
      compiled: isSigillumError(compiled) ? compiled : { ...compiled, authorities: [] },
    })),
  };
}

function pins(workload: Workload, decisions: ReadonlyMap<string, ImageDecision>, old: JsonValue): PatchOperation[] {
  const before = new Map((readWorkload(old)?.images ?? []).map(({ image, pointer }) => [pointer, image]));
  return workload.images.flatMap(({ image, pointer }) => {
    const pinned = decisions.get(image)?.pinned;
    if (pinned === undefined || pinned === image) return [];
    // An update that names the same tag again keeps the digest that runs: the tag may have moved meanwhile.
    const kept = before.get(pointer);
    const same = kept?.startsWith(`${pinned.slice(0, pinned.indexOf("@"))}@`);
    return [{ op: "replace", path: pointer, value: same === true && kept !== undefined ? kept : pinned }];
  });
}

function patchOf(operations: readonly PatchOperation[]): JsonValue {
  return operations.map(({ op, path, value }) => ({ op, path, value }));
}

function withCode({ code, message }: SigillumError): string {
  return `${message} (${code})`;
}

function refuse(sentences: readonly string[], code = 403): AdmissionAnswer {
  return { allowed: false, code, message: `validation failed: ${sentences.join("\n")}` };
}
