// The type checker: refuses what can never hold, as OPA does: a function called with an argument it never takes, two types that no
// value shares, a key that the value of a rule never has.
import { mapKey } from "../values/index.ts";
import type { Body, Expr, Rule, Term } from "./ast.ts";
import type { BuiltinRegistry } from "./builtin.ts";
import { regoError } from "./errors.ts";
import type { DocNode } from "./machine.ts";
import { functionNode, nodeName, type RuleTree } from "./rule-tree.ts";
import { anyType, arrayOf, objectOf, setOf, type Type } from "./static-type.ts";
import { fits, formatType, itemsOf, keysOf, overlaps, select, typeOfValue, union } from "./type-relations.ts";

/** Check every rule of a tree that has no recursion; throws rego_type_error. */
export function checkTypes(tree: RuleTree, builtins: BuiltinRegistry): void {
  const checker = new Checker(tree, builtins);
  for (const node of tree.entries.keys()) checker.node(node);
}

/** Check a query against a checked tree. */
export function checkQueryTypes(body: Body, tree: RuleTree, builtins: BuiltinRegistry): void {
  new Checker(tree, builtins).body(body, new Map());
}

type Env = Map<string, Type>;

class Checker {
  readonly #tree: RuleTree;
  readonly #builtins: BuiltinRegistry;
  readonly #types = new Map<DocNode, Type>();
  readonly #args = new Map<DocNode, readonly Type[]>();
  readonly #open = new Set<DocNode>();

  constructor(tree: RuleTree, builtins: BuiltinRegistry) {
    this.#tree = tree;
    this.#builtins = builtins;
  }

  /** The type of the document at a node, or of a function's result. */
  node(node: DocNode): Type {
    const known = this.#types.get(node);
    if (known !== undefined) return known;
    const entry = this.#tree.entries.get(node);
    if (entry === undefined || this.#open.has(node)) return anyType;
    this.#open.add(node);
    const all = [...entry.rules, ...entry.defaults];
    const below = [...node.children.values()].length > 0;
    const types = all.flatMap((rule) => this.#rule(rule));
    const type = below ? anyType : union(...mergedObjects(types));
    this.#open.delete(node);
    this.#types.set(node, type);
    return type;
  }

  #rule(rule: Rule): Type[] {
    const env: Env = new Map();
    this.body(rule.body, env);
    const leaf = rule.head.key === undefined ? this.#typeOf(rule.head.value, env) : setOf(this.#typeOf(rule.head.key, env));
    const type = this.#tree.rest(rule).reduceRight<Type>((inner, part) => objectOf(this.#typeOf(part, env), inner), leaf);
    return rule.otherwise === undefined ? [type] : [type, ...this.#rule(rule.otherwise)];
  }

  /** The types of a function's arguments, as its bodies use them. */
  #arguments(node: DocNode): readonly Type[] {
    const known = this.#args.get(node);
    if (known !== undefined) return known;
    const entry = this.#tree.entries.get(node);
    const lists = [...(entry?.rules ?? []), ...(entry?.defaults ?? [])].map((rule) => {
      const env: Env = new Map();
      this.body(rule.body, env);
      return (rule.head.args ?? []).map((arg) => this.#typeOf(arg, env));
    });
    const args = (lists[0] ?? []).map((_, i) => union(...lists.map((list) => list[i] ?? anyType)));
    this.#args.set(node, args);
    return args;
  }

  body(body: Body, env: Env): void {
    for (const expr of body) this.#expr(expr, env);
  }

  #expr(expr: Expr, env: Env): void {
    // where `with` replaces rules or functions, the documents are others than those whose types are known
    if (expr.with.some(({ target }) => target.head.kind !== "var" || target.head.name !== "input")) {
      this.#loose(expr, env);
      return;
    }
    switch (expr.kind) {
      case "term":
        this.#typeOf(expr.term, env);
        return;
      case "eq":
        this.#equation(expr, env);
        return;
      case "call":
        this.#call(expr, env);
        return;
      case "every":
        // its body is not judged, as in OPA
        this.#typeOf(expr.domain, env);
        return;
      case "not":
        this.body(expr.body, new Map(env));
        return;
      case "and":
      case "or":
        this.body(expr.left, new Map(env));
        this.body(expr.right, new Map(env));
        return;
      default:
        return;
    }
  }

  /** Of what cannot be judged, the variables may have any type. */
  #loose(expr: Expr, env: Env): void {
    const open = (term: Term): void => {
      if (term.kind === "var") {
        if (!env.has(term.name)) env.set(term.name, anyType);
      } else if (term.kind === "array") term.items.forEach(open);
      else if (term.kind === "object") for (const [, value] of term.pairs) open(value);
      else if (term.kind === "ref") term.path.forEach(open);
    };
    if (expr.kind === "term") open(expr.term);
    if (expr.kind === "eq") {
      open(expr.left);
      open(expr.right);
    }
    if (expr.kind === "call") {
      expr.args.forEach(open);
      if (expr.output !== undefined) open(expr.output);
    }
  }

