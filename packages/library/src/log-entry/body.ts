// The body of a log entry, of any kind that is verified here.
import { quote } from "../encoding/index.ts";
import { readExact } from "./body-json.ts";
import { type DsseV001, encodeDsseV001, readDsseV001 } from "./dsse-v001.ts";
import { logEntryError } from "./errors.ts";
import { encodeHashedRekordV001, type HashedRekordV001, readHashedRekordV001 } from "./hashedrekord-v001.ts";
import { encodeHashedRekordV002, type HashedRekordV002, readHashedRekordV002 } from "./hashedrekord-v002.ts";
import { type IntotoV001, readIntotoV001 } from "./intoto-v001.ts";
import { type IntotoV002, readIntotoV002 } from "./intoto-v002.ts";

/** The fields of an entry's body. */
export type LogEntryBody = HashedRekordV001 | HashedRekordV002 | DsseV001 | IntotoV001 | IntotoV002;

/** A body that can be written. */
export type EncodableBody = HashedRekordV001 | HashedRekordV002 | DsseV001;

/** What an entry says it is, outside its body. */
export interface KindVersion {
  readonly kind: string;
  readonly version: string;
}

/** Read the body of an entry, whose kind and version must be those announced. Nothing was verified or compared. */
export function parseLogEntryBody(body: Uint8Array, announced?: KindVersion): LogEntryBody {
  const object = readExact(body, "ENTRY_BODY_MALFORMED", "entry body");
  object.onlyNames(["apiVersion", "kind", "spec"]);
  const kind = object.string("kind");
  const version = object.string("apiVersion");
  if (announced !== undefined && (announced.kind !== kind || announced.version !== version)) {
    const [found, expected] = [`${kind} ${version}`, `${announced.kind} ${announced.version}`];
    throw logEntryError(
      "ENTRY_KIND_MISMATCH",
      `Cannot accept entry: its body is ${quote(found)}, announced as ${quote(expected)}`,
      { found, expected },
    );
  }
  const spec = object.object("spec");
  switch (`${kind} ${version}`) {
    case "hashedrekord 0.0.1":
      return readHashedRekordV001(spec, "ENTRY_BODY_MALFORMED");
    case "hashedrekord 0.0.2":
      return readHashedRekordV002(spec);
    case "dsse 0.0.1":
      return readDsseV001(spec);
    case "intoto 0.0.1":
      return readIntotoV001(spec);
    case "intoto 0.0.2":
      return readIntotoV002(spec);
    default:
      throw logEntryError(
        "ENTRY_KIND_UNKNOWN",
        `Cannot accept entry: kind ${quote(kind)} version ${quote(version)} is not known`,
        { found: quote(`${kind} ${version}`) },
      );
  }
}

/** Write the body of an entry as the log stores it. */
export function encodeLogEntryBody(entry: EncodableBody): Uint8Array {
  if (entry.kind === "dsse") return encodeDsseV001(entry);
  return entry.version === "0.0.1" ? encodeHashedRekordV001(entry) : encodeHashedRekordV002(entry);
}
