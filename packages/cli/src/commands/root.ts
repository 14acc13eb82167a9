import type { Arguments, FlagSpec } from "../arguments/index.ts";
import type { StackLink } from "../root/index.ts";
import type { Command } from "./command.ts";
import { array, list, text, toggle, yesFlag } from "./flags.ts";

const load = () => import("../root/index.ts");
const event = { name: "EVENT", min: 1, max: 1 } as const;
const dataFlag: FlagSpec = text("data", "DIR", "work with the running stack of this data directory");
const expiresFlag: FlagSpec = text("expires-days", "N", "days until what is proposed expires (365)");
const makerFlag: FlagSpec = list("maker", "FILE", "certificates (PEM) of makers of tokens: attestations must chain to one");
const targetFlag: FlagSpec = array("target", "PATH=FILE", "a file to list and publish under PATH");
const signFlag: FlagSpec = array("sign", "ROLE=KEY", "key of an online role: timestamp=KEY, snapshot=KEY, or a delegated role's");
const restartFlag: FlagSpec = list("restart", "ROLE", "after a theft: begin the versions of this role anew");
const daysFlags: readonly FlagSpec[] = [
  text("timestamp-days", "N", "days for which a timestamp is valid (7)"),
  text("snapshot-days", "N", "days for which a snapshot is valid (30)"),
];

/** The running stack that --data names; a keyholder's machine needs none, and loads none. */
async function linkOf(args: Arguments): Promise<StackLink | undefined> {
  const directory = args.string("data");
  return directory === undefined ? undefined : (await import("../operate/index.ts")).stackLink(directory);
}

const noLockFlag = toggle(
  "no-lock",
  "publish to a store that passes conditions over and cannot keep two publications apart; see to it that nobody else publishes",
);

