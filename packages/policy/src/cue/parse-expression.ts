// Expressions (language specification, "Expressions"): a precedence climber over the cursor.
import { parseNumberLiteral, parseStringPiece, type StringPiece } from "./literal.ts";
import type { Cursor } from "./parser-core.ts";
import type { Place } from "./position.ts";
import { syntaxError, type Token, unsupported } from "./scanner.ts";
import type { Expression, ListElement } from "./syntax.ts";
import { encodeText } from "./text.ts";

const precedence: ReadonlyMap<string, number> = new Map([
  ["|", 1],
  ["&", 2],
  ["||", 3],
  ["&&", 4],
  ["==", 5],
  ["!=", 5],
  ["<", 5],
  ["<=", 5],
  [">", 5],
  [">=", 5],
  ["=~", 5],
  ["!~", 5],
  ["+", 6],
  ["-", 6],
  ["*", 7],
  ["/", 7],
]);
const unaryOperators = new Set(["+", "-", "!", "*", "<", "<=", ">", ">=", "!=", "=~", "!~"]);

/** Operators that one expression may have side by side. */
export const maxOperators = 3000;

/** An expression, of operators that bind at least this tightly. */
export function parseExpression(cursor: Cursor, least = 1): Expression {
  return cursor.nested(() => {
    let left = parseUnary(cursor);
    for (let operators = 0; ; operators++) {
      if (operators > maxOperators) throw syntaxError(cursor.token.at, `an expression has more than ${maxOperators} operators`);
      const operator = cursor.token.kind;
      const level = precedence.get(operator);
      if (level === undefined || level < least) return left;
      const at = cursor.take().at;
      left = { kind: "binary", at, operator, left, right: parseExpression(cursor, level + 1) };
    }
  });
}

function parseUnary(cursor: Cursor): Expression {
  if (!unaryOperators.has(cursor.token.kind)) return parsePostfix(cursor, parseOperand(cursor));
  return cursor.nested(() => {
    const { kind, at } = cursor.take();
    return { kind: "unary", at, operator: kind, operand: parseUnary(cursor) };
  });
}

function parsePostfix(cursor: Cursor, operand: Expression): Expression {
  let of = operand;
  for (;;) {
    const { at } = of;
    if (cursor.accept(".")) of = parseSelector(cursor, of, at);
    else if (cursor.is("[")) of = parseIndex(cursor, of);
    else if (cursor.is("(")) of = parseCall(cursor, of);
    else if (cursor.is("?") && cursor.token.spaced === false && !cursor.scanner.nextIs(":"))
      throw unsupported(cursor.token.at, "the postfix operator ?");
    else if (cursor.is("...") && of.kind !== "literal")
      throw unsupported(cursor.token.at, "the postfix operator ... (explicit opening)");
    else if (cursor.is("~")) throw unsupported(cursor.token.at, "the postfix alias ~ (experiment aliasv2)");
    else return of;
  }
}

function parseSelector(cursor: Cursor, of: Expression, at: Place): Expression {
  const token = cursor.token;
  if (token.kind === "identifier") {
    cursor.take();
    return { kind: "selector", at, of, name: token.text, quoted: false, nameAt: token.at };
  }
  if (token.kind !== "string") throw cursor.unexpected("a name after .");
  const name = parseString(cursor);
  if (name.kind !== "literal" || typeof name.value !== "string")
    throw syntaxError(token.at, "a selector is a name or a plain string");
  return { kind: "selector", at, of, name: name.value, quoted: true, nameAt: token.at };
}

function parseIndex(cursor: Cursor, of: Expression): Expression {
  const { at } = cursor.take();
  const low = cursor.is(":") ? undefined : parseExpression(cursor);
  if (cursor.accept(":")) {
    const high = cursor.is("]") ? undefined : parseExpression(cursor);
    cursor.accept(",");
    cursor.expect("]", "after a slice");
    return { kind: "slice", at, of, low, high };
  }
  cursor.accept(",");
  cursor.expect("]", "after an index");
  if (low === undefined) throw cursor.unexpected("an index");
  return { kind: "index", at, of, index: low };
}

