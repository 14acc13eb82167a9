// Templates of `ci-provider` (certificate-authority §4.1): the part of Go's text/template that configurations of Fulcio use.
//
//   template = { text | "{{" expression "}}" | "{{if" expression "}}" template [ "{{else}}" template ] "{{end}}" }
//   expression = "." name | "index" "." string | "eq" operand operand | string | "(" expression ")"
//
// Everything else is refused when the configuration is read. Nothing is ever executed: a template only looks claims up.
import { quote } from "@sigillum/library/encoding";
import { issuersError } from "./errors.ts";

/** Limits of one template. */
export const templateLimits: { readonly length: number; readonly depth: number; readonly tokens: number } = {
  length: 2048,
  depth: 8,
  tokens: 64,
};

type Expression =
  | { readonly kind: "claim"; readonly name: string }
  | { readonly kind: "literal"; readonly value: string }
  | { readonly kind: "equal"; readonly left: Expression; readonly right: Expression };

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly value: Expression }
  | { readonly kind: "if"; readonly condition: Expression; readonly then: readonly Part[]; readonly otherwise: readonly Part[] };

/** A template that was read. */
export interface Template {
  readonly source: string;
  readonly parts: readonly Part[];
}

/** Looks a claim up; returns its text, or throws for a claim that is not there. */
export type ClaimLookup = (name: string) => string;

/**
 * Reads a template. Text without `{{` is the name of a claim, whose value is the result. Throws ISSUERS_TEMPLATE for any construct
 * but those above; whether tokens have the claims is not known here.
 */
export function parseTemplate(source: string): Template {
  if (source.length > templateLimits.length) throw refused(source, `it has ${source.length} characters`);
  if (!source.includes("{{"))
    return { source, parts: source === "" ? [] : [{ kind: "value", value: { kind: "claim", name: source } }] };
  const reader = new TemplateReader(source);
  const parts = reader.parts(0);
  if (reader.next() !== undefined) throw refused(source, "an else or end has no if");
  return { source, parts };
}

/** Fills a template in. Nothing is escaped: what a claim holds stands in the result as it is. */
export function fillTemplate(template: Template, lookup: ClaimLookup): string {
  return fill(template.parts, lookup);
}

function fill(parts: readonly Part[], lookup: ClaimLookup): string {
  let result = "";
  for (const part of parts) {
    if (part.kind === "text") result += part.text;
    else if (part.kind === "value") result += evaluate(part.value, lookup);
    // text/template: the empty string is false.
    else result += fill(isTrue(part.condition, lookup) ? part.then : part.otherwise, lookup);
  }
  return result;
}

function isTrue(expression: Expression, lookup: ClaimLookup): boolean {
  if (expression.kind === "equal") return evaluate(expression.left, lookup) === evaluate(expression.right, lookup);
  return evaluate(expression, lookup) !== "";
}

function evaluate(expression: Expression, lookup: ClaimLookup): string {
  if (expression.kind === "claim") return lookup(expression.name);
  return expression.kind === "literal" ? expression.value : String(isTrue(expression, lookup));
}

interface Segment {
  readonly action: boolean;
  readonly text: string;
}

