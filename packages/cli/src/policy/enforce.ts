// Policies in verify-attestation and verify-blob-attestation: what verified is asked about, in cosign's order and with its sentences.
import { type Contract, compilePolicies, contracts, judge, type PolicySource, policyInput } from "@sigillum/policy/contracts";
import type { Value } from "@sigillum/policy/values";
import { type Arguments, argumentError } from "../arguments/index.ts";
import type { Terminal } from "../terminal/index.ts";
import { policyError } from "./errors.ts";
import { readPolicies } from "./sources.ts";
import { readStatement } from "./statement.ts";
import { detailLines, paintFor } from "./tell.ts";

/** Policies that a command named, ready to be asked. */
export interface Enforcement {
  /** Ask about the payloads of verified envelopes, the type as `--type` gave it; throws POLICY_REFUSED unless every one is allowed. */
  enforce(payloads: readonly Uint8Array[], type: string): void;
}

/** Read the policies of `--policy`, asked as cosign asks unless `--contract` says otherwise; undefined when there is none. */
export function loadPolicies(args: Arguments, terminal: Terminal): Enforcement | undefined {
  const paths = args.strings("policy");
  if (paths.length === 0) return undefined;
  const contract = contractOf(args, "cosign-cli");
  const sources = readPolicies(paths);
  for (const [language, name] of [
    ["cue", "CUE"],
    ["rego", "Rego"],
  ] as const) {
    const files = sources.filter((source) => source.language === language).map(({ file }) => file);
    if (files.length > 0) terminal.note(`will be validating against ${name} policies: [${files.join(" ")}]`);
  }
  return { enforce: (payloads, type) => enforce(contract, sources, payloads, type, terminal) };
}

/** Which contract `--contract` names. */
export function contractOf(args: Arguments, fallback: Contract): Contract {
  const given = args.declares("contract") ? args.string("contract") : undefined;
  const found = contracts.find((contract) => contract === (given ?? fallback));
  if (found !== undefined) return found;
  throw argumentError("FLAG_VALUE_INVALID", `Cannot take --contract ${String(given)}: it is none`, {
    found: String(given),
    expected: contracts.join(", "),
  });
}

/** Nanoseconds since 1970, for policies that ask for the time. */
export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function enforce(
  contract: Contract,
  sources: readonly PolicySource[],
  payloads: readonly Uint8Array[],
  type: string,
  terminal: Terminal,
): void {
  const statements = payloads.map((payload) => readStatement(payload));
  const documents = statements.flatMap((statement) => documentOf(contract, type, statement) ?? []);
  const {
    pass,
    documents: judged,
    warnings,
  } = judge(compilePolicies(contract, sources), documents, { nowNs: nowNs(), attestations: statements });
  for (const { text } of warnings) terminal.note(`WARNING: ${text}`);
  if (pass) return;
  const paint = paintFor(terminal);
  const refusing = judged.flatMap(({ document, verdict }) => verdict.messages.map((message) => ({ document, message })));
  const count = Math.max(1, refusing.length);
  terminal.note(`There are ${count} number of errors occurred during the validation:`);
  terminal.note("");
  for (const { document, message } of refusing) {
    terminal.note(`- ${message.text}`);
    for (const line of detailLines(message, sources, document, paint)) terminal.note(line);
  }
  if (refusing.length === 0) terminal.note("- there is no document to judge");
  const [first] = refusing;
  throw policyError("POLICY_REFUSED", `${count} validation errors occurred`, {
    ...(first === undefined ? {} : { found: first.message.text.slice(0, 500) }),
    expected: `what ${sources.map(({ file }) => file).join(", ")} allows`,
  });
}

// cosign's own rewriting belongs to its contract; the others take the statement as it was signed.
function documentOf(contract: Contract, type: string, statement: Value): Value | undefined {
  return contract === "strict" ? statement : policyInput(type, statement);
}
