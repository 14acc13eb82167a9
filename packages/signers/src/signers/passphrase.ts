// Where passphrases come from when nobody is asked: the environment, or a file that it names.
import { readFile } from "node:fs/promises";
import { quote } from "@sigillum/library/encoding";
import { signersError } from "./errors.ts";

/** The variables that are looked at, in this order; the last two are cosign's and its own name in CI systems. */
export const passphraseVariables = ["SIGILLUM_PASSPHRASE", "SIGILLUM_PASSPHRASE_FILE", "COSIGN_PASSWORD"] as const;

const maxPassphraseBytes = 4096;

/**
 * The passphrase that the environment gives; undefined where it gives none. A file's last line break does not belong to it. An empty
 * variable is an empty passphrase, as cosign has it.
 */
export async function passphraseFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const own = environment["SIGILLUM_PASSPHRASE"];
  if (own !== undefined) return own;
  const path = environment["SIGILLUM_PASSPHRASE_FILE"];
  if (path === undefined || path === "") return environment["COSIGN_PASSWORD"];
  try {
    const text = await readFile(path, "utf8");
    if (text.length <= maxPassphraseBytes) return text.replace(/\r?\n$/u, "");
  } catch (cause) {
    throw signersError("SIGNER_PASSPHRASE_MISSING", `Cannot read passphrase: the file ${quote(path)} cannot be read`, { cause });
  }
  throw signersError("SIGNER_PASSPHRASE_MISSING", `Cannot read passphrase: the file ${quote(path)} is longer than any`, {
    expected: `at most ${maxPassphraseBytes} characters`,
  });
}
