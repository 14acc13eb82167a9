// The public surface of the room `rego`.

export type { Dialect, Module } from "./ast.ts";
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
export { moduleJson } from "./module-json.ts";
export { operatorBuiltins } from "./operators.ts";
export { parseModule } from "./parse-module.ts";
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
