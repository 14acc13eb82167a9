import type { FlagSpec } from "../arguments/index.ts";
import type { Command } from "./command.ts";
import { array, list, text, toggle, trustFlag } from "./flags.ts";

const load = () => import("../log/index.ts");
const none = { name: "", min: 0, max: 0 } as const;

const logFlags: readonly FlagSpec[] = [
  text("rekor-url", "URL", "the log to ask instead of the trust root's", { aliases: ["rekor_server", "rekor-server"] }),
  text("rekor-public-key", "FILE", "the log's key (PEM), instead of those of the trust root", {
    aliases: ["rekor_server_public_key"],
    noVariable: true,
  }),
  trustFlag,
  text("trusted-root", "FILE", "a trusted_root.json to take the log's keys from"),
  toggle("offline", "do not refresh the trust root"),
  text("format", "FORMAT", "default, or json or tle as rekor-cli prints them", {
    choices: ["default", "json", "tle"],
    noVariable: true,
  }),
  toggle("store-tree-state", "remember the tree, to compare it the next time (true)", { aliases: ["store_tree_state"] }),
  text("retry", "N", "", { hidden: true }),
  text("config", "FILE", "", { hidden: true }),
];
const apiFlag: FlagSpec = text("log", "v1|v2", "the API of the log to ask (v1)", { choices: ["v1", "v2"], noVariable: true });
const entryFlags: readonly FlagSpec[] = [
  text("log-index", "N", "the entry with this index over all shards"),
  text("uuid", "ID", "the entry with this id, 64 or 80 hexadecimal digits"),
];
const pkiFormat: FlagSpec = text(
  "pki-format",
  "FORMAT",
  "format of keys and signatures: x509 (default), pgp, ssh, minisign, tuf",
  {
    choices: ["x509", "pgp", "ssh", "minisign", "tuf", "pkcs7"],
  },
);
const artifactFlags: readonly FlagSpec[] = [
  text("artifact", "FILE|URL", "what was signed; of dsse and intoto the envelope, of other kinds the package or document"),
  text("artifact-hash", "HEX", "the digest of what was signed, instead of it"),
  text("signature", "FILE|URL", "the signature"),
  list("public-key", "FILE|URL", "the public key or certificate (PEM) that verifies it"),
  pkiFormat,
  text("type", "KIND[:VERSION]", "kind of entry: hashedrekord (default), rekord, dsse, intoto, cose, rfc3161, tuf, …"),
  text("entry", "FILE|URL", "a proposed entry as it is, JSON"),
  text("aad", "BASE64", "additional data that a cose signature covers"),
];
const bundleFlag: FlagSpec = text("bundle", "FILE", "write the entry as a Sigstore bundle, which verifies offline");

const upload: Command = {
  name: "log upload",
  summary: "enter a signature in the log, and prove that it is there",
  positionals: none,
  flags: [...artifactFlags, bundleFlag, ...logFlags],
  examples: [
    "sigillum log upload --artifact app.tar.gz --signature app.sig --public-key cosign.pub",
    "sigillum log upload --type intoto --artifact provenance.dsse.json --public-key cosign.pub",
  ],
  run: async (args, terminal) => await (await load()).runLogUpload(args, terminal),
};

const get: Command = {
  name: "log get",
  summary: "show an entry: who signed what and when, then its contents",
  positionals: none,
  flags: [...entryFlags, apiFlag, bundleFlag, ...logFlags],
  examples: ["sigillum log get --log-index 42", "sigillum log get --log v2 --log-index 42"],
  run: async (args, terminal) => await (await load()).runLogGet(args, terminal),
};

const search: Command = {
  name: "log search",
  summary: "find entries by digest, file, key, email or subject",
  positionals: none,
  flags: [
    text("sha", "HEX", "SHA-1, SHA-256 or SHA-512 of what was signed, or of a statement's subject"),
    text("artifact", "FILE|URL", "what was signed"),
    text("public-key", "FILE|URL", "the key or certificate that signed"),
    pkiFormat,
    text("email", "ADDRESS", "email address of a certificate"),
    text("subject", "NAME", "any name of a certificate: a URI, a DNS name, …"),
    text("operator", "and|or", "how several conditions are joined (or)", { choices: ["and", "or"] }),
    toggle("show", "fetch and prove each entry, and say who signed what and when"),
    apiFlag,
    ...logFlags,
  ],
  examples: ["sigillum log search --email ada@example.com --show"],
  run: async (args, terminal) => await (await load()).runLogSearch(args, terminal),
};

const verify: Command = {
  name: "log verify",
  summary: "prove that an entry is in the log",
  positionals: none,
  flags: [...entryFlags, ...artifactFlags, ...logFlags],
  run: async (args, terminal) => await (await load()).runLogVerify(args, terminal),
};