class TemplateReader {
  readonly #source: string;
  readonly #segments: readonly Segment[];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
    this.#segments = segmentsOf(source);
  }

  next(): Segment | undefined {
    return this.#segments[this.#at];
  }

  /** Reads up to an `else`, an `end` or the end of the text, and leaves it to the caller. */
  parts(depth: number): Part[] {
    if (depth > templateLimits.depth) throw refused(this.#source, `its ifs stand more than ${templateLimits.depth} deep`);
    const parts: Part[] = [];
    for (let segment = this.next(); segment !== undefined; segment = this.next()) {
      if (segment.action && (segment.text === "else" || segment.text === "end")) return parts;
      this.#at += 1;
      if (!segment.action) parts.push({ kind: "text", text: segment.text });
      else if (/^if\b/u.test(segment.text)) parts.push(this.#condition(segment.text.slice(2), depth));
      else parts.push({ kind: "value", value: parseExpression(segment.text, this.#source) });
    }
    return parts;
  }

  #condition(text: string, depth: number): Part {
    const condition = parseExpression(text, this.#source);
    const then = this.parts(depth + 1);
    const otherwise = this.#take("else") ? this.parts(depth + 1) : [];
    if (!this.#take("end")) throw refused(this.#source, "an if has no end");
    return { kind: "if", condition, then, otherwise };
  }

  #take(word: string): boolean {
    const segment = this.next();
    if (segment?.action !== true || segment.text !== word) return false;
    this.#at += 1;
    return true;
  }
}

function segmentsOf(source: string): Segment[] {
  const segments: Segment[] = [];
  let rest = source;
  while (rest !== "") {
    const open = rest.indexOf("{{");
    if (open !== 0) segments.push({ action: false, text: open === -1 ? rest : rest.slice(0, open) });
    if (open === -1) return segments;
    const close = rest.indexOf("}}", open);
    if (close === -1) throw refused(source, 'a "{{" has no "}}"');
    segments.push({ action: true, text: rest.slice(open + 2, close).trim() });
    rest = rest.slice(close + 2);
  }
  return segments;
}

// A dot with a name, a dot alone, a word, a string without escapes, a parenthesis. A dot may not follow a name: claims are not nested.
const tokenPattern = /\s*(?:(\.[A-Za-z_][A-Za-z0-9_]*(?![.\w]))|(\.(?![.\w]))|([a-z]+)(?![.\w])|"([^"\\\n]*)"|([()]))/uy;

interface Token {
  readonly kind: "field" | "dot" | "word" | "string" | "parenthesis";
  readonly text: string;
}

function parseExpression(text: string, source: string): Expression {
  const tokens = tokensOf(text, source);
  let at = 0;
  const take = (kind: Token["kind"], value?: string): Token | undefined => {
    const token = tokens[at];
    if (token?.kind !== kind || (value !== undefined && token.text !== value)) return undefined;
    at += 1;
    return token;
  };
  const operand = (depth: number): Expression => {
    if (depth > templateLimits.depth) throw refused(source, `its parentheses stand more than ${templateLimits.depth} deep`);
    const field = take("field");
    if (field !== undefined) return { kind: "claim", name: field.text.slice(1) };
    const literal = take("string");
    if (literal !== undefined) return { kind: "literal", value: literal.text };
    if (take("parenthesis", "(") === undefined) throw refused(source, `${quote(text.trim())} is not understood`);
    const inner = whole(depth + 1);
    if (take("parenthesis", ")") === undefined) throw refused(source, 'a "(" has no ")"');
    return inner;
  };
  const whole = (depth: number): Expression => {
    if (take("word", "index") !== undefined) {
      const key = take("dot") === undefined ? undefined : take("string");
      if (key === undefined) throw refused(source, 'index is understood as index . "NAME" alone');
      return { kind: "claim", name: key.text };
    }
    if (take("word", "eq") === undefined) return operand(depth);
    const left = operand(depth);
    return { kind: "equal", left, right: operand(depth) };
  };
  const expression = whole(0);
  if (at !== tokens.length) throw refused(source, `${quote(text.trim())} is not understood`);
  return expression;
}

const kinds: readonly Token["kind"][] = ["field", "dot", "word", "string", "parenthesis"];

function tokensOf(text: string, source: string): Token[] {
  const tokens: Token[] = [];
  const trimmed = text.trimEnd();
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < trimmed.length) {
    const match = tokenPattern.exec(trimmed);
    const kind = kinds.find((_, index) => match?.[index + 1] !== undefined);
    if (match === null || kind === undefined || tokens.length >= templateLimits.tokens)
      throw refused(source, `${quote(text.trim())} is not understood`);
    tokens.push({ kind, text: match[kinds.indexOf(kind) + 1] ?? "" });
  }
  return tokens;
}

function refused(source: string, problem: string): Error {
  return issuersError("ISSUERS_TEMPLATE", `Cannot use template ${quote(source, 200)}: ${problem}`, {
    found: quote(source, 200),
    expected: 'text, {{ .name }}, {{ index . "name" }}, {{ if eq … }} … {{ else }} … {{ end }}, or the name of a claim',
  });
}
