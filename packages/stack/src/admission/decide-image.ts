// One image decided: policies are matched before anything is asked of a network, and everything that goes wrong refuses.
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import { encodeReference, parseReference, type Reference } from "@sigillum/library/oci";
import {
  type AuthorityOutcome,
  type CompiledPolicy,
  decidePolicy,
  type ImageName,
  imagePolicyError,
  matchPolicy,
  type PolicyDecision,
  type ResultExtras,
  reasonOf,
  type TextJudge,
} from "../image-policy/index.ts";
import type { DecisionCache } from "./decision-cache.ts";
import { admissionError } from "./errors.ts";
import type { Evidence } from "./evidence.ts";
import type { LoadedPolicy, PolicyView } from "./policy-view.ts";
import { decideStatic, type PinnedReference, verifyAuthority } from "./verify-authority.ts";
import type { Workload } from "./workload.ts";

/** What was decided about one image. */
export interface ImageDecision {
  readonly image: string;
  readonly verdict: "allow" | "warn" | "deny";
  /** The image with its digest, where one was needed. */
  readonly pinned?: string;
  readonly policies: readonly PolicyDecision[];
  /** For a refusal or warning: a sentence that names image, policy, authority and reason. */
  readonly sentences: readonly string[];
  /** Codes of the reasons. */
  readonly codes: readonly string[];
}

/** What a decision is made with. */
export interface DecisionContext {
  readonly view: PolicyView;
  readonly evidence: Evidence;
  readonly workload: Workload | undefined;
  readonly nowMs: number;
  readonly cache?: DecisionCache;
  /** Asks policy texts. */
  readonly judge: TextJudge;
  /** Whose credentials are used: decisions are cached apart. */
  readonly scope: string;
  /** Told of a fault that is none of our errors; the image is refused. */
  onFault(error: unknown): void;
  /** Whether a tag is resolved and judged (by a mutation or a tool), or refused (by a validation). */
  readonly takesTags: boolean;
}

/** Decide about an image. Never throws: what goes wrong is a refusal with its reason. */
export async function decideImage(image: string, context: DecisionContext): Promise<ImageDecision> {
  try {
    return await decide(image, context);
  } catch (error) {
    return refusal(image, isSigillumError(error) ? error : fault(error, context));
  }
}

async function decide(image: string, context: DecisionContext): Promise<ImageDecision> {
  const reference = parse(image);
  const first = matching(nameOf(image, reference), context);
  const certain = first.every(({ match }) => match === "yes");
  if (first.length === 0) return noMatch(image, context);
  // Only static authorities, whatever the digest: nothing has to be asked for.
  if (certain && first.every(({ loaded }) => isStatic(loaded))) {
    const decisions = await Promise.all(first.map(({ loaded }) => decideWithoutNetwork(loaded, context)));
    return combine(image, undefined, decisions);
  }
  const pinned = await pin(image, reference, context);
  const written = reference.digest === undefined ? encodeReference(pinned) : image;
  const final = matching(nameOf(written, pinned), context);
  if (final.length === 0) return { ...noMatch(image, context), pinned: written };
  const decisions = await Promise.all(final.map(({ loaded }) => decideLoaded(loaded, pinned, context)));
  return combine(image, written, decisions);
}

function parse(image: string): Reference {
  try {
    return parseReference(image);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw admissionError("ADMISSION_IMAGE_INVALID", cause.message, { found: image, cause });
  }
}

function nameOf(written: string, reference: Reference): ImageName {
  return { written, normalised: encodeReference(reference), pinned: reference.digest !== undefined };
}

function matching(name: ImageName, { view, workload }: DecisionContext): { loaded: LoadedPolicy; match: "yes" | "maybe" }[] {
  return view.policies.flatMap((loaded) => {
    const match = matchPolicy(loaded.policy, name, workload);
    return match === "no" ? [] : [{ loaded, match }];
  });
}

function isStatic({ policy, compiled }: LoadedPolicy): boolean {
  if (isSigillumError(compiled)) return true;
  return policy.authorities.every(({ by }) => by.type === "static") && policy.policy?.fetchConfigFile !== true;
}

async function pin(image: string, reference: Reference, { evidence, takesTags }: DecisionContext): Promise<PinnedReference> {
  if (reference.digest !== undefined) return { ...reference, digest: reference.digest };
  const why = takesTags ? undefined : "it is named by a tag, which may mean another image tomorrow";
  try {
    const digest = await evidence.resolve(reference);
    if (why === undefined) return { ...reference, digest };
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw admissionError("ADMISSION_IMAGE_UNPINNED", `image ${image} must be an image digest: ${cause.message}`, { cause });
  }
  throw admissionError("ADMISSION_IMAGE_UNPINNED", `image ${image} must be an image digest: ${why}`, {
    found: image,
    expected: "…@sha256:…",
  });
}

async function decideWithoutNetwork(loaded: LoadedPolicy, context: DecisionContext): Promise<PolicyDecision> {
  const { compiled, policy } = loaded;
  if (isSigillumError(compiled)) return unreadable(policy.name, compiled);
  const outcomes = compiled.authorities.map(({ authority }): AuthorityOutcome => {
    if (authority.by.type !== "static") throw new TypeError("an authority is not static");
    const { by, name } = authority;
    return { name, found: caught(() => decideStatic(by)) };
  });
  return await decidePolicy(compiled, outcomes, includedFrom(compiled, context.workload), context.judge);
}

