// Entries of Rekor v1: what may be added, and how an entry is answered.
import { encodeBase64, encodeHex, isSigillumError, JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import {
  encodeLogEntryBody,
  formatEntryId,
  parseProposal,
  readProposedEntry,
  setPayload,
  verifyProposedEntry,
} from "@sigillum/library/log-entry";
import { leafHash } from "@sigillum/library/merkle";
import { type Attestation, legacyKinds, type PreparedBody, prepareLegacyEntry } from "../legacy-entries/index.ts";
import { type BodyEntry, bodyEntry, maxLeafBytes } from "../log-engine/index.ts";
import { rekorV1Error } from "./errors.ts";
import { searchKeysOf } from "./search-keys.ts";
import { type Place, rekorV1LogId, type ShardList } from "./shards.ts";

/** The kinds of entries that can be added. */
export const acceptedKinds: readonly string[] = ["hashedrekord 0.0.1", "dsse 0.0.1", ...legacyKinds];

/** An entry as Rekor v1 answers it: one member, named by its entry id. */
export type LogEntryJson = Readonly<Record<string, unknown>>;

/** An entry that may be added, with what is kept beside it. */
export interface PreparedEntry {
  readonly entry: BodyEntry;
  readonly attestation?: Attestation;
}

/** Read and verify a posted proposal; what comes out may be added. Whether a certificate in it is to be trusted was not checked. */
export function prepareEntry(requestBody: Uint8Array): PreparedEntry {
  return preparing(
    () => prepareProposal(parseProposal(requestBody)),
    () => requireSchema(requestBody),
  );
}

/** Verify and canonicalize a proposal. */
export function prepareProposal(proposal: JsonObject): PreparedEntry {
  const { body, searchKeys, attestation } = prepareLegacyEntry(proposal) ?? prepareCurrent(proposal);
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
export function preparing<T>(prepare: () => T, diagnose: () => void): T {
  try {
    return prepare();
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("REKOR_V1_")) throw cause;
    diagnose();
    if (cause.code === "ENTRY_KIND_UNKNOWN") {
      throw rekorV1Error(
        "REKOR_V1_KIND_UNSUPPORTED",
        `error processing entry: ${cause.message}; this log accepts ${acceptedKinds.join(", ")}`,
        {
          cause,
          expected: acceptedKinds.join(", "),
        },
      );
    }
    throw rekorV1Error("REKOR_V1_ENTRY_INVALID", `error processing entry: ${cause.message}`, { cause });
  }
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

/** An error of the schema: status 422, with the validator's own code in the body. */
export function invalid(code: number, message: string): Error {
  return rekorV1Error("REKOR_V1_INVALID", message, { expected: String(code) });
}

/** What is known of an entry before it is read. */
export interface KnownEntry {
  readonly leafHash: Uint8Array;
  /** Where the caller has them. */
  readonly leaf?: Uint8Array;
  readonly timeMs?: number;
}

/** An entry with its proof against the latest checkpoint of its shard and a signed entry timestamp made now. */
export async function logEntryOf(shards: ShardList, place: Place, known?: KnownEntry): Promise<LogEntryJson> {
  const { shard, signer } = place.owner;
  const { leaf, timeMs } = hasEntry(known) ? known : await shard.entry(place.index);
  const uuid = known?.leafHash ?? leafHash(leaf);
  const proof = await shard.proof(place.index, uuid);
  const logIndex = shards.virtualIndex(place);
  const logId = rekorV1LogId(signer);
  const integratedTime = Math.floor(timeMs / 1000);
  const body = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.length).toString("base64");
  const attestation = known?.leaf === undefined ? await place.owner.attestations.of(leaf) : undefined;
  const signature = await signer.sign(setPayload({ body: leaf, bodyBase64: body, integratedTime, logId, logIndex }));
  return {
    [formatEntryId(place.owner.treeId, encodeHex(uuid))]: {
      ...(attestation === undefined ? {} : { attestation: { data: encodeBase64(attestation) } }),
      body,
      integratedTime,
      logID: encodeHex(logId),
      logIndex,
      verification: {
        inclusionProof: {
          checkpoint: proof.checkpoint,
          hashes: proof.hashes.map((hash) => encodeHex(hash)),
          logIndex: proof.index,
          rootHash: encodeHex(proof.root),
          treeSize: proof.size,
        },
        signedEntryTimestamp: encodeBase64(signature),
      },
    },
  };
}

function hasEntry(known: KnownEntry | undefined): known is Required<KnownEntry> {
  return known?.leaf !== undefined && known.timeMs !== undefined;
}
