// What can be said of a conjunct before anything is evaluated.

import { documentSource } from "./position.ts";
import type { Declaration, Expression, Field, StructLiteral } from "./syntax.ts";
import { added, type Conjunct, type Disjunction, type Group, isRegularLabel, type Presence, type Vertex } from "./vertex.ts";

/** Conjuncts that a vertex may have before further ones from vertices it refers to count as a cycle. */
export const maxConjuncts = 500;

/** Levels that values may nest through references; deeper ones are taken to have no end. */
export const maxRecursion = 80;

/** Whether a vertex is a value of the document and nothing else: such a one has no errors, and is looked into only when asked about. */
export function isPlainData({ conjuncts, bottom }: Vertex): boolean {
  const only = conjuncts[0];
  return only !== undefined && conjuncts.length === 1 && bottom === undefined && only.expression.at.source === documentSource;
}

/** Whether what comes by one group closes just what comes by the other. */
function closesSame(a: Group | undefined, b: Group | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.kind === b.kind && a.kind !== "embedding" && a.parent === b.parent);
}

/**
 * The disjunctions of a vertex with one more. The same one again, by another way, leaves the same values: of it only the group is kept,
 * which may close more.
 */
export function withDisjunction(
  known: readonly Disjunction[],
  expression: Expression,
  conjunct: Conjunct,
): readonly Disjunction[] {
  const same = known.find(
    ({ source }) => source?.expression === conjunct.expression && source.environment === conjunct.environment,
  );
  if (same === undefined)
    return added(known, {
      terms: disjunctionTerms(expression, conjunct),
      at: expression.at,
      source: conjunct,
    });
  const groups = [same.source?.group, ...(same.groups ?? [])];
  if (groups.some((group) => closesSame(group, conjunct.group))) return known;
  const more = { ...same, groups: [...(same.groups ?? []), conjunct.group] };
  return known.map((one) => (one === same ? more : one));
}

/** How a mark after a label says that a field is there. */
export function presenceOf(constraint: "" | "?" | "!"): Presence {
  return constraint === "" ? "member" : constraint === "?" ? "optional" : "required";
}

/** A field whose name is known as it stands. */
export type NamedField = Field & { readonly label: string };

/** The fields of a struct whose names are known as it stands. */
export function fieldsOf({ declarations }: StructLiteral): NamedField[] {
  return declarations.filter(isNamed);
}

function isNamed(declaration: Declaration): declaration is NamedField {
  return declaration.kind === "field" && typeof declaration.label === "string";
}

/** Whether braces can be a struct alone: fields are in them, or nothing that could be something else. */
export function makesStruct({ declarations }: StructLiteral): boolean {
  let mayBeOther = false;
  for (const declaration of declarations) {
    if (
      declaration.kind === "field" &&
      (typeof declaration.label !== "string" || (isRegularLabel(declaration.label) && declaration.constraint === ""))
    )
      return true;
    if (declaration.kind === "pattern") return true;
    mayBeOther ||= declaration.kind === "embedding" || declaration.kind === "comprehension";
  }
  return !mayBeOther;
}

/** What is left to a conjunct that need not be there. */
export function optionally({ chance, cyclic }: Conjunct): Conjunct["chance"] {
  return cyclic ? chance : (chance ?? "open");
}

/** The terms of a disjunction; one in parentheses stays a term. */
function disjunctionTerms(expression: Expression, conjunct: Conjunct): { conjunct: Conjunct; marked: boolean }[] {
  const terms: { conjunct: Conjunct; marked: boolean }[] = [];
  const chance = conjunct.cyclic ? "none" : optionally(conjunct);
  const collect = (term: Expression): void => {
    if (term.kind === "binary" && term.operator === "|" && (term === expression || term.grouped !== true)) {
      collect(term.left);
      collect(term.right);
    } else if (term.kind === "unary" && term.operator === "*")
      terms.push({ conjunct: { ...conjunct, chance, expression: term.operand }, marked: true });
    else terms.push({ conjunct: { ...conjunct, chance, expression: term }, marked: false });
  };
  collect(expression);
  return terms;
}

/** Whether an expression refers to a value, and calculates none. */
export function isReference({ kind }: Expression): boolean {
  return kind === "identifier" || kind === "selector" || kind === "index";
}
