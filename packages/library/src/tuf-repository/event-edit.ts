// Changes that an event proposes. Every one rewrites the proposed file from the live one plus what was proposed before: the version is
// raised once however many changes there are, fields that this code does not know stay, and signatures over the old content fall away.
import type { PublicKey } from "../crypto/index.ts";
import { equalBytes, formatRfc3339, JsonObject, type JsonValue, quote } from "../encoding/index.ts";
import {
  delegationTo,
  encodeTufKey,
  parseSigned,
  parseTargets,
  parseTufKey,
  type RoleName,
  type TufKey,
  tufKeyId,
} from "../tuf/index.ts";
import { lintDelegation, lintTargetPath } from "./delegation-lint.ts";
import { tufRepositoryError } from "./errors.ts";
import { type CeremonyEvent, encodeFile, eventRoot, eventTargets, parseRole } from "./event.ts";
import { type KeySubmission, submissionName, verifyPossession } from "./key-submission.ts";
import { buildRoot, buildTargets, describeTarget, type RolePlan, type TargetFile } from "./sign.ts";

type Fields = { [name: string]: JsonValue };

/** Propose the first root of a new repository, or replace all keys of an existing one's roles. */
export function proposeRoot(
  event: CeremonyEvent,
  plan: { readonly expiresMs: number; readonly roles: Readonly<Record<RoleName, RolePlan>> },
): CeremonyEvent {
  return propose(event, "root", () => toFields(buildRoot({ version: 1, ...plan })), plan.expiresMs);
}

/**
 * Keep a submitted key with the event, so that a plan can name it: proof of possession is verified (TUF_KEY_POSSESSION), and a key or
 * token that was submitted for the same role already refused (TUF_KEY_KNOWN). An attestation is `verifyPivAttestation`'s to check.
 */
export function acceptKey(event: CeremonyEvent, submission: KeySubmission): CeremonyEvent {
  verifyPossession(event, submission);
  const name = submissionName(submission);
  const device = submission.attestation?.device.der;
  for (const [other, { role, attestation }] of event.submissions) {
    const sameToken = device !== undefined && attestation !== undefined && equalBytes(device, attestation.device.der);
    if (role === submission.role && (other === name || sameToken)) throw knownKey(submission, other);
  }
  return { ...event, submissions: new Map(event.submissions).set(name, submission) };
}

/** As `acceptKey`, but a submission that the event has already, byte for byte, is taken as it is. */
function acceptOnce(event: CeremonyEvent, submission: KeySubmission): CeremonyEvent {
  const known = event.submissions.get(submissionName(submission));
  if (known === undefined || !equalBytes(known.proof, submission.proof) || known.owner !== submission.owner)
    return acceptKey(event, submission);
  verifyPossession(event, submission);
  return event;
}

/** Take a submitted key into its role of the root; accepts it where the event does not have it yet. */
export function addKey(event: CeremonyEvent, submission: KeySubmission, expiresMs: number): CeremonyEvent {
  return editRoleKeys(acceptOnce(event, submission), submission.role, expiresMs, (role, keys) => {
    return { ...role, keyids: [...role.keyids, listKey(submission, role.keyids, keys)] };
  });
}

/** Take a key out of a role of the root; its old signature may still be needed for the root itself. */
export function revokeKey(event: CeremonyEvent, role: string, keyid: string, expiresMs: number): CeremonyEvent {
  return editRoleKeys(event, role, expiresMs, (keys) => {
    refuseUnknown(role, keyid, keys.keyids);
    return { ...keys, keyids: keys.keyids.filter((one) => one !== keyid) };
  });
}

/** Replace a key of a role by a submitted one, in its place. */
export function rotateKey(event: CeremonyEvent, keyid: string, submission: KeySubmission, expiresMs: number): CeremonyEvent {
  return editRoleKeys(acceptOnce(event, submission), submission.role, expiresMs, (role, keys) => {
    refuseUnknown(submission.role, keyid, role.keyids);
    const added = listKey(submission, role.keyids, keys);
    return { ...role, keyids: role.keyids.map((one) => (one === keyid ? added : one)) };
  });
}

