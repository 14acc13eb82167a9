// Entries of Rekor v1: what may be added.
import { isSigillumError, JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import { encodeLogEntryBody, parseProposal, readProposedEntry, verifyProposedEntry } from "@sigillum/library/log-entry";
import { type Attestation, legacyKinds, type PreparedBody, prepareLegacyEntry } from "../legacy-entries/index.ts";
import { type BodyEntry, bodyEntry, maxLeafBytes } from "../log-engine/index.ts";
import { rekorV1Error } from "./errors.ts";
import { inflateRaw } from "./inflate.ts";
import { searchKeysOf } from "./search-keys.ts";

const kinds: readonly string[] = ["hashedrekord 0.0.1", "dsse 0.0.1", ...legacyKinds];

/** The types of entries that a log can accept. */
export const entryTypes: readonly string[] = [...new Set(kinds.map(typeOf))];

/** Those that a log accepts where nothing is said: all but packages, which take parsers that few need. */
export const defaultEntryTypes: ReadonlySet<string> = new Set(
  entryTypes.filter((type) => !["alpine", "helm", "jar", "rpm"].includes(type)),
);

function typeOf(kind: string): string {
  return kind.slice(0, kind.indexOf(" "));
}

/** An entry that may be added, with what is kept beside it. */
export interface PreparedEntry {
  readonly entry: BodyEntry;
  readonly attestation?: Attestation;
}

/**
 * Read and verify a posted proposal, at once save where an OpenPGP key is in it; what comes out may be added. Whether a certificate or key in it
 * is to be trusted was not checked.
 */
export function prepareEntry(
  requestBody: Uint8Array,
  accepted: ReadonlySet<string> = defaultEntryTypes,
): PreparedEntry | Promise<PreparedEntry> {
  return preparing(
    () => prepareProposal(parseProposal(requestBody), accepted),
    () => requireSchema(requestBody),
  );
}

/** Verify and canonicalize a proposal of an accepted type; one of another is not looked into. */
function prepareProposal(proposal: JsonObject, accepted: ReadonlySet<string>): PreparedEntry | Promise<PreparedEntry> {
  const kind = `${proposal.string("kind")} ${proposal.string("apiVersion")}`;
  if (!kinds.includes(kind) || !accepted.has(typeOf(kind))) throw unsupportedKind(kind, accepted);
  const prepared = prepareLegacyEntry(proposal, { inflateRaw }) ?? prepareCurrent(proposal);
  return prepared instanceof Promise ? prepared.then(entryOf) : entryOf(prepared);
}

function entryOf({ body, searchKeys, attestation }: PreparedBody): PreparedEntry {
  if (body.length > maxLeafBytes) {
    throw rekorV1Error(
      "REKOR_V1_ENTRY_TOO_LARGE",
      `error processing entry: its stored form has ${body.length} bytes, at most ${maxLeafBytes} fit`,
      {
        found: String(body.length),
        expected: `at most ${maxLeafBytes}`,
      },
    );
  }
  return { entry: bodyEntry(body, searchKeys), ...(attestation === undefined ? {} : { attestation }) };
}

function prepareCurrent(proposal: JsonObject): PreparedBody {
  const proposed = readProposedEntry(proposal);
  const stored = verifyProposedEntry(proposed);
  return { body: encodeLogEntryBody(stored), searchKeys: searchKeysOf(proposed, stored) };
}

/** Turn what a proposal is refused with into Rekor's wording; `diagnose` may throw something more exact. */
function preparing<T>(prepare: () => T | Promise<T>, diagnose: () => void): T | Promise<T> {
  try {
    const prepared = prepare();
    return prepared instanceof Promise ? prepared.catch((cause: unknown) => refuse(cause, diagnose)) : prepared;
  } catch (cause) {
    return refuse(cause, diagnose);
  }
}

function refuse(cause: unknown, diagnose: () => void): never {
  const isKind = isSigillumError(cause) && cause.code === "REKOR_V1_KIND_UNSUPPORTED";
  if (!isSigillumError(cause) || (cause.code.startsWith("REKOR_V1_") && !isKind)) throw cause;
  diagnose();
  if (cause.code === "REKOR_V1_KIND_UNSUPPORTED") throw cause;
  throw rekorV1Error("REKOR_V1_ENTRY_INVALID", `error processing entry: ${cause.message}`, { cause });
}

// Only asked after a proposal was refused: what the OpenAPI schema itself refuses is answered 422 (transparency-log.md §1.2).
function requireSchema(requestBody: Uint8Array): void {
  let proposal: JsonObject;
  try {
    proposal = JsonObject.exact(parseJson(requestBody), "body");
  } catch {
    // Not JSON: the refusal that led here says so.
    return;
  }
  for (const name of ["apiVersion", "kind", "spec"]) {
    if (!proposal.has(name)) throw invalid(602, `${name} in body is required`);
  }
  const version = proposal.value("apiVersion");
  if (typeof version === "string" && !/^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/.test(version)) {
    throw invalid(605, `apiVersion in body should match a semantic version, found ${quote(version)}`);
  }
}

function unsupportedKind(kind: string, accepted: ReadonlySet<string>): Error {
  const expected = kinds.filter((other) => accepted.has(typeOf(other))).join(", ");
  return rekorV1Error(
    "REKOR_V1_KIND_UNSUPPORTED",
    `error processing entry: entries of kind ${quote(kind)} are not accepted; this log accepts ${expected}`,
    { found: quote(kind), expected },
  );
}

/** An error of the schema: status 422, with the validator's own code in the body. */
export function invalid(code: number, message: string): Error {
  return rekorV1Error("REKOR_V1_INVALID", message, { expected: String(code) });
}
