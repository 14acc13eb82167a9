// Annotations of OPA: comments that begin with METADATA, YAML behind it, at what they stand before. They are read only when a policy asks for them.
import {
  Budget,
  isArray,
  isPolicyError,
  ObjectBuilder,
  ObjectValue,
  type Position,
  RegexCache,
  type Value,
} from "../values/index.ts";
import type { Module, Rule } from "./ast.ts";
import type { BuiltinRegistry } from "./builtin.ts";
import { regoError } from "./errors.ts";
import { parseQuery } from "./parse-module.ts";
import { readComments } from "./tokenizer.ts";

/** What an annotation is about. */
export type AnnotationScope = "rule" | "document" | "package" | "subpackages";

/** One annotation. */
export interface Annotation {
  readonly scope: AnnotationScope;
  readonly at: Position;
  /** The rule it stands before; undefined for a package's. */
  readonly rule: Rule | undefined;
  /** As OPA gives it to policies. */
  readonly value: ObjectValue;
}

const scopes: readonly string[] = ["document", "package", "rule", "subpackages"];

/** The annotations of a module in their order; throws rego_parse_error for one that is none. */
export function readAnnotations(module: Module, source: string, builtins: BuiltinRegistry): Annotation[] {
  const blocks: { at: Position; lines: string[]; last: number }[] = [];
  for (const { at, text } of readComments(module.file, source)) {
    const block = blocks.at(-1);
    if (block !== undefined && at.column === 1 && block.last + 1 === at.line) {
      block.lines.push(text);
      block.last = at.line;
    } else if (at.column === 1 && text.trim().startsWith("METADATA")) blocks.push({ at, lines: [], last: at.line });
  }
  return blocks.map(({ at, lines }) => annotationOf(module, at, lines.join("\n"), builtins));
}

interface Statement {
  readonly kind: "package" | "import" | "rule";
  readonly at: Position;
  readonly rule?: Rule;
}

function annotationOf(module: Module, at: Position, text: string, builtins: BuiltinRegistry): Annotation {
  const fail = (message: string, cause?: unknown): Error => regoError("rego_parse_error", message, { position: at, cause });
  const fields = fieldsOf(text, at, builtins, fail);
  const statements: Statement[] = [
    { kind: "package", at: module.packageAt },
    ...module.imports.map((each) => ({ kind: "import", at: each.at }) as const),
    ...module.rules.map((rule) => ({ kind: "rule", at: rule.at, rule }) as const),
  ];
  const node = statements.sort((a, b) => a.at.line - b.at.line).find((each) => each.at.line > at.line);
  const given = fields.get("scope");
  const isEntrypoint = fields.get("entrypoint") === true;
  const implied = node?.kind === "rule" ? (isEntrypoint ? "document" : "rule") : node?.kind === "package" ? "package" : "";
  const scope = typeof given === "string" && given !== "" ? given : implied;
  if (!isScope(scope))
    throw fail(`invalid annotation scope '${scope}'. Use one of 'rule', 'document', 'package', or 'subpackages'`);
  const wanted = scope === "rule" || scope === "document" ? "rule" : "package";
  if (node?.kind !== wanted)
    throw fail(`annotation scope '${scope}' must be applied to ${wanted}${node === undefined ? "" : ` (have ${node.kind})`}`);
  if (isEntrypoint && scope !== "document" && scope !== "package")
    throw fail(`annotation entrypoint applied to non-document or package scope '${scope}'`);
  return { scope, at, rule: node.rule, value: objectOf(fields, scope, fail) };
}

function isScope(text: string): text is AnnotationScope {
  return scopes.includes(text);
}

type Fail = (message: string, cause?: unknown) => Error;

function fieldsOf(text: string, at: Position, builtins: BuiltinRegistry, fail: Fail): ObjectValue {
  if (text.trim() === "") throw fail("expected METADATA block, found whitespace");
  const yaml = builtins.get("yaml.unmarshal");
  if (yaml === undefined) throw fail("annotations are YAML, and there is no yaml.unmarshal to read it");
  const context = {
    budget: new Budget(),
    position: at,
    nowNs: undefined,
    regexes: new RegexCache(64),
    memo: new Map(),
    env: new Map(),
  };
  try {
    const value = yaml.evaluate(context, [text]);
    if (value instanceof ObjectValue) return value;
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    throw fail(`yaml: ${error.message.replace(/^yaml\.unmarshal: /, "")}`, error);
  }
  throw fail("yaml: unmarshal errors: a METADATA block is no object");
}

