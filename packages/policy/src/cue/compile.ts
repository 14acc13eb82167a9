// The door of the room: compile the files of a policy, evaluate them, and validate documents with them.
import {
  Budget,
  type BudgetLimits,
  isArray,
  isPolicyError,
  ObjectValue,
  type PolicyError,
  type Position,
  type Value,
  valuesError,
} from "../values/index.ts";
import { isPlainData } from "./conjunct.ts";
import { dataExpression } from "./data.ts";
import { exportVertex, toDocument } from "./document.ts";
import { cueError } from "./errors.ts";
import { Evaluator } from "./evaluator.ts";
import { formatLabel } from "./format-syntax.ts";
import { findBuiltin, packageNames } from "./packages/index.ts";
import { parseFile } from "./parse.ts";
import { type CueSource, documentSource, formatPlace, locate } from "./position.ts";
import { resolveFiles } from "./resolve.ts";
import { unsupported } from "./scanner.ts";
import type { Expression, FileSyntax } from "./syntax.ts";
import { type Bottom, isIncomplete, Stop } from "./value.ts";
import {
  type Alternative,
  added,
  type Conjunct,
  Environment,
  Group,
  isDefinitionLabel,
  isIndexLabel,
  isRegularLabel,
  pathOf,
  Vertex,
} from "./vertex.ts";

/** A policy whose syntax and names were checked. Its values were not: an error in them shows when it is evaluated. */
export interface CompiledCue {
  readonly package: string | undefined;
  readonly files: readonly FileSyntax[];
  /** Whether fields beside each other refer to each other. */
  readonly isMutual: boolean;
}

/** Compile the files of one policy; they must be of one package, or of none. Throws the CUE_… codes of compilation. */
export function compileCue(sources: readonly CueSource[]): CompiledCue {
  return guarded(() => {
    const files = sources.map(parseFile);
    const names = new Set(files.map((file) => file.package ?? "_"));
    if (names.size > 1)
      throw cueError(
        "CUE_PACKAGE_MISMATCH",
        `Cannot compile CUE: found packages ${[...names].map((name, i) => `${name} (${sources[files.findIndex((file) => (file.package ?? "_") === name)]?.file ?? i})`).join(" and ")}`,
        { found: [...names].join(", ") },
      );
    const isMutual = resolveFiles(files, {
      has: (path, name) => (name === undefined ? packageNames.has(path) : findBuiltin(path, name) !== undefined),
    });
    return { package: files[0]?.package, files, isMutual };
  });
}

/** What is wrong with a document, or with a policy's own values. */
export interface CueProblem {
  /** The path of the value, as CUE writes paths: `predicate.scanner.result.0`. */
  readonly path: string;
  /** CUE's sentence, without the path. */
  readonly message: string;
  /** The two values, or value and constraint, that do not fit, as CUE. */
  readonly values: readonly string[];
  /** Where in the policy the values stand; a value of the document has no position. */
  readonly positions: readonly Position[];
  /** True: the value is right in itself, and the document lacks it (`documentFields`). */
  readonly absent?: true;
}

/** How a document is validated. */
export interface ValidateOptions {
  readonly limits?: BudgetLimits;
  /**
   * Whether the value is final: then a field marked `!` must be there, and what only more data could mend is an error (`list.MinItems`
   * over a list that is too short). cosign asks so, policy-controller does not. Default true.
   */
  readonly final?: boolean;
  /**
   * Whether each regular field that the policy gives must be in the document; hidden fields, definitions and `let` are the policy's own.
   * Default false: as in CUE, the policy supplies what the document lacks.
   */
  readonly documentFields?: boolean;
}

/** Unify a document with a policy and name what does not fit; empty when all does. Throws when a limit is passed. */
export function validateCue(compiled: CompiledCue, document: Value, options: ValidateOptions = {}): CueProblem[] {
  return guarded(() => {
    const evaluator = new Evaluator(budgetFor(options.limits, document), compiled.isMutual);
    const root = rootVertex(compiled);
    root.conjuncts = added(root.conjuncts, conjunctOf(dataExpression(document, { source: documentSource, offset: 0 })));
    evaluator.finishRoot(root);
    refuse(evaluator);
    const problems = problemsOf(evaluator, root, options.final ?? true);
    if (options.documentFields !== true) return problems;
    const known = new Set(problems.map(({ path }) => path));
    return [...problems, ...absentFields(evaluator, root, document).filter(({ path }) => !known.has(path))];
  });
}

