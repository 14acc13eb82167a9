// Everything that a client of Rekor v1 can post: whole proposals of each kind, and what stands in them as bytes.
import { encodeBase64, encodeUtf8, parseBase64 } from "@sigillum/library/encoding";
import type { FuzzTarget } from "@sigillum/library/testing";
import { type SampleProposal, sampleProposals } from "../samples/index.ts";
import { entryTypes, prepareEntry } from "./entries.ts";
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
    run: (input: Uint8Array) => prepareEntry(input, everyType),
  }));
  const parts = binaries.map(([name, path]) => {
    const proposal = samples.get(name);
    if (proposal === undefined) throw new TypeError(`There is no sample ${name}`);
    return {
      name: `${name} ${path}`,
      seeds: [parseBase64(String(memberAt(proposal, path)))],
      run: (input: Uint8Array) =>
        prepareEntry(encodeUtf8(JSON.stringify(withMember(proposal, path, encodeBase64(input)))), everyType),
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
