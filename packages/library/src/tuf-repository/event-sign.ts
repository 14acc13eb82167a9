// Signing an event, here or elsewhere: nothing is stored that does not verify, and nothing is finished before every threshold is met.
import { type Signer, sha256 } from "../crypto/index.ts";
import { encodeHex, equalBytes, quote } from "../encoding/index.ts";
import { isSignedBy, type RootMetadata, signersOf, type TargetsMetadata, type TufKey, tufMessage } from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";
import { type CeremonyEvent, parseRole, withSignatures } from "./event.ts";
import { authorities } from "./event-edit.ts";
import type { CeremonyFiles } from "./publication.ts";

/** What a machine that knows nothing of TUF signs: the bytes, and their digest to compare by eye. */
export interface SigningPayload {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** What to sign for each proposed role. */
export function signingPayloads(event: CeremonyEvent): readonly SigningPayload[] {
  return [...event.proposed].map(([role, file]) => {
    const { version, signedBytes } = parseRole(role, file);
    return { role, version, bytes: signedBytes, sha256: encodeHex(sha256(signedBytes)) };
  });
}

/** Sign every proposed role that the signer's key may sign; throws TUF_EVENT_SIGNATURE where there is none. */
export async function signEvent(
  event: CeremonyEvent,
  signer: Signer,
  roles: readonly string[] = [...event.proposed.keys()],
): Promise<CeremonyEvent> {
  let next = event;
  for (const role of roles) {
    const key = keysFor(event, role).find(({ publicKey }) => equalBytes(publicKey.spki, signer.publicKey.spki));
    if (key === undefined) continue;
    next = addSignature(
      next,
      role,
      key.keyid,
      await signer.sign(tufMessage(signer.publicKey, proposedFile(event, role).signedBytes)),
    );
  }
  if (next !== event) return next;
  throw tufRepositoryError("TUF_EVENT_SIGNATURE", `Cannot sign event ${quote(event.name)}: the key is in none of its roles`, {
    found: roles.join(", "),
    expected: "a key of a proposed role",
  });
}

/** Take a signature that was made elsewhere; throws TUF_EVENT_SIGNATURE unless it is by a key of the role, over the proposed file. */
export function addSignature(event: CeremonyEvent, role: string, keyid: string, signature: Uint8Array): CeremonyEvent {
  const file = proposedFile(event, role);
  const key = keysFor(event, role).find((one) => one.keyid === keyid);
  if (key === undefined || !isSignedBy(key, file.signedBytes, signature)) {
    const why = key === undefined ? "it is no key of the role" : "the signature is not over the proposed file";
    throw tufRepositoryError(
      "TUF_EVENT_SIGNATURE",
      `Cannot add a signature of ${quote(keyid.slice(0, 16))} to ${role} ${file.version}: ${why}`,
      {
        found: keyid,
        expected: keysFor(event, role)
          .map((one) => one.keyid.slice(0, 16))
          .join(", "),
      },
    );
  }
  const signatures = new Map(file.signatures.map((one) => [one.keyid, one.signature] as const)).set(keyid, signature);
  return { ...event, proposed: new Map(event.proposed).set(role, withSignatures(file.bytes, signatures)) };
}

/**
 * What the event hands to the publisher, once every threshold is met: a root by the old and the new keys. Throws TUF_EVENT_INCOMPLETE,
 * or TUF_EVENT_STALE where something else was published meanwhile. Empty slots are left out.
 */
export function finishEvent(event: CeremonyEvent, published: ReadonlyMap<string, Uint8Array> = event.live): CeremonyFiles {
  const files = new Map<string, Uint8Array>();
  for (const role of event.proposed.keys()) {
    const [live, now] = [event.live.get(role), published.get(role)];
    if ((live === undefined) !== (now === undefined) || (live !== undefined && now !== undefined && !equalBytes(live, now))) {
      throw tufRepositoryError(
        "TUF_EVENT_STALE",
        `Cannot finish event ${quote(event.name)}: ${role} was published anew since it began`,
        {
          found: now === undefined ? "nothing" : String(parseRole(role, now).version),
          expected: live === undefined ? "nothing" : String(parseRole(role, live).version),
        },
      );
    }
    files.set(role, finishedFile(event, role));
  }
  const [root, targets] = [files.get("root"), files.get("targets")];
  const delegated = new Map([...files].filter(([role]) => role !== "root" && role !== "targets"));
  return {
    ...(root === undefined ? {} : { root }),
    ...(targets === undefined ? {} : { targets }),
    delegated,
    files: event.targets,
  };
}

function finishedFile(event: CeremonyEvent, role: string): Uint8Array {
  const file = proposedFile(event, role);
  const over = authorities(event, role);
  for (const { by, keys, threshold, keyids } of over) {
    const { size } = signersOf(keys, { keyids, threshold }, file);
    if (size >= threshold) continue;
    throw tufRepositoryError(
      "TUF_EVENT_INCOMPLETE",
      `Cannot finish ${role} ${file.version}: ${size} keys of ${by} signed, ${threshold} expected`,
      {
        found: String(size),
        expected: String(threshold),
      },
    );
  }
  if (over.length === 0)
    throw tufRepositoryError("TUF_EVENT_ROLE", `Cannot finish ${role} ${file.version}: nobody delegates to it`);
  return withSignatures(
    file.bytes,
    new Map(file.signatures.filter(({ signature }) => signature.length > 0).map((one) => [one.keyid, one.signature])),
  );
}

function keysFor(event: CeremonyEvent, role: string): readonly TufKey[] {
  return authorities(event, role).flatMap(({ keyids, keys }) => keyids.flatMap((keyid) => keys.get(keyid) ?? []));
}

function proposedFile(event: CeremonyEvent, role: string): RootMetadata | TargetsMetadata {
  const bytes = event.proposed.get(role);
  if (bytes !== undefined) return parseRole(role, bytes);
  throw tufRepositoryError("TUF_EVENT_ROLE", `Cannot sign event ${quote(event.name)}: it proposes no ${role}`, {
    found: [...event.proposed.keys()].join(", "),
    expected: role,
  });
}
