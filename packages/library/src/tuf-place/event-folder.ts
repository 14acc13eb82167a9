// A ceremony event as a folder of this machine.
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { equalBytes } from "../encoding/index.ts";
import { type CeremonyEvent, encodeEvent, eventLimits, parseEvent } from "../tuf-repository/index.ts";
import { readOptional, replaceFile } from "./directory-place.ts";
import { hasErrno } from "./errno.ts";
import { eventFolderError } from "./errors.ts";

const parts = ["live", "proposed", "targets", "keys"] as const;

/** Read an event from its folder; throws TUF_EVENT_FOLDER where there is none, TUF_EVENT_MALFORMED where it is none. Nothing is verified. */
export async function readEventFolder(directory: string): Promise<CeremonyEvent> {
  const files = await readFiles(directory);
  if (files.has("event.json")) return parseEvent(files);
  throw eventFolderError("TUF_EVENT_FOLDER", `Cannot read event: ${directory} holds no event.json`, {
    found: directory,
    expected: "the folder of an event",
  });
}

/** Write an event to its folder: files that changed are replaced one by one, those that it has no more are removed. */
export async function writeEventFolder(directory: string, event: CeremonyEvent): Promise<void> {
  await mkdir(directory, { recursive: true });
  const files = encodeEvent(event);
  const before = await readFiles(directory);
  for (const [path, bytes] of files) {
    const present = before.get(path);
    if (present === undefined || !equalBytes(present, bytes)) await replaceFile(join(directory, path), bytes);
  }
  for (const path of before.keys()) if (!files.has(path)) await rm(join(directory, path));
}

/** The files that an event may have; others in the folder, a note or a system's own, are left alone. */
async function readFiles(directory: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const head = await readOptional(join(directory, "event.json"));
  if (head !== undefined) files.set("event.json", head);
  for (const part of parts) {
    const names = (await namesIn(join(directory, part))).filter((name) => !name.startsWith(".") && !name.endsWith(".tmp"));
    if (files.size + names.length > eventLimits.files) {
      throw eventFolderError("TUF_EVENT_FOLDER", `Cannot read event: ${directory} has over ${eventLimits.files} files`, {
        found: String(files.size + names.length),
        expected: `<= ${eventLimits.files}`,
      });
    }
    for (const name of names) files.set(`${part}/${name}`, await readFile(join(directory, part, name)));
  }
  return files;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  } catch (cause) {
    if (hasErrno(cause, "ENOENT")) return [];
    throw cause;
  }
}
