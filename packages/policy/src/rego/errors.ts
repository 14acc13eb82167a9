// The codes of the room `rego`: OPA's own names, so that a policy author finds them in OPA's documentation.
import { defineErrors, type ErrorMaker } from "../values/index.ts";

/** Every error code of this room. */
export const regoErrors = {
  rego_parse_error: { kind: "malformed", means: "A policy is not written in the dialect of Rego that was asked for." },
  rego_compile_error: { kind: "malformed", means: "A policy breaks a rule of the language that is checked before evaluation." },
  rego_type_error: { kind: "malformed", means: "A policy calls, compares or defines something with values it can never have." },
  rego_unsafe_var_error: { kind: "malformed", means: "A variable of a policy can have no value when it is needed." },
  rego_recursion_error: { kind: "malformed", means: "A rule of a policy needs its own value." },
  eval_conflict_error: {
    kind: "verification",
    means: "A complete rule, a function or a key of an object has two different values.",
  },
  eval_builtin_error: {
    kind: "verification",
    means: "A built-in function failed, and errors were asked for instead of undefined.",
  },
  eval_type_error: {
    kind: "verification",
    means: "A built-in function was given a value of the wrong type, and errors were asked for instead of undefined.",
  },
  eval_internal_error: { kind: "verification", means: "A query needs something that its caller did not give, such as the time." },
} as const;

/** Make an error of this room. */
export const regoError: ErrorMaker<typeof regoErrors> = defineErrors(regoErrors);
