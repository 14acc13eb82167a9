// Policies on disk: files and directories of them.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { languageOf, type PolicySource } from "@sigillum/policy/contracts";
import { policyError } from "./errors.ts";

const maxPolicyBytes = 4 << 20;

/** Read the policies that `--policy` names, in order; a directory gives all that it holds, by name. */
export async function readPolicies(paths: readonly string[]): Promise<readonly PolicySource[]> {
  const sources: PolicySource[] = [];
  for (const path of paths) for (const file of await filesOf(path)) sources.push(await readPolicy(file));
  return sources;
}

async function filesOf(path: string): Promise<readonly string[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw unreadable(path, cause);
    },
  );
  if (!isFolder) return [path];
  const names = (await readdir(path)).filter((name) => /\.(?:cue|rego)$/.test(name) && !/_test\.rego$/.test(name));
  if (names.length > 0) return names.sort().map((name) => join(path, name));
  throw policyError("POLICY_UNREADABLE", `Cannot read policies: ${path} has no .cue or .rego file`, {
    found: "no policy",
    expected: "a file NAME.cue or NAME.rego",
  });
}

/** Read one policy file. */
export async function readPolicy(file: string): Promise<PolicySource> {
  const language = languageOf(file);
  try {
    const bytes = await readFile(file);
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
