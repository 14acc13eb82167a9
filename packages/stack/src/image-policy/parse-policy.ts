// From the object to the policy: every check of the original's webhook, and one it leaves to do: expressions that are not anchored are told.
import type { JsonValue } from "@sigillum/library/encoding";
import type { PolicySource } from "@sigillum/policy/contracts";
import { imagePolicyError } from "./errors.ts";
import { describe, FieldNotes, type FieldProblem, FieldReader, type PolicyRules, requireKind } from "./field-reader.ts";
import { isGlob } from "./glob.ts";
import type { ImagePolicy, LabelSelector, MatchRule, PolicyText } from "./image-policy.ts";
import { readAuthority } from "./parse-authority.ts";
import { readResultPolicy } from "./parse-text.ts";

/** What reading a policy object gave: the policy, unless there are problems. */
export interface ReadPolicy {
  readonly policy?: ImagePolicy;
  readonly problems: readonly FieldProblem[];
  readonly warnings: readonly FieldProblem[];
}

const group = "policy.sigstore.dev";
const resources = ["replicasets", "deployments", "pods", "cronjobs", "jobs", "statefulsets", "daemonsets"];

/** Read a ClusterImagePolicy and note everything that is wrong with it. */
export function readImagePolicy(value: JsonValue, rules: PolicyRules = {}): ReadPolicy {
  const notes = new FieldNotes();
  const object = new FieldReader(value, "", notes);
  requireKind(object, "ClusterImagePolicy", [`${group}/v1alpha1`, `${group}/v1beta1`]);
  const metadata = new FieldReader(object.value("metadata"), "metadata", notes);
  object.only(["apiVersion", "kind", "metadata", "spec", "status"]);
  const spec = new FieldReader(object.value("spec"), "spec", notes);
  spec.only(["images", "mode", "match", "authorities", "policy"]);
  const images = readImages(spec);
  const authorities = spec.objects("authorities").map((one, index) => readAuthority(one, index, rules));
  if (authorities.length === 0 && rules.failOnEmptyAuthorities !== false) spec.missing("authorities");
  const names = authorities.flatMap((one) => (one === undefined ? [] : [one.name]));
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
    spec.invalid("authorities", `two authorities called ${name}`, "a name of its own for each");
  const mode = readMode(spec);
  const match = spec.objects("match").map(readMatch);
  const policyReader = spec.object("policy");
  const policy = policyReader === undefined ? undefined : readResultPolicy(policyReader);
  if (notes.problems.length > 0) return { problems: notes.problems, warnings: notes.warnings };
  return {
    policy: {
      name: metadata.text("name") ?? "",
      uid: metadata.text("uid") ?? "",
      resourceVersion: metadata.text("resourceVersion") ?? "",
      images,
      mode,
      match,
      authorities: authorities.flatMap((one) => (one === undefined ? [] : [one])),
      ...(policy === undefined ? {} : { policy }),
    },
    problems: [],
    warnings: notes.warnings,
  };
}

/** As readImagePolicy, and throws the first problem. */
export function parseImagePolicy(value: JsonValue, rules: PolicyRules = {}): ImagePolicy {
  const { policy, problems } = readImagePolicy(value, rules);
  const [first] = problems;
  if (policy !== undefined) return policy;
  throw imagePolicyError(
    first?.code ?? "IMAGE_POLICY_FIELD_INVALID",
    `Cannot use ClusterImagePolicy: ${problems.map(({ message }) => message).join("; ")}`,
    { found: first?.path ?? "" },
  );
}

/** A text that stands in a policy, and where. */
export interface PlacedText extends PolicySource {
  /** As Kubernetes writes paths: `spec.policy.data`. */
  readonly path: string;
}

/** The texts that stand in a policy itself. Whoever takes the policy in has them compiled, in a thread: that may take for ever. */
export function policyTexts({ authorities, policy }: ImagePolicy): PlacedText[] {
  const placed = (text: PolicyText | undefined, at: string): PlacedText[] =>
    text === undefined || !("data" in text.from)
      ? []
      : [{ path: `${at}.data`, language: text.type, file: `${at}.data.${text.type}`, source: text.from.data }];
  return [
    ...authorities.flatMap(({ attestations }, index) =>
      attestations.flatMap((one, at) => placed(one.policy, `spec.authorities[${index}].attestations[${at}].policy`)),
    ),
    ...placed(policy, "spec.policy"),
  ];
}

function readImages(spec: FieldReader): string[] {
  const images = spec.objects("images");
  if (images.length === 0 && !spec.notes.problems.some(({ path }) => path === "spec.images")) spec.missing("images");
  return images.flatMap((image) => {
    image.only(["glob"]);
    const glob = image.text("glob");
    if (glob === undefined) image.missing("glob");
    else if (!isGlob(glob)) image.invalid("glob", describe(glob), "letters, digits and - _ : / * . @");
    else return [glob];
    return [];
  });
}

function readMode(spec: FieldReader): "enforce" | "warn" {
  const mode = spec.text("mode") ?? "enforce";
  if (mode === "enforce" || mode === "warn") return mode;
  spec.invalid("mode", describe(mode), "enforce or warn");
  return "enforce";
}

function readMatch(rule: FieldReader): MatchRule {
  rule.only(["group", "version", "resource", "selector"]);
  const [own, version, resource] = [rule.text("group") ?? "", rule.text("version") ?? "", rule.text("resource") ?? ""];
  if (!resources.includes(resource)) rule.invalid("resource", describe(resource), resources.join(", "));
  const selector = rule.object("selector");
  return { group: own, version, resource, ...(selector === undefined ? {} : { selector: readSelector(selector) }) };
}

function readSelector(selector: FieldReader): LabelSelector {
  selector.only(["matchLabels", "matchExpressions"]);
  const labels = new FieldReader(selector.value("matchLabels"), selector.at("matchLabels"), selector.notes);
  return {
    matchLabels: Object.fromEntries(labels.names().map((name) => [name, labels.text(name) ?? ""])),
    matchExpressions: selector.objects("matchExpressions").map((one) => {
      one.only(["key", "operator", "values"]);
      const [key, values] = [one.text("key") ?? "", one.texts("values")];
      const operator = one.text("operator");
      if (key === "") one.missing("key");
      if (operator === "In" || operator === "NotIn") {
        if (values.length === 0) one.missing("values");
        return { key, operator, values };
      }
      if (operator === "Exists" || operator === "DoesNotExist") {
        if (values.length > 0) one.invalid("values", "there", `none with ${operator}`);
        return { key, operator, values };
      }
      one.invalid("operator", describe(operator ?? ""), "In, NotIn, Exists or DoesNotExist");
      return { key, operator: "Exists", values };
    }),
  };
}
