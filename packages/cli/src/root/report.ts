// root verify, status, diff: what an event comes to and what a repository needs, for anybody who has the folder or the address.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatRfc3339, isSigillumError, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { parseSigningConfig, parseTrustedRoot } from "@sigillum/library/trusted-root";
import { openPlace, readOptional } from "@sigillum/library/tuf-place";
import {
  type CeremonyEvent,
  defaultPeriods,
  finishEvent,
  publicationDuties,
  readPublished,
  reportEvent,
} from "@sigillum/library/tuf-repository";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { rootError } from "./errors.ts";
import { openEvent, readCertificates, refuseProblems, showReport } from "./event.ts";
import { htmlReport, type ServiceLine } from "./html-report.ts";
import type { StackLink } from "./link.ts";

const dayMs = 86_400_000;

/** `sigillum root verify EVENT`: show the report; fails where something does not hold, and with --complete where signatures are missing. */
export async function runRootVerify(args: Arguments, terminal: Terminal): Promise<number> {
  const { event } = await openEvent(args);
  const expected = args.string("root-sha256")?.toLowerCase();
  if (expected !== undefined && event.repository !== expected) {
    throw rootError("ROOT_EVENT_INVALID", `Cannot verify event: it is for the repository ${event.repository}`, {
      found: event.repository,
      expected,
    });
  }
  const report = reportEvent(event, { makers: await readCertificates(args.strings("maker")) });
  showReport(report, terminal);
  const page = args.string("html");
  // Written where something does not hold as well: that is when people want to read it.
  if (page !== undefined) await writeFile(page, htmlReport(report, servicesIn(event)));
  refuseProblems(report);
  if (args.boolean("complete")) finishEvent(event);
  return exitCodes.success;
}

/** `sigillum root status`: how far an event is; or what a repository needs next, in days, and of whom. Fails where something has expired. */
export async function runRootStatus(args: Arguments, terminal: Terminal, link?: StackLink): Promise<number> {
  if (link !== undefined) return showStackStatus(JsonObject.exact(await link("tuf.status", {}), "status"), terminal);
  const [address] = args.positionals;
  if (address === undefined) {
    throw argumentError("ARGUMENT_COUNT", "Cannot run root status: it needs an event, the place of a repository, or --data", {
      expected: "EVENT or PLACE",
    });
  }
  const isEvent = !/^(?:s3|https?):/u.test(address) && (await readOptional(join(address, "event.json"))) !== undefined;
  if (isEvent) return showReport(reportEvent((await openEvent(args)).event), terminal);
  const place = openPlace(address, { environment: process.env });
  const state = await readPublished(place);
  if (state === undefined) {
    throw rootError("ROOT_FILE_UNREADABLE", `Cannot tell the state of ${address}: no repository is published there`, {
      found: "no timestamp.json",
      expected: "the address of a repository",
    });
  }
  const nowMs = Date.now();
  const signers = { root: [], targets: [], snapshot: [], timestamp: [] };
  const duties = publicationDuties(state, { nowMs, periods: defaultPeriods, files: new Map(), signers });
  const roles = duties.map(({ role, version, expiresMs, state: how }) => ({
    role,
    version,
    expires: formatRfc3339(expiresMs),
    days: Math.floor((expiresMs - nowMs) / dayMs),
    state: how,
  }));
  if (terminal.format === "json") terminal.json({ place: address, roles });
  else for (const { role, version, days } of roles) terminal.out(`${role.padEnd(12)}  version ${version}  ${expiryWords(days)}`);
  return roles.some(({ state: how }) => how === "expired") ? exitCodes.failure : exitCodes.success;
}

function showStackStatus(status: JsonObject, terminal: Terminal): number {
  const duties = status.objects("duties");
  const ready = status.boolean("ready");
  if (terminal.format === "json")
    terminal.json(Object.fromEntries(status.names().map((name) => [name, status.value(name) ?? null])));
  else {
    for (const duty of duties) {
      const who = duty.string("who") === "online" ? "this machine, by itself" : "keyholders";
      const when = duty.safeInteger("dueDays");
      const due = when < 0 || duty.string("state") !== "fresh" ? "now" : `in ${when} days`;
      const changed = duty.has("outdated") ? "; what should be published has changed" : "";
      terminal.out(
        `${duty.string("role").padEnd(12)}  version ${duty.safeInteger("version")}  ${expiryWords(duty.safeInteger("expiresDays"))}  signed again ${due} by ${who}${changed}`,
      );
    }
    if (status.has("reason")) terminal.note(status.string("reason"));
    for (const line of status.strings("advice")) terminal.note(`ADVICE: ${line}`);
  }
  return ready ? exitCodes.success : exitCodes.failure;
}

function expiryWords(days: number): string {
  return days < 0 ? `EXPIRED ${-days} days ago` : `expires in ${days} days`;
}

/** `sigillum root diff EVENT`: what changes, trusted root and signing config service by service. */
export async function runRootDiff(args: Arguments, terminal: Terminal): Promise<number> {
  const { event } = await openEvent(args);
  const { changes } = reportEvent(event);
  const services = servicesIn(event);
  if (terminal.format === "json") {
    const listed: JsonValue = services.map(({ path, line }) => ({ path, holds: line }));
    terminal.json({ changes, services: listed });
    return exitCodes.success;
  }
  if (changes.length === 0) terminal.out("Nothing is proposed");
  for (const { role, what } of changes) terminal.out(`${role}: ${what}`);
  for (const { path, line } of services) terminal.out(`${path} holds ${line}`);
  return exitCodes.success;
}

function servicesIn(event: CeremonyEvent): readonly ServiceLine[] {
  return [...event.targets].flatMap(([path, bytes]) => servicesOf(path, bytes).map((line) => ({ path, line })));
}

/** What a target says to clients, where it is one whose format is known. */
function servicesOf(path: string, bytes: Uint8Array): readonly string[] {
  try {
    if (path === "trusted_root.json") {
      const root = parseTrustedRoot(bytes);
      return [
        ...root.tlogs.map(({ baseUrl, validFor }) => `log ${baseUrl} ${period(validFor)}`),
        ...root.ctlogs.map(({ baseUrl, validFor }) => `CT log ${baseUrl} ${period(validFor)}`),
        ...root.certificateAuthorities.map(({ uri, validFor }) => `CA ${uri} ${period(validFor)}`),
        ...root.timestampAuthorities.map(({ uri, validFor }) => `TSA ${uri} ${period(validFor)}`),
      ];
    }
    if (!/^signing_config.*\.v0\.2\.json$/u.test(path)) return [];
    const config = parseSigningConfig(bytes);
    return [...config.caUrls, ...config.oidcUrls, ...config.rekorTlogUrls, ...config.tsaUrls].map(
      ({ url, majorApiVersion, validFor }) => `service ${url} v${majorApiVersion} ${period(validFor)}`,
    );
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return [`something that clients cannot read: ${cause.message}`];
  }
}

function period({ startMs, endMs }: { readonly startMs?: number; readonly endMs?: number }): string {
  const start = startMs === undefined ? "" : `from ${formatRfc3339(startMs)}`;
  return endMs === undefined ? start : `${start} to ${formatRfc3339(endMs)}`;
}