/** Add a submitted key to the listed ones, unless the role has it under whatever id. */
function listKey(submission: KeySubmission, keyids: readonly string[], keys: Fields): string {
  const { spki } = submission.publicKey;
  const known = keyids.find(
    (keyid) => keys[keyid] !== undefined && equalBytes(parseTufKey(keyid, keys[keyid]).publicKey.spki, spki),
  );
  if (known !== undefined) throw knownKey(submission, known);
  const keyid = tufKeyId(submission.publicKey);
  keys[keyid] = encodeTufKey(submission.publicKey);
  return keyid;
}

function refuseUnknown(role: string, keyid: string, keyids: readonly string[]): void {
  if (!keyids.includes(keyid)) throw noRole(`role ${role} has no key ${quote(keyid)}`, keyids.join(", "));
}

function knownKey(submission: KeySubmission, known: string): Error {
  return tufRepositoryError(
    "TUF_KEY_KNOWN",
    `Cannot add the key of ${quote(submission.owner)}: role ${submission.role} has it or another one of its token, as ${known.slice(0, 16)}`,
    { found: known, expected: "a key of one's own" },
  );
}

/** Set how many keys of a role must sign. */
export function setThreshold(event: CeremonyEvent, role: string, threshold: number, expiresMs: number): CeremonyEvent {
  return editRoleKeys(event, role, expiresMs, (keys) => ({ ...keys, threshold }));
}

/** What to change in the files that a targets-type role lists. */
export interface TargetsChange {
  readonly add?: ReadonlyMap<string, TargetFile>;
  readonly remove?: readonly string[];
  readonly expiresMs: number;
}

/** Sign a role for longer with nothing else changed; it must have a file. */
export function renewRole(event: CeremonyEvent, role: string, expiresMs: number): CeremonyEvent {
  return propose(
    event,
    role,
    (signed) => {
      if (signed === undefined) throw noRole(`there is no role ${role}`, [...event.live.keys()].join(", "));
      return signed;
    },
    expiresMs,
  );
}

/** Propose a new version of a targets-type role; a role without a file gets its first one. */
export function proposeTargets(event: CeremonyEvent, role: string, change: TargetsChange): CeremonyEvent {
  const edited = propose(
    event,
    role,
    (signed) => {
      const fields = signed ?? toFields(buildTargets({ version: 1, expiresMs: change.expiresMs }, new Map()));
      const targets = toFields(fields["targets"] ?? {});
      for (const path of change.remove ?? []) {
        if (targets[path] === undefined) throw noRole(`${role} lists no target ${quote(path)}`, Object.keys(targets).join(", "));
        delete targets[path];
      }
      for (const [path, file] of change.add ?? []) {
        lintTargetPath(path);
        targets[path] = describeTarget(file);
      }
      return { ...fields, targets };
    },
    change.expiresMs,
  );
  const files = new Map(event.targets);
  for (const [path, { bytes }] of change.add ?? []) files.set(path, bytes);
  return { ...edited, targets: files };
}

/** A delegation to propose. */
export interface DelegationPlan extends RolePlan {
  readonly name: string;
  readonly terminating: boolean;
  readonly paths?: readonly string[];
  readonly pathHashPrefixes?: readonly string[];
  /** Place among the delegations, 0 first: earlier ones are asked earlier. Last where nothing is said. */
  readonly position?: number;
}

/** Delegate to a role, or change the delegation to it; patterns that clients read in different ways are refused (TUF_REPOSITORY_DELEGATION). */
export function delegate(event: CeremonyEvent, delegator: string, plan: DelegationPlan, expiresMs: number): CeremonyEvent {
  const file = eventTargets(event, delegator);
  lintDelegation(plan);
  if (plan.keys.length < plan.threshold || plan.threshold < 1) throw unreachable(plan.name, plan.keys.length, plan.threshold);
  return editDelegations(event, delegator, expiresMs, (delegations) => {
    if (delegations["succinct_roles"] !== undefined) throw delegation(delegator, "it has succinct roles", "listed roles alone");
    const others = rolesOf(delegations).filter((role) => role["name"] !== plan.name);
    const before = file?.delegations?.roles.findIndex((role) => role.name === plan.name) ?? -1;
    const at = plan.position ?? (before < 0 ? others.length : before);
    const role: Fields = {
      name: plan.name,
      keyids: plan.keys.map(tufKeyId),
      threshold: plan.threshold,
      terminating: plan.terminating,
      ...(plan.paths === undefined ? {} : { paths: [...plan.paths] }),
      ...(plan.pathHashPrefixes === undefined ? {} : { path_hash_prefixes: [...plan.pathHashPrefixes] }),
    };
    const keys = { ...toFields(delegations["keys"] ?? {}), ...keysOf(plan.keys) };
    return { ...delegations, keys, roles: [...others.slice(0, at), role, ...others.slice(at)] };
  });
}

