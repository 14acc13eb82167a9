// The public surface of the room `rego`.
export {
  type Builtin,
  type BuiltinContext,
  type BuiltinRegistry,
  builtinError,
  builtinRegistry,
  elementError,
  operandError,
} from "./builtin.ts";
export { regoError, regoErrors } from "./errors.ts";
export {
  anyType,
  arrayOf,
  booleanType,
  nullType,
  numberType,
  objectOf,
  oneOf,
  setOf,
  stringType,
  structOf,
  type Type,
  tupleOf,
} from "./type.ts";
