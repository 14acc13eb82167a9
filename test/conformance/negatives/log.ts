// Bundles of which a log vouches for too little (client-conformance.md §8.6, §8.7), and roots that know the log otherwise (§8.2).
import type { Checkpoint } from "@sigillum/library/checkpoint";
import { encodeBase64 } from "@sigillum/library/encoding";
import { flipLastBit, generateSigner, MemoryLog, type Recipe, signingTimeMs } from "@sigillum/library/testing";
import type { TransparencyLog } from "@sigillum/library/trusted-root";
import {
  all,
  at,
  type Edits,
  finish,
  flipBase64,
  type Made,
  type NegativeCase,
  paths,
  remove,
  type Sigstores,
  set,
  signed,
} from "./case.ts";

type Given<T> = T | ((sigstores: Sigstores) => T | Promise<T>);
type Row = readonly [name: string, rule: string, code: string, wrong: string, recipe: Given<Recipe>, edits?: Given<Edits>];
const { entry, proof } = paths;
const versions = { v1: { log: "v1" }, v2: { log: "v2" } } as const satisfies Record<string, Recipe>;
const second = 1000;
const note = [...proof, "checkpoint", "envelope"];

const checkpoint = (edit: Partial<Checkpoint> | ((honest: Checkpoint) => Partial<Checkpoint>)): Recipe => ({
  checkpoint: (honest) => ({ ...honest, ...(typeof edit === "function" ? edit(honest) : edit) }),
});
const withLogs = (edit: (log: TransparencyLog) => TransparencyLog): Edits => ({
  root: (root) => ({ ...root, tlogs: root.tlogs.map(edit) }),
});
// A note whose text no log would sign, signed by the right key.
async function signNote({ own }: Sigstores, log: "v1" | "v2", edit: (text: string) => string): Promise<Recipe> {
  const { signer } = log === "v1" ? own.logV1 : own.logV2;
  const noteSigner = {
    ...signer,
    sign: (message: Uint8Array) => signer.sign(new TextEncoder().encode(edit(new TextDecoder().decode(message)))),
  };
  return {
    log,
    noteSigner,
    note: (text) => edit(text.slice(0, text.indexOf("\n\n") + 1)) + text.slice(text.indexOf("\n\n") + 1),
  };
}

