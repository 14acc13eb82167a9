import type { Bundle } from "@sigillum/library/bundle";
import { quote } from "@sigillum/library/encoding";
import type { Verified } from "@sigillum/library/verification";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { verifiedJson, verifiedLines } from "./describe.ts";
import { blobError } from "./errors.ts";
import { type Demands, demandsOf, isSet, optional } from "./expectations.ts";
import { explanationLines } from "./explain.ts";
import { readMaterial } from "./material.ts";
import { predicateTypesFor } from "./predicate.ts";
import { loadVerifyingTrust } from "./trust.ts";
import { verifyCandidates } from "./verify-blob.ts";

/** `sigillum verify-blob-attestation [FILE] --bundle B --type T`: a statement about the file, of the wanted type, by the expected signer. */
export async function runVerifyBlobAttestation(args: Arguments, terminal: Terminal): Promise<number> {
  const file = subjectOf(args, terminal);
  const type = optional(args, "type") ?? "custom";
  const wanted = predicateTypesFor(type);
  const demands = await demandsOf(args, terminal);
  const policies =
    args.strings("policy").length === 0 ? undefined : await (await import("../policy/index.ts")).loadPolicies(args, terminal);
  const candidates = await readMaterial(args);
  if (candidates === undefined) args.required("bundle", "it is the file with the attestation");
  const trustedRoot = await loadVerifyingTrust(args, terminal);
  let tried: Bundle | undefined;
  const typed: Demands = {
    ...demands,
    prepare: (bundle) => {
      tried = demands.prepare(bundle);
      return tried;
    },
    accept: (verified) => {
      requirePredicateType(verified, wanted);
      demands.accept(verified);
    },
  };
  const verified = await verifyCandidates({ file, candidates: candidates ?? [], trustedRoot, demands: typed }, args, terminal);
  // the bundle that was tried last is the one that verified
  policies?.enforce(tried !== undefined && "dsseEnvelope" in tried.content ? [tried.content.dsseEnvelope.payload] : [], type);
  if (terminal.format === "json")
    terminal.json({ verified: true, file, ...verifiedJson(verified), statement: statementJson(verified) });
  else {
    const explained = isSet(args, "explain") ? explanationLines(verified, demands.expectations) : [];
    for (const line of [`Verified ${file}`, ...verifiedLines(verified), ...explained, "Verified OK"]) terminal.note(line);
  }
  return exitCodes.success;
}

// The file, or with --digest what its digest is said to be.
function subjectOf(args: Arguments, terminal: Terminal): string {
  const [file] = args.positionals;
  const digest = optional(args, "digest");
  if (digest === undefined) {
    if (file !== undefined) return file;
    throw argumentError("FLAG_REQUIRED", "Cannot run verify-blob-attestation: it takes a FILE, or --digest HEX in its place", {
      expected: "FILE or --digest",
    });
  }
  if (file !== undefined)
    terminal.note("WARNING: a file and --digest are both given; the digest is what is verified, the file is not read");
  return digest.includes(":") ? digest : `${optional(args, "digestAlg") ?? "sha256"}:${digest}`;
}

/** Require that what was proved is a statement of one of the wanted predicate types. */
export function requirePredicateType({ statement }: Pick<Verified, "statement">, wanted: readonly string[]): void {
  const found = statement?.predicateType;
  if (found !== undefined && wanted.includes(found)) return;
  throw blobError(
    "PREDICATE_TYPE_MISMATCH",
    `Cannot accept attestation: ${found === undefined ? "it holds no statement" : `its predicate type is ${quote(found)}`}, ${quote(wanted[0] ?? "")} is wanted; --type names another`,
    { found: found ?? "no statement", expected: wanted[0] ?? "" },
  );
}

function statementJson({ statement }: Verified): Record<string, unknown> | undefined {
  if (statement === undefined) return undefined;
  const { type, subject, predicateType, predicate } = statement;
  return {
    _type: type,
    subject: subject.map(({ name, digest }) => ({ name, digest: Object.fromEntries(digest) })),
    predicateType,
    predicate,
  };
}
