// root publish, tick, copy: from an event to what clients see, and keeping it fresh.

import type { Signer } from "@sigillum/library/crypto";
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeHex, formatRfc3339, type JsonValue } from "@sigillum/library/encoding";
import type { RoleName } from "@sigillum/library/tuf";
import { openPlace, type PlaceOptions } from "@sigillum/library/tuf-place";
import {
  type CeremonyFiles,
  copyRepository,
  defaultPeriods,
  finishEvent,
  type PublicationPlan,
  type PublishedFile,
  type PublishedState,
  planPublication,
  type RepositoryPlace,
  readPublished,
  whilePublishing,
  writePublication,
} from "@sigillum/library/tuf-repository";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { openPrivateKey } from "../key/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { openEvent, wholeNumber } from "./event.ts";
import type { StackLink } from "./link.ts";

const dayMs = 86_400_000;
const topRoles: readonly RoleName[] = ["root", "targets", "snapshot", "timestamp"];

/** `sigillum root publish EVENT`: publish what keyholders signed, to a place or through a running stack. */
export async function runRootPublish(args: Arguments, terminal: Terminal, link?: StackLink): Promise<number> {
  args.exclusive("to", "data");
  const { event } = await openEvent(args);
  if (link !== undefined) {
    const ceremony = finishEvent(event);
    const restart: JsonValue = [...args.strings("restart")];
    const answer = await link("tuf.publish", { ...encodeCeremony(ceremony), ...(restart.length === 0 ? {} : { restart }) });
    if (terminal.format === "json") terminal.json(answer);
    else terminal.out(`Published event ${event.name} through the running stack`);
    return exitCodes.success;
  }
  const place = openPlace(args.required("to", "it says where to publish"), placeOptions(args));
  // Keys are opened first: a passphrase is not asked for while others wait.
  const plan = await planOf(args, terminal);
  return publish(place, (state) => ({ ...plan, ceremony: finishEvent(event, publishedFiles(state)) }), terminal);
}

function placeOptions(args: Arguments): PlaceOptions {
  return { environment: process.env, acceptUnguarded: args.boolean("no-lock") };
}

/** `sigillum root tick PLACE`: sign again what is due, with the keys that are at hand; nothing where nothing is due. */
export async function runRootTick(args: Arguments, terminal: Terminal, link?: StackLink): Promise<number> {
  if (link !== undefined) {
    const answer = await link("tuf.tick", {});
    if (terminal.format === "json") terminal.json(answer);
    else terminal.out("The running stack has signed what was due");
    return exitCodes.success;
  }
  const [address] = args.positionals;
  if (address === undefined) {
    throw argumentError("ARGUMENT_COUNT", "Cannot run root tick: it needs the place of a repository, or --data", {
      expected: "PLACE",
    });
  }
  const plan = await planOf(args, terminal);
  return publish(openPlace(address, placeOptions(args)), () => plan, terminal);
}

/** `sigillum root copy FROM TO`: bring a copy of a repository up to date. */
export async function runRootCopy(args: Arguments, terminal: Terminal): Promise<number> {
  const [from = "", to = ""] = args.positionals;
  const options = placeOptions(args);
  const copied = await copyRepository(openPlace(from, options), openPlace(to, options));
  if (terminal.format === "json") terminal.json({ copied });
  else terminal.out(copied ? `Copied ${from} to ${to}` : `${to} is up to date`);
  return exitCodes.success;
}

function publishedFiles(state: PublishedState | undefined): ReadonlyMap<string, Uint8Array> {
  if (state === undefined) return new Map();
  return new Map([
    ["root", state.root.bytes] as const,
    ["targets", state.targets.bytes] as const,
    ...[...state.delegated].map(([role, { bytes }]) => [role, bytes] as const),
  ]);
}

async function planOf(args: Arguments, terminal: Terminal): Promise<PublicationPlan> {
  const byRole = new Map<string, Signer[]>();
  for (const word of args.strings("sign")) {
    const at = word.indexOf("=");
    if (at < 1) {
      throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${args.command}: --sign is ROLE=KEY`, {
        found: word,
        expected: "ROLE=KEY",
      });
    }
    const role = word.slice(0, at);
    byRole.set(role, [...(byRole.get(role) ?? []), await openPrivateKey(word.slice(at + 1), terminal)]);
  }
  const period = (role: RoleName) => {
    const { lifetimeMs, renewBeforeMs } = defaultPeriods[role];
    const own = wholeNumber(args, `${role}-days`, lifetimeMs / dayMs) * dayMs;
    return { lifetimeMs: own, renewBeforeMs: Math.floor((own * renewBeforeMs) / lifetimeMs) };
  };
  const restart = args.declares("restart") ? args.strings("restart") : [];
  return {
    nowMs: Date.now(),
    // Root and targets are keyholders': they bring their expiry with them.
    periods: { ...defaultPeriods, snapshot: period("snapshot"), timestamp: period("timestamp") },
    files: new Map(),
    signers: {
      root: [],
      targets: [],
      snapshot: byRole.get("snapshot") ?? [],
      timestamp: byRole.get("timestamp") ?? [],
    },
    thresholds: { root: 1, targets: 1, snapshot: 1, timestamp: 1 },
    delegatedSigners: new Map([...byRole].filter(([role]) => !topRoles.some((top) => top === role))),
    ...(restart.length === 0 ? {} : { restartAt: Object.fromEntries(restart.map((role) => [role, 1])) }),
  };
}

async function publish(
  place: RepositoryPlace,
  planFor: (state: PublishedState | undefined) => PublicationPlan,
  terminal: Terminal,
): Promise<number> {
  const { state, files, after } = await whilePublishing(place, async () => {
    const state = await readPublished(place);
    const files = await planPublication(state, planFor(state));
    await writePublication(place, files);
    return { state, files, after: await readPublished(place) };
  });
  const firstRoot = await place.read("1.root.json");
  const firstRootSha256 = firstRoot === undefined ? undefined : encodeHex(sha256(firstRoot));
  const versions = topRoles.flatMap((role) =>
    after === undefined ? [] : [{ role, version: after[role].version, expires: formatRfc3339(after[role].expiresMs) }],
  );
  if (terminal.format === "json") {
    terminal.json({ published: files.map(({ path }) => path), roles: versions, firstRootSha256 });
    return exitCodes.success;
  }
  terminal.out(files.length === 0 ? `Nothing is due in ${place.name}` : `Published ${plural(files)} to ${place.name}`);
  for (const { role, version, expires } of versions) terminal.out(`  ${role.padEnd(9)}  version ${version}, expires ${expires}`);
  if (state === undefined && firstRootSha256 !== undefined)
    terminal.out(`To trust it: sigillum trust add URL --root-sha256 ${firstRootSha256}`);
  return exitCodes.success;
}

function plural(files: readonly PublishedFile[]): string {
  return files.length === 1 ? "one file" : `${files.length} files`;
}

/** What keyholders signed, for the control socket. */
function encodeCeremony(ceremony: CeremonyFiles): { metadata: JsonValue; files: JsonValue } {
  const encoded = (files: Iterable<readonly [string, Uint8Array]>): JsonValue =>
    Object.fromEntries([...files].map(([name, bytes]) => [name, encodeBase64(bytes)] as const));
  const { root, targets, delegated = new Map(), files = new Map() } = ceremony;
  return {
    metadata: encoded([
      ...(root === undefined ? [] : [["root", root] as const]),
      ...(targets === undefined ? [] : [["targets", targets] as const]),
      ...delegated,
    ]),
    files: encoded(files),
  };
}
