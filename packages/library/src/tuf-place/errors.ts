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
  TUF_PLACE_BUSY: {
    kind: "state",
    means: "Somebody else publishes to the same directory or bucket, or this publication took so long that somebody may.",
  },
  TUF_PLACE_CHANGED: {
    kind: "state",
    means: "A file that changes at each publication is not as it was read: somebody else published.",
  },
  TUF_PLACE_UNGUARDED: {
    kind: "state",
    means: "An object store passes conditions over, so that two publications at once would not notice each other.",
  },
  TUF_EVENT_FOLDER: { kind: "state", means: "A folder holds no ceremony event, or already one, or cannot be read." },
} as const;

/** A code of the room `tuf-place`. */
export type EventFolderErrorCode = keyof typeof eventFolderErrors;

/** Make an error of the room `tuf-place`. */
export const eventFolderError: ErrorMaker<typeof eventFolderErrors> = defineErrors(eventFolderErrors);
