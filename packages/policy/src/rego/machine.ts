// The state of an evaluation: documents, what was computed already, and what is spent. A policy has one machine, which answers one
// query at a time; compiled expressions close over it.
import {
  Budget,
  formatNumber,
  isNumeric,
  type MapKey,
  mapKey,
  ObjectBuilder,
  ObjectValue,
  PolicyError,
  type Position,
  RegexCache,
  SetValue,
  type Value,
} from "../values/index.ts";
import type { Builtin, BuiltinContext } from "./builtin.ts";
import { regoError } from "./errors.ts";

/** The variables of one run of a rule, each in its place. */
export type Frame = (Value | undefined)[];

/** A node of the tree of virtual documents: a package, a rule, or a step on the way to them. */
export interface DocNode {
  readonly key: Value;
  readonly path: readonly Value[];
  readonly children: Map<MapKey, DocNode>;
  /** Computes the document of the rules that stand here; absent where none does. */
  compute?: () => Value | undefined;
  /** Calls the function that stands here. */
  call?: (args: readonly Value[]) => Value | undefined;
}

/** What stands in for a function under `with`. */
export type Mock =
  | { readonly value: Value }
  | { readonly builtin: Builtin }
  | { readonly call: (args: readonly Value[]) => Value | undefined };

/** The documents that a part of an evaluation sees; `with` makes a changed copy. */
export interface Scope {
  readonly input: Value | undefined;
  readonly data: Value;
  /** The nodes in whose place `with` put a value. */
  readonly hidden: ReadonlySet<DocNode> | undefined;
  readonly mocks: ReadonlyMap<string, Mock> | undefined;
  /** Documents of rules, and results of functions, by their node. */
  readonly documents: Map<DocNode, Value | undefined>;
  readonly results: Map<DocNode, Map<string, Value | undefined>>;
}

/** What a query may give besides input and data. */
export interface MachineOptions {
  readonly input: Value | undefined;
  readonly data: Value;
  readonly budget: Budget;
  readonly nowNs: bigint | undefined;
  readonly env: ReadonlyMap<string, string>;
  /** Failures of built-in functions end the query instead of leaving the expression undefined. */
  readonly strictBuiltinErrors: boolean;
}

/** Makes a node of the tree. */
export function docNode(key: Value, path: readonly Value[]): DocNode {
  return { key, path, children: new Map() };
}

/** The state of one policy's evaluation. */
export class Machine {
  budget: Budget = new Budget();
  scope: Scope = newScope(undefined, ObjectValue.of([]), undefined, undefined);
  readonly root: DocNode = docNode("data", []);
  #strict = false;
  #nowNs: bigint | undefined;
  #env: ReadonlyMap<string, string> = new Map();
  #memo = new Map<string, unknown>();
  #regexes = new RegexCache();
  #running = new Set<DocNode>();

  /** Begin a query. */
  start(options: MachineOptions): void {
    this.budget = options.budget;
    this.scope = newScope(options.input, options.data, undefined, undefined);
    this.#strict = options.strictBuiltinErrors;
    this.#nowNs = options.nowNs;
    this.#env = options.env;
    this.#memo = new Map();
    this.#regexes = new RegexCache();
    this.#running = new Set();
  }

  /** The document at a path below a node and the base document beside it; nothing when undefined. */
  fetch(node: DocNode | undefined, base: Value | undefined, keys: readonly Value[], from: number): Value | undefined {
    let doc = node;
    let value = base;
    for (let i = from; ; i++) {
      if (doc !== undefined && this.scope.hidden?.has(doc) === true) doc = undefined;
      if (doc === undefined) return value === undefined ? undefined : lookupBasePath(value, keys, i);
      if (doc.compute !== undefined) {
        const document = this.document(doc);
        return document === undefined ? undefined : lookupPath(document, keys, i);
      }
      const key = keys[i];
      if (key === undefined) return this.extent(doc, value);
      value = value === undefined ? undefined : lookupBase(value, key);
      doc = doc.children.get(mapKey(key));
      if (doc?.call !== undefined && doc.children.size === 0) doc = undefined;
    }
  }

  /** Everything below a node that has no rules of its own, merged over the base document. */
  extent(node: DocNode, base: Value | undefined): Value {
    const builder = new ObjectBuilder(base instanceof ObjectValue ? base : undefined);
    for (const child of node.children.values()) {
      if (child.call !== undefined && child.children.size === 0) continue;
      const below = base instanceof ObjectValue ? base.get(child.key) : undefined;
      const value = this.fetch(child, below, [], 0);
      if (value !== undefined) builder.set(child.key, below === undefined ? value : merged(value, below));
    }
    this.budget.allocate(16 * builder.size);
    return builder.finish();
  }

