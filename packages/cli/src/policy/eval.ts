// `sigillum policy eval`: what a policy says, without a contract: the value of a Rego query, the value or the problems of CUE.

import type { PolicySource } from "@sigillum/policy/contracts";
import { compileCue, evaluateCue, validateCue } from "@sigillum/policy/cue";
import { compile } from "@sigillum/policy/rego";
import { regoBuiltins } from "@sigillum/policy/rego-builtins";
import { encodeJson, ObjectValue, type Value } from "@sigillum/policy/values";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { nowNs, policyMissing } from "./enforce.ts";
import { readDocument } from "./inputs.ts";
import { readPolicies } from "./sources.ts";
import { detailLines, paintFor } from "./tell.ts";

/** Run `policy eval`. */
export async function runPolicyEval(args: Arguments, terminal: Terminal): Promise<number> {
  const policies = args.strings("policy");
  const query = args.string("query");
  if (policies.length === 0 && query === undefined) throw policyMissing(args);
  const sources = await readPolicies(policies);
  const [path] = args.positionals;
  const document = path === undefined ? undefined : await readDocument(path, terminal);
  const isCue = sources.some(({ language }) => language === "cue");
  if (isCue && sources.some(({ language }) => language === "rego"))
    throw argumentError("FLAGS_CONFLICT", "Cannot evaluate: policies of both languages are given", {
      expected: "policies of one language",
    });
  return isCue ? evalCue(sources, document, terminal) : evalRego(sources, query ?? "data", document, args, terminal);
}

function evalRego(
  sources: readonly PolicySource[],
  query: string,
  document: Value | undefined,
  args: Arguments,
  terminal: Terminal,
): number {
  const dialect = args.boolean("v1") ? "v1" : "v0";
  const policy = compile(
    sources.map(({ file, source }) => ({ file, source })),
    { dialect, builtins: regoBuiltins },
  );
  const results = policy.query(query, { nowNs: nowNs(), ...(document === undefined ? {} : { input: document }) });
  for (const { expressions, bindings } of results) {
    const value: Value =
      bindings.size > 0 ? ObjectValue.of([...bindings].map(([name, bound]) => [name, bound] as const)) : (expressions[0] ?? null);
    terminal.out(encodeJson(value, { indent: "  " }));
  }
  if (results.length === 0) terminal.note("undefined");
  return results.length === 0 ? exitCodes.failure : exitCodes.success;
}

function evalCue(sources: readonly PolicySource[], document: Value | undefined, terminal: Terminal): number {
  const compiled = compileCue(sources.map(({ file, source }) => ({ file, source })));
  if (document === undefined) {
    terminal.out(encodeJson(evaluateCue(compiled), { indent: "  " }));
    return exitCodes.success;
  }
  const problems = validateCue(compiled, document);
  const paint = paintFor(terminal);
  for (const { path, message, positions, values } of problems) {
    terminal.out(path === "" ? message : `${path}: ${message}`);
    const told = { code: "", text: message, positions, values, ...(path === "" ? {} : { path }) };
    for (const line of detailLines(told, sources, document, paint)) terminal.out(line);
  }
  return problems.length === 0 ? exitCodes.success : exitCodes.failure;
}
