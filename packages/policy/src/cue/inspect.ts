// A value as evaluated, concrete or not, to look at: for tools that show what a policy says, and for tests.
import type { BudgetLimits } from "../values/index.ts";
import { allowance } from "./closedness.ts";
import { budgetFor, type CompiledCue, rootVertex } from "./compile.ts";
import { elementsOf } from "./comprehension.ts";
import { Evaluator } from "./evaluator.ts";
import { describeType, formatVertex, vertexKey } from "./format.ts";
import { formatLabel } from "./format-syntax.ts";
import { type Bottom, type BottomCode, kinds } from "./value.ts";
import { isDefinitionLabel, isIndexLabel, isStruct, type Presence, pathOf, type Vertex } from "./vertex.ts";

/** What a value turned out to be. */
export type CueViewKind = "error" | "scalar" | "struct" | "list" | "constraint" | "disjunction";

/** An error that is a value. */
export interface CueViewError {
  readonly code: BottomCode;
  readonly message: string;
  readonly path: string;
}

/** A field of a struct as evaluated. */
export interface CueViewField {
  /** As CUE writes it: `name`, `"odd name"`, `#Definition`, `_hidden`. */
  readonly label: string;
  readonly presence: Presence;
  readonly value: () => CueView;
}

/** A value as evaluated. What lies below is evaluated when it is asked for. */
export interface CueView {
  readonly kind: CueViewKind;
  /** The type, as messages name it. */
  readonly type: string;
  /** As CUE, shortened. */
  readonly text: string;
  /** The same for equal scalars and constraints, and different for different ones. */
  readonly key: string;
  /** The value's own error. */
  readonly error: CueViewError | undefined;
  /** What a struct or list still waits for: fields may be missing. */
  readonly pending: CueViewError | undefined;
  /** The first error of a field below, if one is no value at all. */
  readonly inner: CueViewError | undefined;
  readonly fields: readonly CueViewField[];
  readonly elements: readonly CueView[];
  /** Whether a list may be longer. */
  readonly open: boolean;
  readonly alternatives: readonly { readonly value: CueView; readonly isDefault: boolean }[];
  /** Whether a struct allows only the fields it names. */
  readonly closed: boolean;
  /** Whether a regular field of that name may be added. */
  readonly allows: (name: string) => boolean;
  /** Whether a field or a pattern constraint of the struct speaks of that name, whatever else may forbid it. */
  readonly mentions: (name: string) => boolean;
}

/** Look at the value of a policy. Throws when a limit is passed. */
export function inspectCue(compiled: CompiledCue, limits: BudgetLimits = {}): CueView {
  const evaluator = new Evaluator(budgetFor(limits, null), compiled.isMutual);
  const root = rootVertex(compiled);
  evaluator.finishRoot(root);
  return viewOf(evaluator, root);
}

function viewOf(evaluator: Evaluator, outer: Vertex): CueView {
  evaluator.finish(outer);
  const vertex = evaluator.live(outer);
  const alternatives = vertex.alternatives ?? [];
  const own = vertex.bottom ?? outer.bottom ?? (isPlain(vertex) ? vertex.tasks[0]?.blocked : undefined);
  const allows = allowance(vertex, true);
  const struct = isStruct(vertex);
  const scalar = vertex.scalar !== undefined;
  return {
    kind:
      own !== undefined && alternatives.length === 0
        ? "error"
        : alternatives.length > 1
          ? "disjunction"
          : scalar
            ? "scalar"
            : vertex.mask === kinds.list
              ? "list"
              : struct
                ? "struct"
                : "constraint",
    type: describeType(vertex),
    text: formatVertex(evaluator, vertex),
    key: alternatives.length > 1 || struct || vertex.mask === kinds.list ? "" : vertexKey(evaluator, vertex),
    error: own === undefined ? undefined : toError(own, outer),
    pending: vertex.tasks[0]?.blocked === undefined ? undefined : toError(vertex.tasks[0].blocked, outer),
    inner: vertex.childBottom === undefined ? undefined : toError(vertex.childBottom, outer),
    fields: [...vertex.arcs]
      .filter(([label]) => !isIndexLabel(label))
      .map(([label, arc]) => ({ label: formatLabel(label), presence: arc.presence, value: () => viewOf(evaluator, arc) })),
    elements: elementsOf(vertex).map((element) => viewOf(evaluator, element)),
    open: vertex.listLengths.every(({ open }) => open),
    alternatives:
      alternatives.length > 1
        ? alternatives.map(({ vertex: value, mode }) => ({ value: viewOf(evaluator, value), isDefault: mode === 1 }))
        : [],
    closed: allows !== undefined,
    mentions: (name) => vertex.slots.has(`"${name}`) || vertex.patterns.some((pattern) => pattern.matches(name)),
    allows: (name) => allows === undefined || isDefinitionLabel(name) || allows(`"${name}`),
  };
}

/** Whether nothing is known of a value but that it waits. */
function isPlain(vertex: Vertex): boolean {
  return (
    vertex.scalar === undefined &&
    vertex.tasks.length > 0 &&
    vertex.alternatives === undefined &&
    !(isStruct(vertex) && vertex.arcs.size > 0) &&
    vertex.mask !== kinds.struct &&
    vertex.mask !== kinds.list
  );
}

function toError(bottom: Bottom, vertex: Vertex): CueViewError {
  return { code: bottom.code, message: bottom.message, path: (bottom.path ?? pathOf(vertex)).map(formatLabel).join(".") };
}
