import { isSigillumError } from "@sigillum/library/encoding";
import { exitCodeOf } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

/** What to try next, by code; the first that matches. A room's own sentence in the error goes before. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/^HTTP_(UNREACHABLE|TIMEOUT)$/, 'see whether the service runs ("sigillum serve" starts one) and whether the address is right'],
  [/^HTTP_TLS_UNTRUSTED$/, "a private CA is trusted through NODE_EXTRA_CA_CERTS=FILE"],
  [/^TRUST_NOT_FOUND$/, '"sigillum trust add URL" fetches and pins a trust root; --trust NAME chooses one'],
  [/^OCI_UNAUTHORIZED$/, '"docker login REGISTRY" stores credentials that sigillum finds'],
  [/^IMAGE_NO_SIGNATURES$/, '"sigillum sign IMAGE" makes a signature'],
  [/^PORT_TAKEN$/, "stop what listens there, or change the port in sigillum.yaml"],
  [
    /^LOG_STATE_BEHIND_CHECKPOINT$/,
    'put the newest data directory back; if there is none, "sigillum restore BACKUP --data DIR" goes on from a backup in new shards',
  ],
  [/^COMMAND_UNKNOWN$/, '"sigillum --help" lists the commands'],
  [/^(FLAG|FLAGS|ARGUMENT)_/, '"sigillum COMMAND --help" shows how it is used'],
];

const maxCauses = 4;

/**
 * Tell why a command failed and return its exit code: the message, what was found and expected, what to try next, the code.
 * Errors that are not ours are defects and show their stack.
 */
export function reportError(terminal: Terminal, error: unknown): number {
  const exitCode = exitCodeOf(error);
  if (!isSigillumError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (terminal.format === "json") terminal.json({ error: { code: "UNEXPECTED", message: text.split("\n")[0] }, exitCode });
    terminal.note(`Error: sigillum failed unexpectedly; this is a defect, please report it\n${text}`);
    return exitCode;
  }
  const hint = hints.find(([pattern]) => pattern.test(error.code))?.[1];
  if (terminal.format === "json") {
    const { code, kind, message, found, expected } = error;
    terminal.json({ error: { code, kind, message, found, expected, causes: causesOf(error), tryNext: hint }, exitCode });
    return exitCode;
  }
  terminal.note(`Error: ${error.message}`);
  for (const cause of causesOf(error)) if (!error.message.includes(cause)) terminal.note(`  because   ${cause}`);
  if (worthShowing(error.found, error.message)) terminal.note(`  found     ${error.found}`);
  if (worthShowing(error.expected, error.message)) terminal.note(`  expected  ${error.expected}`);
  if (hint !== undefined) terminal.note(`  try       ${hint}`);
  terminal.note(`  code      ${error.code}`);
  return exitCode;
}

function worthShowing(value: string | undefined, message: string): value is string {
  return value !== undefined && value !== "" && !message.includes(value);
}

function causesOf(error: Error): string[] {
  const causes: string[] = [];
  for (let cause: unknown = error.cause; cause instanceof Error && causes.length < maxCauses; cause = cause.cause) {
    if (cause.message !== "" && !causes.includes(cause.message)) causes.push(cause.message);
  }
  return causes;
}
