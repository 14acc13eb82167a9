// `with`: what it puts in the place of input, data and functions.
import { ObjectValue, type Value } from "../values/index.ts";
import type { Operator, Term, With } from "./ast.ts";
import type { BuiltinRegistry } from "./builtin.ts";
import { regoError } from "./errors.ts";
import type { DocNode, Frame, Machine, Mock } from "./machine.ts";
import { type Bound, constantPath, type TermPlanner } from "./plan-term.ts";

/** What calls are resolved with. */
export interface Functions {
  readonly builtins: BuiltinRegistry;
  /** The node of a function of the policy. */
  find(operator: Operator): DocNode | undefined;
  /** The number of arguments of a function. */
  arity(operator: Operator): number | undefined;
}

/** The documents of a scope in the making. */
export interface Draft {
  readonly input: Value | undefined;
  readonly data: Value;
  readonly hidden: ReadonlySet<DocNode>;
  readonly mocks: ReadonlyMap<string, Mock>;
}

/** Plans the replacements of one rule's `with`s. */
export class WithPlanner {
  readonly #machine: Machine;
  readonly #terms: TermPlanner;
  readonly #functions: Functions;

  constructor(machine: Machine, terms: TermPlanner, functions: Functions) {
    this.#machine = machine;
    this.#terms = terms;
    this.#functions = functions;
  }

  /** What a `with` changes, given the frame it stands in; undefined when its value is. */
  change(item: With, bound: Bound): (frame: Frame, draft: Draft) => Draft | undefined {
    const { target } = item;
    const name = target.head.kind === "var" ? target.head.name : "";
    if (name === "input" || (name === "data" && this.#functionAt(target) === undefined)) {
      const value = this.#terms.get(item.value, bound);
      const keys = constantPath(target.path);
      if (keys === undefined) throw regoError("rego_type_error", "with keyword target must be constant", { position: item.at });
      const node = name === "data" ? nodeAt(this.#machine.root, keys) : undefined;
      return (frame, draft) => {
        const replacement = value(frame);
        if (replacement === undefined) return undefined;
        if (name === "input") return { ...draft, input: replaced(draft.input, keys, replacement) };
        const data = replaced(draft.data, keys, replacement);
        return { ...draft, data, hidden: node === undefined ? draft.hidden : new Set([...draft.hidden, node]) };
      };
    }
    const operator = operatorOf(target) ?? name;
    const mock = this.#mock(item.value, bound);
    return (frame, draft) => {
      const replacement = mock(frame);
      return replacement === undefined ? undefined : { ...draft, mocks: new Map([...draft.mocks, [operator, replacement]]) };
    };
  }

  #functionAt(term: Term): DocNode | undefined {
    const name = operatorOf(term);
    return name === undefined ? undefined : this.#functions.find({ name, parts: partsOf(term), at: term.at });
  }

  #mock(value: Term, bound: Bound): (frame: Frame) => Mock | undefined {
    const machine = this.#machine;
    const name = operatorOf(value);
    const builtin =
      name === undefined || (value.kind === "var" && bound.has(name)) ? undefined : this.#functions.builtins.get(name);
    if (builtin !== undefined) return () => ({ builtin });
    const node = this.#functionAt(value);
    if (node?.call !== undefined) return () => ({ call: (args) => machine.call(node, args) });
    const get = this.#terms.get(value, bound);
    return (frame) => {
      const constant = get(frame);
      return constant === undefined ? undefined : { value: constant };
    };
  }
}

function partsOf(term: Term): string[] {
  if (term.kind === "var") return [term.name];
  if (term.kind !== "ref" || term.head.kind !== "var") return [];
  const keys = constantPath(term.path) ?? [undefined];
  const names = keys.map((key) => (typeof key === "string" ? key : undefined));
  return names.includes(undefined) ? [] : [term.head.name, ...names.map((name) => name ?? "")];
}

function operatorOf(term: Term): string | undefined {
  const parts = partsOf(term);
  return parts.length === 0 ? undefined : parts.join(".");
}

function nodeAt(root: DocNode, keys: readonly Value[]): DocNode | undefined {
  let node: DocNode | undefined = root;
  for (const key of keys) node = typeof key === "string" ? node?.children.get(key) : undefined;
  return node;
}

/** A document with the value at a path replaced; what is missing on the way, or no object, becomes an object. */
function replaced(document: Value | undefined, keys: readonly Value[], value: Value): Value {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  const object = document instanceof ObjectValue ? document : ObjectValue.of([]);
  return object.with(key, replaced(object.get(key), rest, value));
}
