// `sigillum policy eval` of Rego: the value of a query, without a contract.
import type { PolicySource } from "@sigillum/policy/contracts";
import { compile } from "@sigillum/policy/rego";
import { regoBuiltins } from "@sigillum/policy/rego-builtins";
import { encodeJson, ObjectValue, type Value } from "@sigillum/policy/values";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { readDocument } from "./inputs.ts";

/** Ask the query of `--query` about the document that is named, and tell each result. */
export async function evalRego(sources: readonly PolicySource[], args: Arguments, terminal: Terminal): Promise<number> {
  const [path] = args.positionals;
  const document = path === undefined ? undefined : await readDocument(path, terminal);
  const policy = compile(
    sources.map(({ file, source }) => ({ file, source })),
    { dialect: args.boolean("v1") ? "v1" : "v0", builtins: regoBuiltins },
  );
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const results = policy.query(args.string("query") ?? "data", { nowNs, ...(document === undefined ? {} : { input: document }) });
  for (const { expressions, bindings } of results) {
    const value: Value =
      bindings.size > 0 ? ObjectValue.of([...bindings].map(([name, bound]) => [name, bound] as const)) : (expressions[0] ?? null);
    terminal.out(encodeJson(value, { indent: "  " }));
  }
  if (results.length === 0) terminal.note("undefined");
  return results.length === 0 ? exitCodes.failure : exitCodes.success;
}
