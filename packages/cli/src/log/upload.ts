// log upload: propose an entry, and prove what the log made of it.
import { encodeBundle } from "@sigillum/library/bundle";
import { proposeEntryV1 } from "@sigillum/library/services";
import type { Arguments } from "../arguments/index.ts";
import { writeWhole } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { checkEntry } from "./check.ts";
import { openLog } from "./connection.ts";
import { entryLines } from "./describe-entry.ts";
import { bundleOf, entryJson, fetchChecked } from "./get.ts";
import { proposalOf } from "./proposal.ts";

/** `sigillum log upload`: the entry is in the log, proved, when this ends well. */
export async function runLogUpload(args: Arguments, terminal: Terminal): Promise<number> {
  const proposal = await proposalOf(args, terminal);
  const log = await openLog(args, terminal);
  const { existed, ...named } = await proposeEntryV1(log.url, proposal);
  const checked = await checkEntry(log, named);
  const location = `/api/v1/log/entries/${named.id}`;
  const bundleFile = args.string("bundle");
  // The answer to a write leaves the attestation out, which the log has by now.
  if (bundleFile !== undefined) await writeWhole(bundleFile, encodeBundle(bundleOf(await fetchChecked(log, { id: named.id }))));
  if (args.string("format") === "json")
    terminal.out(JSON.stringify({ AlreadyExists: existed, Location: location, Index: existed ? 0 : named.entry.logIndex }));
  else if (terminal.format === "json") terminal.json({ existed, location, entry: entryJson(checked, log) });
  else {
    terminal.out(
      existed
        ? `Entry already exists; available at: ${log.url}${location}`
        : `Created entry at index ${named.entry.logIndex}, available at: ${log.url}${location}`,
    );
    for (const line of entryLines(checked, log.url, log.vouchedBy).slice(1)) terminal.out(line);
  }
  return exitCodes.success;
}
