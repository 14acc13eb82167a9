// What an event changes and who still has to sign: computed from the folder alone, so that anybody can check it anywhere.
import { isMlDsa } from "../crypto/index.ts";
import { encodeHex, formatRfc3339, JsonObject, type JsonValue } from "../encoding/index.ts";
import { parseSigned, type RootMetadata, signersOf, type TargetsMetadata, tufKeyId } from "../tuf/index.ts";
import type { Certificate } from "../x509/index.ts";
import { overlaps } from "./delegation-lint.ts";
import { type CeremonyEvent, parseRole } from "./event.ts";
import { authorities, ownersField } from "./event-edit.ts";
import { orphanedRoles, type SubmittedKey, submittedKeys, targetProblems, unprovenKeys } from "./event-verify.ts";

/** How far one proposed file is. */
export interface RoleReport {
  readonly role: string;
  readonly oldVersion?: number;
  readonly newVersion: number;
  readonly oldExpires?: string;
  readonly newExpires: string;
  /** One line for each authority that must agree: for a root its predecessor and itself. */
  readonly signatures: readonly {
    readonly by: string;
    readonly have: number;
    readonly need: number;
    readonly missing: readonly string[];
  }[];
  /** Key ids, or owners, whose signature is there and does not hold. */
  readonly invalid: readonly string[];
  readonly complete: boolean;
}

/** A change of what a file says. */
export interface ReportedChange {
  readonly role: string;
  readonly what: string;
}

/** The report of an event. */
export interface EventReport {
  readonly event: string;
  readonly repository: string;
  readonly roles: readonly RoleReport[];
  readonly changes: readonly ReportedChange[];
  readonly warnings: readonly string[];
  /** Keys that were submitted, with what was proved of each. */
  readonly keys: readonly SubmittedKey[];
  /** What does not hold: invalid signatures, proofs and attestations, target files that are missing or others. Nobody should sign over one. */
  readonly problems: readonly string[];
  /** Roles that the event leaves as they are, though its new keys no longer vouch for them. */
  readonly orphaned: readonly string[];
  /** Person by role: `signed`, `invalid`, `missing`, or no entry where the person has no say. */
  readonly matrix: Readonly<Record<string, Readonly<Record<string, "signed" | "invalid" | "missing">>>>;
  readonly complete: boolean;
}

/**
 * Report an event. Every signature, proof of possession and target file is verified, and attestations where `makers` (certificates of the
 * makers of tokens) are given; whether the event still fits what is published is the publisher's to see.
 */
export function reportEvent(event: CeremonyEvent, options: { readonly makers?: readonly Certificate[] } = {}): EventReport {
  const owners = eventOwners(event);
  const roles = [...event.proposed].map(([role, bytes]) => reportRole(event, role, bytes, owners));
  const keys = submittedKeys(event, options.makers ?? []);
  const problems = [
    ...roles.flatMap(({ role, invalid }) => invalid.map((who) => `${role}: the signature of ${who} does not hold`)),
    ...keys.flatMap(({ owner, role, problem }) => (problem === undefined ? [] : [`key of ${owner} for ${role}: ${problem}`])),
    ...targetProblems(event),
  ];
  // What a change takes away is no reason to trust the event less, but it cannot be published so.
  const orphaned = orphanedRoles(event);
  return {
    event: event.name,
    repository: event.repository,
    roles,
    changes: [...event.proposed].flatMap(([role, bytes]) => changesOf(event, role, bytes, owners)),
    warnings: [
      ...warningsOf(event, owners),
      ...unprovenKeys(event).map(({ keyid, role }) => unprovenWords(role, nameOf(keyid, owners))),
    ],
    keys,
    problems,
    matrix: matrixOf(event, owners),
    orphaned,
    complete: problems.length === 0 && orphaned.length === 0 && roles.length > 0 && roles.every((role) => role.complete),
  };
}

