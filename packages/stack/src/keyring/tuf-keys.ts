// The keys of the published root of trust: `tuf-root`, then `tuf-root-2` and so on, a line of successors for each role.
import type { Signer } from "@sigillum/library/crypto";
import type { KeyName, KeyRecord, KeyringDocument } from "./document.ts";
import { makeRecordedKey } from "./key-files.ts";

/** The names of a role's keys, oldest first. */
export function tufKeyNames(document: KeyringDocument, role: string): readonly KeyName[] {
  const number = (name: string): number => Number(name.slice(`tuf-${role}-`.length) || "1");
  const form = new RegExp(`^tuf-${role}(?:-[1-9][0-9]{0,5})?$`, "u");
  const names = document.keys.map(({ name }) => name).filter((name) => form.test(name));
  return names.sort((a, b) => number(a) - number(b));
}

/** Makes the next key of a role, where the stack keeps its keys; it is durable when this returns, and not recorded. */
export async function makeTufKey(
  directory: string,
  document: KeyringDocument,
  role: string,
): Promise<{ readonly record: KeyRecord; readonly signer: Signer }> {
  const newest = tufKeyNames(document, role).at(-1)?.slice(`tuf-${role}-`.length);
  const name = newest === undefined ? `tuf-${role}` : `tuf-${role}-${Number(newest || "1") + 1}`;
  return makeRecordedKey(directory, name, ["ecdsa-p256"], document);
}
