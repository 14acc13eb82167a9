// The doors of what takes long to load: each command loads what it needs, and `eval` one language alone.
import { type Arguments, argumentError } from "../arguments/index.ts";
import type { Terminal } from "../terminal/index.ts";
import type { Enforcement } from "./enforce.ts";
import { policyMissing } from "./errors.ts";
import { readPolicies } from "./sources.ts";
import type { FetchAttestations } from "./test.ts";

/** Read the policies of `--policy`, asked as cosign asks unless `--contract` says otherwise; undefined when there is none. */
export async function loadPolicies(args: Arguments, terminal: Terminal): Promise<Enforcement | undefined> {
  return (await import("./enforce.ts")).loadPolicies(args, terminal);
}

/** Run `policy eval`. */
export async function runPolicyEval(args: Arguments, terminal: Terminal): Promise<number> {
  const policies = args.strings("policy");
  const query = args.string("query");
  if (policies.length === 0 && query === undefined) throw policyMissing(args);
  const sources = readPolicies(policies);
  const isCue = sources.some(({ language }) => language === "cue");
  if (isCue && sources.some(({ language }) => language === "rego"))
    throw argumentError("FLAGS_CONFLICT", "Cannot evaluate: policies of both languages are given", {
      expected: "policies of one language",
    });
  return isCue
    ? (await import("./eval-cue.ts")).evalCue(sources, args, terminal)
    : (await import("./eval-rego.ts")).evalRego(sources, args, terminal);
}

/** Run `policy new KIND`. */
export async function runPolicyNew(args: Arguments, terminal: Terminal): Promise<number> {
  return (await import("./new.ts")).runPolicyNew(args, terminal);
}

/** Run `policy test`; images are asked of `fetchAttestations`. */
export async function runPolicyTest(args: Arguments, terminal: Terminal, fetchAttestations: FetchAttestations): Promise<number> {
  return (await import("./test.ts")).runPolicyTest(args, terminal, fetchAttestations);
}
