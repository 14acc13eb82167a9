// Policies on disk: files and directories of them.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PolicyLanguage, PolicySource } from "@sigillum/policy/contracts";
import { policyError } from "./errors.ts";

const maxPolicyBytes = 4 << 20;

/** Read the policies that `--policy` names, in order; a directory gives all that it holds, by name. */
export function readPolicies(paths: readonly string[]): readonly PolicySource[] {
  return paths.flatMap((path) => filesOf(path).map(readPolicy));
}

function filesOf(path: string): readonly string[] {
  if (!isFolder(path)) return [path];
  const names = readdirSync(path).filter((name) => /\.(?:cue|rego)$/.test(name) && !/_test\.rego$/.test(name));
  if (names.length > 0) return names.sort().map((name) => join(path, name));
  throw policyError("POLICY_UNREADABLE", `Cannot read policies: ${path} has no .cue or .rego file`, {
    found: "no policy",
    expected: "a file NAME.cue or NAME.rego",
  });
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Read one policy file. */
export function readPolicy(file: string): PolicySource {
  const language = languageOf(file);
  try {
    const bytes = readFileSync(file);
    if (bytes.length > maxPolicyBytes)
      throw new RangeError(`it has ${bytes.length} bytes, and at most ${maxPolicyBytes} are read`);
    return { language, file, source: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(path: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return policyError("POLICY_UNREADABLE", `Cannot read policy ${path}: ${why}`, { cause, found: path });
}

// As the contracts' own function of this name says it; to ask that one would load both languages.
function languageOf(file: string): PolicyLanguage {
  if (file.endsWith(".cue")) return "cue";
  if (file.endsWith(".rego")) return "rego";
  throw policyError("POLICY_LANGUAGE_UNKNOWN", `Cannot read policy ${file}: invalid policy format, expected .cue or .rego`, {
    found: file,
    expected: ".cue or .rego",
  });
}
