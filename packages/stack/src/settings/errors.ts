// The codes of the room `settings`: what can be wrong with sigillum.yaml and with the data directory.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  SETTINGS_MALFORMED: { kind: "malformed", means: "sigillum.yaml is no YAML document of settings, or larger than the limit." },
  SETTINGS_UNKNOWN_NAME: {
    kind: "malformed",
    means: "sigillum.yaml names a setting that does not exist; the message names the nearest one.",
  },
  SETTINGS_INVALID: { kind: "malformed", means: "A setting has the wrong type or a value outside what is allowed." },
  SETTINGS_PORT_CONFLICT: { kind: "malformed", means: "Two services are to listen on the same address and port." },
  DEVELOPMENT_USER_NOT_LOOPBACK: {
    kind: "state",
    means:
      "The development user signs in without a password, so it is refused where the identity provider listens beyond loopback.",
  },
  DATA_DIRECTORY_NOT_FOUND: { kind: "state", means: "The data directory does not exist or is empty: `sigillum init` makes it." },
  DATA_DIRECTORY_FOREIGN: {
    kind: "state",
    means: "The directory holds files and was not made by Sigillum, so nothing is written into it.",
  },
  DATA_DIRECTORY_NEWER: { kind: "state", means: "The data directory was written by a newer Sigillum than this one can read." },
  DATA_DIRECTORY_INITIALISED: {
    kind: "state",
    means: "The directory is a Sigillum data directory already, so `init` leaves it alone.",
  },
  DATA_DIRECTORY_UNREADABLE: {
    kind: "state",
    means: "The data directory, or a file of settings, cannot be read with this user's rights.",
  },
  PORT_UNAVAILABLE: { kind: "state", means: "No free port could be had on the loopback addresses." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const settingsErrors: ErrorTable = table;

/** Make an error of this room. */
export const settingsError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
