// `sigillum policy new`: a commented policy to start from.
import { writeFileSync } from "node:fs";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { contractOf } from "./enforce.ts";
import { policyError } from "./errors.ts";
import { type TemplateKind, templateFor, templateKinds } from "./templates.ts";

/** Run `policy new KIND`. */
export async function runPolicyNew(args: Arguments, terminal: Terminal): Promise<number> {
  const [given] = args.positionals;
  const kind: TemplateKind = templateKinds.find((each) => each === given) ?? "slsa";
  const language = args.string("language") === "cue" ? "cue" : "rego";
  const text = templateFor(kind, language, contractOf(args, "strict"));
  const out = args.string("out");
  if (out === undefined) terminal.write(text);
  else {
    try {
      writeFileSync(out, text, { flag: "wx" });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw policyError("POLICY_UNREADABLE", `Cannot write policy ${out}: ${why}`, { cause, found: out });
    }
    terminal.note(`Wrote ${out}; try it: sigillum policy test --policy ${out} STATEMENT.json`);
  }
  return exitCodes.success;
}
