import type { FlagSpec } from "../arguments/index.ts";
import type { Command } from "./command.ts";
import { array, many, policyFlags, registryFlags, text, toggle } from "./flags.ts";

const load = () => import("../policy/index.ts");

const policyFlag: FlagSpec = array("policy", "FILE", "a policy: FILE.cue, FILE.rego, or a directory of them");

const test: Command = {
  name: "policy test",
  summary: "try policies on saved statements, bundles or an image's attestations, or a cluster's policies on its images",
  description:
    'FILE holds a statement, a DSSE envelope or a bundle, a list of them, or one a line; "-" is stdin. Nothing is verified: this tries policies.\nThe exit code is 0 when every statement is allowed, or refused with --expect fail.\nWith --cluster-image-policy the admission controller answers, and signatures are verified.',
  positionals: { name: "[FILE…]", min: 0, max: many },
  flags: [
    ...policyFlags,
    array("image", "IMAGE", "try them on the attestations of this image"),
    text("type", "TYPE", "for contract cosign-cli: the predicate type as it is asked for; the statement's own"),
    text("expect", "VERDICT", "pass (default) or fail", { choices: ["pass", "fail"] }),
    text("junit", "FILE", 'write the verdicts as JUnit XML; "-" for stdout'),
    array("cluster-image-policy", "FILE", "ClusterImagePolicy objects, and the Secrets and ConfigMaps that they name"),
    array("trust-root", "FILE", "TrustRoot objects; where there is one alone, it is the default too"),
    array("resource", "FILE", "the Pod, Deployment, … whose images are judged by --cluster-image-policy"),
    text("no-match-policy", "WORD", "what happens to an image that no policy is for: deny (default), warn or allow", {
      choices: ["deny", "warn", "allow"],
    }),
    ...registryFlags,
  ],
  examples: [
    "sigillum policy test --policy policies/ provenance.sigstore.json",
    "sigillum policy test --policy no-agpl.rego --junit report.xml sbom.json",
    "sigillum policy test --cluster-image-policy policy.yaml --resource deployment.yaml --junit report.xml",
  ],
  run: async (args, terminal) => {
    if (args.strings("cluster-image-policy").length > 0)
      return await (await import("../admission/index.ts")).runClusterPolicyTest(args, terminal);
    const { attestationsOf } = await import("../image/index.ts");
    return await (await load()).runPolicyTest(args, terminal, attestationsOf);
  },
};

const evaluate: Command = {
  name: "policy eval",
  summary: "evaluate a policy without a contract: a Rego query, or CUE",
  description: 'INPUT is a JSON document: Rego\'s input, or what CUE is unified with; "-" is stdin.',
  positionals: { name: "[INPUT]", min: 0, max: 1 },
  flags: [policyFlag, text("query", "QUERY", "what to ask Rego (data)"), toggle("v1", "read Rego as version 1")],
  examples: ["sigillum policy eval --policy p.rego --query data.sigillum.violation statement.json"],
  run: async (args, terminal) => await (await load()).runPolicyEval(args, terminal),
};

const fmt: Command = {
  name: "policy fmt",
  summary: "lay policies out in one way: tabs by depth, no stray white space",
  positionals: { name: "FILE…", min: 1, max: many },
  flags: [toggle("check", "change nothing, and fail when a policy would change")],
  run: async (args, terminal) => await (await load()).runPolicyFmt(args, terminal),
};

const start: Command = {
  name: "policy new",
  summary: "write a commented policy to start from",
  positionals: { name: "KIND", min: 1, max: 1, choices: ["slsa", "spdx", "cyclonedx", "vuln"] },
  flags: [
    text("language", "LANGUAGE", "rego (default) or cue", { choices: ["rego", "cue"] }),
    text("contract", "CONTRACT", "whom it is for: strict (default), cosign-cli or policy-controller", {
      choices: ["strict", "cosign-cli", "policy-controller"],
    }),
    text("out", "FILE", "where it goes (stdout); an existing file is left alone"),
  ],
  run: async (args, terminal) => await (await load()).runPolicyNew(args, terminal),
};

/** Commands on policies. */
export const policyCommands: readonly Command[] = [test, evaluate, fmt, start];
