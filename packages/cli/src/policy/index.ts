// Policies at the command line: what verify-attestation enforces, and the commands test, eval, fmt and new.
export { type Enforcement, loadPolicies } from "./enforce.ts";
export { policyError, policyErrors } from "./errors.ts";
export { runPolicyEval } from "./eval.ts";
export { formatPolicy, runPolicyFmt } from "./fmt.ts";
export { type Input, inputsIn } from "./inputs.ts";
export { runPolicyNew } from "./new.ts";
export { readPolicies } from "./sources.ts";
export { valueAt } from "./tell.ts";
export { type TemplateKind, templateFor, templateKinds } from "./templates.ts";
export { type FetchAttestations, runPolicyTest } from "./test.ts";
