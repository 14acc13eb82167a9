// Runs other people's programs to their end.
import { spawn } from "node:child_process";

/** What a program did. */
export interface Outcome {
  readonly exit: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and how a program runs. The environment is the given one and PATH alone, so that no setting of this machine's user leaks in. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Run a program to its end. It is ended when it takes longer than the timeout; that is an outcome too. */
export function runProgram(
  path: string,
  args: readonly string[],
  { env = {}, cwd, timeoutMs = 60_000 }: RunOptions = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      ...(cwd === undefined ? {} : { cwd }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ exit: code ?? signal ?? "SIGKILL", stdout, stderr }));
  });
}

/** Run a program that must succeed; its stdout. Throws with its command line and its last words. */
export async function expectSuccess(path: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await runProgram(path, args, options);
  if (outcome.exit === 0) return outcome.stdout;
  throw new Error(
    `${[path, ...args.map(shorten)].join(" ")} ended with ${outcome.exit}\n${lastLines(`${outcome.stdout}\n${outcome.stderr}`)}`,
  );
}

// a token on a command line would fill the report
function shorten(arg: string): string {
  return arg.length > 200 ? `${arg.slice(0, 20)}…` : arg;
}

function lastLines(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-25)
    .join("\n");
}
