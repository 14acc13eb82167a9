// Everything that a client of Rekor v1 can post: whole proposals of each kind, and what stands in them as bytes.
import { encodeBase64, encodeUtf8, equalBytes, parseBase64 } from "@sigillum/library/encoding";
import type { FuzzTarget } from "@sigillum/library/testing";
import { type SampleProposal, sampleProposals } from "../samples/index.ts";
import { entryTypes, type PreparedEntry, prepareEntry } from "./entries.ts";
import { encodePreparedEntry, prepareEncoded } from "./prepared-entry.ts";
import { quickEntry } from "./quick-entry.ts";
import { readIndexes, readQuery, searchKeysOfQuery } from "./retrieve.ts";

/** Bytes inside a proposal that are read by a parser of their own. */
const binaries: readonly [sample: string, path: string][] = [
  ["hashedrekord", "spec.signature.publicKey.content"],
  ["hashedrekord", "spec.signature.content"],
  ["dsse", "spec.proposedContent.verifiers.0"],
  ["rekord ssh", "spec.signature.content"],
  ["rekord ssh", "spec.signature.publicKey.content"],
  ["rekord minisign", "spec.signature.content"],
  ["rekord minisign", "spec.signature.publicKey.content"],
  ["rekord pgp", "spec.signature.content"],
  ["rekord pgp", "spec.signature.publicKey.content"],
  ["alpine", "spec.package.content"],
  ["jar", "spec.archive.content"],
  ["rpm", "spec.package.content"],
  ["helm", "spec.chart.provenance.content"],
  ["cose", "spec.message"],
  ["rfc3161", "spec.tsr.content"],
];

const everyType = new Set(entryTypes);

/** The readers of this face. */
export async function targets(): Promise<FuzzTarget[]> {
  const samples = await sampleProposals();
  const whole = [...samples].map(([name, proposal]) => ({
    name: `proposal ${name}`,
    seeds: [encodeUtf8(JSON.stringify(proposal))],
    run: prepareBothWays,
  }));
  const parts = binaries.map(([name, path]) => {
    const proposal = samples.get(name);
    if (proposal === undefined) throw new TypeError(`There is no sample ${name}`);
    return {
      name: `${name} ${path}`,
      seeds: [parseBase64(String(memberAt(proposal, path)))],
      run: (input: Uint8Array) => prepareBothWays(encodeUtf8(JSON.stringify(withMember(proposal, path, encodeBase64(input))))),
    };
  });
  const searches = [
    { hash: "ab".repeat(32), operator: "or" },
    { email: "a@b.example", subject: "x", operator: "and" },
  ].map((query) => encodeUtf8(JSON.stringify(query)));
  const keys = ["x509", "pgp", "ssh", "minisign"].map((format) => {
    const key = memberAt(samples.get(`rekord ${format}`), "spec.signature.publicKey.content");
    return encodeUtf8(JSON.stringify({ publicKey: { format, content: key } }));
  });
  const retrieve = [{ logIndexes: [1, 2], entryUUIDs: ["ab".repeat(32)] }, { entries: [samples.get("dsse")] }].map((query) =>
    encodeUtf8(JSON.stringify(query)),
  );
  return [
    ...whole,
    ...parts,
    { name: "index/retrieve", seeds: [...searches, ...keys], run: (input) => searchKeysOfQuery(readQuery(input)) },
    { name: "entries/retrieve", seeds: retrieve, run: (input) => void readIndexes(readQuery(input)) },
  ];
}

/** Prepare; what the short way takes, the long way takes too, and makes the same of it. */
function prepareBothWays(input: Uint8Array): PreparedEntry | Promise<PreparedEntry> {
  if (quickEntry(input, everyType) === undefined) return prepareEntry(input, everyType);
  const [quick, long] = [prepareEncoded(input, everyType), preparedAtOnce(input)];
  if (!(quick instanceof Uint8Array) || !equalBytes(quick, encodePreparedEntry(long)))
    throw new TypeError("the short way makes another entry than the long one");
  return long;
}

function preparedAtOnce(input: Uint8Array): PreparedEntry {
  try {
    const long = prepareEntry(input, everyType);
    if (!(long instanceof Promise)) return long;
  } catch (cause) {
    throw new TypeError("the short way takes what the long one refuses", { cause });
  }
  throw new TypeError("the short way takes what the long one prepares later");
}

function memberAt(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split(".")) at = typeof at === "object" && at !== null ? Reflect.get(at, name) : undefined;
  return at;
}

function withMember(proposal: SampleProposal, path: string, member: unknown): unknown {
  const copy: unknown = structuredClone(proposal);
  const names = path.split(".");
  const parent = memberAt({ copy }, ["copy", ...names.slice(0, -1)].join("."));
  if (typeof parent === "object" && parent !== null) Reflect.set(parent, names.at(-1) ?? "", member);
  return copy;
}
