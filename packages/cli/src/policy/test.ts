// `sigillum policy test`: policies against saved statements, as a table, as JSON and as JUnit's XML.
import { writeFileSync } from "node:fs";
import { type CompiledPolicies, compilePolicies, type PolicySource, policyInput, type Verdict } from "@sigillum/policy/contracts";
import { ObjectValue } from "@sigillum/policy/values";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { contractOf, nowNs } from "./enforce.ts";
import { policyMissing } from "./errors.ts";
import { type Input, inputsIn, readInputs } from "./inputs.ts";
import { readPolicies } from "./sources.ts";
import { detailLines, paintFor } from "./tell.ts";

/** The attestations of an image as envelopes, a JSON document each; nothing of them is verified. */
export type FetchAttestations = (image: string, args: Arguments, terminal: Terminal) => Promise<readonly string[]>;

interface Row {
  readonly input: Input;
  readonly type: string;
  readonly verdict: Verdict;
  readonly ok: boolean;
}

/** Run `policy test`; images are asked of `fetchAttestations`. */
export async function runPolicyTest(args: Arguments, terminal: Terminal, fetchAttestations: FetchAttestations): Promise<number> {
  const policies = args.strings("policy");
  if (policies.length === 0) throw policyMissing(args);
  const images = args.strings("image");
  if (args.positionals.length + images.length === 0)
    throw argumentError("FLAG_REQUIRED", "Cannot test policies: no FILE and no --image is given", {
      expected: "FILE… or --image IMAGE",
    });
  const sources = readPolicies(policies);
  const compiled = compilePolicies(contractOf(args, "strict"), sources);
  const inputs: Input[] = [];
  for (const path of args.positionals) inputs.push(...(await readInputs(path, terminal)));
  for (const image of images) {
    const envelopes = await fetchAttestations(image, args, terminal);
    inputs.push(...inputsIn(image, Buffer.from(envelopes.join("\n"))));
  }
  const wanted = args.string("expect") !== "fail";
  const rows = inputs.map((input) => rowOf(input, compiled, args, wanted));
  const failed = rows.filter(({ ok }) => !ok).length;
  const junit = args.string("junit");
  if (junit === "-") terminal.write(junitOf(rows, wanted));
  else if (junit !== undefined) writeFileSync(junit, junitOf(rows, wanted));
  if (terminal.format === "json") terminal.json(jsonOf(compiled, rows, failed === 0));
  else if (junit !== "-") tellRows(rows, sources, terminal);
  return failed === 0 ? exitCodes.success : exitCodes.failure;
}

function rowOf(input: Input, compiled: CompiledPolicies, args: Arguments, wanted: boolean): Row {
  const found = input.statement instanceof ObjectValue ? input.statement.get("predicateType") : undefined;
  const type = typeof found === "string" ? found : "no predicate type";
  const asked = args.string("type") ?? type;
  const document = compiled.contract === "strict" ? input.statement : (policyInput(asked, input.statement) ?? input.statement);
  const verdict = compiled.evaluate(document, { nowNs: nowNs(), attestations: [input.statement] });
  return { input, type, verdict, ok: verdict.pass === wanted };
}

function tellRows(rows: readonly Row[], sources: readonly PolicySource[], terminal: Terminal): void {
  const paint = paintFor(terminal);
  const width = Math.max(...rows.map(({ input }) => input.name.length), 4);
  for (const { input, type, verdict, ok } of rows) {
    const word = verdict.pass ? "PASS" : "FAIL";
    terminal.out(`${ok ? paint.good(word) : paint.bad(word)}  ${input.name.padEnd(width)}  ${type}`);
    for (const message of verdict.messages) {
      terminal.out(`  - ${message.text}`);
      for (const line of detailLines(message, sources, input.statement, paint)) terminal.out(line);
    }
    for (const { text } of verdict.warnings) terminal.out(`  WARNING: ${text}`);
  }
  const passed = rows.filter(({ verdict }) => verdict.pass).length;
  terminal.out(`${rows.length} statement${rows.length === 1 ? "" : "s"}: ${passed} allowed, ${rows.length - passed} refused`);
}

function jsonOf({ contract }: CompiledPolicies, rows: readonly Row[], ok: boolean): Record<string, unknown> {
  return {
    contract,
    ok,
    statements: rows.map(({ input, type, verdict }) => ({
      name: input.name,
      predicateType: type,
      pass: verdict.pass,
      messages: verdict.messages.map(({ code, text, path, positions, values }) => ({ code, text, path, positions, values })),
      warnings: verdict.warnings.map(({ text }) => text),
    })),
  };
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  // XML 1.0 §2.2 has no place for control characters
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? "").replace(/(?![\t\n\r])\p{Cc}/gu, "\ufffd");
}

function junitOf(rows: readonly Row[], wanted: boolean): string {
  const failures = rows.filter(({ ok }) => !ok).length;
  const cases = rows.map(({ input, type, verdict, ok }) => {
    const head = `    <testcase classname="${escaped(type)}" name="${escaped(input.name)}"`;
    if (ok) return `${head}/>`;
    const texts = wanted ? verdict.messages.map(({ text }) => text) : ["the policy allows it, and it should not"];
    return `${head}>\n      <failure message="${escaped(texts[0] ?? "refused")}">${escaped(texts.join("\n"))}</failure>\n    </testcase>`;
  });
  const suite = `  <testsuite name="sigillum policy test" tests="${rows.length}" failures="${failures}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suite}\n${cases.join("\n")}\n  </testsuite>\n</testsuites>\n`;
}
