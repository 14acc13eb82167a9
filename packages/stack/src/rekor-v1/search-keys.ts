// The texts under which Rekor v1 finds an entry of the two kinds that are logged most (transparency log, search), its prefix oddities
// included; those of the older kinds come from the room `legacy-entries`.
import { statementPayloadType } from "@sigillum/library/attestation";
import { encodeHex } from "@sigillum/library/encoding";
import type { DsseV001, HashedRekordV001, ProposedEntry } from "@sigillum/library/log-entry";
import { normalizedKeys, statementKeys, subjectsOf, verifierKey } from "../legacy-entries/index.ts";

/** The search keys of an entry that is about to be stored; those of a statement are in the proposal alone. */
export function searchKeysOf(proposed: ProposedEntry, stored: HashedRekordV001 | DsseV001): string[] {
  return normalizedKeys(stored.kind === "dsse" ? dsseKeys(proposed, stored) : hashedRekordKeys(stored));
}

function hashedRekordKeys(entry: HashedRekordV001): string[] {
  return [verifierKey(entry.verifier), ...subjectsOf(entry.verifier), `${entry.hashAlgorithm}:${encodeHex(entry.digest)}`];
}

// TRAP: dsse prefixes the key's hash, so that a search by key does not find it but a search by that hash does.
function dsseKeys(proposed: ProposedEntry, entry: DsseV001): string[] {
  const keys = entry.signatures.flatMap(({ verifier }) => [`sha256:${verifierKey(verifier)}`, ...subjectsOf(verifier)]);
  keys.push(`sha256:${encodeHex(entry.payloadHash)}`, `sha256:${encodeHex(entry.envelopeHash)}`);
  if (proposed.kind === "dsse" && proposed.envelope.payloadType === statementPayloadType)
    keys.push(...statementKeys(proposed.envelope.payload));
  return keys;
}