  #equation(expr: Expr & { kind: "eq" }, env: Env): void {
    const left = this.#known(expr.left, env);
    const right = this.#known(expr.right, env);
    if (left !== undefined && right !== undefined && !overlaps(left, right)) {
      throw regoError("rego_type_error", `match error\n\tleft  : ${formatType(left)}\n\tright : ${formatType(right)}`, {
        position: expr.at,
        found: formatType(left),
        expected: formatType(right),
      });
    }
    this.#assign(expr.left, this.#known(expr.right, env) ?? anyType, env);
    this.#assign(expr.right, this.#known(expr.left, env) ?? anyType, env);
  }

  /** The variables of a pattern get the types of the parts they meet. */
  #assign(pattern: Term, type: Type, env: Env): void {
    if (pattern.kind === "var" && !env.has(pattern.name)) env.set(pattern.name, type);
    else if (pattern.kind === "array") {
      for (const [i, item] of pattern.items.entries()) this.#assign(item, select(type, i) ?? anyType, env);
    } else if (pattern.kind === "object") {
      for (const [key, value] of pattern.pairs)
        this.#assign(value, (key.kind === "value" ? select(type, key.value) : itemsOf(type)) ?? anyType, env);
    }
  }

  #call(expr: Expr & { kind: "call" }, env: Env): void {
    const builtin = this.#builtins.get(expr.operator.name);
    const node = builtin === undefined ? functionNode(this.#tree, expr.operator) : undefined;
    const args = expr.args.map((arg) => this.#known(arg, env));
    const wanted = builtin?.args ?? (node === undefined ? [] : this.#arguments(node));
    const result = builtin?.result ?? (node === undefined ? anyType : this.node(node));
    checkArguments(expr.operator.name, wanted, result, args, expr);
    if (expr.operator.name.startsWith("internal.member_")) this.#membership(args, expr);
    const arity = wanted.length;
    for (const [i, arg] of expr.args.slice(0, arity).entries()) this.#assign(arg, wanted[i] ?? anyType, env);
    const output = expr.output ?? expr.args[arity];
    if (output === undefined) return;
    const known = this.#known(output, env);
    if (known !== undefined && !overlaps(known, result)) {
      const message = `${expr.operator.name}: invalid argument(s)\n\thave: (..., ${formatType(known)})\n\twant: (..., ${formatType(result)})`;
      throw regoError("rego_type_error", message, { position: expr.at, found: formatType(known), expected: formatType(result) });
    }
    this.#assign(output, result, env);
  }

  /** `value in collection` and `key, value in collection` are unifications with its items. */
  #membership(args: readonly (Type | undefined)[], expr: Expr): void {
    const collection = args.at(-1) ?? anyType;
    const [value, key] = args.length === 3 ? [args[1], args[0]] : [args[0], undefined];
    for (const [found, among] of [
      [value, itemsOf(collection)],
      [key, keysOf(collection)],
    ] as const) {
      if (found !== undefined && among !== undefined && !overlaps(found, among))
        throw regoError("rego_type_error", `match error\n\tleft  : ${formatType(found)}\n\tright : ${formatType(among)}`, {
          position: expr.at,
        });
    }
  }

  /** The type of a term; nothing while a variable of it has none. */
  #known(term: Term, env: Env): Type | undefined {
    switch (term.kind) {
      case "var":
        return env.get(term.name);
      case "array": {
        const items = term.items.map((item) => this.#known(item, env) ?? anyType);
        return { kind: "array", items };
      }
      default:
        return this.#typeOf(term, env);
    }
  }

  #typeOf(term: Term | undefined, env: Env): Type {
    if (term === undefined) return anyType;
    switch (term.kind) {
      case "value":
        return typeOfValue(term.value);
      case "var":
        return env.get(term.name) ?? anyType;
      case "ref":
        return this.#refType(term, env);
      case "array":
        return { kind: "array", items: term.items.map((item) => this.#typeOf(item, env)) };
      case "set":
        return setOf(union(...term.items.map((item) => this.#typeOf(item, env))));
      case "object":
        return this.#objectType(term, env);
      case "comprehension":
        return this.#comprehensionType(term, env);
      default:
        return anyType;
    }
  }

  #objectType(term: Term & { kind: "object" }, env: Env): Type {
    const fields = term.pairs.flatMap(([key, value]) =>
      key.kind === "value" ? [{ key: key.value, value: this.#typeOf(value, env) }] : [],
    );
    const open = term.pairs.filter(([key]) => key.kind !== "value");
    if (open.length === 0) return { kind: "object", fields };
    const keys = union(...open.map(([key]) => this.#typeOf(key, env)));
    const values = union(...open.map(([, value]) => this.#typeOf(value, env)));
    return { kind: "object", fields, rest: { key: keys, value: values } };
  }

  #comprehensionType(term: Term & { kind: "comprehension" }, env: Env): Type {
    const inner: Env = new Map(env);
    this.body(term.body, inner);
    const value = this.#typeOf(term.value, inner);
    if (term.of === "object") return objectOf(this.#typeOf(term.key, inner), value);
    return term.of === "set" ? setOf(value) : arrayOf(value);
  }

  #refType(ref: Term & { kind: "ref" }, env: Env): Type {
    if (ref.head.kind === "var" && ref.head.name === "input") return this.#anyPath(ref.path, env);
    if (ref.head.kind === "var" && ref.head.name === "data") return this.#dataType(ref, env);
    return ref.head.kind === "var"
      ? this.#pathType(ref, this.#typeOf(ref.head, env), ref.path, env)
      : this.#anyPath(ref.path, env);
  }

  #anyPath(path: readonly Term[], env: Env): Type {
    for (const part of path) this.#assign(part, anyType, env);
    return anyType;
  }

  #dataType(ref: Term & { kind: "ref" }, env: Env): Type {
    let node: DocNode | undefined = this.#tree.root;
    for (const [i, part] of ref.path.entries()) {
      if (node !== undefined && this.#tree.entries.has(node)) return this.#ruleType(ref, node, ref.path.slice(i), env);
      if (part.kind !== "value") return this.#anyPath(ref.path.slice(i), env);
      node = node?.children.get(mapKey(part.value));
    }
    return node !== undefined && this.#tree.entries.has(node) ? this.#ruleType(ref, node, [], env) : anyType;
  }

  #ruleType(ref: Term & { kind: "ref" }, node: DocNode, rest: readonly Term[], env: Env): Type {
    const entry = this.#tree.entries.get(node);
    if ((entry?.rules[0] ?? entry?.defaults[0])?.head.args !== undefined)
      throw regoError("rego_type_error", `function ${nodeName(node)} used as reference, not called`, { position: ref.at });
    return this.#pathType(ref, this.node(node), rest, env);
  }

  /** The type at the end of a path into a type; throws when no value has such a path. */
  #pathType(ref: Term & { kind: "ref" }, type: Type, path: readonly Term[], env: Env): Type {
    let at = type;
    for (const part of path) {
      const keys = keysOf(at);
      if (keys === undefined) throw undefinedRef(ref, `have: ${formatType(at)}`);
      if (part.kind === "value") {
        const next = select(at, part.value);
        if (next === undefined) throw undefinedRef(ref, `no value has this key; keys: ${formatType(keys)}`);
        at = next;
        continue;
      }
      const known = this.#known(part, env);
      if (known !== undefined && !overlaps(known, keys))
        throw undefinedRef(ref, `have: ${formatType(known)}, want (type): ${formatType(keys)}`);
      this.#assign(part, keys, env);
      at = itemsOf(at) ?? anyType;
    }
    return at;
  }
}

function undefinedRef(ref: Term & { kind: "ref" }, detail: string): Error {
  const names = ref.path.map((part) => (part.kind === "value" && typeof part.value === "string" ? `.${part.value}` : "[…]"));
  const head = ref.head.kind === "var" ? ref.head.name.replace(/#.*/, "") : "…";
  return regoError("rego_type_error", `undefined ref: ${head}${names.join("")}\n\t${detail}`, { position: ref.at });
}

function checkArguments(
  name: string,
  wanted: readonly Type[],
  result: Type,
  args: readonly (Type | undefined)[],
  expr: Expr,
): void {
  const bad = wanted.some((type, i) => {
    const found = args[i];
    return found !== undefined && !fits(found, type);
  });
  if (!bad) return;
  const have = wanted.map((_, i) => (args[i] === undefined ? "???" : formatType(args[i]))).join(", ");
  const want = wanted.map(formatType).join(", ");
  const message = `${name}: invalid argument(s)\n\thave: (${have}, ???)\n\twant: (${want}, ${formatType(result)})`;
  throw regoError("rego_type_error", message, { position: expr.at, found: have, expected: want });
}

/** Objects of several partial rules are one object. */
function mergedObjects(types: readonly Type[]): Type[] {
  const open = types.filter((type) => type.kind === "object" && type.rest !== undefined);
  if (open.length < 2) return [...types];
  const keys = union(...open.map((type) => keysOf(type) ?? anyType));
  const values = union(...open.map((type) => itemsOf(type) ?? anyType));
  return [...types.filter((type) => !open.includes(type)), objectOf(keys, values)];
}
