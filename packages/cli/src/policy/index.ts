// Policies at the command line: what verify-attestation enforces, and the commands test, eval, fmt and new. Whoever loads this room loads
// neither language: `run.ts` brings what a command needs.
export type { Enforcement } from "./enforce.ts";
export { policyError, policyErrors } from "./errors.ts";
export { formatPolicy, runPolicyFmt } from "./fmt.ts";
export { loadPolicies, runPolicyEval, runPolicyNew, runPolicyTest } from "./run.ts";
export type { FetchAttestations } from "./test.ts";