const info: Command = {
  name: "log info",
  summary: "show the log's trees, proved to extend what they were before",
  positionals: none,
  flags: [
    apiFlag,
    array("witness", "VKEY", "demand that this witness cosigned the checkpoint (NAME+ID+KEY), of log v2; may be repeated"),
    ...logFlags,
  ],
  run: async (args, terminal) => await (await load()).runLogInfo(args, terminal),
};

const prove: Command = {
  name: "log prove",
  summary: "print a proof to keep: of an entry (C2SP tlog-proof), or of growth",
  positionals: none,
  flags: [
    ...entryFlags,
    apiFlag,
    text("first-size", "N", "the smaller tree (1)"),
    text("last-size", "N", "the larger tree"),
    text("tree-id", "ID", "the shard (the active one)"),
    ...logFlags,
  ],
  run: async (args, terminal) => await (await load()).runLogProve(args, terminal),
};

const watch: Command = {
  name: "log watch",
  summary: "print new entries of an identity, and alarm when the log rewrites anything",
  description:
    "Follows the log across shards. What was seen is kept in a file, so that the next run goes on from there and compares.\nWithout an identity every entry is printed. Of log v2 every shard of the trust root is read, each with indexes of its own.",
  positionals: none,
  flags: [
    text("identity", "ID", "the email address or URI to watch for"),
    text("identity-regexp", "RE", "the same as a regular expression (RE2, not anchored)"),
    text("issuer", "URL", "the identity provider that must have vouched"),
    text("issuer-regexp", "RE", "the same as a regular expression"),
    text("from", "N", "index to begin at in the first run (the end of the log); of log v2 in each shard"),
    text("interval", "DURATION", "how often to look (10s)"),
    toggle("once", "look once and end"),
    text("state", "FILE", "where to remember what was seen (below $SIGILLUM_HOME)"),
    apiFlag,
    ...logFlags,
  ],
  examples: [
    "sigillum log watch --identity ada@example.com --issuer https://accounts.example.com",
    "sigillum log watch --log v2 --from 0 --once --identity ada@example.com",
  ],
  run: async (args, terminal) => await (await load()).runLogWatch(args, terminal),
};

const dataFlag: FlagSpec = text("data", "DIR", "the data directory (sigillum-data)");
const whichLog: FlagSpec = text("log", "API", "v1 or v2", { choices: ["v1", "v2"], noVariable: true });

const shards: Command = {
  name: "log shards",
  summary: "list the shards of a running stack: size, state, period, key",
  positionals: none,
  flags: [dataFlag, whichLog],
  run: async (args, terminal) => await (await load()).runLogShards(args, terminal),
};

const rotate: Command = {
  name: "log rotate",
  summary: "open a new shard with a key of its own, without a client noticing",
  description:
    "Publishes the new key, waits until clients' caches have it (trust.cacheWindowHours), switches, and seals the old shard.\nCalled again it says where the rotation stands.",
  positionals: none,
  flags: [
    dataFlag,
    text("log", "API", "v1 (default), v2, or ct", { choices: ["v1", "v2", "ct"], noVariable: true }),
    text("url", "URL", "public URL of the next shard of log v2 (transparencyLog.nextUrlV2)"),
  ],
  examples: ["sigillum log rotate", "sigillum log rotate --log v2 --url https://log2027-1.rekor.example.com"],
  run: async (args, terminal) => await (await load()).runLogRotate(args, terminal),
};

const fsck: Command = {
  name: "log fsck",
  summary: "hash every entry and tile again, and say what differs",
  positionals: none,
  flags: [dataFlag, whichLog, toggle("rebuild-index", "make every index anew first; the stack must be stopped")],
  run: async (args, terminal) => await (await load()).runLogFsck(args, terminal),
};

const archive: Command = {
  name: "log archive",
  summary: "move a sealed shard to cheap storage, from which it is served still",
  description:
    "Tiles, entries and attestations go there, checked before and after; state and index stay. The storage may then be read-only.\nThe stack must be stopped.",
  positionals: { name: "SHARD", min: 1, max: 1 },
  flags: [dataFlag, whichLog, text("to", "DIR", "the storage: a folder of the shard's own is made there")],
  examples: ["sigillum log archive 2026-1 --to /mnt/cold"],
  run: async (args, terminal) => await (await load()).runLogArchive(args, terminal),
};

/** Other names that rekor-cli has. */
const aliases: readonly Command[] = [
  { ...info, name: "log loginfo", hidden: true },
  { ...prove, name: "log logproof", hidden: true },
];

/** Commands on transparency logs. */
export const logCommands: readonly Command[] = [
  upload,
  get,
  search,
  verify,
  info,
  prove,
  watch,
  shards,
  rotate,
  fsck,
  archive,
  ...aliases,
];
