// Reading from stdin: bytes, or a line that may be kept off the screen.

/** What stdin is to a terminal; the process's own, or a test's. */
export interface InputStream extends AsyncIterable<unknown> {
  readonly readableEnded?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: "data", listener: (chunk: unknown) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  removeListener(event: "data" | "end", listener: (...values: never[]) => void): unknown;
  resume(): unknown;
  pause(): unknown;
  /** A pipe keeps the process alive for as long as its other end is open, paused or not; a file has neither. */
  ref?(): unknown;
  unref?(): unknown;
}

/** The stream's chunks as bytes; nothing where there is no stream. */
export async function* bytesOf(stream: InputStream | undefined): AsyncGenerator<Uint8Array> {
  if (stream === undefined) return;
  stream.ref?.();
  for await (const chunk of stream) {
    if (chunk instanceof Uint8Array) yield chunk;
    else if (typeof chunk === "string") yield new TextEncoder().encode(chunk);
  }
}

const maxLine = 4096;

// What came after a line end in the same chunk: the beginning of the next answer.
const leftovers: WeakMap<InputStream, string> = new WeakMap();

/** Read one line; hidden: a terminal shows nothing of it. Undefined when the stream ends before a character. */
export function readLine(stream: InputStream | undefined, hidden: boolean, onHiddenEnd: () => void): Promise<string | undefined> {
  if (stream === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    let line = "";
    const finish = (value: string | undefined): void => {
      stream.removeListener("data", onData);
      stream.removeListener("end", onEnd);
      stream.pause();
      stream.unref?.();
      if (hidden) {
        stream.setRawMode?.(false);
        onHiddenEnd();
      }
      resolve(value);
    };
    const onEnd = (): void => finish(line === "" ? undefined : line);
    const onText = (text: string): boolean => {
      for (const [position, character] of [...text].entries()) {
        if (character === "\u007f" || character === "\b") line = line.slice(0, -1);
        else if (!"\n\r\u0003\u0004".includes(character)) line = line.length < maxLine ? line + character : line;
        else {
          leftovers.set(
            stream,
            [...text]
              .slice(position + 1)
              .join("")
              .replace(/^\n/, ""),
          );
          finish(character === "\u0003" ? undefined : line);
          if (character === "\u0003") process.kill(process.pid, "SIGINT"); // raw mode swallowed it
          return true;
        }
      }
      return false;
    };
    const onData = (chunk: unknown): void => {
      onText(typeof chunk === "string" ? chunk : chunk instanceof Uint8Array ? new TextDecoder().decode(chunk) : "");
    };
    if (hidden) stream.setRawMode?.(true);
    const kept = leftovers.get(stream) ?? "";
    leftovers.delete(stream);
    if (onText(kept)) return;
    if (stream.readableEnded === true) {
      onEnd();
      return;
    }
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.ref?.();
    stream.resume();
  });
}
