import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** The codes of the room `services`, with what each means. */
export const serviceErrors = {
  SERVICE_UNAVAILABLE: {
    kind: "unavailable",
    means: "A service did not answer, or answered that it cannot now; asking again later may help.",
  },
  SERVICE_REFUSED: {
    kind: "verification",
    means: "A service answered that it does not do what was asked; asking again will not help.",
  },
  SERVICE_ANSWER: { kind: "unavailable", means: "A service's answer is not what its protocol says." },
  SERVICE_ANSWER_MISMATCH: {
    kind: "verification",
    means: "A service's answer is about something other than what was sent to it.",
  },
} as const;

/** Make an error of the room `services`. */
export const serviceError: ErrorMaker<typeof serviceErrors> = defineErrors(serviceErrors);
