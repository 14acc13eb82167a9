import type { Terminal } from "../terminal/index.ts";

/** Have every HTTP request told on stderr, without queries and headers, which hold secrets. */
export async function traceTo(terminal: Terminal): Promise<void> {
  const { traceRequests } = await import("@sigillum/library/http");
  traceRequests((line) => terminal.note(`http: ${line}`));
}
