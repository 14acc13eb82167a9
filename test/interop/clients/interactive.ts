// Programs that want a person: what they print is watched, what they ask is answered, and the browser that they open is a file with the address.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** A program that was started. */
export interface Interactive {
  /** Wait until it has printed `pattern`; the match. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** The address that it opened in a browser. */
  opens(): Promise<string>;
  /** Type a line. */
  type(line: string): void;
  /** Wait for its end; throws with what it said unless it succeeded. */
  succeeds(): Promise<string>;
}

const waitMs = 60_000;

/** Start a program whose browser is a file below `home`. With `browser` false it finds none. */
export async function startInteractive(
  path: string,
  args: readonly string[],
  {
    home,
    env = {},
    browser = true,
  }: { readonly home: string; readonly env?: Readonly<Record<string, string>>; readonly browser?: boolean },
): Promise<Interactive> {
  const visited = join(home, "visited-url");
  rmSync(visited, { force: true });
  const bin = join(home, "bin");
  await mkdir(bin, { recursive: true });
  for (const name of ["xdg-open", "x-www-browser", "www-browser"]) {
    const script = browser
      ? `#!/bin/sh\nprintf '%s' "$1" > '${visited}.part' && mv '${visited}.part' '${visited}'\n`
      : "#!/bin/sh\nexit 3\n";
    await writeFile(join(bin, name), script);
    await chmod(join(bin, name), 0o755);
  }
  const child = spawn(path, args, {
    cwd: home,
    env: { PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`, HOME: home, BROWSER: join(bin, "xdg-open"), ...env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  let said = "";
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  let exit: number | NodeJS.Signals | undefined;
  const ended = new Promise<void>((resolve) =>
    child.once("close", (code, signal) => {
      exit = code ?? signal ?? 1;
      resolve();
    }),
  );
  const until = async <T>(look: () => T | undefined | null, what: string): Promise<T> => {
    const end = Date.now() + waitMs;
    for (;;) {
      const found = look();
      if (found !== undefined && found !== null) return found;
      if (exit !== undefined || Date.now() > end) throw new Error(`${path} ${what}; it said: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  return {
    prints: (pattern) => until(() => pattern.exec(said), `never prints ${pattern}`),
    opens: () => until(() => (existsSync(visited) ? readFileSync(visited, "utf8") : undefined), "opens no browser"),
    type: (line) => child.stdin.write(`${line}\n`),
    succeeds: async () => {
      await ended;
      if (exit !== 0) throw new Error(`${path} ${args.slice(0, 2).join(" ")} ended with ${exit}: ${said.slice(-3000)}`);
      return stdout;
    },
  };
}