/** The commands of a ceremony. */
export const rootCommands: readonly Command[] = [
  {
    name: "root init",
    summary: "begin a ceremony: an event in a folder that travels from keyholder to keyholder",
    positionals: event,
    flags: [
      text("live", "PLACE", "the published repository it is for: a directory, URL or s3://BUCKET/PREFIX (a new one)"),
      dataFlag,
      text("root-sha256", "HEX", "SHA-256 that the repository's first root must have"),
      text("name", "NAME", "the event's name (the folder's)"),
      list("rotate", "ROLE", "with --data: ask the stack for a new key of this role"),
      expiresFlag,
    ],
    examples: ["sigillum root init 2027-01", "sigillum root init 2027-06 --live https://tuf.example.com"],
    run: async (args, terminal) => await (await load()).runRootInit(args, terminal, await linkOf(args)),
  },
  {
    name: "root add-key",
    summary: "offer a key for a role, with proof of possession",
    positionals: event,
    flags: [
      list("role", "ROLE", "the role it is for (root): root, targets, snapshot, timestamp, or a delegated role"),
      text("owner", "NAME", "whose key it is"),
      text("key", "KEY", "the key: a file, env://NAME, or a key service"),
      text("attestation", "FILE", "certificate (PEM) in which the token says that it made the key"),
      text("device", "FILE", "the token's own certificate (PEM)"),
      makerFlag,
      toggle("ml-dsa", "offer a key of ML-DSA (TAP 21), which only newer clients read"),
      text("submission", "FILE", "take an offer that came as a file"),
      text("submission-output", "FILE", "write the offer to a file as well"),
    ],
    examples: ["sigillum root add-key 2027-01 --role root --owner ada --key ada.key"],
    run: async (args, terminal) => await (await load()).runRootAddKey(args, terminal),
  },
  {
    name: "root join",
    summary: "take keys and signatures from copies of the event",
    positionals: { name: "EVENT COPY…", min: 2, max: 100 },
    flags: [makerFlag],
    examples: ["sigillum root join 2027-01 from-ada from-bea key-of-acme.json"],
    run: async (args, terminal) => await (await load()).runRootJoin(args, terminal),
  },
  {
    name: "root propose",
    summary: "propose a root from the submitted keys; thresholds, targets, renewals",
    positionals: event,
    flags: [
      array("threshold", "ROLE=N", "how many keys of a role must sign (a majority)"),
      targetFlag,
      list("remove", "PATH", "a target to list no more"),
      text("role", "ROLE", "the role that lists the targets (targets)"),
      list("renew", "ROLE", "sign this role anew, with nothing else changed"),
      expiresFlag,
    ],
    examples: ["sigillum root propose 2027-01 --threshold root=3 --target trusted_root.json=./trusted_root.json"],
    run: async (args, terminal) => await (await load()).runRootPropose(args, terminal),
  },
  {
    name: "root delegate",
    summary: "delegate paths to the holders of the keys that were submitted for a role",
    positionals: { name: "EVENT ROLE", min: 2, max: 2 },
    flags: [
      list("paths", "PATTERN", "paths it may speak for: * and ? within a segment"),
      list("path-hash-prefixes", "HEX", "the same by the beginning of a path's SHA-256"),
      text("bins", "BITS", "delegate to 2^BITS bins called ROLE-…"),
      toggle("terminating", "ask nobody after it for a path of its own"),
      text("threshold", "N", "how many of its keys must sign (1)"),
      text("position", "N", "place among the delegations, 1 first (last)"),
      text("delegator", "ROLE", "the role that delegates (targets)"),
      targetFlag,
      expiresFlag,
    ],
    examples: ["sigillum root delegate 2027-01 acme --paths 'acme/*' --terminating"],
    run: async (args, terminal) => await (await load()).runRootDelegate(args, terminal),
  },
  {
    name: "root rotate",
    summary: "replace a key of a role by a submitted one; with --data, by a new one of the stack",
    positionals: { name: "[EVENT]", min: 0, max: 1 },
    flags: [
      text("role", "ROLE", "whose key is replaced"),
      text("old", "OWNER|KEYID", "the key that goes"),
      text("new", "OWNER|KEYID", "the submitted key that comes"),
      dataFlag,
      restartFlag,
      expiresFlag,
    ],
    examples: [
      "sigillum root rotate 2027-06 --role root --old dan --new fay",
      "sigillum root rotate --data ./sigillum-data --role timestamp",
    ],
    run: async (args, terminal) => await (await load()).runRootRotate(args, terminal, await linkOf(args)),
  },
  {
    name: "root revoke",
    summary: "take a key out of a role, or end a delegation",
    positionals: event,
    flags: [
      text("role", "ROLE", "whose key is revoked"),
      text("key", "OWNER|KEYID", "the key that goes"),
      text("delegation", "ROLE", "the delegation that ends"),
      text("delegator", "ROLE", "the role that delegates (targets)"),
      expiresFlag,
    ],
    run: async (args, terminal) => await (await load()).runRootRevoke(args, terminal),
  },
  {
    name: "root sign",
    summary: "sign what an event proposes, after reading what it is",
    positionals: event,
    flags: [
      text("key", "KEY", "the key to sign with: a file, env://NAME, or a key service"),
      list("role", "ROLE", "sign these roles alone"),
      makerFlag,
      text("payloads", "DIR", "write the bytes to sign, for a machine that knows nothing of TUF"),
      array("signature", "ROLE=FILE", "take a signature over such bytes, raw or in hex"),
      text("keyid", "ID", "whose signature it is"),
      yesFlag,
    ],
    examples: ["sigillum root sign 2027-01 --key ada.key", "sigillum root sign 2027-01 --payloads ./to-sign"],
    run: async (args, terminal) => await (await load()).runRootSign(args, terminal),
  },
  {
    name: "root verify",
    summary: "check everything in an event and show what it changes",
    positionals: event,
    flags: [
      makerFlag,
      text("root-sha256", "HEX", "SHA-256 of the first root of the repository it must be for"),
      toggle("complete", "fail where signatures are missing"),
      text("html", "FILE", "write the report as a page, with who signed what and what clients are told"),
    ],
    run: async (args, terminal) => await (await load()).runRootVerify(args, terminal),
  },
  {
    name: "root status",
    summary: "say how far an event is, or what a repository needs next and of whom",
    positionals: { name: "[EVENT|PLACE]", min: 0, max: 1 },
    flags: [dataFlag],
    examples: ["sigillum root status https://tuf.example.com", "sigillum root status --data ./sigillum-data"],
    run: async (args, terminal) => await (await load()).runRootStatus(args, terminal, await linkOf(args)),
  },
  {
    name: "root diff",
    summary: "show what an event changes",
    positionals: event,
    flags: [],
    run: async (args, terminal) => await (await load()).runRootDiff(args, terminal),
  },
  {
    name: "root publish",
    summary: "publish what keyholders signed, the timestamp last",
    positionals: event,
    flags: [text("to", "PLACE", "a directory or s3://BUCKET/PREFIX"), dataFlag, signFlag, restartFlag, ...daysFlags, noLockFlag],
    examples: ["sigillum root publish 2027-01 --to s3://trust/tuf --sign timestamp=ts.key --sign snapshot=sn.key"],
    run: async (args, terminal) => await (await load()).runRootPublish(args, terminal, await linkOf(args)),
  },
  {
    name: "root tick",
    summary: "sign again what is due; safe to run every hour, and the repair of an expired repository",
    positionals: { name: "[PLACE]", min: 0, max: 1 },
    flags: [dataFlag, signFlag, ...daysFlags, noLockFlag],
    examples: ["sigillum root tick s3://trust/tuf --sign timestamp=ts.key --sign snapshot=sn.key"],
    run: async (args, terminal) => await (await load()).runRootTick(args, terminal, await linkOf(args)),
  },
  {
    name: "root copy",
    summary: "bring a copy of a repository up to date, the timestamp last",
    positionals: { name: "FROM TO", min: 2, max: 2 },
    flags: [noLockFlag],
    examples: ["sigillum root copy ./published s3://trust/tuf"],
    run: async (args, terminal) => await (await load()).runRootCopy(args, terminal),
  },
];