const bothVersions = (log: "v1" | "v2", base: Recipe): readonly Row[] => [
  [
    `checkpoint-root-another-${log}`,
    "8.7",
    "CHECKPOINT_ROOT_MISMATCH",
    "the log signed another root",
    { ...base, checkpoint: (honest) => ({ ...honest, root: flipLastBit(honest.root) }) },
  ],
  [
    `proof-root-another-${log}`,
    "8.7",
    "CHECKPOINT_ROOT_MISMATCH",
    "the proof states another root",
    base,
    { json: set([...proof, "rootHash"], flipBase64) },
  ],
  [
    `proof-hash-another-${log}`,
    "8.7",
    "CHECKPOINT_ROOT_MISMATCH",
    "one hash of the proof is another",
    base,
    { json: set([...proof, "hashes", 0], flipBase64) },
  ],
  [
    `proof-hashes-swapped-${log}`,
    "8.7",
    "CHECKPOINT_ROOT_MISMATCH",
    "two hashes of the proof are exchanged",
    base,
    {
      json: (document) => {
        set([...proof, "hashes"], (hashes: unknown) =>
          Array.isArray(hashes) ? [hashes[1], hashes[0], ...hashes.slice(2)] : hashes,
        )(document);
      },
    },
  ],
  [
    `proof-hash-missing-${log}`,
    "8.7",
    "INCLUSION_PROOF_LENGTH",
    "one hash of the proof is missing",
    base,
    { json: set([...proof, "hashes"], (hashes: unknown) => (Array.isArray(hashes) ? hashes.slice(0, -1) : hashes)) },
  ],
  [
    `proof-hash-added-${log}`,
    "8.7",
    "INCLUSION_PROOF_LENGTH",
    "one hash follows the proof",
    base,
    { json: set([...proof, "hashes"], (hashes: unknown) => (Array.isArray(hashes) ? [...hashes, hashes[0]] : hashes)) },
  ],
  [
    `proof-size-another-${log}`,
    "8.7",
    "CHECKPOINT_SIZE_MISMATCH",
    "the proof states another tree size",
    base,
    { json: set([...proof, "treeSize"], (text: unknown) => String(Number(text) + 1)) },
  ],
  [
    `checkpoint-changed-${log}`,
    "8.7",
    "CHECKPOINT_SIGNATURE_INVALID",
    "a line was added to the checkpoint after it was signed",
    { ...base, note: (text) => text.replace("\n\n", "\nTimestamp: 1\n\n") },
  ],
  [
    `checkpoint-signature-changed-${log}`,
    "8.7",
    "CHECKPOINT_SIGNATURE_INVALID",
    "the last bit of the log's signature is another",
    base,
    {
      json: set(note, (text: unknown) =>
        String(text).replace(/(\S+)\n$/, (_, base64: string) => `${encodeBase64(flipLastBit(Buffer.from(base64, "base64")))}\n`),
      ),
    },
  ],
  [
    `checkpoint-second-line-bad-${log}`,
    "8.7",
    "CHECKPOINT_SIGNATURE_INVALID",
    "a second line of the log's key does not verify",
    base,
    {
      json: set(note, (text: unknown) =>
        String(text).replace(
          /(— \S+ )(\S+)\n$/,
          (line: string, head: string, base64: string) =>
            `${line}${head}${encodeBase64(flipLastBit(Buffer.from(base64, "base64")))}\n`,
        ),
      ),
    },
  ],
  [
    `checkpoint-key-id-another-${log}`,
    "8.7",
    "CHECKPOINT_NOT_SIGNED_BY_KEY",
    "the key id in the signature line is another",
    base,
    {
      json: set(note, (text: unknown) =>
        String(text).replace(/(\S+)\n$/, (_, base64: string) => {
          const bytes = Buffer.from(base64, "base64");
          bytes[3] = (bytes[3] ?? 0) ^ 1;
          return `${bytes.toString("base64")}\n`;
        }),
      ),
    },
  ],
  [
    `checkpoint-name-another-${log}`,
    "8.7",
    "CHECKPOINT_NOT_SIGNED_BY_KEY",
    "the name in the signature line is another",
    base,
    { json: set(note, (text: unknown) => String(text).replace(/— \S+ /, "— rekor.example.test ")) },
  ],
  [
    `checkpoint-by-stranger-${log}`,
    "8.7",
    "CHECKPOINT_NOT_SIGNED_BY_KEY",
    "a stranger signed the checkpoint",
    { ...base, noteSigner: generateSigner() },
  ],
  [
    `checkpoint-of-other-log-of-root-${log}`,
    "8.7",
    "CHECKPOINT_NOT_SIGNED_BY_KEY",
    "the other log of the trusted root signed the checkpoint",
    ({ own }) => ({ ...base, noteSigner: log === "v1" ? own.logV2.signer : own.logV1.signer }),
  ],
  [
    `checkpoint-origin-another-${log}`,
    "8.7",
    "CHECKPOINT_ORIGIN_MISMATCH",
    "the log's key signed for another origin",
    { ...base, ...checkpoint({ origin: "other.sigstore.test" }) },
  ],
  [
    `checkpoint-origin-longer-${log}`,
    "8.7",
    "CHECKPOINT_ORIGIN_MISMATCH",
    "the origin has the log's name as a prefix",
    { ...base, ...checkpoint((honest) => ({ origin: `${honest.origin.split(" ")[0]}.example` })) },
  ],
  [
    `checkpoint-no-signature-${log}`,
    "8.7",
    "NOTE_MALFORMED",
    "the checkpoint has no signature line",
    base,
    { json: set(note, (text: unknown) => String(text).slice(0, String(text).indexOf("\n\n") + 2)) },
  ],
  [
    `checkpoint-no-blank-line-${log}`,
    "8.7",
    "NOTE_MALFORMED",
    "no empty line separates text and signatures",
    base,
    { json: set(note, (text: unknown) => String(text).replace("\n\n", "\n")) },
  ],
  [
    `checkpoint-unterminated-${log}`,
    "8.7",
    "NOTE_MALFORMED",
    "the last line has no newline",
    base,
    { json: set(note, (text: unknown) => String(text).slice(0, -1)) },
  ],
  [
    `checkpoint-carriage-return-${log}`,
    "8.7",
    "NOTE_MALFORMED",
    "a carriage return ends a line",
    base,
    { json: set(note, (text: unknown) => String(text).replace("\n", "\r\n")) },
  ],
  [
    `checkpoint-hyphen-${log}`,
    "8.7",
    "NOTE_MALFORMED",
    "a hyphen begins the signature line",
    base,
    { json: set(note, (text: unknown) => String(text).replace("— ", "- ")) },
  ],
  [
    `checkpoint-size-leading-zero-${log}`,
    "8.7",
    "CHECKPOINT_MALFORMED",
    "the signed tree size has a leading zero",
    (sigstores) => signNote(sigstores, log, (text) => text.replace(/\n(\d+)\n/, "\n0$1\n")),
  ],
  [
    `checkpoint-size-beyond-2-53-${log}`,
    "8.7",
    "CHECKPOINT_MALFORMED",
    "the signed tree size is 2^53",
    (sigstores) => signNote(sigstores, log, (text) => text.replace(/\n(\d+)\n/, "\n9007199254740992\n")),
  ],
  [
    `checkpoint-root-short-${log}`,
    "8.7",
    "CHECKPOINT_MALFORMED",
    "the signed root has 31 bytes",
    (sigstores) =>
      signNote(sigstores, log, (text) =>
        text.replace(/\n(\S+)\n$/, (_, base64: string) => `\n${Buffer.from(base64, "base64").subarray(1).toString("base64")}\n`),
      ),
  ],
  [
    `checkpoint-root-missing-${log}`,
    "8.7",
    "CHECKPOINT_MALFORMED",
    "the signed checkpoint has two lines",
    (sigstores) => signNote(sigstores, log, (text) => text.replace(/\n\S+\n$/, "\n")),
  ],
  [
    `log-unknown-${log}`,
    "8.2",
    "LOG_UNKNOWN",
    "the trusted root does not have the log",
    base,
    ({ own }) => ({
      root: (root) => ({
        ...root,
        tlogs: root.tlogs.filter((one) => one.baseUrl !== `https://${(log === "v1" ? own.logV1 : own.logV2).name}`),
      }),
    }),
  ],
  [
    `log-id-another-${log}`,
    "8.2",
    "LOG_UNKNOWN",
    "the entry names a log that nobody knows",
    base,
    { json: set([...entry, "logId", "keyId"], flipBase64) },
  ],
  [
    `log-window-over-${log}`,
    "8.2",
    "LOG_WINDOW",
    "the log's period ended a second before the signature",
    base,
    withLogs((one) => ({ ...one, validFor: { ...one.validFor, endMs: signingTimeMs - second } })),
  ],
  [
    `log-window-not-begun-${log}`,
    "8.2",
    "LOG_WINDOW",
    "the log's period begins a second after the signature",
    base,
    withLogs((one) => ({ ...one, validFor: { startMs: signingTimeMs + second } })),
  ],
  [
    `log-key-type-unknown-${log}`,
    "8.2",
    "LOG_UNKNOWN",
    "the trusted root's key of the log is of an unknown type",
    base,
    { rootJson: (document) => set(["tlogs", log === "v1" ? 0 : 1, "publicKey", "keyDetails"], "A_KEY_OF_2030")(document) },
  ],
  [
    `log-address-unusable-${log}`,
    "8.7",
    "LOG_NAME_UNUSABLE",
    "the trusted root's log has no address",
    base,
    withLogs((one) => ({ ...one, baseUrl: "" })),
  ],
];

