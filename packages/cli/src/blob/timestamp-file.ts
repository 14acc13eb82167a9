import type { Bundle } from "@sigillum/library/bundle";
import { encodeBase64 } from "@sigillum/library/encoding";
import { type Arguments, argumentError } from "../arguments/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { optional } from "./expectations.ts";
import { writeWhole } from "./files.ts";

/** Write a signature's timestamp where --rfc3161-timestamp-bundle says, as cosign 2 keeps it beside a signature. */
export async function writeTimestamp(args: Arguments, bundle: Bundle, terminal: Terminal): Promise<void> {
  const path = optional(args, "rfc3161-timestamp-bundle");
  if (path === undefined) return;
  const [stamp] = bundle.timestamps;
  if (stamp === undefined)
    throw argumentError("FLAGS_CONFLICT", "Cannot write --rfc3161-timestamp-bundle: no timestamp authority was asked", {
      expected: "a signing config, or --timestamp-server-url, with one",
    });
  await writeWhole(path, JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(stamp) }));
  terminal.note(`Wrote timestamp to file ${path}`);
}