/** The report as text, for a terminal or a mail. */
export function formatEventReport(report: EventReport): string {
  const lines = [
    `Event ${report.event} of ${report.repository === "new" ? "a new repository" : `repository ${report.repository}`}`,
    "",
  ];
  for (const role of report.roles) {
    const version =
      role.oldVersion === undefined ? `new, version ${role.newVersion}` : `version ${role.oldVersion} -> ${role.newVersion}`;
    lines.push(
      `${role.role}: ${version}, expires ${role.newExpires}${role.oldExpires === undefined ? "" : ` (was ${role.oldExpires})`}`,
    );
    for (const { by, have, need, missing } of role.signatures)
      lines.push(`  ${have}/${need} by the keys of ${by}${have < need ? `, not yet: ${missing.join(", ")}` : ""}`);
    for (const who of role.invalid) lines.push(`  INVALID signature of ${who}`);
  }
  lines.push("", "Changes");
  for (const { role, what } of report.changes) lines.push(`  ${role}: ${what}`);
  if (report.keys.length > 0) lines.push("", "Keys on offer", ...report.keys.map((key) => `  ${keyLine(key)}`));
  if (report.warnings.length > 0) lines.push("", "Warnings", ...report.warnings.map((warning) => `  ${warning}`));
  if (report.problems.length > 0) lines.push("", "DOES NOT HOLD", ...report.problems.map((problem) => `  ${problem}`));
  if (report.orphaned.length > 0) lines.push("", "Has to be proposed as well", ...report.orphaned.map((one) => `  ${one}`));
  lines.push("", lastLine(report));
  return `${lines.join("\n")}\n`;
}

function keyLine({ keyid, owner, role, proved, token }: SubmittedKey): string {
  const made =
    token === undefined
      ? proved
        ? "possession proved"
        : "possession NOT proved"
      : `possession proved; made in token ${token.serial} (PIN ${token.pinPolicy}, touch ${token.touchPolicy})`;
  return `${owner} for ${role}: ${keyid.slice(0, 16)}, ${made}`;
}

function lastLine({ complete, orphaned, problems, roles }: EventReport): string {
  if (complete) return "Complete: it can be published";
  if (orphaned.length > 0) return "Not complete: a role would be left without enough signatures";
  if (problems.length > 0) return "Not complete: something does not hold";
  return roles.length === 0 ? "Nothing is proposed yet" : "Not complete: signatures are missing";
}

function unprovenWords(role: string, key: string): string {
  return `${role} gains ${key}, for which nobody proved possession`;
}

function reportRole(event: CeremonyEvent, role: string, bytes: Uint8Array, owners: ReadonlyMap<string, string>): RoleReport {
  const file = parseRole(role, bytes);
  const liveBytes = event.live.get(role);
  const live = liveBytes === undefined ? undefined : parseRole(role, liveBytes);
  const over = authorities(event, role);
  const signatures = over.map(({ by, keyids, threshold, keys }) => {
    const have = signersOf(keys, { keyids, threshold }, file);
    const missing = keyids.filter((keyid) => !have.has(encodeHex(keys.get(keyid)?.publicKey.spki ?? new Uint8Array())));
    return { by, have: have.size, need: threshold, missing: missing.map((keyid) => nameOf(keyid, owners)) };
  });
  const states = statesOf(event, role, file);
  const invalid = [...states].filter(([, state]) => state === "invalid").map(([keyid]) => nameOf(keyid, owners));
  return {
    role,
    ...(live === undefined ? {} : { oldVersion: live.version, oldExpires: formatRfc3339(live.expiresMs) }),
    newVersion: file.version,
    newExpires: formatRfc3339(file.expiresMs),
    signatures,
    invalid,
    complete: over.length > 0 && signatures.every(({ have, need }) => have >= need),
  };
}

