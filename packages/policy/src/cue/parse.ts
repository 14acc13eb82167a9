// Files, structs and their declarations (language specification, "Structs", "Comprehensions", "Modules, instances, and packages").
import { parseExpression, parseString } from "./parse-expression.ts";
import { Cursor } from "./parser-core.ts";
import type { CueSource, Place } from "./position.ts";
import { syntaxError, unsupported } from "./scanner.ts";
import {
  type Attribute,
  type Clause,
  type Comprehension,
  type Declaration,
  type Expression,
  type FileSyntax,
  type ImportSpec,
  identifierLabel,
  regularLabel,
  type StructLiteral,
} from "./syntax.ts";

/** Read one file; throws CUE_SYNTAX, and CUE_UNSUPPORTED for what is CUE but outside the subset. Names are not resolved yet. */
export function parseFile(source: CueSource): FileSyntax {
  const cursor = new Cursor(source, { struct: parseStruct, comprehension: parseComprehension });
  const at = cursor.token.at;
  const attributes = leadingAttributes(cursor);
  let name: string | undefined;
  if (cursor.isWord("package") && !cursor.scanner.nextIs(":")) {
    cursor.take();
    const token = cursor.expect("identifier", "after package");
    name = token.text === "_" ? undefined : token.text;
    endDeclaration(cursor);
  }
  attributes.push(...leadingAttributes(cursor));
  const imports: ImportSpec[] = [];
  while (cursor.isWord("import") && !cursor.scanner.nextIs(":")) parseImports(cursor, imports);
  const body = parseDeclarations(cursor, "end", at, attributes);
  return { at, package: name, imports, body };
}

function parseImports(cursor: Cursor, imports: ImportSpec[]): void {
  cursor.take();
  if (!cursor.accept("(")) imports.push(parseImport(cursor));
  else {
    while (!cursor.is(")")) {
      imports.push(parseImport(cursor));
      if (!cursor.accept(",")) break;
    }
    cursor.expect(")", "after imports");
  }
  endDeclaration(cursor);
}

function parseImport(cursor: Cursor): ImportSpec {
  const alias = cursor.is("identifier") ? cursor.take().text : undefined;
  const at = cursor.token.at;
  const literal = parseString(cursor);
  if (literal.kind !== "literal" || typeof literal.value !== "string") throw syntaxError(at, "an import path is a plain string");
  const [path = "", qualifier] = literal.value.split(":");
  return { at, path, name: alias ?? qualifier ?? path.slice(path.lastIndexOf("/") + 1) };
}

/** A struct in braces. */
export function parseStruct(cursor: Cursor): StructLiteral {
  return cursor.nested(() => {
    const { at } = cursor.expect("{", "before a struct");
    const struct = parseDeclarations(cursor, "}", at, []);
    cursor.expect("}", "after a struct");
    return struct;
  });
}

function parseDeclarations(cursor: Cursor, end: string, at: Place, attributes: Attribute[]): StructLiteral {
  const declarations: Declaration[] = [];
  while (!cursor.is(end)) {
    const found = parseAttributes(cursor);
    if (found.length > 0) attributes.push(...found);
    else declarations.push(parseDeclaration(cursor));
    if (cursor.is(end)) break;
    endDeclaration(cursor);
  }
  return { kind: "struct", at, declarations, attributes };
}

function endDeclaration(cursor: Cursor): void {
  if (!cursor.is("end")) cursor.expect(",", "or a line break after a declaration");
}

/** Attributes before the first declaration of a file, each on lines of its own. */
function leadingAttributes(cursor: Cursor): Attribute[] {
  const attributes: Attribute[] = [];
  while (cursor.is("attribute")) {
    attributes.push(...parseAttributes(cursor));
    cursor.accept(",");
  }
  return attributes;
}

