// root propose, delegate, rotate, revoke: what the conductor changes. Every change drops the signatures over what it changes.
import { JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { delegationTo, parseRoot, parseTargets, type RoleName, tufKeyId } from "@sigillum/library/tuf";
import {
  addKey,
  type CeremonyEvent,
  delegate,
  delegateBins,
  type KeySubmission,
  proposeRoot,
  proposeTargets,
  type RolePlan,
  renewRole,
  revokeDelegation,
  revokeKey,
  rotateKey,
  setThreshold,
  type TargetFile,
} from "@sigillum/library/tuf-repository";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { rootError } from "./errors.ts";
import { expiryOf, keyidOf, numbers, openEvent, pairs, readGiven, saveEvent, submissionOf, wholeNumber } from "./event.ts";
import type { StackLink } from "./link.ts";

const topRoles: readonly RoleName[] = ["root", "targets", "snapshot", "timestamp"];
const offlineDays = 365;

/** `sigillum root propose EVENT`: put the submitted keys into the root; set thresholds; add, remove and renew. */
export async function runRootPropose(args: Arguments, terminal: Terminal): Promise<number> {
  const opened = await openEvent(args);
  const expiresMs = expiryOf(args, offlineDays);
  const thresholds = numbers(args, "threshold");
  let { event } = opened;
  if (event.live.get("root") === undefined) event = proposeFirstRoot(event, thresholds, expiresMs);
  else {
    for (const submission of notYetIn(event)) event = addKey(event, submission, expiresMs);
    for (const [role, threshold] of thresholds) event = setThreshold(event, role, threshold, expiresMs);
  }
  for (const role of args.strings("renew")) event = renewRole(event, role, expiresMs);
  const [add, remove] = [await targetFiles(args), args.strings("remove")];
  const role = args.string("role") ?? "targets";
  const hasFile = event.live.has(role) || event.proposed.has(role);
  if (add.size > 0 || remove.length > 0 || !hasFile) event = proposeTargets(event, role, { add, remove, expiresMs });
  return saveEvent(opened.directory, event, terminal);
}

/** Root and targets by the keyholders, snapshot and timestamp by the machine; a majority where no threshold is set. */
function proposeFirstRoot(event: CeremonyEvent, thresholds: ReadonlyMap<string, number>, expiresMs: number): CeremonyEvent {
  const keysOf = (role: RoleName): KeySubmission["publicKey"][] =>
    [...event.submissions.values()].filter((one) => one.role === role).map(({ publicKey }) => publicKey);
  const plan = (role: RoleName, otherwise?: RoleName): RolePlan => {
    const own = keysOf(role);
    const keys = own.length > 0 || otherwise === undefined ? own : keysOf(otherwise);
    if (keys.length === 0) throw keysMissing(role);
    const majority = role === "root" || role === "targets" ? Math.floor(keys.length / 2) + 1 : 1;
    return {
      keys,
      threshold: thresholds.get(role) ?? (own.length === 0 ? thresholds.get(otherwise ?? role) : undefined) ?? majority,
    };
  };
  return proposeRoot(event, {
    expiresMs,
    roles: { root: plan("root"), targets: plan("targets", "root"), snapshot: plan("snapshot"), timestamp: plan("timestamp") },
  });
}

function keysMissing(role: string): Error {
  return rootError("ROOT_KEYS_MISSING", `Cannot propose: nobody has submitted a key for ${role}`, {
    found: "no submission",
    expected: `sigillum root add-key EVENT --role ${role} --owner NAME --key KEY`,
  });
}

/** Submitted keys for roles of the root that it does not name yet. */
function notYetIn(event: CeremonyEvent): readonly KeySubmission[] {
  const root = parseRoot(event.proposed.get("root") ?? event.live.get("root") ?? new Uint8Array());
  return [...event.submissions.values()].filter(({ role, publicKey }) => {
    const known = topRoles.find((name) => name === role);
    return known !== undefined && root.roles.get(known)?.keyids.includes(tufKeyId(publicKey)) !== true;
  });
}

async function targetFiles(args: Arguments): Promise<ReadonlyMap<string, TargetFile>> {
  const files = new Map<string, TargetFile>();
  for (const [path, file] of pairs(args, "target")) files.set(path, { bytes: await readGiven(file) });
  return files;
}

/** `sigillum root delegate EVENT NAME`: delegate to the holders of the keys that were submitted for NAME. */
export async function runRootDelegate(args: Arguments, terminal: Terminal): Promise<number> {
  args.exclusive("paths", "path-hash-prefixes", "bins");
  const opened = await openEvent(args);
  const [, name = ""] = args.positionals;
  const expiresMs = expiryOf(args, offlineDays);
  const delegator = args.string("delegator") ?? "targets";
  const plan = delegationKeys(opened.event, delegator, name, wholeNumber(args, "threshold", 1));
  let { event } = opened;
  if (args.has("bins")) {
    const bitLength = wholeNumber(args, "bins", 4);
    event = delegateBins(event, delegator, { ...plan, bitLength, namePrefix: name }, expiresMs);
    return saveEvent(opened.directory, event, terminal);
  }
  const [paths, pathHashPrefixes] = [args.strings("paths"), args.strings("path-hash-prefixes")];
  const position = args.string("position");
  event = delegate(
    event,
    delegator,
    {
      ...plan,
      name,
      terminating: args.boolean("terminating"),
      ...(paths.length === 0 ? {} : { paths }),
      ...(pathHashPrefixes.length === 0 ? {} : { pathHashPrefixes }),
      ...(position === undefined ? {} : { position: wholeNumber(args, "position", 1) - 1 }),
    },
    expiresMs,
  );
  const add = await targetFiles(args);
  if (add.size > 0 || !(event.live.has(name) || event.proposed.has(name)))
    event = proposeTargets(event, name, { add, expiresMs });
  return saveEvent(opened.directory, event, terminal);
}

/** The keys that the delegation has already and those that were submitted for it, each with proof of possession. */
function delegationKeys(event: CeremonyEvent, delegator: string, name: string, threshold: number): RolePlan {
  const file = event.proposed.get(delegator) ?? event.live.get(delegator);
  const delegations = file === undefined ? undefined : parseTargets(file).delegations;
  const known = (delegationTo(delegations, name)?.keyids ?? []).flatMap((keyid) => delegations?.keys.get(keyid)?.publicKey ?? []);
  const offered = [...event.submissions.values()].filter((one) => one.role === name).map(({ publicKey }) => publicKey);
  const keys = [...new Map([...known, ...offered].map((key) => [tufKeyId(key), key] as const)).values()];
  if (keys.length === 0) throw keysMissing(name);
  return { keys, threshold };
}

/** `sigillum root rotate`: replace a key of a role, in an event or, where the root is signed by the stack, at once. */
export async function runRootRotate(args: Arguments, terminal: Terminal, link?: StackLink): Promise<number> {
  const role = args.required("role", "it says whose key is replaced");
  if (link !== undefined) {
    const restart: JsonValue = [...args.strings("restart")];
    const answer = await link("tuf.rotate", { role, ...(restart.length === 0 ? {} : { restart }) });
    const version = JsonObject.exact(answer, "answer").object("root").safeInteger("version");
    if (terminal.format === "json") terminal.json(answer);
    else terminal.out(`Replaced the key of ${role}: root version ${version} is published`);
    return exitCodes.success;
  }
  const opened = await openEvent(args);
  const old = args.required("old", "it names the key that goes");
  const submission = submissionOf(opened.event, role, args.required("new", "it names the submitted key that comes"));
  const keyid = keyidOf(opened.event, role, roleKeyids(opened.event, role), old);
  return saveEvent(opened.directory, rotateKey(opened.event, keyid, submission, expiryOf(args, offlineDays)), terminal);
}

/** `sigillum root revoke EVENT`: take a key out of a role, or end a delegation. */
export async function runRootRevoke(args: Arguments, terminal: Terminal): Promise<number> {
  args.exclusive("delegation", "role");
  const { directory, event } = await openEvent(args);
  const expiresMs = expiryOf(args, offlineDays);
  const delegation = args.string("delegation");
  if (delegation !== undefined)
    return saveEvent(directory, revokeDelegation(event, args.string("delegator") ?? "targets", delegation, expiresMs), terminal);
  const role = args.required("role", "it says whose key is revoked");
  const keyid = keyidOf(event, role, roleKeyids(event, role), args.required("key", "it names the key that goes"));
  return saveEvent(directory, revokeKey(event, role, keyid, expiresMs), terminal);
}

function roleKeyids(event: CeremonyEvent, role: string): readonly string[] {
  const bytes = event.proposed.get("root") ?? event.live.get("root");
  const name = topRoles.find((one) => one === role);
  if (bytes === undefined || name === undefined) return [];
  return parseRoot(bytes).roles.get(name)?.keyids ?? [];
}
