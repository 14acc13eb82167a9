// `sigillum policy eval` of CUE: the value of a policy, or what does not fit in a document, without a contract.
import type { PolicySource } from "@sigillum/policy/contracts";
import { compileCue, evaluateCue, validateCue } from "@sigillum/policy/cue";
import { encodeJson } from "@sigillum/policy/values";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { readDocument } from "./inputs.ts";
import { detailLines, paintFor } from "./tell.ts";

/** Evaluate the policies, or unify them with the document that is named, and tell what comes of it. */
export async function evalCue(sources: readonly PolicySource[], args: Arguments, terminal: Terminal): Promise<number> {
  const [path] = args.positionals;
  const document = path === undefined ? undefined : await readDocument(path, terminal);
  const compiled = compileCue(sources.map(({ file, source }) => ({ file, source })));
  if (document === undefined) {
    terminal.out(encodeJson(evaluateCue(compiled), { indent: "  " }));
    return exitCodes.success;
  }
  const problems = validateCue(compiled, document);
  const paint = paintFor(terminal);
  for (const { path: where, message, positions, values } of problems) {
    terminal.out(where === "" ? message : `${where}: ${message}`);
    const told = { code: "", text: message, positions, values, ...(where === "" ? {} : { path: where }) };
    for (const line of detailLines(told, sources, document, paint)) terminal.out(line);
  }
  return problems.length === 0 ? exitCodes.success : exitCodes.failure;
}
