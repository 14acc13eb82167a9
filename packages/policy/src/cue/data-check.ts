// Whether a value of the document fits a constraint and stays what it is, found without unifying the two. Said only of constraints that are
// written out: types, literals, bounds, structs and lists of such, and names of fields that are no more than that. Of all others, and of a value
// that does not fit, unification is asked, which also says why.
import { isArray, ObjectValue, type Value } from "../values/index.ts";
import { dataScalar } from "./data.ts";
import type { Engine } from "./engine.ts";
import { predeclaredName, typeNames } from "./predeclared.ts";
import type { Expression, Field, Identifier, StructLiteral } from "./syntax.ts";
import { boundMask, satisfies } from "./unify.ts";
import { type Bound, kindOf, kinds, type Scalar, Stop, sameScalar } from "./value.ts";
import { isRegularLabel } from "./vertex.ts";

/** True: the value fits and unification would add nothing to it. False: that is not known. */
export type DataCheck = (engine: Engine, value: Value) => boolean;

/** Says it of nothing. */
export const neverKnown: DataCheck = () => false;

/** What a constraint is looked at in. */
export interface CheckScope {
  /** Whether it closes the structs in it: then a field that it does not name is left to unification. */
  readonly closes: boolean;
  /** The structs of the constraint itself around the place; a name of one of their fields refers to the value, and is left to unification. */
  readonly depth: number;
  /** The check of the field that a name refers to, so many scopes further out. */
  readonly named: (label: string, up: number) => DataCheck;
}

/** The check of a constraint. */
export function dataCheck(expression: Expression, scope: CheckScope): DataCheck {
  switch (expression.kind) {
    case "literal": {
      const { value: wanted } = expression;
      return scalarCheck((_, scalar) => sameScalar(scalar, wanted));
    }
    case "identifier":
      return nameCheck(expression, scope);
    case "unary":
      return boundCheck(expression);
    case "binary":
      return binaryCheck(expression, scope);
    case "struct":
      return structCheck(expression, scope);
    case "list":
      return listCheck(expression, scope);
    default:
      return neverKnown;
  }
}

/** The check of several at once. */
export function allOf(checks: readonly DataCheck[]): DataCheck {
  const [first, second] = checks;
  if (checks.includes(neverKnown)) return neverKnown;
  if (first !== undefined && checks.length === 1) return first;
  if (first !== undefined && second !== undefined && checks.length === 2)
    return (engine, value) => first(engine, value) && second(engine, value);
  return (engine, value) => checks.every((check) => check(engine, value));
}

function scalarCheck(holds: (engine: Engine, value: Scalar) => boolean): DataCheck {
  return (engine, value) => {
    engine.budget.step();
    return !isArray(value) && !(value instanceof ObjectValue) && holds(engine, dataScalar(value));
  };
}

function nameCheck({ name, target }: Identifier, { depth, named }: CheckScope): DataCheck {
  if (target?.kind === "field" && target.up >= depth) return named(target.label, target.up - depth);
  const mask = target?.kind === "predeclared" ? typeNames.get(predeclaredName(name)) : undefined;
  if (mask === undefined) return neverKnown;
  return mask === kinds.top ? () => true : scalarCheck((_, value) => (kindOf(value) & mask) !== 0);
}

const boundOperators: ReadonlySet<string> = new Set(["<", "<=", ">", ">=", "!=", "=~", "!~"]);

function boundCheck({ operator, operand, at }: Extract<Expression, { kind: "unary" }>): DataCheck {
  if (operand.kind !== "literal" || !boundOperators.has(operator)) return neverKnown;
  const bound: Bound = { operator, value: operand.value, at };
  const mask = boundMask(bound);
  return scalarCheck((engine, value) => {
    if ((kindOf(value) & mask) === 0) return false;
    try {
      return satisfies(engine, value, bound);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      return false;
    }
  });
}

function binaryCheck({ operator, left, right }: Extract<Expression, { kind: "binary" }>, scope: CheckScope): DataCheck {
  if (operator === "&") return allOf([dataCheck(left, scope), dataCheck(right, scope)]);
  if (operator !== "|") return neverKnown;
  // of a value without structure each term that fits leaves that value
  const checks = [termOf(left), termOf(right)].map((term) => dataCheck(term, scope));
  if (checks.includes(neverKnown)) return neverKnown;
  return (engine, value) => !isArray(value) && !(value instanceof ObjectValue) && checks.some((check) => check(engine, value));
}

function termOf(expression: Expression): Expression {
  return expression.kind === "unary" && expression.operator === "*" ? expression.operand : expression;
}

function structCheck({ declarations }: StructLiteral, scope: CheckScope): DataCheck {
  const fields: { readonly name: string; readonly isOptional: boolean; readonly check: DataCheck }[] = [];
  const inner = { ...scope, depth: scope.depth + 1 };
  let isOpen = !scope.closes;
  for (const declaration of declarations) {
    if (declaration.kind === "ellipsis" && declaration.value === undefined) isOpen = true;
    else if (isPlain(declaration))
      fields.push({
        name: declaration.label.slice(1),
        isOptional: declaration.constraint === "?",
        check: dataCheck(declaration.value, inner),
      });
    else return neverKnown;
  }
  const names = new Set(fields.map(({ name }) => name));
  return (engine, value) => {
    engine.budget.step();
    if (!(value instanceof ObjectValue)) return false;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field === undefined) continue;
      const found = value.get(field.name);
      // a field that is not optional would be added, or be missing
      if (found === undefined ? !field.isOptional : !field.check(engine, found)) return false;
    }
    return isOpen || value.keys().every((name) => typeof name === "string" && names.has(name));
  };
}

function isPlain(declaration: StructLiteral["declarations"][number]): declaration is Field & { readonly label: string } {
  return (
    declaration.kind === "field" &&
    declaration.alias === undefined &&
    typeof declaration.label === "string" &&
    isRegularLabel(declaration.label)
  );
}

function listCheck({ elements, open }: Extract<Expression, { kind: "list" }>, scope: CheckScope): DataCheck {
  const checks = elements.map((element) => (element.kind === "comprehension" ? neverKnown : dataCheck(element, scope)));
  const rest = open === undefined || open === true ? undefined : dataCheck(open, scope);
  if (checks.includes(neverKnown)) return neverKnown;
  return (engine, value) => {
    engine.budget.step();
    if (!isArray(value) || value.length < checks.length || (open === undefined && value.length > checks.length)) return false;
    for (let i = 0; i < value.length; i++) {
      const check = checks[i] ?? rest;
      if (check !== undefined && !check(engine, value[i] ?? null)) return false;
    }
    return true;
  };
}
