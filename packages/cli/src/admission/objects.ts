// Kubernetes objects from files: YAML of any number of documents, or JSON; lists are taken apart.
import { readFile } from "node:fs/promises";
import type { JsonValue } from "@sigillum/library/encoding";
import { parseAllDocuments } from "yaml";
import { admissionCliError } from "./errors.ts";

const maxBytes = 16 * 1024 * 1024;
const maxAliases = 100;

/** The objects in a file. */
export async function readObjects(path: string): Promise<JsonValue[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw unreadable(path, cause instanceof Error ? cause.message : String(cause));
  });
  if (text.length > maxBytes) throw unreadable(path, `it has more than ${maxBytes} characters`);
  const documents = parseAllDocuments(text, { strict: true, uniqueKeys: true, version: "1.2", merge: false });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw unreadable(path, problem.message.split("\n")[0] ?? "");
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: maxAliases });
    } catch (cause) {
      throw unreadable(path, cause instanceof Error ? cause.message : "its aliases do not resolve");
    }
    if (value === null || value === undefined) return [];
    // through JSON, so that nothing but JSON's values is left
    const object: JsonValue = JSON.parse(JSON.stringify(value));
    return isList(object) ? object.items : [object];
  });
}

function isList(value: JsonValue): value is { items: JsonValue[] } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Array.isArray(value["items"]);
}

function unreadable(path: string, reason: string): Error {
  return admissionCliError("POLICY_TEST_FILE_UNREADABLE", `Cannot read Kubernetes objects from ${path}: ${reason}`, {
    found: path,
  });
}
