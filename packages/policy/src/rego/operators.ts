// The functions behind the operators, and those that the compiler puts in: always there, whatever else a registry holds.
import {
  add,
  compareValues,
  divide,
  equalValues,
  formatValue,
  isArray,
  isNumeric,
  multiply,
  type Numeric,
  ObjectValue,
  remainder,
  SetValue,
  subtract,
  type Value,
} from "../values/index.ts";
import { type Builtin, operandError } from "./builtin.ts";
import { regoError } from "./errors.ts";
import { anyType, arrayOf, booleanType, numberType, oneOf, setOf, stringType, type Type } from "./static-type.ts";

function comparison(name: string, holds: (order: number) => boolean): Builtin {
  return {
    name,
    args: [anyType, anyType],
    result: booleanType,
    evaluate: (_, [a = null, b = null]) => holds(compareValues(a, b)),
  };
}

function arithmetic(name: string, calculate: (a: Numeric, b: Numeric) => Numeric): Builtin {
  return {
    name,
    args: [numberType, numberType],
    result: numberType,
    evaluate: (_, [a = null, b = null]) => calculate(number(name, 1, a), number(name, 2, b)),
  };
}

function number(name: string, operand: number, value: Value): Numeric {
  if (!isNumeric(value)) throw operandError(name, operand, value, "number");
  return value;
}

function sets(name: string, combine: (a: SetValue, b: SetValue) => SetValue): Builtin {
  const type: Type = setOf(anyType);
  return {
    name,
    args: [type, type],
    result: type,
    evaluate: ({ budget }, [a = null, b = null]) => {
      if (!(a instanceof SetValue)) throw operandError(name, 1, a, "set");
      if (!(b instanceof SetValue)) throw operandError(name, 2, b, "set");
      budget.step(a.size + b.size);
      budget.allocate(48 * (a.size + b.size));
      return combine(a, b);
    },
  };
}

const numberOrSet = oneOf(numberType, setOf(anyType));

const minus: Builtin = {
  name: "minus",
  args: [numberOrSet, numberOrSet],
  result: numberOrSet,
  evaluate: ({ budget }, [a = null, b = null]) => {
    if (isNumeric(a) && isNumeric(b)) return subtract(a, b);
    if (a instanceof SetValue && b instanceof SetValue) {
      budget.step(a.size);
      budget.allocate(48 * a.size);
      return a.difference(b);
    }
    if (!isNumeric(a) && !(a instanceof SetValue)) throw operandError("minus", 1, a, "number", "set");
    throw operandError("minus", 2, b, isNumeric(a) ? "number" : "set");
  },
};

const member: Builtin = {
  name: "internal.member_2",
  args: [anyType, anyType],
  result: booleanType,
  evaluate: ({ budget }, [value = null, collection = null]) => {
    if (collection instanceof SetValue) return collection.has(value);
    const items = isArray(collection) ? collection : collection instanceof ObjectValue ? collection.values() : [];
    budget.step(1 + (items.length >> 3));
    return items.some((item) => equalValues(item, value));
  },
};

const memberWithKey: Builtin = {
  name: "internal.member_3",
  args: [anyType, anyType, anyType],
  result: booleanType,
  evaluate: (_, [key = null, value = null, collection = null]) => {
    if (collection instanceof SetValue) return equalValues(key, value) && collection.has(value);
    const item = isArray(collection)
      ? typeof key === "number"
        ? collection[key]
        : undefined
      : collection instanceof ObjectValue
        ? collection.get(key)
        : undefined;
    return item !== undefined && equalValues(item, value);
  },
};

const templateString: Builtin = {
  name: "internal.template_string",
  args: [arrayOf(anyType)],
  result: stringType,
  evaluate: ({ budget }, [parts = null]) => {
    if (!isArray(parts)) throw operandError("internal.template_string", 1, parts, "array");
    const texts = parts.map((part) => {
      if (!(part instanceof SetValue)) return typeof part === "string" ? part : formatValue(part);
      if (part.size > 1) throw regoError("eval_conflict_error", "template-strings must not produce multiple outputs");
      const [value] = part.values();
      return value === undefined
        ? "<undefined>"
        : typeof value === "string"
          ? value
          : formatValue(value, (length) => budget.allocate(2 * length));
    });
    budget.allocate(2 * texts.reduce((sum, text) => sum + text.length, 0));
    return texts.join("");
  },
};

/** Every operator of the language as a function. */
export const operatorBuiltins: readonly Builtin[] = [
  comparison("eq", (order) => order === 0),
  comparison("equal", (order) => order === 0),
  comparison("neq", (order) => order !== 0),
  comparison("lt", (order) => order < 0),
  comparison("lte", (order) => order <= 0),
  comparison("gt", (order) => order > 0),
  comparison("gte", (order) => order >= 0),
  arithmetic("plus", add),
  minus,
  arithmetic("mul", multiply),
  arithmetic("div", divide),
  arithmetic("rem", remainder),
  sets("and", (a, b) => a.intersection(b)),
  sets("or", (a, b) => a.union(b)),
  member,
  memberWithKey,
  templateString,
];
