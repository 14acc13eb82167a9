import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Codes of the room `tuf-place`. */
export const eventFolderErrors = {
  TUF_PLACE_READ_ONLY: {
    kind: "state",
    means: "A repository cannot be published to an address that is only read, such as a web server.",
  },
  TUF_PLACE_UNAVAILABLE: {
    kind: "unavailable",
    means: "The server of a repository answers with something else than a file or its absence.",
  },
  TUF_EVENT_FOLDER: { kind: "state", means: "A folder holds no ceremony event, or already one, or cannot be read." },
} as const;

/** A code of the room `tuf-place`. */
export type EventFolderErrorCode = keyof typeof eventFolderErrors;

/** Make an error of the room `tuf-place`. */
export const eventFolderError: ErrorMaker<typeof eventFolderErrors> = defineErrors(eventFolderErrors);
