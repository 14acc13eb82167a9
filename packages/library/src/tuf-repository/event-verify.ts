// What an event carries beside signatures, verified: keys on offer, and the target files that its roles list.
import { sha256 } from "../crypto/index.ts";
import { encodeHex, equalBytes, isSigillumError } from "../encoding/index.ts";
import { parseTargets, signersOf, tufKeyId } from "../tuf/index.ts";
import type { Certificate } from "../x509/index.ts";
import { type CeremonyEvent, parseRole } from "./event.ts";
import { authorities } from "./event-edit.ts";
import { type KeySubmission, verifyPossession } from "./key-submission.ts";
import { type PivAttestation, verifyPivAttestation } from "./piv-attestation.ts";

/** A key on offer, with what was proved of it. */
export interface SubmittedKey {
  readonly keyid: string;
  readonly owner: string;
  readonly role: string;
  /** Whether whoever offers it showed to hold the private half, for this event. */
  readonly proved: boolean;
  /** What the token that made it says, where it has an attestation that holds. */
  readonly token?: PivAttestation;
  readonly problem?: string;
}

/** Verify every submitted key. Attestations are held against `makers`; where none are given an attestation is passed over. */
export function submittedKeys(event: CeremonyEvent, makers: readonly Certificate[]): readonly SubmittedKey[] {
  const tokens = new Map<string, string>();
  return [...event.submissions.values()].map((submission): SubmittedKey => {
    const { owner, role, publicKey } = submission;
    const key = { keyid: tufKeyId(publicKey), owner, role };
    const possession = problemOf(() => verifyPossession(event, submission));
    if (possession !== undefined) return { ...key, proved: false, problem: possession };
    if (submission.attestation === undefined || makers.length === 0) return { ...key, proved: true };
    return { ...key, proved: true, ...attested(submission, makers, tokens) };
  });
}

/** One token is one vote: a second key of it in one role is a problem, whatever its certificates look like. */
function attested(
  { attestation, owner, publicKey, role }: KeySubmission,
  makers: readonly Certificate[],
  tokens: Map<string, string>,
): Pick<SubmittedKey, "token" | "problem"> {
  if (attestation === undefined) return {};
  try {
    const token = verifyPivAttestation(publicKey, attestation, makers);
    const seat = `${role} ${token.serial}`;
    const other = tokens.get(seat);
    if (other !== undefined) return { token, problem: `token ${token.serial} holds the key of ${other} for ${role} as well` };
    tokens.set(seat, owner);
    return { token };
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return { problem: cause.message };
  }
}

/** Targets that a proposed role lists anew and that the event does not hold, or holds with other bytes. */
export function targetProblems(event: CeremonyEvent): readonly string[] {
  const problems: string[] = [];
  for (const [role, bytes] of event.proposed) {
    if (role === "root") continue;
    const live = event.live.get(role);
    const before = live === undefined ? undefined : parseTargets(live).targets;
    for (const [path, meta] of parseTargets(bytes).targets) {
      const expected = meta.hashes.get("sha256") ?? new Uint8Array();
      const known = before?.get(path)?.hashes.get("sha256");
      if (known !== undefined && equalBytes(known, expected)) continue;
      const file = event.targets.get(path);
      if (file === undefined) problems.push(`${role} lists ${path}, and the event does not hold it`);
      else if (!equalBytes(sha256(file), expected))
        problems.push(`${role} lists ${path} with sha256 ${encodeHex(expected)}, and the event holds ${encodeHex(sha256(file))}`);
    }
  }
  return problems;
}

/** Live roles that the event leaves as they are and that its new keys or thresholds would no longer vouch for. */
export function orphanedRoles(event: CeremonyEvent): readonly string[] {
  return [...event.live].flatMap(([role, bytes]) => {
    if (role === "root" || event.proposed.has(role)) return [];
    const file = parseTargets(bytes);
    return authorities(event, role).flatMap(({ by, keys, keyids, threshold }) => {
      const { size } = signersOf(keys, { keyids, threshold }, file);
      // What an authority did not vouch for before, the event does not take away.
      if (size >= threshold || !isChanged(event, by)) return [];
      return [`${role} ${file.version} stays as it is and would have ${size}/${threshold} by the keys of ${by}: propose it anew`];
    });
  });
}

function isChanged(event: CeremonyEvent, by: string): boolean {
  return [...event.proposed].some(([role, bytes]) => by === `${role} ${parseRole(role, bytes).version}`);
}

/** Keys that a proposed file names for a role and the live one does not, and that nobody submitted for that role. */
export function unprovenKeys(event: CeremonyEvent): readonly { readonly role: string; readonly keyid: string }[] {
  const offered = new Set([...event.submissions.values()].map(({ publicKey }) => tufKeyId(publicKey)));
  return [...event.proposed].flatMap(([role, bytes]) => {
    const live = event.live.get(role);
    const before = new Set(live === undefined ? [] : namedKeys(role, live).map(({ keyid }) => keyid));
    return namedKeys(role, bytes).filter(({ keyid }) => !before.has(keyid) && !offered.has(keyid));
  });
}

function namedKeys(role: string, bytes: Uint8Array): readonly { readonly role: string; readonly keyid: string }[] {
  const file = parseRole(role, bytes);
  if (file.role === "root")
    return [...file.roles].flatMap(([name, { keyids }]) => keyids.map((keyid) => ({ role: name, keyid })));
  return (file.delegations?.roles ?? []).flatMap(({ name, keyids }) => keyids.map((keyid) => ({ role: name, keyid })));
}

function problemOf(verify: () => void): string | undefined {
  try {
    verify();
    return undefined;
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return cause.message;
  }
}
