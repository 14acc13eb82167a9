// What the evaluator works on: a graph of vertices, one a field, each holding the conjuncts whose unification it is.
import { DataList } from "./data.ts";
import { documentSource, type Place } from "./position.ts";
import { Evaluated, type Expression, type LetClause, type StructLiteral } from "./syntax.ts";
import { type Bottom, type Bound, kinds, type Scalar } from "./value.ts";

const none: readonly never[] = Object.freeze([]);

/** Where an expression is evaluated: the enclosing struct, or the variables of a clause, and what lies around. */
export class Environment {
  readonly up: Environment | undefined;
  readonly vertex: Vertex | undefined;
  readonly variables: ReadonlyMap<string, Vertex> | undefined;
  #lets: Map<LetClause, Vertex> | undefined;

  constructor(up: Environment | undefined, vertex: Vertex | undefined, variables?: ReadonlyMap<string, Vertex>) {
    this.up = up;
    this.vertex = vertex;
    this.variables = variables;
  }

  /** The vertices of let clauses that were referred to in this environment. */
  get lets(): Map<LetClause, Vertex> {
    this.#lets ??= new Map();
    return this.#lets;
  }
}

/** What a group stands for; see `closedness.ts`. */
export type GroupKind = "reference" | "definition" | "close" | "struct" | "files" | "embedding";

/** Where a conjunct came from, as far as closedness asks: the structs, references and embeddings it passed through. */
export class Group {
  readonly parent: Group | undefined;
  readonly kind: GroupKind;
  /** The depth of that vertex; `close` closes that vertex alone. */
  readonly depth: number;
  /** For a struct: whether it embeds a definition, which closes the structs in it too. */
  sealed = false;
  /** For a sealed struct: the values in it that what it embeds leaves open, by `...`; below them it closes nothing. */
  opened: readonly Vertex[] = none;

  constructor(parent: Group | undefined, kind: GroupKind, home: Vertex | undefined) {
    this.parent = parent;
    this.kind = kind;
    this.depth = home?.depth ?? 0;
  }
}

/** A reference that a conjunct passed through, and how deep; the chain of them shows structural cycles. */
export interface Passed {
  readonly node: Expression;
  /** What it refers to, and where it was. */
  readonly target: Vertex | undefined;
  readonly vertex: Vertex;
  /** For a selection from a value that stands in the selection, and so is made anew each time: where it was evaluated. */
  readonly made: { readonly environment: Environment; readonly anchor: Vertex; readonly level: number } | undefined;
  readonly depth: number;
  readonly next: Passed | undefined;
}

/** An expression to unify into a vertex. */
export interface Conjunct {
  readonly environment: Environment;
  readonly expression: Expression;
  readonly group: Group | undefined;
  readonly passed: Passed | undefined;
  /** Whether it repeats an enclosing value: of such conjuncts alone no vertex is made. */
  readonly cyclic: boolean;
  /**
   * For what need not be there, the conjuncts of an optional field, of a pattern and of a term: it may come back once to what it
   * passed, or did so already; none for the terms of a disjunction that repeats.
   */
  readonly chance?: "open" | "used" | "none" | undefined;
  /** Whether it is a constraint, of an optional field or a pattern, that does not make the field exist. */
  readonly weak?: boolean;
}

/** A reference to what a conjunct passed before, and its value. */
export interface Postponed {
  readonly conjunct: Conjunct;
  readonly target: Vertex;
}

/** How a field is there: a constraint on a field that may come, on one that must come, or a field. */
export type Presence = "optional" | "required" | "member";

/** A part of a vertex that is understood: recorded so that a term of a disjunction can be tried on a copy. */
export type Item =
  | { readonly kind: "struct"; readonly conjunct: Conjunct; readonly environment: Environment; readonly group: Group }
  | {
      readonly kind: "list";
      readonly conjunct: Conjunct;
      readonly elements: readonly { environment: Environment; expression: Expression }[];
      readonly open: Expression | true | undefined;
    }
  | { readonly kind: "scalar"; readonly value: Scalar; readonly at: Place }
  | { readonly kind: "type"; readonly mask: number; readonly name: string; readonly at: Place }
  | { readonly kind: "bound"; readonly bound: Bound }
  | { readonly kind: "validator"; readonly validator: Validator }
  | { readonly kind: "pattern"; readonly pattern: Pattern }
  | { readonly kind: "open"; readonly group: Group }
  | { readonly kind: "field"; readonly label: string; readonly presence: Presence; readonly conjunct: Conjunct };

