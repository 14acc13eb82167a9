// Which policies are for an image: by the resource that holds it, then by its name.
import { type GlobMatch, type ImageName, matchGlob } from "./glob.ts";
import type { ImagePolicy, LabelSelector, MatchRule } from "./image-policy.ts";

/** The resource under review. */
export interface ResourceKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether a policy is for an image in a resource; `maybe` where that depends on a digest that is not known yet. */
export function matchPolicy(policy: ImagePolicy, image: ImageName, resource: ResourceKind | undefined): GlobMatch {
  if (policy.match.length > 0 && (resource === undefined || !policy.match.some((rule) => isRuleMatch(rule, resource))))
    return "no";
  const found = policy.images.map((glob) => matchGlob(glob, image));
  if (found.includes("yes")) return "yes";
  return found.includes("maybe") ? "maybe" : "no";
}

function isRuleMatch(rule: MatchRule, resource: ResourceKind): boolean {
  const slash = resource.apiVersion.indexOf("/");
  const group = slash < 0 ? "" : resource.apiVersion.slice(0, slash);
  const version = resource.apiVersion.slice(slash + 1);
  if (rule.resource !== `${resource.kind.toLowerCase()}s` || rule.group !== group) return false;
  if (rule.version !== version && rule.version !== "*") return false;
  return rule.selector === undefined || isSelected(rule.selector, resource.labels);
}

/** Whether labels are selected; an empty selector selects everything. */
export function isSelected(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const label = (name: string): string | undefined => (Object.hasOwn(labels, name) ? labels[name] : undefined);
  if (Object.entries(selector.matchLabels).some(([name, value]) => label(name) !== value)) return false;
  return selector.matchExpressions.every(({ key, operator, values }) => {
    const found = label(key);
    if (operator === "Exists") return found !== undefined;
    if (operator === "DoesNotExist") return found === undefined;
    return (found !== undefined && values.includes(found)) === (operator === "In");
  });
}
