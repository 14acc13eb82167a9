// The older kinds of Rekor v1: what a client sends, verified, and what the log stores.
export { legacyEntryError, legacyEntryErrors } from "./errors.ts";
export { normalizedKeys, statementKeys, subjectsOf, verifierKey } from "./index-keys.ts";
export { legacyKinds, prepareLegacyEntry } from "./prepare.ts";
export type { Attestation, EntryTools, InflateRaw, PreparedBody } from "./prepared.ts";
export { canonicalKey, keyFormats } from "./rekord.ts";