const evaluatedAttributes = /^@(if|embed|extern|experiment|ignore)\(/;

function parseAttributes(cursor: Cursor): Attribute[] {
  const attributes: Attribute[] = [];
  while (cursor.is("attribute")) {
    const { text, at } = cursor.take();
    const meaning = evaluatedAttributes.exec(text)?.[1];
    if (meaning !== undefined) throw unsupported(at, `the attribute @${meaning}`);
    attributes.push({ text, at });
  }
  return attributes;
}

function parseDeclaration(cursor: Cursor): Declaration {
  const { at } = cursor.token;
  if (cursor.accept("...")) {
    const bare = cursor.is(",") || cursor.is("}") || cursor.is("end");
    if (!bare) throw unsupported(at, "a type after the ... of a struct");
    return { kind: "ellipsis", at, value: undefined };
  }
  if (cursor.is("identifier") && !startsLabel(cursor)) {
    const word = cursor.token.text;
    if (word === "for" || word === "if") return parseComprehension(cursor);
    if (word === "let") return parseLet(cursor);
    if (word === "try") throw unsupported(at, "try");
  }
  return parseFieldOrEmbedding(cursor);
}

function startsLabel(cursor: Cursor): boolean {
  const next = (text: string): boolean => cursor.scanner.nextIs(text);
  return next(":") || next("?") || next("!:") || (next("=") && !next("==") && !next("=~"));
}

function parseFieldOrEmbedding(cursor: Cursor): Declaration {
  const { at } = cursor.token;
  let first = cursor.token.kind;
  let head = parseLabelOrExpression(cursor);
  let alias: string | undefined;
  if (head.kind === "identifier" && cursor.accept("=")) {
    alias = head.name;
    first = cursor.token.kind;
    head = parseLabelOrExpression(cursor);
  }
  let constraint: "" | "?" | "!" = "";
  if (cursor.is("?") || cursor.is("!")) constraint = cursor.take().kind === "?" ? "?" : "!";
  if (!cursor.is(":")) {
    if (alias !== undefined) throw unsupported(at, "an alias of an embedded value");
    if (constraint !== "") throw cursor.unexpected(`: after ${constraint}`);
    if (cursor.is("~")) throw unsupported(cursor.token.at, "the postfix alias ~ (experiment aliasv2)");
    return { kind: "embedding", at, value: head };
  }
  cursor.take();
  if (head.kind === "list" && constraint === "") return parsePattern(cursor, head, at, alias);
  const label = first === "(" ? head : labelOf(head, at);
  const { value, attributes } = parseFieldValue(cursor);
  return { kind: "field", at, label, quoted: first !== "identifier", constraint, alias, value, attributes };
}

/** A label or an embedded expression: which of both shows only afterwards. */
function parseLabelOrExpression(cursor: Cursor): Expression {
  if (cursor.is("identifier") && startsLabel(cursor)) {
    const { text, at } = cursor.take();
    return { kind: "identifier", at, name: text };
  }
  return parseExpression(cursor);
}

function labelOf(head: Expression, at: Place): string | Expression {
  if (head.kind === "identifier") {
    if (head.name.startsWith("__")) throw syntaxError(at, `field name ${head.name} begins with two underscores`);
    return identifierLabel(head.name);
  }
  if (head.kind !== "literal") return head;
  if (typeof head.value === "string") return regularLabel(head.value);
  if (head.value === null || typeof head.value === "boolean") return regularLabel(String(head.value));
  return head;
}

function parsePattern(
  cursor: Cursor,
  head: Extract<Expression, { kind: "list" }>,
  at: Place,
  fieldAlias: string | undefined,
): Declaration {
  const [element, second] = head.elements;
  if (element === undefined || second !== undefined || element.kind === "comprehension" || head.open !== undefined)
    throw syntaxError(at, "a pattern has exactly one expression in its brackets");
  const { value } = parseFieldValue(cursor);
  const alias = element.kind === "aliased" ? element.name : undefined;
  const pattern = element.kind === "aliased" ? element.value : element;
  return {
    kind: "pattern",
    at,
    alias,
    pattern,
    value: fieldAlias === undefined ? value : { kind: "aliased", at, name: fieldAlias, value },
  };
}

/** The value after a label: `a: b: c` is a struct in a struct. */
function parseFieldValue(cursor: Cursor): { value: Expression; attributes: readonly Attribute[] } {
  return cursor.nested(() => {
    const { at } = cursor.token;
    const declaration = parseFieldOrEmbeddingValue(cursor);
    if (declaration.kind !== "embedding")
      return { value: { kind: "struct", at, declarations: [declaration], attributes: [] }, attributes: [] };
    return { value: declaration.value, attributes: parseAttributes(cursor) };
  });
}

function parseFieldOrEmbeddingValue(cursor: Cursor): Declaration {
  const { at } = cursor.token;
  if (cursor.is("identifier") && cursor.scanner.nextIs("=") && !cursor.scanner.nextIs("==") && !cursor.scanner.nextIs("=~")) {
    const name = cursor.take().text;
    cursor.take();
    const inner = parseFieldOrEmbeddingValue(cursor);
    if (inner.kind === "embedding") return { kind: "embedding", at, value: { kind: "aliased", at, name, value: inner.value } };
    if (inner.kind === "field" || inner.kind === "pattern") {
      // `a: X=b: 1`: the alias belongs to the field b
      return inner.kind === "field"
        ? { ...inner, alias: name }
        : { ...inner, value: { kind: "aliased", at, name, value: inner.value } };
    }
  }
  return parseFieldOrEmbedding(cursor);
}

function parseLet(cursor: Cursor): Extract<Declaration, { kind: "let" }> {
  const { at } = cursor.take();
  const name = cursor.expect("identifier", "after let").text;
  cursor.expect("=", "after the name of a let clause");
  return { kind: "let", at, name, value: parseExpression(cursor) };
}

/** A comprehension, in a struct or in a list. */
export function parseComprehension(cursor: Cursor): Comprehension {
  const { at } = cursor.token;
  const clauses: Clause[] = [];
  while (!cursor.is("{")) {
    clauses.push(parseClause(cursor));
    cursor.accept(",");
  }
  const value = parseStruct(cursor);
  if (cursor.isWord("else") || cursor.isWord("fallback") || cursor.isWord("otherwise"))
    throw unsupported(cursor.token.at, `${cursor.token.text} after a comprehension`);
  return { kind: "comprehension", at, clauses, value };
}

function parseClause(cursor: Cursor): Clause {
  const { at } = cursor.token;
  if (cursor.isWord("let")) return parseLet(cursor);
  if (cursor.isWord("try")) throw unsupported(at, "try");
  if (cursor.isWord("if")) {
    cursor.take();
    return { kind: "if", at, condition: parseExpression(cursor) };
  }
  if (!cursor.isWord("for")) throw cursor.unexpected("for, if, let or { in a comprehension");
  cursor.take();
  const first = cursor.expect("identifier", "after for").text;
  const second = cursor.accept(",") ? cursor.expect("identifier", "after a comma in for").text : undefined;
  if (!cursor.isWord("in")) throw cursor.unexpected("in after the variables of for");
  cursor.take();
  const of = parseExpression(cursor);
  return { kind: "for", at, key: second === undefined ? undefined : first, name: second ?? first, of };
}