  /** The document of the rules at a node, computed once per scope. */
  document(node: DocNode): Value | undefined {
    const { documents } = this.scope;
    const known = documents.get(node);
    if (known !== undefined || documents.has(node)) return known;
    if (node.compute === undefined) return undefined;
    if (this.#running.has(node)) throw regoError("rego_recursion_error", `rule data.${node.path.join(".")} is recursive`);
    this.#running.add(node);
    this.budget.enter();
    const value = node.compute();
    this.budget.leave();
    this.#running.delete(node);
    documents.set(node, value);
    return value;
  }

  /** The result of a function, kept for arguments that are short. */
  call(node: DocNode, args: readonly Value[]): Value | undefined {
    if (node.call === undefined) return undefined;
    this.budget.step();
    const key = argumentsKey(args);
    let results = this.scope.results.get(node);
    if (key !== undefined) {
      const known = results?.get(key);
      if (known !== undefined || results?.has(key) === true) return known;
    }
    this.budget.enter();
    const value = node.call(args);
    this.budget.leave();
    if (key !== undefined) {
      if (results === undefined) {
        results = new Map();
        this.scope.results.set(node, results);
      }
      results.set(key, value);
    }
    return value;
  }

  /** Run with every function as it is: what stands in for a function sees no stand-ins. */
  unmocked(run: () => Value | undefined): Value | undefined {
    const before = this.scope;
    this.scope = newScope(before.input, before.data, before.hidden, undefined);
    const value = run();
    this.scope = before;
    return value;
  }

  /** What a built-in function gives; undefined when it fails and the query is not strict. */
  builtin(builtin: Builtin, args: readonly Value[], at: Position): Value | undefined {
    this.budget.step();
    try {
      return builtin.evaluate(this.#context(at), args);
    } catch (error) {
      return this.#failed(error, builtin, at);
    }
  }

  /** All that a relation gives. */
  relation(builtin: Builtin, args: readonly Value[], at: Position): Iterable<Value> {
    this.budget.step();
    try {
      return builtin.enumerate?.(this.#context(at), args) ?? [];
    } catch (error) {
      this.#failed(error, builtin, at);
      return [];
    }
  }

  #context(position: Position): BuiltinContext {
    return { budget: this.budget, position, nowNs: this.#nowNs, regexes: this.#regexes, memo: this.#memo, env: this.#env };
  }

  #failed(error: unknown, builtin: Builtin, position: Position): undefined {
    if (!(error instanceof PolicyError) || endsQuery(error)) throw error;
    if (!this.#strict) return undefined;
    const known = error.code === "eval_type_error" || error.code === "eval_builtin_error" || error.code === "eval_conflict_error";
    const code = error.code === "eval_type_error" || error.code === "eval_conflict_error" ? error.code : "eval_builtin_error";
    const message = known ? error.message : `${builtin.name}: ${reason(error)}`;
    throw regoError(code, message, { cause: error, position });
  }
}

/** The sentence of an error of `values`, as OPA's functions say it. */
function reason(error: PolicyError): string {
  if (error.code === "POLICY_DIVIDE_BY_ZERO") return error.message.includes("modulo") ? "modulo by zero" : "divide by zero";
  if (error.code === "POLICY_NOT_AN_INTEGER") return "modulo on floating-point number";
  return error.message;
}

function endsQuery(error: PolicyError): boolean {
  return error.code.startsWith("POLICY_") && error.code.endsWith("_EXCEEDED");
}

/** A scope in which nothing is computed yet. */
export function newScope(
  input: Value | undefined,
  data: Value,
  hidden: ReadonlySet<DocNode> | undefined,
  mocks: ReadonlyMap<string, Mock> | undefined,
): Scope {
  return { input, data, hidden, mocks, documents: new Map(), results: new Map() };
}

/** A document of rules and the base document at the same place; where they differ the base document stands, as in OPA. */
function merged(document: Value, base: Value): Value {
  if (!(document instanceof ObjectValue) || !(base instanceof ObjectValue)) return base;
  const builder = new ObjectBuilder(document);
  for (const [key, value] of base.entries()) {
    const other = document.get(key);
    builder.set(key, other === undefined ? value : merged(other, value));
  }
  return builder.finish();
}

/** `lookup` in a base document, whose names a number finds too. */
export function lookupBase(value: Value, key: Value): Value | undefined {
  const found = lookup(value, key);
  return found === undefined && isNumeric(key) && value instanceof ObjectValue ? value.get(formatNumber(key)) : found;
}

function lookupBasePath(value: Value, keys: readonly Value[], from: number): Value | undefined {
  let at: Value | undefined = value;
  for (let i = from; i < keys.length && at !== undefined; i++) {
    const key = keys[i];
    at = key === undefined ? undefined : lookupBase(at, key);
  }
  return at;
}

/** What stands in a value under a key; a member of a set stands for itself. */
export function lookup(value: Value, key: Value): Value | undefined {
  if (value instanceof ObjectValue) return value.get(key);
  if (Array.isArray(value)) return arrayItem(value, key);
  return value instanceof SetValue && value.has(key) ? key : undefined;
}

function arrayItem(array: readonly Value[], key: Value): Value | undefined {
  const index = typeof key === "number" ? key : mapKey(key);
  return typeof index === "number" ? array[index] : undefined;
}

function lookupPath(value: Value, keys: readonly Value[], from: number): Value | undefined {
  let at: Value | undefined = value;
  for (let i = from; i < keys.length && at !== undefined; i++) {
    const key = keys[i];
    at = key === undefined ? undefined : lookup(at, key);
  }
  return at;
}

const maxKeptArgument = 512;

/** A key for arguments that are cheap to compare; nothing when they are large. */
function argumentsKey(args: readonly Value[]): string | undefined {
  let key = "";
  for (const arg of args) {
    if (typeof arg === "string") {
      if (arg.length > maxKeptArgument) return undefined;
      key += `s${arg.length}:${arg}`;
    } else if (arg === null || typeof arg !== "object") key += `${typeof arg === "number" ? "n" : ""}${arg};`;
    else return undefined;
  }
  return key;
}
