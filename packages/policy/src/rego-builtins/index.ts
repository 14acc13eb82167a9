// The public surface of the room `rego-builtins`.
export { regoBuiltins } from "./registry.ts";
