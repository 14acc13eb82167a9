// A running stack, as the commands on a root of trust speak to it. Who carries an event from machine to machine needs none.
import type { JsonValue } from "@sigillum/library/encoding";

/** Asks a running stack to run one of its actions on the root of trust. */
export type StackLink = (
  action: "tuf.status" | "tuf.tick" | "tuf.event" | "tuf.publish" | "tuf.rotate",
  input: JsonValue,
) => Promise<JsonValue>;