/** A function of a package used as a value, `list.MaxItems(3)`. */
export interface Validator {
  /** As written in messages: `list.MaxItems(3)`. */
  readonly name: string;
  readonly mask: number;
  readonly at: Place;
  /** Its arguments: two validators written alike in different scopes are not the same. */
  readonly arguments: readonly Vertex[];
  /** The function, when it was named and not called: it may be called through the value. */
  readonly uncalled?: { readonly path: string; readonly name: string; readonly at: Place };
  /** True, false, or a sentence on why not; throws Stop when that cannot be said yet. */
  readonly check: (vertex: Vertex) => boolean | string;
}

/** What waits for something to become known: tried again whenever more is. */
export interface Task {
  readonly conjunct: Conjunct;
  /** Does the work in this vertex; throws Stop while something is missing. */
  readonly run: (vertex: Vertex, conjunct: Conjunct) => void;
  blocked?: Bottom;
}

/** A constraint on all fields whose names match. */
export interface Pattern {
  readonly matches: (name: string) => boolean;
  /** The pattern as CUE, for messages and for telling two values apart. */
  readonly text: string;
  /** Its value; in the environment of the struct, without the alias. */
  readonly conjunct: Conjunct;
  readonly alias: string | undefined;
}

/** A disjunction that is a conjunct of a vertex. */
export interface Disjunction {
  readonly terms: readonly { readonly conjunct: Conjunct; readonly marked: boolean }[];
  readonly at: Place;
  /** The conjunct that it is, when it was written as one. */
  readonly source?: Conjunct;
  /** The further ways by which the same one came, as far as they may close more. */
  readonly groups?: readonly (Group | undefined)[];
}

/** One value that is left of a disjunction. */
export interface Alternative {
  readonly vertex: Vertex;
  /** 1: a default; -1: no default where another is; 0: nothing was marked. */
  readonly mode: -1 | 0 | 1;
}

/** The type of the elements from an index on. */
export interface Rest {
  readonly from: number;
  readonly conjunct: Conjunct;
}

/** What a conjunct demands of the kind of a value. */
export interface Claim {
  readonly mask: number;
  readonly text: () => string;
  readonly at: Place;
}

/** Who grants fields: a group, for one label, for those of a struct, for a pattern or for all. */
export interface Grant {
  readonly group: Group;
  readonly grants: string | StructLiteral | Pattern | true;
}

/** Who unified the conjuncts of a vertex into its own, to hear of later ones. */
export interface Dependent {
  readonly vertex: Vertex;
  readonly adapt: (conjunct: Conjunct) => Conjunct;
}

const noArcs: ReadonlyMap<string, Vertex> = new Map();

/** A field, a list element, a let clause or a value on the way: what its conjuncts unify to, and how far that is known. */
export class Vertex extends Evaluated {
  readonly parent: Vertex | undefined;
  readonly label: string;
  readonly depth: number;
  /** Whether it is, or lies in, a definition: references to it are closed. */
  readonly inDefinition: boolean;
  presence: Presence = "optional";
  /** Whether it stands in an expression that selects from it. */
  isMade = false;
  // most of its lists stay empty: each is one for all until `added` makes another
  conjuncts: readonly Conjunct[] = none;
  dependents: readonly Dependent[] = none;

  /** How many conjuncts are understood. */
  understood = 0;
  items: readonly Item[] = none;
  tasks: readonly Task[] = none;
  /** Those that are being tried one after another, and how far that is. */
  running: readonly Task[] = none;
  runningAt = 0;
  disjunctions: readonly Disjunction[] = none;
  patterns: readonly Pattern[] = none;
  grants: readonly Grant[] = none;
  listRests: readonly Rest[] = none;
  /** What each conjunct demands of the kind, for the message when two demands clash. */
  claims: readonly Claim[] = none;
  listLengths: readonly { readonly length: number; readonly open: boolean; readonly at: Place }[] = none;

  mask: number = kinds.top;
  scalar: { readonly value: Scalar; readonly at: Place } | undefined;
  bounds: readonly Bound[] = none;
  validators: readonly Validator[] = none;
  /** Whether braces with nothing but embeddings in them took part. */
  maybeStruct = false;
  bottom: Bottom | undefined;
  /** The value that it is, as far as it is a reference and nothing else. */
  shares: Vertex | undefined;
  /** Of how many conjuncts that was known. */
  sharing = 0;
  /** Whether one of its references was passed before; see `cycle.ts`. */
  cyclic = false;
  /** Whether it refers to a value that it lies in. */
  refersUp = false;
  /** Whether it was given a conjunct that repeats nothing. */
  fed = false;
  /** Whether such a conjunct was a value, and no reference. */
  grounded = false;
  /** References that are followed once something else gives it a value. */
  postponed: readonly Postponed[] = none;
  /** The error of its being nothing but repetition: until it is more than that. */
  cycleBottom: Bottom | undefined;
  /** Whether something went by the fields that it had before it was known: it gets no others. */
  frozen = false;
  /** The fields that something went by their not being there: they do not come. */
  missed: readonly string[] = none;