/** Each key that may sign the file, and what became of it. */
function statesOf(
  event: CeremonyEvent,
  role: string,
  file: RootMetadata | TargetsMetadata,
): ReadonlyMap<string, "signed" | "invalid" | "missing"> {
  const states = new Map<string, "signed" | "invalid" | "missing">();
  for (const { keyids, threshold, keys } of authorities(event, role)) {
    for (const keyid of keyids) {
      const given = file.signatures.find((one) => one.keyid === keyid && one.signature.length > 0);
      const valid = signersOf(keys, { keyids: [keyid], threshold }, file).size === 1;
      states.set(keyid, valid ? "signed" : given === undefined ? "missing" : "invalid");
    }
  }
  return states;
}

function matrixOf(event: CeremonyEvent, owners: ReadonlyMap<string, string>): EventReport["matrix"] {
  const matrix: Record<string, Record<string, "signed" | "invalid" | "missing">> = {};
  for (const [role, bytes] of event.proposed) {
    for (const [keyid, state] of statesOf(event, role, parseRole(role, bytes))) {
      const name = nameOf(keyid, owners);
      matrix[name] = { ...matrix[name], [role]: state };
    }
  }
  return matrix;
}

function changesOf(
  event: CeremonyEvent,
  role: string,
  bytes: Uint8Array,
  owners: ReadonlyMap<string, string>,
): readonly ReportedChange[] {
  const [now, liveBytes] = [parseRole(role, bytes), event.live.get(role)];
  const before = liveBytes === undefined ? undefined : parseRole(role, liveBytes);
  const what =
    now.role === "root"
      ? rootChanges(before?.role === "root" ? before : undefined, now, owners)
      : [
          ...targetChanges(before?.role === "targets" ? before : undefined, now),
          ...delegationChanges(before?.role === "targets" ? before : undefined, now, owners),
        ];
  return what.map((change) => ({ role, what: change }));
}

function rootChanges(
  before: RootMetadata | undefined,
  now: RootMetadata,
  owners: ReadonlyMap<string, string>,
): readonly string[] {
  return [...now.roles].flatMap(([role, { keyids, threshold }]) => {
    const old = before?.roles.get(role);
    const changes = keyChanges(old?.keyids ?? [], keyids, owners).map((change) => `${role} ${change}`);
    if (old?.threshold !== threshold)
      changes.push(`${role} threshold ${old === undefined ? "" : `${old.threshold} -> `}${threshold} of ${keyids.length}`);
    return changes;
  });
}

function keyChanges(before: readonly string[], now: readonly string[], owners: ReadonlyMap<string, string>): string[] {
  return [
    ...now.filter((keyid) => !before.includes(keyid)).map((keyid) => `gains key ${nameOf(keyid, owners)}`),
    ...before.filter((keyid) => !now.includes(keyid)).map((keyid) => `loses key ${nameOf(keyid, owners)}`),
  ];
}

function targetChanges(before: TargetsMetadata | undefined, now: TargetsMetadata): readonly string[] {
  const hash = (file: TargetsMetadata | undefined, path: string): string =>
    encodeHex(file?.targets.get(path)?.hashes.get("sha256") ?? new Uint8Array());
  const changes: string[] = [];
  for (const [path, { length }] of now.targets) {
    if (before?.targets.has(path) !== true) changes.push(`target ${path} added: ${length} bytes, sha256 ${hash(now, path)}`);
    else if (hash(before, path) !== hash(now, path))
      changes.push(`target ${path} changed: sha256 ${hash(before, path)} -> ${hash(now, path)}`);
  }
  for (const path of before?.targets.keys() ?? []) if (!now.targets.has(path)) changes.push(`target ${path} removed`);
  return changes;
}

