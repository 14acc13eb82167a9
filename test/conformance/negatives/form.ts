// Bundles whose form is wrong (client-conformance.md §8.1). Each is a good bundle with one edit of its JSON.
import { encodeBase64 } from "@sigillum/library/encoding";
import type { Recipe } from "@sigillum/library/testing";
import {
  all,
  asVersion,
  at,
  type Edits,
  type JsonEdit,
  type NegativeCase,
  paths,
  remove,
  repeat,
  set,
  shortenBase64,
  signed,
} from "./case.ts";

const { material, entry, proof, chain, certificate } = paths;
const envelope: Recipe = { content: "envelope" };
const stamped: Recipe = { timestamp: true };

type Row = readonly [name: string, code: string, wrong: string, edit: JsonEdit | Edits, recipe?: Recipe];

const addCertificate = (which: "issuing" | "root"): NegativeCase["make"] => {
  return signed({}, ({ own }) => ({
    json: all(asVersion("0.2"), (document) => {
      const list = at(document, ...chain);
      Object.assign(list, { [Object.keys(list).length]: { rawBytes: encodeBase64(own.ca[which].der) } });
    }),
  }));
};

const rows: readonly Row[] = [
  ["json-truncated", "BUNDLE_JSON", "the text ends inside a string", { text: (text) => text.slice(0, text.length / 2) }],
  ["json-trailing-text", "BUNDLE_JSON", "text follows the document", { text: (text) => `${text}{}` }],
  [
    "json-duplicate-name",
    "BUNDLE_JSON",
    "a name stands twice",
    { text: (text) => text.replace("{", '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",') },
  ],
  ["json-two-spellings", "BUNDLE_JSON", "a field stands in camel case and in snake case", set([...entry, "log_index"], "5")],
  [
    "json-nested-deeply",
    "BUNDLE_JSON",
    "a value nests 100 levels deep",
    { text: (text) => text.replace("{", `{"x":${"[".repeat(100)}${"]".repeat(100)},`) },
  ],
  ["json-array", "BUNDLE_FIELD_TYPE", "the document is a list", { text: (text) => `[${text}]` }],
  ["media-type-unknown", "BUNDLE_MEDIA_TYPE", "version 9.9", set(["mediaType"], "application/vnd.dev.sigstore.bundle.v9.9+json")],
  [
    "media-type-parameter",
    "BUNDLE_MEDIA_TYPE",
    "version 99.9 as a parameter",
    set(["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=99.9"),
  ],
  [
    "media-type-space",
    "BUNDLE_MEDIA_TYPE",
    "a space before the version",
    set(["mediaType"], "application/vnd.dev.sigstore.bundle+json; version=0.3"),
  ],
  [
    "media-type-upper-case",
    "BUNDLE_MEDIA_TYPE",
    "upper case",
    set(["mediaType"], "application/vnd.dev.Sigstore.bundle.v0.3+json"),
  ],
  ["media-type-missing", "BUNDLE_FIELD_MISSING", "no media type", remove("mediaType")],
  ["field-unknown", "BUNDLE_FIELD_UNKNOWN", "an unknown field in the bundle", set(["extra"], "x")],
  ["field-unknown-in-material", "BUNDLE_FIELD_UNKNOWN", "an unknown field in the material", set([...material, "extra"], "x")],
  ["field-unknown-in-entry", "BUNDLE_FIELD_UNKNOWN", "an unknown field in the log entry", set([...entry, "extra"], "x")],
  ["field-unknown-in-proof", "BUNDLE_FIELD_UNKNOWN", "an unknown field in the inclusion proof", set([...proof, "extra"], "x")],
  ["material-missing", "BUNDLE_MATERIAL", "neither certificate nor key", remove(...material, "certificate")],
  ["material-twice", "BUNDLE_MATERIAL", "a certificate and a key hint", set([...material, "publicKey"], { hint: "x" })],
  [
    "chain-in-v0.3",
    "BUNDLE_CHAIN_IN_V03",
    "a chain in version 0.3",
    all(asVersion("0.2"), set(["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json")),
  ],
  [
    "certificate-in-v0.2",
    "BUNDLE_CERTIFICATE_BEFORE_V03",
    "a single certificate in version 0.2",
    set(["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.2"),
  ],
  [
    "certificate-in-v0.1",
    "BUNDLE_CERTIFICATE_BEFORE_V03",
    "a single certificate in version 0.1",
    set(["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.1"),
  ],
  ["chain-empty", "BUNDLE_CHAIN_EMPTY", "a chain of no certificate", all(asVersion("0.2"), set(chain, []))],
  ["chain-too-long", "BUNDLE_CHAIN_TOO_LONG", "a chain of 11 certificates", all(asVersion("0.2"), repeat(chain, 11))],
  ["certificate-truncated", "BUNDLE_CERTIFICATE", "the certificate lacks its last byte", set(certificate, shortenBase64)],
  [
    "certificate-trailing-byte",
    "BUNDLE_CERTIFICATE",
    "a byte follows the certificate",
    set(certificate, (text: unknown) => Buffer.concat([Buffer.from(String(text), "base64"), Buffer.of(0)]).toString("base64")),
  ],
  ["certificate-empty", "BUNDLE_CERTIFICATE", "the certificate has no bytes", set(certificate, "")],
  ["content-missing", "BUNDLE_CONTENT", "neither message signature nor envelope", remove("messageSignature")],
  [
    "content-twice",
    "BUNDLE_CONTENT",
    "a message signature and an envelope",
    set(["dsseEnvelope"], { payload: "e30=", payloadType: "application/vnd.in-toto+json", signatures: [{ sig: "AAAA" }] }),
  ],
  ["signature-missing", "BUNDLE_FIELD_MISSING", "no signature", remove("messageSignature", "signature")],
  ["signature-empty", "BUNDLE_SIGNATURE_EMPTY", "a signature of no bytes", set(["messageSignature", "signature"], "")],
  ["signature-number", "BUNDLE_FIELD_TYPE", "the signature is a number", set(["messageSignature", "signature"], 5)],
  [
    "signature-not-base64",
    "BUNDLE_FIELD_VALUE",
    "the signature has characters outside base64",
    set(["messageSignature", "signature"], (text: unknown) => `!!!${String(text).slice(3)}`),
  ],
  [
    "signature-line-break",
    "BUNDLE_FIELD_VALUE",
    "a line break inside the base64",
    set(["messageSignature", "signature"], (text: unknown) => String(text).replace(/^(.{8})/, "$1\n")),
  ],
  [
    "signature-pad-bits",
    "BUNDLE_FIELD_VALUE",
    "unused bits of the last character are set",
    set([...entry, "logId", "keyId"], (text: unknown) =>
      String(text).replace(
        /(.)=$/,
        (_, last: string) =>
          `${"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(last) + 1] ?? ""}=`,
      ),
    ),
  ],
  [
    "dsse-two-signatures",
    "BUNDLE_DSSE_SIGNATURES",
    "an envelope with its signature twice",
    repeat(["dsseEnvelope", "signatures"], 2),
    envelope,
  ],
  [
    "dsse-no-signature",
    "BUNDLE_DSSE_SIGNATURES",
    "an envelope without signature",
    set(["dsseEnvelope", "signatures"], []),
    envelope,
  ],
  [
    "dsse-signature-empty",
    "BUNDLE_SIGNATURE_EMPTY",
    "an envelope's signature of no bytes",
    set(["dsseEnvelope", "signatures", 0, "sig"], ""),
    envelope,
  ],
  [
    "digest-algorithm-unknown",
    "BUNDLE_HASH_ALGORITHM",
    "the message digest is by MD5",
    set(["messageSignature", "messageDigest", "algorithm"], "MD5"),
  ],
  [
    "digest-algorithm-unspecified",
    "BUNDLE_HASH_ALGORITHM",
    "the message digest names no algorithm",
    set(["messageSignature", "messageDigest", "algorithm"], "HASH_ALGORITHM_UNSPECIFIED"),
  ],
  [
    "digest-length",
    "BUNDLE_DIGEST_LENGTH",
    "a SHA-256 digest of 31 bytes",
    set(["messageSignature", "messageDigest", "digest"], shortenBase64),
  ],
  ["entries-33", "BUNDLE_TOO_MANY_ENTRIES", "33 log entries", repeat([...material, "tlogEntries"], 33)],
  [
    "timestamps-33",
    "BUNDLE_TOO_MANY_TIMESTAMPS",
    "33 timestamps",
    repeat([...material, "timestampVerificationData", "rfc3161Timestamps"], 33),
    stamped,
  ],
  [
    "promise-missing-in-v0.1",
    "BUNDLE_PROMISE_MISSING",
    "version 0.1 without promise",
    all(asVersion("0.1"), remove(...entry, "inclusionPromise")),
    stamped,
  ],
  [
    "proof-missing-in-v0.2",
    "BUNDLE_PROOF_MISSING",
    "version 0.2 without inclusion proof",
    all(asVersion("0.2"), remove(...proof)),
  ],
  ["proof-missing-in-v0.3", "BUNDLE_PROOF_MISSING", "version 0.3 without inclusion proof", remove(...proof)],
  [
    "proof-missing-rekor2",
    "BUNDLE_PROOF_MISSING",
    "an entry of Rekor v2 without inclusion proof",
    remove(...proof),
    { log: "v2" },
  ],
  [
    "proof-missing-relabelled-v0.1",
    "INCLUSION_PROOF_MISSING",
    "an entry with a promise alone, under the media type of version 0.1",
    all(asVersion("0.1"), remove(...proof)),
  ],
  ["checkpoint-missing", "BUNDLE_CHECKPOINT_MISSING", "an inclusion proof without checkpoint", remove(...proof, "checkpoint")],
  [
    "checkpoint-missing-in-v0.1",
    "BUNDLE_CHECKPOINT_MISSING",
    "version 0.1 with a proof without checkpoint",
    all(asVersion("0.1"), remove(...proof, "checkpoint")),
  ],
  [
    "checkpoint-empty",
    "BUNDLE_CHECKPOINT_MISSING",
    "a checkpoint of no characters",
    set([...proof, "checkpoint", "envelope"], ""),
  ],
  ["log-id-short", "BUNDLE_LOG_ID", "a log id of 31 bytes", set([...entry, "logId", "keyId"], shortenBase64)],
  ["log-id-missing", "BUNDLE_FIELD_MISSING", "no log id", remove(...entry, "logId")],
  ["kind-missing", "BUNDLE_FIELD_MISSING", "no kind and version", remove(...entry, "kindVersion")],
  ["proof-hash-short", "BUNDLE_PROOF_HASH", "a hash of the proof has 31 bytes", set([...proof, "hashes", 0], shortenBase64)],
  ["proof-hash-not-base64", "BUNDLE_PROOF_HASH", "a hash of the proof is no base64", set([...proof, "hashes", 0], "?")],
  ["proof-root-short", "BUNDLE_PROOF_HASH", "the proof's root has 31 bytes", set([...proof, "rootHash"], shortenBase64)],
  ["proof-65-hashes", "BUNDLE_PROOF_TOO_LONG", "a proof of 65 hashes", repeat([...proof, "hashes"], 65)],
  ["log-index-negative", "BUNDLE_FIELD_VALUE", "the log index is -1", set([...entry, "logIndex"], "-1")],
  ["log-index-beyond-2-53", "BUNDLE_FIELD_VALUE", "the log index is 2^53", set([...entry, "logIndex"], "9007199254740992")],
  [
    "log-index-leading-zero",
    "BUNDLE_FIELD_VALUE",
    "the log index has a leading zero",
    set([...entry, "logIndex"], (text: unknown) => `0${String(text)}`),
  ],
  ["log-index-fraction", "BUNDLE_FIELD_VALUE", "the log index is a fraction", set([...entry, "logIndex"], 1.5)],
  ["proof-index-negative", "BUNDLE_FIELD_VALUE", "the proof's index is -1", set([...proof, "logIndex"], "-1")],
  ["tree-size-negative", "BUNDLE_FIELD_VALUE", "the proof's tree size is -1", set([...proof, "treeSize"], "-1")],
  ["integrated-time-negative", "BUNDLE_FIELD_VALUE", "the integrated time is -1", set([...entry, "integratedTime"], "-1")],
];

/** The cases of this file. */
export const formCases: readonly NegativeCase[] = [
  ...rows.map(([name, code, wrong, edit, recipe]) => ({
    name,
    code,
    wrong,
    rule: "8.1",
    make: signed(recipe ?? {}, typeof edit === "function" ? { json: edit } : edit),
  })),
  {
    name: "chain-with-root",
    rule: "8.1",
    wrong: "the chain holds the authority's root",
    code: "BUNDLE_ROOT_CERTIFICATE",
    make: addCertificate("root"),
  },
  {
    name: "leaf-is-a-ca",
    rule: "8.1",
    wrong: "the first certificate is that of an authority",
    code: "BUNDLE_LEAF_IS_CA",
    make: signed({}, ({ own }) => ({ json: set(certificate, encodeBase64(own.ca.issuing.der)) })),
  },
];
