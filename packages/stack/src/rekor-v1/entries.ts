// Entries of Rekor v1: what may be added, and how an entry is answered.
import { encodeBase64, encodeHex, isSigillumError, JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import {
  encodeLogEntryBody,
  formatEntryId,
  type ProposedEntry,
  parseProposedEntry,
  setPayload,
  verifyProposedEntry,
} from "@sigillum/library/log-entry";
import { leafHash } from "@sigillum/library/merkle";
import { type BodyEntry, maxLeafBytes } from "../log-engine/index.ts";
import { rekorV1Error } from "./errors.ts";
import { searchKeysOf } from "./search-keys.ts";
import { type Place, rekorV1LogId, type ShardList } from "./shards.ts";

/** The kinds of entries that can be added. */
export const acceptedKinds: readonly string[] = ["hashedrekord 0.0.1", "dsse 0.0.1"];

/** An entry as Rekor v1 answers it: one member, named by its entry id. */
export type LogEntryJson = Readonly<Record<string, unknown>>;

/** Read and verify a posted proposal; what comes out may be added. Whether a certificate in it is to be trusted was not checked. */
export function prepareEntry(requestBody: Uint8Array): BodyEntry {
  return preparing(
    () => prepareProposal(parseProposedEntry(requestBody)),
    () => requireSchema(requestBody),
  );
}

/** Canonicalize a verified proposal. */
export function prepareProposal(proposed: ProposedEntry): BodyEntry {
  const stored = verifyProposedEntry(proposed);
  const body = encodeLogEntryBody(stored);
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
  return { body, leafHash: leafHash(body), searchKeys: searchKeysOf(proposed, stored) };
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
        `error processing entry: ${cause.message}; this log accepts ${acceptedKinds.join(" and ")}`,
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

/** The entry id of a place. */
export function entryIdOf(place: Place, body: Uint8Array): string {
  return formatEntryId(place.owner.treeId, encodeHex(leafHash(body)));
}

/** An entry with its proof against the latest checkpoint of its shard and a signed entry timestamp made now. */
export async function logEntryOf(shards: ShardList, place: Place): Promise<LogEntryJson> {
  const { shard, signer } = place.owner;
  const { leaf, timeMs } = await shard.entry(place.index);
  const proof = await shard.proof(place.index);
  const logIndex = shards.virtualIndex(place);
  const logId = rekorV1LogId(signer);
  const integratedTime = Math.floor(timeMs / 1000);
  const signature = await signer.sign(setPayload({ body: leaf, integratedTime, logId, logIndex }));
  return {
    [entryIdOf(place, leaf)]: {
      body: encodeBase64(leaf),
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