function parseCall(cursor: Cursor, callee: Expression): Expression {
  cursor.take();
  const args: Expression[] = [];
  while (!cursor.is(")")) {
    args.push(parseExpression(cursor));
    if (!cursor.accept(",")) break;
  }
  cursor.expect(")", "after the arguments of a call");
  return { kind: "call", at: callee.at, callee, arguments: args };
}

function parseOperand(cursor: Cursor): Expression {
  const token = cursor.token;
  switch (token.kind) {
    case "identifier":
      return parseName(cursor, cursor.take());
    case "number":
      cursor.take();
      return { kind: "literal", at: token.at, value: parseNumberLiteral(token.text, token.at) };
    case "string":
      return parseString(cursor);
    case "_|_":
      cursor.take();
      return { kind: "bottom", at: token.at };
    case "{":
      return cursor.nestedSyntax.struct(cursor);
    case "[":
      return parseList(cursor);
    case "(": {
      cursor.take();
      const inner = parseExpression(cursor);
      cursor.accept(",");
      cursor.expect(")", "after an expression in parentheses");
      // a disjunction in parentheses has defaults of its own
      return inner.kind === "binary" ? { ...inner, grouped: true } : inner;
    }
    default:
      throw cursor.unexpected("an expression");
  }
}

function parseName(cursor: Cursor, token: Token): Expression {
  const { at, text } = token;
  if (text === "null") return { kind: "literal", at, value: null };
  if (text === "true" || text === "false") return { kind: "literal", at, value: text === "true" };
  if (text === "try" && cursor.is("{")) throw unsupported(at, "try");
  return { kind: "identifier", at, name: text };
}

/** A list; `[pattern]` before a colon is read the same way, its alias as an aliased element. */
function parseList(cursor: Cursor): Expression {
  const { at } = cursor.take();
  const elements: ListElement[] = [];
  let open: Expression | true | undefined;
  while (!cursor.is("]")) {
    if (cursor.accept("...")) {
      open = cursor.is("]") || cursor.is(",") ? true : parseExpression(cursor);
      cursor.accept(",");
      break;
    }
    elements.push(parseElement(cursor));
    if (!cursor.accept(",")) break;
  }
  cursor.expect("]", "after the elements of a list");
  return { kind: "list", at, elements, open };
}

function parseElement(cursor: Cursor): ListElement {
  if (cursor.isWord("for") || cursor.isWord("if")) return cursor.nestedSyntax.comprehension(cursor);
  const value = parseExpression(cursor);
  if (value.kind !== "identifier" || !cursor.accept("=")) return value;
  return { kind: "aliased", at: value.at, name: value.name, value: parseExpression(cursor) };
}

/** A string or bytes literal, with its interpolations. */
export function parseString(cursor: Cursor): Expression {
  let token = cursor.token;
  const { at } = token;
  const quote = token.quote;
  if (quote === undefined) throw cursor.unexpected("a string");
  const parts: (string | Expression)[] = [];
  const pieces: StringPiece[] = [];
  for (let first = true; ; first = false) {
    const read = parseStringPiece(token.raw ?? "", quote, at, first, token.open !== true);
    pieces.push(...read);
    if (token.open !== true) break;
    parts.push(joined(pieces.splice(0), at), parseInterpolated(cursor));
    token = cursor.scanner.resume(quote);
  }
  cursor.take();
  if (parts.length > 0) return { kind: "interpolation", at, bytes: quote.bytes, parts: [...parts, joined(pieces, at)] };
  return { kind: "literal", at, value: quote.bytes ? toBytes(pieces) : joined(pieces, at) };
}

function parseInterpolated(cursor: Cursor): Expression {
  cursor.take();
  const value = parseExpression(cursor);
  cursor.accept(",");
  if (!cursor.is(")")) throw cursor.unexpected(") after an interpolation");
  return value;
}

function joined(pieces: readonly StringPiece[], at: Place): string {
  return pieces
    .map((piece) => {
      if (typeof piece === "string") return piece;
      throw unsupported(at, "a byte escape beside an interpolation");
    })
    .join("");
}

function toBytes(pieces: readonly StringPiece[]): Uint8Array {
  const chunks = pieces.map((piece) => (typeof piece === "string" ? encodeText(piece) : piece));
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
