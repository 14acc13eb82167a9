// What a policy object says of itself in `status`, for people and for tools that wait: Knative's conditions, as policy-controller writes
// them. KeysInlined and PoliciesInlined keep their names; ours are held in memory. Nothing is decided by a status.
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import type { TrustedRoot } from "@sigillum/library/trusted-root";
import { policyTexts, type TextJudge } from "../image-policy/index.ts";
import { type KubeObject, objectAt, textAt } from "./kube-client.ts";
import type { LoadedPolicy } from "./policy-view.ts";

/** A condition's type, and why it does not hold. */
interface Condition {
  readonly type: string;
  readonly problem?: { readonly code: string; readonly message: string };
}

const maxMessage = 1024;

/** The status of a policy that was read: Ready where every authority can be asked and every text compiles. */
export async function policyStatus(
  object: KubeObject,
  { policy, compiled }: LoadedPolicy,
  judge: TextJudge,
  now: string,
): Promise<JsonValue> {
  if (isSigillumError(compiled)) return statusOf(object, [{ type: "KeysInlined", problem: compiled }], now);
  const keys: SigillumError[] = [];
  const texts: { readonly code: string; readonly message: string }[] = isSigillumError(compiled.result) ? [compiled.result] : [];
  for (const { ready } of compiled.authorities)
    if (isSigillumError(ready)) (ready.code === "ADMISSION_POLICY_TEXT_UNAVAILABLE" ? texts : keys).push(ready);
  for (const { path, ...text } of policyTexts(policy)) {
    try {
      const { problem } = await judge({ policy: text, about: { type: "compile" }, nowMs: undefined });
      if (problem !== undefined)
        texts.push({ code: "IMAGE_POLICY_TEXT_MALFORMED", message: `${path} does not compile: ${problem.text}` });
    } catch (error) {
      if (!isSigillumError(error)) throw error;
      // no words about how long it took: the status would change for ever
      texts.push({ code: error.code, message: `${path} cannot be compiled here` });
    }
  }
  return statusOf(object, [conditionOf("KeysInlined", keys), conditionOf("PoliciesInlined", texts)], now);
}

/** The status of a TrustRoot. */
export function trustRootStatus(object: KubeObject, root: TrustedRoot | SigillumError, now: string): JsonValue {
  return statusOf(object, [conditionOf("KeysInlined", isSigillumError(root) ? [root] : [])], now);
}

/** Whether an object says this of itself already. */
export function hasStatus(object: KubeObject, status: JsonValue): boolean {
  const said = (value: JsonValue): string =>
    JSON.stringify([
      objectAt(value)["observedGeneration"] ?? null,
      conditionsOf(value).map((one) => ["type", "status", "reason", "message"].map((name) => textAt(one, name) ?? "")),
    ]);
  return said(objectAt(object, "status")) === said(status);
}

function conditionOf(type: string, problems: readonly { readonly code: string; readonly message: string }[]): Condition {
  const [problem] = problems;
  return problem === undefined ? { type } : { type, problem };
}

function statusOf(object: KubeObject, own: readonly Condition[], now: string): JsonValue {
  const problem = own.find((one) => one.problem !== undefined)?.problem;
  const all: readonly Condition[] = [...own, problem === undefined ? { type: "Ready" } : { type: "Ready", problem }];
  const before = conditionsOf(objectAt(object, "status"));
  return {
    observedGeneration: objectAt(object, "metadata")["generation"] ?? 0,
    conditions: all.map(({ type, problem: why }) => {
      const status = why === undefined ? "True" : "False";
      const earlier = before.find((one) => textAt(one, "type") === type);
      const since =
        earlier !== undefined && textAt(earlier, "status") === status ? textAt(earlier, "lastTransitionTime") : undefined;
      return {
        type,
        status,
        ...(why === undefined ? {} : { reason: why.code, message: why.message.slice(0, maxMessage) }),
        lastTransitionTime: since ?? now,
      };
    }),
  };
}

function conditionsOf(status: JsonValue): JsonValue[] {
  const { conditions } = objectAt(status);
  return Array.isArray(conditions) ? conditions : [];
}
