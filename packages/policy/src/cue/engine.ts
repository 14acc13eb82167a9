// What the parts of the evaluator ask of each other, so that none of them imports the whole.
import type { Budget, RegexCache } from "../values/index.ts";
import type { Place } from "./position.ts";
import type { Expression } from "./syntax.ts";
import type { Trials } from "./trials.ts";
import type { Bottom, Scalar } from "./value.ts";
import type { Conjunct, Item, Task, Vertex } from "./vertex.ts";

/** One evaluation. */
export interface Engine {
  readonly budget: Budget;
  readonly regexes: RegexCache;
  /** The vertex that stands for this one now: a copy on trial, or the only value left of a disjunction. */
  readonly live: (vertex: Vertex) => Vertex;
  readonly trials: Trials;
  /** While something is on trial: the scalar that a field is given as such, whatever is calculated besides. */
  readonly given: (vertex: Vertex) => Scalar | undefined;
  /** Find out what a vertex is, its arcs aside. */
  readonly settle: (vertex: Vertex) => void;
  /** Evaluate a vertex and everything below it, and find its errors. */
  readonly finish: (vertex: Vertex) => void;
  /** Attach an error. */
  readonly setBottom: (vertex: Vertex, bottom: Bottom) => void;
  /** Unify one conjunct into a vertex, as far as can be said now. */
  readonly take: (vertex: Vertex, conjunct: Conjunct) => void;
  /** Take in what is understood already. */
  readonly takeItem: (vertex: Vertex, item: Item) => void;
  /** Give a vertex one more conjunct. */
  readonly addConjunct: (vertex: Vertex, conjunct: Conjunct) => void;
  /** A vertex for an expression that is no field. */
  readonly inline: (vertex: Vertex, conjunct: Conjunct) => Vertex;
  /** The vertex that an expression stands for. */
  readonly vertexOf: (vertex: Vertex, conjunct: Conjunct) => Vertex;
  /** The one value of a vertex: what is left of its disjunction, or its default. */
  readonly choose: (vertex: Vertex) => Vertex;
  /** The concrete value of an expression; throws Stop when it has none, at once when it can be none of the wanted kinds. */
  readonly concrete: (vertex: Vertex, conjunct: Conjunct, wanted?: number) => Scalar | Vertex;
  /** The concrete value of a vertex; the expression is for messages. */
  readonly concreteOf: (vertex: Vertex, expression: Expression, wanted?: number) => Scalar | Vertex;
  /** The arc of a vertex with a label; throws Stop when there is none. */
  readonly arcOf: (vertex: Vertex, label: string, expression: Expression) => Vertex;
  /** Passes over the whole value: in the first, what waits may yet become known; from the second on, what waits is decided. */
  readonly pass: number;
  /** How many optional fields are looked into for cycles. */
  readonly looking: number;
  /** The task that is being tried. */
  readonly current: Task | undefined;
  /** Note that the fields of a struct were gone through for a vertex. */
  readonly ranged: (vertex: Vertex, source: Vertex, at: Place) => void;
}
