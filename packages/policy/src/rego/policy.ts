// A policy: compiled once, asked many times.
import { Budget, type BudgetLimits, ObjectValue, type Value } from "../values/index.ts";
import { type Compiled, type CompileOptions, compileModules, compileQuery, type Source } from "./compile.ts";
import { regoError } from "./errors.ts";
import { BodyPlanner } from "./plan-body.ts";
import { type Bound, Slots } from "./plan-term.ts";

/** What a query is asked about, and what it may spend. */
export interface QueryOptions {
  /** The `input` document; undefined when left out. */
  readonly input?: Value;
  /** The base documents below `data`; empty when left out. */
  readonly data?: ObjectValue;
  /** What the query may spend; the defaults of `Budget` when left out. */
  readonly budget?: Budget | BudgetLimits;
  /** Nanoseconds since 1970 for `time.now_ns`; a policy that asks for the time fails without. */
  readonly nowNs?: bigint;
  /** What `opa.runtime().env` says; empty when left out. */
  readonly env?: ReadonlyMap<string, string>;
  /** True: the failure of a built-in function ends the query; default: the expression is undefined. */
  readonly strictBuiltinErrors?: boolean;
}

/** One way in which a query holds. */
export interface QueryResult {
  /** The values of the query's variables, `_` aside. */
  readonly bindings: ReadonlyMap<string, Value>;
  /** For each expression its value; true for one that has none. */
  readonly expressions: readonly Value[];
}

/** A query compiled for a policy. */
export interface PreparedQuery {
  /** Every way in which the query holds, in OPA's order; none when it is undefined. */
  evaluate(options?: QueryOptions): QueryResult[];
}

/** A compiled policy. One query runs at a time; nothing is kept between two. */
export class Policy {
  readonly #compiled: Compiled;

  constructor(compiled: Compiled) {
    this.#compiled = compiled;
  }

  /**
   * Ask. An expression that is false counts as a result whose value is false, as OPA's API has it; a variable makes a binding. Throws
   * the rego_* codes for a query that cannot be compiled, the eval_* codes for a conflict, and POLICY_…_EXCEEDED at a limit.
   */
  query(text: string, options: QueryOptions = {}): QueryResult[] {
    return this.prepare(text).evaluate(options);
  }

  /** Compile a query to be asked many times. With `capture: false` a false expression makes the query undefined, as within a rule. */
  prepare(
    text: string,
    { capture = true, file = "query" }: { readonly capture?: boolean; readonly file?: string } = {},
  ): PreparedQuery {
    const compiled = this.#compiled;
    const { machine, functions } = compiled;
    const {
      body,
      variables,
      expressions: count,
    } = guarded("rego_compile_error", () => compileQuery(compiled, text, file, capture));
    const slots = new Slots();
    const planner = new BodyPlanner(machine, slots, functions);
    const bound: Bound = new Set();
    const search = planner.body(body, bound);
    const shown = [...variables]
      .filter(([name]) => bound.has(name))
      .map(([name, written]) => ({ written, slot: slots.of(name) }));
    let results: QueryResult[] = [];
    const exec = search((frame) => {
      const bindings = new Map<string, Value>();
      const expressions: Value[] = new Array(count).fill(true);
      for (const { written, slot } of shown) {
        const value = frame[slot];
        const index = captureIndex(written);
        if (value === undefined) continue;
        if (index >= 0) expressions[index] = value;
        else if (!written.startsWith("$")) bindings.set(written, value);
      }
      machine.budget.step();
      machine.budget.allocate(64);
      results.push({ bindings, expressions });
      return false;
    });
    return {
      evaluate: (options = {}) => {
        const { budget, data, input } = options;
        machine.start({
          input,
          data: data ?? ObjectValue.of([]),
          budget: budget instanceof Budget ? budget : new Budget(budget),
          nowNs: options.nowNs,
          env: options.env ?? new Map(),
          strictBuiltinErrors: options.strictBuiltinErrors ?? false,
        });
        results = [];
        guarded("eval_internal_error", () => exec(new Array(slots.size)));
        return results;
      },
    };
  }
}

/** The index of the expression whose value a variable holds, or -1. */
function captureIndex(name: string): number {
  return /^\$c[0-9]+$/.test(name) ? Number(name.slice(2)) : -1;
}

/** What nests deeper than the stack is refused as what nests deeper than its limit is. */
function guarded<T>(code: "rego_compile_error" | "eval_internal_error", run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) throw regoError(code, "the policy nests deeper than the stack", { cause: error });
    throw error;
  }
}

/** Compile modules into a policy; throws the rego_*_error codes with the position of the first error. */
export function compile(sources: readonly Source[], options: CompileOptions): Policy {
  return new Policy(guarded("rego_compile_error", () => compileModules(sources, options)));
}
