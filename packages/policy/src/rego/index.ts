// The public surface of the room `rego`.

export type { Dialect } from "./ast.ts";
export {
  type Builtin,
  type BuiltinContext,
  type BuiltinRegistry,
  builtinError,
  builtinRegistry,
  elementError,
  operandError,
} from "./builtin.ts";
export type { CompileOptions, Source } from "./compile.ts";
export { regoError, regoErrors } from "./errors.ts";
export { operatorBuiltins } from "./operators.ts";
export { compile, Policy, type PreparedQuery, type QueryOptions, type QueryResult } from "./policy.ts";
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
} from "./static-type.ts";
