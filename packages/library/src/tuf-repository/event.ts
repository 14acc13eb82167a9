// A ceremony event: what is proposed, over what is live, as a folder that can be mailed, kept in git or carried on a stick.
import { sha256 } from "../crypto/index.ts";
import {
  encodeHex,
  encodeUtf8,
  equalBytes,
  formatRfc3339,
  isSigillumError,
  JsonObject,
  type JsonValue,
  parseJson,
  quote,
} from "../encoding/index.ts";
import { parseRoot, parseTargets, type RootMetadata, roleFileName, type TargetsMetadata } from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";
import { type EventHead, encodeKeySubmission, type KeySubmission, parseKeySubmission, submissionName } from "./key-submission.ts";
import type { PublishedState } from "./published-state.ts";

/** An event. Its files are as they were given: nothing of it has been verified, `reportEvent` says what holds. */
export interface CeremonyEvent extends EventHead {
  /** The published files that are to be replaced, by role: root and targets-type roles alone. */
  readonly live: ReadonlyMap<string, Uint8Array>;
  /** The proposed files with the signatures that came in, by role. */
  readonly proposed: ReadonlyMap<string, Uint8Array>;
  /** Target files that the proposed roles list anew, by path. */
  readonly targets: ReadonlyMap<string, Uint8Array>;
  /** Keys that were submitted with proof of possession, by `submissionName`. */
  readonly submissions: ReadonlyMap<string, KeySubmission>;
}

/** Most files in the folder of an event, and most bytes of one. */
export const eventLimits: { readonly files: number; readonly bytes: number } = { files: 4096, bytes: 16 * 1024 * 1024 };

/** Begin an event over what is published, or for a new repository. Nothing is proposed yet. */
export function startEvent(options: {
  readonly name: string;
  readonly nonce: string;
  readonly nowMs: number;
  /** Absent for a new repository. */
  readonly live?: {
    readonly state: Pick<PublishedState, "root" | "targets" | "delegated">;
    readonly firstRoot: Uint8Array;
  };
}): CeremonyEvent {
  const { state, firstRoot } = options.live ?? {};
  const live = new Map<string, Uint8Array>();
  if (state !== undefined) {
    live.set("root", state.root.bytes).set("targets", state.targets.bytes);
    for (const [role, file] of state.delegated) live.set(role, file.bytes);
  }
  return {
    name: options.name,
    repository: firstRoot === undefined ? "new" : encodeHex(sha256(firstRoot)),
    nonce: options.nonce,
    createdMs: Math.floor(options.nowMs / 1000) * 1000,
    live,
    proposed: new Map(),
    targets: new Map(),
    submissions: new Map(),
  };
}

/** The files of an event's folder by path, `/` between segments. */
export function encodeEvent(event: CeremonyEvent): ReadonlyMap<string, Uint8Array> {
  const head = {
    name: event.name,
    repository: event.repository,
    nonce: event.nonce,
    created: formatRfc3339(event.createdMs),
  };
  const files = new Map([["event.json", encodeUtf8(`${JSON.stringify(head, null, 1)}\n`)]]);
  for (const [role, bytes] of event.live) files.set(`live/${roleFileName(role)}`, bytes);
  for (const [role, bytes] of event.proposed) files.set(`proposed/${roleFileName(role)}`, bytes);
  for (const [path, bytes] of event.targets) files.set(`targets/${encodeURIComponent(path)}`, bytes);
  for (const [name, submission] of event.submissions)
    files.set(`keys/${encodeURIComponent(name)}.json`, encodeKeySubmission(submission));
  return files;
}

/** Read an event from the files of its folder; throws TUF_EVENT_MALFORMED. Files that do not belong there are refused, not passed over. */
export function parseEvent(files: ReadonlyMap<string, Uint8Array>): CeremonyEvent {
  if (files.size > eventLimits.files) throw malformed(`${files.size} files`, `at most ${eventLimits.files}`);
  const parts = {
    live: new Map<string, Uint8Array>(),
    proposed: new Map<string, Uint8Array>(),
    targets: new Map<string, Uint8Array>(),
  };
  const submissions = new Map<string, KeySubmission>();
  return reading(() => {
    for (const [path, bytes] of files) {
      if (bytes.length > eventLimits.bytes) throw malformed(`${path} has ${bytes.length} bytes`, `at most ${eventLimits.bytes}`);
      const [, folder, name = ""] = /^(live|proposed|targets|keys)\/([^/]+)$/.exec(path) ?? [];
      if (folder === "targets") parts.targets.set(decode(name), bytes);
      else if (folder === "keys") {
        const submission = parseKeySubmission(bytes);
        // A file under another name could stand for the same key and role twice.
        if (decode(name) !== `${submissionName(submission)}.json`)
          throw malformed(`a key under the name ${quote(name)}`, `${submissionName(submission)}.json`);
        submissions.set(submissionName(submission), submission);
      } else if (folder === "live" || folder === "proposed") parts[folder].set(decode(name.replace(/\.json$/, "")), bytes);
      else if (path !== "event.json") throw malformed(`a file ${quote(path)}`, "none of that name");
    }
    for (const [role, bytes] of [...parts.live, ...parts.proposed])
      void (role === "root" ? parseRoot(bytes) : parseTargets(bytes));
    const head = JsonObject.exact(parseJson(files.get("event.json") ?? new Uint8Array()), "event.json");
    return {
      name: head.string("name"),
      repository: head.string("repository"),
      nonce: head.string("nonce"),
      createdMs: head.timestampMs("created"),
      live: inOrder(parts.live),
      proposed: inOrder(parts.proposed),
      targets: parts.targets,
      submissions: new Map([...submissions].sort(([a, one], [b, other]) => compare(one.owner, other.owner) || compare(a, b))),
    };
  });
}