  #slots: Map<string, Vertex> | undefined;
  #unread: Conjunct | undefined;
  /** How many rests there were when its elements were left: those stand before the element among its conjuncts. */
  #restsBefore = 0;
  /** Whether an element was read before one that stands before it. */
  #disordered = false;

  state: "new" | "busy" | "settled" = "new";
  /** While the terms of its disjunctions are tried: the copy that stands for it. */
  standIn: Vertex | undefined;
  /** For such a copy, while further disjunctions are to be unified with it: whether a term of theirs may grant it a field. */
  laterGrants: ((label: string) => boolean) | undefined;
  /** For such a copy: the vertex it is a copy of. */
  copyOf: Vertex | undefined;
  alternatives: readonly Alternative[] | undefined;
  /** What asked for its one value while its disjunctions were being decided, and was told that it is not known. */
  askedFor: Expression | undefined;
  /** Whether that was before any of its terms was tried. */
  askedEarly = false;
  /** Whether its terms are being tried. */
  isDeciding = false;
  finished: "no" | "busy" | "yes" = "no";
  /** After it is finished: whether nothing below it waits, and in which pass that was found. */
  isComplete = false;
  pass = 0;
  /** The first error of an arc, after it is finished. */
  childBottom: Bottom | undefined;

  constructor(parent: Vertex | undefined, label: string) {
    super();
    this.parent = parent;
    this.label = label;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
    this.inDefinition = isDefinitionLabel(label) || (label !== "" && (parent?.inDefinition ?? false));
  }

