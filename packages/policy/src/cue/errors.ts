// The codes of the room `cue`.
import { defineErrors, type ErrorMaker } from "../values/index.ts";

/** Every error code of this room. */
export const cueErrors = {
  CUE_SYNTAX: { kind: "malformed", means: "A policy is not CUE as its grammar writes it." },
  CUE_UNSUPPORTED: {
    kind: "malformed",
    means: "A policy uses a construct of CUE that is outside the subset; the message names it.",
  },
  CUE_UNRESOLVED_REFERENCE: { kind: "malformed", means: "A policy refers to a name that no enclosing scope declares." },
  CUE_IMPORT: { kind: "malformed", means: "A policy imports a package that is unknown, twice declared or not used." },
  CUE_PACKAGE_MISMATCH: { kind: "malformed", means: "The files of a policy belong to different packages." },
  CUE_EVALUATION: { kind: "verification", means: "A policy has a value that is an error: the message names it and its path." },
  CUE_INCOMPLETE: { kind: "verification", means: "A value that must be concrete is not." },
} as const;

/** Make an error of this room. */
export const cueError: ErrorMaker<typeof cueErrors> = defineErrors(cueErrors);
