// Terms become closures: a getter where every variable has its value, a matcher where some are still to get theirs, a walk where a
// reference has variables in its path.
import { equalValues, isArray, mapKey, ObjectBuilder, ObjectValue, SetValue, type Value } from "../values/index.ts";
import type { RefTerm, Term } from "./ast.ts";
import { regoError } from "./errors.ts";
import { type DocNode, type Frame, lookup, lookupBase, type Machine } from "./machine.ts";
import { collect, termVars } from "./walk.ts";

/** The value of a term, or undefined. */
export type Get = (frame: Frame) => Value | undefined;
/** Whether a value fits a pattern; gives the pattern's variables their values. */
export type Match = (frame: Frame, value: Value) => boolean;
/** Go on; true means: stop looking for more. */
export type Exec = (frame: Frame) => boolean;
/** Go on with a value. */
export type Sink = (frame: Frame, value: Value) => boolean;

/** Where each variable of a rule stands in its frame. */
export class Slots {
  readonly #places = new Map<string, number>();

  /** The place of a variable. */
  of(name: string): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(name, place);
    return place;
  }

  /** How many places there are. */
  get size(): number {
    return this.#places.size;
  }
}

/** The variables that have a value at a point of a rule. */
export type Bound = Set<string>;

/** Plans the terms of one rule. */
export class TermPlanner {
  readonly #machine: Machine;
  readonly #slots: Slots;
  /** Plans a comprehension: its body is for the planner of bodies. */
  readonly #comprehension: (term: Term & { kind: "comprehension" }, bound: Bound) => Get;

  constructor(machine: Machine, slots: Slots, comprehension: (term: Term & { kind: "comprehension" }, bound: Bound) => Get) {
    this.#machine = machine;
    this.#slots = slots;
    this.#comprehension = comprehension;
  }

  /** Whether every variable of a term has its value. */
  isBound(term: Term, bound: Bound): boolean {
    for (const name of collect((found) => termVars(term, { closures: true }, found))) {
      if (name !== "input" && name !== "data" && !bound.has(name)) return false;
    }
    return true;
  }

  /** Whether a term is a reference that has its head's value and variables in its path. */
  isWalk(term: Term, bound: Bound): boolean {
    return term.kind === "ref" && this.isBound(term.head, bound) && !this.isBound(term, bound);
  }

  /** The getter of a term whose variables are bound. */
  get(term: Term, bound: Bound): Get {
    switch (term.kind) {
      case "value": {
        const { value } = term;
        return () => value;
      }
      case "var": {
        const slot = this.#slots.of(term.name);
        return (frame) => frame[slot];
      }
      case "ref":
        return this.#getRef(term, bound);
      case "array":
        return this.#getArray(term.items, bound);
      case "set": {
        const list = this.#getArray(term.items, bound);
        return (frame) => {
          const items = list(frame);
          return isArray(items) ? SetValue.of(items) : undefined;
        };
      }
      case "object":
        return this.#getObject(term.pairs, bound);
      case "comprehension":
        return this.#comprehension(term, bound);
      default:
        throw regoError("rego_compile_error", `a ${term.kind} stands where the compiler leaves none`, { position: term.at });
    }
  }