/** Delegate to 2^bitLength bins that share their keys. Their files are proposed by `proposeTargets` under their names. */
export function delegateBins(
  event: CeremonyEvent,
  delegator: string,
  plan: RolePlan & { readonly bitLength: number; readonly namePrefix: string },
  expiresMs: number,
): CeremonyEvent {
  return editDelegations(event, delegator, expiresMs, (delegations) => {
    if (rolesOf(delegations).length > 0) throw delegation(delegator, "it has listed roles", "succinct roles alone");
    const { bitLength, namePrefix, threshold } = plan;
    const bins = { keyids: plan.keys.map(tufKeyId), threshold, bit_length: bitLength, name_prefix: namePrefix };
    return { keys: keysOf(plan.keys), succinct_roles: bins };
  });
}

/** Delegate to a role no more. Its line in the snapshot stays: clients that saw it hold its absence against the repository. */
export function revokeDelegation(event: CeremonyEvent, delegator: string, name: string, expiresMs: number): CeremonyEvent {
  return editDelegations(event, delegator, expiresMs, (delegations) => {
    const roles = rolesOf(delegations);
    if (!roles.some((role) => role["name"] === name)) throw noRole(`${delegator} does not delegate to ${quote(name)}`, delegator);
    return { ...delegations, roles: roles.filter((role) => role["name"] !== name) };
  });
}

function editDelegations(
  event: CeremonyEvent,
  delegator: string,
  expiresMs: number,
  edit: (delegations: Fields) => Fields,
): CeremonyEvent {
  return propose(
    event,
    delegator,
    (signed) => {
      if (signed === undefined) throw noRole(`there is no role ${delegator}`, [...event.live.keys()].join(", "));
      const delegations = edit(toFields(signed["delegations"] ?? { keys: {}, roles: [] }));
      // A key that no delegation names any more is dropped, one that any of them names is kept (root-signing #37).
      const used = new Set(
        [...rolesOf(delegations), toFields(delegations["succinct_roles"] ?? {})].flatMap((role) => stringsOf(role["keyids"])),
      );
      return { ...signed, delegations: { ...delegations, keys: only(toFields(delegations["keys"] ?? {}), used) } };
    },
    expiresMs,
  );
}

function editRoleKeys(
  event: CeremonyEvent,
  role: string,
  expiresMs: number,
  edit: (
    role: { readonly keyids: readonly string[]; readonly threshold: number },
    keys: Fields,
  ) => { keyids: readonly string[]; threshold: number },
): CeremonyEvent {
  return propose(
    event,
    "root",
    (signed) => {
      const roles = toFields(signed?.["roles"] ?? {});
      if (signed === undefined || roles[role] === undefined)
        throw noRole(`the root has no role ${quote(role)}`, Object.keys(roles).join(", "));
      const keys = toFields(signed["keys"] ?? {});
      const before = toFields(roles[role]);
      const { keyids, threshold } = edit({ keyids: stringsOf(before["keyids"]), threshold: Number(before["threshold"]) }, keys);
      if (keyids.length < threshold || threshold < 1) throw unreachable(role, keyids.length, threshold);
      roles[role] = { ...before, keyids: [...keyids], threshold };
      const used = new Set(Object.values(roles).flatMap((one) => stringsOf(toFields(one)["keyids"])));
      return { ...signed, roles, keys: only(keys, used) };
    },
    expiresMs,
  );
}

/** The next version of a role from what is proposed so far, else live; its slots for signatures are empty again. */
function propose(
  event: CeremonyEvent,
  role: string,
  edit: (signed: Fields | undefined) => Fields,
  expiresMs: number,
): CeremonyEvent {
  const live = event.live.get(role);
  const base = event.proposed.get(role) ?? live;
  const version = live === undefined ? 1 : parseRole(role, live).version + 1;
  const expires = formatRfc3339(Math.floor(expiresMs / 1000) * 1000);
  const edited = edit(base === undefined ? undefined : toFields(parseSigned(base)));
  const signed = { ...edited, ...(role === "root" ? ownersOf(event, edited) : {}), version, expires };
  const file = encodeFile(signed, []);
  parseRole(role, file);
  const next = { ...event, proposed: new Map(event.proposed).set(role, file) };
  const slots = [...expectedKeys(next, role)].map((keyid) => ({ keyid, sig: "" }));
  return { ...next, proposed: new Map(next.proposed).set(role, encodeFile(signed, slots)) };
}