const promiseRows: readonly Row[] = [
  [
    "promise-of-another-entry",
    "8.6",
    "SET_INVALID",
    "the promise is of another entry",
    async ({ own }) => {
      const { bundle } = await own.sign({});
      return { promise: () => bundle.tlogEntries[0]?.promise };
    },
  ],
  ["promise-changed", "8.6", "SET_INVALID", "the last bit of the promise is another", { promise: flipLastBit }],
  [
    "promise-changed-beside-timestamp",
    "8.6",
    "SET_INVALID",
    "the promise does not verify, beside a good timestamp",
    { timestamp: true, promise: flipLastBit },
  ],
  [
    "promise-time-changed",
    "8.6",
    "SET_INVALID",
    "the integrated time is a second later than was promised",
    { timestamp: true },
    { json: set([...entry, "integratedTime"], (text: unknown) => String(Number(text) + 1)) },
  ],
  [
    "promise-index-changed",
    "8.6",
    "SET_INVALID",
    "the index is one higher than was promised",
    {},
    { json: set([...entry, "logIndex"], (text: unknown) => String(Number(text) + 1)) },
  ],
  [
    "promise-empty",
    "8.6",
    "SET_INVALID",
    "the promise has no bytes",
    {},
    { json: set([...entry, "inclusionPromise", "signedEntryTimestamp"], "") },
  ],
  [
    "promise-without-time",
    "8.6",
    "INTEGRATED_TIME_MISSING",
    "the entry has a promise and no integrated time",
    { timestamp: true },
    { json: remove(...entry, "integratedTime") },
  ],
  [
    "log-index-another-rekor2",
    "8.7",
    "LOG_INDEX_MISMATCH",
    "an entry of Rekor v2 states another index than its proof",
    { log: "v2" },
    { json: set([...entry, "logIndex"], (text: unknown) => String(Number(text) + 1)) },
  ],
  [
    "proof-index-another-rekor1",
    "8.7",
    "CHECKPOINT_ROOT_MISMATCH",
    "the proof is for the leaf beside it",
    {},
    { json: set([...proof, "logIndex"], (text: unknown) => String(Number(text) - 1)) },
  ],
  [
    "proof-index-out-of-range",
    "8.7",
    "INCLUSION_INDEX_OUT_OF_RANGE",
    "the proof's index is the tree size",
    {},
    {
      json: (document) => set([...proof, "logIndex"], String(at(document, ...proof, "treeSize")))(document),
    },
  ],
  [
    "checkpoint-key-id-of-root-another",
    "8.2",
    "CHECKPOINT_NOT_SIGNED_BY_KEY",
    "the trusted root states another key id for the log's checkpoints",
    {},
    {
      rootJson: all(
        set(["mediaType"], "application/vnd.dev.sigstore.trustedroot.v0.2+json"),
        set(["tlogs", 0, "checkpointKeyId"], { keyId: "AAAAAA==" }),
      ),
    },
  ],
];

