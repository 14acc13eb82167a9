// log verify: that an entry is in the log, step by step as rekor-cli shows it.
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, encodeUtf8, type JsonValue } from "@sigillum/library/encoding";
import { leafHash, nodeHash } from "@sigillum/library/merkle";
import { fetchEntriesV1 } from "@sigillum/library/services";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { type CheckedEntry, checkEntry } from "./check.ts";
import { type OpenLog, openLog } from "./connection.ts";
import { describeEntry, entryLines } from "./describe-entry.ts";
import { logCommandError } from "./errors.ts";
import { fetchChecked, whichEntry } from "./get.ts";
import { proposalOf } from "./proposal.ts";

/** `sigillum log verify`: by --uuid or --log-index, or by the artifact with signature and key. */
export async function runLogVerify(args: Arguments, terminal: Terminal): Promise<number> {
  const which = whichEntry(args);
  const proposal = which === undefined ? await proposalOf(args, terminal) : undefined;
  const log = await openLog(args, terminal);
  const checked = which === undefined ? await findProposed(log, proposal ?? "") : await fetchChecked(log, which);
  if (args.string("format") === "json") terminal.out(JSON.stringify(rekorJson(checked)));
  else if (terminal.format === "json")
    terminal.json({
      verified: true,
      log: log.url,
      vouchedBy: log.vouchedBy,
      ...describeEntry(checked.body),
      ...rekorJson(checked),
    });
  else for (const line of [...entryLines(checked, log.url, log.vouchedBy), "", ...proofLines(checked)]) terminal.out(line);
  return exitCodes.success;
}

// The log makes the body from the proposal as it would for a write; that the entry is about what was asked shows in its description,
// and that it is in the log in its proof. Several shards may have the same entry: the oldest says since when.
async function findProposed(log: OpenLog, proposal: string): Promise<CheckedEntry> {
  const found = await fetchEntriesV1(log.url, { proposals: [proposal] });
  const [oldest, ...rest] = [...found].sort((a, b) => a.entry.logIndex - b.entry.logIndex);
  if (oldest === undefined)
    throw logCommandError("LOG_NOTHING_FOUND", `Cannot verify: entry in log cannot be located at ${log.url}`, {
      found: "no entry",
    });
  const checked = await checkEntry(log, oldest);
  for (const other of rest) if (other.id.slice(-64) !== oldest.id.slice(-64)) throw different(other.id, oldest.id);
  requireProposed(proposal, checked);
  return checked;
}

function different(found: string, expected: string): Error {
  return logCommandError(
    "LOG_ANSWER_FALSE",
    "Cannot believe the log: for one proposal it gives entries with different contents",
    {
      found,
      expected,
    },
  );
}

// A lying log could prove another entry: what the proposal is about must stand in the body.
function requireProposed(proposal: string, { body, id }: CheckedEntry): void {
  const stored = new Set(textsOf(JSON.parse(new TextDecoder().decode(body))));
  const asked: JsonValue = JSON.parse(proposal);
  const missing = demandedTexts(asked).find((text) => !stored.has(text));
  if (missing === undefined) return;
  throw logCommandError("LOG_ANSWER_FALSE", `Cannot believe entry ${id}: it lacks what was asked for`, {
    found: "another entry",
    expected: missing.slice(0, 80),
  });
}

// What of a proposal stands in the body that the log makes of it, by kind: hashes that are computed here, and texts stored as they are sent.
// Keys are left out, for they are made canonical, and the kinds tuf and helm, of which nothing is kept as it was sent.
function demandedTexts(proposal: JsonValue): string[] {
  const kind = member(proposal, "kind");
  const at = (...path: string[]): string | undefined => {
    const found = path.reduce<JsonValue | undefined>(member, member(proposal, "spec"));
    return typeof found === "string" ? found : undefined;
  };
  const hashed = (text: string | undefined, base64: boolean): string | undefined =>
    text === undefined ? undefined : encodeHex(sha256(base64 ? new Uint8Array(Buffer.from(text, "base64")) : encodeUtf8(text)));
  const texts: Readonly<Record<string, readonly (string | undefined)[]>> = {
    hashedrekord: [at("signature", "content"), at("data", "hash", "value")],
    rekord: [hashed(at("data", "content"), true)],
    dsse: [hashed(at("proposedContent", "envelope"), false)],
    intoto: [hashed(at("content", "envelope"), false) ?? at("content", "hash", "value")],
    cose: [hashed(at("message"), true)],
    rfc3161: [at("tsr", "content")],
    jar: [hashed(at("archive", "content"), true)],
    alpine: [hashed(at("package", "content"), true)],
    rpm: [hashed(at("package", "content"), true)],
  };
  return (texts[String(kind)] ?? []).filter((text) => text !== undefined);
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value[name] : undefined;
}

function textsOf(value: JsonValue): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

function rekorJson({ id, proof, checkpoint }: CheckedEntry): { [name: string]: JsonValue } {
  return {
    RootHash: encodeHex(checkpoint.root),
    EntryUUID: id,
    Index: proof.logIndex,
    Size: proof.treeSize,
    Hashes: proof.hashes.map((hash) => encodeHex(hash)),
    Checkpoint: proof.checkpoint ?? "",
  };
}

function proofLines({ body, proof, checkpoint }: CheckedEntry): string[] {
  const leaf = leafHash(body);
  const lines = [
    `Current Root Hash: ${encodeHex(checkpoint.root)}`,
    `Entry Hash: ${encodeHex(leaf)}`,
    `Entry Index in Current Tree: ${proof.logIndex}`,
    `Current Tree Size: ${proof.treeSize}`,
    `Checkpoint:`,
    proof.checkpoint ?? "",
    "",
    "Inclusion Proof:",
  ];
  let hash = leaf;
  let [index, last] = [BigInt(proof.logIndex), BigInt(proof.treeSize - 1)];
  for (const sibling of proof.hashes) {
    // RFC 9162 §2.1.3.2: on the right edge levels without a sibling are passed over.
    const isRight = (index & 1n) === 1n || index === last;
    const [left, right] = isRight ? [sibling, hash] : [hash, sibling];
    hash = nodeHash(left, right);
    lines.push(`SHA256(0x01 | ${encodeHex(left)} | ${encodeHex(right)}) =`, `\t${encodeHex(hash)}`, "");
    if (isRight) for (; index !== 0n && (index & 1n) === 0n; index >>= 1n) last >>= 1n;
    [index, last] = [index >> 1n, last >> 1n];
  }
  lines.push(`Computed Root Hash: ${encodeHex(hash)}`, `Expected Root Hash: ${encodeHex(checkpoint.root)}`);
  return lines;
}
