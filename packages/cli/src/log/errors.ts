import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `log`: what stands between a command and a transparency log. */
export const logCommandErrors = {
  LOG_NOT_NAMED: { kind: "state", means: "Neither a flag nor a trust root names a transparency log." },
  LOG_KEY_UNKNOWN: {
    kind: "verification",
    means: "The log signs with a key that the trust root does not have; whoever answers there is not believed.",
  },
  LOG_NOTHING_FOUND: { kind: "state", means: "The log was asked and has nothing of what was looked for." },
  LOG_SEARCH_UNSUPPORTED: { kind: "state", means: "A log with the API of Rekor v2 cannot be searched; it can be read." },
  LOG_PROPOSAL_INVALID: { kind: "malformed", means: "The flags or files do not make an entry of the wanted kind." },
  LOG_ANSWER_FALSE: {
    kind: "verification",
    means: "What the log answered contradicts itself or what was asked: id, body, proof, checkpoint or promise.",
  },
  LOG_REWRITTEN: {
    kind: "verification",
    means: "The log is not an extension of what it showed before: it shrank, changed, or a shard is gone. Keep the evidence.",
  },
  LOG_MEMORY_UNREADABLE: { kind: "state", means: "The file that remembers what a log showed before cannot be read or written." },
  LOG_DAMAGED: { kind: "state", means: "The check of a log found differences, which the report lists." },
} as const;

/** Make an error of the room `log`. */
export const logCommandError: ErrorMaker<typeof logCommandErrors> = defineErrors(logCommandErrors);
