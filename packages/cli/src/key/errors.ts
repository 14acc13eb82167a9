import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `key`: keys that a command names. */
export const keyErrors = {
  KEY_UNREADABLE: { kind: "state", means: "The key that a flag names cannot be read: no such file, variable or address." },
  KEY_FORMAT: { kind: "malformed", means: "What a key reference leads to holds no key of a kind that is read." },
  KEY_UNWRITABLE: { kind: "state", means: "The file of a key cannot be written." },
} as const;

/** Make an error of the room `key`. */
export const keyError: ErrorMaker<typeof keyErrors> = defineErrors(keyErrors);
