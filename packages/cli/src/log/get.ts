// log get: one entry, proved, in words and then as rekor-cli prints it.
import { type Bundle, bundleMediaType, encodeBundle, encodeTransparencyLogEntry } from "@sigillum/library/bundle";
import { encodeHex, formatRfc3339, type JsonValue, parseUtf8 } from "@sigillum/library/encoding";
import { certificateOf, parseEntryId, parseLogEntryBody, type Verifier } from "@sigillum/library/log-entry";
import { fetchEntryV1 } from "@sigillum/library/services";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { writeWhole } from "../blob/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { type CheckedEntry, checkEntry } from "./check.ts";
import { fetchCheckedV2 } from "./check-v2.ts";
import { apiOf, type OpenLog, openLog } from "./connection.ts";
import { describeEntry, entryLines, wrappedBody } from "./describe-entry.ts";
import { logCommandError } from "./errors.ts";

/** `sigillum log get --log-index N | --uuid ID`. */
export async function runLogGet(args: Arguments, terminal: Terminal): Promise<number> {
  const which = whichEntry(args);
  if (which === undefined)
    throw argumentError("FLAG_REQUIRED", "Cannot run log get: it needs --log-index or --uuid", {
      expected: "--log-index N or --uuid ID",
    });
  const log = await openLog(args, terminal, apiOf(args));
  const checked = await fetchChecked(log, which);
  const bundleFile = args.string("bundle");
  if (bundleFile !== undefined) await writeWhole(bundleFile, encodeBundle(bundleOf(checked)));
  printEntry(checked, log, args.string("format"), terminal);
  return exitCodes.success;
}

/** The entry that --log-index or --uuid names. */
export function whichEntry(args: Arguments): { logIndex: number } | { id: string } | undefined {
  args.exclusive("log-index", "uuid");
  const index = args.string("log-index");
  if (index !== undefined) {
    if (/^\d{1,16}$/.test(index) && Number.isSafeInteger(Number(index))) return { logIndex: Number(index) };
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --log-index is ${JSON.stringify(index)}`, {
      found: index,
      expected: "a number from 0",
    });
  }
  const id = args.string("uuid");
  if (id === undefined) return undefined;
  parseEntryId(id);
  return { id };
}

/** Fetch an entry and prove it. */
export async function fetchChecked(log: OpenLog, which: { logIndex: number } | { id: string }): Promise<CheckedEntry> {
  if (log.api === "v2") {
    if ("logIndex" in which) return fetchCheckedV2(log, which.logIndex);
    throw argumentError("FLAGS_CONFLICT", "Cannot get entry: log v2 finds entries by their index alone", {
      found: "--uuid",
      expected: "--log-index N",
    });
  }
  const named = await fetchEntryV1(log.url, which);
  const name = "id" in which ? which.id : `index ${which.logIndex}`;
  if (named === undefined)
    throw logCommandError("LOG_NOTHING_FOUND", `Cannot get entry: ${log.url} has none with ${name}`, { found: "no entry" });
  if ("logIndex" in which && named.entry.logIndex !== which.logIndex)
    throw logCommandError("LOG_ANSWER_FALSE", `Cannot believe ${log.url}: asked for entry ${which.logIndex} it gives another`, {
      found: String(named.entry.logIndex),
      expected: String(which.logIndex),
    });
  return checkEntry(log, named);
}

function printEntry(checked: CheckedEntry, log: OpenLog, format: string | undefined, terminal: Terminal): void {
  if (format === "tle") terminal.out(JSON.stringify(encodeTransparencyLogEntry(checked.entry)));
  else if (format === "json") terminal.out(JSON.stringify(rekorJson(checked)));
  else if (terminal.format === "json") terminal.json(entryJson(checked, log));
  else for (const line of [...entryLines(checked, log.url, log.vouchedBy), "", ...rekorLines(checked)]) terminal.out(line);
}

/** What rekor-cli prints of an entry with --format json. */
function rekorJson({ entry, id, body, attestation }: CheckedEntry): JsonValue {
  return {
    Attestation: attestation === undefined ? "" : textOf(attestation),
    AttestationType: "",
    Body: wrappedBody(body),
    LogIndex: entry.logIndex,
    IntegratedTime: entry.integratedTimeS ?? 0,
    UUID: id,
    LogID: encodeHex(entry.logId),
  };
}

function rekorLines({ entry, id, body, attestation }: CheckedEntry): string[] {
  return [
    `LogID: ${encodeHex(entry.logId)}`,
    ...(attestation === undefined ? [] : [`Attestation: ${textOf(attestation)}`]),
    `Index: ${entry.logIndex}`,
    `IntegratedTime: ${formatRfc3339((entry.integratedTimeS ?? 0) * 1000)}`,
    `UUID: ${id}`,
    `Body: ${JSON.stringify(wrappedBody(body), undefined, 2)}`,
    "",
  ];
}

/** An entry as our own JSON has it. */
export function entryJson(checked: CheckedEntry, log: OpenLog): JsonValue {
  const { entry, id, body, attestation, checkpoint, treeId } = checked;
  const { kind, about, signers } = describeEntry(body);
  return {
    log: log.url,
    vouchedBy: log.vouchedBy,
    logIndex: entry.logIndex,
    id,
    kind,
    about: [...about],
    signers: signers.map((signer) => ({ ...signer }) as JsonValue),
    ...(entry.integratedTimeS === undefined ? {} : { time: formatRfc3339(entry.integratedTimeS * 1000) }),
    treeId,
    treeSize: checkpoint.treeSize,
    ...(attestation === undefined ? {} : { attestation: textOf(attestation) }),
    body: wrappedBody(body),
  };
}

// Attestations are text nearly always; what is none is shown as far as it goes, as rekor-cli does.
function textOf(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

/**
 * The Sigstore bundle of an entry that has all a bundle needs: of a file's signature, or of a statement whose attestation the log keeps.
 * It verifies offline with `verify-blob` and `verify-blob-attestation`.
 */
export function bundleOf({ entry, body, attestation, id }: CheckedEntry): Bundle {
  const parsed = parseLogEntryBody(body);
  const bundle = (verifier: Verifier, content: Bundle["content"]): Bundle => {
    const certificate = certificateOf(verifier);
    return {
      mediaType: bundleMediaType,
      version: "0.3",
      material: certificate === undefined ? { publicKeyHint: "" } : { certificate },
      tlogEntries: [entry],
      timestamps: [],
      content,
    };
  };
  if (parsed.kind === "hashedrekord")
    return bundle(parsed.verifier, {
      messageSignature: {
        messageDigest: { algorithm: parsed.hashAlgorithm, digest: parsed.digest },
        signature: parsed.signature,
      },
    });
  const [first, second] = parsed.kind === "intoto" && parsed.version === "0.0.2" ? parsed.signatures : [];
  if (first === undefined || second !== undefined || attestation === undefined || !("payloadType" in parsed))
    throw logCommandError("LOG_NOTHING_FOUND", `Cannot make a bundle of entry ${id}: the log does not keep all that one needs`, {
      found: `${parsed.kind} ${parsed.version}${attestation === undefined ? " without its attestation" : ""}`,
      expected: "hashedrekord, or intoto 0.0.2 with one signature and its attestation",
    });
  return bundle(first.verifier, {
    dsseEnvelope: {
      payloadType: parsed.payloadType,
      payload: attestation,
      signatures: [{ sig: first.signature, keyid: "" }],
    },
  });
}
