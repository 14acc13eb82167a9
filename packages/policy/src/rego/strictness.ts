// What rego.v1 refuses besides the form of rules: imports that shadow one another, names of the roots, functions long deprecated.
import type { Module, Operator, Rule, Term } from "./ast.ts";
import type { BuiltinRegistry } from "./builtin.ts";
import { regoError } from "./errors.ts";
import { mapTerm, visitBody } from "./walk.ts";

const deprecated: ReadonlySet<string> = new Set([
  "all",
  "any",
  "cast_array",
  "cast_boolean",
  "cast_null",
  "cast_object",
  "cast_set",
  "cast_string",
  "net.cidr_overlap",
  "re_match",
  "set_diff",
]);

/** Check a module by itself; throws rego_compile_error and rego_type_error. */
export function checkModule(module: Module, builtins: BuiltinRegistry): void {
  if (!module.strict) return;
  checkImports(module);
  for (const rule of module.rules) checkRule(rule, builtins);
}

function checkImports(module: Module): void {
  const names = new Map<string, number>();
  for (const { path, alias, at } of module.imports) {
    const root = path.head.kind === "var" ? path.head.name : "";
    const last = path.path.at(-1);
    const name = alias ?? (last?.kind === "value" ? String(last.value) : root);
    const line = names.get(name);
    if (line !== undefined)
      throw regoError("rego_compile_error", `import must not shadow import ${name} on line ${line}`, { position: at });
    names.set(name, at.line);
  }
}

function checkRule(rule: Rule, builtins: BuiltinRegistry): void {
  const name = rule.head.ref[0];
  const shadow = (what: string, name: string, at: Rule["at"]) =>
    regoError(
      "rego_compile_error",
      `${what}s must not shadow ${name} (use a different ${what === "rule" ? "rule" : "variable"} name)`,
      {
        position: at,
      },
    );
  if (name?.kind === "var" && isRoot(name.name)) throw shadow("rule", name.name, rule.at);
  for (const arg of rule.head.args ?? [])
    if (arg.kind === "ref" && arg.path.length === 0) throw shadow("arg", rootOf(arg), arg.at);
  const checkOperator = (operator: Operator): void => {
    if (deprecated.has(operator.name) && builtins.has(operator.name))
      throw regoError("rego_type_error", `deprecated built-in function calls in expression: ${operator.name}`, {
        position: operator.at,
      });
  };
  const inTerm = (term: Term): void => {
    if (term.kind === "call") checkOperator(term.operator);
  };
  visitBody(rule.body, inTerm, (expr) => {
    if (expr.kind === "call") checkOperator(expr.operator);
    if (expr.kind === "eq" && expr.assign && expr.left.kind === "ref" && expr.left.path.length === 0)
      throw shadow("variable", rootOf(expr.left), expr.left.at);
    if (expr.kind === "some")
      for (const declared of expr.names) if (isRoot(declared.name)) throw shadow("variable", declared.name, declared.at);
  });
  const recurse = (term: Term): Term => {
    inTerm(term);
    return mapTerm(term, recurse, (body) => body);
  };
  if (rule.head.value !== undefined) recurse(rule.head.value);
  if (rule.otherwise !== undefined) checkRule(rule.otherwise, builtins);
}

function rootOf(term: Term): string {
  return term.kind === "ref" && term.head.kind === "var" ? term.head.name : "";
}

function isRoot(name: string): boolean {
  return name === "input" || name === "data";
}