  #getArray(terms: readonly Term[], bound: Bound): Get {
    const gets = terms.map((item) => this.get(item, bound));
    const machine = this.#machine;
    return (frame) => {
      const items: Value[] = [];
      for (const get of gets) {
        const item = get(frame);
        if (item === undefined) return undefined;
        items.push(item);
      }
      machine.budget.allocate(16 * items.length);
      return items;
    };
  }

  #getObject(terms: readonly (readonly [Term, Term])[], bound: Bound): Get {
    const pairs = terms.map(([key, value]) => [this.get(key, bound), this.get(value, bound)] as const);
    const machine = this.#machine;
    return (frame) => {
      const builder = new ObjectBuilder();
      for (const [getKey, getValue] of pairs) {
        const key = getKey(frame);
        const value = getValue(frame);
        if (key === undefined || value === undefined) return undefined;
        builder.set(key, value);
      }
      machine.budget.allocate(32 * pairs.length);
      return builder.finish();
    };
  }

  #getRef(ref: RefTerm, bound: Bound): Get {
    const keys = ref.path.map((part) => this.get(part, bound));
    const machine = this.#machine;
    if (ref.head.kind === "var" && ref.head.name === "data" && !bound.has("data")) return this.#getDoc(ref, keys);
    const head: Get =
      ref.head.kind === "var" && ref.head.name === "input" && !bound.has("input")
        ? () => machine.scope.input
        : this.get(ref.head, bound);
    const constants = constantPath(ref.path);
    if (constants !== undefined) {
      return (frame) => {
        let value = head(frame);
        for (const key of constants) {
          if (value === undefined) return undefined;
          value = lookup(value, key);
        }
        return value;
      };
    }
    return (frame) => {
      let value = head(frame);
      for (const get of keys) {
        if (value === undefined) return undefined;
        const key = get(frame);
        if (key === undefined) return undefined;
        value = lookup(value, key);
      }
      return value;
    };
  }

  #getDoc(ref: RefTerm, gets: readonly Get[]): Get {
    const machine = this.#machine;
    const constants = constantPath(ref.path);
    if (constants === undefined) {
      return (frame) => {
        const keys: Value[] = [];
        for (const get of gets) {
          const key = get(frame);
          if (key === undefined) return undefined;
          keys.push(key);
        }
        return machine.fetch(machine.root, machine.scope.data, keys, 0);
      };
    }
    const { node, depth } = ruleOn(machine.root, constants);
    if (node === undefined) return () => machine.fetch(machine.root, machine.scope.data, constants, 0);
    const rest = constants.slice(depth);
    return () => {
      if (machine.scope.hidden !== undefined) return machine.fetch(machine.root, machine.scope.data, constants, 0);
      const document = machine.document(node);
      let value = document;
      for (const key of rest) {
        if (value === undefined) return undefined;
        value = lookup(value, key);
      }
      return value;
    };
  }

  /** The matcher of a pattern; afterwards its variables are bound. */
  match(pattern: Term, bound: Bound): Match {
    if (pattern.kind === "var" && !bound.has(pattern.name)) {
      const slot = this.#slots.of(pattern.name);
      bound.add(pattern.name);
      return (frame, value) => {
        frame[slot] = value;
        return true;
      };
    }
    if (this.isBound(pattern, bound)) {
      const get = this.get(pattern, bound);
      return (frame, value) => {
        const wanted = get(frame);
        return wanted !== undefined && equalValues(wanted, value);
      };
    }
    if (pattern.kind === "array") return this.#matchArray(pattern.items, bound);
    if (pattern.kind === "object") return this.#matchObject(pattern.pairs, bound);
    if (pattern.kind === "set") {
      // as in OPA, a set with a variable that has no value yet is equal to nothing
      termVars(pattern, { closures: true }, (name) => bound.add(name));
      return () => false;
    }
    const name = [...collect((found) => termVars(pattern, { closures: true }, found))].find((each) => !bound.has(each)) ?? "_";
    throw regoError("rego_unsafe_var_error", `var ${name} is unsafe`, { position: pattern.at });
  }

  #matchArray(items: readonly Term[], bound: Bound): Match {
    const matches = items.map((item) => this.match(item, bound));
    return (frame, value) => {
      if (!isArray(value) || value.length !== matches.length) return false;
      return matches.every((match, i) => {
        const item = value[i];
        return item !== undefined && match(frame, item);
      });
    };
  }

  #matchObject(pairs: readonly (readonly [Term, Term])[], bound: Bound): Match {
    const matches = pairs.map(([key, value]) => [this.get(key, bound), this.match(value, bound)] as const);
    return (frame, value) => {
      if (!(value instanceof ObjectValue) || value.size !== matches.length) return false;
      return matches.every(([getKey, match]) => {
        const key = getKey(frame);
        const item = key === undefined ? undefined : value.get(key);
        return item !== undefined && match(frame, item);
      });
    };
  }

  /** Every value that a reference has, with the variables of its path bound; plan what follows after this. */
  walk(ref: RefTerm, bound: Bound): (sink: Sink) => Exec {
    const machine = this.#machine;
    if (ref.head.kind === "var" && ref.head.name === "data" && !bound.has("data")) {
      const steps = ref.path.map((part) => this.#step(part, bound));
      return (sink) => {
        const walkers = docWalkers(machine, steps, sink);
        return (frame) => walkers(frame, machine.root, machine.scope.data);
      };
    }
    const head: Get =
      ref.head.kind === "var" && ref.head.name === "input" && !bound.has("input")
        ? () => machine.scope.input
        : this.get(ref.head, bound);
    const steps = ref.path.map((part) => this.#step(part, bound));
    return (sink) => {
      const inner = valueWalkers(machine, steps, sink);
      return (frame) => {
        const value = head(frame);
        return value !== undefined && inner(frame, value);
      };
    };
  }

  #step(part: Term, bound: Bound): Step {
    return this.isBound(part, bound) ? { get: this.get(part, bound) } : { match: this.match(part, bound) };
  }
}