// The same body in a second log of the trusted root, whose proof and checkpoint are good: only the entry names the first log.
async function proofOfTwin({ own }: Sigstores): Promise<Made> {
  const twin = new MemoryLog(1, "rekor-twin.sigstore.test");
  const { bundle } = await own.sign({});
  const [first] = bundle.tlogEntries;
  const { proof: twinProof } = await twin.add(first?.body ?? new Uint8Array(0), signingTimeMs);
  if (first === undefined || twinProof === undefined) throw new TypeError("a log in memory proves what it holds");
  const mixed = { ...bundle, tlogEntries: [{ ...first, proof: twinProof }] };
  return finish({ ...own.trustedRoot, tlogs: [...own.trustedRoot.tlogs, twin.trusted()] }, mixed);
}

/** The cases of this file. */
export const logCases: readonly NegativeCase[] = [
  ...bothVersions("v1", versions.v1),
  ...bothVersions("v2", versions.v2),
  ...promiseRows,
].map(([name, rule, code, wrong, recipe, edits]) => ({ name, rule, code, wrong, make: signed(recipe, edits) }));

/** A case whose proof is of another log. */
export const twinCase: NegativeCase = {
  name: "proof-in-another-log",
  rule: "8.7",
  code: "CHECKPOINT_NOT_SIGNED_BY_KEY",
  wrong: "proof and checkpoint are good, of another log of the trusted root that holds the same body",
  make: proofOfTwin,
};
