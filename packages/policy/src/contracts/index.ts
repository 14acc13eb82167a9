// The public surface of the room `contracts`.
export { compilePolicies, contracts, evaluate, type JudgedDocument, type Judgement, judge } from "./contract.ts";
export { type InputType, inputTypes, policyInput } from "./cosign-input.ts";
export { contractError, contractErrors } from "./errors.ts";
export { languageOf } from "./language.ts";
export type { CompiledPolicies, Contract, EvaluateOptions, PolicyLanguage, PolicySource } from "./question.ts";
export type { Verdict, VerdictMessage } from "./verdict.ts";