function delegationChanges(
  before: TargetsMetadata | undefined,
  now: TargetsMetadata,
  owners: ReadonlyMap<string, string>,
): readonly string[] {
  const olds = before?.delegations?.roles ?? [];
  const news = now.delegations?.roles ?? [];
  const changes: string[] = [];
  for (const role of news) {
    const old = olds.find(({ name }) => name === role.name);
    const words = (of: typeof role): string =>
      `${of.terminating ? "terminating, " : ""}${[...(of.paths ?? []), ...(of.pathHashPrefixes ?? []).map((prefix) => `hash ${prefix}`)].join(" ")}`;
    if (old === undefined)
      changes.push(`delegates to ${role.name}: ${words(role)}, ${role.threshold} of ${role.keyids.length} keys`);
    else if (words(old) !== words(role)) changes.push(`delegation to ${role.name}: ${words(old)} -> ${words(role)}`);
    if (old !== undefined)
      changes.push(...keyChanges(old.keyids, role.keyids, owners).map((change) => `delegation to ${role.name} ${change}`));
    if (old !== undefined && old.threshold !== role.threshold)
      changes.push(`delegation to ${role.name}: threshold ${old.threshold} -> ${role.threshold}`);
  }
  for (const { name } of olds) if (!news.some((role) => role.name === name)) changes.push(`delegates to ${name} no more`);
  const kept = (roles: readonly { readonly name: string }[], others: readonly { readonly name: string }[]): string =>
    roles
      .filter(({ name }) => others.some((other) => other.name === name))
      .map(({ name }) => name)
      .join(" ");
  if (kept(olds, news) !== kept(news, olds)) changes.push(`order of delegations: ${kept(olds, news)} -> ${kept(news, olds)}`);
  const [oldBins, bins] = [before?.delegations?.succinctRoles, now.delegations?.succinctRoles];
  if (bins !== undefined && oldBins?.bitLength !== bins.bitLength)
    changes.push(`delegates to ${2 ** bins.bitLength} bins ${bins.namePrefix}-*`);
  return changes;
}

function* warningsOf(event: CeremonyEvent, owners: ReadonlyMap<string, string>): Generator<string> {
  for (const [role, bytes] of event.proposed) {
    const file = parseRole(role, bytes);
    const keys = file.role === "targets" ? file.delegations?.keys : file.keys;
    for (const { keyid, publicKey } of keys?.values() ?? [])
      if (isMlDsa(publicKey.type))
        yield `${role} lists ${nameOf(keyid, owners)}, a key of ${publicKey.type} (TAP 21): clients that do not know it refuse the whole file`;
    if (file.role === "targets") yield* overlaps(file.delegations?.roles ?? []);
    if (file.role !== "root") continue;
    for (const [name, { keyids, threshold }] of file.roles) {
      for (const owner of new Set(keyids.flatMap((keyid) => owners.get(keyid) ?? []))) {
        const held = keyids.filter((keyid) => owners.get(keyid) === owner).length;
        if (threshold > 1 && held >= threshold) yield `${owner} alone holds ${held} keys of ${name}, which is its threshold`;
      }
      const distinct = new Set(keyids.map((keyid) => encodeHex(file.keys.get(keyid)?.publicKey.spki ?? new Uint8Array())));
      if (distinct.size < keyids.length) yield `${name} lists one public key under two ids: it counts once`;
    }
  }
}

/** Who holds which key, by key id: as the roots of an event say, and as the keys on offer do. */
export function eventOwners(event: CeremonyEvent): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const bytes of [event.live.get("root"), event.proposed.get("root")]) {
    if (bytes === undefined) continue;
    const listed = JsonObject.exact(parseSigned(bytes), "root").optionalObject(ownersField);
    for (const keyid of listed?.names() ?? []) owners.set(keyid, String(listed?.value(keyid) satisfies JsonValue | undefined));
  }
  for (const { publicKey, owner } of event.submissions.values()) owners.set(tufKeyId(publicKey), owner);
  return owners;
}

function nameOf(keyid: string, owners: ReadonlyMap<string, string>): string {
  const owner = owners.get(keyid);
  return owner === undefined ? keyid.slice(0, 16) : `${owner} (${keyid.slice(0, 8)})`;
}