function caught<T>(run: () => T): T | SigillumError {
  try {
    return run();
  } catch (error) {
    if (isSigillumError(error)) return error;
    throw error;
  }
}

async function decideLoaded(
  { policy, compiled }: LoadedPolicy,
  pinned: PinnedReference,
  context: DecisionContext,
): Promise<PolicyDecision> {
  if (isSigillumError(compiled)) return unreadable(policy.name, compiled);
  const included = includedFrom(compiled, context.workload);
  const { cache, nowMs, view, scope } = context;
  const repository = `${pinned.registry}/${pinned.name}`;
  const key = [
    `${repository}@${pinned.digest}`,
    policy.uid,
    policy.name,
    policy.resourceVersion,
    view.generation,
    scope,
    Object.keys(included).length === 0 ? "" : JSON.stringify(included),
  ].join("\n");
  const known = cache?.get(key, nowMs);
  if (known !== undefined) return known;
  const outcomes = await Promise.all(compiled.authorities.map((one) => askAuthority(one, pinned, context)));
  const passes = outcomes.some(({ found }) => !isSigillumError(found));
  let extras: ResultExtras = included;
  if (passes && policy.policy?.fetchConfigFile === true) {
    try {
      extras = { ...included, config: await context.evidence.configs(pinned) };
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      return {
        policy: policy.name,
        pass: false,
        warnOnly: policy.mode === "warn",
        reasons: [reasonOf(error)],
        warnings: [],
        passed: [],
      };
    }
  }
  const decision = await decidePolicy(compiled, outcomes, extras, context.judge);
  if (decision.pass) cache?.put(key, decision, nowMs);
  return decision;
}

async function askAuthority(
  compiled: CompiledPolicy["authorities"][number],
  pinned: PinnedReference,
  context: DecisionContext,
): Promise<AuthorityOutcome> {
  const { name } = compiled.authority;
  try {
    return { name, found: await verifyAuthority(compiled, pinned, context) };
  } catch (error) {
    return { name, found: isSigillumError(error) ? error : fault(error, context) };
  }
}

// A defect of ours is a reason to refuse, never one to go on.
function fault(error: unknown, context: DecisionContext): SigillumError {
  context.onFault(error);
  return admissionError("ADMISSION_FAULT", "an unexpected fault ended the decision; the controller's log names it", {
    cause: error,
  });
}

function unreadable(name: string, error: SigillumError): PolicyDecision {
  return { policy: name, pass: false, warnOnly: false, reasons: [reasonOf(error)], warnings: [], passed: [] };
}

function includedFrom({ policy }: CompiledPolicy, workload: Workload | undefined): { [name: string]: JsonValue } {
  const wanted = policy.policy;
  if (wanted === undefined || workload === undefined) return {};
  return {
    ...(wanted.includeSpec ? { spec: workload.spec } : {}),
    ...(wanted.includeObjectMeta ? { metadata: workload.metadata } : {}),
    ...(wanted.includeTypeMeta ? { typemeta: { apiVersion: workload.apiVersion, kind: workload.kind } } : {}),
  };
}

function noMatch(image: string, { view }: DecisionContext): ImageDecision {
  const error = imagePolicyError(
    "IMAGE_POLICY_NO_MATCH",
    `no matching policies: image ${image} is not one that a ClusterImagePolicy is for`,
  );
  if (view.noMatchPolicy === "allow") return { image, verdict: "allow", policies: [], sentences: [], codes: [] };
  return { ...refusal(image, error), verdict: view.noMatchPolicy === "warn" ? "warn" : "deny" };
}

function refusal(image: string, error: SigillumError): ImageDecision {
  return { image, verdict: "deny", policies: [], sentences: [`${error.message} (${error.code})`], codes: [error.code] };
}

function combine(image: string, pinned: string | undefined, policies: readonly PolicyDecision[]): ImageDecision {
  const failed = policies.filter(({ pass }) => !pass);
  const denied = failed.filter(({ warnOnly }) => !warnOnly);
  const told = denied.length > 0 ? denied : failed;
  return {
    image,
    verdict: denied.length > 0 ? "deny" : failed.length > 0 ? "warn" : "allow",
    ...(pinned === undefined ? {} : { pinned }),
    policies,
    sentences: [
      ...told.map((one) => sentenceOf(pinned ?? image, one)),
      ...(denied.length > 0
        ? []
        : policies.flatMap((one) => one.warnings.map((text) => `policy ${one.policy} for image ${pinned ?? image}: ${text}`))),
    ],
    codes: told.flatMap(({ reasons }) => reasons.map(({ code }) => code)),
  };
}

function sentenceOf(image: string, { policy, reasons }: PolicyDecision): string {
  const by = (authority: string | undefined): string => (authority === undefined ? "" : `authority ${authority}: `);
  const why = reasons.map(
    ({ authority, cause, code, message }) => `${by(authority)}${message} (${code}${cause === undefined ? "" : `: ${cause}`})`,
  );
  return `failed policy: ${policy}: image ${image}: ${why.join("; ")}`;
}