type Step = { readonly get: Get } | { readonly match: Match };

/** The keys of a path that is written out. */
export function constantPath(path: readonly Term[]): readonly Value[] | undefined {
  const keys: Value[] = [];
  for (const part of path) {
    if (part.kind !== "value") return undefined;
    keys.push(part.value);
  }
  return keys;
}

/** The first node on a path that has rules, and how many keys lead to it. */
export function ruleOn(root: DocNode, keys: readonly Value[]): { node: DocNode | undefined; depth: number } {
  let node: DocNode | undefined = root;
  for (let depth = 0; node !== undefined; depth++) {
    if (node.compute !== undefined) return { node, depth };
    const key = keys[depth];
    node = key === undefined ? undefined : node.children.get(mapKey(key));
  }
  return { node: undefined, depth: 0 };
}

function valueWalkers(machine: Machine, steps: readonly Step[], sink: Sink): Sink {
  return steps.reduceRight<Sink>(
    (next, step) => ("get" in step ? stepInto(step.get, next) : iterate(machine, step.match, next)),
    sink,
  );
}

function stepInto(get: Get, next: Sink): Sink {
  return (frame, value) => {
    const key = get(frame);
    const item = key === undefined ? undefined : lookup(value, key);
    return item !== undefined && next(frame, item);
  };
}

/** Every key and item of a collection. */
function iterate(machine: Machine, match: Match, next: Sink): Sink {
  return (frame, value) => {
    if (isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        machine.budget.step();
        const item = value[i];
        if (item !== undefined && match(frame, i) && next(frame, item)) return true;
      }
    } else if (value instanceof ObjectValue) {
      for (const key of value.keys()) {
        machine.budget.step();
        if (!match(frame, key)) continue;
        const item = value.get(key);
        if (item !== undefined && next(frame, item)) return true;
      }
    } else if (value instanceof SetValue) {
      for (const member of value.values()) {
        machine.budget.step();
        if (match(frame, member) && next(frame, member)) return true;
      }
    }
    return false;
  };
}

type DocSink = (frame: Frame, node: DocNode | undefined, base: Value | undefined) => boolean;

function docWalkers(machine: Machine, steps: readonly Step[], sink: Sink): DocSink {
  const values: Sink[] = [sink];
  for (const step of [...steps].reverse()) {
    const next = values[0] ?? sink;
    values.unshift("get" in step ? stepInto(step.get, next) : iterate(machine, step.match, next));
  }
  let walker: DocSink = (frame, node, base) => {
    const value = machine.fetch(node, base, [], 0);
    return value !== undefined && sink(frame, value);
  };
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i];
    const onValue = values[i];
    if (step !== undefined && onValue !== undefined) walker = docStep(machine, step, onValue, walker);
  }
  return walker;
}

/** A step through the tree of documents; where rules or base data alone stand, the rest is a walk through a value. */
function docStep(machine: Machine, step: Step, onValue: Sink, next: DocSink): DocSink {
  return (frame, node, base) => {
    const here = node !== undefined && machine.scope.hidden?.has(node) === true ? undefined : node;
    if (here === undefined) return base !== undefined && onValue(frame, base);
    if (here.compute !== undefined) {
      const document = machine.document(here);
      return document !== undefined && onValue(frame, document);
    }
    if ("get" in step) {
      const key = step.get(frame);
      if (key === undefined) return false;
      return next(frame, childOf(here, key), base === undefined ? undefined : lookupBase(base, key));
    }
    for (const key of documentKeys(here, base)) {
      machine.budget.step();
      if (step.match(frame, key) && next(frame, childOf(here, key), base === undefined ? undefined : lookup(base, key)))
        return true;
    }
    return false;
  };
}

function childOf(node: DocNode, key: Value): DocNode | undefined {
  const child = node.children.get(mapKey(key));
  return child?.call !== undefined && child.children.size === 0 ? undefined : child;
}

function documentKeys(node: DocNode, base: Value | undefined): readonly Value[] {
  const children = [...node.children.values()].filter((child) => child.call === undefined || child.children.size > 0);
  const keys = children.map((child) => child.key);
  return SetValue.of(base instanceof ObjectValue ? [...keys, ...base.keys()] : keys).values();
}
