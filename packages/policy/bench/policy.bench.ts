// rego.eval and cue.eval: an example policy of docs/policies over a scan of 2,000 findings, an evaluation alone beside `opa bench`'s, and a
// thousand rules over a document of 10 MB. Whole processes: process.bench.ts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileCue, validateCue } from "@sigillum/policy/cue";
import { compile, type QueryResult } from "@sigillum/policy/rego";
import { regoBuiltins } from "@sigillum/policy/rego-builtins";
import { parseJson, SetValue, type Value } from "@sigillum/policy/values";
import { findPeer } from "../../../tools/peers-list.mjs";
import { policies, type Result, scan, summary, timed } from "./measured.ts";

const nowNs = BigInt(Date.UTC(2026, 0, 20)) * 1_000_000n;

/** The rows of this file. */
export const rows: readonly { readonly name: string; run(): Promise<Result> }[] = [
  { name: "rego.eval.once", run: async () => regoOnce() },
  { name: "rego.eval.hundred", run: async () => regoHundred() },
  { name: "rego.eval.thousand-rules", run: async () => thousandRules() },
  { name: "cue.eval.once", run: async () => cueOnce() },
];

const source = readFileSync(join(policies, "vuln.rego"), "utf8");

/** Scans that differ in the one finding that the policy refuses, so that nothing of one evaluation is of use to the next. */
function refusedScans(count: number): readonly { readonly document: Value; readonly refused: string }[] {
  return Array.from({ length: count }, (_, i) => {
    const text = scan(2000).replace(`"PkgName":"p${i * 7}","Severity":"LOW"`, `"PkgName":"p${i * 7}","Severity":"HIGH"`);
    return { document: parseJson(text), refused: `CVE-2026-${i * 7} is HIGH in p${i * 7}` };
  });
}

/** One evaluation: prepared query and parsed input on both sides, and on ours another input each time; the answer is looked at, not timed. */
function regoOnce(): Result {
  const query = compile([{ file: "vuln.rego", source }], { dialect: "v0", builtins: regoBuiltins }).prepare(
    "data.sigillum.violation",
  );
  const times = refusedScans(60).map(({ document: input, refused }) => {
    let results: readonly QueryResult[] = [];
    const took = timed(() => {
      results = query.evaluate({ input, nowNs });
    });
    const [violations] = results[0]?.expressions ?? [];
    if (!(violations instanceof SetValue && violations.has(refused))) throw new Error(`${refused} is not among the violations`);
    return took;
  });
  return besideOpa(summary(times.slice(20), "ms"), "opa bench", (opa, folder) => {
    const args = ["bench", "--metrics=false", "--benchmem=false", "-f", "json", "-d", join(policies, "vuln.rego")];
    const result: { T: number; N: number } = JSON.parse(
      execFileSync(opa, [...args, "-i", join(folder, "scan.json"), "data.sigillum.violation"], { encoding: "utf8" }),
    );
    return result.T / result.N / 1e6;
  });
}

/** The same without what surrounds an evaluation: a hundred in one query, whose text both are given; OPA says itself how long it took. */
function regoHundred(): Result {
  const text = "count([1 | some i in numbers.range(1, 100); count(data.sigillum.violation) >= 0 with input.n as i])";
  const query = compile([{ file: "vuln.rego", source }], { dialect: "v1", builtins: regoBuiltins }).prepare(text);
  const input = parseJson(scan(2000));
  const budget = { steps: 1e9, bytes: 1 << 30 };
  const times = Array.from({ length: 12 }, () => timed(() => void query.evaluate({ input, nowNs, budget })) / 100);
  return besideOpa(summary(times.slice(2), "ms"), "opa eval, its own timer", (opa, folder) => {
    const args = ["eval", "--metrics", "-f", "json", "-d", join(policies, "vuln.rego"), "-i", join(folder, "scan.json"), text];
    const result: { metrics: { timer_rego_query_eval_ns: number } } = JSON.parse(execFileSync(opa, args, { encoding: "utf8" }));
    return result.metrics.timer_rego_query_eval_ns / 100 / 1e6;
  });
}

/** A result beside the milliseconds that OPA takes, where it is at hand. */
function besideOpa(ours: Result, name: string, measure: (opa: string, folder: string) => number): Result {
  const { path } = findPeer("opa");
  if (path === undefined) return ours;
  const folder = mkdtempSync(join(tmpdir(), "sigillum-opa-bench-"));
  try {
    writeFileSync(join(folder, "scan.json"), scan(2000));
    return { ...ours, peer: { name, ratio: ours.median / measure(path, folder) } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function cueOnce(): Result {
  const source = readFileSync(join(policies, "vuln.cue"), "utf8");
  const compiled = compileCue([{ file: "vuln.cue", source }]);
  const document = parseJson(scan(2000));
  return summary(Array.from({ length: 15 }, () => timed(() => void validateCue(compiled, document))).slice(5), "ms");
}

/** A thousand rules, each about one package by name, over a document of 10 MB: the index finds the rules that can fire. */
function thousandRules(): Result {
  const { source, document } = thousand();
  const query = compile([{ file: "thousand.rego", source }], { dialect: "v0", builtins: regoBuiltins }).prepare(
    "count(data.sigillum.violation)",
    { capture: false },
  );
  const times = Array.from({ length: 5 }, () =>
    timed(() => void query.evaluate({ input: document, nowNs, budget: { steps: 50_000_000, bytes: 1 << 30 } })),
  );
  return summary(times.slice(1), "ms");
}

/** The policy and the document of the row `rego.eval.thousand-rules`. */
export function thousand(): { readonly source: string; readonly document: Value } {
  const rules = Array.from({ length: 1000 }, (_, i) => `denied("p${i}") = "because ${i}" { true }`);
  const source = `package sigillum\nviolation[msg] { some i; p := input.packages[i]; msg := denied(p.name) }\n${rules.join("\n")}\n`;
  const packages = Array.from({ length: 50_000 }, (_, i) => ({
    name: `p${i}`,
    version: "1.0.0",
    text: "what it is about, at some length. ".repeat(5),
  }));
  return { source, document: parseJson(JSON.stringify({ packages })) };
}
