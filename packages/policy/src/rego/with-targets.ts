// What `with` may replace: parts of input and data, whole rules, functions of the policy and built-in ones.
import { mapKey } from "../values/index.ts";
import type { Rule, Term, With } from "./ast.ts";
import type { BuiltinRegistry } from "./builtin.ts";
import { regoError } from "./errors.ts";
import type { DocNode } from "./machine.ts";
import type { RuleTree } from "./rule-tree.ts";
import { mapTerm, visitBody } from "./walk.ts";

/** Check every `with` of some rules; throws rego_compile_error and rego_type_error. */
export function checkWiths(rules: readonly Rule[], tree: RuleTree, builtins: BuiltinRegistry): void {
  for (const rule of rules) {
    for (let each: Rule | undefined = rule; each !== undefined; each = each.otherwise) {
      const inExpr = (expr: { readonly with: readonly With[] }): void => {
        for (const item of expr.with) checkWith(item, tree, builtins);
      };
      visitBody(each.body, () => {}, inExpr);
      const recurse = (term: Term): Term =>
        mapTerm(term, recurse, (body) => {
          visitBody(body, () => {}, inExpr);
          return body;
        });
      for (const term of [each.head.key, each.head.value]) if (term !== undefined) recurse(term);
    }
  }
}

function checkWith({ target, at }: With, tree: RuleTree, builtins: BuiltinRegistry): void {
  const root = target.head.kind === "var" ? target.head.name : "";
  if (root === "input") return;
  if (root === "data") {
    checkData(target.path, tree, at);
    return;
  }
  const name = [root, ...target.path.map((part) => (part.kind === "value" ? String(part.value) : "_"))].join(".");
  const builtin = builtins.get(name);
  if (builtin === undefined)
    throw regoError("rego_type_error", "with keyword target must reference existing input, data, or a function", {
      position: at,
      found: name,
    });
  const why =
    name === "eq" || name.startsWith("rego.metadata.")
      ? `replacement of "${name}" invalid`
      : root === "internal"
        ? `replacement of internal function "${name}" invalid`
        : builtin.enumerate !== undefined
          ? "target must not be a relation"
          : undefined;
  if (why !== undefined)
    throw regoError("rego_compile_error", `with keyword replacing built-in function: ${why}`, { position: at, found: name });
}

function checkData(path: readonly Term[], tree: RuleTree, at: With["at"]): void {
  let node: DocNode | undefined = tree.root;
  for (const [i, part] of path.entries()) {
    if (node === undefined || part.kind !== "value") return;
    node = node.children.get(mapKey(part.value));
    const entry = node === undefined ? undefined : tree.entries.get(node);
    if (entry !== undefined && i < path.length - 1)
      throw regoError("rego_compile_error", "with keyword cannot partially replace virtual document(s)", { position: at });
  }
}
