// What a delegation may say so that every client reads it alike: they match patterns in three different ways (tuf-root.md §5.6).
import { quote } from "../encoding/index.ts";
import { matchesPattern } from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";

/** The words of a delegation that clients match with. */
export interface DelegationWords {
  readonly name: string;
  readonly paths?: readonly string[];
  readonly pathHashPrefixes?: readonly string[];
}

/** Refuse, with TUF_REPOSITORY_DELEGATION, names and patterns that one client or another takes for something else. */
export function lintDelegation(words: DelegationWords): void {
  const { name, paths, pathHashPrefixes } = words;
  if (/^[0-9]+$/.test(name) || name in {} || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw refused(`name ${quote(name)}`, "letters, digits, dots and dashes, no number alone");
  if ((paths === undefined) === (pathHashPrefixes === undefined))
    throw refused(`${name} has both or neither of paths and hash prefixes`, "one of them");
  for (const pattern of paths ?? []) {
    if (
      /[[\]{}\\!()+@|]/.test(pattern) ||
      pattern.startsWith("/") ||
      pattern.startsWith("#") ||
      /(?:^|\/)\./.test(pattern) ||
      pattern === ""
    )
      throw refused(`pattern ${quote(pattern)}`, "plain segments with * and ? alone");
  }
  for (const prefix of pathHashPrefixes ?? [])
    if (!/^[0-9a-f]{1,64}$/.test(prefix)) throw refused(`hash prefix ${quote(prefix)}`, "lower-case hex");
}

/** Refuse, with TUF_REPOSITORY_PATH, a path that one client, server or bucket takes for another one. */
export function lintTargetPath(path: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(path)) return;
  throw tufRepositoryError("TUF_REPOSITORY_PATH", `Cannot list target ${quote(path)}: plain segments expected`, {
    found: path,
    expected: "letters, digits, dots, dashes and underscores between slashes, no segment that begins with a dot",
  });
}

/** For each pattern that an earlier role covers as well, a sentence: there the earlier one speaks, and alone if it is terminating. */
export function overlaps(roles: readonly (DelegationWords & { readonly terminating: boolean })[]): readonly string[] {
  return roles.flatMap((later, index) =>
    roles
      .slice(0, index)
      .flatMap((earlier) =>
        (later.paths ?? [])
          .filter((pattern) => earlier.paths?.some((other) => matchesPattern(other, pattern)) === true)
          .map(
            (pattern) =>
              `${later.name} shares ${pattern} with ${earlier.name}, which is asked before it${earlier.terminating ? " and ends the search" : ""}`,
          ),
      ),
  );
}

function refused(found: string, expected: string): Error {
  return tufRepositoryError("TUF_REPOSITORY_DELEGATION", `Cannot delegate: ${found}, ${expected} expected`, { found, expected });
}