/** As OPA's compiler makes an object of it: what is empty is left out. */
function objectOf(fields: ObjectValue, scope: AnnotationScope, fail: Fail): ObjectValue {
  const built = new ObjectBuilder().set("scope", scope);
  for (const name of ["title", "description"]) {
    const value = fields.get(name) ?? "";
    if (value !== null && typeof value === "object") throw fail(`yaml: unmarshal errors: ${name} is no string`);
    if (value !== "" && value !== null) built.set(name, typeof value === "string" ? value : String(value));
  }
  if (fields.get("entrypoint") === true) built.set("entrypoint", true);
  const lists: readonly (readonly [string, (value: Value) => Value])[] = [
    ["organizations", (value) => value],
    ["related_resources", (value) => resourceOf(value, fail)],
    ["authors", (value) => authorOf(value, fail)],
    ["schemas", (value) => schemaOf(value, fail)],
  ];
  for (const [name, make] of lists) {
    const value = fields.get(name) ?? [];
    if (!isArray(value)) throw fail(`yaml: unmarshal errors: ${name} is no list`);
    if (value.length > 0) built.set(name, value.map(make));
  }
  for (const name of ["custom", "compile"]) {
    const value = fields.get(name);
    if (value === undefined || value === null) continue;
    if (!(value instanceof ObjectValue)) throw fail(`yaml: unmarshal errors: ${name} is no object`);
    if (value.size > 0) built.set(name, value);
  }
  return built.finish();
}

function authorOf(value: Value, fail: Fail): ObjectValue {
  const bad = (why: string): Error => fail(`invalid author definition ${String(value)}: ${why}`);
  const made = (name: Value | undefined, email: Value | undefined): ObjectValue => {
    const parts = [["name", name] as const, ["email", email] as const];
    const given = parts.flatMap(([key, part]) => (typeof part === "string" && part !== "" ? [[key, part] as const] : []));
    if (given.length === 0) throw bad("'name' and/or 'email' values required in object");
    return ObjectValue.of(given);
  };
  if (value instanceof ObjectValue) return made(value.get("name"), value.get("email"));
  if (typeof value !== "string") throw bad("invalid value type, must be string or map");
  const words = value.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) throw bad("author is an empty string");
  const last = words.at(-1) ?? "";
  const hasEmail = last.length >= 2 && last.startsWith("<") && last.endsWith(">");
  return made((hasEmail ? words.slice(0, -1) : words).join(" "), hasEmail ? last.slice(1, -1) : undefined);
}

function resourceOf(value: Value, fail: Fail): ObjectValue {
  const bad = (why: string): Error => fail(`invalid related-resource definition ${String(value)}: ${why}`);
  if (typeof value === "string") {
    if (value === "") throw bad("ref URL may not be empty string");
    return ObjectValue.of([["ref", value]]);
  }
  if (!(value instanceof ObjectValue)) throw bad("invalid value type, must be string or map");
  const [ref, description] = [value.get("ref"), value.get("description")];
  if (typeof ref !== "string" || ref === "") throw bad("'ref' value required in object");
  return ObjectValue.of([
    ["ref", ref],
    ...(typeof description === "string" && description !== "" ? [["description", description] as const] : []),
  ]);
}

/** `input.a: schema.b`, or the schema itself in place of its name. */
function schemaOf(value: Value, fail: Fail): ObjectValue {
  const [name, second] = value instanceof ObjectValue ? value.keys() : [];
  if (!(value instanceof ObjectValue) || typeof name !== "string" || second !== undefined)
    throw fail("invalid schema definition, must be a map of one path");
  const schema = value.get(name) ?? null;
  const path = ["path", pathOf(name, fail)] as const;
  if (schema instanceof ObjectValue) return ObjectValue.of([path, ["definition", schema]]);
  if (typeof schema === "string") return ObjectValue.of([path, ["schema", pathOf(schema, fail)]]);
  throw fail(`invalid schema declaration for path ${name}`);
}

function pathOf(text: string, fail: Fail): Value {
  try {
    const [expr] = parseQuery("", text, "v0");
    const term = expr?.kind === "term" ? expr.term : undefined;
    if (term?.kind === "var") return [term.name];
    const head = term?.kind === "ref" && term.head.kind === "var" ? [term.head.name] : undefined;
    if (head !== undefined && term?.kind === "ref")
      return [...head, ...term.path.map((part) => (part.kind === "value" ? part.value : ""))];
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    // told below
  }
  throw fail(`invalid schema reference ${JSON.stringify(text)}`);
}
