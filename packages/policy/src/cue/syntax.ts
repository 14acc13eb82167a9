// The syntax tree of CUE. The parser makes it; `resolve.ts` says of each identifier what it refers to.
import type { Numeric } from "../values/index.ts";
import type { Place } from "./position.ts";

/** A literal that stands for one value. */
export type LiteralValue = null | boolean | string | Uint8Array | NumberLiteral;

/** A number as written: `1` is an int, `1.0` a float. */
export interface NumberLiteral {
  readonly int: boolean;
  readonly value: Numeric;
}

/** What the evaluator makes of an expression; it may stand as one in the results of functions. */
export abstract class Evaluated {}

/** Any expression. */
export type Expression =
  | { readonly kind: "literal"; readonly at: Place; readonly value: LiteralValue }
  | {
      readonly kind: "interpolation";
      readonly at: Place;
      readonly bytes: boolean;
      readonly parts: readonly (string | Expression)[];
    }
  | Identifier
  | StructLiteral
  | {
      readonly kind: "list";
      readonly at: Place;
      readonly elements: readonly ListElement[];
      readonly open: Expression | true | undefined;
    }
  | {
      readonly kind: "selector";
      readonly at: Place;
      readonly of: Expression;
      readonly name: string;
      readonly quoted: boolean;
      readonly nameAt: Place;
    }
  | { readonly kind: "index"; readonly at: Place; readonly of: Expression; readonly index: Expression }
  | {
      readonly kind: "slice";
      readonly at: Place;
      readonly of: Expression;
      readonly low: Expression | undefined;
      readonly high: Expression | undefined;
    }
  | { readonly kind: "call"; readonly at: Place; readonly callee: Expression; readonly arguments: readonly Expression[] }
  | { readonly kind: "unary"; readonly at: Place; readonly operator: string; readonly operand: Expression }
  | {
      readonly kind: "binary";
      readonly at: Place;
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly grouped?: boolean;
    }
  | { readonly kind: "bottom"; readonly at: Place }
  | { readonly kind: "vertex"; readonly at: Place; readonly vertex: Evaluated }
  | { readonly kind: "aliased"; readonly at: Place; readonly name: string; readonly value: Expression };

/** A name that refers to a field, a let clause, an alias, a loop variable, a package or something predeclared. */
export interface Identifier {
  readonly kind: "identifier";
  readonly at: Place;
  readonly name: string;
  /** Set by the resolver. */
  target?: Target;
}

/** What an identifier refers to; `up` counts the scopes between. */
export type Target =
  | { readonly kind: "field"; readonly up: number; readonly label: string }
  | { readonly kind: "dynamic"; readonly up: number; readonly label: Expression }
  | { readonly kind: "let"; readonly up: number; readonly clause: LetClause }
  | { readonly kind: "variable"; readonly up: number; readonly name: string }
  | { readonly kind: "package"; readonly path: string }
  | { readonly kind: "predeclared" };

/** A struct in braces, or a file. */
export interface StructLiteral {
  readonly kind: "struct";
  readonly at: Place;
  readonly declarations: readonly Declaration[];
  /** Attributes of the struct itself: of no meaning to evaluation. */
  readonly attributes: readonly Attribute[];
}

/** An element of a list: a value, or a comprehension that yields some. */
export type ListElement = Expression | Comprehension;

/** What stands between braces. */
export type Declaration =
  | Field
  | {
      readonly kind: "pattern";
      readonly at: Place;
      readonly alias: string | undefined;
      readonly pattern: Expression;
      readonly value: Expression;
    }
  | { readonly kind: "ellipsis"; readonly at: Place; readonly value: Expression | undefined }
  | { readonly kind: "embedding"; readonly at: Place; readonly value: Expression }
  | Comprehension
  | LetClause;

/** A field; its label is known, or computed from an expression. */
export interface Field {
  readonly kind: "field";
  readonly at: Place;
  readonly label: string | Expression;
  /** Whether the label was no bare identifier: such a field is not referred to by name. */
  readonly quoted: boolean;
  readonly constraint: "" | "?" | "!";
  readonly alias: string | undefined;
  readonly value: Expression;
  /** For the tests of conformance: attributes are of no meaning to evaluation. */
  readonly attributes: readonly Attribute[];
}

/** `let name = value`. */
export interface LetClause {
  readonly kind: "let";
  readonly at: Place;
  readonly name: string;
  readonly value: Expression;
}

/** `for …`, `if …` and `let …`, then a struct. */
export interface Comprehension {
  readonly kind: "comprehension";
  readonly at: Place;
  readonly clauses: readonly Clause[];
  readonly value: StructLiteral;
}

/** One clause of a comprehension. */
export type Clause =
  | { readonly kind: "for"; readonly at: Place; readonly key: string | undefined; readonly name: string; readonly of: Expression }
  | { readonly kind: "if"; readonly at: Place; readonly condition: Expression }
  | LetClause;

/** An attribute, `@name(text)`. */
export interface Attribute {
  readonly at: Place;
  readonly text: string;
}

/** An import declaration. */
export interface ImportSpec {
  readonly at: Place;
  readonly name: string;
  readonly path: string;
}

/** A parsed file. */
export interface FileSyntax {
  readonly at: Place;
  readonly package: string | undefined;
  readonly imports: readonly ImportSpec[];
  readonly body: StructLiteral;
}

/**
 * How a label is written inside the evaluator: regular fields begin with a quote, so that the field "#a" and the definition #a, or
 * "_a" and the hidden field _a, are never the same; list elements are their index.
 */
export function regularLabel(name: string): string {
  return `"${name}`;
}

/** The label that an unquoted identifier stands for. */
export function identifierLabel(name: string): string {
  return name.startsWith("#") || name.startsWith("_") ? name : regularLabel(name);
}
