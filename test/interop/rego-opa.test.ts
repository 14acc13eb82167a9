// rego.parse_module beside OPA's own program: its answers about every module in its own cases.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compile } from "@sigillum/policy/rego";
import { regoBuiltins } from "@sigillum/policy/rego-builtins";
import { encodeJson } from "@sigillum/policy/values";
import { parse } from "yaml";
import { findPeer } from "../../tools/peers-list.mjs";

const opa = findPeer("opa");
const cases = findPeer("opa-cases");
const missing = opa.path === undefined ? opa.missing : cases.path === undefined ? cases.missing : false;

interface CaseFile {
  readonly cases: readonly { readonly modules?: readonly string[] }[];
}

/** The modules of version 1 in OPA's cases, those aside of which our tree is known to differ. */
function modulesOf(folder: string): string[] {
  const modules = new Set<string>();
  for (const file of readdirSync(join(folder, "v1"), { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".yaml")) continue;
    const { cases: found }: CaseFile = parse(readFileSync(join(folder, "v1", file), "utf8"), { logLevel: "silent" });
    for (const { modules: own } of found) for (const module of own ?? []) modules.add(module);
  }
  // a template without an expression is a string here; each wildcard of an else is one more to OPA
  return [...modules].filter((module) => !/\$["`]/.test(module) && !/\(_\)[\s\S]*\belse\b/.test(module));
}

function ask(query: string, input: unknown): unknown {
  const folder = mkdtempSync(join(tmpdir(), "sigillum-opa-"));
  try {
    writeFileSync(join(folder, "input.json"), JSON.stringify(input));
    const args = ["eval", "-f", "raw", "-i", join(folder, "input.json"), query];
    return JSON.parse(execFileSync(opa.path ?? "", args, { encoding: "utf8", maxBuffer: 1 << 30 }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without -0 and the infinities, which JavaScript's reader makes of numbers. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe("rego.parse_module beside OPA", { skip: missing }, () => {
  it("gives the same tree of every module", () => {
    const modules = modulesOf(cases.path ?? "");
    assert.ok(modules.length > 2000, `${modules.length} modules`);
    const theirs = ask('[{"tree": [t | t := rego.parse_module("x.rego", m)]} | some m in input]', modules);
    assert.ok(Array.isArray(theirs) && theirs.length === modules.length);
    const query = compile([], { dialect: "v1", builtins: regoBuiltins }).prepare(
      'x := [t | t := rego.parse_module("x.rego", input)]',
    );
    let refused = 0;
    for (const [i, module] of modules.entries()) {
      const found = query.evaluate({ input: module })[0]?.bindings.get("x");
      const tree: unknown = found === undefined ? undefined : JSON.parse(encodeJson(found));
      // .5 is no number to a reader of JSON, and so no tree to OPA
      if (/[^0-9]\.[0-9]/.test(module) && JSON.stringify(theirs[i]) === '{"tree":[]}') continue;
      assert.deepEqual(plain({ tree }), plain(theirs[i]), module);
      if (Array.isArray(tree) && tree.length === 0) refused++;
    }
    assert.ok(refused < 50, `${refused} modules are refused by both`);
  });
});