/** The topmost regular fields of an evaluated value that the document it was unified with lacks. */
function absentFields(evaluator: Evaluator, root: Vertex, document: Value): CueProblem[] {
  const problems: CueProblem[] = [];
  const visit = (outer: Vertex, found: Value): void => {
    evaluator.budget.step();
    const vertex = evaluator.live(outer);
    const [only, second] = (vertex.alternatives ?? []).filter(({ mode }) => mode === 1);
    if (vertex.alternatives !== undefined) {
      if (only !== undefined && second === undefined) visit(only.vertex, found);
      return;
    }
    for (const [label, arc] of vertex.slots) {
      if (arc.presence !== "member" || !(isRegularLabel(label) || isIndexLabel(label))) continue;
      const below = isArray(found) ? found[Number(label)] : found instanceof ObjectValue ? found.get(label.slice(1)) : undefined;
      if (below !== undefined) visit(arc, below);
      else {
        const places = arc.conjuncts.map(({ expression }) => expression.at);
        const message = "field is named by the policy and is not in the document";
        problems.push({ ...toProblem({ code: "incomplete", message, places }, pathOf(arc)), absent: true });
      }
    }
  };
  visit(root, document);
  return problems;
}

/** What an evaluation may spend when its caller does not say: so much for the policy, and more for each value of the document. */
export const defaultLimits: {
  readonly steps: number;
  readonly stepsPerValue: number;
  readonly bytes: number;
  readonly bytesPerValue: number;
} = {
  steps: 250_000,
  stepsPerValue: 60,
  bytes: 112 << 20,
  bytesPerValue: 7 << 10,
};

/** A budget for an evaluation over a document, which may be no deeper than it allows. */
export function budgetFor(limits: BudgetLimits | undefined, document: Value): Budget {
  const size = ObjectValue.extentOf(document);
  const steps = defaultLimits.steps + defaultLimits.stepsPerValue * size.values;
  const bytes = defaultLimits.bytes + defaultLimits.bytesPerValue * size.values;
  const budget = new Budget({ steps, bytes, ...limits });
  for (let i = 0; i < size.depth; i++) budget.enter();
  for (let i = 0; i < size.depth; i++) budget.leave();
  return budget;
}

/** The concrete value of a policy. Throws CUE_EVALUATION when it has an error, and CUE_INCOMPLETE when it is not concrete. */
export function evaluateCue(compiled: CompiledCue, limits: BudgetLimits = {}): Value {
  return guarded(() => {
    const evaluator = new Evaluator(budgetFor(limits, null), compiled.isMutual);
    const root = rootVertex(compiled);
    evaluator.finishRoot(root);
    refuse(evaluator);
    const [problem] = problemsOf(evaluator, root, false);
    if (problem !== undefined) throw evaluationError("CUE_EVALUATION", problem);
    try {
      return toDocument(exportVertex(evaluator, root));
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      throw evaluationError(
        isIncomplete(error.bottom) ? "CUE_INCOMPLETE" : "CUE_EVALUATION",
        toProblem(error.bottom, error.bottom.path ?? []),
      );
    }
  });
}

/** Throw CUE_UNSUPPORTED when a construct was met that is outside of the subset. */
function refuse({ refusals: [refusal] }: Evaluator): void {
  if (refusal !== undefined) throw unsupported(refusal.at, refusal.construct);
}

function evaluationError(code: "CUE_EVALUATION" | "CUE_INCOMPLETE", { path, message, positions }: CueProblem): PolicyError {
  const [position] = positions;
  const where = path === "" ? "" : `${path}: `;
  return cueError(code, `Cannot evaluate CUE: ${where}${message}`, {
    found: message,
    ...(position === undefined ? {} : { position }),
  });
}

