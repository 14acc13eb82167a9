// Questions to a person, in cosign's words and with its answers (signing-client §1.3).
import { concatBytes } from "@sigillum/library/encoding";
import { terminalError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

const maxPasswordBytes = 64 * 1024;

/** Ask whether to go on: `y` goes on, anything else is PROMPT_DECLINED; `yes` answers for the person. */
export async function confirm(terminal: Terminal, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  const answer = ((await terminal.ask(`${question} [y/N] `)) ?? "").trim();
  if (/^(?:y|yes)$/i.test(answer)) return;
  throw terminalError("PROMPT_DECLINED", "Cannot go on: user declined the prompt; --yes answers for you", {
    found: answer === "" ? "no answer" : answer.slice(0, 20),
    expected: "y",
  });
}

/**
 * A private key's password: $COSIGN_PASSWORD, which may be empty; else asked for on a terminal, twice for a new one; else all of stdin.
 */
export async function readPassword(
  terminal: Terminal,
  env: Readonly<Record<string, string | undefined>>,
  fresh: boolean = false,
): Promise<string> {
  const given = env["COSIGN_PASSWORD"];
  if (given !== undefined) return given;
  if (!terminal.stdinIsTTY) return await readAll(terminal);
  const password = (await terminal.ask("Enter password for private key: ", { secret: true })) ?? "";
  if (!fresh) return password;
  const again = (await terminal.ask("Enter password for private key again: ", { secret: true })) ?? "";
  if (again !== password) throw terminalError("PASSWORD_MISMATCH", "Cannot make key: the two passwords differ");
  return password;
}

/** A PIV token's PIN: $SIGILLUM_PIV_PIN, else asked for; then whoever sits there is told that the token may want a touch. */
export async function readPin(terminal: Terminal, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const given = env["SIGILLUM_PIV_PIN"];
  if (given !== undefined && given !== "") return given;
  const pin = (await terminal.ask("Enter PIN for security key: ", { secret: true })) ?? "";
  terminal.note("Please tap security key...");
  return pin;
}

async function readAll(terminal: Terminal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of terminal.stdin) {
    length += chunk.length;
    if (length > maxPasswordBytes) break;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(concatBytes(...chunks)).replace(/\r?\n$/, "");
}
