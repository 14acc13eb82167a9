// What the commands share: the event's folder, flags of the form ROLE=VALUE, keys by the names of their owners.
import { readFile } from "node:fs/promises";
import { encodePublicKeyPem } from "@sigillum/library/crypto";
import { isSigillumError, parsePem, quote } from "@sigillum/library/encoding";
import { tufKeyId } from "@sigillum/library/tuf";
import { readEventFolder, writeEventFolder } from "@sigillum/library/tuf-place";
import {
  type CeremonyEvent,
  type EventReport,
  eventOwners,
  formatEventReport,
  type KeySubmission,
  reportEvent,
} from "@sigillum/library/tuf-repository";
import { type Certificate, parseCertificate } from "@sigillum/library/x509";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { rootError } from "./errors.ts";

const dayMs = 86_400_000;

/** The folder that the first word names, with its event. */
export async function openEvent(args: Arguments): Promise<{ directory: string; event: CeremonyEvent }> {
  const [directory = ""] = args.positionals;
  return { directory, event: await readEventFolder(directory) };
}

/** Write the event back, and say how far it is. */
export async function saveEvent(directory: string, event: CeremonyEvent, terminal: Terminal): Promise<number> {
  await writeEventFolder(directory, event);
  return showReport(reportEvent(event), terminal);
}

/** Show a report as text or as one JSON document. */
export function showReport(report: EventReport, terminal: Terminal): number {
  if (terminal.format === "json") terminal.json(report);
  else terminal.write(formatEventReport(report));
  return exitCodes.success;
}

/** Throws ROOT_EVENT_INVALID where something in the event does not hold: nobody should take it over or sign it. */
export function refuseProblems(report: EventReport): void {
  const [problem] = report.problems;
  if (problem === undefined) return;
  throw rootError("ROOT_EVENT_INVALID", `Cannot take event ${quote(report.event)}: ${problem}`, {
    found: report.problems.join("; ").slice(0, 500),
    expected: "an event in which everything holds",
  });
}

/** When what is proposed expires: --expires-days from now, or so many days. */
export function expiryOf(args: Arguments, otherwise: number): number {
  return Date.now() + wholeNumber(args, "expires-days", otherwise) * dayMs;
}

/** A flag with a whole number from 1 to 36,500. */
export function wholeNumber(args: Arguments, flag: string, otherwise: number): number {
  const text = args.string(flag);
  return text === undefined ? otherwise : parseWhole(text, flag, args);
}

/** Repeated flags of the form NAME=VALUE, by name. */
export function pairs(args: Arguments, flag: string): ReadonlyMap<string, string> {
  return new Map(
    args.strings(flag).map((word) => {
      const at = word.indexOf("=");
      if (at > 0 && at < word.length - 1) return [word.slice(0, at), word.slice(at + 1)] as const;
      throw invalid(args, flag, word, "NAME=VALUE");
    }),
  );
}

/** Repeated flags of the form ROLE=NUMBER, by role. */
export function numbers(args: Arguments, flag: string): ReadonlyMap<string, number> {
  return new Map([...pairs(args, flag)].map(([role, text]) => [role, parseWhole(text, flag, args)] as const));
}

function parseWhole(text: string, flag: string, args: Arguments): number {
  if (/^[1-9][0-9]{0,4}$/u.test(text) && Number(text) <= 36_500) return Number(text);
  throw invalid(args, flag, text, "a whole number from 1");
}

function invalid(args: Arguments, flag: string, found: string, expected: string): Error {
  return argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --${flag} is ${quote(found)}, ${expected} expected`, {
    found,
    expected,
  });
}

/** Read a file that a flag names; throws ROOT_FILE_UNREADABLE. */
export async function readGiven(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw rootError("ROOT_FILE_UNREADABLE", `Cannot read ${quote(path)}: there is no such file, or it may not be read`, {
      cause,
      found: path,
    });
  }
}

/** Certificates of PEM files. */
export async function readCertificates(paths: readonly string[]): Promise<readonly Certificate[]> {
  const all: Certificate[] = [];
  for (const path of paths) {
    const text = new TextDecoder().decode(await readGiven(path));
    try {
      for (const { label, bytes } of parsePem(text)) if (label === "CERTIFICATE") all.push(parseCertificate(bytes));
    } catch (cause) {
      if (!isSigillumError(cause)) throw cause;
      throw rootError("ROOT_FILE_UNREADABLE", `Cannot read certificates in ${quote(path)}: ${cause.message}`, {
        cause,
        found: path,
      });
    }
  }
  return all;
}

/** The submission that an owner's name, or the beginning of a key id, stands for; throws ROOT_KEY_UNKNOWN. */
export function submissionOf(event: CeremonyEvent, role: string, name: string): KeySubmission {
  const found = [...event.submissions.values()].filter(
    (one) => one.role === role && (one.owner === name || startsId(tufKeyId(one.publicKey), name)),
  );
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw unknownKey(
    role,
    name,
    [...event.submissions.values()].filter((one) => one.role === role).map(({ owner }) => owner),
  );
}

/** The id of the key of a role that an owner's name, or the beginning of the id, stands for; throws ROOT_KEY_UNKNOWN. */
export function keyidOf(event: CeremonyEvent, role: string, keyids: readonly string[], name: string): string {
  const owners = eventOwners(event);
  const found = keyids.filter((keyid) => owners.get(keyid) === name || startsId(keyid, name));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw unknownKey(
    role,
    name,
    keyids.map((keyid) => owners.get(keyid) ?? keyid.slice(0, 16)),
  );
}

function startsId(keyid: string, name: string): boolean {
  return /^[0-9a-f]{8,64}$/u.test(name) && keyid.startsWith(name);
}

function unknownKey(role: string, name: string, known: readonly string[]): Error {
  return rootError("ROOT_KEY_UNKNOWN", `Cannot choose a key of ${role}: ${quote(name)} names none, or several`, {
    found: name,
    expected: known.length === 0 ? `a key submitted for ${role}` : known.join(", "),
  });
}

/** A submitted key for people. */
export function keyLines({ publicKey, owner, role }: KeySubmission): readonly string[] {
  return [`Key of ${owner} for ${role}: ${tufKeyId(publicKey)}`, encodePublicKeyPem(publicKey).trimEnd()];
}
