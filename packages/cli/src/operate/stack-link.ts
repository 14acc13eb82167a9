// A running stack, as commands speak to it: through the control socket, which its owner alone can open.
import { resolve } from "node:path";
import type { JsonValue } from "@sigillum/library/encoding";
import { callStack } from "@sigillum/stack/compose";

/** Publishing waits for disks and for the copies in buckets. */
const timeoutMs = 300_000;

/** Asks the running stack of a data directory to run an action; rejects CONTROL_SOCKET_UNREACHABLE where none runs. */
export function stackLink(directory: string): (action: string, input: JsonValue) => Promise<JsonValue> {
  return (action, input) => callStack(resolve(directory), action, input, timeoutMs);
}
