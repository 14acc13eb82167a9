// rego.metadata.chain and rego.metadata.rule: as in OPA, a call is replaced by its value before anything else is done with the rule.
import { ObjectValue, type Position, type Value } from "../values/index.ts";
import { type Annotation, readAnnotations } from "./annotations.ts";
import { type Body, type Expr, equation, type Head, type Module, type Rule, type Term, valueTerm } from "./ast.ts";
import type { BuiltinRegistry } from "./builtin.ts";
import { regoError } from "./errors.ts";
import { mapExpr, mapTerm } from "./walk.ts";

const chainName = "rego.metadata.chain";
const ruleName = "rego.metadata.rule";

/** Modules with their texts, the calls in their rules replaced; the same where no text names them. */
export function withMetadata(
  modules: readonly Module[],
  sources: readonly { readonly source: string }[],
  builtins: BuiltinRegistry,
): readonly Module[] {
  if (!builtins.has(chainName) || !sources.some(({ source }) => source.includes("rego.metadata."))) return modules;
  const annotations = new AnnotationSet();
  for (const [i, module] of modules.entries())
    for (const annotation of readAnnotations(module, sources[i]?.source ?? "", builtins)) annotations.add(module, annotation);
  return modules.map((module) => ({ ...module, rules: module.rules.map((rule) => replaced(module, rule, annotations)) }));
}

/** Annotations by what they are about. */
class AnnotationSet {
  readonly #rules = new Map<Rule, Annotation[]>();
  readonly #paths = new Map<string, Annotation>();

  add(module: Module, annotation: Annotation): void {
    const { rule, scope, at } = annotation;
    if (scope === "rule" && rule !== undefined) {
      this.#rules.set(rule, [...(this.#rules.get(rule) ?? []), annotation]);
      return;
    }
    const key = keyOf(scope, rule === undefined ? module.package : pathOf(module, rule.head));
    const before = this.#paths.get(key);
    if (before !== undefined)
      throw regoError("rego_type_error", `${scope} annotation redeclared: ${placeOf(before.at)}`, { position: at });
    this.#paths.set(key, annotation);
  }

  /** Those of a rule, the nearest first. */
  ofRule(rule: Rule): readonly Annotation[] {
    return (this.#rules.get(rule) ?? []).toSorted((a, b) => b.at.line - a.at.line);
  }

  /** What is around a rule: its document, its package, and the packages above, each with its path. */
  around(module: Module, rule: Rule): (readonly [path: readonly Value[], Annotation])[] {
    const found: (readonly [readonly Value[], Annotation])[] = [];
    const add = (scope: string, path: readonly Value[]): void => {
      const annotation = this.#paths.get(keyOf(scope, path));
      if (annotation !== undefined) found.push([path, annotation]);
    };
    add("document", pathOf(module, rule.head));
    add("package", module.package);
    for (let length = module.package.length; length >= 0; length--) add("subpackages", module.package.slice(0, length));
    return found;
  }
}

function keyOf(scope: string, path: readonly Value[]): string {
  return `${scope} ${JSON.stringify(path)}`;
}

function placeOf({ file, line }: Position): string {
  return `${file}:${line}`;
}

/** The path of what a rule defines, as far as it holds no variable. */
function pathOf(module: Module, { ref }: Head): Value[] {
  const path: Value[] = [...module.package];
  for (const [i, part] of ref.entries()) {
    if (i === 0 && part.kind === "var") path.push(part.name);
    else if (part.kind === "value") path.push(part.value);
    else break;
  }
  return path;
}

function replaced(module: Module, rule: Rule, annotations: AnnotationSet): Rule {
  const own = annotations.ofRule(rule);
  const values = new Map<string, () => Value>([
    [chainName, () => chainOf(module, rule, annotations)],
    [ruleName, () => own[0]?.value ?? ObjectValue.of([])],
  ]);
  const inTerm = (term: Term): Term => {
    const value = term.kind === "call" && term.args.length === 0 ? values.get(term.operator.name) : undefined;
    return value === undefined ? mapTerm(term, inTerm, inBody) : valueTerm(value(), term.at);
  };
  const inExpr = (expr: Expr): Expr => {
    const mapped = mapExpr(expr, inTerm, inBody, (item) => ({ ...item, value: inTerm(item.value) }));
    const value = mapped.kind === "call" ? values.get(mapped.operator.name) : undefined;
    if (mapped.kind !== "call" || value === undefined) return mapped;
    const { at, negated, with: withs, args } = mapped;
    const term = valueTerm(value(), at);
    const [output, more] = args;
    if (output === undefined) return { kind: "term", term, at, negated, with: withs };
    return more === undefined ? { ...equation(output, term, at, withs), negated } : mapped;
  };
  const inBody = (body: Body): Body => body.map(inExpr);
  const { head, otherwise } = rule;
  return {
    ...rule,
    head: {
      ...head,
      ...(head.key === undefined ? {} : { key: inTerm(head.key) }),
      ...(head.value === undefined ? {} : { value: inTerm(head.value) }),
    },
    body: inBody(rule.body),
    ...(otherwise === undefined ? {} : { otherwise: replaced(module, otherwise, annotations) }),
  };
}

/** From the rule outwards; the rule stands first, annotated or not. */
function chainOf(module: Module, rule: Rule, annotations: AnnotationSet): Value {
  const path = pathOf(module, rule.head);
  const own = annotations.ofRule(rule).map(({ value }) => linkOf(path, value));
  const around = annotations.around(module, rule).map(([at, { value }]) => linkOf(at, value));
  return [...(own.length === 0 ? [linkOf(path, undefined)] : own), ...around];
}

function linkOf(path: readonly Value[], annotations: Value | undefined): Value {
  return ObjectValue.of([["path", path], ...(annotations === undefined ? [] : [["annotations", annotations] as const])]);
}
