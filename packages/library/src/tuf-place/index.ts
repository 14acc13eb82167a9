export { type DirectoryOptions, directoryPlace, readOptional } from "./directory-place.ts";
export { type EventFolderErrorCode, eventFolderError, eventFolderErrors } from "./errors.ts";
export { readEventFolder, writeEventFolder } from "./event-folder.ts";
export { openPlace, type PlaceOptions } from "./open-place.ts";
export { lockName } from "./place-lock.ts";