  /** Its fields, or the elements of a list. A field or an element that only the document has becomes a vertex by this. */
  get arcs(): ReadonlyMap<string, Vertex> {
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread?.expression.kind === "struct") {
      for (const field of unread.expression.declarations)
        if (field.kind === "field" && typeof field.label === "string" && this.#slots?.get(field.label) === unreadField)
          this.#read(field.label, field.value, unread);
    } else if (unread?.expression instanceof DataList) {
      const { elements } = unread.expression;
      for (let i = 0; i < elements.length; i++) {
        const element = elements[i];
        if (element !== undefined && this.#slots?.has(String(i)) !== true) this.#read(String(i), element, unread);
      }
    }
    return this.slots;
  }

  /** The same without making any: `unreadField` stands in the place of a field that only the document has, and such an element is left out. */
  get slots(): ReadonlyMap<string, Vertex> {
    if (this.#disordered) {
      this.#disordered = false;
      const [elements, others] = [[], []] as [string, Vertex][][];
      for (const slot of this.#slots ?? []) (isIndexLabel(slot[0]) ? elements : others)?.push(slot);
      this.#slots = new Map([...(elements ?? []).sort(([a], [b]) => Number(a) - Number(b)), ...(others ?? [])]);
    }
    return this.#slots ?? noArcs;
  }

  /** One field or element, or nothing. */
  arc(label: string): Vertex | undefined {
    const found = this.#slots?.get(label);
    if (found !== unreadField && (found !== undefined || this.#unread === undefined)) return found;
    const unread = this.#unread?.expression;
    if (unread instanceof DataList) {
      const element = isIndexLabel(label) ? unread.element(Number(label)) : undefined;
      return element === undefined ? undefined : this.#read(label, element, this.#unread);
    }
    if (found === undefined) return undefined;
    // to look for one among a few costs less than to make them all
    if (unread?.kind !== "struct" || unread.declarations.length > 32) return this.arcs.get(label);
    for (const field of unread.declarations)
      if (field.kind === "field" && field.label === label) return this.#read(label, field.value, this.#unread);
    return undefined;
  }

  /** The elements that were left unread, as a list of the document with its conjunct; some may have been read since. */
  get unreadElements(): { readonly list: DataList; readonly conjunct: Conjunct } | undefined {
    const conjunct = this.#unread;
    return conjunct?.expression instanceof DataList ? { list: conjunct.expression, conjunct } : undefined;
  }

  /** Give it a field or an element. */
  setArc(label: string, arc: Vertex): void {
    this.#slots ??= new Map();
    this.#slots.set(label, arc);
  }

  /** Whether the fields of a struct may be left unread: it is the document's, and no pattern speaks of them. */
  leaves({ expression }: Conjunct): boolean {
    return (
      this.#unread === undefined &&
      !this.frozen &&
      this.missed.length === 0 &&
      this.patterns.length === 0 &&
      expression.at.source === documentSource
    );
  }

  /** Leave those fields, or elements, unread that are not here yet; `fields` is what they would have as conjuncts, with the whole as expression. */
  leave(fields: Conjunct): void {
    this.#unread = fields;
    this.#restsBefore = this.listRests.length;
  }

  #read(label: string, expression: Expression, fields: Conjunct | undefined): Vertex | undefined {
    if (fields === undefined) return undefined;
    const made = new Vertex(this, label);
    made.presence = "member";
    made.fed = true;
    const own = { ...fields, expression };
    const rests = this.listRests.filter(({ from }) => from <= Number(label));
    const before = this.listRests.slice(0, this.#restsBefore).filter(({ from }) => from <= Number(label)).length;
    made.conjuncts = rests.length === 0 ? [own] : rests.map(({ conjunct }) => conjunct).toSpliced(before, 0, own);
    // nothing is wrong with it as it is: see isPlainData
    if (rests.length === 0 && this.finished !== "no") made.finished = "yes";
    if (fields.expression.kind === "list") this.#disordered ||= (this.#slots?.size ?? 0) !== Number(label);
    this.setArc(label, made);
    return made;
  }
}

/** Stands for a field of the document that nothing has spoken of; it is never evaluated. */
export const unreadField: Vertex = new Vertex(undefined, "");

/**
 * A list with one item more. A short one is made anew, for a list that grows by itself takes room for seventeen at once, and a document
 * has a vertex for each of its values; of a long one the list itself, longer.
 */
export function added<T>(list: readonly T[], item: T): readonly T[] {
  const first = list[0];
  const second = list[1];
  if (list.length === 0 || first === undefined) return [item];
  if (list.length === 1 || second === undefined) return [first, item];
  if (list.length === 2) return [first, second, item];
  if (list.length === 3 || !Array.isArray(list)) return [...list, item];
  list.push(item);
  return list;
}

/** The vertex that a copy on trial is a copy of, or the vertex itself. */
export function originOf(vertex: Vertex): Vertex {
  let at = vertex;
  while (at.copyOf !== undefined) at = at.copyOf;
  return at;
}

/** Whether a vertex lies below another. */
export function isAncestor(target: Vertex, vertex: Vertex): boolean {
  const origin = originOf(target);
  for (let at = vertex.parent; at !== undefined; at = at.parent) if (originOf(at) === origin) return true;
  return false;
}

/** Whether a vertex is a field, and so are those that it lies in: each of them is looked at for itself. */
export function isRooted(vertex: Vertex): boolean {
  for (let at = vertex; at.parent !== undefined; at = at.parent) if (at.label === "") return false;
  return true;
}

/** Whether a label names a definition, hidden or not. */
export function isDefinitionLabel(label: string): boolean {
  return label.startsWith("#") || label.startsWith("_#");
}

/** Whether a label names a regular field: not a definition, a hidden field, an element or a let clause. */
export function isRegularLabel(label: string): boolean {
  return label.startsWith('"');
}

/** Whether a label is the index of a list element. */
export function isIndexLabel(label: string): boolean {
  const code = label.charCodeAt(0);
  return code >= 0x30 && code <= 0x39;
}

/** Whether a value is a struct, as far as is known: braces with embeddings alone are one unless what they embed is something else. */
export function isStruct(vertex: Vertex): boolean {
  if (vertex.mask === kinds.struct) return true;
  if (!vertex.maybeStruct || vertex.mask !== kinds.top || vertex.scalar !== undefined) return false;
  if (vertex.bounds.length > 0 || vertex.validators.length > 0) return false;
  const embedsTop = vertex.items.some((item) => item.kind === "type");
  return !embedsTop || vertex.items.some((item) => item.kind === "struct" && comprehends(item.conjunct.expression));
}

/** A comprehension makes a struct of the braces around it, whether it yields something or not. */
function comprehends(expression: Expression): boolean {
  return expression.kind === "struct" && expression.declarations.some(({ kind }) => kind === "comprehension");
}

/** The path of a vertex from the root, as labels. */
export function pathOf(vertex: Vertex): string[] {
  const path: string[] = [];
  for (let at: Vertex | undefined = vertex; at?.parent !== undefined; at = at.parent) path.unshift(at.label);
  return path;
}

/** What an expression is found to be. */
export type Computed =
  | { readonly kind: "scalar"; readonly value: Scalar }
  | { readonly kind: "bound"; readonly bound: Bound }
  | { readonly kind: "validator"; readonly validator: Validator }
  | { readonly kind: "conjuncts"; readonly conjuncts: readonly Conjunct[] }
  | { readonly kind: "disjunction"; readonly disjunction: Disjunction };
