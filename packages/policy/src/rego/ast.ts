// The syntax tree of Rego. Every node knows where it began. Passes never change a node: they make new ones.
import { equalValues, type Position, type Value } from "../values/index.ts";

/** A value written out, and nothing else. */
export interface ValueTerm {
  readonly kind: "value";
  readonly value: Value;
  readonly at: Position;
}

/** A variable; `_` has become a variable of its own, whose name begins with `$`. */
export interface VarTerm {
  readonly kind: "var";
  readonly name: string;
  readonly at: Position;
}

/** A path into a value: `head.a[i]`. `input` and `data` alone are references with an empty path. */
export interface RefTerm {
  readonly kind: "ref";
  readonly head: Term;
  readonly path: readonly Term[];
  readonly at: Position;
}

/** An array or a set that holds something else than values. */
export interface ListTerm {
  readonly kind: "array" | "set";
  readonly items: readonly Term[];
  readonly at: Position;
}

/** An object that holds something else than values. */
export interface ObjectTerm {
  readonly kind: "object";
  readonly pairs: readonly (readonly [Term, Term])[];
  readonly at: Position;
}

/** `[value | body]`, `{value | body}` or `{key: value | body}`. */
export interface ComprehensionTerm {
  readonly kind: "comprehension";
  readonly of: "array" | "set" | "object";
  readonly key?: Term;
  readonly value: Term;
  readonly body: Body;
  readonly at: Position;
}

/** A call within an expression. */
export interface CallTerm {
  readonly kind: "call";
  readonly operator: Operator;
  readonly args: readonly Term[];
  readonly at: Position;
}

/** `$"text {expression}"`. */
export interface TemplateTerm {
  readonly kind: "template";
  readonly parts: readonly (string | Expr)[];
  /** Whether it stands in back quotes. */
  readonly raw: boolean;
  readonly at: Position;
}

/** Anything that has a value. */
export type Term = ValueTerm | VarTerm | RefTerm | ListTerm | ObjectTerm | ComprehensionTerm | CallTerm | TemplateTerm;

/** What is called: `count`, `json.unmarshal`, or after resolution `data.pkg.f`. */
export interface Operator {
  readonly name: string;
  readonly parts: readonly string[];
  readonly at: Position;
}

/** `with target as value`. */
export interface With {
  readonly target: RefTerm;
  readonly value: Term;
  readonly at: Position;
}

interface ExprBase {
  readonly at: Position;
  readonly negated: boolean;
  readonly with: readonly With[];
  /** Made by a pass and not written by the author. */
  readonly generated?: boolean;
}

/** One expression of a body. */
export type Expr =
  | (ExprBase & { readonly kind: "term"; readonly term: Term })
  /** `left = right`, or with `assign` `left := right`. */
  | (ExprBase & { readonly kind: "eq"; readonly left: Term; readonly right: Term; readonly assign: boolean })
  /** A call as an expression; its result must not be false, or is unified with `output`. */
  | (ExprBase & { readonly kind: "call"; readonly operator: Operator; readonly args: readonly Term[]; readonly output?: Term })
  | (ExprBase & { readonly kind: "some"; readonly names: readonly VarTerm[] })
  | (ExprBase & { readonly kind: "someIn"; readonly key?: Term; readonly value: Term; readonly domain: Term })
  | (ExprBase & {
      readonly kind: "every";
      readonly key?: VarTerm;
      readonly value: VarTerm;
      readonly domain: Term;
      readonly body: Body;
    })
  /** A `not` that holds a body (import future.keywords.not). */
  | (ExprBase & { readonly kind: "not"; readonly body: Body; readonly explicit: boolean })
  | (ExprBase & {
      readonly kind: "and" | "or";
      readonly left: Body;
      readonly right: Body;
      readonly explicitLeft: boolean;
      readonly explicitRight: boolean;
    });

/** Expressions that must all hold. */
export type Body = readonly Expr[];

/** The head of a rule. */
export interface Head {
  /** The name first, a variable, then what stands behind it. */
  readonly ref: readonly Term[];
  /** There for a function, even without arguments. */
  readonly args?: readonly Term[];
  /** The member, of a rule that makes a set. */
  readonly key?: Term;
  readonly value?: Term;
  readonly assign: boolean;
  /** Whether the value was left out and stands for true. */
  readonly generatedValue: boolean;
  readonly at: Position;
}

/** A rule, with what follows in its `else`. */
export interface Rule {
  readonly at: Position;
  readonly isDefault: boolean;
  readonly head: Head;
  readonly body: Body;
  readonly otherwise?: Rule;
  /** Which keywords were used, for the strictness of rego.v1. */
  readonly usesIf: boolean;
  readonly usesContains: boolean;
  readonly generatedBody: boolean;
}

/** `import path as alias`. */
export interface Import {
  readonly path: RefTerm;
  readonly alias?: string;
  readonly at: Position;
}

/** The dialect of a module, after its imports. */
export type Dialect = "v0" | "v1";

/** A parsed file. */
export interface Module {
  readonly file: string;
  readonly package: readonly string[];
  readonly packageAt: Position;
  readonly imports: readonly Import[];
  readonly rules: readonly Rule[];
  /** Whether the stricter rules of version 1 hold in it. */
  readonly strict: boolean;
}

/** Whether a variable stands for `_` or was made by a pass. */
export function isGeneratedName(name: string): boolean {
  return name.startsWith("$");
}

/** A term that is one value. */
export function valueTerm(value: Value, at: Position): ValueTerm {
  return { kind: "value", value, at };
}

/** A term that is a variable. */
export function varTerm(name: string, at: Position): VarTerm {
  return { kind: "var", name, at };
}

/** An expression `left = right` made by a pass. */
export function equation(left: Term, right: Term, at: Position, withs: readonly With[] = []): Expr {
  return { kind: "eq", left, right, assign: false, negated: false, with: withs, at, generated: true };
}

/** The expression `true`. */
export function trueExpr(at: Position): Expr {
  return { kind: "term", term: valueTerm(true, at), negated: false, with: [], at };
}

/** Whether two keys of objects are the same: equal values, or the same variable. */
export function isSameKey(a: Term, b: Term): boolean {
  if (a.kind === "value") return b.kind === "value" && equalValues(a.value, b.value);
  return a.kind === "var" && b.kind === "var" && a.name === b.name;
}
