// A command line run in this process, with what it prints: for tests of commands.
/** How a command line ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RecordedStreams {
  readonly stdout: { write(text: string | Uint8Array): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stdinIsTTY: boolean;
}

/** Run one command line by `main` as the program would, without a terminal; what it writes is kept. */
export async function recorded(
  main: (words: readonly string[], streams: RecordedStreams) => Promise<number>,
  words: readonly string[],
): Promise<Outcome> {
  const told = { stdout: "", stderr: "" };
  const decoder = new TextDecoder();
  const code = await main(words, {
    stdout: { write: (part) => (told.stdout += typeof part === "string" ? part : decoder.decode(part)) },
    stderr: { write: (part) => (told.stderr += part) },
    stdinIsTTY: false,
  });
  return { code, ...told };
}
