// log prove: that an entry is in the log, or that the log only grew, as a document to keep.
import { encodeBase64, encodeHex } from "@sigillum/library/encoding";
import { fetchConsistencyV1 } from "@sigillum/library/services";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { apiOf, openLog } from "./connection.ts";
import { fetchChecked, whichEntry } from "./get.ts";

/** `sigillum log prove --log-index N | --uuid ID`, or `--last-size N [--first-size M] [--tree-id ID]` as rekor-cli's logproof. */
export async function runLogProve(args: Arguments, terminal: Terminal): Promise<number> {
  const which = whichEntry(args);
  const lastSize = sizeOf(args, "last-size");
  const log = await openLog(args, terminal, apiOf(args));
  if (which !== undefined) {
    const { proof } = await fetchChecked(log, which);
    // C2SP tlog-proof: an offline proof in one file, checked before it is printed.
    const lines = [
      "c2sp.org/tlog-proof@v1",
      `index ${proof.logIndex}`,
      ...proof.hashes.map(encodeBase64),
      "",
      proof.checkpoint ?? "",
    ];
    terminal.write(lines.join("\n"));
    return exitCodes.success;
  }
  if (log.api === "v2")
    throw argumentError(
      "FLAGS_CONFLICT",
      "Cannot run log prove: log v2 has no service for consistency proofs; log info compares with what was seen before",
      {
        expected: "--log-index N",
      },
    );
  if (lastSize === undefined)
    throw argumentError("FLAG_REQUIRED", "Cannot run log prove: nothing is said to prove", {
      expected: "--log-index N, --uuid ID, or --last-size N with --first-size M",
    });
  const firstSize = sizeOf(args, "first-size") ?? 1;
  if (firstSize > lastSize)
    throw argumentError("FLAG_VALUE_INVALID", "Cannot run log prove: --first-size is above --last-size", {
      found: `${firstSize} and ${lastSize}`,
      expected: "the smaller one first",
    });
  const treeId = args.string("tree-id");
  const { hashes, rootHash } = await fetchConsistencyV1(log.url, {
    firstSize,
    lastSize,
    ...(treeId === undefined ? {} : { treeId }),
  });
  const [root, list] = [encodeHex(rootHash), hashes.map((hash) => encodeHex(hash))];
  if (args.string("format") === "json") terminal.out(JSON.stringify({ RootHash: root, Hashes: list }));
  else if (terminal.format === "json") terminal.json({ log: log.url, firstSize, lastSize, hashes: list, currentRoot: root });
  else {
    terminal.out(`Current Root Hash: ${root}`);
    terminal.out(`Hashes: [${list.join(",")}]`);
    terminal.note(
      "The hashes alone prove nothing: they lead from a root that you keep to another; log info and log watch do that",
    );
  }
  return exitCodes.success;
}

function sizeOf(args: Arguments, name: string): number | undefined {
  const text = args.string(name);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw argumentError("FLAG_VALUE_INVALID", `Cannot run log prove: --${name} is ${JSON.stringify(text)}`, {
    found: text,
    expected: "a number from 1",
  });
}
