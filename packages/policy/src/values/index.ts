// The public surface of the room `values`.
export { add, bitLength, divide, multiply, remainder, roundToBinary, subtract } from "./binary-float.ts";
export { Budget, type BudgetLimits } from "./budget.ts";
export { dayNames, dayOfYear, daysIn, monthNames, secondNs, toUnix, toWall, type Wall, weekday } from "./calendar.ts";
export {
  addExact,
  canonicalNumber,
  compareNumbers,
  Decimal,
  decimalParts,
  digitCount,
  divideRounded,
  formatNumber,
  fromDouble,
  maxNumberDigits,
  maxReadExponent,
  multiplyExact,
  type Numeric,
  negate,
  numeric,
  parseNumber,
  plainInteger,
  roundToDigits,
  subtractExact,
  toBigInt,
  toDouble,
} from "./decimal.ts";
export { parseDuration } from "./duration.ts";
export { valuesError, valuesErrors } from "./errors.ts";
export { formatValue, quoteGo } from "./format.ts";
export { encodeJson, encodeJsonString, type JsonLimits, type JsonStyle, parseJson } from "./json.ts";
export {
  defineErrors,
  type ErrorFields,
  type ErrorKind,
  type ErrorMaker,
  type ErrorTable,
  formatPosition,
  isPolicyError,
  PolicyError,
  type Position,
  quote,
} from "./policy-error.ts";
export type { Extent } from "./raw-object.ts";
export { compileRegex, maxPatternLength, quoteRegex, Regex, RegexCache, type RegexMatch, type Spend } from "./re2.ts";
export { formatTime, type Moment, namedLayouts, parseTime } from "./time-layout.ts";
export {
  type ArrayValue,
  compareStrings,
  compareValues,
  equalValues,
  isArray,
  isNumeric,
  kindOf,
  type MapKey,
  mapKey,
  ObjectBuilder,
  ObjectValue,
  SetBuilder,
  SetValue,
  type Value,
  type ValueKind,
} from "./value.ts";
