// Calls of functions: the predeclared ones and those of the packages, and functions used as validators.
import { type Argument, type Builtin, Call, type Result, toExpression } from "./builtin.ts";
import { allowance } from "./closedness.ts";
import type { Engine } from "./engine.ts";
import { formatVertex } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import { findBuiltin } from "./packages/index.ts";
import type { Place } from "./position.ts";
import { unsupported } from "./scanner.ts";
import type { Expression } from "./syntax.ts";
import { fail, incomplete, kinds } from "./value.ts";
import type { Computed, Conjunct, Vertex } from "./vertex.ts";

/** The name of a function and where it stands. */
export interface Named {
  readonly path: string;
  readonly name: string;
  readonly at: Place;
}

/** Call a function, or take it as a validator when its first argument is left out. */
export function callBuiltin(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  named: Named,
  args: readonly Expression[] | undefined,
): Computed {
  const builtin = findBuiltin(named.path, named.name);
  const full = displayName(named);
  if (builtin === undefined) throw unsupported(named.at, `the function ${full}`);
  if (typeof builtin !== "object" || builtin === null || !("call" in builtin)) return toComputed(conjunct, named.at, builtin);
  const given = args?.length ?? 0;
  if (builtin.validates !== undefined && (given === builtin.parameters - 1 || (args === undefined && builtin.parameters === 1)))
    return validator(evaluator, vertex, conjunct, named, builtin, args);
  if (args === undefined && builtin.parameters > 0) throw fail(`${full} is a function and no value`, named.at);
  if (builtin.parameters >= 0 && given > builtin.parameters)
    throw fail(`too many arguments in call to ${full} (have ${given}, want ${builtin.parameters})`, named.at);
  if (builtin.parameters >= 0 && given < builtin.parameters)
    throw fail(`not enough arguments in call to ${full} (have ${given}, want ${builtin.parameters})`, named.at);
  const call = new Call(
    evaluator,
    vertex,
    conjunct,
    full,
    named.at,
    (args ?? []).map((expression) => ({ expression, vertex: evaluator.vertexOf(vertex, { ...conjunct, expression }) })),
  );
  evaluator.budget.step();
  const result = builtin.call(call);
  if (isFailure(result)) {
    if (result.awaited) throw call.incomplete(result.because);
    return { kind: "scalar", value: false };
  }
  return toComputed(conjunct, named.at, result);
}

function isFailure(result: Result): result is Extract<Result, { because: string }> {
  return typeof result === "object" && result !== null && "because" in result;
}

function displayName({ path, name }: Named): string {
  return path === "" ? name : `${path.slice(path.lastIndexOf("/") + 1)}.${name}`;
}

function validator(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  named: Named,
  builtin: Builtin,
  given: readonly Expression[] | undefined,
): Computed {
  const args = given ?? [];
  const full = displayName(named);
  const written = args.map((expression) => ({ expression, vertex: evaluator.vertexOf(vertex, { ...conjunct, expression }) }));
  const texts = written.map(({ vertex: argument }) => {
    const value = named.path === "" ? undefined : evaluator.choose(argument);
    return value === undefined ? "" : formatVertex(evaluator, value);
  });
  const name =
    named.path === ""
      ? formatExpression({
          kind: "call",
          at: named.at,
          callee: { kind: "identifier", at: named.at, name: named.name },
          arguments: args,
        })
      : args.length === 0
        ? full
        : `${full}(${texts.join(", ")})`;
  const check = (target: Vertex): boolean | string => {
    const subject: Argument =
      target.scalar === undefined
        ? { expression: { kind: "vertex", at: named.at, vertex: target }, vertex: target }
        : { expression: { kind: "literal", at: named.at, value: target.scalar.value }, value: target.scalar.value };
    const result = builtin.call(new Call(evaluator, target, conjunct, full, named.at, [subject, ...written]));
    if (result === true) return true;
    const because = isFailure(result) ? result.because : false;
    if ((isFailure(result) && result.awaited) || (builtin.grows === true && mayGrow(target)))
      throw incomplete(
        `invalid value ${formatVertex(evaluator, target)} (does not satisfy ${name})${because === false ? "" : `: ${because}`}`,
        named.at,
      );
    return because;
  };
  return {
    kind: "validator",
    validator: {
      name,
      mask: builtin.validates ?? kinds.top,
      at: named.at,
      check,
      arguments: written.map((own) => own.vertex),
      ...(given === undefined ? { uncalled: named } : {}),
    },
  };
}

/** Whether more fields or elements may come: a closed struct without optional fields and patterns is as it will be. */
function mayGrow(vertex: Vertex): boolean {
  if (vertex.mask === kinds.list || vertex.patterns.length > 0) return true;
  if ([...vertex.arcs.values()].some(({ presence }) => presence === "optional")) return true;
  return allowance(vertex, true) === undefined;
}

function toComputed(conjunct: Conjunct, at: Place, result: Result): Computed {
  if (typeof result === "object" && result !== null && "computed" in result) return result.computed;
  const expression = toExpression(at, result);
  if (expression.kind === "literal") return { kind: "scalar", value: expression.value };
  return { kind: "conjuncts", conjuncts: [{ ...conjunct, expression }] };
}