/** Who holds which key of a root, in a signed field that clients pass over: people sign what names people. */
function ownersOf(event: CeremonyEvent, root: Fields): Fields {
  const before = toFields(root[ownersField] ?? {});
  const owners = Object.keys(toFields(root["keys"] ?? {})).flatMap((keyid): [string, JsonValue][] => {
    const owner = submittedOwner(event, keyid) ?? before[keyid];
    return owner === undefined ? [] : [[keyid, owner]];
  });
  return owners.length === 0 ? {} : { [ownersField]: Object.fromEntries(owners) };
}

/** Who submitted a key, for whatever role. */
export function submittedOwner(event: CeremonyEvent, keyid: string): string | undefined {
  return [...event.submissions.values()].find(({ publicKey }) => tufKeyId(publicKey) === keyid)?.owner;
}

/** The field of a root that names the owners of its keys, by key id. */
export const ownersField = "x-sigillum-keyowners";

/** The key ids that may sign a proposed file: for a root those of the old and of the new one. */
export function expectedKeys(event: CeremonyEvent, role: string): ReadonlySet<string> {
  return new Set(authorities(event, role).flatMap(({ keyids }) => [...keyids]));
}

/** Who says which keys sign a role: one authority for a role, two for a root that has a predecessor. */
export interface Authority {
  /** How it is called in reports: `root 1`, `targets 3`. */
  readonly by: string;
  readonly keyids: readonly string[];
  readonly threshold: number;
  readonly keys: ReadonlyMap<string, TufKey>;
}

/** The authorities over a role of the event; none where nobody delegates to it. */
export function authorities(event: CeremonyEvent, role: string): readonly Authority[] {
  const root = eventRoot(event);
  if (role === "root" || role === "targets") {
    const live = event.live.get("root");
    const old = role === "root" && live !== undefined && event.proposed.has("root") ? [parseRole("root", live)] : [];
    return [...old, ...(root === undefined ? [] : [root])].flatMap((one): Authority[] => {
      const keys = one.role === "root" ? one.roles.get(role) : undefined;
      return one.role !== "root" || keys === undefined ? [] : [{ by: `root ${one.version}`, ...keys, keys: one.keys }];
    });
  }
  const files = new Map([...event.live, ...event.proposed]);
  return [...files].flatMap(([delegator, bytes]): Authority[] => {
    if (delegator === "root") return [];
    const { delegations, version } = parseTargets(bytes);
    const found = delegationTo(delegations, role);
    return delegations === undefined || found === undefined
      ? []
      : [{ by: `${delegator} ${version}`, ...found, keys: delegations.keys }];
  });
}

function keysOf(keys: readonly PublicKey[]): Fields {
  return Object.fromEntries(keys.map((key) => [tufKeyId(key), encodeTufKey(key)]));
}

function only(keys: Fields, used: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(keys).filter(([keyid]) => used.has(keyid)));
}

function rolesOf(delegations: Fields): Fields[] {
  const { roles } = delegations;
  return Array.isArray(roles) ? roles.map(toFields) : [];
}

function toFields(value: JsonValue): Fields {
  const object = JsonObject.exact(value, "metadata");
  return Object.assign(Object.create(null), Object.fromEntries(object.names().map((name) => [name, object.value(name) ?? null])));
}

function stringsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function noRole(found: string, expected: string): Error {
  return tufRepositoryError("TUF_EVENT_ROLE", `Cannot change event: ${found}`, { found, expected });
}

function unreachable(role: string, keys: number, threshold: number): Error {
  return tufRepositoryError(
    "TUF_REPOSITORY_SIGNER",
    `Cannot change event: ${role} would have ${keys} keys and a threshold of ${threshold}`,
    {
      found: String(keys),
      expected: `>= ${threshold}`,
    },
  );
}

function delegation(delegator: string, found: string, expected: string): Error {
  return tufRepositoryError("TUF_REPOSITORY_DELEGATION", `Cannot delegate from ${delegator}: ${found}, ${expected} expected`, {
    found,
    expected,
  });
}
