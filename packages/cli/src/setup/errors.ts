import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `setup`. */
export const setupErrors = {
  SERVICE_DESCRIPTION_INVALID: {
    kind: "malformed",
    means: "A service is not described by the NAME=VALUE pairs that the flag demands.",
  },
  ROOT_CHECKSUM_MISMATCH: {
    kind: "verification",
    means: "The first root does not have the checksum that --root-checksum demands.",
  },
} as const;

/** Make an error of the room `setup`. */
export const setupError: ErrorMaker<typeof setupErrors> = defineErrors(setupErrors);
