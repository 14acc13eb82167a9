// What the control socket can ask of the publisher: how things stand, the stack's part in a ceremony, new keys, and a look at what is due.
import { encodeBase64, formatRfc3339, JsonObject, type JsonValue, parseUtf8 } from "@sigillum/library/encoding";
import type { RoleName } from "@sigillum/library/tuf";
import { type CeremonyFiles, encodeKeySubmission, type PublicationDuty, submitKey } from "@sigillum/library/tuf-repository";
import type { Action } from "../host/index.ts";
import { tufPublisherError } from "./errors.ts";
import { type Publisher, versions } from "./publisher.ts";

/** The actions of a publisher, by name. */
export function publisherActions(publisher: Publisher): ReadonlyMap<string, Action> {
  return new Map<string, Action>([
    ["tuf.status", () => status(publisher)],
    ["tuf.tick", async () => ({ published: await publisher.tick(), ...versions(publisher.state) })],
    ["tuf.event", (input) => joinEvent(publisher, JsonObject.exact(input, "input"))],
    ["tuf.publish", (input) => publishEvent(publisher, JsonObject.exact(input, "input"))],
    ["tuf.rotate", (input) => rotate(publisher, JsonObject.exact(input, "input"))],
  ]);
}

async function status(publisher: Publisher): Promise<JsonValue> {
  const { ready, reason } = publisher.readiness();
  const nowMs = publisher.options.clock.nowMs();
  return {
    ready,
    ...(reason === undefined ? {} : { reason }),
    now: formatRfc3339(Math.floor(nowMs / 1000) * 1000),
    firstRootSha256: (await publisher.firstRootSha256()) ?? null,
    ...versions(publisher.state),
    duties: dutiesAsJson(await publisher.duties(), nowMs),
    advice: advice(publisher),
  };
}

/** What is needed next, in days: whoever reads it is told whose it is. */
function dutiesAsJson(duties: readonly PublicationDuty[], nowMs: number): JsonValue {
  return duties.map(({ role, version, expiresMs, dueMs, who, state, outdated }) => ({
    role,
    version,
    expires: formatRfc3339(expiresMs),
    expiresDays: Math.floor((expiresMs - nowMs) / 86_400_000),
    due: formatRfc3339(dueMs),
    dueDays: Math.floor((dueMs - nowMs) / 86_400_000),
    who,
    state,
    ...(outdated === undefined ? {} : { outdated }),
  }));
}

function advice(publisher: Publisher): JsonValue {
  const { signers } = publisher.options.keys.over(publisher.state?.root);
  if (signers.root.length === 0) return [];
  return [
    "the root key lies in the data directory, where whoever takes the machine takes the trust: move its file away (docs/ceremony.md)",
  ];
}

/** The stack's part in a ceremony: what is live, the keys of this machine for the roles it signs, and the targets that it would publish. */
async function joinEvent(publisher: Publisher, input: JsonObject): Promise<JsonValue> {
  const head = { name: input.string("name"), nonce: input.string("nonce") };
  const wanted = input.has("rotate") ? input.strings("rotate").map(roleOf) : [];
  const { keys, files } = publisher.options;
  const { state } = publisher;
  const firstRoot = await publisher.firstRoot();
  const repository = (await publisher.firstRootSha256()) ?? "new";
  const roles: readonly RoleName[] = state === undefined ? ["snapshot", "timestamp"] : wanted;
  const submissions: JsonValue[] = [];
  for (const role of roles) {
    const signer = state === undefined ? keys.newest(role) : await keys.next(role);
    if (signer === undefined) throw offline(role);
    const submission = await submitKey({ ...head, repository }, { owner: "stack", role, signer });
    submissions.push(parseUtf8(encodeKeySubmission(submission)));
  }
  const live =
    state === undefined
      ? {}
      : Object.fromEntries(
          [["root", state.root] as const, ["targets", state.targets] as const, ...state.delegated].map(([role, { bytes }]) => [
            role,
            encodeBase64(bytes),
          ]),
        );
  const targets = [...(await files())].map(([path, { bytes, custom }]) => ({
    path,
    bytes: encodeBase64(bytes),
    ...(custom === undefined ? {} : { custom }),
  }));
  return { repository, live, submissions, targets, ...(firstRoot === undefined ? {} : { firstRoot: encodeBase64(firstRoot) }) };
}

/** Publish what keyholders signed; every check of a publication is made here, whatever the asker has checked. */
async function publishEvent(publisher: Publisher, input: JsonObject): Promise<JsonValue> {
  const files = (name: string): ReadonlyMap<string, Uint8Array> => {
    const listed = input.object(name);
    return new Map(listed.names().map((key) => [key, listed.base64(key)] as const));
  };
  const metadata = files("metadata");
  const [root, targets] = [metadata.get("root"), metadata.get("targets")];
  const ceremony: CeremonyFiles = {
    ...(root === undefined ? {} : { root }),
    ...(targets === undefined ? {} : { targets }),
    delegated: new Map([...metadata].filter(([role]) => role !== "root" && role !== "targets")),
    files: files("files"),
  };
  await publisher.publish({ ceremony, ...restart(input) });
  return { ...versions(publisher.state), firstRootSha256: (await publisher.firstRootSha256()) ?? null };
}

/** Give a role a new key where the root is signed here too; the root that names it is published when this resolves. */
async function rotate(publisher: Publisher, input: JsonObject): Promise<JsonValue> {
  const role = roleOf(input.string("role"));
  if (publisher.options.keys.over(publisher.state?.root).signers.root.length === 0) throw offline(role);
  await publisher.options.keys.next(role);
  await publisher.publish(restart(input));
  return versions(publisher.state);
}

/** Versions to begin anew after a theft of online keys raised them without bound. */
function restart(input: JsonObject): { restartAt?: Record<string, number> } {
  if (!input.has("restart")) return {};
  const roles = input.strings("restart").map(roleOf);
  return { restartAt: Object.fromEntries(roles.map((role) => [role, 1])) };
}

function roleOf(name: string): RoleName {
  const role = (["root", "targets", "snapshot", "timestamp"] as const).find((one) => one === name);
  if (role !== undefined) return role;
  throw tufPublisherError("TUF_KEYS_OFFLINE", `Cannot find role ${JSON.stringify(name.slice(0, 40))}: it is no top-level role`, {
    found: name,
    expected: "root, targets, snapshot or timestamp",
  });
}

function offline(role: string): Error {
  return tufPublisherError("TUF_KEYS_OFFLINE", `Cannot replace the key of ${role} here: the root is signed by keyholders`, {
    found: "no root key in the data directory",
    expected: `an event of the keyholders: sigillum root init EVENT --data DIR --rotate ${role}`,
  });
}
