// Which language a policy is of: apart from the languages, so that whoever asks loads neither.
import { quote } from "../values/index.ts";
import { contractError } from "./errors.ts";
import type { PolicyLanguage } from "./question.ts";

/** The language of a policy file by its extension; cosign's sentence for any other. */
export function languageOf(file: string): PolicyLanguage {
  if (file.endsWith(".cue")) return "cue";
  if (file.endsWith(".rego")) return "rego";
  throw contractError(
    "CONTRACT_LANGUAGE_UNKNOWN",
    `Cannot read policy ${quote(file)}: invalid policy format, expected .cue or .rego`,
    {
      found: file,
      expected: ".cue or .rego",
    },
  );
}
