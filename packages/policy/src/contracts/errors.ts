// The codes of the room `contracts`.
import { defineErrors, type ErrorMaker } from "../values/index.ts";

/** Every error code of this room. */
export const contractErrors = {
  CONTRACT_NO_POLICY: { kind: "malformed", means: "A contract is asked without a single policy." },
  CONTRACT_NO_DOCUMENT: {
    kind: "verification",
    means: "Policies are asked about documents of a type, and there is none of that type.",
  },
  CONTRACT_LANGUAGE_UNKNOWN: { kind: "malformed", means: "A policy file is named neither .cue nor .rego." },
  CONTRACT_CUE_UNSATISFIED: { kind: "verification", means: "The document does not fit a CUE policy; the message says where." },
  CONTRACT_FIELD_ABSENT: {
    kind: "verification",
    means: "A CUE policy names a field that the document lacks; only the strict contract asks.",
  },
  CONTRACT_REGO_NOT_TRUE: { kind: "verification", means: "The rule that a Rego policy must make true has another value." },
  CONTRACT_REGO_UNDEFINED: {
    kind: "verification",
    means: "The rule that a Rego policy must make true has no value: nothing fired, or the package or rule has another name.",
  },
  CONTRACT_REGO_NOT_COMPLIANT: {
    kind: "verification",
    means: "A Rego policy for policy-controller says, in its set of results, that the document is not compliant.",
  },
  CONTRACT_REGO_RESULT_MALFORMED: {
    kind: "verification",
    means: "A Rego policy gives a value that its contract does not know how to read.",
  },
  CONTRACT_REGO_VIOLATION: { kind: "verification", means: "A Rego policy for the strict contract names a violation." },
  CONTRACT_STATEMENT_MALFORMED: { kind: "malformed", means: "A statement is not an object, or has a part of the wrong form." },
  CONTRACT_PREDICATE_MALFORMED: {
    kind: "malformed",
    means: "A predicate lacks, or has in another form, what its predicate type demands.",
  },
} as const;

/** Make an error of this room. */
export const contractError: ErrorMaker<typeof contractErrors> = defineErrors(contractErrors);
