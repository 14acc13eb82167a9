// The public surface of the room `image-policy`.
export {
  limitsFor,
  type ResultSubject,
  type StatementSubject,
  type TextAnswer,
  TextAsker,
  type TextJudge,
  type TextQuestion,
} from "./ask-text.ts";
export {
  type AuthorityCheck,
  type CompiledAttestation,
  type CompiledAuthority,
  type CompiledPolicy,
  compileImagePolicy,
  type IdentityMatcher,
  type KeyCheck,
  type KeylessCheck,
  type PolicyResources,
} from "./compile.ts";
export {
  type AuthorityFound,
  type AuthorityOutcome,
  type DecisionReason,
  decidePolicy,
  type FoundAttestation,
  type FoundSignature,
  type PolicyDecision,
  type ResultExtras,
  reasonOf,
  refusalOf,
} from "./decide.ts";
export { defaultsOf, type PatchOperation } from "./defaulting.ts";
export { imagePolicyError, imagePolicyErrors } from "./errors.ts";
export type { FieldProblem, PolicyRules } from "./field-reader.ts";
export { type GlobMatch, type ImageName, isGlob, matchGlob } from "./glob.ts";
export type {
  Authority,
  ImagePolicy,
  KeyReference,
  LabelSelector,
  MatchRule,
  PolicyText,
  SignatureSource,
  WantedAttestation,
} from "./image-policy.ts";
export { isSelected, matchPolicy, type ResourceKind } from "./match.ts";
export { type PlacedText, parseImagePolicy, policyTexts, type ReadPolicy, readImagePolicy } from "./parse-policy.ts";
export { parseTrustRoot, type ReadTrustRoot, readTrustRoot, type TrustRootObject, type TrustRootSource } from "./trust-root.ts";
