// The settings of the transparency log.
import type { SectionField } from "./field.ts";
import { urlForm, urlPattern } from "./service-description.ts";

const witnessItem: SectionField = {
  kind: "section",
  means: "A witness.",
  fields: {
    url: {
      kind: "text",
      required: true,
      means: "Its submission prefix: add-checkpoint is below it.",
      pattern: urlPattern,
      form: urlForm,
    },
    verifierKey: {
      kind: "text",
      required: true,
      means: "Its verifier key, NAME+ID+KEY.",
      pattern: /^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/u,
      form: "NAME+ID+KEY",
    },
    logs: {
      kind: "texts",
      means:
        "The logs that it is asked about. Most witnesses know no keys of log v1, which are ECDSA; what they cosign of it stands with its tiles alone.",
      default: ["v2"],
      pattern: /^v[12]$/u,
      form: "v1 or v2",
    },
  },
};

/** The section transparencyLog. */
export const transparencyLogField: SectionField = {
  kind: "section",
  means: "The transparency log, under both its APIs.",
  fields: {
    rotateEveryDays: {
      kind: "integer",
      means: "Age in days at which a shard is followed by a new one with a key of its own, without anybody's asking; 0 never.",
      default: 365,
      minimum: 0,
      maximum: 3650,
    },
    rotateAtEntries: {
      kind: "integer",
      means: "Number of entries from which on a shard's successor is prepared; 0 never.",
      default: 0,
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    },
    nextUrlV2: {
      kind: "text",
      means:
        "Public URL of the next shard of log v2, each of which has an address of its own: {year} and {number} stand for what makes it new. Without it log v2 rotates only when it is told a URL.",
      pattern: /^https?:\/\/[^\s/?#@]+$/u,
      form: "an http or https URL without a path, such as https://log{year}-{number}.rekor.example.com",
    },
    checkpointDirectory: {
      kind: "text",
      means:
        "Folder for a second copy of each shard's last checkpoint, best on another disk: with it an old copy of the data directory is refused. Default: checkpoints in the data directory.",
    },
    disabledOperationsV1: {
      kind: "texts",
      means: "Operations of log v1's API that are answered 501, by their ids in Rekor's OpenAPI document, such as searchIndex.",
      default: [],
      pattern:
        /^(?:searchIndex|getLogInfo|getPublicKey|getLogProof|createLogEntry|getLogEntryByIndex|getLogEntryByUUID|searchLogQuery)$/u,
      form: "an operation's id",
    },
    entryTypesV1: {
      kind: "texts",
      means:
        "Types of entries that log v1 accepts, and looks for when it is shown one. The packages alpine, helm, jar and rpm are off unless they stand here.",
      default: ["hashedrekord", "dsse", "intoto", "rekord", "cose", "rfc3161", "tuf"],
      pattern: /^(?:hashedrekord|dsse|intoto|rekord|cose|rfc3161|tuf|alpine|helm|jar|rpm)$/u,
      form: "a type of entry",
    },
    overlapHours: {
      kind: "integer",
      means: "How long a shard of log v2 goes on to accept entries after signing configs name its successor.",
      default: 168,
      minimum: 0,
      maximum: 8760,
    },
    mlDsaV2: {
      kind: "switch",
      means:
        "Whether each shard of log v2 cosigns its checkpoints with a key of ML-DSA-44 too (C2SP tlog-cosignature), a file below keys/. Needs Node 24.7.",
      default: false,
    },
    witnesses: {
      kind: "list",
      means:
        "Witnesses (C2SP tlog-witness) that are asked to cosign each published checkpoint. They must know each shard: `sigillum log shards` prints the keys to give them.",
      item: witnessItem,
      maximum: 32,
    },
    witnessQuorum: {
      kind: "integer",
      means:
        "How many witnesses' cosignatures a checkpoint of log v2 waits for before entries under it are answered; it is published without them when the time is up. 0 waits for none.",
      default: 0,
      minimum: 0,
      maximum: 32,
    },
    witnessWaitMilliseconds: {
      kind: "integer",
      means: "How long a checkpoint waits for the quorum at most.",
      default: 1000,
      minimum: 1,
      maximum: 20_000,
    },
    witnessEveryMilliseconds: {
      kind: "integer",
      means:
        "Least time between two questions to a witness where nobody waits for its answer: of what was published meanwhile the newest is shown.",
      default: 1000,
      minimum: 0,
      maximum: 3_600_000,
    },
  },
};