/** The vertex that all files of a policy unify to, not evaluated yet. */
export function rootVertex(compiled: CompiledCue): Vertex {
  const root = new Vertex(undefined, "");
  root.presence = "member";
  // all files are one struct: what one embeds closes none of the others
  const group = new Group(undefined, "files", undefined);
  for (const { body } of compiled.files) root.conjuncts = added(root.conjuncts, { ...conjunctOf(body), group });
  return root;
}

function conjunctOf(expression: Expression): Conjunct {
  return { environment: new Environment(undefined, undefined), expression, group: undefined, passed: undefined, cyclic: false };
}

/** What a vertex still waits for. */
function waitingOf({ tasks }: Vertex): Bottom | undefined {
  return tasks.find(({ blocked }) => blocked !== undefined && isIncomplete(blocked))?.blocked;
}

/** What the first value of a disjunction waits for, when each of them waits for something. */
function awaitedByAll(alternatives: readonly Alternative[]): Bottom | undefined {
  const awaited = alternatives.map(({ vertex }) => waitingOf(vertex));
  return awaited.every((bottom) => bottom !== undefined) ? awaited[0] : undefined;
}

/** Every error in an evaluated value that nothing can mend; when it is `final`, those too that more data could, and missing fields. */
export function problemsOf(evaluator: Evaluator, root: Vertex, final: boolean): CueProblem[] {
  const problems: CueProblem[] = [];
  const seen = new Set<string>();
  const add = (bottom: Bottom, path: readonly string[]): void => {
    for (const cause of bottom.causes ?? []) add(cause, cause.path ?? path);
    const problem = toProblem(bottom, path);
    const key = `${problem.path}\n${problem.message}`;
    if (!seen.has(key)) problems.push(problem);
    seen.add(key);
  };
  const visit = (outer: Vertex): void => {
    evaluator.budget.step();
    const vertex = evaluator.live(outer);
    // what more data could still mend is an error of a value that is final, as the command line of cosign asks
    const known = vertex.bottom ?? outer.bottom;
    const waiting = vertex.alternatives === undefined ? waitingOf(vertex) : undefined;
    const waits = final && (known !== undefined || waiting !== undefined) && !pathOf(outer).some(isDefinitionLabel);
    const bottom = known ?? (waits ? waiting : undefined);
    if (bottom !== undefined && (!isIncomplete(bottom) || waits)) {
      add(bottom, bottom.path ?? pathOf(outer));
      return;
    }
    if (vertex.alternatives !== undefined) {
      const [only, second] = vertex.alternatives.filter(({ mode }) => mode === 1);
      const isOne = only !== undefined && second === undefined;
      if (isOne) visit(only.vertex);
      const awaited = final && !isOne ? awaitedByAll(vertex.alternatives) : undefined;
      if (awaited !== undefined && !pathOf(outer).some(isDefinitionLabel)) add(awaited, pathOf(outer));
      return;
    }
    vertex.slots.forEach((arc) => {
      if (arc.presence === "member") {
        if (!isPlainData(arc)) visit(arc);
      } else if (arc.presence === "required" && final && !pathOf(arc).some(isDefinitionLabel)) {
        add(
          {
            code: "incomplete",
            message: "field is required but not present",
            places: arc.conjuncts.map(({ expression }) => expression.at),
          },
          pathOf(arc),
        );
      }
    });
  };
  visit(root);
  return problems;
}

function toProblem(bottom: Bottom, path: readonly string[]): CueProblem {
  const places = bottom.places.filter(({ source }) => source !== documentSource);
  const positions = new Map(places.map((place) => [formatPlace(place), locate(place)]));
  return {
    path: path.map(formatLabel).join("."),
    message: bottom.message,
    values: bottom.values ?? [],
    positions: [...positions.values()],
  };
}

/** Nothing but our own errors leaves the room: what outgrows the stack is too deep. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (isPolicyError(error)) throw error;
    if (error instanceof RangeError)
      throw valuesError("POLICY_DEPTH_EXCEEDED", "Cannot evaluate policy: it is nested too deep", { cause: error });
    throw error;
  }
}
