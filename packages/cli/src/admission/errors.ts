import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `admission` of the command line. */
export const admissionCliErrors = {
  POLICY_TEST_FILE_UNREADABLE: {
    kind: "malformed",
    means: "A file with Kubernetes objects cannot be read, or is no YAML or JSON.",
  },
  POLICY_TEST_NOTHING: { kind: "malformed", means: "A test of policies names no policy, or no image and no resource to judge." },
} as const;

/** Make an error of this room. */
export const admissionCliError: ErrorMaker<typeof admissionCliErrors> = defineErrors(admissionCliErrors);