/** A folder has no order of its own: root, targets, then the delegated roles by name. */
function inOrder(files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  const rank = (role: string): string => (role === "root" ? "0" : role === "targets" ? "1" : `2${role}`);
  return new Map([...files].sort(([a], [b]) => compare(rank(a), rank(b))));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Run a parser; what other rooms refuse is a malformed event with their words. */
function reading<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code === "TUF_EVENT_MALFORMED") throw cause;
    throw tufRepositoryError("TUF_EVENT_MALFORMED", `Cannot read event: ${cause.message}`, { cause });
  }
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (cause) {
    throw tufRepositoryError("TUF_EVENT_MALFORMED", `Cannot read event: file name ${quote(name)} is not percent-encoded`, {
      cause,
    });
  }
}

function malformed(found: string, expected: string): Error {
  return tufRepositoryError("TUF_EVENT_MALFORMED", `Cannot read event: it has ${found}, ${expected} expected`, {
    found,
    expected,
  });
}

/**
 * Join what came in on two copies of one event: signatures and submitted keys. Throws TUF_EVENT_CONFLICT where they propose different
 * things, so that nobody's signature is taken for something that person did not see. Signatures are verified by `reportEvent`.
 */
export function mergeEvents(event: CeremonyEvent, copy: CeremonyEvent): CeremonyEvent {
  if (copy.nonce !== event.nonce || copy.repository !== event.repository) throw conflict("they are two events", event.name);
  for (const role of new Set([...event.proposed.keys(), ...copy.proposed.keys()])) {
    const [mine, theirs] = [event.proposed.get(role), copy.proposed.get(role)];
    // A copy that left before this file was proposed has no signature of it to bring.
    if (theirs === undefined) continue;
    if (mine === undefined || !equalBytes(parseRole(role, mine).signedBytes, parseRole(role, theirs).signedBytes))
      throw conflict(`they propose two files of ${role}`, event.name);
  }
  const proposed = new Map(
    [...event.proposed].map(([role, bytes]) => [role, joinSignatures(role, bytes, copy.proposed.get(role))] as const),
  );
  return { ...event, proposed, submissions: new Map([...event.submissions, ...copy.submissions]) };
}

function conflict(found: string, name: string): Error {
  return tufRepositoryError("TUF_EVENT_CONFLICT", `Cannot merge event ${quote(name)}: ${found}`, {
    found,
    expected: "two copies of one event",
  });
}

function joinSignatures(role: string, mine: Uint8Array, theirs: Uint8Array | undefined): Uint8Array {
  if (theirs === undefined) return mine;
  const signatures = new Map(parseRole(role, mine).signatures.map(({ keyid, signature }) => [keyid, signature] as const));
  for (const { keyid, signature } of parseRole(role, theirs).signatures)
    if (signature.length > 0) signatures.set(keyid, signature);
  return withSignatures(mine, signatures);
}

/** The file with these signatures by key id instead of its own; what is signed keeps every byte of its meaning. */
export function withSignatures(file: Uint8Array, signatures: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const signed = JsonObject.exact(parseJson(file), "metadata").value("signed") ?? null;
  return encodeFile(
    signed,
    [...signatures].map(([keyid, signature]) => ({ keyid, sig: encodeHex(signature) })),
  );
}

/** A metadata file around a signed part. */
export function encodeFile(signed: JsonValue, signatures: JsonValue[]): Uint8Array {
  return encodeUtf8(`${JSON.stringify({ signatures, signed }, null, 1)}\n`);
}

/** Read a proposed or live file as what its role is. */
export function parseRole(role: string, bytes: Uint8Array): RootMetadata | TargetsMetadata {
  return role === "root" ? parseRoot(bytes) : parseTargets(bytes);
}

/** The root that the event leads to: the proposed one, else the live one. */
export function eventRoot(event: CeremonyEvent): RootMetadata | undefined {
  const bytes = event.proposed.get("root") ?? event.live.get("root");
  return bytes === undefined ? undefined : parseRoot(bytes);
}

/** A targets-type role as the event leaves it: proposed, else live. */
export function eventTargets(event: CeremonyEvent, role: string): TargetsMetadata | undefined {
  const bytes = event.proposed.get(role) ?? event.live.get(role);
  return bytes === undefined || role === "root" ? undefined : parseTargets(bytes);
}
